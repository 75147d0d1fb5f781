"""One texel's lobes while they are fitted, and the moves that every pass makes on them.

The loss of a texel is sum w e^2 + 2 sparsity sum a + worth K, over its lights, channels and K lobes: e is what the
lobes leave of the target, a the amplitudes. The weights w = (x + DARK)^-1.5 follow what a display shows: the square
of the slope of x^(1 / 2.2) is x^-1.09, and a little more care for the dark does better on lights not seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, U8
from geodfx.capture.lobe_search import FAINT, Search, add_response, best_candidate, refine, respond
from geodfx.jit import kernel

__all__ = [
    "MAX_LOBES",
    "LobeSets",
    "Work",
    "copy_lobes",
    "drop",
    "drop_faint",
    "give",
    "grow",
    "lobe_light",
    "loss_of",
    "make_lobe_sets",
    "make_work",
    "move_all",
    "set_left",
    "set_responses",
    "settle",
    "start",
    "take",
]

I32 = npt.NDArray[np.int32]

MAX_LOBES = 8  # more explain the photos better and new lights no better
DARK = np.float32(0.02)  # of displayed white: below this, noise decides
WEIGHT_POWER = np.float32(-1.5)
ROUNDS = 2  # of moving every lobe after each addition
SWEEPS = 20  # of the amplitudes, at most
SETTLED = np.float32(1e-4)  # change of an amplitude at which they have settled


class LobeSets(NamedTuple):
    """Lobes of T texels, at most K each."""

    number: I32  # (T,) lobes of each
    direction: F32  # (T, K, 3, 3) channel by coordinate, unit
    width: F32  # (T, K) chord
    amplitude: F32  # (T, K, 3) displayed light under a light that the lobe sees whole


class Work(NamedTuple):
    """One texel's lobes while they are fitted."""

    direction: F32  # (K, 3, 3)
    width: F32  # (K,)
    amplitude: F32  # (K, 3)
    response: F32  # (K, 3, L)
    target: F32  # (L, 3)
    weight: F32  # (L, 3)
    clear: F32  # (L,) 0 where the photo is clipped: the light is at least what it tells
    left: F32  # (L, 3)
    tried: U8  # (M,) scratch of the search


def make_lobe_sets(texels: int) -> LobeSets:
    """Return empty sets for T texels."""
    return LobeSets(
        np.zeros(texels, np.int32),
        np.zeros((texels, MAX_LOBES, 3, 3), np.float32),
        np.zeros((texels, MAX_LOBES), np.float32),
        np.zeros((texels, MAX_LOBES, 3), np.float32),
    )


@kernel
def make_work(search: Search) -> Work:
    """Return empty work for a texel."""
    lights = len(search.light)
    return Work(
        np.zeros((MAX_LOBES, 3, 3), np.float32),
        np.zeros(MAX_LOBES, np.float32),
        np.zeros((MAX_LOBES, 3), np.float32),
        np.zeros((MAX_LOBES, 3, lights), np.float32),
        np.zeros((lights, 3), np.float32),
        np.zeros((lights, 3), np.float32),
        np.zeros(lights, np.float32),
        np.zeros((lights, 3), np.float32),
        np.zeros(len(search.direction), np.uint8),
    )


@kernel
def start(work: Work, x: F32, clear: F32, base: F32) -> None:
    """Set target and weights from displayed light x (L, 3), its clearness (L,) and the base's light (L, 3)."""
    for i in range(len(x)):
        work.clear[i] = clear[i]
        for c in range(3):
            work.target[i, c] = x[i, c] - base[i, c]
            work.left[i, c] = work.target[i, c]
            work.weight[i, c] = (max(x[i, c], np.float32(0.0)) + DARK) ** WEIGHT_POWER


@kernel
def set_responses(search: Search, work: Work, k: int, channel: int) -> None:
    """Compute a lobe's responses in one channel."""
    for i in range(len(search.light)):
        work.response[k, channel, i] = respond(search, work.direction[k, channel], work.width[k], i)


@kernel
def set_left(work: Work, count: int) -> None:
    """Compute what the lobes leave; a clipped photo does not ask for less than they give."""
    work.left[:] = work.target
    for k in range(count):
        for c in range(3):
            add_response(work.response[k, c], -work.amplitude[k, c], work.left, c)
    for i in range(len(work.left)):
        if work.clear[i] == 0:
            for c in range(3):
                work.left[i, c] = max(work.left[i, c], np.float32(0.0))


