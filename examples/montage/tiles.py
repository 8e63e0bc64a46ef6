"""Photographs a sky that does not exist, in overlapping FITS tiles.

    python tiles.py DIRECTORY

writes `DIRECTORY/raw/tile-01.fits` and so on.
The sky is one: where two tiles overlap they show the same stars, nebula and galaxy.
What differs is the camera: its angle against the grid, and a plane of stray light, as the moon leaves it.
The same seed gives the same tiles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

CENTRE = (83.6, 22.0)
"""Right ascension and declination of the middle of the field, in degrees."""

ARCSECONDS_PER_PIXEL = 2.0

OVERLAP = 0.26
"""How much of its side a tile shares with the next one; less would leave holes between turned tiles."""

MOST_TURN = 17.0
"""Tiles are turned by up to so many degrees, either way."""

NOISE = 2.5
"""Standard deviation of the noise of a pixel; stray light is some hundred times as bright."""


def camera(centre: tuple[float, float], size: int, angle: float) -> WCS:
    """Return the geometry of a square picture of `size` pixels, turned by `angle` degrees."""
    step = ARCSECONDS_PER_PIXEL / 3600
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = [(size + 1) / 2, (size + 1) / 2]
    wcs.wcs.cdelt = [-step, step]
    turn = np.radians(angle)
    wcs.wcs.pc = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return wcs


class Sky:
    """How bright each point is; `x` and `y` are pixels east and north of the middle of the field."""

    def __init__(self, dice: np.random.Generator, width: float, height: float) -> None:
        """Put stars, a nebula and a galaxy into a field of so many pixels."""
        self.width = width
        self.height = height
        count = int(width * height / 1400)
        self.star_x = dice.uniform(-0.55, 0.55, count) * width
        self.star_y = dice.uniform(-0.55, 0.55, count) * height
        self.star_peak = np.minimum(18 * dice.pareto(0.95, count) + 12, 9000)
        waves = 40
        length = np.geomspace(30, 0.9 * width, waves)
        heading = dice.uniform(0, 2 * np.pi, waves)
        self.wave_x = 2 * np.pi / length * np.cos(heading)
        self.wave_y = 2 * np.pi / length * np.sin(heading)
        self.wave_phase = dice.uniform(0, 2 * np.pi, waves)
        self.wave_size = (length / length.max()) ** 0.8

    def nebula(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return a cloud in the west: many waves, the longer the stronger."""
        waves = zip(self.wave_x, self.wave_y, self.wave_phase, self.wave_size, strict=True)
        cloud = sum(size * np.cos(kx * x + ky * y + phase) for kx, ky, phase, size in waves)
        far = ((x + 0.16 * self.width) / (0.26 * self.width)) ** 2 + (y / (0.36 * self.height)) ** 2
        return 70 * np.exp(0.55 * cloud / np.sqrt((self.wave_size**2).sum() / 2) - far)

    def galaxy(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return a spiral in the north-east, seen at a slant."""
        east, north = x - 0.26 * self.width, y - 0.14 * self.height
        tilt = np.radians(35)
        along = east * np.cos(tilt) + north * np.sin(tilt)
        across = (north * np.cos(tilt) - east * np.sin(tilt)) / 0.55
        radius = np.hypot(along, across) + 1e-6
        scale = 0.055 * self.height
        arms = 1 + 0.75 * np.cos(2 * np.arctan2(across, along) - 5.5 * np.log(radius / scale + 0.4))
        return 150 * arms * np.exp(-radius / scale) + 500 * np.exp(-((radius / (0.22 * scale)) ** 1.2))

    def add_stars(self, picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        """Add a round spot with a faint halo for each star; `x` and `y` are their pixels in the picture."""
        for star_x, star_y, peak in zip(x, y, self.star_peak, strict=True):
            reach = int(6 + 5 * np.log10(peak))
            top, left = max(round(star_y) - reach, 0), max(round(star_x) - reach, 0)
            near = picture[top : max(round(star_y) + reach, 0), left : max(round(star_x) + reach, 0)]
            if near.size:
                rows, columns = np.indices(near.shape)
                far = (columns + left - star_x) ** 2 + (rows + top - star_y) ** 2
                near += peak * (np.exp(-far / 3.4) + 0.012 * np.exp(-far / 30))


def stray_light(dice: np.random.Generator, size: int) -> np.ndarray:
    """Return a plane of a random height and slope, and the noise of the camera."""
    level = dice.uniform(150, 450)
    slope_x, slope_y = dice.uniform(-90, 90, 2) / size
    row, column = np.indices((size, size)) - size / 2
    return level + slope_x * column + slope_y * row + dice.normal(0, NOISE, (size, size))


def cameras(dice: np.random.Generator, columns: int, rows: int, size: int) -> list[WCS]:
    """Return where the tiles of a field lie, `columns` by `rows`: not quite in line, and each turned."""
    step = size * (1 - OVERLAP)
    field = camera(CENTRE, 1, 0)
    found = []
    for number in range(columns * rows):
        across, up, turn = dice.uniform(-1, 1, 3)
        east = (number % columns - (columns - 1) / 2) * step + across * size / 90
        north = (number // columns - (rows - 1) / 2) * step + up * size / 90
        middle = field.all_pix2world([[-east, north]], 0)[0]
        found.append(camera(tuple(middle), size, turn * MOST_TURN))
    return found


def photograph(directory: Path, columns: int, rows: int, size: int, seed: int) -> list[Path]:
    """Write the tiles of a field and return their paths."""
    dice = np.random.default_rng(seed)
    placed = cameras(dice, columns, rows, size)
    sky = Sky(dice, size * (1 - OVERLAP) * columns, size * (1 - OVERLAP) * rows)
    field = camera(CENTRE, 1, 0)
    row, column = np.indices((size, size))
    (directory / "raw").mkdir(parents=True, exist_ok=True)
    written = []
    for number, wcs in enumerate(placed, 1):
        west, north = field.all_world2pix(*wcs.all_pix2world(column, row, 0), 0)
        picture = sky.nebula(-west, north) + sky.galaxy(-west, north) + stray_light(dice, size)
        sky.add_stars(picture, *wcs.all_world2pix(*field.all_pix2world(-sky.star_x, sky.star_y, 0), 0))
        path = directory / "raw" / f"tile-{number:02}.fits"
        fits.PrimaryHDU(picture.astype(np.float32), wcs.to_header()).writeto(path, overwrite=True)
        written.append(path)
    return written


def main() -> None:
    """Read the command line and write the tiles."""
    parser = argparse.ArgumentParser(description="Write overlapping tiles of a made-up sky.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--size", type=int, default=360, help="pixels of a side")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    written = photograph(asked.directory, asked.columns, asked.rows, asked.size, asked.seed)
    print(f"{len(written)} tiles of {asked.size} x {asked.size} pixels in {asked.directory / 'raw'}")


if __name__ == "__main__":
    main()
