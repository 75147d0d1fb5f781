"""Where a light path's flash lies: the numbers of its facet over tilts, from the path followed near where it is seen.

To first order what leaves a path differs from the light by a vector that is linear in the texel and in the tilt, as are
the distances of the ray's hits to all planes. So a flash is a ramp around where that vector is shortest, longer along
the tilts that change it least, between the edges at which a hit would lie outside of a plane.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64, I64, Bool
from geodfx.capture.fit_base import solve_positive
from geodfx.constants import EDGES, MOST_PLACE
from geodfx.jit import kernel
from geodfx.rays.walks import follow

__all__ = ["LEAST_MET", "Draws", "Stage", "make_draws", "shape_flash"]

LEAST_MET = 8  # samples that a flash must light, or all are asked that its path reaches
EVERYWHERE, NEARBY, RAMP = 300, 200, 240  # samples in and around a flash's extent, near its looks, and of its ramp
AROUND_TEXELS, AROUND_CHART = 3.0, 0.08  # of its extent
NEAR_TEXELS, NEAR_CHART = 2.5, 0.03  # standard deviations
RAMP_TEXELS, RAMP_CHART = 2.0, 0.08
BORDER = 0.02  # stone widths from a plane: hits further off tell little of where its edge is
OVER = 0.3  # texels: an edge that cuts a lit sample by more is worse than none
SHARP = 3.0  # of an edge, a texel
FREE = 20.0  # of an edge that cuts nothing
MOST_FORM = 0.999
TURNS = 30


class Stage(NamedTuple):
    """Camera, light and texels, seen from the untilted stone."""

    light: F64  # (3,)
    distance: float
    height: float
    grid: float
    middle: tuple[float, float]  # of the picture, column and row
    stretch: float
    most_tilt: float  # on the chart, of either coordinate
    area: float  # of the lights, squared chord
    half: float  # of their rim
    texel: float  # of the widths that are told in texels: 1 where a stone has some 180 of them across


class Draws(NamedTuple):
    """Random numbers, the same for all flashes."""

    uniform: F64  # (EVERYWHERE, 4)
    normal: F64  # (NEARBY, 4)


def make_draws() -> Draws:
    """Return the numbers that all flashes are sampled by."""
    rng = np.random.default_rng(0)
    return Draws(rng.random((EVERYWHERE, 4)), rng.standard_normal((NEARBY, 4)))


@kernel
def _tilted(pitch: float, roll: float, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return a world vector as the tilted stone sees it, the inverse of `tilting.tilt_rotation`."""
    cos_p, sin_p, cos_r, sin_r = math.cos(pitch), math.sin(pitch), math.cos(roll), math.sin(roll)
    ax, az = cos_r * x - sin_r * z, sin_r * x + cos_r * z
    return ax, cos_p * y + sin_p * az, cos_p * az - sin_p * y


@kernel
def _follow_at(
    planes: F64, index: float, face: I64, count: int, stage: Stage, point: F64, inside: F64, chord: F64
) -> bool:
    """Follow a path at a point (4,): column, row, a and b of the tilt; chord (3,): from the light to what leaves."""
    pitch, roll = point[3] / stage.stretch, -point[2] / stage.stretch
    ox, oy, oz = _tilted(pitch, roll, 0.0, 0.0, stage.distance)
    lx, ly, lz = _tilted(pitch, roll, stage.light[0], stage.light[1], stage.light[2])
    px, py = (point[0] + 0.5 - stage.middle[0]) * stage.grid, (stage.middle[1] - point[1] - 0.5) * stage.grid
    found = follow(planes, index, face, count, ox, oy, oz, px, py, stage.height, inside, chord)
    chord[0], chord[1], chord[2] = chord[0] - lx, chord[1] - ly, chord[2] - lz
    return found


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
def _limit(numbers: F64) -> None:
    """Hold place and form within what codes hold."""
    size = math.hypot(numbers[6], numbers[7])
    if size > MOST_FORM:
        numbers[6], numbers[7] = numbers[6] * MOST_FORM / size, numbers[7] * MOST_FORM / size
    for j in range(2):
        numbers[j] = min(max(numbers[j], -MOST_PLACE), MOST_PLACE)


