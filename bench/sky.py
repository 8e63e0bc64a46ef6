"""The images that the measured Montage reads: files of noise, the same for everybody and every time."""

from __future__ import annotations

import random
from pathlib import Path

from bench.graphs import IMAGE_BYTES, IMAGES


def images(contestant: Path) -> str:
    """Return where the images lie, which is beside the contestants; make them when missing."""
    sky = contestant.parent / "sky"
    if not sky.is_dir():
        fresh = contestant.parent / f"sky-for-{contestant.name}"
        fresh.mkdir()
        for number in range(IMAGES):
            (fresh / f"raw_{number}.bin").write_bytes(random.Random(number).randbytes(IMAGE_BYTES))
        fresh.rename(sky)
    return str(sky)
