"""What texels see of a facet's flash over tilts, where it has edges that cut it off.

Such facets are flat, and `Search.light` has the points that stand for pseudo lights, see `basis.chart_point`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64
from geodfx.basis import edge_share, formed_chord, lobe_reach, lobe_response
from geodfx.capture.lobe_search import Search
from geodfx.constants import EDGES
from geodfx.jit import kernel

__all__ = [
    "NOTHING",
    "WITHIN",
    "Flashes",
    "Reach",
    "Seen",
    "add_flashes",
    "fire_reach",
    "peak_flashes",
    "place_flash",
    "see_flash",
]

I32 = npt.NDArray[np.int32]

NOTHING = 1e-4  # of a flash: what an edge lets through
WITHIN = 14.0  # of what edges are sums of: beyond, all is let through, or nothing


class Flashes(NamedTuple):
    """F facets over tilts, as `FacetTable` has them; displayed light."""

    centre: F64  # (F, 2)
    place: F64  # (F, 2) on the chart
    slope: F64  # (F, 2, 2)
    form: F64  # (F, 2)
    width: F64  # (F,)
    weight: F64  # (F, 3)
    edge: F64  # (F, EDGES, 5)
    fire: F64  # (F, 3, 2) how far from there each channel points; green 0


class Reach(NamedTuple):
    """Which texels may see which facets; both ways."""

    texel_start: I64  # (F + 1,)
    texel: I32
    facet_start: I64  # (T + 1,)
    facet: I32


class Seen(NamedTuple):
    """What T texels see of facets, texel by texel."""

    start: I64  # (T + 1,)
    facet: I32  # (N,)
    weight: F64  # (N, 3) displayed light


@kernel
def _respond(
    search: Search, light: int, a: float, b: float, form_x: np.float32, form_y: np.float32, variance: np.float32
) -> np.float32:
    """Return the response to a light of a flat facet's lobe towards (a, b) of the chart."""
    da, db = np.float32(a) - search.light[light, 0], np.float32(b) - search.light[light, 1]
    return lobe_response(formed_chord(da, db, np.float32(0.0), form_x, form_y), search.area, variance)


@kernel
def _share(flashes: Flashes, f: int, right: float, down: float, a: float, b: float) -> float:
    """Return the share that a facet's edges let through at a texel, under a pseudo light at (a, b)."""
    share = 1.0
    a, b = a - flashes.place[f, 0], b - flashes.place[f, 1]
    for e in range(EDGES):
        inside = flashes.edge[f, e, 0] + flashes.edge[f, e, 1] * right + flashes.edge[f, e, 2] * down
        inside += flashes.edge[f, e, 3] * a + flashes.edge[f, e, 4] * b
        if inside >= WITHIN:
            continue
        share *= float(edge_share(np.float32(inside))) if inside > -WITHIN else 0.0
        if share < NOTHING:
            return 0.0
    return share


@kernel
def place_flash(flashes: Flashes, f: int, column: float, row: float) -> tuple[float, float]:
    """Return where on the chart a facet points at a texel."""
    right, down = column - flashes.centre[f, 0], row - flashes.centre[f, 1]
    return (
        flashes.place[f, 0] + flashes.slope[f, 0, 0] * right + flashes.slope[f, 0, 1] * down,
        flashes.place[f, 1] + flashes.slope[f, 1, 0] * right + flashes.slope[f, 1, 1] * down,
    )


@kernel
def fire_reach(flashes: Flashes, f: int) -> float:
    """Return how far from where a facet points a channel of it may point."""
    most = 0.0
    for c in range(3):
        most = max(most, math.hypot(flashes.fire[f, c, 0], flashes.fire[f, c, 1]))
    return most


@kernel
def see_flash(
    search: Search, point: F64, flashes: Flashes, f: int, column: float, row: float, lights: I32, count: int, out: F64
) -> None:
    """Write what a texel sees of a facet's flash, 0..1, under some lights into out (count, 3)."""
    right, down = column - flashes.centre[f, 0], row - flashes.centre[f, 1]
    a, b = place_flash(flashes, f, column, row)
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    variance = search.blur + np.float32(flashes.width[f] ** 2)
    farthest = np.float32(1.0001) * (lobe_reach(search.area, variance) + np.float32(fire_reach(flashes, f)))
    for n in range(count):
        i = lights[n]
        most = np.float32(0.0)
        da, db = np.float32(a) - search.light[i, 0], np.float32(b) - search.light[i, 1]
        if formed_chord(da, db, np.float32(0.0), form_x, form_y) > farthest * farthest:
            out[n, :] = 0.0
            continue
        for c in range(3):
            seen = _respond(search, i, a + flashes.fire[f, c, 0], b + flashes.fire[f, c, 1], form_x, form_y, variance)
            out[n, c], most = float(seen), max(most, seen)
        if most > 0:
            share = _share(flashes, f, right, down, point[i, 0], point[i, 1])
            for c in range(3):
                out[n, c] *= share


@kernel
def add_flashes(
    search: Search, point: F64, flashes: Flashes, seen: Seen, column: I32, row: I32, texels: I64, light: F32
) -> None:
    """Add what texels (n,) see of facets to displayed light (n, L, 3). point: (L, 2), the lights on the chart."""
    lights = len(search.light)
    every, share = np.arange(lights).astype(np.int32), np.empty((lights, 3))
    for n in range(len(texels)):
        t = texels[n]
        for k in range(seen.start[t], seen.start[t + 1]):
            f = seen.facet[k]
            see_flash(search, point, flashes, f, float(column[t]), float(row[t]), every, lights, share)
            for i in range(lights):
                for c in range(3):
                    light[n, i, c] += np.float32(seen.weight[k, c] * share[i, c])


@kernel
def peak_flashes(
    search: Search, point: F64, flashes: Flashes, reach: Reach, column: I32, row: I32, first: int, last: int, peak: F32
) -> None:
    """Write the most that each texel of facets first to last sees of its facet's flash into peak, as `reach.texel`."""
    lights = len(search.light)
    every, seen = np.arange(lights).astype(np.int32), np.empty((lights, 3))
    for f in range(first, last):
        for k in range(reach.texel_start[f], reach.texel_start[f + 1]):
            t = reach.texel[k]
            see_flash(search, point, flashes, f, float(column[t]), float(row[t]), every, lights, seen)
            peak[k] = np.float32(seen.max())
