"""One texel's lobes while they are fitted, and the moves that every pass makes on them.

The loss of a texel is sum w e^2 + 2 sum cost a + the worth of each lobe, over its lights and channels: e is what the
lobes leave of the target, a the amplitudes. The weights w = (x + DARK)^-1.5 follow what a display shows: the square
of the slope of x^(1 / 2.2) is x^-1.09, and a little more care for the dark does better on lights not seen.

A lobe sees few of the lights, so that its responses are kept as a list of those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.basis import formed_chord, lobe_response
from geodfx.capture.lobe_refine import refine
from geodfx.capture.lobe_search import FAINT, Search, best_candidate
from geodfx.jit import kernel, kernel_of_sums

__all__ = [
    "MAX_LOBES",
    "LobeSets",
    "Work",
    "add_lobe",
    "copy_lobe",
    "display_weight",
    "drop",
    "grow",
    "held",
    "loss_of",
    "make_lobe_sets",
    "make_work",
    "move_all",
    "see_alone",
    "set_left",
    "set_response",
    "settle",
    "stand_for",
    "start",
]

I32 = npt.NDArray[np.int32]

MAX_LOBES = 8  # of a texel: more explain the photos better and new lights no better
DARK = np.float32(0.02)  # of displayed white: below this, noise decides
ROUNDS = 2  # of moving every lobe after each addition
SWEEPS = 20  # of the amplitudes, at most
LEAST_SQUARE = np.float32(1e-6)  # of a lobe that no light sees
SETTLED = np.float32(1e-4)  # change of an amplitude at which they have settled


class LobeSets(NamedTuple):
    """Lobes of T texels, at most K each; the channels share a direction."""

    number: I32  # (T,) lobes of each
    direction: F32  # (T, K, 3) unit
    width: F32  # (T, K) chord
    form: F32  # (T, K, 2); where all are round, zeros that nothing is written to, which take no memory
    amplitude: F32  # (T, K, 3) displayed light under a light that the lobe sees whole
    facet: I32  # (T, K) the facet that a lobe belongs to; -1: to none


class Work(NamedTuple):
    """One texel's lobes while they are fitted: C of them, the first few of which count."""

    direction: F32  # (C, 3)
    width: F32  # (C,)
    form: F32  # (C, 2)
    cost: F32  # (C,) of an amplitude
    amplitude: F32  # (C, 3)
    lit: I32  # (C, L) the lights that a lobe sees
    lit_count: I32  # (C,)
    response: F32  # (C, L) to those
    pairs: F32  # (C, C, 3) scratch of `settle`
    pull: F32  # (C, 3) the same
    dense: F32  # (L,) the same: zeros
    target: F32  # (L, 3)
    weight: F32  # (L, 3)
    clear: F32  # (L,) 0 where the photo is clipped: the light is at least what it tells
    left: F32  # (L, 3)
    near: I32  # (2 L,) scratch of the search
    bound: F32  # (M,) scratch of the search


def make_lobe_sets(texels: int) -> LobeSets:
    """Return empty sets for T texels."""
    return LobeSets(
        np.zeros(texels, np.int32),
        np.zeros((texels, MAX_LOBES, 3), np.float32),
        np.zeros((texels, MAX_LOBES), np.float32),
        np.zeros((texels, MAX_LOBES, 2), np.float32),
        np.zeros((texels, MAX_LOBES, 3), np.float32),
        np.full((texels, MAX_LOBES), -1, np.int32),
    )


def held(sets: LobeSets, *, formed: bool) -> list[npt.NDArray[Any]]:
    """Return the arrays of sets that hold something. formed: lobes may be longer than wide."""
    return [values for values in sets if formed or values is not sets.form]


def make_work(search: Search, lobes: int = MAX_LOBES, standing: int = 0) -> Work:
    """Return empty work for a texel of at most so many lobes, with rows for what so many lobes stand for."""
    rows = len(search.light) + standing
    return Work(
        np.zeros((lobes, 3), np.float32),
        np.zeros(lobes, np.float32),
        np.zeros((lobes, 2), np.float32),
        np.zeros(lobes, np.float32),
        np.zeros((lobes, 3), np.float32),
        np.zeros((lobes, rows), np.int32),
        np.zeros(lobes, np.int32),
        np.zeros((lobes, rows), np.float32),
        np.zeros((lobes, lobes, 3), np.float32),
        np.zeros((lobes, 3), np.float32),
        np.zeros(rows, np.float32),
        np.zeros((rows, 3), np.float32),
        np.zeros((rows, 3), np.float32),
        np.zeros(rows, np.float32),
        np.zeros((rows, 3), np.float32),
        np.zeros(2 * len(search.light), np.int32),
        np.zeros(len(search.direction), np.float32),
    )


