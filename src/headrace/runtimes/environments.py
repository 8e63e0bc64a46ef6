"""Brings to a program those variables that the shell which starts it would lose or change.

A shell keeps variables by names of its own kind: dash drops `spring.x`, every shell gives `IFS` and `PWD` its
own values, bash refuses `UID`, and dash does not even begin with an `OPTIND` that is no number.
Such variables come under names that mean nothing to any shell, and env(1), which is no shell, gives them
their own ones at the last step before the program.
Everybody on the machine can read command lines, so no value ever stands on one: `env -S` is told the names
under which the values come, and looks them up by itself (coreutils from 8.30; busybox cannot).
That costs a step one more program to load, so steps without such names go past all this.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cached_property, lru_cache

from headrace.runtimes import processes

_CARRIER = "HEADRACE_ENTRY_"

# From the manuals of dash, bash and busybox, as names that one of them sets, reads or refuses; one too many
# costs its step a millisecond.
_KEPT_BY_SHELLS = re.compile(
    r"_|PWD|OLDPWD|IFS|ENV|SHLVL|PPID|UID|EUID|LINENO|POSIXLY_CORRECT|SHELLOPTS|PS\d|OPT(IND|ARG|ERR)"
    r"|S?RANDOM|SECONDS|EPOCH\w*|GROUPS|DIRSTACK|PIPESTATUS|FUNC\w*|COMP\w*|COPROC|HIST\w*|BASH\w*"
    r"|HEADRACE_\w*"
)
_OF_SHELLS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@lru_cache(maxsize=4096)
def is_changed(name: str) -> bool:
    """Tell whether a shell may lose or change a variable of this name; ours is not the user's to set."""
    if name == processes.MARK:
        return False
    return _OF_SHELLS.fullmatch(name) is None or _KEPT_BY_SHELLS.fullmatch(name) is not None


def carry(environment: dict[str, str | bytes], names: Sequence[str]) -> None:
    """Put variables of an environment under names that every shell leaves alone.

    Raises ValueError for a name that no variable can have.
    """
    if impossible := [name for name in names if "=" in name or not name]:
        raise ValueError(f"no variable can be called {impossible[0]!r}")
    entries = [f"{name}={environment.pop(name)!s}" for name in names]
    environment.update({f"{_CARRIER}{number}": entry for number, entry in enumerate(entries)})


class Restoring:
    """The words before a command that give variables their own names again."""

    def __init__(self) -> None:
        self._env = shutil.which("env") or "/usr/bin/env"
        self._nice = shutil.which("nice") or "/usr/bin/nice"

    def words(self, count: int, command: Sequence[str]) -> tuple[str, ...]:
        """Return a command as it is started with so many variables that were carried.

        Raises ValueError where the machine has no program that could restore them.
        """
        if not self._looks_up:
            raise ValueError(
                f"{self._env} has no option -S; variables with names that shells do not keep need that of "
                "GNU coreutils, 8.30 or later"
            )
        names = [f"{_CARRIER}{number}" for number in range(count)]
        told = [*(f"-u {name}" for name in names), "--", *(f"${{{name}}}" for name in names)]
        if "=" in command[0]:  # env would take the program for a variable; this one changes nothing
            command = (self._nice, "-n", "0", *command)
        return (self._env, "-S", " ".join(told), *command)

    @cached_property
    def _looks_up(self) -> bool:
        asked = [self._env, "-S", "--", "true"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0  # noqa: S603
