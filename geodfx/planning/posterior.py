"""How well the photos of a rig tell a lobe's direction, before any is taken: the floor that the rig sets.

A lobe of direction d and amplitude 1 reads y_i = r_i(d) + n_i under light i, where r is `basis.lobe_response`, a disc
with a soft edge, and n_i is normal, of deviation s_i = noise (y_i + DARK)^POWER: as sure as the fit takes a reading to
be. What the photos then say of the direction is Bayes' posterior over the sphere, with weights w_i = 1 / s_i^2,

    p(d') ~ integral of exp(-sum_i w_i (a r_i(d') - y_i)^2 / 2) da / a  =  exp(-rest / 2) / cosine,

for an amplitude a of which nothing is known, not even its size. rest = y.y - (y.r)^2 / r.r is what no amplitude
explains, cosine = y.r / (|y| |r|), both in the norm of w. Where all lights that see the lobe see it whole, p is even
over a cell between the rims of discs; where it lies on the soft edge of a light, p is an arc; on two, a spot. The best
answer is the mean of p, and its distance from d is the error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.basis import light_kernel, lobe_response
from geodfx.constants import LIGHT_EDGE
from geodfx.jit import kernel, run_bands

__all__ = ["Located", "even_directions", "locate", "response"]

GRID = 32  # points along a side of the square in which the posterior is summed
STAGES = 8  # of that square's shrinking on the part that matters
SHRINKS = 0.7  # a square whose area shrinks by less is final
FAINT = 1e-3  # of the highest probability: what is below does not hold the square open
STEPS_OF_NOISE = 0.12  # the noise is at least what a soft edge rises over so many steps: no edge falls between two
DARK, POWER = 0.02, 0.75  # the fit weights displayed light x by (x + 0.02)^-1.5, the square of this
REACHES = 2.1  # of a light's reach: lights further from the brightest one share no direction with it
CHUNK = 256  # directions whose noise is held at a time
GOLDEN_TURN = math.pi * (3 - math.sqrt(5))


class Located(NamedTuple):
    """What photos tell of N directions."""

    seen: F32  # (N,) the strongest response of a light, 0..1; 0: no light sees it
    error_rad: F64  # (N,) from the direction to what the photos tell on average; nan where seen is 0


class _Disc(NamedTuple):
    """A light's kernel and the noise."""

    area: np.float32
    blur: np.float32
    reach: float  # chord of the outer rim of a light
    slope: float  # of the response over a chord at the soft edge
    noise: float  # of a full flash, as a share of it


class _Square(NamedTuple):
    """A part of a chart: its corner and its grid's steps, chords."""

    left: float
    low: float
    step_a: float
    step_b: float


def even_directions(count: int, lowest_z: float = 0.0) -> F64:
    """Return unit directions (count, 3) spread evenly above a height: a spiral of equal areas (Vogel 1979)."""
    i = np.arange(count)
    z = 1 - (1 - lowest_z) * (i + 0.5) / count
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(i * GOLDEN_TURN), rim * np.sin(i * GOLDEN_TURN), z], axis=1)


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
    disc = _Disc(np.float32(area), np.float32(blur), outer, 1 / (outer - inner), noise)
    seen = response(direction, lights, radius_rad)
    error = np.full(len(direction), np.nan)

    def work(first: int, last: int) -> None:
        for chunk in range(first, last):
            some = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            draw = np.random.default_rng([seed, chunk]).standard_normal(seen[some].shape, np.float32)
            _locate_all(direction[some], lights, seen[some], draw, disc, error[some])

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
def _locate_all(direction: F64, lights: F64, seen: F32, draw: F32, disc: _Disc, error: F64) -> None:
    """Write the error of each direction that a light sees into error (N,). seen, draw: (N, L)."""
    near, reading = np.empty((len(lights), 3)), np.empty(len(lights))
    frame, mean = np.empty((3, 3)), np.empty(3)
    for n in range(len(direction)):
        brightest = seen[n].argmax()
        if seen[n, brightest] <= 0:
            continue
        _set_frame(lights[brightest], frame)
        count = 0
        for i in range(len(lights)):
            q = 2 - 2 * (frame[0, 0] * lights[i, 0] + frame[0, 1] * lights[i, 1] + frame[0, 2] * lights[i, 2])
            if q < REACHES * REACHES * disc.reach * disc.reach:
                near[count] = lights[i]
                reading[count] = seen[n, i] + disc.noise * (seen[n, i] + DARK) ** POWER * draw[n, i]
                count += 1
        _posterior_mean(near[:count], reading[:count], frame, disc, mean)
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
def _posterior_mean(near: F64, reading: F64, frame: F64, disc: _Disc, mean: F64) -> None:
    """Write the posterior's mean direction into mean (3,), by a chart about the brightest light, frame[0].

    The chart's distances are chords and it keeps areas. A square that holds the light's whole disc shrinks until it
    just holds what is likely. In each, the noise is at least what the grid resolves.
    """
    square = _Square(-disc.reach, -disc.reach, 2 * disc.reach / GRID, 2 * disc.reach / GRID)
    chance, weight, moment = np.empty((GRID, GRID)), np.empty(len(near)), np.zeros(2)
    for _ in range(STAGES):
        coarse = STEPS_OF_NOISE * max(square.step_a, square.step_b) * disc.slope
        for k in range(len(near)):
            own = disc.noise * (max(reading[k], 0.0) + DARK) ** POWER
            weight[k] = 1 / (own * own + coarse * coarse)
        _fill_chance(near, reading, weight, frame, disc, square, chance)
        if not chance.max() > 0:  # noise drowned what little the light shows: the exit may be anywhere in its disc
            break
        smaller = _shrunk(square, chance, moment)
        if smaller.step_a * smaller.step_b > SHRINKS * square.step_a * square.step_b:
            break
        square = smaller
    a, b = moment
    q = a * a + b * b
    sine = math.sqrt(1 - 0.25 * q)
    for j in range(3):
        mean[j] = (1 - 0.5 * q) * frame[0, j] + sine * (a * frame[1, j] + b * frame[2, j])


