"""Workflows of activities in the shapes of two well-known applications, and a large one: pure text.

The shapes are those that WfCommons describes for 1000genome and Montage, in the sizes that people publish.
What an activity runs is a script for bash, the same one for everybody who is measured.
This file leans on the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from bench.works import Work

CHROMOSOMES, INDIVIDUALS, POPULATIONS = 22, 25, 7
"""Of the 1000genome: files of individuals per chromosome, and populations that each is compared for."""

IMAGES = 16
"""Of Montage: images that are projected."""

NEIGHBOURS = (1, 4)
"""Which images overlap: the next one, and, as far as there are pairs left, the one so many further on."""

PAIRS = 21

IMAGE_BYTES = 2 * 1024**2

PASSES = 10
"""How often an activity of Montage reads its images: less than 0.1 s of work, where the real mProject needs
more than a second for one of them; what it writes is read once more by Headrace, which hashes it."""

LAYERS = 8
"""Of the large workflow."""

OFFSETS = (0, 7, 13, 29)
"""Which activities of the layer before one of the large workflow waits for, counted from its own place."""


@dataclass(frozen=True)
class Activity:
    """One activity."""

    name: str
    run: str
    """A script for bash, which begins in a directory that all share."""
    after: tuple[str, ...] = ()


def of_work(work: Work, sky: str) -> list[Activity]:
    """Return the activities of a piece of work, dependencies first; `sky` is where the images lie."""
    match work.shape:
        case "genome":
            return list(genome())
        case "montage":
            return list(montage(sky))
        case "chain" | "fanout" | "shell":
            raise NotImplementedError
        case _:
            assert_never(work.shape)


def genome() -> Iterator[Activity]:
    """Yield the 902 activities of 22 chromosomes, each of which runs `true`."""
    for chromosome in range(1, CHROMOSOMES + 1):
        parts = [f"individuals_{chromosome}_{part}" for part in range(INDIVIDUALS)]
        for part in parts:
            yield Activity(part, "true")
        merged, sifted = f"individuals_merge_{chromosome}", f"sifting_{chromosome}"
        yield Activity(merged, "true", tuple(parts))
        yield Activity(sifted, "true")
        for population in range(POPULATIONS):
            yield Activity(f"mutation_overlap_{chromosome}_{population}", "true", (merged, sifted))
            yield Activity(f"frequency_{chromosome}_{population}", "true", (merged, sifted))


def montage(sky: str) -> Iterator[Activity]:
    """Yield the 58 activities of a mosaic of 16 images, which read, hash and write files of 2 MiB."""
    images = range(IMAGES)
    for image in images:
        raw = f"{sky}/raw_{image}.bin"
        yield Activity(f"mProject_{image}", f"{_looked_at(raw)} >area_{image}\ncp {raw} proj_{image}")
    pairs = [(one, (one + step) % IMAGES) for step in NEIGHBOURS for one in images][:PAIRS]
    for number, (one, other) in enumerate(pairs):
        run = f"{_looked_at(f'proj_{one}', f'proj_{other}')} >diff_{number}"
        yield Activity(f"mDiffFit_{number}", run, (f"mProject_{one}", f"mProject_{other}"))
    differences = tuple(f"mDiffFit_{number}" for number in range(len(pairs)))
    yield Activity("mConcatFit", "cat diff_* >fits.tbl", differences)
    yield Activity("mBgModel", "sha256sum fits.tbl >corrections.tbl", ("mConcatFit",))
    for image in images:
        run = f"{_looked_at(f'proj_{image}')} >level_{image}\ncat proj_{image} corrections.tbl >corr_{image}"
        yield Activity(f"mBackground_{image}", run, ("mBgModel", f"mProject_{image}"))
    corrected = tuple(f"mBackground_{image}" for image in images)
    yield Activity("mImgtbl", "sha256sum corr_* >images.tbl", corrected)
    yield Activity("mAdd", "cat corr_* >mosaic.bin", ("mImgtbl",))
    yield Activity("mViewer", "sha256sum mosaic.bin >mosaic.txt", ("mAdd",))


def layered(count: int, edges: int) -> Iterator[Activity]:
    """Yield so many activities `true` in eight layers, with so many edges from each layer to the next."""
    width = count // LAYERS
    least, more = divmod(edges, count - width)
    for index in range(count):
        layer, place = divmod(index, width)
        wanted = least + (index - width < more) if layer else 0
        sources = (((layer - 1) * width + (place + offset) % width) for offset in OFFSETS[:wanted])
        yield Activity(f"a{index}", "true", tuple(f"a{source}" for source in sources))


def document(name: str, activities: Sequence[Activity], cpus: float) -> str:
    """Return the AkoFlow document of activities that need so many processors each."""
    lines = [f"name: {name}", "spec:", "  runtime: local", "  activities:"]
    for activity in activities:
        lines += [f"    - name: {activity.name}", f"      run: {json.dumps(activity.run)}"]
        lines.append(f"      cpuLimit: {cpus:g}")
        if activity.after:
            lines.append(f"      dependsOn: [{', '.join(activity.after)}]")
    return "\n".join(lines) + "\n"


def _looked_at(*files: str) -> str:
    """Return a command that reads files again and again and says one line."""
    return f"for pass in {{1..{PASSES}}}; do cat {' '.join(files)}; done | sha256sum"
