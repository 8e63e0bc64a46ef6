"""The command line: what a person or a script asks of Headrace, and one exit status for each outcome.

No traceback reaches anybody for something that a person can type.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main", "run"]


def main() -> NoReturn:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status (`headrace.cli.statuses`)."""
    from typer.exceptions import Abort, TyperException

    from headrace.cli.application import app
    from headrace.cli.statuses import Status, UsageError, status_of
    from headrace.cli.terminal import Terminal
    from headrace.errors import HeadraceError

    terminal = Terminal(json="--json" in arguments)
    try:
        return int(app(list(arguments), prog_name="headrace", standalone_mode=False) or 0)
    except HeadraceError as error:
        terminal.fail(error)
        return status_of(error)
    except TyperException as error:
        if terminal.is_json:
            terminal.fail(UsageError(error.format_message()))
        else:
            error.show()  # type: ignore[attr-defined]  # every error of a command line has it
        return Status.USAGE
    except (KeyboardInterrupt, Abort):
        return Status.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has left; the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.DONE
