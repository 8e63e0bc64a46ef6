"""What the kernel tells of changes, for all open directories together (inotify).

There is one queue for the server, because a user may have only 128 of them.
Changes are collected as paths with the time in which they were made; nobody is woken by them.
A watch is on one directory, so each new directory is watched and then read, because its first files may be
older than the watch.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from typing import NamedTuple, Protocol

from inotify_simple import INotify, flags  # type: ignore[import-untyped]

from headrace.clock import Clock
from headrace.provenance.attribution import Span
from headrace.provenance.scan import scan

CATCH_UP = 0.05
"""Seconds between a change and its being taken from the kernel's queue, whose usual 16,384 places then
suffice for 300,000 changes a second."""

MOST_WATCHES = 50_000
"""Directories of one tree that are watched: each takes a kilobyte of the kernel's memory."""

EXPLORED_AT_ONCE = 1000
"""Files of a new directory that are looked for on the loop's thread; one with more is left to a scan."""

_FILES = int(
    flags.CREATE | flags.CLOSE_WRITE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.ATTRIB
)
_BELOW = _FILES | int(flags.ONLYDIR | flags.DONT_FOLLOW)
_ROOT = _FILES | int(flags.ONLYDIR | flags.DELETE_SELF | flags.MOVE_SELF)
_ARRIVED = int(flags.CREATE | flags.MOVED_TO)
_LOST_ROOT = int(flags.DELETE_SELF | flags.MOVE_SELF | flags.UNMOUNT)


class Unwatchable(Exception):
    """A directory cannot be watched: no watch is left, or it is watched under another name."""


class Watched(Protocol):
    """A tree of directories that wants to know what changed."""

    root: str

    def note(self, path: str, span: Span) -> None:
        """Take note that something happened to a path."""

    def note_directory(self, path: str, span: Span) -> None:
        """Take note that a directory is gone with all that it had."""

    def distrust(self) -> None:
        """Take note that changes may have been missed."""


class _Place(NamedTuple):
    tree: Watched
    path: str
    """Relative to the tree's root, which is empty."""


class Watch:
    """The queue of changes; all but `enter` belongs to the event loop's thread."""

    def __init__(self, clock: Clock, private: Container[str]) -> None:
        """`private` has the server's own directory, of which nothing is told to a tree that it lies in."""
        self._clock = clock
        self._private = private
        self._inotify: INotify | None = None
        self._places: dict[int, _Place] = {}
        self._watches: dict[Watched, set[int]] = {}
        # A thread adds watches while the loop reads; no change may be read before its place is known.
        self._turn = threading.Lock()
        self._drained_at = clock.now()
        self._waiting: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def entering(self, tree: Watched) -> Callable[[str], None]:
        """Return what watches a directory of a tree, given its absolute path, before it is read.

        Raises `Unwatchable`, and `OSError` for a directory that is not there.
        """
        root = tree.root

        def enter(directory: str) -> None:
            self._enter(tree, directory, directory[len(root) + 1 :])

        return enter

    def has(self, tree: Watched) -> bool:
        """Tell whether anything of a tree is watched."""
        return bool(self._watches.get(tree))

    def attend(self) -> None:
        """See to it that the kernel's queue does not run over while nothing ends."""
        if self._loop is None and self._inotify is not None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._inotify.fileno(), self._on_readable)

    def drain(self) -> None:
        """Take from the queue what has happened until now, and tell the trees."""
        if self._inotify is None:
            return
        after, self._drained_at = self._drained_at, self._clock.now()
        with self._turn:
            events = self._inotify.read(timeout=0)
        if events:
            span = Span(after, self._clock.now())
            for wd, mask, _, name in events:
                self._route(wd, mask, name, span)

    def leave(self, tree: Watched) -> None:
        """Watch a tree no more."""
        with self._turn:
            for wd in self._watches.pop(tree, ()):
                self._places.pop(wd, None)
                self._unwatch(wd)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._waiting is not None:
            self._waiting.cancel()
        with self._turn:
            self._is_closed = True
            if self._inotify is not None:
                if self._loop is not None:
                    self._loop.remove_reader(self._inotify.fileno())
                self._inotify.close()
                self._inotify = None

    def _enter(self, tree: Watched, directory: str, path: str) -> None:
        with self._turn:
            if self._is_closed:
                raise Unwatchable("the server closes")
            if len(self._watches.get(tree, ())) >= MOST_WATCHES:
                raise Unwatchable(f"it has more than {MOST_WATCHES} directories")
            try:
                if self._inotify is None:
                    self._inotify = INotify(nonblocking=True)
                wd = self._inotify.add_watch(directory, _BELOW if path else _ROOT)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                raise
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise
                raise Unwatchable(str(error)) from error
            former = self._places.get(wd)
            if former is not None and former.tree is not tree:
                if not tree.root.startswith(f"{former.tree.root}/"):
                    raise Unwatchable(f"{directory} is the same directory as {former.tree.root}")
                self._watches[former.tree].discard(wd)
            self._places[wd] = _Place(tree, path)
            self._watches.setdefault(tree, set()).add(wd)

    def _route(self, wd: int, mask: int, name: str, span: Span) -> None:
        if mask & flags.Q_OVERFLOW:
            for tree in tuple(self._watches):
                tree.distrust()
            return
        place = self._places.get(wd)
        if place is None:
            return
        tree, directory = place
        if mask & flags.IGNORED:
            self._places.pop(wd)
            self._watches[tree].discard(wd)
        if not directory and mask & _LOST_ROOT:
            tree.distrust()
        if not name:
            return
        path = f"{directory}/{name}" if directory else name
        if not mask & flags.ISDIR:
            tree.note(path, span)
        elif mask & _ARRIVED:
            self._explore(tree, path, span)
        elif mask & flags.MOVED_FROM:
            self._forget(tree, path)
            tree.note_directory(path, span)

    def _explore(self, tree: Watched, path: str, span: Span) -> None:
        if f"{tree.root}/{path}" in self._private:
            return
        try:
            found = scan(
                tree.root,
                path,
                most=EXPLORED_AT_ONCE,
                skipped=self._private,
                enter=self.entering(tree),
            )
        except Unwatchable:
            tree.distrust()
            return
        if found.is_too_large or found.unreadable:
            tree.distrust()
        for each in found.files:
            tree.note(each, span)

    def _forget(self, tree: Watched, path: str) -> None:
        """Watch no more what was moved away: it would tell of changes under its old name."""
        beneath = f"{path}/"
        with self._turn:
            for wd in tuple(self._watches[tree]):
                place = self._places[wd].path
                if place == path or place.startswith(beneath):
                    self._watches[tree].discard(wd)
                    del self._places[wd]
                    self._unwatch(wd)

    def _unwatch(self, wd: int) -> None:
        if self._inotify is not None:
            with suppress(OSError):  # the directory is gone, and its watch with it
                self._inotify.rm_watch(wd)

    def _on_readable(self) -> None:
        assert self._loop is not None
        assert self._inotify is not None
        self._loop.remove_reader(self._inotify.fileno())
        self._waiting = self._loop.call_later(CATCH_UP, self._catch_up)

    def _catch_up(self) -> None:
        self._waiting = None
        self.drain()
        if self._loop is not None and self._inotify is not None:
            self._loop.add_reader(self._inotify.fileno(), self._on_readable)
