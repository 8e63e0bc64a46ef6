"""Starts the process of one attempt: its files, its environment, its shell.

Everything here happens on the event loop's thread and costs under 0.2 ms; posix_spawn does not copy the
server, so its size does not matter.
This file must never know when a job may start or what became of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

from headrace.errors import InvalidJob
from headrace.runtimes import binding, environments, processes, prologue, record
from headrace.runtimes.protocol import Command, Job

ALLOWED_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
"""What a step sees of the server's environment (AkoFlow section 3.5)."""

_DEFAULTED_SIGNALS = (
    signal.SIGPIPE,  # Python ignores these two, and a child would inherit that
    signal.SIGXFSZ,
    signal.SIGINT,  # ignored in what a shell starts with `&`, as servers often are
    signal.SIGQUIT,
    signal.SIGHUP,
)


def refusal(job: Job) -> str | None:
    """Return why a job can never run here, or None."""
    command = job.work
    if not isinstance(command, Command):
        return "The local runtime takes commands, not task calls."
    if (command.script is None) == (not command.argv):
        return "A command needs exactly one of a script and an argument list."
    if command.directory is not None and not command.directory.startswith("/"):
        return f"The working directory {command.directory!r} is not an absolute path."
    if outside := [path for path in command.outputs if path.startswith("/") or ".." in path.split("/")]:
        return f"The output {outside[0]!r} does not lie in the working directory."
    if command.options.get("shell", "sh") not in ("sh", "bash"):
        return f"The shell is {command.options['shell']!r}; it must be 'sh' or 'bash'."
    return None


def work_directory(command: Command, place: str) -> str:
    """Return the working directory of a command whose attempt has this place."""
    return command.directory or place


def _name_of(shell: str) -> str:
    """Return what a shell is called by its path: bash called sh is a POSIX shell."""
    return shell.rpartition("/")[2]


class _Wrapping(NamedTuple):
    """A command inside the shell that runs it."""

    shell: str
    """Path of the shell that reads the prologue."""
    text: str
    """The prologue."""
    arguments: tuple[str, ...] = ()
    """What the prologue runs as a child."""
    carried: bytes | None = None
    """The script, when it comes in the environment."""

    called: str = "headrace"
    """What the shell takes for its own name, with which it begins what it has to say."""

    @property
    def name(self) -> str:
        """What the shell is called."""
        return _name_of(self.shell)

    @property
    def reads_in_bash(self) -> bool:
        """Whether it is a bash that reads the user's text."""
        return not self.arguments and self.name == "bash"


