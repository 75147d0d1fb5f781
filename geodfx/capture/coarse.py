"""A large picture's photos at a fraction of its size, and what is found there brought to all of its texels.

What one texel finds travels a few texels a pass. So the lobes of a large symmetric stone are found in a small picture,
each of whose texels is the mean of a square of the large one's, and these choose among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, I64
from geodfx.capture.facet_find import Facets, Places, look_along
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, held
from geodfx.capture.photos import RadianceStack
from geodfx.jit import run_bands

__all__ = ["CoarseStack", "coarse_stack", "refine", "scale_of"]

FEWEST = 1 << 15  # texels of a stone in which lobes are found: a brilliant of 200 across
CHUNK = 256  # squares that are averaged at a time
LOBES = 1 << 16  # that are brought to texels at a time


@dataclass(frozen=True)
class CoarseStack:
    """What photos hold of squares of texels, as `RadianceStack` has it; T of them, L photos."""

    radiance: F32  # (T, L, 3) the mean
    clear: F32  # (T, L) 0 where one of the texels is clipped
    texels: I64  # (T,) indices into the flat small picture, rising
    size: tuple[int, int]  # its width and height
    its: I64  # of the large picture's texels, in which it lies

    def at(self, texels: slice | I64) -> tuple[F32, F32]:
        """Return radiance (n, L, 3) and weight (n, L) of some texels."""
        return self.radiance[texels], self.clear[texels]


def scale_of(texels: int) -> int:
    """Return how many texels of a stone that has so many, along a side, are one in which its lobes are found."""
    return max(1, math.isqrt(texels // FEWEST))


def coarse_stack(stack: RadianceStack, places: Places, scale: int) -> CoarseStack:
    """Return the photos of a picture in squares of so many texels a side."""
    width, height = (-(-side // scale) for side in stack.size)
    square = places.row.astype(np.int64) // scale * width + places.column // scale
    texels, its, count = np.unique(square, return_inverse=True, return_counts=True)
    order, first = np.argsort(its, kind="stable"), np.concatenate([[0], np.cumsum(count)])
    lights = stack.at(slice(0, 1))[1].shape[1]
    radiance = np.empty((len(texels), lights, 3), np.float32)
    clear = np.empty((len(texels), lights), np.float32)

    def average(begin: int, end: int) -> None:
        for at in range(begin, end, CHUNK):
            last = min(at + CHUNK, end)
            some, weight = stack.at(order[first[at] : first[last]])
            starts = first[at:last] - first[at]
            radiance[at:last] = np.add.reduceat(some, starts) / count[at:last, None, None]
            clear[at:last] = np.minimum.reduceat(weight, starts)

    run_bands(average, len(texels))
    return CoarseStack(radiance, clear, texels, (width, height), its)


def refine(stack: CoarseStack, sets: LobeSets, facets: Facets, places: Places, scale: int, goal: LobeSets) -> Facets:
    """Write the lobes of squares to all of their texels, into goal, and return their facets as seen among these."""
    plane = facets.plane.copy()
    plane[:, 1:] /= scale
    fine = facets._replace(centre=facets.centre * scale + 0.5 * (scale - 1), plane=plane)
    for values, its in zip(held(goal, formed=False), held(sets, formed=False), strict=True):
        values[:] = its[stack.its]
    plain = fine._replace(fire=np.zeros_like(fine.fire))
    texel, lobe = np.nonzero((goal.facet >= 0) & (np.arange(MAX_LOBES) < goal.number[:, None]))
    for begin in range(0, len(texel), LOBES):  # directions of all at once would take more than all else
        some = texel[begin : begin + LOBES], lobe[begin : begin + LOBES]
        facet = goal.facet[some].astype(np.int64)
        goal.direction[some] = look_along(plain, facet, places.column[some[0]], places.row[some[0]])[:, 1]
    return fine