@kernel
def settle(search: Search, work: Work, count: int) -> None:
    """Solve for the amplitudes, all directions fixed, by coordinate descent; leaves `left` true."""
    set_left(work, count)
    for _ in range(SWEEPS):
        change = np.float32(0.0)
        for k in range(count):
            for c in range(3):
                along, square = np.float32(0.0), np.float32(1e-6)
                for i in range(len(search.light)):
                    r = work.response[k, c, i]
                    if r > 0:
                        along += work.weight[i, c] * r * work.left[i, c]
                        square += work.weight[i, c] * r * r
                old = work.amplitude[k, c]
                new = min(max(old + (along - search.sparsity) / square, np.float32(0.0)), search.ceiling)
                if new != old:
                    add_response(work.response[k, c], old - new, work.left, c)
                    work.amplitude[k, c] = new
                    change = max(change, abs(new - old))
        if change < SETTLED:
            break
    set_left(work, count)


@kernel
def loss_of(search: Search, work: Work, count: int, worth: np.float32) -> np.float32:
    """Return the loss of the texel."""
    loss = worth * np.float32(count)
    for i in range(len(search.light)):
        for c in range(3):
            loss += work.weight[i, c] * work.left[i, c] * work.left[i, c]
    for k in range(count):
        for c in range(3):
            loss += np.float32(2.0) * search.sparsity * work.amplitude[k, c]
    return loss


@kernel
def move_all(search: Search, work: Work, count: int, rounds: int) -> None:
    """Move each lobe to its best place in turn, all channels together, and settle the amplitudes."""
    best = np.empty(3, np.float32)
    for _ in range(rounds):
        for k in range(count):
            for c in range(3):
                add_response(work.response[k, c], work.amplitude[k, c], work.left, c)
            work.width[k] = refine(search, work.direction[k, 1], work.width[k], work.weight, work.left, best)
            set_responses(search, work, k, 1)
            for c in range(3):
                work.direction[k, c] = work.direction[k, 1]
                work.response[k, c] = work.response[k, 1]
                work.amplitude[k, c] = best[c]
                add_response(work.response[k, c], -best[c], work.left, c)
        settle(search, work, count)


@kernel
def copy_lobes(count: int, source: Work, goal: Work) -> None:
    """Copy lobes; target and weights are the same."""
    for k in range(count):
        goal.direction[k] = source.direction[k]
        goal.width[k] = source.width[k]
        goal.amplitude[k] = source.amplitude[k]
        goal.response[k] = source.response[k]


@kernel
def drop(work: Work, count: int, k: int) -> int:
    """Take lobe k out and return the new count."""
    for j in range(k, count - 1):
        work.direction[j] = work.direction[j + 1]
        work.width[j] = work.width[j + 1]
        work.amplitude[j] = work.amplitude[j + 1]
        work.response[j] = work.response[j + 1]
    work.amplitude[count - 1] = 0
    return count - 1


@kernel
def drop_faint(work: Work, count: int) -> int:
    """Take the lobes out whose amplitudes are nothing, and return the new count."""
    k = 0
    while k < count:
        if max(work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2]) <= FAINT:
            count = drop(work, count, k)
        else:
            k += 1
    return count


@kernel
def grow(search: Search, work: Work, count: int, worth: np.float32) -> int:
    """Add the best candidate, and move all, while one is worth it; returns the new count."""
    while count < MAX_LOBES:
        m, gain = best_candidate(search, work.weight, work.left, work.tried)
        if m < 0 or gain < worth:
            break
        for c in range(3):
            work.direction[count, c] = search.direction[m]
            work.amplitude[count, c] = 0
            work.response[count, c] = 0
        work.width[count] = search.width[m]
        count += 1
        move_all(search, work, count, ROUNDS)
    return drop_faint(work, count)


@kernel
def take(search: Search, work: Work, sets: LobeSets, texel: int) -> int:
    """Begin with the lobes of a texel of `sets`, settled; returns their count."""
    count = int(sets.number[texel])
    for k in range(count):
        work.width[k] = sets.width[texel, k]
        for c in range(3):
            work.direction[k, c] = sets.direction[texel, k, 1]
            work.amplitude[k, c] = sets.amplitude[texel, k, c]
        set_responses(search, work, k, 1)
        work.response[k, 0] = work.response[k, 1]
        work.response[k, 2] = work.response[k, 1]
    settle(search, work, count)
    return count


@kernel
def give(work: Work, count: int, sets: LobeSets, texel: int) -> None:
    """Write the lobes into a texel of `sets`."""
    sets.number[texel] = count
    for k in range(count):
        sets.direction[texel, k] = work.direction[k]
        sets.width[texel, k] = work.width[k]
        sets.amplitude[texel, k] = work.amplitude[k]


@kernel
def lobe_light(search: Search, sets: LobeSets, first: int, light: F32) -> None:
    """Write what the lobes of texels first to first + n show under each light (n, L, 3)."""
    light[:] = 0
    for n in range(len(light)):
        for k in range(sets.number[first + n]):
            for c in range(3):
                amplitude = sets.amplitude[first + n, k, c]
                if amplitude > 0:
                    for i in range(len(search.light)):
                        r = respond(search, sets.direction[first + n, k, c], sets.width[first + n, k], i)
                        light[n, i, c] += amplitude * r
