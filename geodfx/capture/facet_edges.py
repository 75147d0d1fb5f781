"""Where a facet ends, over tilts: its flash fitted with the edges that cut it off, by the photos of all its texels.

Under a light that moves, a texel keeps its paths. When the stone tilts, its ray meets other facets: what a texel sees
of a facet is a region of places and tilts, bounded by the images of the edges that the ray passes, each of which moves
with the tilt by its own depth in the stone. To first order such a region is a convex polytope in (x, y, a, b): the
edges are half spaces of it, EDGES of them a facet, soft by a texel.

All numbers of a facet are moved at once by damped least squares (Levenberg 1944, Marquardt 1963), the others fixed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64
from geodfx.basis import chart_decode, edge_share, formed_chord
from geodfx.capture.facet_flash import NOTHING, Flashes, Reach, respond, see_flash
from geodfx.capture.fit_base import solve_positive
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import display_weight
from geodfx.constants import EDGES
from geodfx.jit import kernel

__all__ = ["fit_flash"]

I32 = npt.NDArray[np.int32]

# Of a facet's numbers in the order in which they are fitted: five of each edge, place, slope, weights. Its form stays
# what it was: it would grow to lights that are not asked.
PLACE, SLOPE, WEIGHTS, NUMBERS = 5 * EDGES, 5 * EDGES + 2, 5 * EDGES + 6, 5 * EDGES + 9
NEAR = np.float32(1.3)  # of a flash's reach: lights further from where it points are not asked
STEP = np.float32(0.03)  # of the light's radius: of the slopes of a response
SHARP = 0.02  # loss of an edge's sharpness, squared: photos of few tilts would make it a step
STILL = 10.0  # loss of a move of place and slope, squared, in the light's radius
DAMPING, EASIER, HARDER, STUCK = 1e-2, 0.3, 6.0, 1e4


@kernel
def _list_pairs(
    search: Search, flashes: Flashes, f: int, column: I32, row: I32, texels: I64, sample: I32, light: I32
) -> int:
    """List samples and lights near a facet's flash; returns how many pairs there are."""
    count = 0
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    farthest = NEAR * (np.sqrt(search.area) + np.float32(2.5 * flashes.width[f]))
    for n in range(len(texels)):
        right, down = column[texels[n]] - flashes.centre[f, 0], row[texels[n]] - flashes.centre[f, 1]
        a = flashes.place[f, 0] + flashes.slope[f, 0, 0] * right + flashes.slope[f, 0, 1] * down
        b = flashes.place[f, 1] + flashes.slope[f, 1, 0] * right + flashes.slope[f, 1, 1] * down
        x, y, z = chart_decode(np.float32(a), np.float32(b))
        for i in range(len(search.light)):
            its = search.light[i]
            q = formed_chord(x - its[0], y - its[1], z - its[2], form_x, form_y)
            if q < farthest * farthest and count < len(sample):
                sample[count], light[count] = n, i
                count += 1
    return count


@kernel
def _leave(
    search: Search,
    point: F64,
    flashes: Flashes,
    f: int,
    reach: Reach,
    column: I32,
    row: I32,
    texels: I64,
    x: F32,
    base: F32,
    sample: I32,
    light: I32,
    count: int,
    left: F64,
) -> None:
    """Write what base and the other facets leave of the photos at pairs (count,) into left (count, 3)."""
    seen = np.empty(len(search.light))
    begin = 0
    while begin < count:
        n, end = sample[begin], begin
        while end < count and sample[end] == n:
            i = light[end]
            for c in range(3):
                left[end, c] = float(x[n, i, c] - base[n, i, c])
            end += 1
        t = texels[n]
        for k in range(reach.facet_start[t], reach.facet_start[t + 1]):
            other = reach.facet[k]
            if other == f:
                continue
            its = light[begin:end]
            see_flash(search, point, flashes, other, float(column[t]), float(row[t]), its, end - begin, seen)
            for m in range(begin, end):
                if seen[m - begin] > 0:
                    for c in range(3):
                        left[m, c] -= flashes.weight[other, c] * seen[m - begin]
        begin = end


@kernel
def _load(flashes: Flashes, f: int, scale: float, numbers: F64) -> None:
    """Write a facet's numbers (NUMBERS,): directions and the moves of edges in the light's radius."""
    for e in range(EDGES):
        for j in range(5):
            numbers[5 * e + j] = flashes.edge[f, e, j] * (scale if j > 2 else 1.0)
    for c in range(3):
        numbers[WEIGHTS + c] = flashes.weight[f, c]
    for j in range(2):
        numbers[PLACE + j] = 0.0
        for k in range(2):
            numbers[SLOPE + 2 * j + k] = flashes.slope[f, j, k] / scale


