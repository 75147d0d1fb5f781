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
from geodfx.basis import edge_share, formed_chord, lobe_reach, lobe_response
from geodfx.capture.facet_flash import NOTHING, Flashes, Reach, respond
from geodfx.capture.facet_pairs import leave, list_pairs
from geodfx.capture.fit_base import solve_positive
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import display_weight
from geodfx.constants import EDGES, MOST_PLACE
from geodfx.jit import kernel

__all__ = ["fit_flash"]

I32 = npt.NDArray[np.int32]

# Of a facet's numbers in the order in which they are fitted: five of each edge, place, slope, weights. Its form stays
# what it was: it would grow to lights that are not asked.
PLACE, SLOPE, WEIGHTS, NUMBERS = 5 * EDGES, 5 * EDGES + 2, 5 * EDGES + 6, 5 * EDGES + 9
STEP = np.float32(0.03)  # of the light's radius: of the slopes of a response
SHARP = 0.02  # loss of an edge's sharpness, squared: photos of few tilts would make it a step
MOVING = 0.005  # loss of how far an edge moves over the light's radius, squared
STILL = 10.0  # loss of a move of place and slope, squared, in the light's radius
WITHIN = 14.0  # of what edges are sums of: beyond, all is let through
DAMPING, EASIER, HARDER, STUCK = 1e-2, 0.3, 6.0, 1e4


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
        rim[e] = float(edge_share(np.float32(inside))) if inside < WITHIN else 1.0
        share *= rim[e]
    return share


@kernel
def _set_slopes(
    search: Search, form_x: np.float32, form_y: np.float32, light: int, a: np.float32, b: np.float32,
    variance: np.float32, response: float, share: float, scale: float, rim: F64, feature: F64, which: I64, slope: F64,
) -> int:  # fmt: skip
    """Write which of the numbers but the weights change what is seen, and how, into which and slope (WEIGHTS,).

    Returns how many there are; they ascend.
    """
    count = 0
    for e in range(EDGES):
        if rim[e] < 1.0:
            for j in range(5):
                which[count], slope[count] = 5 * e + j, response * share * (1.0 - rim[e]) * feature[j]
                count += 1
    step = STEP * search.radius
    to_a = respond(search, light, a + step, b, form_x, form_y, variance)
    to_a -= respond(search, light, a - step, b, form_x, form_y, variance)
    to_b = respond(search, light, a, b + step, form_x, form_y, variance)
    to_b -= respond(search, light, a, b - step, form_x, form_y, variance)
    if to_a != 0 or to_b != 0:
        along_a, along_b = share * scale * float(to_a / (step + step)), share * scale * float(to_b / (step + step))
        for j in range(6):
            which[count + j] = PLACE + j
        slope[count], slope[count + 1] = along_a, along_b
        slope[count + 2], slope[count + 3] = along_a * feature[1], along_a * feature[2]
        slope[count + 4], slope[count + 5] = along_b * feature[1], along_b * feature[2]
        count += 6
    return count


@kernel
def _add_pair(
    numbers: F64, left: F64, weight: F64, clear: np.float32, seen: float, which: I64, slope: F64, count: int,
    pull: F64, stiff: F64,
) -> float:  # fmt: skip
    """Add one texel under one light to pull and the upper half of stiff, and return its loss.

    left, weight: (3,). which, slope: (count,) of `_set_slopes`.
    """
    loss, stiffness, pulled = 0.0, 0.0, 0.0
    for c in range(3):
        its = numbers[WEIGHTS + c]
        error = left[c] - its * seen
        if clear == 0 and error < 0:  # a clipped photo does not ask for less
            continue
        loss += weight[c] * error * error
        if seen == 0.0 and count == 0:
            continue
        stiffness += weight[c] * its * its
        pulled += weight[c] * its * error
        pull[WEIGHTS + c] += weight[c] * error * seen
        stiff[WEIGHTS + c, WEIGHTS + c] += weight[c] * seen * seen
        cross = weight[c] * its * seen
        for j in range(count):
            stiff[which[j], WEIGHTS + c] += cross * slope[j]
    if stiffness > 0.0:
        for j in range(count):
            own = stiff[which[j]]
            pull[which[j]] += pulled * slope[j]
            bend = stiffness * slope[j]
            for k in range(j, count):
                own[which[k]] += bend * slope[k]
    return loss


@kernel
def _add_costs(numbers: F64, first: F64, pull: F64, stiff: F64) -> float:
    """Add what sharpness and moves beside the first cost to pull and stiff, and return it."""
    loss = 0.0
    for j in range(WEIGHTS):
        if j < PLACE and j % 5 == 0:  # offsets are free
            continue
        cost, its = STILL if j >= PLACE else MOVING if j % 5 > 2 else SHARP, numbers[j] - first[j]
        loss += cost * its * its
        pull[j] -= cost * its
        stiff[j, j] += cost
    return loss