class Launcher:
    """Starts processes on this machine."""

    def __init__(self, boot: str, bubblewrap: str | None = None) -> None:
        """`bubblewrap` is the path of that program where it works; without it nothing is bound."""
        self._boot = boot
        self._bubblewrap = bubblewrap
        self._environment = {name: os.environ[name] for name in ALLOWED_ENVIRONMENT if name in os.environ}
        self._environment.setdefault("PATH", os.defpath)
        self._sh = shutil.which("sh") or "/bin/sh"
        self._shells = {"sh": self._sh, "bash": shutil.which("bash") or self._sh}
        self._login_shell = _login_shell()
        self._restoring = environments.Restoring()
        self._parent = ""
        _keep_descriptors()
        self._nothing = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        """Give back the descriptor."""
        os.close(self._nothing)

    def launch(self, command: Command, place: str, now: float, enter: str = "") -> int:
        """Start the process and return its id; `now` is in Unix seconds, `enter` as in `prologue`.

        Raises OSError when the machine refuses, and InvalidJob for text that no process can be given.
        """
        try:
            return self._spawn(command, place, record.stamp(self._boot, now), enter)
        except ValueError as error:
            raise InvalidJob(f"No process can be given this text: {error}.") from error

    def _spawn(self, command: Command, place: str, stamp: str, enter: str) -> int:
        self._make_parent(place)
        work = work_directory(command, place)
        if command.directory is None or not os.path.isdir(work):  # noqa: PTH112 - as text, on everybody's way
            _make_directory(work)
        environment: dict[str, str | bytes] = {**self._environment, **command.environment}
        changed = [name for name in command.environment if environments.is_changed(name)]
        if changed:
            environments.carry(environment, changed)
        environment[processes.MARK] = place
        if self._bubblewrap is not None and binding.BINDS in command.options:
            wrapping = self._bound(self._bubblewrap, command, place, enter, len(changed))
        else:
            wrapping = self._wrapped(command, place, enter, len(changed))
        if wrapping.carried is not None:
            environment[prologue.TEXT] = wrapping.carried
        text = wrapping.text
        if wrapping.reads_in_bash and "SHELL" not in environment:
            environment["SHELL"] = self._login_shell
            text = prologue.told_its_shell(text)
        stdin = _anonymous_file(command.stdin.encode()) if command.stdin else self._nothing
        try:
            return os.posix_spawn(
                wrapping.shell,
                [wrapping.name, "-c", text, wrapping.called, stamp, work, *wrapping.arguments],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, stdin, 0),
                    (os.POSIX_SPAWN_DUP2, self._nothing, 1),
                    (os.POSIX_SPAWN_DUP2, self._nothing, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_DEFAULTED_SIGNALS,
            )
        finally:
            if stdin != self._nothing:
                os.close(stdin)

    def _make_parent(self, place: str) -> None:
        """Make the directory of this thousand of attempts; mostly it is that of the last one."""
        parent = place.rpartition("/")[0]
        if parent != self._parent:
            Path(parent).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._parent = parent

    def _wrapped(self, command: Command, place: str, enter: str, carried: int) -> _Wrapping:
        """Return how a command is put into a shell, with so many variables that must get past it."""
        if command.script is None or carried:
            words = self._words(command, place, carried)
            return _Wrapping(self._sh, prologue.as_child(enter), arguments=words)
        text = command.script
        script = f"{place}.script"
        content = _with_end(text)
        shell = self._shells[command.options.get("shell", "sh")]
        shares = prologue.may_share_shell(text)
        if shares and len(content) <= prologue.LONGEST_TEXT and not prologue.needs_its_file(text):
            is_bash = _name_of(shell) == "bash"
            made = prologue.from_environment_in_bash if is_bash else prologue.from_environment
            return _Wrapping(shell, made(enter), carried=content, called=script)
        if shares:
            _write_script(script, content)
            return _Wrapping(shell, prologue.in_same_shell(enter), called=script)
        return _Wrapping(self._sh, prologue.as_child(enter), arguments=self._words(command, place))

    def _bound(self, bubblewrap: str, command: Command, place: str, enter: str, carried: int) -> _Wrapping:
        """Return how a command is put into a shell outside of the view that it is given."""
        binds = command.options[binding.BINDS]
        seen = binding.seen(work_directory(command, place), binds)
        try:
            view = binding.words(bubblewrap, binds)
        except OSError as error:  # told in the log, like what the program itself finds
            view = [self._sh, "-c", 'echo "$0";exit 1', str(error)]
        view += [self._sh, "-c", prologue.INSIDE, "sh", command.options[binding.DIRECTORY_VARIABLE], seen]
        arguments = (seen, str(len(view)), *view, *self._words(command, place, carried))
        return _Wrapping(self._sh, prologue.as_child_in_view(enter), arguments=arguments)

    def _words(self, command: Command, place: str, carried: int = 0) -> tuple[str, ...]:
        """Return what runs as a child; a script is a file then."""
        words = command.argv or ()
        if command.script is not None:
            script = f"{place}.script"
            _write_script(script, _with_end(command.script))
            words = (self._shells[command.options.get("shell", "sh")], script)
        return self._restoring.words(carried, words) if carried else words


def _login_shell() -> str:
    """Return what bash takes for SHELL where nobody sets it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:  # a user without a name, as in a container
        return "/bin/sh"


def _keep_descriptors() -> None:
    """Let no step inherit what the server itself inherited; what Python opens is never inheritable."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are all that is wanted
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the descriptor of the listing itself is gone by now
                os.set_inheritable(int(name), False)  # noqa: FBT003 - the library's own signature


def _make_directory(work: str) -> None:
    """Make a working directory; a fresh one exists when an earlier server came this far and no further."""
    try:
        os.mkdir(work)  # noqa: PTH102 - as text: this is on the way of every step
    except FileExistsError:
        if not os.path.isdir(work):  # noqa: PTH112 - as above
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), work) from None
    except FileNotFoundError:
        Path(work).mkdir(parents=True, exist_ok=True)


def _with_end(script: str) -> bytes:
    """Return a script with the end of its last line."""
    return script.encode() if script.endswith("\n") else f"{script}\n".encode()


def _write_script(path: str, content: bytes) -> None:
    """Write a script byte for byte; a shell may already be reading an equal file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        fresh = Path(f"{path}.new")
        fresh.write_bytes(content)
        fresh.replace(path)
        return
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, content[written:])
    finally:
        os.close(descriptor)


def _anonymous_file(content: bytes) -> int:
    """Return a descriptor at the start of the content, which never touches the disk: it may hold a secret."""
    descriptor = os.memfd_create("stdin")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
