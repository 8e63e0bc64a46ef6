"""Tells how well the tiles of a finished mosaic fit together, with the correction and without it.

    python seams.py DIRECTORY

measures two things, both in the units of the images, so that 0 is perfect and the noise tells what is small:
the step that a mosaic makes at the sides of its tiles, and the difference of tiles where they overlap.
Of each it tells the middle one of all tiles (or pairs) and the worst.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from footprints import Grid

NEAR, FAR = 2, 6
"""The step is measured between strips that begin and end so many pixels from a side of a tile."""

PIECE = 40
"""Sides are measured in pieces of so many pixels, because two planes may cross in the middle of a side."""


def brightness(mosaic: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the values of the pixels at points (x, y); outside of the mosaic they are not numbers."""
    x, y = np.rint(points).astype(int).T
    height, width = mosaic.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return np.where(inside, mosaic[y.clip(0, height - 1), x.clip(0, width - 1)], np.nan)


def steps(mosaic: np.ndarray, outline: np.ndarray) -> Iterator[float]:
    """Yield the step across each piece of each side of an outline, where the mosaic goes on beyond it."""
    middle = outline.mean(axis=0)
    for begin, end in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        length = float(np.hypot(*(end - begin)))
        along = (end - begin) / length
        inwards = np.array([-along[1], along[0]])
        inwards = inwards if np.dot(middle - begin, inwards) > 0 else -inwards
        for start in range(PIECE // 2, int(length) - PIECE, PIECE):
            line = begin + along * np.arange(start, start + PIECE)[:, None]
            sides = [
                np.concatenate([brightness(mosaic, line + sign * far * inwards) for far in range(NEAR, FAR)])
                for sign in (1, -1)
            ]
            if not np.isnan(sides).any():
                yield abs(float(np.median(sides[0]) - np.median(sides[1])))


def seams(path: Path, tiles: list[Path]) -> dict[str, float]:
    """Return the middle step of a mosaic at the sides of its tiles, for the middle tile and the worst."""
    mosaic, header = fits.getdata(path), fits.getheader(path)
    outlines = [WCS(header).all_world2pix(WCS(fits.getheader(tile)).calc_footprint(), 0) for tile in tiles]
    return middle_and_worst([float(np.median(list(steps(mosaic, outline)))) for outline in outlines])


def difference(one: Path, other: Path) -> float:
    """Return by how much two images of one grid differ in the middle, where both have pixels."""
    pictures = []
    for path in (one, other):
        header = fits.getheader(path)
        corner = [-int(header["CRPIX2"] - 0.5), -int(header["CRPIX1"] - 0.5)]
        pictures.append((fits.getdata(path), np.array(corner)))
    (a, at), (b, other_at) = pictures
    low = np.maximum(at, other_at)
    high = np.minimum(at + a.shape, other_at + b.shape)
    a, b = (
        picture[tuple(slice(*each) for each in zip(low - place, high - place, strict=True))]
        for picture, place in ((a, at), (b, other_at))
    )
    return abs(float(np.nanmedian(a - b)))


def middle_and_worst(values: list[float]) -> dict[str, float]:
    """Return two numbers that tell of many."""
    return {"middle": round(float(np.median(values)), 2), "worst": round(max(values), 2)}


def measure(directory: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the steps and the differences, for the mosaic and for what it would be without correction."""
    tiles = sorted((directory / "raw").glob("*.fits"))
    pairs = [(tiles[one].name, tiles[other].name) for one, other in Grid(tiles).overlaps()]
    return {
        name: {
            "step": seams(directory / f"{mosaic}.fits", tiles),
            "difference": middle_and_worst(
                [difference(directory / folder / one, directory / folder / other) for one, other in pairs]
            ),
        }
        for name, mosaic, folder in (
            ("uncorrected", "uncorrected", "projected"),
            ("corrected", "mosaic", "corrected"),
        )
    }


def main() -> None:
    """Read the command line and tell what is found, as JSON."""
    parser = argparse.ArgumentParser(description="Measure how well the tiles of a mosaic fit together.")
    parser.add_argument("directory", type=Path)
    found = measure(parser.parse_args().directory)
    lines = [f"{json.dumps(name)}: {json.dumps(values)}" for name, values in found.items()]
    print("{\n  " + ",\n  ".join(lines) + "\n}")


if __name__ == "__main__":
    main()