@kernel
def _farthest(search: Search, variance: np.float32) -> float:
    """Return the squared chord from a light beyond which neither it nor a step of the slopes' is answered."""
    chord = float(lobe_reach(search.area, variance)) + 2.0 * float(STEP * search.radius)
    return chord * chord


@kernel
def _add_up(
    search: Search, flashes: Flashes, f: int, scale: float, point: F64, right: F64, down: F64, clear: F32, sample: I32,
    light: I32, count: int, left: F64, weight: F64, numbers: F64, first: F64, pull: F64, stiff: F64,
) -> float:  # fmt: skip
    """Return the loss at some numbers; writes its fall into pull (P,), its Gauss-Newton bend into stiff (P, P)."""
    pull[:] = 0.0
    stiff[:] = 0.0
    which, slope, rim, feature = np.empty(WEIGHTS, np.int64), np.empty(WEIGHTS), np.empty(EDGES), np.ones(5)
    variance = search.blur + np.float32(flashes.width[f] ** 2)
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    farthest = np.float32(_farthest(search, variance))
    loss = _add_costs(numbers, first, pull, stiff)
    for m in range(count):
        n, i = sample[m], light[m]
        its = search.light[i]
        feature[1], feature[2] = right[n], down[n]
        to_a = numbers[PLACE] + numbers[SLOPE] * feature[1] + numbers[SLOPE + 1] * feature[2]
        to_b = numbers[PLACE + 1] + numbers[SLOPE + 2] * feature[1] + numbers[SLOPE + 3] * feature[2]
        a, b = np.float32(flashes.place[f, 0] + scale * to_a), np.float32(flashes.place[f, 1] + scale * to_b)
        q = formed_chord(a - its[0], b - its[1], np.float32(0.0), form_x, form_y)
        seen, changing = 0.0, 0
        if q < farthest:
            for j in range(2):
                feature[3 + j] = (point[i, j] - flashes.place[f, j]) / scale
            share = _edges_at(numbers, feature, rim)
            if share > NOTHING:
                response = float(lobe_response(q, search.area, variance))
                changing = _set_slopes(
                    search, form_x, form_y, i, a, b, variance, response, share, scale, rim, feature, which, slope,
                )  # fmt: skip
                seen = response * share
        loss += _add_pair(numbers, left[m], weight[m], clear[n, i], seen, which, slope, changing, pull, stiff)
    for j in range(NUMBERS):
        for k in range(j):
            stiff[j, k] = stiff[k, j]
    return loss


@kernel
def _loss_without(clear: F32, sample: I32, light: I32, left: F64, weight: F64) -> float:
    """Return the loss at pairs (P,) where a facet shows nothing. left, weight: (P, 3)."""
    loss = 0.0
    for m in range(len(left)):
        for c in range(3):
            if clear[sample[m], light[m]] > 0 or left[m, c] > 0:
                loss += weight[m, c] * left[m, c] * left[m, c]
    return loss


@kernel
def _limit(numbers: F64, ceiling: float, place: F64, scale: float) -> None:
    """Hold weights, and the place (2,) that numbers move, within what they may be."""
    for j in range(2):
        low, high = (-MOST_PLACE - place[j]) / scale, (MOST_PLACE - place[j]) / scale
        numbers[PLACE + j] = min(max(numbers[PLACE + j], low), high)
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
    trusted: bool,
) -> float:
    """Move all numbers of facet f, in place, to where they meet the photos of some of its texels best.

    Returns how much higher the loss would be without it.

    texels: (n,), their displayed light x and base (n, L, 3) and clearness (n, L). point: (L, 2) of the lights on the
    chart. trusted: its edges are where they are for a reason; else those that are soft and still are likelier.
    """
    sample = np.empty(len(texels) * min(len(search.light), 64), np.int32)
    light = np.empty_like(sample)
    count = list_pairs(search, flashes, f, column, row, texels, sample, light)
    if count == 0:
        flashes.weight[f] = 0.0
        return 0.0
    left, weight = np.empty((count, 3)), np.empty((count, 3))
    leave(search, point, flashes, f, reach, column, row, texels, x, base, sample, light, count, left)
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
    if not trusted:
        first[:PLACE] = 0.0
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
        _limit(trial, float(search.ceiling), flashes.place[f], scale)
    _store(flashes, f, scale, best)
    return _loss_without(clear, sample, light, left, weight) - least
