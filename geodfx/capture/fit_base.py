"""The smooth part of a texel: classic PTM and HSH on displayed values, and the base below the lobes in linear light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from geodfx.arrays import F32, F64
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, kernel_of_sums
from geodfx.powers import raise_powers

__all__ = [
    "crop",
    "even_dark",
    "fit_base",
    "fit_displayed",
    "guess_prior",
    "learn_prior",
    "smooth_light",
    "solve_positive",
]

I32 = npt.NDArray[np.int32]

RIDGE = 1e-6  # of the mean square term: lets a texel with few clear photos keep to small coefficients
GAMMA = 1 / DISPLAY_GAMMA
TINY = 1e-30  # added to light whose power is taken
BLACK = 2e-5  # of displayed white, added to light so that a display's slope is finite
STEPS, MORE_STEPS = 6, 2  # of Gauss and Newton, from a guess and from an earlier fit
STEEPEST = 20.0  # slope of the display at which a step is trusted
DAMPING = 1e-3
# Light below zero shows black under one light, but takes away from others under many; this share of the display's slope
# there counts against it. More would lift the shadow side of a matte body, which nine terms cannot keep black.
NEGATIVE = 0.05
NOISE = 0.05  # displayed: of a photo's value, by sensor and model
VARIETY = (
    1.0  # of the constant part: how far a base's other parts go. What is dark stays even: there they would be noise
)
QUARTILES = 1.349  # between a normal distribution's quartiles, in its standard deviations
LEAST_VARIETY = 0.05  # no stone's texels are so alike that their photos count for nothing
DARKEST = 1e-6  # a base's constant part, in displayed light, is taken as no darker
FLASH_SCALE = 3.0  # of the median residual: brighter than this counts as a flash, which is the lobes'
SHADOW_SCALE = 6.0
LEAST_SCALE = 0.03  # of the display: residuals below this are noise
WINDOW = 5  # texels: as wide as a small facet
NOISY = 2.0
STEP_MEDIAN = 0.91  # of the squared difference of two normal numbers of variance 1
DARK_SHOWN = 0.25  # displayed: below this a texel shows its floor


def fit_displayed(terms: F64, shown: F32, weight: F32) -> F32:
    """Return the coefficients (T, n, 3) of least squares on displayed values, one light at a time.

    terms: (L, T). shown: (n, L, 3), 0..1. weight: (n, L), 0 for a photo that counts for nothing at a texel.
    Malzbender 2001 for PTM.
    """
    products = np.einsum("li,lj->lij", terms, terms).reshape(len(terms), -1)
    normal = (weight.astype(np.float64) @ products).reshape(-1, terms.shape[1], terms.shape[1])
    normal += RIDGE * len(terms) * np.mean(terms**2) * np.eye(terms.shape[1])
    right = np.einsum("nlc,lt->ntc", shown * weight[..., None], terms, optimize=True)
    solved: F32 = np.linalg.solve(normal, right).transpose(1, 0, 2).astype(np.float32)
    return solved


class _Work(NamedTuple):
    """Scratch of one texel's fit; what the lanes of a core go over lies side by side."""

    terms: F32  # (J, L)
    products: F32  # (J (J + 1) / 2, L) of pairs of terms, row by row of the matrix
    sums: F32  # (J (J + 1) / 2,) of the step's matrix
    pulls: F32  # (J,) of its right side
    matrix: F64  # (J, J)
    right: F64  # (J,)
    goal: F32  # (L,) displayed
    light: F32  # (L,)
    shown: F32  # (L,)
    slope: F32  # (L,) of the display
    residual: F32  # (L,)
    weight: F32  # (L,) of a residual, times the slope
    stiff: F32  # (L,) times it again
    exponents: I32  # (L,)


@kernel
def _make_work(terms: F64) -> _Work:
    lights, size = terms.shape
    its = np.empty((size, lights), np.float32)
    products = np.empty((size * (size + 1) // 2, lights), np.float32)
    for i in range(lights):
        n = 0
        for j in range(size):
            its[j, i] = np.float32(terms[i, j])
            for k in range(j + 1):
                products[n, i] = np.float32(terms[i, j] * terms[i, k])
                n += 1
    return _Work(
        its,
        products,
        np.empty(len(products), np.float32),
        np.empty(size, np.float32),
        np.empty((size, size)),
        np.empty(size),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.float32),
        np.empty(lights, np.int32),
    )


@kernel
def solve_positive(matrix: F64, right: F64) -> None:
    """Solve a symmetric positive system in place by Cholesky's method; `right` becomes the solution."""
    size = len(right)
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = np.sqrt(max(total, 1e-12)) if i == j else total / matrix[j, j]
    for i in range(size):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]


@kernel
def _add_terms(terms: F32, coefficient: F32, light: F32) -> None:
    """Add the light of terms (J, L) to light (L,)."""
    for j in range(len(terms)):
        its, share = terms[j], coefficient[j]
        for i in range(len(light)):
            light[i] += share * its[i]


