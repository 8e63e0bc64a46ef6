"""What the doors say of files, with a whole server and records that were written by hand."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.api.authentication import WithCaller
from headrace.app import Server
from headrace.dialects.akoflow.routes import application
from headrace.security import tokens
from headrace.settings import Settings
from headrace.store.provenance_rows import DirectoryRow, FileUse, FileVersion, Listing, UseKind

API = "/akoflow-api/workflows"


class House:
    """A server without a socket, and a run in it whose records are made up."""

    def __init__(self, server: Server, http: httpx2.AsyncClient, work: Path) -> None:
        self.server = server
        self.http = http
        self.work = work
        self.workflow = 0

    async def run(self) -> None:
        """Run three activities that do nothing."""
        text = f"name: w\nspec:\n  mountPath: {self.work}\n  activities:\n" + "".join(
            f"    - {{name: {name}, dependsOn: [{after}]}}\n"
            for name, after in (("a", ""), ("b b", "a"), ("c", "b b"))
        )
        headers = {"content-type": "application/yaml"}
        answer = await self.http.post(API, content=text, headers=headers)
        assert answer.status_code == 200, answer.text
        self.workflow = answer.json()["id"]
        row = await self.server.services.executions.get(self.workflow)
        await self.server.services.executions.wait(row, 20)

    async def left(
        self, task: str, path: str, content: bytes, *, before: FileVersion | None = None, **more: Any
    ) -> FileVersion:
        """Write a file as if a task had, and record it."""
        file = self.work / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(content)
        found = file.stat()
        named: dict[str, Any] = {
            "number": self.server.store.numbers.take(),
            "directory": str(self.work),
            "path": path,
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "inode": found.st_ino,
            "sha256": hashlib.sha256(content).hexdigest(),
            "seen_at": 1.7e9,
        }
        version = FileVersion(**(named | more))
        if version.is_stored:
            await self.server.services.artifacts.put_bytes(content)
        if before is not None:
            await self.read(task, before)  # as the recorder says of all that is changed
        await self._record(task, "created" if before is None else "modified", before, version)
        return version

    async def read(self, task: str, version: FileVersion) -> None:
        """Record that a task read a file."""
        await self._record(task, "read", version, None)

    async def _record(
        self, task: str, kind: UseKind, before: FileVersion | None, after: FileVersion | None
    ) -> None:
        use = FileUse(
            number=self.server.store.numbers.take(),
            execution=self.workflow,
            task=task,
            attempt=1,
            kind=kind,
            before=before.number if before is not None else None,
            after=after.number if after is not None else None,
            at=1.7e9,
        )
        await self.server.store.provenance.record(
            Listing(
                directory=DirectoryRow(path=str(self.work), listed_at=1.7e9),
                appeared=[after] if after is not None else [],
                gone=[before.number] if before is not None and after is not None else [],
                uses=[use],
            )
        )

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(f"{API}/{self.workflow}/{path}", headers=headers)

    async def data(self, path: str) -> Any:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def id_of(self, path: str) -> int:
        found = [each["id"] for each in await self.data("artifacts") if each["path"] == path]
        return int(found[-1])


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(data_dir=tmp_path / "data")
    server = Server(settings)
    await server.open()
    services = server.services
    app = WithCaller(application(services), server.store.tokens, services.clock, auth=settings.auth)
    token, record = tokens.issue(
        number=server.store.numbers.take(), name="test", scopes=["admin"], now=services.clock.now()
    )
    await server.store.tokens.add(record)
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", headers=headers) as http:
        made = House(server, http, tmp_path / "work")
        await made.run()
        yield made
    await server.close()


async def changed_in_turn(house: House) -> None:
    """Let a make x, `b b` change it, and c read it and make y."""
    first = await house.left("a", "x", b"first", is_stored=True)
    second = await house.left("b b", "x", b"second one", before=first)
    await house.read("c", second)
    await house.left("c", "d/y.txt", b"third")


async def test_artifacts_are_listed_page_by_page_and_by_activity_and_path(house: House) -> None:
    await changed_in_turn(house)

    page = (await house.get("artifacts?limit=2")).json()
    rest = (await house.get(f"artifacts?limit=2&cursor={page['next']}")).json()
    of_b = await house.data("artifacts?activity=b%20b")
    by_id = await house.data(f"artifacts?activity={house.workflow + 2}")
    by_path = await house.data("artifacts?path=**/*.txt&limit=1")

    assert [(each["path"], each["activity"]) for each in page["data"]] == [("x", "a"), ("x", "b b")]
    assert ([each["path"] for each in rest["data"]], rest["next"]) == (["d/y.txt"], None)
    assert of_b == by_id
    assert (
        of_b[0]
        | {
            "path": "x",
            "activityId": house.workflow + 2,
            "change": "modified",
            "sizeBytes": 10,
            "sha256": hashlib.sha256(b"second one").hexdigest(),
            "createdAt": "2023-11-14T22:13:20Z",
            "stored": False,
            "certain": True,
        }
        == of_b[0]
    )
    assert [each["path"] for each in by_path] == ["d/y.txt"]


async def test_an_artifact_is_downloaded_in_ranges_from_where_it_is(house: House) -> None:
    await changed_in_turn(house)
    [first, second, third] = [each["id"] for each in await house.data("artifacts")]

    stored = await house.get(f"artifacts/{first}")
    part = await house.get(f"artifacts/{second}", range="bytes=3-5")
    outside = await house.get(f"artifacts/{second}", range="bytes=10-")
    known = await house.get(f"artifacts/{third}", **{"if-none-match": stored.headers["etag"]})
    (house.work / "d" / "y.txt").write_bytes(b"other")
    gone = await house.get(f"artifacts/{third}")

    assert stored.content == b"first"
    assert stored.headers["content-disposition"].startswith('attachment; filename="x"')
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"ond", "bytes 3-5/10")
    assert (outside.status_code, outside.headers["content-range"]) == (416, "bytes */10")
    assert known.status_code == 200
    assert (gone.status_code, gone.json()["code"]) == (410, "artifact_gone")
    assert "has been changed since" in gone.json()["message"]


async def test_an_archive_has_the_last_version_of_each_file(house: House) -> None:
    await changed_in_turn(house)

    whole, part = await house.get("artifacts/archive"), await house.get("artifacts/archive?activity=c")

    with zipfile.ZipFile(io.BytesIO(whole.content)) as found:
        assert {name: found.read(name) for name in found.namelist()} == {
            "x": b"second one",
            "d/y.txt": b"third",
        }
    with zipfile.ZipFile(io.BytesIO(part.content)) as found:
        assert found.namelist() == ["d/y.txt"]
    assert f'filename="w-{house.workflow}.zip"' in whole.headers["content-disposition"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("artifacts?activity=nobody", 400, "no activity 'nobody'"),
        ("artifacts?limit=0", 400, "'limit'"),
        ("artifacts?cursor=x", 400, ""),
        ("artifacts?path=", 400, "'path'"),
        ("artifacts/archive?format=rar", 400, "'format' must be one of zip, tar.gz"),
        ("artifacts/x", 400, "id is a positive whole number"),
        ("artifacts/1", 404, "no artifact 1"),
        ("lineage", 400, "'path'"),
        ("lineage?path=x&direction=up", 400, "'direction' must be one of upstream, downstream"),
        ("lineage?path=x&depth=0", 400, "'depth'"),
        ("lineage?path=nowhere", 404, "'nowhere'"),
        ("provenance?format=rdf", 400, "'format' must be one of prov, ro-crate, wfformat"),
        ("provenance?data=no", 400, "'data'"),
    ],
)
async def test_bad_questions_are_answered_precisely(house: House, path: str, status: int, said: str) -> None:
    answer = await house.get(path)

    assert answer.status_code == status, answer.text
    assert said in answer.json()["message"]


async def test_all_views_name_both_who_changed_a_file(house: House) -> None:
    await changed_in_turn(house)
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("first", "second one")}

    graph = await house.data("storages/list-files")
    lineage = await house.data("lineage?path=d/y.txt")
    prov = (await house.get("provenance?format=prov")).json()
    wfformat = (await house.get("provenance?format=wfformat")).json()
    crate = await house.get("provenance?format=ro-crate")

    for view in (graph, lineage):
        made = {(each["from"], each["sha256"]) for each in view["edges"] if each["to"] == "file:x"}
        assert made == {("activity:a", hashes["first"]), ("activity:b b", hashes["second one"])}
    assert {each.get("headrace:sha256") for each in prov["entity"].values()} >= set(hashes.values())
    tasks = wfformat["workflow"]["specification"]["tasks"]
    assert [each["outputFiles"] for each in tasks] == [["x"], ["x"], ["d_y.txt"]]
    with zipfile.ZipFile(io.BytesIO(crate.content)) as found:
        metadata = json.loads(found.read("ro-crate-metadata.json"))
        files = {each["@id"]: each for each in metadata["@graph"] if each["@type"] == "File"}
        for id, each in files.items():
            assert hashlib.sha256(found.read(id)).hexdigest() == each["sha256"]
        assert found.read("workflow.yaml").startswith(b"name: w\n")
    assert sorted(files) == ["earlier/1/x", "files/d/y.txt", "files/x"]


async def test_a_crate_without_data_has_hashes_only(house: House) -> None:
    await changed_in_turn(house)

    crate = await house.get("provenance?format=ro-crate&data=false")

    with zipfile.ZipFile(io.BytesIO(crate.content)) as found:
        assert found.namelist() == ["workflow.yaml", "ro-crate-metadata.json"]


async def test_a_content_is_found_in_every_workflow(house: House) -> None:
    await changed_in_turn(house)
    first = house.workflow
    await house.run()
    await house.left("c", "again", b"first")
    sha256 = hashlib.sha256(b"first").hexdigest()

    answer = await house.http.get(f"/akoflow-api/lineage?sha256={sha256.upper()}")
    refused = await house.http.get("/akoflow-api/lineage?sha256=abc")

    assert [
        (each["workflowId"], each["activity"], each["role"], each["path"]) for each in answer.json()["data"]
    ] == [
        (first, "a", "made", "x"),
        (first, "b b", "used", "x"),
        (house.workflow, "c", "made", "again"),
    ]
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_query")


async def test_a_rerun_runs_again_what_left_a_file_that_was_changed(house: House) -> None:
    await changed_in_turn(house)
    untouched = await plan_of(house)
    (house.work / "x").write_bytes(b"changed by hand")

    planned = await plan_of(house)

    assert untouched == {"a": "reuse", "b b": "reuse", "c": "reuse"}
    assert planned == {
        "a": "A file that it made or changed is not what the run left.",
        "b b": "A file that it made or changed is not what the run left.",
        "c": "It can be reached from 'b b', which runs again.",
    }


async def plan_of(house: House) -> dict[str, str]:
    """Return what a rerun would do with each activity: reuse it, or why it runs."""
    answer = await house.http.post(f"{API}/{house.workflow}/rerun", json={"dry_run": True})
    assert answer.status_code == 200, answer.text
    return {
        each["name"]: "reuse" if each["mode"] == "reuse" else each["reason"]
        for each in answer.json()["data"]["activities"]
    }


async def test_a_rerun_tells_what_it_reuses_of_the_run_before(house: House) -> None:
    await changed_in_turn(house)
    first = house.workflow
    answer = await house.http.post(f"{API}/{first}/rerun", json={"activities": ["c"]})
    house.workflow = answer.json()["id"]
    row = await house.server.services.executions.get(house.workflow)
    await house.server.services.executions.wait(row, 20)

    graph = await house.data("storages/list-files")

    made = {(each["from"], each["to"]) for each in graph["edges"] if each["label"] == "wasGeneratedBy"}
    assert made == {("activity:a", "file:x"), ("activity:b b", "file:x")}
    assert await house.data("artifacts") == []
