"""Files at the Data Flow doors: made by runs, uploaded, read again byte for byte (statement 15)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.dataflow.stage import Door, Stage, within

from headrace.tasks import video
from headrace.testing.web_server import response

EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "corpus" / "dataflow" / "examples.json").read_text(encoding="utf-8")
)
SPEECH = EXAMPLES["speech"]
KEY = "sk-acceptance-0123456789abcdef"
WITH_KEY = {"x-openai-key": KEY}

HEAR: dict[str, Any] = {
    "title": "Transcribe",
    "inputs": [{"name": "recording", "type": "file"}],
    "tasks": [{"name": "hear", "type": "whisper.transcribe", "inputs": {"audio": "{{inputs.recording}}"}}],
    "outputs": [{"name": "text", "value": "{{tasks.hear.outputs.text}}"}],
}


def test_15_a_file_made_by_a_run_is_downloaded_byte_for_byte(door: Door, stage: Stage) -> None:
    spoken = bytes(range(256)) * 4000
    stage.openai.script.append(response(spoken, content_type="audio/mpeg"))
    details = door.run(SPEECH, {"text": "Hello"}, headers=WITH_KEY)
    file = details["outputs"]["audio"]
    answer = door.client.get(file["url"])
    part = door.client.get(file["url"], headers={"range": "bytes=1000-1999"})

    assert details["status"] == "COMPLETED"
    assert [file["name"], file["content_type"], file["size"]] == [
        "text_to_speech.mp3",
        "audio/mpeg",
        len(spoken),
    ]
    assert answer.content == spoken
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [part.status_code, part.content] == [206, spoken[1000:2000]]


def test_a_file_made_by_a_run_has_an_id_and_goes_into_the_next_run(door: Door, stage: Stage) -> None:
    run = door.start(SPEECH, {"text": "Hello"}, headers=WITH_KEY)
    file = door.ended(run)["outputs"]["audio"]
    again = door.client.get(f"{run}/tasks/text_to_speech").json()["outputs"]["audio"]
    shown = door.client.get(f"/files/{file['file_id']}").json()
    heard = door.run(HEAR, {"recording": file["file_id"]}, headers=WITH_KEY)
    deleted = door.client.delete(f"/files/{file['file_id']}")
    after = door.client.get(run).json()["outputs"]["audio"]

    assert shown == file == again
    assert heard["outputs"] == {"text": "transcribed text_to_speech.mp3"}
    assert deleted.status_code == 204
    assert after["file_id"] is None
    assert door.client.get(f"/files/{file['file_id']}").status_code == 404


def test_a_webhook_names_files_as_the_details_do(door: Door, stage: Stage) -> None:
    spoken = b"ID3\x04" + bytes(range(256)) * 300
    stage.openai.script.append(response(spoken, content_type="audio/mpeg"))
    run = door.start(SPEECH, {"text": "Hello"}, headers=WITH_KEY, webhook_url=stage.receiver.url)
    told = within(lambda: _told_at_the_end(stage, run))
    # nobody has asked for the details yet: what the webhook names must be there by itself
    downloads = [door.client.get(file["url"]) for file in told]
    shown = door.client.get(f"/files/{told[-1]['file_id']}").json()
    details = door.client.get(run).json()

    assert [answer.content for answer in downloads] == [spoken, spoken]
    assert told == [shown, details["outputs"]["audio"]]
    assert details["tasks"][0]["outputs"]["audio"] == shown


def _told_at_the_end(stage: Stage, run: str) -> list[dict[str, Any]]:
    """Return the file as webhooks told it at the end of the task and at that of the run, once they did."""
    bodies = [json.loads(request.body) for request in tuple(stage.receiver.requests)]
    ours = {body["event"]: body for body in bodies if run.endswith(body.get("workflow_execution_id", "?"))}
    if not {"task.completed", "execution.completed"} <= ours.keys():
        return []
    by_task = ours["task.completed"]["tasks"][0]["outputs"]["audio"]
    return [by_task, ours["execution.completed"]["outputs"]["audio"]]


def test_an_uploaded_recording_is_transcribed(door: Door, stage: Stage) -> None:
    recording = b"ID3\x04" + bytes(range(256)) * 40
    uploaded = door.client.post("/files", files={"file": ("talk.mp3", recording, "audio/mpeg")})
    details = door.run(HEAR, {"recording": uploaded.json()["file_id"]}, headers=WITH_KEY)
    path, _, form = stage.openai.calls[-1]

    assert uploaded.status_code == 201
    assert door.client.get(uploaded.json()["url"]).content == recording
    assert details["outputs"] == {"text": "transcribed talk.mp3"}
    assert path == "/v1/audio/transcriptions"
    assert form["file"] == ("talk.mp3", recording)


@pytest.mark.parametrize("media_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_without_its_file_is_refused(door: Door, media_type: str) -> None:
    broken = door.client.post("/files", content=b"--x\r\nbad", headers={"content-type": media_type})
    other = door.client.post("/files", files={"other": ("a", b"x")})

    assert [each.status_code for each in (broken, other)] == [400, 400]
    assert [each.json()["error"] for each in (broken, other)] == ["invalid_multipart"] * 2


@pytest.mark.parametrize(
    ("given", "kept"), [("../../etc/passwd", "_.._etc_passwd"), ("a\r\nX: y", "a_X: y"), ("...", "file")]
)
def test_names_of_files_are_names(door: Door, given: str, kept: str) -> None:
    uploaded = door.client.post("/files", params={"name": given}, content=b"x").json()
    answer = door.client.get(uploaded["url"])

    assert uploaded["name"] == kept
    assert answer.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.skipif(video.FFMPEG.missing() is not None, reason="needs ffmpeg")
def test_a_talk_is_transcribed_from_its_video_with_a_file_in_the_place_of_the_video_site(
    door: Door, stage: Stage, tmp_path: Path
) -> None:
    talk = tmp_path / "talk.mp4"
    picture, tone = ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64"), ("-f", "lavfi", "-i", "sine=d=1")
    recorded = [video.program(), "-loglevel", "error", *picture, *tone, "-pix_fmt", "yuv420p", str(talk)]
    subprocess.run(recorded, check=True)
    uploaded = door.client.post("/files", params={"name": talk.name}, content=talk.read_bytes()).json()
    document = {
        "title": "Transcribe a talk",
        "inputs": [{"name": "talk", "type": "file"}],
        "tasks": [
            {"name": "sound", "type": "video.extract_audio", "inputs": {"video": "{{inputs.talk}}"}},
            {
                "name": "hear",
                "type": "openai.audio.transcription",
                "inputs": {"file": "{{tasks.sound.outputs.audio}}"},
            },
        ],
        "outputs": [
            {"name": "text", "value": "{{tasks.hear.outputs.text}}"},
            {"name": "sound", "value": "{{tasks.sound.outputs.audio}}"},
        ],
    }
    details = door.run(document, {"talk": uploaded["file_id"]}, headers=WITH_KEY)

    assert uploaded["content_type"] == "video/mp4"
    assert details["outputs"]["text"] == "transcribed talk.mp3"
    assert door.client.get(details["outputs"]["sound"]["url"]).content.startswith(b"ID3")
