"""Where FITS images lie on the sky, which of them overlap, and the grid that holds them all.

Outlines are the four corners of an image, one a row, in pixels of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

SMALLEST_OVERLAP = 0.02
"""Images that share less than this part of the smaller one are no pair: too little to fit a plane through."""

MARGIN = 4
"""Empty pixels around everything."""


class Grid:
    """The pixels of a mosaic: north up, as fine as its first image, as large as all of them together."""

    def __init__(self, images: Sequence[Path]) -> None:
        """Lay the grid around images."""
        cameras = [WCS(fits.getheader(image)) for image in images]
        corners = [camera.calc_footprint() for camera in cameras]
        points = np.concatenate(corners)
        east = np.radians(points[:, 0])
        step = proj_plane_pixel_scales(cameras[0]).mean()
        self.wcs = WCS(naxis=2)
        self.wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        # The mean of directions, so that a field may lie across the zero of right ascension.
        middle = np.degrees(np.arctan2(np.sin(east).mean(), np.cos(east).mean())) % 360
        self.wcs.wcs.crval = np.round([middle, points[:, 1].mean()], 6)
        self.wcs.wcs.cdelt = np.round([-step, step], 12)
        self.wcs.wcs.crpix = [0, 0]
        reach = np.abs(self.wcs.all_world2pix(points, 1)).max(axis=0)
        self.size = 2 * (np.ceil(reach).astype(int) + MARGIN)
        self.wcs.wcs.crpix = (self.size + 1) / 2
        self.outlines = [self.wcs.all_world2pix(each, 0) for each in corners]

    def header(self) -> str:
        """Return the template of a FITS header that the tools of Montage read."""
        wcs = self.wcs.wcs
        values = {
            "SIMPLE": "T",
            "BITPIX": -64,
            "NAXIS": 2,
            "NAXIS1": self.size[0],
            "NAXIS2": self.size[1],
            "CTYPE1": "'RA---TAN'",
            "CTYPE2": "'DEC--TAN'",
            "CRVAL1": f"{wcs.crval[0]:.6f}",
            "CRVAL2": f"{wcs.crval[1]:.6f}",
            "CRPIX1": wcs.crpix[0],
            "CRPIX2": wcs.crpix[1],
            "CDELT1": f"{wcs.cdelt[0]:.12f}",
            "CDELT2": f"{wcs.cdelt[1]:.12f}",
            "CROTA2": 0.0,
            "EQUINOX": 2000.0,
        }
        return "".join(f"{key:8}= {value}\n" for key, value in values.items()) + "END\n"

    def overlaps(self) -> list[tuple[int, int]]:
        """Return which images share enough for a plane through their difference, by their places."""
        return [
            (one, other)
            for one, other in combinations(range(len(self.outlines)), 2)
            if area(common(self.outlines[one], self.outlines[other]))
            > SMALLEST_OVERLAP * min(area(self.outlines[one]), area(self.outlines[other]))
        ]


def signed_area(outline: np.ndarray) -> float:
    """Return the area of a polygon; it is positive when the corners go round against the clock."""
    x, y = np.transpose(outline)
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def area(outline: np.ndarray) -> float:
    """Return the area of a polygon, 0 when it has no corners."""
    return abs(signed_area(outline)) if len(outline) else 0.0


def common(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return what two convex polygons share: the first, cut along every side of the second."""
    left = list(one)
    counter_clockwise = other if signed_area(other) > 0 else other[::-1]
    for begin, end in zip(counter_clockwise, np.roll(counter_clockwise, -1, axis=0), strict=True):
        side_x, side_y = end - begin
        corners, left = left, []
        depths = [side_x * (y - begin[1]) - side_y * (x - begin[0]) for x, y in corners]
        for at, corner in enumerate(corners):
            previous, before, depth = corners[at - 1], depths[at - 1], depths[at]
            if (before < 0) != (depth < 0):
                left.append(previous + (corner - previous) * before / (before - depth))
            if depth >= 0:
                left.append(corner)
    return np.array(left)