@kernel
def _store(flashes: Flashes, f: int, scale: float, numbers: F64) -> None:
    """Write numbers, as `_load` has them, back."""
    for j in range(2):
        move = numbers[PLACE + j] * scale
        flashes.place[f, j] += move
        for k in range(2):
            flashes.slope[f, j, k] = numbers[SLOPE + 2 * j + k] * scale
    for e in range(EDGES):
        for j in range(5):
            flashes.edge[f, e, j] = numbers[5 * e + j] / (scale if j > 2 else 1.0)
        for j in range(2):  # edges are told from the place, which has moved
            flashes.edge[f, e, 0] += numbers[5 * e + 3 + j] * numbers[PLACE + j]
    for c in range(3):
        flashes.weight[f, c] = numbers[WEIGHTS + c]


@kernel
def _edges_at(numbers: F64, feature: F64, rim: F64) -> float:
    """Return what all edges let through, and what each does in rim (EDGES,). feature: (5,) what edges are sums of."""
    share = 1.0
    for e in range(EDGES):
        inside = 0.0
        for j in range(5):
            inside += numbers[5 * e + j] * feature[j]
        rim[e] = float(edge_share(np.float32(inside)))
        share *= rim[e]
    return share


@kernel
def _set_slopes(
    search: Search, form_x: np.float32, form_y: np.float32, light: int, a: np.float32, b: np.float32,
    variance: np.float32, response: float, share: float, scale: float, rim: F64, feature: F64, slope: F64,
) -> None:  # fmt: skip
    """Write how what is seen changes with each number but the weights into slope (WEIGHTS,)."""
    step = STEP * search.radius
    for e in range(EDGES):
        for j in range(5):
            slope[5 * e + j] = response * share * (1.0 - rim[e]) * feature[j]
    to_a = respond(search, light, a + step, b, form_x, form_y, variance)
    to_a -= respond(search, light, a - step, b, form_x, form_y, variance)
    to_b = respond(search, light, a, b + step, form_x, form_y, variance)
    to_b -= respond(search, light, a, b - step, form_x, form_y, variance)
    along_a, along_b = share * scale * float(to_a / (step + step)), share * scale * float(to_b / (step + step))
    slope[PLACE], slope[PLACE + 1] = along_a, along_b
    slope[SLOPE], slope[SLOPE + 1] = along_a * feature[1], along_a * feature[2]
    slope[SLOPE + 2], slope[SLOPE + 3] = along_b * feature[1], along_b * feature[2]


@kernel
def _add_pair(
    numbers: F64, left: F64, weight: F64, clear: np.float32, seen: float, slope: F64, pull: F64, stiff: F64
) -> float:
    """Add one texel under one light to pull and the upper half of stiff, and return its loss. left, weight: (3,)."""
    loss, stiffness, pulled = 0.0, 0.0, 0.0
    cross = np.zeros(3)
    for c in range(3):
        its = numbers[WEIGHTS + c]
        error = left[c] - its * seen
        if clear == 0 and error < 0:  # a clipped photo does not ask for less
            continue
        loss += weight[c] * error * error
        stiffness += weight[c] * its * its
        pulled += weight[c] * its * error
        cross[c] = weight[c] * its * seen
        pull[WEIGHTS + c] += weight[c] * error * seen
        stiff[WEIGHTS + c, WEIGHTS + c] += weight[c] * seen * seen
    if stiffness == 0.0:
        return loss
    for j in range(WEIGHTS):
        if slope[j] != 0.0:
            pull[j] += pulled * slope[j]
            bend = stiffness * slope[j]
            for k in range(j, WEIGHTS):
                stiff[j, k] += bend * slope[k]
            for c in range(3):
                stiff[j, WEIGHTS + c] += cross[c] * slope[j]
    return loss


@kernel
def _add_costs(numbers: F64, first: F64, pull: F64, stiff: F64) -> float:
    """Add what sharpness and moves cost to pull and stiff, and return it."""
    loss = 0.0
    for j in range(WEIGHTS):
        if j < PLACE and j % 5 == 0:  # offsets are free
            continue
        cost, its = (SHARP, numbers[j]) if j < PLACE else (STILL, numbers[j] - first[j])
        loss += cost * its * its
        pull[j] -= cost * its
        stiff[j, j] += cost
    return loss


