"""Which facets a texel sees: it picks among those of its neighbourhood, and mixes several where they meet."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, Bool
from geodfx.capture.facet_find import Facets, Places
from geodfx.capture.lobe_others import Others, alone_squares, make_others, set_others
from geodfx.capture.lobe_search import FAINT, LOWEST_Z, Search, best_amplitude
from geodfx.capture.lobe_work import (
    MAX_LOBES,
    LobeSets,
    Work,
    copy_lobe,
    drop,
    loss_of,
    see_alone,
    set_left,
    set_response,
    settle,
    stand_for,
    start,
)
from geodfx.jit import kernel

__all__ = ["MAX_CHOICES", "pick_lobes"]

I32 = npt.NDArray[np.int32]

MAX_CHOICES = 64  # facets within reach of a texel; nearer ones come first
REACH = 4  # texels: as far as a facet may grow in one pass
BETTER = np.float32(1e-4)  # another choice must lower the loss by this


@kernel
def _set_choice(search: Search, choices: Work, names: I32, n: int, facets: Facets, f: int, x: int, y: int) -> None:
    """Set choice n to facet f's lobe as a texel at column x and row y sees it."""
    right, down = x - facets.centre[f, 0], y - facets.centre[f, 1]
    plane = facets.plane[f]
    dx = plane[0, 0] + plane[1, 0] * right + plane[2, 0] * down
    dy = plane[0, 1] + plane[1, 1] * right + plane[2, 1] * down
    dz = max(plane[0, 2] + plane[1, 2] * right + plane[2, 2] * down, LOWEST_Z)
    scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    choices.direction[n, 0] = np.float32(dx * scale)
    choices.direction[n, 1] = np.float32(dy * scale)
    choices.direction[n, 2] = np.float32(dz * scale)
    choices.width[n] = facets.width[f]
    choices.form[n, 0], choices.form[n, 1] = np.float32(facets.form[f, 0]), np.float32(facets.form[f, 1])
    names[n] = f
    set_response(search, choices, n)


@kernel
def _list_choices(
    search: Search,
    choices: Work,
    names: I32,
    number: I32,
    facet: I32,
    sets: LobeSets,
    t: int,
    places: Places,
    facets: Facets,
) -> int:
    """List a texel's own lobes that belong to no facet, then the facets of its neighbourhood, the nearest first."""
    height, width = places.texel.shape
    count = 0
    for k in range(number[t]):
        if facet[t, k] < 0:
            for j in range(3):
                choices.direction[count, j] = sets.direction[t, k, j]
            choices.width[count] = sets.width[t, k]
            choices.form[count] = sets.form[t, k]
            names[count] = -1
            set_response(search, choices, count)
            count += 1
    for ring in range(REACH + 1):
        for down in range(-ring, ring + 1):
            for right in range(-ring, ring + 1):
                if max(abs(down), abs(right)) != ring:
                    continue
                row, column = places.row[t] + down, places.column[t] + right
                if row < 0 or column < 0 or row >= height or column >= width or places.texel[row, column] < 0:
                    continue
                other = places.texel[row, column]
                for k in range(number[other]):
                    f = facet[other, k]
                    known = f < 0 or count == len(names)
                    for n in range(count):
                        known = known or names[n] == f
                    if not known:
                        _set_choice(search, choices, names, count, facets, f, places.column[t], places.row[t])
                        count += 1
    return count