@kernel
def _show(light: F32, floor: np.float32, shown: F32, exponents: I32) -> None:
    """Write what a display shows of light (L,), not yet cut at white; a floor is added to it."""
    for i in range(len(light)):
        shown[i] = max(light[i], np.float32(0.0)) + floor
    raise_powers(shown, np.float32(GAMMA), exponents)


@kernel
def _leave(lobes: F32, coefficient: F32, work: _Work) -> None:
    """Write what base and lobes (L,) leave of the goal, and the display's slope."""
    one, zero, black, gamma = np.float32(1.0), np.float32(0.0), np.float32(BLACK), np.float32(GAMMA)
    steepest, negative = np.float32(STEEPEST), np.float32(NEGATIVE)
    light, shown, slope, residual, goal = work.light, work.shown, work.slope, work.residual, work.goal
    light[:] = lobes
    _add_terms(work.terms, coefficient, light)
    _show(light, black, shown, work.exponents)
    for i in range(len(light)):
        slope[i] = min(gamma * shown[i] / (max(light[i], zero) + black), steepest)
        residual[i] = goal[i] - min(shown[i], one) - negative * slope[i] * min(light[i], zero)


@kernel
def _weigh(clear: F32, robust: bool, work: _Work) -> None:
    """Write the weights of residuals (L,), and sum up the equations of one step."""
    one, zero = np.float32(1.0), np.float32(0.0)
    weight, residual, slope, stiff = work.weight, work.residual, work.slope, work.stiff
    for i in range(len(weight)):  # clipped: the light is at least what it tells
        weight[i] = zero if clear[i] == zero and residual[i] < zero else one
    if robust:
        scale = np.float32(max(2.0 * np.median(np.abs(residual)), LEAST_SCALE))
        flash, shadow = one / (scale * np.float32(FLASH_SCALE)), one / (scale * np.float32(SHADOW_SCALE))
        for i in range(len(weight)):
            odd = residual[i] * (flash if residual[i] > zero else shadow)
            beside = one + odd * odd
            weight[i] /= beside * beside
    for i in range(len(weight)):
        weight[i] *= slope[i]
    for i in range(len(weight)):
        stiff[i] = weight[i] * slope[i]
        weight[i] *= residual[i]
    _add_up(work.terms, weight, work.pulls)
    _add_up(work.products, stiff, work.sums)


@kernel_of_sums
def _add_up(rows: F32, weight: F32, sums: F32) -> None:
    """Write the sum of each of rows (N, L), weighted by (L,), to sums (N,)."""
    for n in range(len(sums)):
        total = np.float32(0.0)
        for i in range(len(weight)):
            total += weight[i] * rows[n, i]
        sums[n] = total


@kernel
def _fit_channel(
    x: F32, clear: F32, lobes: F32, prior: F64, robust: bool, steps: int, coefficient: F32, work: _Work
) -> None:
    """Gauss-Newton on displayed values: base and lobes together against x, all (L,). Changes coefficient (J,).

    robust: brighter residuals than most count for little (Geman and McClure 1987), since no lobe explains them yet.
    """
    size = len(coefficient)
    matrix, right, goal = work.matrix, work.right, work.goal
    _show(x, np.float32(BLACK), goal, work.exponents)
    for i in range(len(goal)):
        goal[i] = min(goal[i], np.float32(1.0))
    for _ in range(steps):
        _leave(lobes, coefficient, work)
        _weigh(clear, robust, work)
        level = max(coefficient[0], DARKEST)
        n = 0
        for j in range(size):
            right[j] = work.pulls[j]
            for k in range(j + 1):
                matrix[j, k] = work.sums[n]
                n += 1
            matrix[j, j] += DAMPING
            if j > 0:
                firmness = (NOISE / (prior[1, j] * level)) ** 2
                matrix[j, j] += firmness
                right[j] -= firmness * (coefficient[j] - prior[0, j] * level)
        solve_positive(matrix, right)
        for j in range(size):
            coefficient[j] += np.float32(right[j])


@kernel
def _level_floor(x: F32, lobes: F32, constant: float, coefficient: F32, work: _Work) -> None:
    """Move the constant so that where the model is dark, it shows as much as the photos do on average.

    There the photos hold noise, and the terms fit it with both signs: both lift what is shown, and the eye sees it.
    """
    coefficient[0] = max(coefficient[0], np.float32(0.0))
    light, shown, goal = work.light, work.shown, work.goal
    light[:] = lobes
    _add_terms(work.terms, coefficient, light)
    _show(light, np.float32(TINY), shown, work.exponents)
    _show(x, np.float32(TINY), goal, work.exponents)
    count, seen, told = 0, 0.0, 0.0
    for i in range(len(x)):
        if shown[i] < np.float32(DARK_SHOWN):
            count += 1
            seen += goal[i]
            told += shown[i]
    if count > 0:
        step = (seen / count) ** DISPLAY_GAMMA - (told / count) ** DISPLAY_GAMMA
        coefficient[0] += np.float32(step / constant)


def guess_prior(terms: int) -> F64:
    """Return the prior (2, J) before anything is known of a stone: even, with any part as large as the constant."""
    return np.stack([np.zeros(terms), np.ones(terms)])


