"""Frames to picture files: what they are named, and how bright a display shows them.

.npy and .exr hold a frame as it is: linear, premultiplied, in white-card units. .png and .webp hold what a display
shows: linear * gain, then as a `Picture` says, with straight alpha. The gain of a view with lights only is the stone's
own `display_gain`, at which its photos were compared; that of a view with an environment or a preset is `white_gain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from geodfx.arrays import F32, U8
from geodfx.constants import WHITE_QUANTILE
from geodfx.errors import OutputError, ViewError
from geodfx.images import write_image
from geodfx.render.picture import Picture, displayed_codes

__all__ = [
    "FRAME_SUFFIXES",
    "LINEAR_SUFFIXES",
    "PLAIN",
    "brightened",
    "frame_stems",
    "put_codes",
    "room_for_codes",
    "white_gain",
    "write_frame",
]

LINEAR_SUFFIXES = (".npy", ".exr")
BODY_MOST = 0.4  # linear: two thirds of white as a display shows it
PLAIN = Picture()
FRAME_SUFFIXES = (*LINEAR_SUFFIXES, ".png", ".webp")


def white_gain(frame: F32) -> float:
    """Return the gain that brings 90% of the stone's texels below white, and half of them below BODY_MOST.

    The second keeps the colour of a matte stone, which is bright all over. frame: (H, W, 4) linear, premultiplied. By
    the brightest channel, over alpha > 0; 1 for a frame that is black there.
    """
    covered = frame[..., 3] > 0
    if not covered.any():
        return 1.0
    half, most = np.quantile(frame[covered][:, :3].max(axis=1), (0.5, WHITE_QUANTILE)).tolist()
    white = max(most, half / BODY_MOST)
    return 1 / white if white > 0 else 1.0


def brightened(frame: F32, gain: float) -> F32:
    """Return a frame (H, W, 4) with colours multiplied and alpha kept."""
    factors = np.array([gain, gain, gain, 1], np.float32)
    return frame * factors


def room_for_codes(shape: tuple[int, ...], out: U8 | None) -> U8:
    """Return memory for codes (H, W, 4): `out`, or if there is none, new. Raises ViewError if they do not fit it."""
    if out is None:
        return np.empty(shape, np.uint8)
    if out.dtype != np.uint8 or out.shape != shape or not (out.flags.c_contiguous and out.flags.writeable):
        got = f"{out.dtype} {out.shape}"
        raise ViewError(f"out: codes need uint8 {shape}, writeable and without gaps, got {got}; leave it out for new")
    return out


def put_codes(codes: U8, out: U8 | None) -> U8:
    """Return codes (H, W, 4), in `out` if there is one. Raises ViewError if they do not fit it."""
    if out is None:
        return codes
    room_for_codes(codes.shape, out)[:] = codes
    return out


def write_frame(path: Path, frame: F32, gain: float, picture: Picture = PLAIN) -> None:
    """Write a frame (H, W, 4) as its suffix says, atomically. `gain` and `picture` count for display files.

    Raises OutputError, and ViewError for a headroom that a display file does not hold.
    """
    if path.suffix.lower() in LINEAR_SUFFIXES:
        write_image(path, frame)
    else:
        write_image(path, displayed_codes(brightened(frame, gain), picture), profile=picture.profile)


def frame_stems(names: Iterable[str], source: Path) -> tuple[str, ...]:
    """Return the names of frames: those of their photos, without folder and suffix.

    Raises OutputError, naming `source`, if two are the same, also where only capitals differ: some disks know none.
    """
    stems: list[str] = []
    seen: dict[str, str] = {}
    for name in names:
        stem = Path(name.replace("\\", "/")).stem
        twin = seen.setdefault(stem.casefold(), name)
        if len(seen) == len(stems):
            told = f"the frames of {twin!r} and {name!r} would have the same name {stem!r}"
            raise OutputError(f"{source}: {told}; rename one of them")
        stems.append(stem)
    return tuple(stems)
