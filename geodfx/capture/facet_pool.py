"""The photos of a facet's texels together, and how well its lobe explains them from any place."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64
from geodfx.basis import formed_chord, lobe_reach, lobe_response
from geodfx.capture.lobe_others import alone_squares, set_others
from geodfx.capture.lobe_search import ROUNDED, Search, best_amplitude, longer, near_lights, tangents
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, Work, set_left, set_response, settle, start
from geodfx.jit import kernel

__all__ = [
    "Pool",
    "Samples",
    "extent_of",
    "fill_pool",
    "make_pool",
    "pooled_gain",
    "set_close",
    "set_frame",
    "set_place",
]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEAR = 3.2  # of the light's radius, and 3.5 widths: lights further away are not reached while a facet moves


class Samples(NamedTuple):
    """Some lobes of some facets, facet by facet, and what the photos hold at their texels; N samples."""

    start: I64  # (F + 1,)
    texel: I64  # (N,)
    lobe: I64  # (N,)
    column: F64  # (N,) from the facet's centre
    row: F64  # (N,)
    x: F32  # (N, L, 3) displayed light
    clear: F32  # (N, L)
    base: F32  # (N, L, 3)


class Pool(NamedTuple):
    """What one facet's lobe is to explain: n texels' photos without it, and the chart that it moves on."""

    left: F32  # (N, L, 3)
    weight: F32  # (N, L, 3)
    column: F64  # (N,)
    row: F64  # (N,)
    near: I32  # (L,) the lights that the facet may see while it moves
    close: I32  # (L,) those of them that it may see from the place in question
    frame: F64  # (3, 3) direction and two tangents
    others: I32  # (N,) lobes that give way where the facet's moves; 0: they stand
    response: F32  # (N, L, K) and
    factor: F32  # (N, 3, K, K) of them, as `Others` holds them
    shared: F32  # (K, 3) scratch


@kernel
def fill_pool(search: Search, sets: LobeSets, samples: Samples, f: int, work: Work, pool: Pool, yielding: bool) -> int:
    """Write what the other lobes leave at the samples of facet f; returns how many there are.

    yielding: the others' amplitudes are solved for without the facet's lobe, and change with it.
    """
    first = int(samples.start[f])
    count = int(samples.start[f + 1]) - first
    for n in range(count):
        m = first + n
        t = samples.texel[m]
        start(work, samples.x[m], samples.clear[m], samples.base[m])
        others = 0
        for k in range(sets.number[t]):
            if k != samples.lobe[m]:
                for c in range(3):
                    work.direction[others, c] = sets.direction[t, k, c]
                    work.amplitude[others, c] = sets.amplitude[t, k, c]
                work.width[others] = sets.width[t, k]
                work.form[others] = sets.form[t, k]
                set_response(search, work, others)
                others += 1
        pool.others[n] = 0
        if yielding:
            settle(search, work, others)
            set_others(work, others, pool.response[n], pool.factor[n])
            pool.others[n] = others
        else:
            set_left(work, others)
        pool.left[n] = work.left
        pool.weight[n] = work.weight
        pool.column[n] = samples.column[m]
        pool.row[n] = samples.row[m]
    return count


@kernel
def set_frame(search: Search, plane: F64, width: np.float32, form: F64, pool: Pool) -> int:
    """Set the chart about a facet's direction and return how many lights are near it."""
    d, u, v = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    for j in range(3):
        d[j] = plane[0, j]
    tangents(d, u, v)
    for j in range(3):
        pool.frame[0, j], pool.frame[1, j], pool.frame[2, j] = d[j], u[j], v[j]
    reach = np.float32(NEAR) * search.radius + np.float32(3.5) * width
    return near_lights(search, d, reach * longer(form.astype(np.float32), search.formed), pool.near)


@kernel
def set_place(plane: F64, form: F64, pool: Pool, place: F64) -> None:
    """Write the place (8,), as `pooled_gain` takes it, of a facet's plane, about whose direction the chart is set."""
    place[:] = 0
    place[6:] = form
    for j in range(3):
        for slope in range(2):
            place[2 + slope] += plane[1 + slope, j] * pool.frame[1, j]
            place[4 + slope] += plane[1 + slope, j] * pool.frame[2, j]