@kernel
def _choice_gain(
    search: Search, weight: F32, pull: F32, others: Others, count: int, choices: Work, m: int, shared: F32
) -> np.float32:
    """Return what choice m gains where the first lobes, `count` of them, give way.

    pull: (L, 3) w e. shared: (K, 3) scratch.
    """
    along_r, along_g, along_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    lit, response, lights, cost = choices.lit, choices.response, choices.lit_count[m], choices.cost[m]
    for n in range(lights):
        i, r = lit[m, n], response[m, n]
        along_r += r * pull[i, 0]
        along_g += r * pull[i, 1]
        along_b += r * pull[i, 2]
    if max(along_r, along_g, along_b) <= cost:
        return np.float32(0.0)
    square_r, square_g, square_b = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for k in range(count):
        shared[k, 0], shared[k, 1], shared[k, 2] = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for n in range(lights):
        i, r = lit[m, n], response[m, n]
        to_r, to_g, to_b = weight[i, 0] * r, weight[i, 1] * r, weight[i, 2] * r
        square_r += to_r * r
        square_g += to_g * r
        square_b += to_b * r
        for k in range(count):
            its = others.response[i, k]
            shared[k, 0] += to_r * its
            shared[k, 1] += to_g * its
            shared[k, 2] += to_b * its
    square_r, square_g, square_b = alone_squares(square_r, square_g, square_b, shared, others.factor, count)
    gain = best_amplitude(along_r, square_r, cost, search.ceiling)[1]
    gain += best_amplitude(along_g, square_g, cost, search.ceiling)[1]
    gain += best_amplitude(along_b, square_b, cost, search.ceiling)[1]
    return gain


@kernel
def _add_best(
    search: Search, work: Work, others: Others, chosen: I32, count: int, choices: Work, names: I32, all_: int, out: int
) -> int:
    """Add choices to the texel's lobes while one gains more than its worth; never the one numbered out.

    A choice gains what it does when the amplitudes of the lobes that are there give way to it.
    """
    shared, pull = np.empty((MAX_LOBES, 3), np.float32), np.empty_like(work.left)
    while count < MAX_LOBES:
        best, best_gain = -1, np.float32(0.0)
        set_others(work, count, others.response, others.factor)
        for i in range(len(pull)):
            for c in range(3):
                pull[i, c] = work.weight[i, c] * work.left[i, c]
        for m in range(all_):
            taken = m == out
            for k in range(count):
                taken = taken or chosen[k] == m
            if taken:
                continue
            gain = _choice_gain(search, work.weight, pull, others, count, choices, m, shared)
            gain -= search.worth_shared if names[m] >= 0 else search.worth_alone
            if gain > best_gain:
                best, best_gain = m, gain
        if best < 0:
            break
        copy_lobe(choices, best, work, count)
        for c in range(3):
            work.amplitude[count, c] = np.float32(0.0)
        chosen[count] = best
        count += 1
        settle(search, work, count)
    return count


@kernel
def _loss(search: Search, work: Work, chosen: I32, count: int, names: I32) -> np.float32:
    loss = loss_of(work, count)
    for k in range(count):
        loss += search.worth_shared if names[chosen[k]] >= 0 else search.worth_alone
    return loss


@kernel
def _hold(work: Work, chosen: I32, count: int, spare: Work, held: I32) -> None:
    """Copy the lobes of a texel, and which choices they are, from work and chosen to spare and held."""
    for k in range(count):
        copy_lobe(work, k, spare, k)
        held[k] = chosen[k]


@kernel
def _take_out(work: Work, chosen: I32, count: int, k: int) -> int:
    """Take lobe k out and return the new count."""
    for j in range(k, count - 1):
        chosen[j] = chosen[j + 1]
    return drop(work, count, k)


@kernel
def _keep_old(search: Search, work: Work, chosen: I32, choices: Work, number: int) -> int:
    """Start from the lobes that the texel had, which are the first choices; returns how many of them are something."""
    for k in range(number):
        copy_lobe(choices, k, work, k)
        for c in range(3):
            work.amplitude[k, c] = np.float32(0.0)
        chosen[k] = k
    settle(search, work, number)
    count, k = number, 0
    while k < count:
        if max(work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2]) <= FAINT:
            count = _take_out(work, chosen, count, k)
        else:
            k += 1
    set_left(work, count)
    return count


