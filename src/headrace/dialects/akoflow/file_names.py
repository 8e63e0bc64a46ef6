"""What the files of a run are called: by their path relative to the `mountPath` of the workflow.

Where activities have several directories, files outside of the workflow's own are called by the absolute
path that the document has for them, so that no two files share a name.
Knows nothing of what became of a file.
"""

from __future__ import annotations

from posixpath import dirname, normpath

from headrace.dialects.akoflow import views
from headrace.engine.execution import Execution
from headrace.store.provenance_rows import FileVersion
from headrace.texts import text_of_path


class FileNames:
    """The names of the files of one run."""

    def __init__(self, execution: Execution) -> None:
        notes = execution.definition.annotations
        is_alone = notes.get("storage_policy") == "standalone"
        roots: dict[str, str] = {}
        own = None
        for activity in views.activities(execution):
            if not activity.directory:
                continue
            directory = normpath(activity.directory)
            root = dirname(directory) if is_alone else directory
            written = activity.notes.get("mount_path", "")
            roots.setdefault(root, written or root)
            if own is None and written == notes.get("mount_path", ""):
                own = root
        first = own or next(iter(roots), "")
        rest = sorted((root for root in roots if root != first), key=len, reverse=True)
        self._roots = [(f"{first}/", "")] if first else []
        """Directories and what stands before the paths in them; the first that fits counts."""
        self._roots += [(f"{root}/", f"{roots[root]}/") for root in rest]
        self._prefixes: dict[str, str | None] = {}

    def of(self, version: FileVersion) -> str:
        """Return what the path of a version is called."""
        directory = version.directory
        if directory not in self._prefixes:
            self._prefixes[directory] = self._prefix(f"{normpath(directory)}/")
        prefix = self._prefixes[directory]
        if prefix is not None:
            return text_of_path(prefix + version.path)
        whole = f"{normpath(directory)}/{version.path}"
        return text_of_path(next((name for root in self._roots if (name := _in(root, whole))), version.path))

    def _prefix(self, directory: str) -> str | None:
        """Return what stands before all paths of a directory; None where that differs from path to path."""
        if any(root.startswith(directory) and root != directory for root, _ in self._roots):
            return None
        return next((name for root in self._roots if (name := _in(root, directory)) is not None), "")


def _in(root: tuple[str, str], whole: str) -> str | None:
    """Return what a path below a root is called, or None when it is not below it."""
    directory, name = root
    return name + whole[len(directory) :] if whole.startswith(directory) else None