@kernel
def display_weight(light: np.float32) -> np.float32:
    """Return how much an error counts where a photo shows so much light: (light + DARK)^-1.5."""
    lifted = max(light, np.float32(0.0)) + DARK
    weight: np.float32 = np.float32(1.0) / (lifted * np.sqrt(lifted))
    return weight


@kernel
def start(work: Work, x: F32, clear: F32, base: F32) -> None:
    """Set target and weights from displayed light x (L, 3), its clearness (L,) and the base's light (L, 3)."""
    for i in range(len(x)):
        work.clear[i] = clear[i]
        for c in range(3):
            work.target[i, c] = x[i, c] - base[i, c]
            work.left[i, c] = work.target[i, c]
            work.weight[i, c] = display_weight(x[i, c])


@kernel
def set_response(search: Search, work: Work, k: int) -> None:
    """List the lights that lobe k sees, and its responses to them."""
    light, area, variance = search.light, search.area, search.blur + work.width[k] * work.width[k]
    x, y, z = work.direction[k, 0], work.direction[k, 1], work.direction[k, 2]
    form_x, form_y = work.form[k, 0], work.form[k, 1]
    count = 0
    for i in range(len(light)):
        dx, dy, dz = x - light[i, 0], y - light[i, 1], z - light[i, 2]
        r = lobe_response(formed_chord(dx, dy, dz, form_x, form_y), area, variance)
        if r > 0:
            work.lit[k, count] = i
            work.response[k, count] = r
            count += 1
    work.lit_count[k] = count
    work.cost[k] = search.sparsity * lobe_response(np.float32(0.0), area, variance)


@kernel
def add_lobe(work: Work, k: int, red: np.float32, green: np.float32, blue: np.float32) -> None:
    """Add the light of lobe k at these amplitudes to what is left; negative takes it away."""
    left = work.left
    for n in range(work.lit_count[k]):
        i, r = work.lit[k, n], work.response[k, n]
        left[i, 0] += red * r
        left[i, 1] += green * r
        left[i, 2] += blue * r


@kernel
def set_left(work: Work, count: int) -> None:
    """Compute what the lobes leave; a clipped photo does not ask for less than they give."""
    work.left[:] = work.target
    for k in range(count):
        add_lobe(work, k, -work.amplitude[k, 0], -work.amplitude[k, 1], -work.amplitude[k, 2])
    for i in range(len(work.left)):
        if work.clear[i] == 0:
            for c in range(3):
                work.left[i, c] = max(work.left[i, c], np.float32(0.0))


@kernel
def settle(search: Search, work: Work, count: int) -> None:
    """Solve for the amplitudes, all directions fixed, by coordinate descent; leaves `left` true."""
    set_left(work, count)
    _pair_lobes(work, count)
    pull, pairs = work.pull, work.pairs
    for _ in range(SWEEPS):
        change = np.float32(0.0)
        for k in range(count):
            for c in range(3):
                old = work.amplitude[k, c]
                step = (pull[k, c] - work.cost[k]) / pairs[k, k, c]
                new = min(max(old + step, np.float32(0.0)), search.ceiling)
                if new != old:
                    for j in range(count):
                        pull[j, c] += (old - new) * pairs[k, j, c]
                    work.amplitude[k, c] = new
                    change = max(change, abs(new - old))
        if change < SETTLED:
            break
    set_left(work, count)


