"""The mosaic of `examples/montage`, made by the tools of Montage on a real server.

Exit statuses prove nothing here: some tools exit with 0 when they failed, and a mosaic that was never
corrected is a fine file too.
So the pixels are measured.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from tests.acceptance.akoflow.client import Client, by_name, states

EXAMPLE = Path(__file__).parents[3] / "examples" / "montage"
TOOLS = set(re.findall(r"\bm[A-Z]\w+(?= [-\w/])", (EXAMPLE / "montage.yaml").read_text()))
ABSENT = sorted(tool for tool in TOOLS if shutil.which(tool) is None)

PATIENCE = 300.0
"""Seconds for real work: some ten on an idle machine, several times as many beside other tests."""

pytestmark = pytest.mark.skipif(
    find_spec("astropy") is None, reason="needs the Python library astropy (in the extra dev)"
)
needs_montage = pytest.mark.skipif(
    bool(ABSENT),
    reason=f"needs the Debian packages montage and montage-gridtools; absent: {', '.join(ABSENT)}",
)


def run(script: str, *arguments: str | Path) -> str:
    """Run a script of the example as a user does."""
    command = [sys.executable, EXAMPLE / script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@needs_montage
def test_a_mosaic_of_turned_tiles_with_backgrounds_of_their_own_has_no_seams(
    client: Client, tmp_path: Path
) -> None:
    run("tiles.py", tmp_path, "--columns", "3", "--rows", "2", "--size", "320")
    run("workflow.py", tmp_path)
    answer = client.post((tmp_path / "montage.yaml").read_bytes()).json()
    workflow = client.ended(answer["id"], PATIENCE)
    found = states(workflow)
    measured = json.loads(run("seams.py", tmp_path))
    before, after = measured["uncorrected"], measured["corrected"]
    pictures = [PNG((tmp_path / name).read_bytes()) for name in ("uncorrected.png", "mosaic.png")]

    assert answer["warnings"] == []
    assert workflow["state"] == "succeeded", workflow["reason"]
    assert set(found.values()) == {"succeeded"}
    assert len([name for name in found if name.startswith("fit ")]) == 11
    assert len(found) == 2 * 6 + 11 + 8
    # What is left of a step is the sky itself, which is not level there either.
    assert before["step"]["middle"] > 10
    assert after["step"]["worst"] < before["step"]["middle"] / 5
    assert before["difference"]["middle"] > 30
    assert after["difference"]["worst"] < 0.5
    for picture in pictures:
        assert 300 < picture.height < picture.width < 1000
        assert len(picture.rows) == picture.height * (1 + picture.width)
        assert len(set(picture.rows)) > 200


@needs_montage
def test_a_tool_that_exits_with_0_though_it_failed_fails_its_activity(client: Client, tmp_path: Path) -> None:
    run("tiles.py", tmp_path, "--columns", "3", "--rows", "2", "--size", "36")
    run("workflow.py", tmp_path)
    document = yaml.safe_load((tmp_path / "montage.yaml").read_text())
    wanted = {each["name"]: each for each in document["spec"]["activities"]}
    fit = wanted["fit tile-01 tile-02"]
    apart = fit | {"run": fit["run"].replace("tile-02", "tile-06"), "outputs": []}
    apart["dependsOn"] = ["project tile-01", "project tile-06"]
    document["spec"]["activities"] = [*(wanted[name] for name in apart["dependsOn"]), apart]
    found = by_name(client.ended(client.submit(yaml.safe_dump(document))))

    assert [each["state"] for each in found.values()] == ["succeeded", "succeeded", "failed"]
    assert "Images don't overlap" in found[fit["name"]]["reason"]


def test_the_document_that_is_shown_is_the_one_for_the_tiles_that_are_shown(tmp_path: Path) -> None:
    # Which tiles overlap does not depend on their size.
    run("tiles.py", tmp_path, "--size", "36")
    run("workflow.py", tmp_path)
    written = (tmp_path / "montage.yaml").read_text().replace(str(tmp_path), "/tmp/montage")

    assert written == (EXAMPLE / "montage.yaml").read_text(), "write it again with workflow.py"


class PNG:
    """An 8-bit grey picture: its size, and its rows as the filters of the format left them."""

    def __init__(self, content: bytes) -> None:
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        packed = b""
        at = 8
        while at < len(content):
            (length, kind) = struct.unpack_from(">I4s", content, at)
            chunk = content[at + 8 : at + 8 + length]
            assert zlib.crc32(kind + chunk) == struct.unpack_from(">I", content, at + 8 + length)[0]
            if kind == b"IHDR":
                self.width, self.height, depth, colour = struct.unpack_from(">IIBB", chunk)
                assert (depth, colour) == (8, 0)
            elif kind == b"IDAT":
                packed += chunk
            at += 12 + length
        assert kind == b"IEND"
        self.rows = zlib.decompress(packed)
