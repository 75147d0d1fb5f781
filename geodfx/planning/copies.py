"""The lights of a symmetric stone's copies: what `process` reads of a texel besides its own.

What a copy of a texel shows under a light, the texel would show under that light moved back (`capture.fold`). Lights
that the moves take onto each other add nothing: a ring of 32 shows an eightfold stone what a few of its lights do.
"""

from __future__ import annotations

import math
import re

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.fold import MOST_COPIES
from geodfx.capture.symmetry import few_moves, move_back, symmetry_moves
from geodfx.errors import CalibrationError

__all__ = ["NO_MOVES", "add_copies", "read_moves"]

NO_MOVES = np.eye(2)[None]
HIGHEST = 99  # order
UP = math.pi / 2  # one mirror's axis, as a pear stands


def read_moves(symmetry: str | None) -> F64:
    """Return the moves (G, 2, 2) of a symmetry by Schoenflies; None has the identity alone.

    C and the order for turns alone, D where mirrors are with them, one upright. Raises CalibrationError.
    """
    if symmetry is None:
        return NO_MOVES
    found = re.fullmatch(r"([CD])([1-9]\d?)", symmetry)
    if found is None:
        told = (
            f"symmetry {symmetry!r} is not known; give C (turns alone) or D (mirrors, too) and how many turns there are"
        )
        raise CalibrationError(f"{told}, 1 to {HIGHEST}: a round brilliant is D8, a step cut D2, a pear D1")
    return symmetry_moves(int(found[2]), UP if found[1] == "D" else None)


def add_copies(directions: F64, radius_rad: float, moves: F64) -> F64:
    """Return directions (L, 3) of lights and of those of the copies that `process` reads, (C L, 3), the given first."""
    few = few_moves(moves, MOST_COPIES, directions, radius_rad)
    return np.concatenate([move_back(directions, move) for move in few])