@kernel
def _trust(
    work: Work,
    choices: Work,
    names: I32,
    every: int,
    facet: I32,
    sets: LobeSets,
    t: int,
    number: int,
    trust: np.float32,
) -> None:
    """Let each lobe that a texel has count as so many photos that show it alone."""
    rows = len(work.left) - MAX_LOBES
    alone = 0
    for k in range(number):
        stand_for(work, rows + k, sets.amplitude[t, k], trust)
        if facet[k] < 0:
            see_alone(choices, alone, rows + k)
            alone += 1
        else:
            for m in range(every):
                if names[m] == facet[k]:
                    see_alone(choices, m, rows + k)


@kernel
def pick_lobes(
    search: Search,
    work: Work,
    spare: Work,
    choices: Work,
    x: F32,
    clear: F32,
    base: F32,
    first: int,
    smooth: Bool,
    places: Places,
    facets: Facets,
    number: I32,
    facet: I32,
    trust: np.float32,
    swaps: bool,
    sets: LobeSets,
) -> None:
    """Choose the lobes of texels first to first + n of `sets` anew, among facets and their own.

    number, facet: (T,) and (T, K) of all sets as they were before; the facets of other texels are read there. smooth:
    (T,) which texels have none. trust: 0, or how many photos the lobes that stand are worth.
    Greedy, or from the lobes that the texel had, whichever leaves less; then, with swaps, each is taken out and the
    rest picked again, kept if the loss falls. Directions stay the facets'.
    """
    names = np.empty(len(choices.width), np.int32)
    chosen, before = np.empty(MAX_LOBES, np.int32), np.empty(MAX_LOBES, np.int32)
    others = make_others(len(work.left))
    for i in range(len(x)):
        t = first + i
        if smooth[t]:
            continue
        start(work, x[i], clear[i], base[i])
        every = _list_choices(search, choices, names, number, facet, sets, t, places, facets)
        if trust > 0:
            _trust(work, choices, names, every, facet[t], sets, t, number[t], trust)
        kept = _add_best(search, work, others, chosen, 0, choices, names, every, -1)
        loss = _loss(search, work, chosen, kept, names)
        _hold(work, chosen, kept, spare, before)
        count = _keep_old(search, work, chosen, choices, min(number[t], every))
        count = _add_best(search, work, others, chosen, count, choices, names, every, -1)
        its = _loss(search, work, chosen, count, names)
        if its < loss:
            loss = its
        else:
            count = kept
            _hold(spare, before, count, work, chosen)
            set_left(work, count)
        k = 0
        while swaps and k < count:
            kept, out = count, chosen[k]
            _hold(work, chosen, count, spare, before)
            count = _take_out(work, chosen, count, k)
            settle(search, work, count)
            count = _add_best(search, work, others, chosen, count, choices, names, every, out)
            its = _loss(search, work, chosen, count, names)
            if its < loss - BETTER:
                loss = its
            else:
                count = kept
                _hold(spare, before, count, work, chosen)
                set_left(work, count)
                k += 1
        _keep(search, work, chosen, count, names, sets, t)


@kernel
def _keep(search: Search, work: Work, chosen: I32, count: int, names: I32, sets: LobeSets, t: int) -> None:
    """Write the lobes that are something into a texel of `sets`."""
    kept = 0
    for k in range(count):
        if max(work.amplitude[k, 0], work.amplitude[k, 1], work.amplitude[k, 2]) > FAINT:
            for c in range(3):
                sets.direction[t, kept, c] = work.direction[k, c]
                sets.amplitude[t, kept, c] = work.amplitude[k, c]
            sets.width[t, kept] = work.width[k]
            if search.formed:
                sets.form[t, kept] = work.form[k]
            sets.facet[t, kept] = names[chosen[k]]
            kept += 1
    sets.number[t] = kept
    for k in range(kept, MAX_LOBES):
        sets.direction[t, k] = 0
        sets.amplitude[t, k] = 0
        sets.width[t, k] = 0
        if search.formed:
            sets.form[t, k] = 0
        sets.facet[t, k] = -1
