"""Films that loop: animated WebP and PNG."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np

from geodfx.arrays import F32
from geodfx.errors import OutputError
from geodfx.images import WEBP_MAX, WEBP_QUALITY, atomic_write
from geodfx.render.output import PLAIN
from geodfx.render.picture import Picture, displayed_codes

__all__ = ["FILM_SUFFIXES", "FRAME_MS", "write_film"]

FILM_SUFFIXES = (".webp", ".png")
FRAME_MS = 50  # how long a frame is shown: 20 a second, so that a turn of 40 tilts takes two


def write_film(path: Path, frames: Iterable[F32], picture: Picture = PLAIN) -> None:
    """Write frames (H, W, 4) of one size, display-exposed linear, premultiplied, as an endless film.

    All frames are held, in 8 bits, until the end. Atomic; raises OutputError for another suffix than .png and .webp.
    """
    suffix = path.suffix.lower()
    if suffix not in FILM_SUFFIXES:
        raise OutputError(f"{path}: cannot write a film as '{path.suffix}'; name it .webp or .png")
    film = np.stack([displayed_codes(frame, picture) for frame in frames])
    if suffix == ".webp" and max(film.shape[1:3]) > WEBP_MAX:
        raise OutputError(f"{path}: a WebP film is at most {WEBP_MAX} pixels wide and high; name it .png")
    kind: dict[str, Any] = {"quality": WEBP_QUALITY, "method": 4} if suffix == ".webp" else {"disposal": 1}
    if picture.profile is not None:
        kind["icc_profile"] = picture.profile
    with atomic_write(path) as file:
        file.write(iio.imwrite("<bytes>", film, extension=suffix, plugin="pillow", duration=FRAME_MS, loop=0, **kind))
