"""`headrace artifacts`: files and large values of an execution, listed and downloaded.

They are of two kinds: outputs, which have a name, and files that tasks left in their working directories,
which have a path.
"""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from msgspec import Struct

from headrace.cli.connecting import connected
from headrace.cli.looking import Newest, newest
from headrace.cli.options import Json, Token, Url
from headrace.cli.statuses import UsageError
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from headrace.client import Client
    from headrace.client.answers import Execution as Found, RecordedFile

app = typer.Typer(no_args_is_help=True, help="List and download the files and large values of an execution.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the output, or path of the file that a task made.")
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]", help="Number, UUID or alias of the execution; the newest without it."),
]
"""At most one: a word that may be left out before one that may not is a list to the parser."""
Task = Annotated[str | None, typer.Option("--task", help="The task whose output or file it is.")]
Target = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; standard output without it.")
]
Archive = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; the execution's ID.zip without it.")
]


class Artifact(Struct, frozen=True):
    """A file or a large value, and where it stands."""

    task: str | None
    """None for an output of the execution."""
    output: str | None
    """None for a file that a task left in its working directory."""
    name: str
    content_type: str
    size: int
    sha256: str | None
    """None while it is not known."""


@app.command("list")
def list_(id: Newest = None, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """List the files and large values among the outputs of an execution, and the files that tasks made."""
    from rich.text import Text

    from headrace.cli import views

    with connected(url, token) as server:
        key = id or newest(server)
        found = list(_artifacts(server.execution(key)))
        found += [
            Artifact(each.task, None, each.path, "", each.size, each.sha256) for each in _files(server, key)
        ]
    rows = [
        (each.task or "", each.output or "", each.name, _size(each.size), each.sha256 or "") for each in found
    ]
    Terminal(json=json).answer(
        found,
        lambda: (
            views.table("task", "output", "name", "size", "sha256", rows=rows)
            if rows
            else Text("This execution has no file and no large value.")
        ),
    )


@app.command()
def get(
    *,
    id: Words = None,
    name: Name,
    task: Task = None,
    output: Target = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Download an output of an execution or of one of its tasks, or a file that a task made, whole."""
    from rich.text import Text

    if json and output is None:
        raise UsageError("With --json the content needs a file: give --output.")
    if id is not None and len(id) > 1:
        raise UsageError(f"One output or file at a time: '{name}' is one word too many.")
    with connected(url, token) as server:
        pieces = _content(server, id[0] if id else newest(server), name, task)
        if output is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.flush()
            return
        size = _write(pieces, output)
    Terminal(json=json).answer(
        {"file": str(output), "size": size}, lambda: Text(f"{output} has {_size(size)}.")
    )


@app.command()
def archive(
    id: Newest = None,
    *,
    task: Annotated[str | None, typer.Option("--task", help="Only files of this task.")] = None,
    path: Annotated[str | None, typer.Option("--path", help="Only files at this path or glob.")] = None,
    output: Archive = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Download all files that tasks made as one archive: tar with gzip for .tar.gz and .tgz, else zip."""
    from rich.text import Text

    with connected(url, token) as server:
        key = id or newest(server)
        target = output or Path(f"{key}.zip")
        is_tar = target.name.endswith((".tar.gz", ".tgz"))
        pieces = server.files_archive(key, format="tar.gz" if is_tar else "zip", task=task, path=path)
        size = _write(pieces, target)
    Terminal(json=json).answer(
        {"file": str(target), "size": size}, lambda: Text(f"{target} has {_size(size)}.")
    )


def _content(server: Client, id: str | int, name: str, task: str | None) -> Iterator[bytes]:
    """Yield an output of this name, or else the file at this path as it was left last."""
    from headrace.client import NotFound

    try:
        yield from server.output(id, name, run=task)
    except NotFound as error:
        pattern = f"**/{glob.escape(name.rpartition('/')[2])}"
        found = {
            each.directory: each
            for each in _files(server, id, task=task, path=pattern)
            if f"{each.directory}/{each.path}".endswith(f"/{name}")
        }
        if not found:
            raise error from None
    else:
        return
    if len(found) > 1:
        tasks = ", ".join(sorted(each.task for each in found.values()))
        raise UsageError(f"There are several files '{name}', made by {tasks}; give --task.")
    [file] = found.values()
    yield from server.file(id, file.number)


def _files(
    server: Client, id: str | int, *, task: str | None = None, path: str | None = None
) -> Iterator[RecordedFile]:
    cursor = None
    while True:
        page = server.files(id, task=task, path=path, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _write(pieces: Iterable[bytes], target: Path) -> int:
    """Write a file, which is there whole or not at all; return its size."""
    part = target.with_name(f"{target.name}.part")
    size = 0
    try:
        with part.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return size


def _artifacts(found: Found) -> Iterator[Artifact]:
    yield from _inside(None, found.outputs)
    for task in found.tasks:
        yield from _inside(task.task, task.outputs)


def _inside(task: str | None, outputs: Mapping[str, Any]) -> Iterator[Artifact]:
    for output, value in outputs.items():
        url = value.get("url") if isinstance(value, dict) else None
        if not isinstance(url, str) or not url.startswith("/v1/artifacts/") or "size" not in value:
            continue
        sha256 = urlsplit(url).path.rpartition("/")[2]
        name, kind = value.get("name", ""), value.get("content_type", "")
        yield Artifact(task, output, name, kind, value["size"], sha256)


def _size(count: int) -> str:
    from rich.filesize import decimal

    return decimal(count)
