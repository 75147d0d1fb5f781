"""The ramp of a light path's flash, followed near where it is seen, and the place that a facet has by it.

A ramp is what `basis.lobe_ramp` is: how much of a light is seen, and how far from its rim what leaves a path lies.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64, I64
from geodfx.capture.fit_base import solve_positive
from geodfx.constants import MOST_PLACE
from geodfx.jit import kernel
from geodfx.rays.walks import follow

__all__ = [
    "EVERYWHERE",
    "MOST_FORM",
    "NEARBY",
    "RAMP",
    "Draws",
    "Stage",
    "follow_at",
    "hold_tilts",
    "list_ramp",
    "make_draws",
    "meet_fire",
    "meet_ramp",
]

EVERYWHERE, NEARBY, RAMP = 300, 200, 240  # samples in and around a flash's extent, near its looks, and of its ramp
RAMP_TEXELS, RAMP_CHART = 2.0, 0.08  # standard deviations
MOST_FORM = 0.999
TURNS = 30
FIRE_TURNS, FIRE_STEP, FIRE_HELD, FIRE_INDEX = 6, 2e-3, 0.02, 0.02
MOST_FIRE = 0.124  # on the chart: what codes hold


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
def follow_at(planes: F64, index: float, face: I64, count: int, stage: Stage, point: F64, hit: F64, chord: F64) -> bool:
    """Follow a path at a point (4,): column, row, a and b of the tilt; see `follow`.

    chord (3,): from the light to what leaves.
    """
    pitch, roll = point[3] / stage.stretch, -point[2] / stage.stretch
    ox, oy, oz = _tilted(pitch, roll, 0.0, 0.0, stage.distance)
    lx, ly, lz = _tilted(pitch, roll, stage.light[0], stage.light[1], stage.light[2])
    px, py = (point[0] + 0.5 - stage.middle[0]) * stage.grid, (stage.middle[1] - point[1] - 0.5) * stage.grid
    found = follow(planes, index, face, count, ox, oy, oz, px, py, stage.height, hit, chord)
    chord[0], chord[1], chord[2] = chord[0] - lx, chord[1] - ly, chord[2] - lz
    return found


@kernel
def hold_tilts(stage: Stage, points: F64) -> None:
    """Hold points (N, 4) within the captured tilts."""
    for n in range(len(points)):
        for j in range(2, 4):
            points[n, j] = min(max(points[n, j], -stage.most_tilt), stage.most_tilt)


@kernel
def list_ramp(
    planes: F64, index: float, face: I64, count: int, stage: Stage, draws: Draws, looks: F64, chosen: I64,
    points: F64, wanted: F64,
) -> None:  # fmt: skip
    """Write points (N, 4) near looks, and the ramp of a path's flash there, wanted (N,)."""
    hit, chord = np.empty((count, 3)), np.empty(3)
    for n in range(len(points)):
        for j in range(4):
            width = RAMP_TEXELS * stage.texel if j < 2 else RAMP_CHART
            points[n, j] = looks[chosen[n % len(chosen)], j] + width * draws.normal[n % NEARBY, j]
    hold_tilts(stage, points)
    for n in range(len(points)):
        follow_at(planes, index, face, count, stage, points[n], hit, chord)
        ramp = 0.5 * (stage.area + stage.half - np.dot(chord, chord)) / stage.half
        wanted[n] = min(max(ramp, -1.0), 2.0)


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
def meet_ramp(numbers: F64, points: F64, wanted: F64, area: float, half: float) -> float:
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
def _turn_with_index(
    planes: F64, index: float, face: I64, count: int, stage: Stage, draws: Draws, looks: F64, chosen: I64, centre: F64,
    numbers: F64, moved: F64,
) -> None:  # fmt: skip
    """Write into moved (2,) where a facet's place moves to meet the ramp that its path has with an index."""
    points, wanted, off, to = np.empty((RAMP, 4)), np.empty(RAMP), np.empty(RAMP), np.empty(RAMP)
    trial, slope = numbers.copy(), np.empty((2, RAMP))
    list_ramp(planes, index, face, count, stage, draws, looks, chosen, points, wanted)
    points[:, 0] -= centre[0]
    points[:, 1] -= centre[1]
    for _ in range(FIRE_TURNS):
        _ramp_loss(trial, points, wanted, stage.area, stage.half, off)
        for j in range(2):
            trial[j] += FIRE_STEP
            _ramp_loss(trial, points, wanted, stage.area, stage.half, to)
            slope[j] = (to - off) / FIRE_STEP
            trial[j] -= FIRE_STEP
        aa, ab, bb = np.dot(slope[0], slope[0]), np.dot(slope[0], slope[1]), np.dot(slope[1], slope[1])
        held = FIRE_HELD * (aa + bb) + 1e-9  # along a long lobe the place changes little: there it stays
        pull_a, pull_b = -np.dot(slope[0], off), -np.dot(slope[1], off)
        inverse = 1.0 / ((aa + held) * (bb + held) - ab * ab)
        trial[0] += inverse * ((bb + held) * pull_a - ab * pull_b)
        trial[1] += inverse * ((aa + held) * pull_b - ab * pull_a)
    moved[:] = trial[:2]


@kernel
def meet_fire(
    planes: F64, index: F64, face: I64, count: int, stage: Stage, draws: Draws, looks: F64, chosen: I64, centre: F64,
    numbers: F64, fire: F64,
) -> None:  # fmt: skip
    """Write how far each channel of a facet, whose indices are (3,), points from green into fire (3, 2).

    Linear in the index, from two that are further apart than channels are.
    """
    up, down = np.empty(2), np.empty(2)
    fire[:] = 0.0
    if index[0] == index[1] and index[2] == index[1]:
        return
    for off, moved in ((FIRE_INDEX, up), (-FIRE_INDEX, down)):
        _turn_with_index(planes, index[1] + off, face, count, stage, draws, looks, chosen, centre, numbers, moved)
    for c in range(3):
        share = 0.5 * (index[c] - index[1]) / FIRE_INDEX
        for j in range(2):
            fire[c, j] = min(max(share * (up[j] - down[j]), -MOST_FIRE), MOST_FIRE)
