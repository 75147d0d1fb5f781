"""Where a light path's flash lies: the numbers of its facet over tilts, from the path followed near where it is seen.

To first order what leaves a path differs from the light by a vector that is linear in the texel and in the tilt, as are
the distances of the ray's hits to all planes. So a flash is a ramp around where that vector is shortest, longer along
the tilts that change it least, between the edges at which a hit would lie outside of a plane.
"""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F64, I64, Bool
from geodfx.capture.cut_ramp import (
    EVERYWHERE,
    MOST_FORM,
    NEARBY,
    RAMP,
    Draws,
    Stage,
    follow_at,
    hold_tilts,
    list_ramp,
    meet_ramp,
)
from geodfx.capture.fit_base import solve_positive
from geodfx.constants import EDGES
from geodfx.jit import kernel
from geodfx.rays.walks import ask_planes

__all__ = ["LEAST_MET", "shape_flash"]

LEAST_MET = 8  # samples that a flash must light, or all are asked that its path reaches
AROUND_TEXELS, AROUND_CHART = 3.0, 0.08  # of its extent
NEAR_TEXELS, NEAR_CHART = 2.5, 0.03  # standard deviations
BORDER = 0.02  # stone widths from a plane: hits further off tell little of where its edge is
OVER = 0.3  # texels: an edge that cuts a lit sample by more is worse than none
SHARP = 3.0  # of an edge, a texel
FREE = 20.0  # of an edge that cuts nothing


@kernel
def _regress(points: F64, middle: F64, value: F64, weight: F64, out: F64) -> None:
    """Write the weighted least-squares fit of value (N,) by (1, points - middle) (N, 4) into out (5,)."""
    stiff, row = np.zeros((5, 5)), np.ones(5)
    out[:] = 0.0
    for n in range(len(points)):
        if weight[n] <= 0.0:
            continue
        for j in range(4):
            row[1 + j] = points[n, j] - middle[j]
        for j in range(5):
            out[j] += weight[n] * row[j] * value[n]
            for k in range(j + 1):
                stiff[j, k] += weight[n] * row[j] * row[k]
    for j in range(5):
        stiff[j, j] += 1e-9 * (stiff[j, j] + 1e-3)
        for k in range(j):
            stiff[k, j] = stiff[j, k]
    solve_positive(stiff, out)


@kernel
def _lead(fit: F64, numbers: F64) -> tuple[float, float, float]:
    """Write where a chord (3, 5), linear in texel and tilt, is shortest: place from the middle and slope.

    Returns the direction along which the tilt changes it least, and how much less than across.
    """
    aa = ab = bb = 0.0
    for j in range(3):
        aa, ab, bb = aa + fit[j, 3] * fit[j, 3], ab + fit[j, 3] * fit[j, 4], bb + fit[j, 4] * fit[j, 4]
    mean, gap = 0.5 * (aa + bb), math.hypot(0.5 * (aa - bb), ab)
    most, least = math.sqrt(max(mean + gap, 1e-12)), math.sqrt(max(mean - gap, 0.0))
    turn = 0.5 * math.atan2(2.0 * ab, aa - bb)
    across_a, across_b = math.cos(turn), math.sin(turn)
    long_a, long_b = -across_b, across_a
    shortest = math.sqrt(1.0 - MOST_FORM * MOST_FORM)
    numbers[:] = 0.0
    for j in range(3):
        across, along = fit[j, 3] * across_a + fit[j, 4] * across_b, fit[j, 3] * long_a + fit[j, 4] * long_b
        own = across / (most * most)
        long = along / (least * max(least, shortest)) if least > 1e-6 else 0.0
        to_a, to_b = across_a * own + long_a * long, across_b * own + long_b * long
        numbers[0] -= to_a * fit[j, 0]
        numbers[1] -= to_b * fit[j, 0]
        for k in range(2):
            numbers[2 + k] -= to_a * fit[j, 1 + k]
            numbers[4 + k] -= to_b * fit[j, 1 + k]
    return long_a, long_b, min(max(least / most, shortest), 1.0)


@kernel
def _draw_lines(
    points: F64, middle: F64, inside: F64, asked: Bool, way: Bool, cuts: Bool, line: F64, value: F64
) -> None:
    """Write of each plane and hit (J,) whether it cuts off any asked point, and how far inside points lie of it.

    line: (J, 5), linear in point and in texels near the border; value: (J, N) of the points.
    """
    count = len(points)
    near = np.empty(count)
    for n in range(count):
        if asked[n]:
            cuts |= inside[n] < 0.0
    for j in range(len(line)):
        if not cuts[j]:
            continue
        for n in range(count):
            near[n] = (1.0 + (inside[n, j] / BORDER) ** 2) ** -2 if way[n] else 0.0
        _regress(points, middle, inside[:, j].copy(), near, line[j])
        size = math.hypot(line[j, 1], line[j, 2]) + BORDER * math.hypot(line[j, 3], line[j, 4])
        cuts[j] = size >= 1e-9
        line[j] /= max(size, 1e-9)
        for n in range(count):
            value[j, n] = line[j, 0] + np.dot(line[j, 1:], points[n] - middle)


@kernel
def _cuts_off(value: F64, left: Bool, kept: Bool) -> float:
    """Return how many points that are left an edge cuts off, less twice those of the kept that it cuts clearly."""
    worth = 0.0
    for n in range(len(value)):
        if left[n] and value[n] < 0.0:
            worth += 1.0
        elif kept[n] and value[n] < -OVER:
            worth -= 2.0
    return worth


