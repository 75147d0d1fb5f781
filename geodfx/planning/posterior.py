"""How well the photos of a rig tell a lobe's direction, before any is taken: the floor that the rig sets.

A lobe of direction d and amplitude 1 reads y_i = r_i(d) + n_i under light i, where r is `basis.lobe_response`, a disc
with a soft edge, and n_i is normal, of deviation s_i = noise (y_i + DARK)^POWER: as sure as the fit takes a reading to
be. What the photos then say of the direction is Bayes' posterior over the sphere, with weights w_i = 1 / s_i^2,

    p(d') ~ integral of exp(-sum_i w_i (a r_i(d') - y_i)^2 / 2) da / a  =  exp(-rest / 2) / cosine,

for an amplitude a of which nothing is known, not even its size. rest = y.y - (y.r)^2 / r.r is what no amplitude
explains, cosine = y.r / (|y| |r|), both in the norm of w. Where all lights that see the lobe see it whole, p is even
over a cell between the rims of discs; where it lies on the soft edge of a light, p is an arc; on two, a spot. Lights in
a row leave a cell on either side of it.

The fit climbs to one best direction, which may be anywhere that p leaves open, and from there moves to the mean of p
over DOUBT_POINTS directions within DOUBT_REACH of a light's radius, which draw closer where p is finer than they are
(`capture.facet_fit`). So a direction is drawn from p, and the mean of p about it, over the same points, is the answer;
its distance from d is the error. A cell wider than that is told by a part of it, a cell beyond the row for the true
one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.basis import GOLDEN_TURN, light_kernel, lobe_response
from geodfx.capture.facet_fit import DOUBT_FINE, DOUBT_POINTS, DOUBT_REACH, DOUBT_SHRINK, DOUBT_STAGES
from geodfx.constants import LIGHT_EDGE
from geodfx.jit import kernel, run_bands

__all__ = ["Located", "locate", "response"]

GRID = 32  # points along a side of the square in which the posterior is summed
STAGES = 8  # of that square's shrinking on the part that matters
SHRINKS = 0.7  # a square whose area shrinks by less is final
FAINT = 1e-3  # of the highest probability: what is below does not hold the square open
REACHES = 2.1  # of a light's reach: lights further from the brightest one share no direction with it
STEPS_OF_NOISE = 0.12  # the noise is at least what a soft edge rises over so many steps: no edge falls between two
DARK, POWER = 0.02, 0.75  # the fit weights displayed light x by (x + 0.02)^-1.5, the square of this
CHUNK = 256  # directions whose noise is held at a time


class Located(NamedTuple):
    """What photos tell of N directions."""

    seen: F32  # (N,) the strongest response of a light, 0..1; 0: no light sees it
    error_rad: F64  # (N,) from the direction to what the photos tell on average; nan where seen is 0


class _Disc(NamedTuple):
    """A light's kernel and the noise."""

    area: np.float32
    blur: np.float32
    radius: float  # chord
    reach: float  # chord of the outer rim of a light
    slope: float  # of the response over a chord at the soft edge
    noise: float  # of a full flash, as a share of it


class _Square(NamedTuple):
    """A part of a chart: its corner and its grid's steps, chords."""

    left: float
    low: float
    step_a: float
    step_b: float


def response(direction: F64, lights: F64, radius_rad: float) -> F32:
    """Return how much of each light (L, 3) lobes at directions (N, 3) see: (N, L), 0..1."""
    _, area, blur = light_kernel(radius_rad)
    q = np.maximum(2 - 2 * direction @ lights.T, 0).astype(np.float32)
    return _responses(q, np.float32(area), np.float32(blur))


