"""The options and arguments that several commands share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, errors too.")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="Address of the server; else HEADRACE_URL, else http://127.0.0.1:8080."),
]
Token = Annotated[str | None, typer.Option("--token", help="Token to send; else HEADRACE_TOKEN.")]
Config = Annotated[Path | None, typer.Option("--config", help="File with settings, headrace.toml.")]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", metavar="NAME=VALUE", help="An input; @FILE reads the value from a file. Repeatable."
    ),
]
Dialect = Annotated[
    str | None, typer.Option("--dialect", help="Dialect of the document; recognised when not given.")
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Directory of the database and files.")]
Execution = Annotated[str, typer.Argument(metavar="ID", help="Number, UUID or alias of the execution.")]
Reason = Annotated[str, typer.Option("--reason", help="Sentence that is kept with it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to list.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, as in local.cpus=4. Repeatable."),
]