@kernel
def _shrunk(square: _Square, chance: F64, moment: F64) -> _Square:
    """Return the square that holds what is likely, with a step around it, and write the mean place into moment (2,)."""
    least = FAINT * chance.max()
    total, sum_a, sum_b = 0.0, 0.0, 0.0
    first_i, last_i, first_j, last_j = GRID, -1, GRID, -1
    for i in range(GRID):
        for j in range(GRID):
            p = chance[i, j]
            total += p
            sum_a += p * (i + 0.5)
            sum_b += p * (j + 0.5)
            if p > least:
                first_i, last_i = min(first_i, i), max(last_i, i)
                first_j, last_j = min(first_j, j), max(last_j, j)
    left, low, step_a, step_b = square
    moment[0] = left + sum_a / total * step_a
    moment[1] = low + sum_b / total * step_b
    return _Square(
        left + (first_i - 1) * step_a,
        low + (first_j - 1) * step_b,
        (last_i - first_i + 3) * step_a / GRID,
        (last_j - first_j + 3) * step_b / GRID,
    )


@kernel
def _fill_chance(near: F64, reading: F64, weight: F64, frame: F64, disc: _Disc, square: _Square, chance: F64) -> None:
    """Write the posterior at the grid of a square into chance, the highest near 1; 0 below the horizon."""
    least, all_ = np.inf, 0.0
    for k in range(len(near)):
        all_ += weight[k] * reading[k] * reading[k]
    for i in range(GRID):
        for j in range(GRID):
            a, b = square.left + (i + 0.5) * square.step_a, square.low + (j + 0.5) * square.step_b
            q = a * a + b * b
            along, sine = 1 - 0.5 * q, math.sqrt(1 - 0.25 * q)
            x = along * frame[0, 0] + sine * (a * frame[1, 0] + b * frame[2, 0])
            y = along * frame[0, 1] + sine * (a * frame[1, 1] + b * frame[2, 1])
            z = along * frame[0, 2] + sine * (a * frame[1, 2] + b * frame[2, 2])
            both, own = 0.0, 0.0
            for k in range(len(near)):
                chord = np.float32(max(2 - 2 * (x * near[k, 0] + y * near[k, 1] + z * near[k, 2]), 0.0))
                r = float(lobe_response(chord, disc.area, disc.blur))
                both += weight[k] * r * reading[k]
                own += weight[k] * r * r
            if z < 0 or both <= 0:
                chance[i, j] = np.inf
                continue
            cosine = both / math.sqrt(own * all_)
            chance[i, j] = 0.5 * max(all_ - both * both / own, 0.0) + math.log(cosine)
            least = min(least, chance[i, j])
    for i in range(GRID):
        for j in range(GRID):
            chance[i, j] = math.exp(least - chance[i, j]) if chance[i, j] < np.inf else 0.0
