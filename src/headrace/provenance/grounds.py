"""Which of the open directories lie in which: those that do share one record, or a file would have two.

Paths only; what becomes of the directories is for the recorder to decide.
"""

from __future__ import annotations

from collections.abc import Iterator


class Grounds:
    """The roots of open directories, by all directories that they lie in."""

    def __init__(self, private: str) -> None:
        """`private` is the server's own directory: what lies in it lies in nothing outside of it."""
        self._private = private
        self._inside: dict[str, set[str]] = {}

    def above(self, path: str) -> Iterator[str]:
        """Yield the directories that a normal path lies in, the nearest first, `/` left out."""
        while path != self._private:
            path = path[: path.rfind("/")]
            if not path:
                return
            yield path

    def inside(self, path: str) -> list[str]:
        """Return the roots that lie in a directory."""
        return sorted(self._inside.get(path, ()))

    def add(self, root: str) -> None:
        """Take up a root."""
        for path in self.above(root):
            self._inside.setdefault(path, set()).add(root)

    def remove(self, root: str) -> None:
        """Forget a root, if it was taken up."""
        for path in self.above(root):
            if (roots := self._inside.get(path)) is not None:
                roots.discard(root)
                if not roots:
                    del self._inside[path]
