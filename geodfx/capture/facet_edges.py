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
from geodfx.capture.facet_flash import NOTHING, WITHIN, Flashes, Reach
from geodfx.capture.facet_pairs import leave, list_pairs
from geodfx.capture.fit_base import solve_positive
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import display_weight
from geodfx.constants import EDGES, MOST_PLACE
from geodfx.jit import kernel, kernel_of_sums

__all__ = ["descend", "fit_flash"]

I32 = npt.NDArray[np.int32]

# A facet's numbers in the order in which they are fitted: five of each edge; of each coordinate of the chart its place
# and slope; weights. Its form stays what it was: it would grow to lights that are not asked.
PLACE, WEIGHTS, NUMBERS = 5 * EDGES, 5 * EDGES + 6, 5 * EDGES + 9
# What a pair's slopes are multiples of: how much an edge's sum, or a coordinate, changes what is seen. Each drives the
# numbers that multiply 1, right, down and, of edges, either coordinate of the tilt.
DRIVERS = EDGES + 2
FIRST = np.array([5 * e for e in range(EDGES)] + [PLACE, PLACE + 3])
DRIVEN = np.array([5] * EDGES + [3, 3])
ALONG_TILT = np.array([0, 0, 0, 1, 2])  # which of 1 and the tilt's coordinates is in a number's factor
MOMENT = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])  # of two such: where their product is among 1, a, b, aa, ab, bb
STEP = np.float32(0.1)  # of the light's area: of the slope of a response
SHARP = 0.02  # loss of an edge's sharpness, squared: photos of few tilts would make it a step
MOVING = 0.005  # loss of how far an edge moves over the light's radius, squared
STILL = 10.0  # loss of a move of place and slope, squared, in the light's radius
TRUSTED = 6.0  # times these, of a facet that begins where a traced cut has it
SETTLED = 0.003  # of what a facet saves: a round that saves less is the last
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
        numbers[PLACE + 3 * j] = 0.0
        for k in range(2):
            numbers[PLACE + 3 * j + 1 + k] = flashes.slope[f, j, k] / scale


@kernel
def _store(flashes: Flashes, f: int, scale: float, numbers: F64) -> None:
    """Write numbers, as `_load` has them, back."""
    for j in range(2):
        flashes.place[f, j] += numbers[PLACE + 3 * j] * scale
        for k in range(2):
            flashes.slope[f, j, k] = numbers[PLACE + 3 * j + 1 + k] * scale
    for e in range(EDGES):
        for j in range(5):
            flashes.edge[f, e, j] = numbers[5 * e + j] / (scale if j > 2 else 1.0)
        for j in range(2):  # edges are told from the place, which has moved
            flashes.edge[f, e, 0] += numbers[5 * e + 3 + j] * numbers[PLACE + 3 * j]
    for c in range(3):
        flashes.weight[f, c] = numbers[WEIGHTS + c]


@kernel_of_sums
def _edges_at(numbers: F64, feature: F64, rim: F64) -> float:
    """Return what all edges let through, and what each does in rim (EDGES,). feature: (5,) what edges are sums of."""
    share = 1.0
    for e in range(EDGES):
        inside = 0.0
        for j in range(5):
            inside += numbers[5 * e + j] * feature[j]
        rim[e] = float(edge_share(np.float32(inside))) if inside < WITHIN else 1.0
        share *= rim[e]
        if share <= NOTHING:
            return 0.0
    return share


