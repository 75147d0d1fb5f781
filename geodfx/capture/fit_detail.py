"""What the other photos foretell of each photo of a texel: detail above the smooth base, for stones without facets.

Matte, metal and polished domes change with the light in more ways than nine terms hold, but do so steadily: what a
texel shows under one light tells what it shows under the next. So what the base leaves of the photos is interpolated
over the lights as displayed (kriging, Matheron 1963, with Matern's kernel of 5/2), where highlights and shadows are
steadier than in linear light. How far photos speak for each other is chosen by how well each is foretold from all
others, which is known in closed form (Rasmussen and Williams 2006, eq. 5.12). That is also how smooth texels are told:
where photos foretell each other, there is nothing for a lobe to do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from geodfx.arrays import F32, F64, Bool
from geodfx.capture.fit_base import crop
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, run_each

__all__ = [
    "GAMMA",
    "SAMPLE",
    "SMOOTH_SHARE",
    "Detail",
    "add_detail",
    "choose_detail",
    "detailed_light",
    "find_smooth",
    "leave_one_out",
    "residuals",
    "show",
    "towards",
]

REACHES = (0.15, 0.2, 0.3, 0.4, 0.6, 0.9)  # chords over which photos may speak for each other
NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # variance of what no other photo foretells, as a share of the rest
# Smooth are photos foretold to an rms, displayed, that lobes do not reach on flashes that they were not fitted to
# (0.065 at best), and to a share of what the base leaves: more would be noise, or flashes. In the second pair: where
# most of the neighbourhood is smooth.
SMOOTH_ERROR, SMOOTH_SHARE = 0.06, 0.5
LIKELY_ERROR, LIKELY_SHARE = 0.1, 0.8
AROUND = 25  # texels, the neighbourhood
WINDOW = 5  # texels over which both are averaged
SAMPLE = 2048  # texels that tell how far photos speak for each other
GAMMA = np.float32(1 / DISPLAY_GAMMA)
UNGAMMA = np.float32(DISPLAY_GAMMA)
FAINT = np.float32(1e-5)  # of displayed white

I32 = npt.NDArray[np.int32]


class Detail(NamedTuple):
    """How L photos speak for each other."""

    reach: float
    inverse: F32  # (L, L) of the covariance of what they show


@kernel
def residuals(x: F32, clear: F32, base: F32, lobes: F32, out: F32) -> None:
    """Write what the base leaves of displayed photos, (n, L, 3) all but clear (n, L); where lobes shine, it is muted.

    A clipped photo tells only that there is more.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            for c in range(3):
                light = base[n, i, c] + lobes[n, i, c]
                left = max(x[n, i, c], zero) ** GAMMA - light**GAMMA
                if clear[n, i] == 0:
                    left = max(left, zero)
                if lobes[n, i, c] > 0:  # by how much less a display shows of the base below them
                    left *= ((light + FAINT) / (base[n, i, c] + FAINT)) ** (GAMMA - one)
                out[n, i, c] = left


@kernel
def leave_one_out(inverse: F32, residual: F32, goal: F32, shown: F32, sums: F32) -> None:
    """Write sums (n, 2) of squared errors over lights and channels: of photos foretold from the others, of the base.

    inverse: of a Detail. residual, goal, shown: (n, L, 3) of what a display shows: of `residuals`, the photos, and the
    base, whose white is not cut.
    """
    zero, one = np.float32(0.0), np.float32(1.0)
    lights = inverse.shape[0]
    left = np.empty((3, lights), np.float32)
    for n in range(len(goal)):
        left[:] = 0
        for j in range(lights):
            red, green, blue = residual[n, j, 0], residual[n, j, 1], residual[n, j, 2]
            for i in range(lights):
                left[0, i] += inverse[j, i] * red
                left[1, i] += inverse[j, i] * green
                left[2, i] += inverse[j, i] * blue
        foretold, alone = zero, zero
        for i in range(lights):
            for c in range(3):
                its = min(max(shown[n, i, c] + residual[n, i, c] - left[c, i] / inverse[i, i], zero), one)
                foretold += (goal[n, i, c] - its) ** 2
                alone += (goal[n, i, c] - min(shown[n, i, c], one)) ** 2
        sums[n, 0], sums[n, 1] = foretold, alone


