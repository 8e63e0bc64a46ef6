"""Compiles a document that was found right into the model.

An activity is a task whose action is a command; `dependsOn` becomes transitions of the dependencies.
The id of a workflow is the number of its run, and those of its activities are the numbers after it, so that
they are known before anything has begun; the definition says how many numbers a run needs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal as OneOf

import msgspec
from msgspec import Struct

from headrace.definition.model import (
    Action,
    Nothing,
    Recording,
    Resources,
    RunCommand,
    TaskDefinition,
    Transition,
    WorkflowDefinition,
)
from headrace.definition.templates import Expr, Literal, Template
from headrace.dialects.akoflow import staging
from headrace.dialects.akoflow.directories import PRIVATE_PLACE, Place, own_names
from headrace.dialects.akoflow.drafts import ActivityDraft, WorkflowDraft
from headrace.dialects.akoflow.wire import DIALECT
from headrace.runtimes import binding

ATTEMPT_VARIABLE = "attempt_variable"
"""Option of a command: the variable that tells the process which attempt of its task it is, from 1."""

MOUNT_PATH_VARIABLE = "ACTIVITY_MOUNT_PATH"
"""Variable that tells the process its working directory, as it sees it."""

NOT_BOUND = "mount_path_not_bound"
"""Code of the warning that a path leads elsewhere and is seen there only."""


class Ground(Struct, frozen=True):
    """Where runs stand on this server."""

    moved: dict[str, str] = {}
    """Paths of the document to the directories used in their place."""
    unbound: frozenset[str] = frozenset()
    """Runtimes whose processes see those directories at their own places only."""
    displaced: frozenset[str] = frozenset()
    """Paths in whose place directories in the private one are used."""
    link: OneOf["copy", "hard"] = "copy"
    """How `standalone` brings files along."""
    source: bytes = b""
    """The document, for those who are told of the end."""
    limits: Mapping[str, Mapping[str, str]] = {}
    """Which limits each runtime holds and how, as in `{"memory": "watched"}`."""
    provenance: OneOf["hash", "stat", "off"] = "hash"
    """What is noted of the files of activities."""


def activity_id(workflow_id: int, index: int) -> int:
    """Return the id of the activity at this place in the document."""
    return workflow_id + 1 + index


def compile_workflow(draft: WorkflowDraft, ground: Ground) -> WorkflowDefinition:
    """Return the definition of a document."""
    return _Compiling(draft, ground).workflow()


class _Compiling:
    """One document on its way into the model."""

    def __init__(self, draft: WorkflowDraft, ground: Ground) -> None:
        self._draft = draft
        self._ground = ground
        self._targets: dict[str, list[str]] = {activity.name: [] for activity in draft.activities}
        self._directories = self._directories_of()
        self._staging: list[TaskDefinition] = []
        self._sources: dict[str, list[Place]] = {}
        # Activity to the directories that its files are brought from.

    def workflow(self) -> WorkflowDefinition:
        """Return the definition."""
        draft, ground = self._draft, self._ground
        self._connect()
        tasks = [
            self._task(activity, index, tuple(self._targets[activity.name]), directory)
            for index, (activity, directory) in enumerate(
                zip(draft.activities, self._directories, strict=True)
            )
        ]
        return WorkflowDefinition(
            name=draft.name,
            dialect=DIALECT,
            tasks=(*tasks, *self._staging),
            closing=staging.volumes_out(draft.volumes, self._place_of, self._targets),
            unhandled="every_failure",
            numbers=1 + len(draft.activities),
            annotations=_workflow_notes(draft, ground),
        )

    def _place_of(self, path: str | None) -> Place:
        """Return where a path of the document lies; None is the private directory."""
        if path is None:
            return PRIVATE_PLACE
        if path in self._ground.displaced:
            return PRIVATE_PLACE.inside(path[1:], None)
        return Place(self._ground.moved.get(path, path))

    def _directories_of(self) -> list[Place]:
        activities = self._draft.activities
        shared = [self._place_of(activity.mount_path) for activity in activities]
        if self._draft.storage_policy != "standalone":
            return shared
        named = enumerate(zip(shared, own_names(activities), strict=True))
        return [
            place.inside(name, activity_id(0, index) if has_id else None)
            for index, (place, (name, has_id)) in named
        ]

    def _connect(self) -> None:
        """Lead every dependency to those who wait for it, past the tasks that move files."""
        draft, targets = self._draft, self._targets
        entries = tuple(activity.name for activity in draft.activities if not activity.depends_on)
        mode = "lenient" if draft.is_tried_out else "strict"
        if (
            task := staging.volumes_in(draft.volumes, entries, self._place_of, targets, mode=mode)
        ) is not None:
            self._staging.append(task)
        place = dict(zip(targets, self._directories, strict=True))
        for activity in draft.activities:
            follower, directory = activity.name, place[activity.name]
            sources = [place[name] for name in activity.depends_on]
            if draft.storage_policy == "standalone" and sources:
                task = staging.bring(activity.name, [directory, *sources], targets, link=self._ground.link)
                self._staging.append(task)
                self._sources[activity.name] = sources
                follower = task.name
            for source in activity.depends_on:
                targets[source].append(follower)

    def _task(
        self, activity: ActivityDraft, index: int, targets: tuple[str, ...], directory: Place
    ) -> TaskDefinition:
        limits = self._ground.limits.get(activity.effective, {})
        warnings = activity.warnings
        if activity.effective in self._ground.unbound and self._binds(activity):
            warnings += (NOT_BOUND,)
        return TaskDefinition(
            name=activity.name,
            action=self._action(activity, index, directory),
            next=(Transition(to=targets, when="succeeded()"),) if targets else (),
            join="all",
            retry=activity.retry,
            timeout=None if activity.timeout is None else Literal(activity.timeout),
            annotations=_activity_notes(activity, directory, limits, warnings),
        )

    def _binds(self, activity: ActivityDraft) -> dict[str, str]:
        """Return the paths that lead elsewhere and where they lead; its own directory is the first."""
        moved = self._ground.moved
        if not moved:
            return {}
        named = (activity.mount_path or "", *(volume.remote for volume in self._draft.volumes))
        return {path: moved[path] for path in named if path in moved}

    def _options(self, activity: ActivityDraft) -> dict[str, Any]:
        options = {"shell": "bash", "capture": False, ATTEMPT_VARIABLE: "ACTIVITY_ATTEMPT"}
        if binds := self._binds(activity):
            options |= {binding.BINDS: binds, binding.DIRECTORY_VARIABLE: MOUNT_PATH_VARIABLE}
        return options

    def _action(self, activity: ActivityDraft, index: int, directory: Place) -> Action:
        command = activity.command
        if command is None and not activity.run.strip():
            return Nothing()
        draft = self._draft
        environment: dict[str, Template] = {
            "WORKFLOW_NAME": Literal(draft.name),
            "WORKFLOW_ID": Expr("execution.number"),
            "WORKFLOW_NAMESPACE": Literal(draft.namespace),
            "ACTIVITY_NAME": Literal(activity.name),
            "ACTIVITY_ID": Expr(f"execution.number + {activity_id(0, index)}"),
            MOUNT_PATH_VARIABLE: directory.argument(),
        }
        given: dict[str, Template] = {}
        argv = None
        if command is not None:
            argv = tuple(Literal(word) for word in (*command.entrypoint, *command.arguments))
            given = {name: Literal(value) for name, value in command.environment.items()}
        return RunCommand(
            script=activity.run if command is None else None,
            argv=argv,
            environment=given | environment,
            runtime=activity.effective,
            image=activity.image or None,
            directory=directory.template(),
            resources=Resources(cpus=activity.cpus, memory=activity.memory),
            outputs=activity.outputs,
            recording=self._recording(activity),
            options=self._options(activity),
        )

    def _recording(self, activity: ActivityDraft) -> Recording | None:
        """Return what is noted of an activity's files, where its directory is one of this machine."""
        depth = self._ground.provenance
        if depth == "off" or activity.effective != "local":
            return None
        sources = self._sources.get(activity.name, ())
        return Recording(
            depth=depth, inputs=activity.inputs, sources=tuple(source.argument() for source in sources)
        )