@kernel
def _set_slopes(
    search: Search, form_x: float, form_y: float, away: F64, q: F32, variance: np.float32, share: float, scale: float,
    rim: F64, seen: F64, which: I64, slope: F64,
) -> int:  # fmt: skip
    """Write what each channel sees into seen (3,), which drivers change it, and how much, into which and slope (D, 3).

    away, q: (3, 2), (3,) from a light to where channels point, and that chord squared. Returns how many drivers there
    are; they ascend.
    """
    for c in range(3):
        seen[c] = share * float(lobe_response(q[c], search.area, variance))
    count = 0
    for e in range(EDGES):
        if rim[e] < 1.0:
            which[count] = e
            for c in range(3):
                slope[count, c] = seen[c] * (1.0 - rim[e])
            count += 1
    step, moves = STEP * search.area, False
    which[count], which[count + 1] = EDGES, EDGES + 1
    for c in range(3):
        change = lobe_response(q[c] + step, search.area, variance) - lobe_response(q[c] - step, search.area, variance)
        moves = moves or change != 0
        along, to_q = away[c, 0] * form_x + away[c, 1] * form_y, share * scale * float(change / (step + step))
        slope[count, c] = to_q * 2.0 * (away[c, 0] - along * form_x)
        slope[count + 1, c] = to_q * 2.0 * (away[c, 1] - along * form_y)
    return count + 2 if moves else count


@kernel_of_sums
def _add_pair(
    numbers: F64, left: F64, weight: F64, m: int, clear: np.float32, seen: F64, which: I64, slope: F64, count: int,
    moment: F64, factor: F64, once: F64, twice: F64, pull: F64, stiff: F64,
) -> float:  # fmt: skip
    """Add pair m, a texel under a light, to the sums of the texel and, of weights alone, to pull and stiff.

    Returns its loss. left, weight: (M, 3). seen, which, slope: of `_set_slopes`. moment: (6,), see MOMENT.
    factor: (3, 3), room. once: (DRIVERS, 4, 3) what pulls, and how weights bend, by tilt. twice: (DRIVERS, DRIVERS, 6)
    how drivers bend, its lower half.
    """
    loss = 0.0
    for c in range(3):
        its, error, own = numbers[WEIGHTS + c], left[m, c] - numbers[WEIGHTS + c] * seen[c], weight[m, c]
        if clear == 0 and error < 0:  # a clipped photo does not ask for less
            own = 0.0
        loss += own * error * error
        factor[0, c], factor[1, c], factor[2, c] = own * its * error, own * its * seen[c], own * its * its
        pull[WEIGHTS + c] += own * error * seen[c]
        stiff[WEIGHTS + c, WEIGHTS + c] += own * seen[c] * seen[c]
    for u in range(count):
        d, pulled = which[u], 0.0
        for c in range(3):
            pulled += factor[0, c] * slope[u, c]
        for j in range(3):
            once[d, 0, j] += pulled * moment[j]
            for c in range(3):
                once[d, 1 + c, j] += factor[1, c] * slope[u, c] * moment[j]
        for v in range(u + 1):
            e, bend = which[v], 0.0
            for c in range(3):
                bend += factor[2, c] * slope[u, c] * slope[v, c]
            for j in range(6):
                twice[d, e, j] += bend * moment[j]
    return loss


@kernel_of_sums
def _add_texel(place: F64, once: F64, twice: F64, pull: F64, stiff: F64) -> None:
    """Add a texel's sums over its lights to pull and the lower half of stiff, and clear them.

    place: (5,) 1, right, down, 1, 1.
    """
    for d in range(DRIVERS):
        if twice[d, d, 0] == 0.0:
            continue
        first = FIRST[d]
        for j in range(DRIVEN[d]):
            pull[first + j] += place[j] * once[d, 0, ALONG_TILT[j]]
            for c in range(3):
                stiff[WEIGHTS + c, first + j] += place[j] * once[d, 1 + c, ALONG_TILT[j]]
        for other in range(d + 1):
            if twice[other, other, 0] == 0.0 and other < d:
                continue
            for j in range(DRIVEN[d]):
                for k in range(DRIVEN[other]):
                    bend = twice[d, other, MOMENT[ALONG_TILT[j], ALONG_TILT[k]]]
                    stiff[first + j, FIRST[other] + k] += place[j] * place[k] * bend
    once[:] = 0.0
    twice[:] = 0.0