@kernel
def _pair_lobes(work: Work, count: int) -> None:
    """Write what the lobes' responses r share, sum w r_k r_j, and their pull on what is left e, sum w r_k e."""
    weight, left, dense, pairs, pull = work.weight, work.left, work.dense, work.pairs, work.pull
    for k in range(count):
        for n in range(work.lit_count[k]):
            dense[work.lit[k, n]] = work.response[k, n]
        for j in range(k + 1):
            red, green, blue = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for n in range(work.lit_count[j]):
                i = work.lit[j, n]
                both = work.response[j, n] * dense[i]
                red += weight[i, 0] * both
                green += weight[i, 1] * both
                blue += weight[i, 2] * both
            pairs[k, j, 0], pairs[k, j, 1], pairs[k, j, 2] = red, green, blue
            pairs[j, k, 0], pairs[j, k, 1], pairs[j, k, 2] = red, green, blue
        for c in range(3):
            pairs[k, k, c] += LEAST_SQUARE
            pull[k, c] = np.float32(0.0)
        for n in range(work.lit_count[k]):
            i, r = work.lit[k, n], work.response[k, n]
            dense[i] = np.float32(0.0)
            for c in range(3):
                pull[k, c] += weight[i, c] * r * left[i, c]


@kernel
def stand_for(work: Work, row: int, amplitude: F32, trust: np.float32) -> None:
    """Let a row of work be a photo, worth so many, that shows one lobe alone and whole, at amplitudes (3,)."""
    work.clear[row] = 1
    for c in range(3):
        work.target[row, c] = amplitude[c]
        work.left[row, c] = amplitude[c]
        work.weight[row, c] = trust * display_weight(amplitude[c])


@kernel
def see_alone(work: Work, k: int, row: int) -> None:
    """Let lobe k be the one that a row of `stand_for` shows, in place of the cost of its amplitude."""
    n = work.lit_count[k]
    work.lit[k, n] = row
    work.response[k, n] = 1
    work.lit_count[k] = n + 1
    work.cost[k] = 0


@kernel_of_sums
def _weighted_squares(weight: F32, left: F32) -> np.float32:
    """Return sum w e^2 of weights and errors (N,)."""
    total = np.float32(0.0)
    for i in range(len(left)):
        total += weight[i] * left[i] * left[i]
    return total


@kernel
def loss_of(work: Work, count: int) -> np.float32:
    """Return the loss of the texel but for its lobes' worth."""
    loss = _weighted_squares(work.weight.ravel(), work.left.ravel())
    for k in range(count):
        for c in range(3):
            loss += np.float32(2.0) * work.cost[k] * work.amplitude[k, c]
    return loss


@kernel
def move_all(search: Search, work: Work, count: int, rounds: int) -> None:
    """Move each lobe to its best place in turn, all channels together, and settle the amplitudes."""
    for _ in range(rounds):
        for k in range(count):
            add_lobe(work, k, work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2])
            width, red, green, blue = refine(
                search, work.direction[k], work.width[k], work.form[k], work.weight, work.left, work.near
            )
            work.width[k] = width
            work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2] = red, green, blue
            set_response(search, work, k)
            add_lobe(work, k, -red, -green, -blue)
        settle(search, work, count)


@kernel
def copy_lobe(source: Work, k: int, goal: Work, j: int) -> None:
    """Copy lobe k of source to lobe j of goal; target and weights are the same."""
    goal.width[j] = source.width[k]
    goal.form[j, 0], goal.form[j, 1] = source.form[k, 0], source.form[k, 1]
    goal.cost[j] = source.cost[k]
    for c in range(3):
        goal.direction[j, c] = source.direction[k, c]
        goal.amplitude[j, c] = source.amplitude[k, c]
    count = source.lit_count[k]
    goal.lit_count[j] = count
    for n in range(count):
        goal.lit[j, n] = source.lit[k, n]
        goal.response[j, n] = source.response[k, n]


@kernel
def drop(work: Work, count: int, k: int) -> int:
    """Take lobe k out and return the new count."""
    for j in range(k, count - 1):
        copy_lobe(work, j + 1, work, j)
    return count - 1


@kernel
def grow(search: Search, work: Work, count: int, worth: np.float32) -> int:
    """Add the best candidate, and move all, while one is worth it; returns the new count, nothings taken out."""
    while count < len(work.width):
        m, _ = best_candidate(search, work.weight, work.left, worth, work.bound)
        if m < 0:
            break
        for c in range(3):
            work.direction[count, c] = search.direction[m, c]
            work.amplitude[count, c] = np.float32(0.0)
        work.lit_count[count] = 0
        work.width[count] = search.width[m]
        work.form[count, 0], work.form[count, 1] = search.form[m, 0], search.form[m, 1]
        count += 1
        move_all(search, work, count, ROUNDS)
    k = 0
    while k < count:
        if max(work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2]) <= FAINT:
            count = drop(work, count, k)
        else:
            k += 1
    return count
