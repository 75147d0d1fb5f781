"""The matte: which texels the stone covers."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import U8
from geodfx.capture.session import Session
from geodfx.errors import SessionError
from geodfx.images import read_mask

__all__ = ["read_matte"]

COVERED = 127  # a texel above this is scored as the stone's


def read_matte(session: Session, size: tuple[int, int]) -> U8:
    """Return alpha (H, W), 0..255: the session's mask, or 255 everywhere if it names none. size: (width, height).

    Raises SessionError if the mask is missing, unreadable, of another size than the photos, or covers no texel.
    """
    width, height = size
    if session.mask is None:
        return np.full((height, width), 255, np.uint8)
    alpha = read_mask(session.mask)
    if alpha.shape != (height, width):
        told = f"is {alpha.shape[1]} x {alpha.shape[0]} pixels, the photos are {width} x {height}"
        raise SessionError(f"{session.mask}: {told}; export the mask at the photos' size")
    if alpha.max() <= COVERED:
        told = f"is empty: its brightest value is {alpha.max()} of 255"
        raise SessionError(f"{session.mask}: {told}; paint the stone white, or remove `mask` from session.toml")
    return alpha
