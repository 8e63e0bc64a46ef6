"""`headrace artifacts`: files and large values of an execution, listed and downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from msgspec import Struct

from headrace.cli.connecting import connected
from headrace.cli.options import Execution, Json, Token, Url
from headrace.cli.statuses import UsageError
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from headrace.client.answers import Execution as Found

app = typer.Typer(no_args_is_help=True, help="List and download the files and large values of an execution.")

Output = Annotated[str, typer.Argument(metavar="NAME", help="Name of the output.")]
Task = Annotated[str | None, typer.Option("--task", help="The task run whose output it is.")]
Target = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; standard output without it.")
]


class Artifact(Struct, frozen=True):
    """A file or a large value, and where it stands."""

    task: str | None
    """None for an output of the execution."""
    output: str
    name: str
    content_type: str
    size: int
    sha256: str


@app.command("list")
def list_(id: Execution, *, url: Url = None, token: Token = None, json: Json = False) -> None:
    """List the files and large values among the outputs of an execution and its tasks."""
    from rich.text import Text

    from headrace.cli import views

    with connected(url, token) as server:
        found = list(_artifacts(server.execution(id)))
    rows = [(each.task or "", each.output, each.name, _size(each.size), each.sha256) for each in found]
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
    id: Execution,
    name: Output,
    *,
    task: Task = None,
    output: Target = None,
    url: Url = None,
    token: Token = None,
    json: Json = False,
) -> None:
    """Download an output of an execution, or of one of its tasks, whole."""
    from rich.text import Text

    if json and output is None:
        raise UsageError("With --json the content needs a file: give --output.")
    with connected(url, token) as server:
        pieces = server.output(id, name, run=task)
        if output is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.flush()
            return
        size = _write(pieces, output)
    Terminal(json=json).answer(
        {"file": str(output), "size": size}, lambda: Text(f"{output} has {_size(size)}.")
    )


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