@kernel
def _ramp_loss(numbers: F64, points: F64, wanted: F64, area: float, half: float, off: F64) -> float:
    """Write how far a flash's ramp differs from what is wanted (N,), and return the squares' sum.

    numbers: place, slope, form. points: (N, 4) from the facet's centre right and down, and on the chart.
    """
    total = 0.0
    for n in range(len(points)):
        x, y = points[n, 0], points[n, 1]
        a = numbers[0] + numbers[2] * x + numbers[3] * y - points[n, 2]
        b = numbers[1] + numbers[4] * x + numbers[5] * y - points[n, 3]
        along = a * numbers[6] + b * numbers[7]
        off[n] = min(max(0.5 * (area + half - (a * a + b * b - along * along)) / half, -1.0), 2.0) - wanted[n]
        total += off[n] * off[n]
    return total


@kernel
def _meet_ramp(numbers: F64, points: F64, wanted: F64, area: float, half: float) -> float:
    """Move place, slope and form (8,) to where the ramp is met best (Levenberg, Marquardt); return the loss."""
    step = np.array([4e-3, 4e-3, 2e-4, 2e-4, 2e-4, 2e-4, 4e-3, 4e-3])
    count = len(numbers)
    off, to, slope = np.empty(len(points)), np.empty(len(points)), np.empty((count, len(points)))
    stiff, trial = np.empty((count, count)), np.empty(count)
    _limit(numbers)
    least, damping, stale = _ramp_loss(numbers, points, wanted, area, half, off), 1e-2, True
    for _ in range(TURNS):
        if stale:
            for j in range(count):
                trial[:] = numbers
                trial[j] += step[j]
                _ramp_loss(trial, points, wanted, area, half, to)
                slope[j] = (to - off) / step[j]
            stale = False
        for j in range(count):
            trial[j] = -np.dot(slope[j], off)
            for k in range(count):
                stiff[j, k] = np.dot(slope[j], slope[k])
        for j in range(count):
            stiff[j, j] += damping * (stiff[j, j] + 1e-6 / (step[j] * step[j])) + 1e-9
        solve_positive(stiff, trial)
        trial += numbers
        _limit(trial)
        loss = _ramp_loss(trial, points, wanted, area, half, to)
        if loss < least:
            settled = least - loss < 1e-4 * least
            numbers[:], off[:] = trial, to
            least, damping, stale = loss, max(0.3 * damping, 1e-6), True
            if settled:
                break
        else:
            damping *= 6.0
            if damping > 1e5:
                break
    return least


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
    for j in range(len(line)):
        for n in range(count):
            near[n] = (1.0 + (inside[n, j] / BORDER) ** 2) ** -2 if way[n] else 0.0
            cuts[j] = cuts[j] or (asked[n] and inside[n, j] < 0.0)
        if not cuts[j]:
            continue
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
    _hold(stage, points)


@kernel
def _hold(stage: Stage, points: F64) -> None:
    """Hold points (N, 4) within the captured tilts."""
    for n in range(len(points)):
        for j in range(2, 4):
            points[n, j] = min(max(points[n, j], -stage.most_tilt), stage.most_tilt)


@kernel
def _list_ramp(
    planes: F64, index: float, face: I64, count: int, stage: Stage, draws: Draws, looks: F64, chosen: I64,
    points: F64, wanted: F64,
) -> None:  # fmt: skip
    """Write points (N, 4) near looks, and the ramp of a path's flash there, wanted (N,)."""
    inside, chord = np.empty((count, len(planes))), np.empty(3)
    for n in range(len(points)):
        for j in range(4):
            width = RAMP_TEXELS * stage.texel if j < 2 else RAMP_CHART
            points[n, j] = looks[chosen[n % len(chosen)], j] + width * draws.normal[n % NEARBY, j]
    _hold(stage, points)
    for n in range(len(points)):
        _follow_at(planes, index, face, count, stage, points[n], inside, chord)
        ramp = 0.5 * (stage.area + stage.half - np.dot(chord, chord)) / stage.half
        wanted[n] = min(max(ramp, -1.0), 2.0)


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
    inside, chord = np.ones((total, count, walls)), np.empty((total, 3))
    way, met, lit = np.zeros(total, np.bool_), np.zeros(total, np.bool_), np.zeros(total, np.bool_)
    for n in range(total):
        way[n] = _follow_at(planes, index, face, count, stage, points[n], inside[n], chord[n])
        met[n] = way[n] and inside[n].min() >= -1e-9
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
    _list_ramp(planes, index, face, count, stage, draws, looks, chosen, rim, wanted)
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
        loss = _meet_ramp(trial, rim, wanted, stage.area, stage.half)
        if loss < least:
            least, numbers[:] = loss, trial
    centre[:] = middle[:2]
    for e in range(EDGES):
        edge[e, 0] += edge[e, 3] * (numbers[0] - middle[2]) + edge[e, 4] * (numbers[1] - middle[3])
    return True