def choose_detail(directions: F64, residual: F32, x: F32, base: F32, aim: float) -> tuple[Detail, F32]:
    """Return the detail that saves most of what the base leaves of a sample of texels, and its `leave_one_out`.

    directions: (L, 3) of the lights; others as in `leave_one_out`. aim: a texel counts by what is foretold below this
    share of what its base leaves, so that the smooth texels of a mixed stone decide for themselves.
    """
    chord = np.linalg.norm(directions[:, None] - directions[None], axis=2)
    kinds = [(reach, noise) for reach in REACHES for noise in NOISES]
    goal, shown = show(x), base**GAMMA

    def measure(i: int) -> tuple[float, Detail, F32]:
        reach, noise = kinds[i]
        covariance = _matern(chord / reach) + noise * np.eye(len(chord))
        _invert(covariance)
        inverse = covariance.astype(np.float32)
        sums = np.empty((len(x), 2), np.float32)
        leave_one_out(inverse, residual, goal, shown, sums)
        saved = float(np.maximum(aim * sums[:, 1] - sums[:, 0], 0).sum(dtype=np.float64))
        return saved, Detail(reach, inverse), sums

    _, detail, sums = max(run_each(measure, len(kinds)), key=lambda each: each[0])
    return detail, sums


def find_smooth(sums: F32, column: I32, row: I32, lights: int) -> Bool:
    """Tell which texels (T,) are smooth, from their `leave_one_out` (T, 2), averaged over windows."""
    column, row, size = crop(column, row, AROUND)
    picture = np.zeros((3, *size))
    picture[:2, row, column], picture[2, row, column] = sums.T, 1
    foretold, alone, there = (uniform_filter(values, WINDOW)[row, column] for values in picture)
    square = foretold / np.maximum(there * (3 * lights), 1e-9)
    share = foretold / np.maximum(alone, 1e-9)
    smooth: Bool = (square <= SMOOTH_ERROR**2) & (share <= SMOOTH_SHARE)
    picture[0, row, column] = smooth
    around, there = (uniform_filter(values, AROUND)[row, column] for values in picture[::2])
    likely: Bool = (square <= LIKELY_ERROR**2) & (share <= LIKELY_SHARE) & (around > there / 2)
    return smooth | likely


def show(light: F32) -> F32:
    """Return what a display shows of displayed light: its gamma, up to white."""
    shown: F32 = np.clip(light, 0, 1) ** GAMMA
    return shown


def detailed_light(residual: F32, base: F32) -> F32:
    """Return the base's light with the detail of each photo, (n, L, 3), from `residuals`."""
    light: F32 = np.maximum(base**GAMMA + residual, np.float32(0.0)) ** UNGAMMA
    return light


def towards(detail: Detail, directions: F64, others: F64) -> F32:
    """Return how much each photo's residual adds to what is shown in other directions, (L, N)."""
    chord = np.linalg.norm(directions[:, None] - others[None], axis=2)
    weights = np.einsum("ij,jn->in", detail.inverse.astype(np.float64), _matern(chord / detail.reach))
    rounded: F32 = weights.astype(np.float32)
    return rounded


@kernel
def add_detail(weights: F32, residual: F32, chosen: Bool, light: F32) -> None:
    """Add to light (n, N, 3) of a base what residuals (n, L, 3) foretell there. weights: (L, N) of `towards`.

    chosen: (n,) for which texels.
    """
    zero = np.float32(0.0)
    lights, nodes = weights.shape
    more = np.empty((3, nodes), np.float32)
    for n in range(len(light)):
        if not chosen[n]:
            continue
        more[:] = 0
        for i in range(lights):
            red, green, blue = residual[n, i, 0], residual[n, i, 1], residual[n, i, 2]
            for j in range(nodes):
                more[0, j] += weights[i, j] * red
                more[1, j] += weights[i, j] * green
                more[2, j] += weights[i, j] * blue
        for j in range(nodes):
            for c in range(3):
                light[n, j, c] = max(light[n, j, c] ** GAMMA + more[c, j], zero) ** UNGAMMA


def _matern(chord: F64) -> F64:
    """Return the covariance of values at distances, in units of the reach."""
    t = np.sqrt(5) * chord
    covariance: F64 = (1 + t + t * t / 3) * np.exp(-t)
    return covariance


@kernel
def _invert(matrix: F64) -> None:
    """Invert a symmetric positive matrix in place by sweeps. LAPACK's last digits depend on its threads."""
    size = len(matrix)
    for k in range(size):
        pivot = 1.0 / matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(size):
            matrix[k, j] *= pivot
        for i in range(size):
            if i != k:
                factor = matrix[i, k]
                matrix[i, k] = 0.0
                for j in range(size):
                    matrix[i, j] -= factor * matrix[k, j]