def learn_prior(coefficient: F32) -> F64:
    """Return the prior (2, J) that a stone's own texels (T, 3, J) tell: medians, and deviations from the quartiles.

    Texels darker than the median tell little, for theirs is mostly noise.
    """
    flat = coefficient.reshape(-1, coefficient.shape[2])
    level = flat[:, 0].astype(np.float64)
    told = np.flatnonzero((level > 0) & (level >= np.median(level)))
    if len(told) == 0:
        return guess_prior(coefficient.shape[2])
    level = level[told]
    low, middle, high = np.stack([np.quantile(term[told] / level, [0.25, 0.5, 0.75]) for term in flat.T], axis=1)
    return np.stack([middle, np.clip((high - low) / QUARTILES, LEAST_VARIETY, 1.0)])


def even_dark(coefficient: F32, column: I32, row: I32, constant: float) -> None:
    """Even out the noise of dark bases (T, 3, J) over the picture, in place; brighter texels keep every detail.

    Many lights at once add up what is below the noise of one photo. Where a window of texels varies no more than
    `NOISY` times what noise does, it is noise (Lee 1980, local-statistics filter). Noise is what neighbours differ by
    in the median: most neighbours share a facet, whatever the picture is of. constant: the first term's value.
    column, row: (T,) places.
    """
    shown = np.maximum(coefficient[..., 0] * constant, 0) ** GAMMA
    column, row, size = crop(column, row, WINDOW)
    for c in range(coefficient.shape[1]):
        dark = shown[:, c] < DARK_SHOWN
        if not dark.any():
            continue
        there = np.zeros(size)
        there[row[dark], column[dark]] = 1
        share = np.maximum(uniform_filter(there, WINDOW), 1e-9)
        beside, below = there[:, 1:] * there[:, :-1] > 0, there[1:] * there[:-1] > 0
        for j in range(coefficient.shape[2]):
            picture = np.zeros(size)
            picture[row[dark], column[dark]] = coefficient[dark, c, j]
            mean = uniform_filter(picture, WINDOW) / share
            variance = np.maximum(uniform_filter(picture * picture, WINDOW) / share - mean * mean, 0)
            own, around, its = coefficient[dark, c, j], mean[row[dark], column[dark]], variance[row[dark], column[dark]]
            steps = np.concatenate([np.diff(picture, axis=1)[beside], np.diff(picture, axis=0)[below]])
            varies = np.median(steps**2) / STEP_MEDIAN if len(steps) else 0.0
            noise = np.minimum(1, NOISY * varies / np.maximum(its, 1e-30))
            fade = noise * np.minimum(1, 2 - 2 * shown[dark, c] / DARK_SHOWN)
            coefficient[dark, c, j] = (own + fade * (around - own)).astype(np.float32)


def crop(column: I32, row: I32, margin: int) -> tuple[I32, I32, tuple[int, int]]:
    """Return places (T,) in the part of the picture where there are any, and its size (H, W).

    margin: texels that stay above and to the left of them, so that what is averaged over as many is as in the picture.
    """
    column = column - np.int32(max(int(column.min()) - margin, 0))
    row = row - np.int32(max(int(row.min()) - margin, 0))
    return column, row, (int(row.max()) + 1, int(column.max()) + 1)


@kernel
def fit_base(
    x: F32,
    clear: F32,
    lobes: F32,
    terms: F64,
    prior: F64,
    robust: bool,
    coefficient: npt.NDArray[np.float32],
    light: F32,
) -> None:
    """Fit the base of n texels in linear light, with a loss on what a display shows.

    x, lobes: (n, L, 3) displayed light and the lobes' part of it. clear: (n, L). terms: (L, J), the first one constant.
    prior: (2, J), mean and deviation of the coefficients as shares of the first: what is dark has no shape of its own.
    Changes coefficient (n, 3, J), where all zeros mean no guess yet, and writes the base's light (n, L, 3), >= 0.
    """
    work, lights = _make_work(terms), len(terms)
    its_x, its_lobes = np.empty(lights, np.float32), np.empty(lights, np.float32)
    for n in range(len(x)):
        for c in range(3):
            its_x[:], its_lobes[:] = x[n, :, c], lobes[n, :, c]
            its, steps = coefficient[n, c], MORE_STEPS
            if its[0] == 0:
                steps = STEPS
                its[0] = max(np.median(its_x), np.float32(1e-4)) / np.float32(terms[0, 0])
            _fit_channel(its_x, clear[n], its_lobes, prior, robust, steps, its, work)
            if not robust:
                _level_floor(its_x, its_lobes, terms[0, 0], its, work)
    smooth_light(terms, coefficient, light)


@kernel
def smooth_light(terms: F64, coefficient: F32, light: F32) -> None:
    """Write the light (n, L, 3) of bases (n, 3, J), nowhere below 0, under terms (L, J)."""
    each, one = np.ascontiguousarray(terms.T).astype(np.float32), np.empty(len(terms), np.float32)
    for n in range(len(coefficient)):
        for c in range(3):
            one[:] = np.float32(0.0)
            _add_terms(each, coefficient[n, c], one)
            for i in range(len(one)):
                light[n, i, c] = max(one[i], np.float32(0.0))
