"""What the files of a run are called: by their path relative to the `mountPath` of the workflow.

Where activities have several directories, files outside of the workflow's own are called by the absolute
path that the document has for them, so that no two files share a name.
Knows nothing of what became of a file.
"""

from __future__ import annotations

from posixpath import dirname, normpath

from headrace.dialects.akoflow import views
from headrace.engine.execution import Execution
from headrace.store.provenance_rows import FileVersion, shown


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
        self._own = own or next(iter(roots), "")
        self._others = sorted(
            ((f"{root}/", f"{written}/") for root, written in roots.items() if root != self._own),
            key=lambda each: -len(each[0]),
        )

    def of(self, version: FileVersion) -> str:
        """Return what the path of a version is called."""
        return shown(self._of(version))

    def _of(self, version: FileVersion) -> str:
        whole = f"{normpath(version.directory)}/{version.path}"
        if self._own and whole.startswith(f"{self._own}/"):
            return whole[len(self._own) + 1 :]
        for root, written in self._others:
            if whole.startswith(root):
                return written + whole[len(root) :]
        return version.path
