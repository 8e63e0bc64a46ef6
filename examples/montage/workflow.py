"""Writes the AkoFlow document that makes a mosaic of the FITS images in DIRECTORY/raw.

    python workflow.py DIRECTORY

writes `DIRECTORY/montage.yaml`, and beside it what its tools read: the grid of the mosaic (`region.hdr`) and
two lists (`tiles.tbl`, `fits.lst`).
A document does not grow while it runs, so which images overlap is computed here, from their headers.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from footprints import Grid

SHRINK = 2
"""The pictures are smaller than the mosaics by this factor."""

PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+\.fits")

Activity = dict[str, Any]


def checked(command: str, told: str = 'stat="OK"') -> str:
    """Return a command that fails unless its tool tells of success; some exit with 0 when they failed."""
    check = f'/{told}/ {{ok = 1; print; next}} {{print > "/dev/stderr"}} END {{exit !ok}}'
    return f"{command} |\n  awk '{check}'"


def activity(
    name: str, *commands: str, after: Iterable[str], reads: Iterable[str], makes: Iterable[str]
) -> Activity:
    """Return an activity that takes one processor and stops at the first command that fails."""
    return {
        "name": name,
        "run": " &&\n".join(commands) + "\n",
        "dependsOn": list(after),
        "cpuLimit": 1,
        "inputs": list(reads),
        "outputs": list(makes),
    }


def projecting(tiles: list[str]) -> Iterator[Activity]:
    """Turn each image onto the grid of the mosaic."""
    for tile in tiles:
        yield activity(
            f"project {tile}",
            "mkdir -p projected",
            checked(f"mProject raw/{tile}.fits projected/{tile}.fits region.hdr"),
            after=[],
            reads=[f"raw/{tile}.fits", "region.hdr"],
            makes=[f"projected/{tile}.fits"],
        )


def fitting(pairs: list[tuple[str, str]]) -> Iterator[Activity]:
    """Lay a plane through the difference of each overlapping pair.

    Areas are left out (`-n`) here and in what follows: mProject finds an area of nearly a steradian for a few
    pixels, and mDiff, which compares each with the average, would then keep none ("All pixels are blank").
    """
    for one, other in pairs:
        images = f"projected/{one}.fits projected/{other}.fits"
        name = f"fits/{one}+{other}"
        yield activity(
            f"fit {one} {other}",
            "mkdir -p fits",
            checked(f"mDiffFit -n {images} {name}.fits region.hdr | tee {name}.txt"),
            after=[f"project {one}", f"project {other}"],
            reads=[*images.split(), "region.hdr"],
            makes=[f"{name}.txt"],
        )


def modelling(pairs: list[tuple[str, str]]) -> Iterator[Activity]:
    """Find the planes, one for each image, that make all differences vanish as well as they can."""
    count = f"count={len(pairs)}, failed=0, missing=0, warning=0"
    yield activity(
        "collect fits",
        checked("mConcatFit fits.lst fits.tbl fits", f'stat="OK", {count}'),
        after=[f"fit {one} {other}" for one, other in pairs],
        reads=["fits.lst", *(f"fits/{one}+{other}.txt" for one, other in pairs)],
        makes=["fits.tbl"],
    )
    yield activity(
        "model backgrounds",
        checked("mBgModel projected.tbl fits.tbl corrections.tbl"),
        after=["list projected", "collect fits"],
        reads=["projected.tbl", "fits.tbl"],
        makes=["corrections.tbl"],
    )


def correcting(tiles: list[str]) -> Iterator[Activity]:
    """Take from each image its plane; mBackground looks for the bare file name in the tables."""
    for tile in tiles:
        command = (
            f"mBackground -n -t {tile}.fits ../corrected/{tile}.fits ../projected.tbl ../corrections.tbl"
        )
        yield activity(
            f"correct {tile}",
            "mkdir -p corrected",
            "cd projected",
            checked(command),
            after=["model backgrounds"],
            reads=[f"projected/{tile}.fits", "projected.tbl", "corrections.tbl"],
            makes=[f"corrected/{tile}.fits"],
        )


def adding(tiles: list[str], folder: str, mosaic: str, after: list[str]) -> Iterator[Activity]:
    """List the images of a folder, add them up to a mosaic, and make a picture of it."""
    images = [f"{folder}/{tile}.fits" for tile in tiles]
    found = f'stat="OK".* count={len(tiles)},.* badfits=0, badwcs=0'
    yield activity(
        f"list {folder}",
        checked(f"mImgtbl -t tiles.tbl {folder} {folder}.tbl", found),
        after=after,
        reads=["tiles.tbl", *images],
        makes=[f"{folder}.tbl"],
    )
    yield activity(
        f"add {folder}",
        checked(f"mAdd -n -p {folder} {folder}.tbl region.hdr {mosaic}.fits"),
        after=[f"list {folder}"],
        reads=[f"{folder}.tbl", "region.hdr", *images],
        makes=[f"{mosaic}.fits"],
    )
    yield activity(
        f"show {folder}",
        checked(f"mShrink {mosaic}.fits {mosaic}-small.fits {SHRINK}"),
        checked(f"mViewer -gray {mosaic}-small.fits 1% 99.98% gaussian-log -out {mosaic}.png"),
        after=[f"add {folder}"],
        reads=[f"{mosaic}.fits"],
        makes=[f"{mosaic}.png"],
    )


def document(directory: Path, tiles: list[str], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the whole document: the mosaic, and the same without the correction, to compare."""
    graph = chain(
        projecting(tiles),
        fitting(pairs),
        adding(tiles, "projected", "uncorrected", [f"project {tile}" for tile in tiles]),
        modelling(pairs),
        correcting(tiles),
        adding(tiles, "corrected", "mosaic", [f"correct {tile}" for tile in tiles]),
    )
    return {
        "name": "montage",
        "spec": {"runtime": "local", "mountPath": str(directory), "activities": list(graph)},
    }