@kernel
def set_close(
    search: Search, pool: Pool, count: int, lights: int, width: np.float32, place: F64, step: float, slope: float
) -> int:
    """List those of the facet's lights that any of its texels may see from about `place`; returns how many.

    step: how far the facet may move from there, as a chord. slope: by how much each of its four slopes may change.
    """
    if search.formed:
        pool.close[:lights] = pool.near[:lights]
        return lights
    reach = 0.0
    for n in range(count):
        x, y = pool.column[n], pool.row[n]
        a, b = abs(place[2] * x + place[3] * y), abs(place[4] * x + place[5] * y)
        more = slope * (abs(x) + abs(y))
        reach = max(reach, math.hypot(a + more, b + more))
    # The chart's steps are no shorter than the chords that they span.
    reach += step + float(lobe_reach(search.area, search.blur + width * width) + ROUNDED)
    frame, light, close = pool.frame, search.light, 0
    dx = frame[0, 0] + place[0] * frame[1, 0] + place[1] * frame[2, 0]
    dy = frame[0, 1] + place[0] * frame[1, 1] + place[1] * frame[2, 1]
    dz = frame[0, 2] + place[0] * frame[1, 2] + place[1] * frame[2, 2]
    scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    for n in range(lights):
        i = pool.near[n]
        off_x, off_y, off_z = dx * scale - light[i, 0], dy * scale - light[i, 1], dz * scale - light[i, 2]
        if off_x * off_x + off_y * off_y + off_z * off_z < reach * reach:
            pool.close[close] = i
            close += 1
    return close


@kernel
def pooled_gain(
    search: Search, pool: Pool, count: int, close: int, width: np.float32, place: F64, first: int, last: int
) -> float:
    """Return the mean gain of a texel, in channels first to last, from a facet whose lobe is at `place`.

    place: (8,) steps along the two tangents, the slopes of the first to the right and down, those of the second, and
    the form. close: of `set_close`.
    """
    light, area, variance = search.light, search.area, search.blur + width * width
    left, weight, frame = pool.left, pool.weight, pool.frame
    response, factor, shared = pool.response, pool.factor, pool.shared
    cost, ceiling = search.sparsity * lobe_response(np.float32(0.0), area, variance), search.ceiling
    form_x, form_y = np.float32(place[6]), np.float32(place[7])
    total = 0.0
    for n in range(count):
        a = place[0] + place[2] * pool.column[n] + place[3] * pool.row[n]
        b = place[1] + place[4] * pool.column[n] + place[5] * pool.row[n]
        dx = frame[0, 0] + a * frame[1, 0] + b * frame[2, 0]
        dy = frame[0, 1] + a * frame[1, 1] + b * frame[2, 1]
        dz = frame[0, 2] + a * frame[1, 2] + b * frame[2, 2]
        scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
        x, y, z = np.float32(dx * scale), np.float32(dy * scale), np.float32(dz * scale)
        along_r, along_g, along_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        square_r, square_g, square_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        others = pool.others[n]
        for k in range(others):
            shared[k, 0], shared[k, 1], shared[k, 2] = np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for i in pool.close[:close]:
            off_x, off_y, off_z = x - light[i, 0], y - light[i, 1], z - light[i, 2]
            r = lobe_response(formed_chord(off_x, off_y, off_z, form_x, form_y), area, variance)
            if r > 0:
                to_r, to_g, to_b = weight[n, i, 0] * r, weight[n, i, 1] * r, weight[n, i, 2] * r
                along_r += to_r * left[n, i, 0]
                along_g += to_g * left[n, i, 1]
                along_b += to_b * left[n, i, 2]
                square_r += to_r * r
                square_g += to_g * r
                square_b += to_b * r
                for k in range(others):
                    shared[k, 0] += to_r * response[n, i, k]
                    shared[k, 1] += to_g * response[n, i, k]
                    shared[k, 2] += to_b * response[n, i, k]
        square_r, square_g, square_b = alone_squares(square_r, square_g, square_b, shared, factor[n], others)
        if first == 0:
            total += float(best_amplitude(along_r, square_r, cost, ceiling)[1])
        if first <= 1 < last:
            total += float(best_amplitude(along_g, square_g, cost, ceiling)[1])
        if last == 3:
            total += float(best_amplitude(along_b, square_b, cost, ceiling)[1])
    return total / count


@kernel
def extent_of(pool: Pool, count: int) -> float:
    """Return how far a facet reaches from its centre, in texels."""
    square = 0.0
    for n in range(count):
        square += pool.column[n] ** 2 + pool.row[n] ** 2
    return 1.0 + math.sqrt(2 * square / count)


@kernel
def make_pool(samples: Samples, lights: int) -> Pool:
    """Return room for the largest of some facets' samples under so many lights."""
    most = 0
    for f in range(len(samples.start) - 1):
        most = max(most, samples.start[f + 1] - samples.start[f])
    return Pool(
        np.empty((most, lights, 3), np.float32),
        np.empty((most, lights, 3), np.float32),
        np.empty(most),
        np.empty(most),
        np.empty(lights, np.int32),
        np.empty(lights, np.int32),
        np.empty((3, 3)),
        np.zeros(most, np.int32),
        np.empty((most, lights, MAX_LOBES), np.float32),
        np.empty((most, 3, MAX_LOBES, MAX_LOBES), np.float32),
        np.empty((MAX_LOBES, 3), np.float32),
    )
