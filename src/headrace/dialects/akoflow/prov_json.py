"""The history of a run's files as PROV-JSON (section 6).

Source: the PROV-JSON Serialization, W3C Member Submission of 24 April 2013, and its schema; the words of the
run itself stand under the prefixes `run` (this run) and `headrace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headrace import __version__
from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.contents import Content, Contents
from headrace.dialects.akoflow.file_names import FileNames
from headrace.dialects.akoflow.spelling import instant
from headrace.dialects.akoflow.views import Activity
from headrace.engine.execution import Execution
from headrace.store.provenance_rows import RecordedUse

Members = dict[str, Any]

MEDIA_TYPE = "application/json"

_SERVER, _PLAN = "headrace:server", "run:definition"


def document(execution: Execution, uses: Sequence[RecordedUse]) -> Members:
    """Return the document; `uses` are those of the run's activities, in the order of their numbers."""
    return _Document(execution, Contents(uses, FileNames(execution))).of(uses)


def _quoted(name: str) -> Members:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


class _Document:
    """One document on its way."""

    def __init__(self, execution: Execution, contents: Contents) -> None:
        self._execution = execution
        self._contents = contents
        self._relations: dict[str, Members] = {}
        self._used: set[tuple[str, str]] = set()
        """Which activity used which entity; what is changed is recorded as read too."""

    def of(self, uses: Sequence[RecordedUse]) -> Members:
        execution = self._execution
        with_files = {use.use.task for use in uses}
        activities = [
            each
            for each in views.activities(execution)
            if each.task.name in with_files or (each.run is not None and each.run.started_at is not None)
        ]
        self._activities = {each.task.name: f"run:activity-{each.id}" for each in activities}
        for use in uses:
            self._use(use)
        self._edges(activities)
        entities = {self._entity(each): _file(each) for each in self._contents}
        plan = {"prov:type": _quoted("prov:Plan"), "prov:label": execution.definition.name}
        made = {
            "prefix": {"headrace": "urn:headrace:", "run": f"urn:headrace:run:{execution.id}:"},
            "entity": {_PLAN: plan} | entities,
            "activity": {self._activities[each.task.name]: _activity(each) for each in activities},
            "agent": {
                _SERVER: {
                    "prov:type": _quoted("prov:SoftwareAgent"),
                    "prov:label": f"Headrace {__version__}",
                }
            },
            **self._relations,
        }
        return {name: members for name, members in made.items() if members}

    def _use(self, found: RecordedUse) -> None:
        use = found.use
        activity = self._activities[use.task]
        moment = {"prov:time": instant(use.at)} | ({} if use.is_certain else {"headrace:certain": False})
        before = self._entity(self._contents.of(found.before)) if found.before is not None else None
        after = self._entity(self._contents.of(found.after)) if found.after is not None else None
        match use.kind:
            case "read" | "modified" if before is not None and (activity, before) not in self._used:
                self._used.add((activity, before))
                self._add("used", {"prov:activity": activity, "prov:entity": before, **moment})
            case "deleted" if before is not None:
                self._add("wasInvalidatedBy", {"prov:entity": before, "prov:activity": activity, **moment})
        if after is None:
            return
        self._add("wasGeneratedBy", {"prov:entity": after, "prov:activity": activity, **moment})
        if use.kind == "modified" and before is not None and before != after:
            ends = {"prov:generatedEntity": after, "prov:usedEntity": before, "prov:activity": activity}
            self._add("wasDerivedFrom", ends)

    def _edges(self, activities: Iterable[Activity]) -> None:
        for each in activities:
            here = self._activities[each.task.name]
            association = {"prov:activity": here, "prov:agent": _SERVER, "prov:plan": _PLAN}
            self._add("wasAssociatedWith", association)
            for name in each.notes.get("depends_on", ()):
                if name in self._activities:
                    ends = {"prov:informed": here, "prov:informant": self._activities[name]}
                    self._add("wasInformedBy", ends)

    def _add(self, relation: str, members: Members) -> None:
        known = self._relations.setdefault(relation, {})
        known[f"_:{relation}{len(known) + 1}"] = members

    def _entity(self, content: Content) -> str:
        return f"run:file-{content.number}"


def _file(content: Content) -> Members:
    version = content.version
    shown: Members = {
        "prov:type": _quoted("headrace:File"),
        "prov:label": content.path,
        "headrace:path": content.path,
        "headrace:sizeBytes": version.size,
    }
    if version.sha256 is not None:
        shown["headrace:sha256"] = version.sha256
    if version.is_superseded:
        shown["headrace:superseded"] = True
    if version.link is not None:
        shown["headrace:link"] = version.link
    return shown


def _activity(found: Activity) -> Members:
    run = found.run
    shown: Members = {"prov:label": found.task.name, "headrace:id": found.id, "headrace:state": found.state}
    if run is not None and (began := instant(run.started_at)) is not None:
        shown["prov:startTime"] = began
    if run is not None and (ended := instant(run.ended_at)) is not None:
        shown["prov:endTime"] = ended
    return shown
