"""Reads the root of a document and its `spec` (section 2.3), and from there its activities."""

from __future__ import annotations

from headrace.dialects.akoflow import activities, dependencies, places
from headrace.dialects.akoflow.dependencies import Shape
from headrace.dialects.akoflow.drafts import ActivityDraft, WorkflowDraft
from headrace.dialects.akoflow.findings import Findings
from headrace.dialects.akoflow.inherited import Inherited
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.tables import Table, is_absent, kind_of
from headrace.dialects.akoflow.webhooks import webhooks_of
from headrace.dialects.akoflow.wire import (
    EDGES_PER_ACTIVITY,
    MOST_PROBLEMS,
    POLICY_KEYS,
    ROOT_KEYS,
    ROOT_LEFT_OVER,
    SPEC_KEYS,
    SPEC_LEFT_OVER,
    STORAGE_POLICIES,
)
from headrace.security.documents import Document

_NAMESPACE = "default"


class Reading:
    """One document on its way to a draft."""

    def __init__(self, document: Document, around: Surroundings, findings: Findings) -> None:
        self._document = document
        self._around = around
        self._findings = findings
        self.shape = Shape(0, 0)

    def draft(self) -> WorkflowDraft | None:
        """Return the draft; when problems were told, None or anything at all."""
        value = self._document.value
        if not isinstance(value, dict):
            message = f"The document must be a mapping with 'name' and 'spec'; it is {kind_of(value)}."
            self._findings.problem("", "not_a_mapping", message)
            return None
        root = Table(value, "", self._findings)
        root.check_keys(ROOT_KEYS, ROOT_LEFT_OVER)
        name = activities.name_of(root, "A workflow")
        spec = self._spec(root)
        if spec is None:
            return None
        written = spec.text("runtime")
        is_refused = written is None and spec.has("runtime")
        runtime = written or ""
        inherited = Inherited(
            self._around,
            spec,
            runtime=runtime,
            image=spec.text("image") or "",
            mount_path=places.directory_of(spec, "mountPath", self._around.why_refused),
        )
        policy, storage_class, storage_size = self._storage(spec)
        schedule = spec.text("schedule") or ""
        self._tell_unread(spec, schedule)
        made = WorkflowDraft(
            name=name,
            namespace=spec.text("namespace") or _NAMESPACE,
            runtime=runtime,
            image=inherited.image,
            schedule=schedule,
            storage_policy=policy,
            storage_class=storage_class,
            storage_size=storage_size,
            volumes=places.volumes_of(spec, self._around.why_refused_here, self._around.why_refused),
            mount_path=inherited.mount_path,
            webhooks=webhooks_of(spec, self._around),
            activities=self._activities(spec, inherited),
        )
        if inherited.takes_default and not is_refused:
            message = f"The workflow names no runtime; '{self._around.default_runtime}' is taken."
            spec.warn("runtime", "runtime_defaulted", message)
        self._judge(made, spec)
        return made

    def _spec(self, root: Table) -> Table | None:
        """Return the `spec` with the keys that stand at the root; both places at once are a problem."""
        moved = frozenset(key for key in SPEC_KEYS if root.has(key))
        value = root.values.get("spec")
        if is_absent(value):
            if not moved:
                root.problem("spec", "spec_missing", "A workflow needs a 'spec' with its activities.")
                return None
            value = {}
        if not isinstance(value, dict):
            root.wrong_type("spec", "a mapping", value)
            return None
        Table(value, "/spec", self._findings).check_keys(SPEC_KEYS, SPEC_LEFT_OVER)
        for key in sorted(moved & {key for key, inner in value.items() if not is_absent(inner)}):
            message = f"'{key}' stands at the root and in 'spec'; keep the one in 'spec'."
            root.problem(key, "key_twice", message)
        for key in moved:
            root.warn(key, "moved_to_spec", f"'{key}' belongs into 'spec'; it is read from there.", "spec")
        merged = {key: root.values[key] for key in moved}
        return Table({**value, **merged}, "/spec", self._findings, moved=moved)

    def _storage(self, spec: Table) -> tuple[str, str, str]:
        """Return storage policy, class and size; the nested spelling of the last two wins."""
        around, nested = self._around, spec.table("storagePolicy")
        policy = ""
        found = _storage_of(spec)
        if nested is not None:
            nested.check_keys(POLICY_KEYS)
            policy = nested.text("type") or ""
            if policy and policy not in STORAGE_POLICIES:
                near = self._findings.nearest(policy, STORAGE_POLICIES) or "default"
                message = (
                    f"The storage policies are default, distributed and standalone, not '{policy[:80]}'."
                )
                nested.problem("type", "unknown_storage_policy", message, near)
            for key, newer in _storage_of(nested).items():
                older = found[key]
                if newer and older and newer != older:
                    message = f"'{key}' is given twice; the one in 'storagePolicy' counts."
                    nested.warn(key, "storage_given_twice", message)
                found[key] = newer or older
        return policy or around.default_policy, found["storageClassName"], found["storageSize"]

    def _tell_unread(self, spec: Table, schedule: str) -> None:
        for key in ("storageAkoflowPolicy", "nfsServer"):
            if spec.has(key):
                spec.warn(key, "legacy_ignored", f"'{key}' is of an older layout and is ignored.")
        known = self._around.schedules
        if schedule and known is not None and schedule not in known:
            near = self._findings.nearest(schedule, known)
            message = f"There is no schedule '{schedule[:80]}'; placement is the default."
            spec.warn("schedule", "unknown_schedule", message, near)

    def _activities(self, spec: Table, inherited: Inherited) -> tuple[ActivityDraft, ...]:
        items = spec.values.get("activities")
        if not isinstance(items, list) or not items:
            found = "" if is_absent(items) or items == [] else f" It is {kind_of(items)}."
            message = f"A workflow needs a list of at least one activity.{found}"
            spec.problem("activities", "activities_missing", message)
            return ()
        most = self._around.max_activities
        if len(items) > most:
            message = f"There are {len(items)} activities; at most {most} are taken."
            spec.problem("activities", "too_many_activities", message)
            return ()
        drafts: list[ActivityDraft] = []
        tables: list[Table] = []
        index: dict[str, int] = {}
        at = spec.at("activities")
        for place, item in enumerate(items):
            path = f"{at}/{place}"
            if not isinstance(item, dict):
                message = f"An activity must be a mapping; this is {kind_of(item)}."
                self._findings.problem(path, "not_a_mapping", message)
                continue
            table = Table(item, path, self._findings)
            name = activities.name_of(table, "An activity")
            first = index.setdefault(name, len(drafts)) if name else len(drafts)
            if first != len(drafts):
                self._tell_twice(name, tables[first], table)
            tables.append(table)
            drafts.append(activities.read_activity(table, name, inherited))
        self._edges(spec, drafts, tables, index)
        for draft, table in zip(drafts, tables, strict=True):
            if draft.image and draft.effective == "local":
                message = "The image is ignored: activities on local run on this machine as it is."
                (table if table.has("image") else spec).warn("image", "image_ignored", message)
                break
        return tuple(drafts)

    def _tell_twice(self, name: str, first: Table, second: Table) -> None:
        lines = ""
        if len(self._findings.problems) < MOST_PROBLEMS:
            places_of = [self._document.locate(table.at("name")) for table in (first, second)]
            numbers = " and ".join(str(place.line) for place in places_of if place)
            lines = f" (lines {numbers})"
        second.problem("name", "duplicate_activity", f"Two activities are called '{name}'{lines}.")

    def _edges(
        self, spec: Table, drafts: list[ActivityDraft], tables: list[Table], index: dict[str, int]
    ) -> None:
        count = sum(len(draft.depends_on) for draft in drafts)
        most = self._around.max_activities * EDGES_PER_ACTIVITY
        if count > most:
            message = f"There are {count} dependencies; at most {most} are taken."
            spec.problem("activities", "too_many_edges", message)
            return
        self.shape = dependencies.check(drafts, tables, index, self._findings)

    def _judge(self, made: WorkflowDraft, spec: Table) -> None:
        """Tell what cannot be met by the runtimes that the activities ask for."""
        if made.volumes:
            self._judge_volumes(made, spec)

    def _judge_volumes(self, made: WorkflowDraft, spec: Table) -> None:
        names = {each.effective for each in made.activities}
        used = {name: found for name, found in self._around.runtimes.items() if name in names}
        for name, found in used.items():
            if not found.volumes:
                message = f"The runtime '{name}' can have no volumes."
                spec.problem("volumes", "volume_unsupported", message)
        if any(found.images for found in used.values()):
            for volume in made.volumes:
                if (why := self._around.why_not_bound(volume.local)) is not None:
                    spec.problem("volumes", "host_path_refused", why)


def _storage_of(table: Table) -> dict[str, str]:
    """Return class and size of the storage as they are written here."""
    return {
        "storageClassName": table.text("storageClassName") or "",
        "storageSize": activities.memory_of(table, "storageSize")[1],
    }
