"""The metadata of a run as a Workflow Run Crate (section 6).

Source: RO-Crate 1.3, Workflow RO-Crate 1.1, Process Run Crate 0.6 and Workflow Run Crate 0.6.
A file whose content does not lie in the crate keeps its hash under an id of the metadata, as RO-Crate 1.3
wants it, and says in `localPath` where it was.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from headrace import __version__
from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.contents import Content, Contents
from headrace.dialects.akoflow.file_graph import MADE, edges_of
from headrace.dialects.akoflow.spelling import instant
from headrace.dialects.akoflow.views import Activity
from headrace.engine.execution import Execution
from headrace.engine.states import EXECUTION_ENDS, TASK_ENDS
from headrace.store.provenance_rows import FileVersion, RecordedUse

Entity = dict[str, Any]

METADATA = "ro-crate-metadata.json"
WORKFLOW = "workflow.yaml"

_CRATE = "https://w3id.org/ro/crate/1.3"
_CONTEXT = f"{_CRATE}/context"
"""Knows every word that is used here; the context of the run profiles would only add what is not."""
_PROFILES = (
    ("https://w3id.org/ro/wfrun/process/0.6", "Process Run Crate", "0.6"),
    ("https://w3id.org/ro/wfrun/workflow/0.6", "Workflow Run Crate", "0.6"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.1", "Workflow RO-Crate", "1.1"),
)
_ROOT, _LICENCE, _LANGUAGE = "./", "#licence", "https://github.com/UFFeScience/akoflow"
_SHELL = "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html"
_SUCCEEDED, _FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
_ACTIVE = "http://schema.org/ActiveActionStatus"


def place_of(content: Content) -> str:
    """Return where a content lies in a crate, as a path that nothing else in it can have."""
    path = content.path.lstrip("/")
    return f"files/{path}" if content.is_last else f"earlier/{content.number}/{path}"


def metadata(
    execution: Execution,
    uses: Sequence[RecordedUse],
    contents: Contents,
    present: Mapping[int, str],
    source: bytes,
    now: float,
) -> Entity:
    """Return the document; `present` has the place in the crate of the contents that lie in it, by number.

    `source` is the document of the workflow as it was submitted.
    """
    return _Crate(execution, contents, present, now).document(uses, source)


class _Crate:
    """One document on its way."""

    def __init__(
        self, execution: Execution, contents: Contents, present: Mapping[int, str], now: float
    ) -> None:
        self._execution = execution
        self._contents = contents
        self._now = now
        self._ids = {
            each.number: quote(present[each.number], safe="/")
            if each.number in present
            else f"#file-{each.number}"
            for each in contents
        }
        self._read: dict[str, dict[str, None]] = {}
        self._made: dict[str, dict[str, None]] = {}

    def document(self, uses: Sequence[RecordedUse], source: bytes) -> Entity:
        for edge in edges_of(uses):
            table = self._made if edge.label == MADE else self._read
            table.setdefault(edge.activity, {})[self._id(edge.version)] = None
        begun = [
            each
            for each in views.activities(self._execution)
            if (each.run is not None and each.run.started_at is not None)
            or each.task.name in self._read
            or each.task.name in self._made
        ]
        actions = [self._run_action(uses), *(self._action(each) for each in begun)]
        files = [self._file(each) for each in self._contents]
        graph = [
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": _link(_ROOT),
                "conformsTo": _link(_CRATE),
            },
            self._root(files, actions),
            *(
                {"@id": id, "@type": ["CreativeWork", "Profile"], "name": name, "version": version}
                for id, name, version in _PROFILES
            ),
            _licence(),
            self._workflow(source),
            {
                "@id": _LANGUAGE,
                "@type": "ComputerLanguage",
                "name": f"AkoFlow, as Headrace {__version__} reads it",
                "url": _LANGUAGE,
                "version": __version__,
            },
            {
                "@id": _SHELL,
                "@type": "ComputerLanguage",
                "name": "Shell",
                "url": _SHELL,
                "version": "POSIX.1-2024, or that of the bash where it ran",
            },
            *actions,
            *(_tool(each) for each in begun),
            *files,
        ]
        return {"@context": _CONTEXT, "@graph": graph}

    def _root(self, files: Sequence[Entity], actions: Sequence[Entity]) -> Entity:
        execution = self._execution
        moment = self._now if execution.ended_at is None else execution.ended_at
        name = execution.definition.name
        return {
            "@id": _ROOT,
            "@type": "Dataset",
            "name": f"{name}, run {execution.number}",
            "description": (
                f"What the activities of run {execution.number} of the workflow '{name}' did, "
                f"the files that they used and made, and the workflow itself."
            ),
            "datePublished": _moment(moment),
            "license": _link(_LICENCE),
            "conformsTo": [_link(id) for id, _, _ in _PROFILES],
            "mainEntity": _link(WORKFLOW),
            "hasPart": _links([WORKFLOW, *(each["@id"] for each in files)]),
            "mentions": _links([each["@id"] for each in actions]),
        }

    def _workflow(self, source: bytes) -> Entity:
        return {
            "@id": WORKFLOW,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": self._execution.definition.name,
            "description": "The document as it was submitted.",
            "encodingFormat": "application/yaml",
            "contentSize": str(len(source)),
            "sha256": hashlib.sha256(source).hexdigest(),
            "programmingLanguage": _link(_LANGUAGE),
        }

    def _run_action(self, uses: Sequence[RecordedUse]) -> Entity:
        execution = self._execution
        code, sentence = views.reason_of(execution)
        left: dict[str, str | None] = {}
        for each in uses:
            path = self._contents.of(each.version).path
            if each.use.kind == "deleted":
                left.pop(path, None)
            elif each.after is not None:
                left[path] = self._id(each.after)
        made = {id for ids in self._made.values() for id in ids}
        given = dict.fromkeys(id for ids in self._read.values() for id in ids if id not in made)
        status = _ACTIVE
        if execution.state in EXECUTION_ENDS:
            status = _SUCCEEDED if execution.state == "succeeded" else _FAILED
        return _action(
            id=f"#run-{execution.id}",
            name=f"Run {execution.number} of {execution.definition.name}",
            instrument=WORKFLOW,
            began=execution.started_at,
            ended=execution.ended_at,
            used=given,
            made=[id for id in left.values() if id is not None],
            status=status,
            error=sentence or code,
            description="All activities of the workflow.",
        )

    def _action(self, found: Activity) -> Entity:
        run = found.run
        status = _ACTIVE
        if found.state in TASK_ENDS:
            status = _SUCCEEDED if found.state == "succeeded" else _FAILED
        return _action(
            id=f"#activity-{found.id}",
            name=found.task.name,
            instrument=f"#command-{found.id}",
            began=run.started_at if run is not None else None,
            ended=run.ended_at if run is not None else None,
            used=self._read.get(found.task.name, ()),
            made=self._made.get(found.task.name, ()),
            status=status,
            error=found.reason()[1],
            description=_command(found),
        )

    def _file(self, content: Content) -> Entity:
        version = content.version
        id = self._ids[content.number]
        shown: Entity = {
            "@id": id,
            "@type": "File",
            "name": content.path,
            "contentSize": str(version.size),
        }
        if version.sha256 is not None:
            shown["sha256"] = version.sha256
        shown["encodingFormat"] = mimetypes.guess_type(content.path)[0] or "application/octet-stream"
        if id.startswith("#"):
            shown["localPath"] = content.path
        elif not content.is_last:
            shown["alternateName"] = content.path
        if version.link is not None:
            shown["description"] = "A symbolic link, which is not followed."
        elif content.is_last:
            shown["description"] = "A file as it was found or left last."
        else:
            shown["description"] = "A file as it was before it was changed."
        return shown

    def _id(self, version: FileVersion) -> str:
        return self._ids[self._contents.of(version).number]


def _link(id: str) -> Entity:
    return {"@id": id}


def _links(ids: Iterable[str]) -> Entity | list[Entity]:
    """Return links; a single one stands alone, as RO-Crate 1.3 recommends."""
    found = [_link(id) for id in ids]
    return found[0] if len(found) == 1 else found


def _moment(moment: float | None) -> str | None:
    """Return a moment with its offset in numbers, the only form that validators of crates take."""
    found = instant(moment)
    return None if found is None else found.replace("Z", "+00:00")


def _licence() -> Entity:
    return {
        "@id": _LICENCE,
        "@type": "CreativeWork",
        "name": "No licence was stated",
        "description": "Ask whoever ran this workflow before using its files or the workflow itself.",
    }


def _action(
    *,
    id: str,
    name: str,
    instrument: str,
    began: float | None,
    ended: float | None,
    used: Iterable[str],
    made: Iterable[str],
    status: str,
    error: str,
    description: str,
) -> Entity:
    shown: Entity = {
        "@id": id,
        "@type": "CreateAction",
        "name": name,
        "description": description,
        "instrument": _link(instrument),
        "startTime": _moment(began),
        "endTime": _moment(ended),
        "object": _links(used),
        "result": _links(made),
        "actionStatus": status,
        "error": error if status == _FAILED else "",
    }
    return {key: value for key, value in shown.items() if value}


def _tool(found: Activity) -> Entity:
    """Return what an activity runs: a script that stands here and is no file of the crate."""
    text = _command(found)
    return {
        "@id": f"#command-{found.id}",
        "@type": ["File", "SoftwareSourceCode"],
        "name": f"The command of {found.task.name}",
        "description": "What the activity runs, as the workflow has it.",
        "text": text,
        "encodingFormat": "text/plain",
        "contentSize": str(len(text.encode())),
        "programmingLanguage": _link(_SHELL),
    }


def _command(found: Activity) -> str:
    """Return what an activity runs, as people write it."""
    command = found.command
    if command is None:
        return "Nothing."
    if command.script is not None:
        return command.script
    written = found.notes["command"]
    return " ".join([*written["entrypoint"], *written["arguments"]])