def _activity_notes(
    activity: ActivityDraft, directory: Place, limits: Mapping[str, str], warnings: tuple[str, ...]
) -> dict[str, Any]:
    """Return what an answer shows of an activity and the model has no place for; defaults are left out."""
    command = activity.command
    notes = {
        "runtime": activity.runtime,
        "effective": activity.effective if activity.effective != activity.runtime else "",
        "run": activity.run if activity.run and not activity.run.strip() else "",
        "image": activity.image,
        "command": None
        if command is None
        else {
            "entrypoint": list(command.entrypoint),
            "arguments": list(command.arguments),
            "environment": command.environment,
        },
        "mount_path": activity.mount_path,
        "directory": msgspec.to_builtins(directory),
        "cpu_limit": activity.cpu_limit,
        "memory_limit": activity.memory_limit,
        "limits": dict(limits),
        "depends_on": list(activity.depends_on),
        "node_selector": activity.node_selector,
        "keep_disk": activity.keep_disk,
        "inputs": list(activity.inputs),
        "outputs": [] if activity.run.strip() or command is not None else list(activity.outputs),
        "warnings": list(warnings),
    }
    return {key: value for key, value in notes.items() if value}


def _workflow_notes(draft: WorkflowDraft, ground: Ground) -> dict[str, Any]:
    notes: dict[str, Any] = {
        "activities": len(draft.activities),
        "namespace": draft.namespace,
        "runtime": draft.runtime,
        "image": draft.image,
        "schedule": draft.schedule,
        "storage_policy": draft.storage_policy,
        "storage_class": draft.storage_class,
        "storage_size": draft.storage_size,
        "volumes": [volume.written for volume in draft.volumes],
        "mount_path": draft.mount_path,
        "webhooks": [
            {"name": hook.name, "url": hook.url, "events": list(hook.events), "secret": hook.secret}
            for hook in draft.webhooks
        ],
    }
    if any("WORKFLOW_DONE" in hook.events for hook in draft.webhooks):
        notes["raw"] = base64.b64encode(ground.source).decode()
    return {key: value for key, value in notes.items() if value}