@kernel
def _add_costs(numbers: F64, first: F64, trust: float, pull: F64, stiff: F64) -> float:
    """Add what sharpness and moves beside the first cost to pull and stiff, and return it."""
    loss = 0.0
    for j in range(WEIGHTS):
        if j < PLACE and j % 5 == 0:  # offsets are free
            continue
        cost, its = trust * (STILL if j >= PLACE else MOVING if j % 5 > 2 else SHARP), numbers[j] - first[j]
        loss += cost * its * its
        pull[j] -= cost * its
        stiff[j, j] += cost
    return loss


@kernel_of_sums
def _add_up(
    search: Search, flashes: Flashes, f: int, scale: float, point: F64, right: F64, down: F64, clear: F32, sample: I32,
    light: I32, count: int, left: F64, weight: F64, dark: F64, numbers: F64, first: F64, trust: float,
    pull: F64, stiff: F64,
) -> float:  # fmt: skip
    """Return the loss at some numbers; writes its fall into pull (P,), its Gauss-Newton bend into stiff (P, P).

    Of stiff the lower half. A texel's lights are summed first: they share where it lies. dark: (M,) the losses of pairs
    that see nothing.
    """
    pull[:] = 0.0
    stiff[:] = 0.0
    which, slope, rim = np.empty(DRIVERS, np.int64), np.empty((DRIVERS, 3)), np.empty(EDGES)
    away, q, seen = np.empty((3, 2)), np.empty(3, np.float32), np.empty(3)
    feature, place, moment, factor = np.ones(5), np.ones(5), np.ones(6), np.empty((3, 3))
    once, twice = np.zeros((DRIVERS, 4, 3)), np.zeros((DRIVERS, DRIVERS, 6))
    variance = search.blur + np.float32(flashes.width[f] ** 2)
    form_x, form_y = flashes.form[f]
    farthest = lobe_reach(search.area, variance) ** 2 + STEP * search.area
    inverse = 1.0 / scale
    middle = (flashes.place[f, 0] * inverse, flashes.place[f, 1] * inverse)
    loss, summed = _add_costs(numbers, first, trust, pull, stiff), False
    for m in range(count):
        n, i = sample[m], light[m]
        feature[1], feature[2] = right[n], down[n]
        to_a = numbers[PLACE] + numbers[PLACE + 1] * feature[1] + numbers[PLACE + 2] * feature[2]
        to_b = numbers[PLACE + 3] + numbers[PLACE + 4] * feature[1] + numbers[PLACE + 5] * feature[2]
        da = flashes.place[f, 0] + scale * to_a - float(search.light[i, 0])
        db = flashes.place[f, 1] + scale * to_b - float(search.light[i, 1])
        for c in range(3):
            away[c, 0], away[c, 1] = da + flashes.fire[f, c, 0], db + flashes.fire[f, c, 1]
            x, y = np.float32(away[c, 0]), np.float32(away[c, 1])
            q[c] = formed_chord(x, y, np.float32(0.0), np.float32(form_x), np.float32(form_y))
        share = 0.0
        if min(q[0], q[1], q[2]) < farthest:
            for j in range(2):
                feature[3 + j] = moment[1 + j] = point[i, j] * inverse - middle[j]
            share = _edges_at(numbers, feature, rim)
        if share > 0.0:
            for j in range(3):
                moment[3 + j] = moment[1 + j // 2] * moment[1 + (j + 1) // 2]
            changing = _set_slopes(search, form_x, form_y, away, q, variance, share, scale, rim, seen, which, slope)
            loss += _add_pair(
                numbers, left, weight, m, clear[n, i], seen, which, slope, changing, moment, factor, once,
                twice, pull, stiff,
            )  # fmt: skip
            summed = True
        else:
            loss += dark[m]
        if summed and (m + 1 == count or sample[m + 1] != n):
            place[1], place[2] = right[n], down[n]
            _add_texel(place, once, twice, pull, stiff)
            summed = False
    return loss


@kernel
def _lose_without(clear: F32, sample: I32, light: I32, left: F64, weight: F64, dark: F64) -> float:
    """Write the losses of pairs where a facet shows nothing into dark (M,); return their sum. left, weight: (M, 3)."""
    total = 0.0
    for m in range(len(left)):
        dark[m] = 0.0
        for c in range(3):
            if clear[sample[m], light[m]] > 0 or left[m, c] > 0:
                dark[m] += weight[m, c] * left[m, c] * left[m, c]
        total += dark[m]
    return total


@kernel
def _limit(numbers: F64, ceiling: float, place: F64, scale: float) -> None:
    """Hold weights, and the place (2,) that numbers move, within what they may be."""
    for j in range(2):
        low, high = (-MOST_PLACE - place[j]) / scale, (MOST_PLACE - place[j]) / scale
        numbers[PLACE + 3 * j] = min(max(numbers[PLACE + 3 * j], low), high)
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
    spans: F32,
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
    chart. spans: of all facets, see `list_spans`. trusted: its numbers are what they are for a reason; else edges that
    are soft and still are likelier.
    """
    sample = np.empty(len(texels) * min(len(search.light), 64), np.int32)
    light = np.empty_like(sample)
    count = list_pairs(search, flashes, f, column, row, texels, sample, light)
    if count == 0:
        flashes.weight[f] = 0.0
        return 0.0
    left, weight = np.empty((count, 3)), np.empty((count, 3))
    leave(search, point, flashes, spans, f, reach, column, row, texels, x, base, sample, light, count, left)
    for m in range(count):
        for c in range(3):
            weight[m, c] = display_weight(x[sample[m], light[m], c])
    return descend(
        search, point, flashes, f, column, row, texels, clear, sample, light, count, left, weight, rounds, trusted, True
    )


@kernel
def descend(
    search: Search, point: F64, flashes: Flashes, f: int, column: I32, row: I32, texels: I64, clear: F32, sample: I32,
    light: I32, count: int, left: F64, weight: F64, rounds: int, trusted: bool, weighs: bool,
) -> float:  # fmt: skip
    """Move all numbers of facet f, in place, to where they meet pairs (count,) best; see `fit_flash`.

    sample, light: of each pair, a texel of texels (n,) and a light. left: (count, 3) what the facet is to show there.
    weight: (count, 3) of its square. weighs: the facet's own weights move as well.
    """
    dark = np.empty(count)
    without = _lose_without(clear, sample, light, left, weight, dark)
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
    trust = TRUSTED if trusted else 1.0
    if not trusted:
        first[:PLACE] = 0.0
    least, damping, held = math.inf, DAMPING, True
    for turn in range(rounds):
        loss = _add_up(
            search, flashes, f, scale, point, right, down, clear, sample, light, count, left, weight, dark, trial,
            first, trust, to_pull, to_stiff,
        )  # fmt: skip
        settled = False
        if loss < least:
            settled = least - loss < SETTLED * (without - loss)
            least, damping = loss, max(damping * EASIER, 1e-5)
            best[:], pull[:], stiff[:] = trial, to_pull, to_stiff
        else:
            damping *= HARDER
            settled = damping > STUCK
        if settled and not (held and weighs):
            break
        if weighs and (settled or turn >= rounds // 2):
            damping, held = DAMPING if held else damping, False
        damped, trial[:] = stiff.copy(), pull
        for j in range(NUMBERS):
            damped[j, j] += damping * (stiff[j, j] + 1e-3) + 1e-9
        if held:  # else a facet whose edges are wrong goes dark before they have moved
            _hold_weights(damped, trial)
        solve_positive(damped, trial)
        trial += best
        _limit(trial, float(search.ceiling), flashes.place[f], scale)
    _store(flashes, f, scale, best)
    return without - least
