"""A flash's facet moved to where it meets the rays of its path: at tilts between the photos, too, and alone.

What `shape_flash` tells of a flash is right near its middle, to first order. Rays tell the rest: how much of the light
a path shows is asked at texels and tilts all over the flash, and all numbers of the facet but its weights are moved to
that, as photos move them later.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64, I64
from geodfx.capture.cut_ramp import Draws, Stage, follow_at
from geodfx.capture.facet_edges import descend
from geodfx.capture.facet_flash import Flashes
from geodfx.capture.facet_pairs import list_pairs
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import display_weight
from geodfx.jit import kernel
from geodfx.rays.walks import ask_planes

__all__ = ["draw_tilts", "meet_rays"]

I32 = npt.NDArray[np.int32]

BETWEEN = 0.6  # of the way from a captured tilt to the next: how far around those that saw it, a standard deviation
SPREAD_X, SPREAD_Y = 0.7548776662, 0.5698402910  # Roberts 2018, R2: steps that fill a square evenly
AMONG = 0.5  # displayed light where a flash is seen, about
ROUNDS = 30


@kernel
def draw_tilts(seen: F64, spacing: float, most: float, draws: Draws, out: F64) -> None:
    """Write tilts (N, 2) on the chart, within `most`, around some at which a flash is seen (M, 2)."""
    for n in range(len(out)):
        its = seen[n * len(seen) // len(out)]
        for j in range(2):
            out[n, j] = min(max(its[j] + BETWEEN * spacing * draws.normal[n, 2 + j], -most), most)


@kernel
def _see_path(
    planes: F64, index: float, face: I64, count: int, stage: Stage, at: F64, hit: F64, inside: F64, chord: F64
) -> float:
    """Return how much of the light a path shows at a point (4,), 0..1. hit, inside, chord: room."""
    if not follow_at(planes, index, face, count, stage, at, hit, chord):
        return 0.0
    ramp = 0.5 * (stage.area + stage.half - np.dot(chord, chord)) / stage.half
    if ramp <= 0.0 or not ask_planes(planes, face, count, hit, inside):
        return 0.0
    return float(min(ramp, 1.0))


@kernel
def meet_rays(
    search: Search, planes: F64, index: float, face: I64, count: int, stage: Stage, flashes: Flashes, f: int,
    column: I32, row: I32, texels: I64, point: F64,
) -> None:  # fmt: skip
    """Move facet f, in place, to what its path shows at texels (n,) and tilts (L, 2) on the chart; see `follow_at`.

    search: its lights are those tilts. The facet has no fire yet, and its weights are not zero.
    """
    sample = np.empty(len(texels) * len(point), np.int32)
    light = np.empty_like(sample)
    pairs = list_pairs(search, flashes, f, column, row, texels, sample, light)
    if pairs == 0:
        return
    at, hit, inside, chord = np.empty(4), np.empty((count, 3)), np.empty((count, len(planes))), np.empty(3)
    left, weight = np.empty((pairs, 3)), np.empty((pairs, 3))
    # The same for all: of one ray a texel those that meet nothing would else count more than those that do.
    worth = float(display_weight(np.float32(AMONG)))
    for m in range(pairs):
        # Somewhere in the texel: of many texels together that tells how soft an edge is.
        at[0] = column[texels[sample[m]]] + (m * SPREAD_X) % 1.0 - 0.5
        at[1] = row[texels[sample[m]]] + (m * SPREAD_Y) % 1.0 - 0.5
        at[2], at[3] = point[light[m]]
        seen = _see_path(planes, index, face, count, stage, at, hit, inside, chord)
        for c in range(3):
            left[m, c] = flashes.weight[f, c] * seen
            weight[m, c] = worth
    clear = np.ones((len(texels), len(point)), np.float32)
    descend(
        search, point, flashes, f, column, row, texels, clear, sample, light, pairs, left, weight, ROUNDS, True, False
    )