@kernel
def _find_edges(points: F64, middle: F64, inside: F64, met: Bool, lit: Bool, way: Bool, edge: F64) -> None:
    """Write up to EDGES half spaces (EDGES, 5) that leave out of points (N, 4) what does not meet the flash's path.

    inside: (N, J) of hits, each to each plane. met: (N,) inside of all. One after another, that which cuts off most.
    """
    cuts, line = np.zeros(inside.shape[1], np.bool_), np.zeros((inside.shape[1], 5))
    value = np.empty((inside.shape[1], len(points)))
    _draw_lines(points, middle, inside, lit & way, way, cuts, line, value)
    left, kept = ~met & lit & way, met & lit
    edge[:] = 0.0
    edge[:, 0] = FREE
    for e in range(EDGES):
        most, which = 0.0, -1
        for j in range(len(line)):
            worth = _cuts_off(value[j], left, kept) if cuts[j] else 0.0
            if worth > most:
                most, which = worth, j
        if which < 0:
            break
        edge[e] = SHARP * line[which]
        left &= value[which] >= 0.0


@kernel
def _sample(stage: Stage, draws: Draws, looks: F64, chosen: I64, points: F64) -> None:
    """Write points (N, 4) in and around the extent of looks, some of which are chosen."""
    few = len(chosen)
    for j in range(4):
        low, high = looks[:, j].min(), looks[:, j].max()
        around = AROUND_TEXELS * stage.texel if j < 2 else AROUND_CHART
        near = NEAR_TEXELS * stage.texel if j < 2 else NEAR_CHART
        for n in range(few):
            points[n, j] = looks[chosen[n], j]
        for n in range(EVERYWHERE):
            points[few + n, j] = low - around + draws.uniform[n, j] * (high - low + 2 * around)
        for n in range(NEARBY):
            points[few + EVERYWHERE + n, j] = points[(few + EVERYWHERE + n) % few, j] + near * draws.normal[n, j]
    hold_tilts(stage, points)


@kernel
def shape_flash(
    planes: F64, index: float, face: I64, count: int, stage: Stage, draws: Draws, looks: F64, chosen: I64,
    centre: F64, numbers: F64, edge: F64,
) -> bool:  # fmt: skip
    """Write the facet of a path's flash under a light: centre (2,), place, slope and form (8,), edges (EDGES, 5).

    face: (count,) of the path. looks: (M, 4) where it was seen, column, row, a and b; chosen: some of them, evenly.
    Returns False where too little is met of it.
    """
    total, walls = len(chosen) + EVERYWHERE + NEARBY, len(planes)
    middle, points, off = np.empty(4), np.empty((total, 4)), np.zeros(len(looks))
    for j in range(4):
        off += ((looks[:, j] - np.median(looks[:, j])) / (10.0 * stage.texel if j < 2 else 0.1)) ** 2
    middle[:] = looks[np.argmin(off)]
    _sample(stage, draws, looks, chosen, points)
    inside, hit, chord = np.ones((total, count, walls)), np.empty((count, 3)), np.empty((total, 3))
    way, met, lit = np.zeros(total, np.bool_), np.zeros(total, np.bool_), np.zeros(total, np.bool_)
    for n in range(total):
        way[n] = follow_at(planes, index, face, count, stage, points[n], hit, chord[n])
        met[n] = way[n] and ask_planes(planes, face, count, hit, inside[n])
        lit[n] = np.dot(chord[n], chord[n]) < 1.5 * stage.area
    asked = met if met.sum() >= LEAST_MET else way
    if asked.sum() < LEAST_MET:
        return False
    fit, first, trial = np.empty((3, 5)), np.empty(8), np.empty(8)
    for j in range(3):
        _regress(points, middle, chord[:, j].copy(), asked.astype(np.float64), fit[j])
    long_a, long_b, short = _lead(fit, first)
    first[0], first[1] = first[0] + middle[2], first[1] + middle[3]
    _find_edges(points, middle, inside.reshape((total, count * walls)), met, lit, way, edge)

    rim, wanted = np.empty((RAMP, 4)), np.empty(RAMP)
    list_ramp(planes, index, face, count, stage, draws, looks, chosen, rim, wanted)
    rim[:, 0] -= middle[0]
    rim[:, 1] -= middle[1]
    # From where it is shortest, and from as near to its looks as that may be moved along the flash.
    along = long_a * (looks[:, 2].mean() - first[0]) + long_b * (looks[:, 3].mean() - first[1])
    least = math.inf
    for begin in range(4):
        form = min(math.sqrt(1.0 - short * short), MOST_FORM) if begin % 2 == 0 else 0.8
        trial[:] = first
        trial[6], trial[7] = form * long_a, form * long_b
        if begin > 1:
            trial[0], trial[1] = trial[0] + long_a * along, trial[1] + long_b * along
        loss = meet_ramp(trial, rim, wanted, stage.area, stage.half)
        if loss < least:
            least, numbers[:] = loss, trial
    centre[:] = middle[:2]
    for e in range(EDGES):
        edge[e, 0] += edge[e, 3] * (numbers[0] - middle[2]) + edge[e, 4] * (numbers[1] - middle[3])
    return True
