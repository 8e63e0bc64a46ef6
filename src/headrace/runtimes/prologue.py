"""The constant shell text around a user's command: pure text, no user text in it.

The shell is started as `sh -c PROLOGUE NAME STAMP WORK [ARGUMENT…]`.
For a text that it reads itself, its name is the path of the script, `PLACE.script`, whether there is such a
file or not; for a child it is `headrace`, because a shell puts its name before what it says of a program that
is not there.
It claims the attempt with builtins only (see `record`), opens the logs, and leaves quietly when it comes
second.
Logs are opened after the claim, so that who comes second cannot touch the first one's.

A short text comes in the shell's own environment, which nobody but the user may read, and is gone
from there before it is read: the making of a file costs more than all that a shell does with it.

A text that cannot replace its shell or its shell's EXIT trap is read by that same shell, which saves a
process (0.6 ms where a whole step costs 1.1 ms); every other text, and every argument list, runs as a child.
The words that decide are looked for anywhere; who hides them (`e""xec`) gets the right result all the same,
as long as the server lives: only a server that comes back after such a step has ended finds it `lost`.
"""

from __future__ import annotations

import re

from headrace.runtimes.processes import MARK

_BY_NAME = "${0%script}"
_BY_MARK = f"${MARK}."


def _claim(files: str) -> str:
    """Return the text that claims an attempt whose files begin with this.

    `echo` writes its line at once. Nothing is read here: a shell reads byte by byte, and the 300 of
    /proc/self/stat cost as much as all the rest.
    """
    return f'set -C;echo "$1 $$" >"{files}claim"||exit 125;set +C;'


_CLAIM = _claim(_BY_NAME)
_CLAIM_FOR_CHILD = _claim(_BY_MARK)

_SAME_SHELL = (
    f'exec >"{_BY_NAME}stdout" 2>"{_BY_NAME}stderr";'
    f"""trap 'echo $? >>"{_BY_NAME}claim"' EXIT;"""
    'cd "$2"||exit 126;'
    "unset OLDPWD;set --;"
)

# The parent survives the group's TERM to write the ending of its child; a subshell gets the default action
# back.
_CHILD = 'trap : TERM INT HUP;(cd "$2"||exit 126;unset OLDPWD;shift 2;'

_CHILD_END = (
    f'exec "$@") >"{_BY_MARK}stdout" 2>"{_BY_MARK}stderr";set -- $?;echo $1 >>"{_BY_MARK}claim";exit $1'
)

# What gives the view may fail in ways that cannot be told from a failure of the command, which must never run
# twice: so it is tried first, with a shell that looks around and leaves.
_TRIED = (
    "HEADRACE_SEEN=$1;HEADRACE_COUNT=$2;shift 2;unset HEADRACE_TRIAL;"
    'if HEADRACE_WHY=$(HEADRACE_TRIAL="${HEADRACE_ATTEMPT_DIR%/*}" "$@" 2>&1 </dev/null);then exec "$@";fi;'
    """echo "headrace: '$HEADRACE_SEEN' is not shown to this step, """
    """which works in '$PWD': $HEADRACE_WHY" >&2;"""
    'shift "$HEADRACE_COUNT";'
)

INSIDE = (
    'cd "$2"||exit 126;unset OLDPWD;'
    'if [ "$HEADRACE_TRIAL" ];then [ -d "$HEADRACE_TRIAL" ]&&exit;'
    'echo "it would hide $HEADRACE_TRIAL";exit 1;fi;'
    'export "$1=$2";shift 2;exec "$@"'
)
"""Text of the shell that begins a command in its view: `sh -c INSIDE sh VARIABLE DIRECTORY WORD…`."""

TEXT = "HEADRACE_ATTEMPT_TEXT"
"""Variable in which a text comes."""

LONGEST_TEXT = 64 * 1024
"""Bytes of a text that comes in a variable: Linux allows twice as much for one."""

# A text that is read from a file may `return`, which no other may.
_NEEDS_ITS_FILE = re.compile(r"\0|\$\{?0|BASH_SOURCE|FUNCNAME|caller|return")

_HIDES_THE_ENDING = re.compile(r"exec|trap|eval|alias|source|kill|(?:^|[\s;&|(){}!])\.\s")


def in_same_shell(enter: str = "") -> str:
    """Return the prologue that reads the script into its own shell.

    `enter` is shell text by which the shell enters its bounds before anything of the user's.
    """
    return f'{_CLAIM}{enter}{_SAME_SHELL}. "$0"'


def from_environment(enter: str = "") -> str:
    """Return the prologue that takes the script from the variable into its own shell; `enter` as above."""
    return f'{_CLAIM}{enter}{_SAME_SHELL}eval "unset {TEXT};${TEXT}"'


def from_environment_in_bash(enter: str = "") -> str:
    """Return the same for a bash, which shows the line in which it finds an error of syntax.

    That line must be the user's own, at its own number, so nothing may stand before the text in `eval`.
    After a call `$_` is the last word of it, also where the function has removed the variable and itself, and
    the first command of the text takes its place.
    """
    call = f'headrace_text() {{ unset {TEXT};unset -f headrace_text;}};headrace_text "${TEXT}"'
    return f'{_CLAIM}{enter}{_SAME_SHELL}{call};eval "$_"'


def told_its_shell(prologue: str) -> str:
    """Return the prologue of a bash that is given SHELL.

    Where nobody sets it, bash asks the user database, which costs it 0.05 ms, and exports nothing of that;
    what it is given it keeps to itself as well.
    """
    return f"export -n SHELL;{prologue}"


def as_child(enter: str = "") -> str:
    """Return the prologue that runs its arguments from the third on as a child, in its own bounds."""
    return f"{_CLAIM_FOR_CHILD}{enter}{_CHILD}{_CHILD_END}"


def as_child_in_view(enter: str = "") -> str:
    """Return the prologue that runs its arguments as a child that has a view of the file system of its own.

    Its arguments from the third on are the directory as the child will see it, a count, so many words that
    give the view, and the command. Where they cannot, the log says why and the command runs without them.
    The shell that claims stays outside: the claim must name the leader of the session, for which the server
    waits, and neither it nor the logs may depend on what the child sees.
    """
    return f"{_CLAIM_FOR_CHILD}{enter}{_CHILD}{_TRIED}{_CHILD_END}"


def may_share_shell(text: str) -> bool:
    """Tell whether a script leaves its shell and the EXIT trap alone."""
    return _HIDES_THE_ENDING.search(text) is None


def needs_its_file(text: str) -> bool:
    """Tell whether a script may notice that no file is read, or holds what no variable can."""
    return _NEEDS_ITS_FILE.search(text) is not None
