"""Directions pooled over facets: neighbours that see the same lobe agree on where it points, to first order.

A facet is flat, so that its exit direction is constant for a distant camera and changes linearly for a near one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.capture.lobe_work import LobeSets
from geodfx.jit import kernel

__all__ = ["pool"]

REACH = 7  # texels to either side
SAME = 0.4  # of the light's radius: lobes nearer than this, and as bright within these ratios, are one
DIMMEST, BRIGHTEST = 0.4, 2.5
SURE = 0.05  # of the light's radius: no texel is trusted to more
FLATTEST = 0.1  # holds the slope where a facet is a few texels small
LOWEST_Z = np.float32(0.02)  # a lobe stays a degree above the horizon
AGREED, ENOUGH = 0.7, 8  # this share of the doubt is left once so many other texels agree


@kernel
def _same_lobe(sets: LobeSets, own: int, k: int, other: int, radius: np.float32) -> int:
    """Return which lobe of texel `other` is lobe k of texel `own`; -1 if none."""
    brightness = sets.amplitude[own, k, 0] + sets.amplitude[own, k, 1] + sets.amplitude[own, k, 2]
    best, nearest = -1, np.float32(SAME * SAME) * radius * radius
    for m in range(sets.number[other]):
        q = np.float32(0.0)
        for j in range(3):
            step = sets.direction[other, m, 1, j] - sets.direction[own, k, 1, j]
            q += step * step
        its = sets.amplitude[other, m, 0] + sets.amplitude[other, m, 1] + sets.amplitude[other, m, 2]
        alike = DIMMEST * brightness < its < BRIGHTEST * brightness
        if q < nearest and alike and abs(sets.width[other, m] - sets.width[own, k]) < SAME * radius:
            best, nearest = m, q
    return best


@kernel
def pool(
    sets: LobeSets,
    spread: F32,
    place: npt.NDArray[np.int32],
    texels: npt.NDArray[np.int64],
    radius: np.float32,
    first: int,
    last: int,
    direction: F32,
    pooled: F32,
) -> None:
    """Fit d + a x + b y to each lobe's direction about texels first to last; write d and what is left of the doubt.

    place: (H, W) which texel lies there, -1 for none. texels: (T,) where each lies. Reads sets and spread (T, K),
    writes direction (T, K, 3, 3) and pooled (T, K). Weighted by how sure each texel is.
    """
    height, width = place.shape
    normal = np.empty((3, 3))
    right = np.empty((3, 3, 3))  # unknown, channel, coordinate
    for t in range(first, last):
        row, column = texels[t] // width, texels[t] % width
        for k in range(sets.number[t]):
            normal[:] = 0
            right[:] = 0
            doubt, agreeing = 0.0, -1
            for y in range(max(row - REACH, 0), min(row + REACH + 1, height)):
                for x in range(max(column - REACH, 0), min(column + REACH + 1, width)):
                    right_by, down_by = (x - column) / REACH, (y - row) / REACH
                    other = place[y, x]
                    if other < 0 or right_by * right_by + down_by * down_by > 1:
                        continue
                    m = _same_lobe(sets, t, k, other, radius)
                    if m < 0:
                        continue
                    share = spread[other, m] / radius
                    sure = 1 / (share * share + SURE * SURE)
                    doubt += sure * spread[other, m]
                    agreeing += 1
                    normal[0, 0] += sure
                    normal[0, 1] += sure * right_by
                    normal[0, 2] += sure * down_by
                    normal[1, 1] += sure * right_by * right_by
                    normal[1, 2] += sure * right_by * down_by
                    normal[2, 2] += sure * down_by * down_by
                    for c in range(3):
                        for j in range(3):
                            told = sure * sets.direction[other, m, c, j]
                            right[0, c, j] += told
                            right[1, c, j] += told * right_by
                            right[2, c, j] += told * down_by
            left = 1 - (1 - AGREED) * min(agreeing, ENOUGH) / ENOUGH
            pooled[t, k] = np.float32(left * doubt / normal[0, 0])
            _solve_middle(normal, right, direction[t, k])


@kernel
def _solve_middle(normal: npt.NDArray[np.float64], right: npt.NDArray[np.float64], direction: F32) -> None:
    """Write the unit directions (3, 3) at the window's middle: the first unknown, the slopes eliminated."""
    a = normal[1, 1] + FLATTEST * normal[0, 0]
    b = normal[1, 2]
    d = normal[2, 2] + FLATTEST * normal[0, 0]
    determinant = a * d - b * b
    to_right = (normal[0, 1] * d - normal[0, 2] * b) / determinant
    to_down = (normal[0, 2] * a - normal[0, 1] * b) / determinant
    for c in range(3):
        square = 0.0
        for j in range(3):
            value = right[0, c, j] - to_right * right[1, c, j] - to_down * right[2, c, j]
            direction[c, j] = np.float32(value / normal[0, 0])
        direction[c, 2] = max(direction[c, 2], LOWEST_Z)
        for j in range(3):
            square += direction[c, j] * direction[c, j]
        for j in range(3):
            direction[c, j] /= np.float32(np.sqrt(square))