@kernel
def _add_up(
    search: Search, flashes: Flashes, f: int, scale: float, point: F64, right: F64, down: F64, clear: F32, sample: I32,
    light: I32, count: int, left: F64, weight: F64, numbers: F64, first: F64, pull: F64, stiff: F64,
) -> float:  # fmt: skip
    """Return the loss at some numbers; writes its fall into pull (P,), its Gauss-Newton bend into stiff (P, P)."""
    pull[:] = 0.0
    stiff[:] = 0.0
    slope, rim, feature = np.zeros(WEIGHTS), np.empty(EDGES), np.ones(5)
    variance = search.blur + np.float32(flashes.width[f] ** 2)
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    loss = _add_costs(numbers, first, pull, stiff)
    for m in range(count):
        n, i = sample[m], light[m]
        x, y = right[n], down[n]
        feature[1], feature[2] = x, y
        for j in range(2):
            feature[3 + j] = (point[i, j] - flashes.place[f, j]) / scale
        share, seen = _edges_at(numbers, feature, rim), 0.0
        if share > NOTHING:
            to_a = numbers[PLACE] + numbers[SLOPE] * x + numbers[SLOPE + 1] * y
            to_b = numbers[PLACE + 1] + numbers[SLOPE + 2] * x + numbers[SLOPE + 3] * y
            a, b = np.float32(flashes.place[f, 0] + scale * to_a), np.float32(flashes.place[f, 1] + scale * to_b)
            response = float(respond(search, i, a, b, form_x, form_y, variance))
            _set_slopes(search, form_x, form_y, i, a, b, variance, response, share, scale, rim, feature, slope)
            seen = response * share
        else:
            slope[:] = 0.0
        loss += _add_pair(numbers, left[m], weight[m], clear[n, i], seen, slope, pull, stiff)
    for j in range(NUMBERS):
        for k in range(j):
            stiff[j, k] = stiff[k, j]
    return loss


@kernel
def _limit(numbers: F64, ceiling: float) -> None:
    """Hold weights within what they may be."""
    for c in range(3):
        numbers[WEIGHTS + c] = min(max(numbers[WEIGHTS + c], 0.0), ceiling)


@kernel
def _hold_weights(stiff: F64, pull: F64) -> None:
    """Take the weights out of a system of all numbers: they do not move."""
    for j in range(WEIGHTS, NUMBERS):
        stiff[j, :], stiff[:, j], pull[j] = 0.0, 0.0, 0.0
        stiff[j, j] = 1.0


@kernel
def fit_flash(
    search: Search,
    point: F64,
    flashes: Flashes,
    f: int,
    reach: Reach,
    column: I32,
    row: I32,
    texels: I64,
    x: F32,
    clear: F32,
    base: F32,
    rounds: int,
) -> None:
    """Move all numbers of facet f, in place, to where they meet the photos of some of its texels best.

    texels: (n,), their displayed light x and base (n, L, 3) and clearness (n, L). point: (L, 2) of the lights on the
    chart.
    """
    sample = np.empty(len(texels) * min(len(search.light), 64), np.int32)
    light = np.empty_like(sample)
    count = _list_pairs(search, flashes, f, column, row, texels, sample, light)
    if count == 0:
        flashes.weight[f] = 0.0
        return
    left, weight = np.empty((count, 3)), np.empty((count, 3))
    _leave(search, point, flashes, f, reach, column, row, texels, x, base, sample, light, count, left)
    for m in range(count):
        for c in range(3):
            weight[m, c] = display_weight(x[sample[m], light[m], c])
    scale = float(search.radius)
    right, down = np.empty(len(texels)), np.empty(len(texels))
    for n in range(len(texels)):
        right[n] = column[texels[n]] - flashes.centre[f, 0]
        down[n] = row[texels[n]] - flashes.centre[f, 1]
    best, trial, first = np.empty(NUMBERS), np.empty(NUMBERS), np.empty(NUMBERS)
    pull, to_pull = np.empty(NUMBERS), np.empty(NUMBERS)
    stiff, to_stiff = np.empty((NUMBERS, NUMBERS)), np.empty((NUMBERS, NUMBERS))
    _load(flashes, f, scale, first)
    best[:], trial[:] = first, first
    least, damping, held = math.inf, DAMPING, True
    for turn in range(rounds):
        loss = _add_up(
            search, flashes, f, scale, point, right, down, clear, sample, light, count, left, weight, trial,
            first, to_pull, to_stiff,
        )  # fmt: skip
        if loss < least:
            least, damping = loss, max(damping * EASIER, 1e-5)
            best[:], pull[:], stiff[:] = trial, to_pull, to_stiff
        else:
            damping *= HARDER
            if damping > STUCK and not held:
                break
        if held and (turn >= rounds // 2 or damping > STUCK):
            damping, held = DAMPING, False
        damped, trial[:] = stiff.copy(), pull
        for j in range(NUMBERS):
            damped[j, j] += damping * (stiff[j, j] + 1e-3) + 1e-9
        if held:  # else a facet whose edges are wrong goes dark before they have moved
            _hold_weights(damped, trial)
        solve_positive(damped, trial)
        trial += best
        _limit(trial, float(search.ceiling))
    _store(flashes, f, scale, best)
