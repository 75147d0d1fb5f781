"""Lobes of every texel: found greedily, swapped, and exchanged with those of its neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import (
    LobeSets,
    Work,
    copy_lobes,
    drop,
    drop_faint,
    give,
    grow,
    loss_of,
    make_work,
    move_all,
    set_left,
    start,
    take,
)
from geodfx.jit import kernel

__all__ = ["exchange", "search_lobes"]

I32 = npt.NDArray[np.int32]

BETTER = np.float32(0.999)  # another set of lobes must lower the loss by this
WORTH_MOVING, WORTH_GROWING = np.float32(4.0), np.float32(1.5)  # loss of a neighbour's lobes, of the texel's own


@kernel
def _swap(search: Search, work: Work, spare: Work, count: int, worth: np.float32) -> int:
    """Take each lobe out, let the others move and pick again; keep what lowers the loss. Returns the count."""
    loss = loss_of(search, work, count, worth)
    k = 0
    while k < count:
        copy_lobes(count, work, spare)
        old = count
        count = drop(work, count, k)
        set_left(work, count)
        move_all(search, work, count, 1)
        count = grow(search, work, count, worth)
        its = loss_of(search, work, count, worth)
        if its < loss * BETTER:
            loss = its
        else:
            count = old
            copy_lobes(count, spare, work)
        k += 1
    set_left(work, count)
    return count


@kernel
def search_lobes(search: Search, worth: np.float32, x: F32, clear: F32, base: F32, first: int, sets: LobeSets) -> None:
    """Find the lobes of texels first to first + n from x, base (n, L, 3) and clear (n, L); writes `sets`."""
    work, spare = make_work(search), make_work(search)
    for n in range(len(x)):
        start(work, x[n], clear[n], base[n])
        count = grow(search, work, 0, worth)
        count = _swap(search, work, spare, count, worth)
        give(work, count, sets, first + n)


@kernel
def exchange(
    search: Search,
    worth: np.float32,
    x: F32,
    clear: F32,
    base: F32,
    first: int,
    neighbour: I32,
    old: LobeSets,
    sets: LobeSets,
) -> None:
    """Try each neighbour's lobes on texels first to first + n; reads `old`, writes `sets`.

    neighbour: (n, N) texels, -1 for none. Facets are flat: what explains one texel often explains the next, and a
    search that missed it there finds it here.
    """
    work, spare = make_work(search), make_work(search)
    for n in range(len(x)):
        start(work, x[n], clear[n], base[n])
        count = take(search, work, old, first + n)
        loss = loss_of(search, work, count, worth)
        for j in neighbour[n]:
            if j < 0:
                continue
            copy_lobes(count, work, spare)
            kept = count
            count = drop_faint(work, take(search, work, old, j))
            set_left(work, count)
            its = loss_of(search, work, count, worth)
            if its < loss * WORTH_MOVING:
                move_all(search, work, count, 1)
                its = loss_of(search, work, count, worth)
            if its < loss * WORTH_GROWING:
                count = grow(search, work, count, worth)
                its = loss_of(search, work, count, worth)
            if its < loss * BETTER:
                loss = its
            else:
                count = kept
                copy_lobes(count, spare, work)
        give(work, count, sets, first + n)
