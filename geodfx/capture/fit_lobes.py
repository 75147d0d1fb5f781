"""The `lobes` model: a smooth base and a few sharp lobes a texel, fitted in linear light to all photos at once.

Passes over all texels, each in chunks on all cores; what one pass reads of other texels, the pass before has written,
so that the result does not depend on the threads:

    search       base with flashes set aside -> lobes, one texel alone
    exchange     base below the lobes -> each neighbour's lobes tried, a few times over
    finish       directions by channel -> how far the photos leave each direction open
    pool         each direction from those of its facet
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, U32
from geodfx.basis import TERMS, disc_average, light_kernel
from geodfx.capture.fit_base import fit_base, guess_prior, learn_prior
from geodfx.capture.lobe_finish import finish
from geodfx.capture.lobe_fit import exchange, search_lobes
from geodfx.capture.lobe_pool import pool
from geodfx.capture.lobe_search import Search, make_search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, lobe_light, make_lobe_sets
from geodfx.capture.photos import RadianceStack
from geodfx.capture.progress import Progress, counter
from geodfx.capture.rig import LightRig
from geodfx.jit import run_bands
from geodfx.stone import pack_lobes

__all__ = ["LOBE_BASIS", "LobeModel", "fit_lobes", "soften"]

LOBE_BASIS = "hsh"
SPARSITY = 0.1  # loss of an amplitude of displayed white: a lobe at a light's rim is held to be seen whole
WORTH = 0.05  # loss that a lobe must save
PASSES = 3  # of the exchange: what a facet's best texel found travels three texels a pass
STEPS = (1, 3)  # texels to the neighbours: within a small facet, and across the blur between two
CHUNK = 512  # texels whose photos are held as floats at a time, by each core

# Where the photos leave a lobe's direction open by a standard deviation s, what a display shows of it on average is
# best met by this share of its amplitude and this width (s and the width in the light's radius), for lobes that do not
# clip: a display's gamma lifts a blurred rim. Solved by least squares over the disc (tests/capture/test_fit_lobes.py).
SPREADS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
SHARES = (1.0, 0.97, 0.92, 0.85, 0.78, 0.71, 0.65, 0.59, 0.53, 0.47, 0.42)
SOFT_WIDTHS = (0.0, 0.037, 0.066, 0.092, 0.131, 0.16, 0.192, 0.222, 0.252, 0.295, 0.35)


@dataclass(frozen=True)
class LobeModel:
    """What the fit found, T texels, J terms, N lobes."""

    base: F32  # (T, 3, J) coefficients of LOBE_BASIS, radiance in white-card units
    count: npt.NDArray[np.int32]  # (T,) lobes of each texel
    words: U32  # (N, 4) packed, texel by texel, strongest first
    light: Callable[[int, int], F32]  # radiance (n, L, 3) of texels first to last under the capture lights


@dataclass
class _State:
    """What the passes hand on; T texels."""

    search: Search
    terms: F64  # (L, J)
    prior: F64  # (2, J) of the base's shape
    gain: np.float32
    coefficient: F32  # (T, 3, J)
    sets: LobeSets
    spread: F32  # (T, K)


def fit_lobes(stack: RadianceStack, rig: LightRig, display_gain: float, progress: Progress | None = None) -> LobeModel:
    """Fit base and lobes to a stack of radiance, displayed at `display_gain`.

    Environment matting fits lobes of one colour ray each to its photos (Zongker 1999, Chuang 2000); here every texel
    has several, found by greedy search with continuous refinement (Boyd 2017), and its neighbours' help.
    """
    radiance, _, _ = light_kernel(rig.radius_rad)
    count = len(stack.texels)
    state = _State(
        make_search(rig.direction, rig.radius_rad, radiance * display_gain, SPARSITY),
        np.stack([disc_average(LOBE_BASIS, light, rig.radius_rad) for light in rig.direction]),
        guess_prior(TERMS[LOBE_BASIS]),
        np.float32(display_gain),
        np.zeros((count, 3, TERMS[LOBE_BASIS]), np.float32),
        make_lobe_sets(count),
        np.zeros((count, MAX_LOBES), np.float32),
    )
    worth = np.float32(WORTH)

    def run(stage: str, work: Callable[[int, F32, F32, F32], None], *, robust: bool = False) -> None:
        done = None if progress is None else counter(progress, stage, count)
        run_bands(lambda first, last: _in_chunks(stack, state, first, last, robust, work), count, done)

    def find(first: int, x: F32, clear: F32, base: F32) -> None:
        search_lobes(state.search, worth, x, clear, base, first, state.sets)

    run("search", find, robust=True)
    state.prior = learn_prior(state.coefficient)
    neighbour = _neighbours(stack)
    for step in range(PASSES):
        old, new = state.sets, make_lobe_sets(count)

        def swap(first: int, x: F32, clear: F32, base: F32, old: LobeSets = old, new: LobeSets = new) -> None:
            near = neighbour[first : first + len(x)]
            exchange(state.search, worth, x, clear, base, first, near, old, new)

        run(f"exchange {step + 1} of {PASSES}", swap)
        state.sets = new

    def end(first: int, x: F32, clear: F32, base: F32) -> None:
        finish(state.search, x, clear, base, first, state.sets, state.spread)

    run("finish", end)
    _pool_facets(stack, state)
    return _pack(state, float(radiance * display_gain))


def _in_chunks(
    stack: RadianceStack, state: _State, first: int, last: int, robust: bool, work: Callable[[int, F32, F32, F32], None]
) -> None:
    """Fit the base of texels first to last below the lobes that stand, then do the pass's work on them."""
    for begin in range(first, last, CHUNK):
        end = min(begin + CHUNK, last)
        radiance, clear = stack.band(begin, end)
        x = radiance * state.gain
        light, base = np.zeros_like(x), np.empty_like(x)
        if not robust:
            lobe_light(state.search, state.sets, begin, light)
        fit_base(x, clear, light, state.terms, state.prior, robust, state.coefficient[begin:end], base)
        work(begin, x, clear, base)


