"""Reads a document for one server: judged by what that is like, on the ground where its runs will stand.

All that is known without the store comes from the settings and the runtimes, so documents are judged alike
with a server and without one; only who has a store can look whether schedules and secrets are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from headrace.dialects.akoflow.compiling import NOT_BOUND, Ground
from headrace.dialects.akoflow.drafts import WorkflowDraft
from headrace.dialects.akoflow.findings import told
from headrace.dialects.akoflow.host_paths import HostPaths
from headrace.dialects.akoflow.parse import Parsed, parse
from headrace.dialects.akoflow.places import mapped
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.errors import Problem
from headrace.runtimes.protocol import Capabilities
from headrace.security.documents import read_yaml_texts
from headrace.security.egress import Egress
from headrace.settings import Settings

Runtimes = Mapping[str, Capabilities]
"""What each runtime can do, by its name."""


def surroundings_of(settings: Settings, runtimes: Runtimes) -> Surroundings:
    """Return the surroundings of a document, as far as they are known without a store."""
    wanted, paths = settings.akoflow, HostPaths.of(settings)
    return Surroundings(
        runtimes=taking_commands(runtimes),
        switched_off={
            name.lower(): found.why_no_commands
            for name, found in runtimes.items()
            if found.why_no_commands is not None
        },
        default_runtime=wanted.default_runtime,
        unknown_runtime=wanted.unknown_runtime,
        default_policy=wanted.default_storage_policy,
        max_activities=min(wanted.max_activities, settings.max_tasks),
        max_run=wanted.max_run,
        check_url=Egress(settings.egress_allow).check_url,
        why_refused=paths.why_refused,
        why_refused_here=paths.why_refused_here,
        why_not_bound=paths.why_not_bound,
        cpus=settings.local.cpus,
        memory=settings.local.memory,
    )


def taking_commands(runtimes: Runtimes) -> dict[str, Capabilities]:
    """Return the runtimes that take commands."""
    return {name: found for name, found in runtimes.items() if found.commands}


def read_for(source: bytes, settings: Settings, runtimes: Runtimes, around: Surroundings) -> Parsed:
    """Return what became of a document; its paths are looked up on the disk."""
    parsed = parse(source, around)
    if parsed.draft is None:
        return parsed
    ground = _ground(parsed.draft, source, settings, runtimes)
    moved = _moved(parsed.draft, ground)
    if moved:  # rarely: it is read once more, to tell the lines
        moved = [*told(moved, read_yaml_texts(source)).shown]
    found = replace(parsed, ground=ground, warnings=(*parsed.warnings, *moved))
    assert found.definition is not None  # compiled here, because a large one takes its time
    return found


def _ground(draft: WorkflowDraft, source: bytes, settings: Settings, runtimes: Runtimes) -> Ground:
    """Return where the runs of a document stand on this server."""
    wanted = settings.akoflow
    paths = {each.mount_path for each in draft.activities if each.mount_path is not None}
    paths |= {volume.remote for volume in draft.volumes}
    moved = {path: place for path in paths if (place := mapped(path, wanted.path_map)) != path}
    displaced = _that_cannot_be_made(paths - moved.keys()) if draft.is_tried_out else frozenset()
    limits = {name: dict(limit.split(":", 1) for limit in found.limits) for name, found in runtimes.items()}
    names = {each.effective for each in draft.activities}
    used = {name: found for name, found in taking_commands(runtimes).items() if name in names}
    unbound = frozenset(name for name, found in used.items() if not (found.binds or found.images))
    return Ground(moved, unbound, displaced, wanted.standalone_link, source, limits, wanted.provenance)


def _moved(draft: WorkflowDraft, ground: Ground) -> list[Problem]:
    """Return which paths are not what the document says, and which volumes begin empty."""
    warnings = [
        Problem(
            path=_place_of(path, draft),
            code=NOT_BOUND,
            message=f"'{path}' is '{place}' here and is seen there only: '{name}' cannot show it elsewhere.",
        )
        for name in sorted(ground.unbound)
        for path, place in sorted(ground.moved.items())
    ]
    warnings += [
        Problem(
            path=_place_of(path, draft),
            code="mount_path_moved",
            message=f"'{path}' cannot be made on this machine; one in the private directory is used instead.",
        )
        for path in sorted(ground.displaced)
    ]
    for place, volume in enumerate(draft.volumes if draft.is_tried_out else ()):
        if volume.mode != "out" and not Path(volume.local).is_dir():
            message = f"'{volume.local}' does not exist; the volume begins empty."
            path = f"/spec/volumes/{place}"
            warnings.append(Problem(path=path, code="volume_source_missing", message=message))
    return warnings


def _place_of(path: str, draft: WorkflowDraft) -> str:
    """Return the pointer of what names this directory first."""
    if path == draft.mount_path:
        return "/spec/mountPath"
    own = (
        f"/spec/activities/{place}/mountPath"
        for place, each in enumerate(draft.activities)
        if each.mount_path == path
    )
    volumes = (f"/spec/volumes/{place}" for place, each in enumerate(draft.volumes) if each.remote == path)
    return next(chain(own, volumes))


def _that_cannot_be_made(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(path for path in paths if not _can_be_made(Path(path)))


def _can_be_made(path: Path) -> bool:
    """Tell whether a directory is there or can be made, by making it; nothing of it is left."""
    made: list[Path] = []
    try:
        for place in reversed((path, *path.parents)):
            if not place.is_dir():
                place.mkdir()
                made.append(place)
    except OSError:
        return False
    finally:
        with suppress(OSError):  # somebody has put something there meanwhile
            for place in reversed(made):
                place.rmdir()
    return True
