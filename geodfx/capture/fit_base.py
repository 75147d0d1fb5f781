"""The smooth part of a texel: classic PTM and HSH on displayed values, and the base below the lobes in linear light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from geodfx.arrays import F32, F64
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel

__all__ = ["crop", "even_dark", "fit_base", "fit_displayed", "guess_prior", "learn_prior", "solve_positive"]

I32 = npt.NDArray[np.int32]

RIDGE = 1e-6  # of the mean square term: lets a texel with few clear photos keep to small coefficients
GAMMA = 1 / DISPLAY_GAMMA
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
    """Scratch of one texel's fit."""

    matrix: F64  # (J, J)
    right: F64  # (J,)
    goal: F64  # (L,) displayed
    slope: F64  # (L,) of the display
    residual: F64  # (L,)


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
def _fit_channel(
    x: F32, clear: F32, lobes: F32, terms: F64, prior: F64, robust: bool, steps: int, coefficient: F32, work: _Work
) -> None:
    """Gauss-Newton on displayed values: base and lobes together against x, all (L,). Changes coefficient (J,).

    robust: brighter residuals than most count for little (Geman and McClure 1987), since no lobe explains them yet.
    """
    lights, size = terms.shape
    matrix, right = work.matrix, work.right
    for i in range(lights):
        work.goal[i] = min((max(x[i], np.float32(0.0)) + BLACK) ** GAMMA, 1.0)
    scale = LEAST_SCALE
    for _ in range(steps):
        for i in range(lights):
            light = np.float64(lobes[i])
            for j in range(size):
                light += terms[i, j] * coefficient[j]
            lit = max(light, 0.0) + BLACK
            shown = lit**GAMMA
            work.slope[i] = min(GAMMA * shown / lit, STEEPEST)
            work.residual[i] = work.goal[i] - min(shown, 1.0) - NEGATIVE * work.slope[i] * min(light, 0.0)
        if robust:
            scale = max(2.0 * np.median(np.abs(work.residual)), LEAST_SCALE)
        matrix[:] = 0
        right[:] = 0
        for i in range(lights):
            residual = work.residual[i]
            weight = 0.0 if clear[i] == 0 and residual < 0 else 1.0  # clipped: the light is at least what it tells
            if robust:
                odd = residual / (scale * (FLASH_SCALE if residual > 0 else SHADOW_SCALE))
                weight /= (1 + odd * odd) ** 2
            for j in range(size):
                pull = weight * work.slope[i] * terms[i, j]
                right[j] += pull * residual
                for k in range(j + 1):
                    matrix[j, k] += pull * work.slope[i] * terms[i, k]
        level = max(coefficient[0], DARKEST)
        for j in range(size):
            matrix[j, j] += DAMPING
            if j > 0:
                firmness = (NOISE / (prior[1, j] * level)) ** 2
                matrix[j, j] += firmness
                right[j] -= firmness * (coefficient[j] - prior[0, j] * level)
        solve_positive(matrix, right)
        for j in range(size):
            coefficient[j] += np.float32(right[j])


@kernel
def _level_floor(x: F32, lobes: F32, terms: F64, coefficient: F32) -> None:
    """Move the constant so that where the model is dark, it shows as much as the photos do on average.

    There the photos hold noise, and the terms fit it with both signs: both lift what is shown, and the eye sees it.
    """
    coefficient[0] = max(coefficient[0], np.float32(0.0))
    count, seen, told = 0, 0.0, 0.0
    for i in range(len(x)):
        light = np.float64(lobes[i])
        for j in range(terms.shape[1]):
            light += terms[i, j] * coefficient[j]
        shown = max(light, 0.0) ** GAMMA
        if shown < DARK_SHOWN:
            count += 1
            seen += max(x[i], np.float32(0.0)) ** np.float32(GAMMA)
            told += shown
    if count > 0:
        step = (seen / count) ** DISPLAY_GAMMA - (told / count) ** DISPLAY_GAMMA
        coefficient[0] += np.float32(step / terms[0, 0])


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
    lights, size = terms.shape
    work = _Work(np.empty((size, size)), np.empty(size), np.empty(lights), np.empty(lights), np.empty(lights))
    for n in range(len(x)):
        for c in range(3):
            its, steps = coefficient[n, c], MORE_STEPS
            if its[0] == 0:
                steps = STEPS
                its[0] = max(np.median(x[n, :, c]), np.float32(1e-4)) / np.float32(terms[0, 0])
            _fit_channel(x[n, :, c], clear[n], lobes[n, :, c], terms, prior, robust, steps, its, work)
            if not robust:
                _level_floor(x[n, :, c], lobes[n, :, c], terms, its)
            for i in range(len(terms)):
                value = 0.0
                for j in range(terms.shape[1]):
                    value += terms[i, j] * its[j]
                light[n, i, c] = np.float32(max(value, 0.0))