class Readable(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and the same list in full each time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Return that nothing is written by reference."""
        return True


Readable.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, "|" if "\n" in text else None
    ),
)


def table(types: dict[str, str], rows: list[tuple[object, ...]]) -> str:
    """Return a table as Montage reads it: values stand below their column, between its bars."""
    lines = [tuple(types), tuple(types.values()), *rows]
    width = max(len(str(cell)) for line in lines for cell in line) + 1
    bars = ["|", "|", *" " * len(rows)]
    return "".join(
        bar + bar.join(f"{cell!s:{width}}" for cell in line) + bar + "\n"
        for bar, line in zip(bars, lines, strict=True)
    )


def write(directory: Path) -> str:
    """Write the document with what it reads into a directory, and return how large it is."""
    images = sorted((directory / "raw").glob("*.fits"))
    if len(images) < 2 or not all(PLAIN_NAME.fullmatch(image.name) for image in images):
        sys.exit(f"{directory / 'raw'} must hold at least two images with plain names, such as tile-01.fits.")
    grid = Grid(images)
    tiles = [image.stem for image in images]
    places = grid.overlaps()
    pairs = [(tiles[one], tiles[other]) for one, other in places]
    made = document(directory, tiles, pairs)
    fits = [(*place, f"{one}+{other}.txt") for place, (one, other) in zip(places, pairs, strict=True)]
    files = {
        "region.hdr": grid.header(),
        "tiles.tbl": table({"fname": "char"}, [(image.name,) for image in images]),
        "fits.lst": table({"cntr1": "int", "cntr2": "int", "stat": "char"}, fits),
        "montage.yaml": yaml.dump(made, Dumper=Readable, sort_keys=False, width=200, default_flow_style=None),
    }
    for name, text in files.items():
        (directory / name).write_text(text)
    count = len(made["spec"]["activities"])
    return (
        f"{directory / 'montage.yaml'}: {count} activities for {len(tiles)} tiles and {len(pairs)} overlaps"
    )


def main() -> None:
    """Read the command line and write the document."""
    parser = argparse.ArgumentParser(description="Write the workflow that makes a mosaic of DIRECTORY/raw.")
    parser.add_argument("directory", type=Path)
    print(write(parser.parse_args().directory.resolve()))


if __name__ == "__main__":
    main()
