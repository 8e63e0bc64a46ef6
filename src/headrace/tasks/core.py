"""The types that every workflow leans on: constant text, echo, nothing, and a shell script.

Functions that are done at once are async, so that they run where they are called and cost no thread.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from headrace.tasks.context import Context
from headrace.tasks.library import task
from headrace.tasks.ports import Note


class Text(Struct, frozen=True):
    """One text.

    text: The text. Example: "Hello, World!"
    """

    text: str


@task("static_text_input", category="text", repeatable=True)
async def static_text_input(text: str) -> Text:
    """Give a text to the tasks that follow.

    text: The text to give. Example: "Hello, World!"
    """
    return Text(text)


@task("echo", category="text", repeatable=True)
async def echo(text: str, context: Context) -> Text:
    """Return a text and write it to the log.

    text: The text to echo. Example: "Hello, World!"
    """
    context.log(text)
    return Text(text)


class Nothing(Struct, frozen=True):
    """No outputs."""


@task("core.noop", repeatable=True)
async def noop() -> Nothing:
    """Do nothing and succeed."""
    return Nothing()


class ShellResult(Struct, frozen=True):
    """What a script wrote.

    stdout: What the script wrote to standard output. Example: "42"
    stderr: What the script wrote to standard error. Example: ""
    exit_code: Its exit status. Example: 0
    """

    stdout: Annotated[str, Note(default_output=True)]
    stderr: str
    exit_code: int


@task("core.shell", runtime="command")
def shell(
    script: Annotated[str, Note(literal_only=True)],
    env: dict[str, Any] | None = None,
    stdin: str | None = None,
) -> ShellResult:
    r"""Run a shell script on this machine.

    script: Shell text; values reach it by env or stdin only. Example: "echo \"$NAME\" | wc -c"
    env: Variables by name, written out here; their values may be references. Example: {"NAME": "World"}
    stdin: Text for its standard input. Example: "Hello, World!"
    """
    raise NotImplementedError("core.shell is compiled to a command and never called")
