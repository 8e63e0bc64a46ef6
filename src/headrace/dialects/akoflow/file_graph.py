"""The files and activities of a run as a graph (section 6): who made which file, and who used it.

The graph is followed between versions of paths, so that who changed a file later is not taken for somebody
whose work an earlier reader saw; it is shown by paths, with the hash of the version on each edge.
A walk never recurses, because a chain of activities may be as long as a run is large.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal as OneOf

from msgspec import Struct

from headrace.dialects.akoflow.file_names import FileNames
from headrace.store.provenance_rows import FileVersion, RecordedUse

Label = OneOf["wasGeneratedBy", "used"]
MADE: Label = "wasGeneratedBy"
USED: Label = "used"

Direction = OneOf["upstream", "downstream"]
DIRECTIONS: tuple[Direction, ...] = ("upstream", "downstream")

Answer = dict[str, Any]


class Edge(Struct, frozen=True):
    """An activity made a version of a path, or used it."""

    activity: str
    version: FileVersion
    label: Label
    is_certain: bool


def edges_of(uses: Iterable[RecordedUse]) -> Iterator[Edge]:
    """Yield the edges of uses in their order; who deletes a file neither makes nor reads it."""
    for each in uses:
        use = each.use
        if each.before is not None and use.kind in ("read", "modified"):
            yield Edge(use.task, each.before, USED, use.is_certain)
        if each.after is not None:
            yield Edge(use.task, each.after, MADE, use.is_certain)


class FileGraph:
    """What the activities of a run did with files."""

    def __init__(self, uses: Sequence[RecordedUse], names: FileNames) -> None:
        """Take the uses in the order of their numbers."""
        self._edges = list(edges_of(uses))
        self._path = {edge.version.number: names.of(edge.version) for edge in self._edges}
        self._latest: dict[str, FileVersion] = {}
        self._deleted: set[str] = set()
        for each in uses:
            self._now(each, self._path.setdefault(each.version.number, names.of(each.version)))
        self._made = {self._path[edge.version.number] for edge in self._edges if edge.label == MADE}

    def _now(self, found: RecordedUse, path: str) -> None:
        """Take note of how a file is; who reads late had found it as it was, which says nothing of that."""
        known, version = self._latest.get(path), found.version
        if found.use.kind == "deleted":
            self._deleted.add(path)
        elif known is None or known.number < version.number:
            self._deleted.discard(path)
        else:
            return
        self._latest[path] = version

    def whole(self, activities: Iterable[str]) -> Answer:
        """Return all of the graph, with all these activities."""
        return self._shown(activities, self._latest, self._edges)

    def part(self, path: str, direction: Direction, depth: int | None) -> Answer | None:
        """Return what leads to a path, or what it leads to; None where nothing is known of the path.

        `depth` counts edges: 1 is who made (or used) the file, 2 also what they used (or made).
        """
        if path not in self._latest:
            return None
        at_file, at_activity = (MADE, USED) if direction == "upstream" else (USED, MADE)
        by_version: dict[int, list[int]] = {}
        by_activity: dict[str, list[int]] = {}
        for place, edge in enumerate(self._edges):
            if edge.label == at_file:
                by_version.setdefault(edge.version.number, []).append(place)
            if edge.label == at_activity:
                by_activity.setdefault(edge.activity, []).append(place)
        taken: set[int] = set()
        activities: dict[str, None] = {}
        versions = dict.fromkeys(number for number, name in self._path.items() if name == path)
        front: list[int] = list(versions)
        steps = 0
        while front and (depth is None or steps < depth):
            found = [place for number in front for place in by_version.get(number, ())]
            taken.update(found)
            fresh = dict.fromkeys(self._edges[place].activity for place in found)
            fresh = {name: None for name in fresh if name not in activities}
            activities |= fresh
            steps += 1
            if depth is not None and steps >= depth:
                break
            found = [place for name in fresh for place in by_activity.get(name, ())]
            taken.update(found)
            numbers = dict.fromkeys(self._edges[place].version.number for place in found)
            front = [number for number in numbers if number not in versions]
            versions |= dict.fromkeys(front)
            steps += 1
        edges = [self._edges[place] for place in sorted(taken)]
        paths = {path: None} | {self._path[number]: None for number in versions}
        return self._shown(activities, paths, edges)

    def _shown(self, activities: Iterable[str], paths: Iterable[str], edges: Iterable[Edge]) -> Answer:
        nodes = [{"id": f"activity:{name}", "label": name, "type": "activity"} for name in activities]
        nodes += [self._file(path) for path in paths]
        shown: dict[tuple[Any, ...], Answer] = {}
        for edge in edges:
            version = edge.version
            activity, file = f"activity:{edge.activity}", f"file:{self._path[version.number]}"
            ends = (activity, file) if edge.label == MADE else (file, activity)
            shown[*ends, version.number] = {
                "from": ends[0],
                "to": ends[1],
                "label": edge.label,
                **hash_of(version),
                "certain": edge.is_certain,
            }
        return {"nodes": nodes, "edges": list(shown.values())}

    def _file(self, path: str) -> Answer:
        version = self._latest[path]
        node = {
            "id": f"file:{path}",
            "label": path,
            "type": "file" if path in self._made else "preExisting",
            **hash_of(version),
            "sizeBytes": version.size,
        }
        if version.link is not None:
            node["link"] = version.link
        return node | {"deleted": True} if path in self._deleted else node


def hash_of(version: FileVersion) -> Answer:
    """Return the hash of a version as answers show it, null while it is not known."""
    shown: Answer = {"sha256": version.sha256}
    return shown | {"superseded": True} if version.is_superseded else shown
