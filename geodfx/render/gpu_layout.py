"""How a stone's lists lie in the GPU's textures, where a texel's fetches need the fewest steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, U8
from geodfx.constants import ENVIRONMENT_LEVELS, ENVIRONMENT_SIZE
from geodfx.render.cells import Cells

__all__ = ["fold_rows", "lay_maps", "lay_planes", "read_places"]


def fold_rows(values: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """Return a list (N,) or (N, C) in rows (R, width, C), filled up with zeros; an empty one has a row."""
    values = values[:, None] if values.ndim == 1 else values
    rows = max(1, -(-len(values) // width))
    folded = np.zeros((rows * width, values.shape[1]), values.dtype)
    folded[: len(values)] = values
    return folded.reshape(rows, width, -1)


def read_places(cells: Cells) -> F32:
    """Return where in the atlas, 0 to 1, texel t reads the light of its facet (F, 4): place[:2] + place[2:] t."""
    unit = 1 / np.array(cells.size)
    place = cells.place.astype(np.float64)
    return np.hstack([(place[:, :2] + 0.5) * unit, place[:, 2:] * unit]).astype(np.float32)


def lay_maps(maps: F32) -> F32:
    """Return the levels (N, 3) of `Environment.maps` in one picture (S, 3 S / 2, 3): beside the first the others."""
    size, begin = ENVIRONMENT_SIZE, 0
    laid = np.zeros((size, size + size // 2, 3), np.float32)
    for side in (size >> level for level in range(ENVIRONMENT_LEVELS)):
        row, column = max(size - 2 * side, 0), size if side < size else 0
        laid[row : row + side, column : column + side] = maps[begin : begin + side * side].reshape(side, side, 3)
        begin += side * side
    return laid


def lay_planes(planes: U8, columns: int) -> U8:
    """Return planes (P, H, W) as layers of four side by side, so many beside each other; fewer than four are one."""
    count, height, width = planes.shape
    channels, rows = min(count, 4), -(-count // (4 * columns))
    padded = np.zeros((rows * columns * channels, height, width), np.uint8)
    padded[:count] = planes
    laid = padded.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(laid).reshape(rows * height, columns * width, channels)