def _places(stack: RadianceStack) -> npt.NDArray[np.int32]:
    """Return which texel lies at each place of the picture (H, W); -1 where the stone is not."""
    width, height = stack.size
    place = np.full((height, width), -1, np.int32)
    place.flat[stack.texels] = np.arange(len(stack.texels), dtype=np.int32)
    return place


def _neighbours(stack: RadianceStack) -> npt.NDArray[np.int32]:
    """Return the texels (T, 8) above, below, left and right at each of STEPS; -1 where the stone ends."""
    width, height = stack.size
    reach = max(STEPS)
    framed = np.pad(_places(stack), reach, constant_values=-1)
    near = []
    for step in STEPS:
        for down, right in ((0, step), (step, 0), (0, -step), (-step, 0)):
            moved = framed[reach + down : reach + down + height, reach + right : reach + right + width]
            near.append(moved.reshape(-1)[stack.texels])
    return np.stack(near, axis=1)


def _pool_facets(stack: RadianceStack, state: _State) -> None:
    """Replace each lobe's direction by what its facet agrees on, and its doubt by what is left of it."""
    place = _places(stack)
    sets, spread, radius = state.sets, state.spread, state.search.radius
    direction, pooled = sets.direction.copy(), np.zeros_like(spread)

    def work(first: int, last: int) -> None:
        pool(sets, spread, place, stack.texels, radius, first, last, direction, pooled)

    run_bands(work, len(stack.texels))
    state.sets = sets._replace(direction=direction)
    state.spread = pooled


def soften(spread: F32) -> tuple[F64, F64]:
    """Return the share of a lobe's amplitude and its width for spreads of its direction, in the light's radius."""
    return np.interp(spread, SPREADS, SHARES), np.interp(spread, SPREADS, SOFT_WIDTHS)


def _pack(state: _State, white: float) -> LobeModel:
    """Soften the lobes by their doubt, turn amplitudes into weights, and pack. white: amplitude of weight 1."""
    sets, radius = state.sets, float(state.search.radius)
    share, soft = soften(state.spread / np.float32(radius))
    width = np.sqrt(sets.width.astype(np.float64) ** 2 + (soft * radius) ** 2)
    amplitude = sets.amplitude * share[..., None]
    there = (np.arange(width.shape[1]) < sets.number[:, None]) & (amplitude.max(axis=2) > 0)
    order = np.argsort(-np.where(there, amplitude.sum(axis=2), -1), axis=1, kind="stable")
    rows = np.arange(len(width))[:, None]
    there = there[rows, order]
    direction, weight = sets.direction[rows, order][there], amplitude[rows, order][there] / white
    words = pack_lobes(direction.astype(np.float64), weight, width[rows, order][there])
    shown = LobeSets(sets.number, sets.direction, width.astype(np.float32), amplitude.astype(np.float32))

    def light(first: int, last: int) -> F32:
        lobes = np.empty((last - first, len(state.terms), 3), np.float32)
        lobe_light(state.search, shown, first, lobes)
        base = np.einsum("ncj,lj->nlc", state.coefficient[first:last], state.terms.astype(np.float32), optimize=True)
        total: F32 = (np.maximum(base, 0) + lobes) / state.gain
        return total

    return LobeModel(state.coefficient / state.gain, there.sum(axis=1).astype(np.int32), words, light)