def locate(direction: F64, lights: F64, radius_rad: float, noise: float, seed: int = 0) -> Located:
    """Return how well each direction (N, 3) is told by lights (L, 3) of one radius, up to 60 degrees; all unit.

    noise: standard deviation of a full flash, as a share of it. The same seed gives the same errors.
    """
    _, area, blur = light_kernel(radius_rad)
    inner, outer = (2 * math.sin(radius_rad * (1 + e) / 2) for e in (-LIGHT_EDGE, LIGHT_EDGE))
    radius = 2 * math.sin(radius_rad / 2)
    disc = _Disc(np.float32(area), np.float32(blur), radius, outer, 1 / (outer - inner), noise)
    seen = response(direction, lights, radius_rad)
    error = np.full(len(direction), np.nan)

    def work(first: int, last: int) -> None:
        for chunk in range(first, last):
            some = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            rng = np.random.default_rng([seed, chunk])
            draw, share = rng.standard_normal(seen[some].shape, np.float32), rng.random(len(seen[some]))
            _locate_all(direction[some], lights, seen[some], draw, share, disc, error[some])

    run_bands(work, -(-len(direction) // CHUNK))
    return Located(seen.max(axis=1, initial=0.0), error)


@kernel
def _responses(q: F32, area: np.float32, blur: np.float32) -> F32:
    """Return responses (N, L) at squared chords (N, L)."""
    out = np.empty_like(q)
    for n in range(q.shape[0]):
        for i in range(q.shape[1]):
            out[n, i] = lobe_response(q[n, i], area, blur)
    return out


@kernel
def _locate_all(direction: F64, lights: F64, seen: F32, draw: F32, share: F64, disc: _Disc, error: F64) -> None:
    """Write the error of each direction that a light sees into error (N,). seen, draw: (N, L)."""
    reading = np.empty(len(lights))
    frame, place, mean = np.empty((3, 3)), np.empty(3), np.empty(3)
    chance = np.empty((GRID, GRID))
    for n in range(len(direction)):
        brightest = seen[n].argmax()
        if seen[n, brightest] <= 0:
            continue
        _set_frame(lights[brightest], frame)
        for i in range(len(lights)):
            reading[i] = seen[n, i] + disc.noise * (seen[n, i] + DARK) ** POWER * draw[n, i]
        _stand(lights, reading, share[n], disc, chance, frame, place)
        _set_frame(place, frame)
        _settle(lights, reading, disc, frame, mean)
        off = 0.0
        for j in range(3):
            off += (mean[j] - direction[n, j]) ** 2
        error[n] = 2 * math.asin(min(0.5 * math.sqrt(off), 1.0))


@kernel
def _set_frame(d: F64, frame: F64) -> None:
    """Write d and two unit vectors, square to it and to each other, into frame (3, 3)."""
    x, y, z = d[0], d[1], d[2]
    scale = 1 / math.sqrt(1 - x * x) if abs(x) < 0.9 else 1 / math.sqrt(1 - y * y)
    frame[0, 0], frame[0, 1], frame[0, 2] = x, y, z
    if abs(x) < 0.9:
        frame[1, 0], frame[1, 1], frame[1, 2] = 0.0, z * scale, -y * scale
    else:
        frame[1, 0], frame[1, 1], frame[1, 2] = -z * scale, 0.0, x * scale
    u = frame[1]
    frame[2, 0], frame[2, 1], frame[2, 2] = y * u[2] - z * u[1], z * u[0] - x * u[2], x * u[1] - y * u[0]


@kernel
def _stand(lights: F64, reading: F64, share: float, disc: _Disc, chance: F64, frame: F64, place: F64) -> None:
    """Write a direction drawn from the posterior into place (3,): the fit stands somewhere that the photos leave open.

    share: 0..1, of the posterior in the order of the grid: which of the directions is drawn. The chart lies about the
    brightest light, frame[0], and keeps areas. A square that holds the light's whole disc shrinks until it just holds
    what is likely. In each, the noise is at least what the grid resolves.
    """
    square = _Square(-disc.reach, -disc.reach, 2 * disc.reach / GRID, 2 * disc.reach / GRID)
    near, shown, weight = np.empty_like(lights), np.empty_like(reading), np.empty_like(reading)
    stretch = 1 / math.sqrt(1 - 0.5 * disc.reach * disc.reach)  # of the chart, at the first square's corners
    place[:] = frame[0]
    for _ in range(STAGES):
        _set_point(frame, square.left + GRID / 2 * square.step_a, square.low + GRID / 2 * square.step_b, place)
        span = stretch * GRID / 2 * math.hypot(square.step_a, square.step_b)
        count = _set_near(lights, reading, place, min(disc.reach + span, REACHES * disc.reach), near, shown)
        coarse = STEPS_OF_NOISE * max(square.step_a, square.step_b) * disc.slope
        _set_weight(shown[:count], disc.noise, coarse, weight)
        _fill_chance(near[:count], shown[:count], weight, frame, disc, square, chance)
        if not chance.max() > 0:  # noise drowned what little the light shows: the exit may be anywhere in its disc
            return
        smaller = _shrunk(square, chance)
        if smaller.step_a * smaller.step_b > SHRINKS * square.step_a * square.step_b:
            break
        square = smaller
    left = share * chance.sum()
    for i in range(GRID):
        for j in range(GRID):
            left -= chance[i, j]
            if left <= 0:
                _set_point(
                    frame, square.left + (i + 0.5) * square.step_a, square.low + (j + 0.5) * square.step_b, place
                )
                return


@kernel
def _settle(lights: F64, reading: F64, disc: _Disc, frame: F64, mean: F64) -> None:
    """Write where the fit moves from frame[0] to, the mean of what is likely near it, into mean (3,)."""
    near, shown, weight = np.empty_like(lights), np.empty_like(reading), np.empty_like(reading)
    count = _set_near(lights, reading, frame[0], disc.reach + DOUBT_REACH * disc.radius, near, shown)
    near, shown, point = near[:count], shown[:count], np.empty(3)
    _set_weight(shown, disc.noise, 0.0, weight)
    all_ = _all_shown(shown, weight)
    loss, a, b = np.empty(DOUBT_POINTS), np.empty(DOUBT_POINTS), np.empty(DOUBT_POINTS)
    reach = DOUBT_REACH * disc.radius
    for _ in range(DOUBT_STAGES):
        for p in range(DOUBT_POINTS):
            far = reach * math.sqrt((p + 0.5) / DOUBT_POINTS)
            a[p], b[p] = far * math.cos(p * GOLDEN_TURN), far * math.sin(p * GOLDEN_TURN)
            _set_point(frame, a[p], b[p], point)
            loss[p] = _loss(point, near, shown, weight, all_, disc)
        least = loss.min()
        if not least < np.inf:
            mean[:] = frame[0]
            return
        likely = np.exp(least - loss)
        likely /= likely.sum()
        mean_a, mean_b = (likely * a).sum(), (likely * b).sum()
        _set_point(frame, mean_a, mean_b, mean)
        square = 0.5 * ((likely * (a * a + b * b)).sum() - mean_a * mean_a - mean_b * mean_b)
        if square > (DOUBT_FINE * reach) ** 2:
            break
        reach *= DOUBT_SHRINK


@kernel
def _set_near(lights: F64, reading: F64, middle: F64, within: float, near: F64, shown: F64) -> int:
    """Write the lights within a chord of a direction, and their readings, into near and shown; returns how many.

    The others see nothing of the place in question, so that they tell its directions not apart.
    """
    count = 0
    for i in range(len(lights)):
        q = 2 - 2 * (middle[0] * lights[i, 0] + middle[1] * lights[i, 1] + middle[2] * lights[i, 2])
        if q < within * within:
            near[count] = lights[i]
            shown[count] = reading[i]
            count += 1
    return count


@kernel
def _set_weight(reading: F64, noise: float, coarse: float, weight: F64) -> None:
    """Write 1 / s^2 of each reading (K,) into weight (K,). coarse: deviation of the grid, added."""
    for k in range(len(reading)):
        own = noise * (max(reading[k], 0.0) + DARK) ** POWER
        weight[k] = 1 / (own * own + coarse * coarse)


@kernel
def _shrunk(square: _Square, chance: F64) -> _Square:
    """Return the square that holds what is likely, with a step around it."""
    least = FAINT * chance.max()
    first_i, last_i, first_j, last_j = GRID, -1, GRID, -1
    for i in range(GRID):
        for j in range(GRID):
            if chance[i, j] > least:
                first_i, last_i = min(first_i, i), max(last_i, i)
                first_j, last_j = min(first_j, j), max(last_j, j)
    left, low, step_a, step_b = square
    return _Square(
        left + (first_i - 1) * step_a,
        low + (first_j - 1) * step_b,
        (last_i - first_i + 3) * step_a / GRID,
        (last_j - first_j + 3) * step_b / GRID,
    )


@kernel
def _fill_chance(near: F64, reading: F64, weight: F64, frame: F64, disc: _Disc, square: _Square, chance: F64) -> None:
    """Write the posterior at the grid of a square into chance, the highest near 1; 0 below the horizon."""
    least, all_ = np.inf, _all_shown(reading, weight)
    point = np.empty(3)
    for i in range(GRID):
        for j in range(GRID):
            a, b = square.left + (i + 0.5) * square.step_a, square.low + (j + 0.5) * square.step_b
            _set_point(frame, a, b, point)
            chance[i, j] = _loss(point, near, reading, weight, all_, disc)
            least = min(least, chance[i, j])
    for i in range(GRID):
        for j in range(GRID):
            chance[i, j] = math.exp(least - chance[i, j]) if chance[i, j] < np.inf else 0.0


@kernel
def _all_shown(reading: F64, weight: F64) -> float:
    """Return y.y, in the norm of the weights."""
    total = 0.0
    for k in range(len(reading)):
        total += weight[k] * reading[k] * reading[k]
    return total


@kernel
def _set_point(frame: F64, a: float, b: float, point: F64) -> None:
    """Write the direction at (a, b) of the chart about frame[0], whose distances are chords, into point (3,)."""
    q = a * a + b * b
    along, sine = 1 - 0.5 * q, math.sqrt(1 - 0.25 * q)
    for j in range(3):
        point[j] = along * frame[0, j] + sine * (a * frame[1, j] + b * frame[2, j])


@kernel
def _loss(point: F64, near: F64, reading: F64, weight: F64, all_: float, disc: _Disc) -> float:
    """Return minus the logarithm of the posterior at a direction; infinite where it is 0."""
    if point[2] < 0:
        return np.inf
    both, own = 0.0, 0.0
    for k in range(len(near)):
        q = 2 - 2 * (point[0] * near[k, 0] + point[1] * near[k, 1] + point[2] * near[k, 2])
        r = float(lobe_response(np.float32(max(q, 0.0)), disc.area, disc.blur))
        both += weight[k] * r * reading[k]
        own += weight[k] * r * r
    if both <= 0:
        return np.inf
    return 0.5 * max(all_ - both * both / own, 0.0) + math.log(both / math.sqrt(own * all_))
