"""The lobes of a texel from its own photos alone: added greedily, then each taken out and picked again."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, Bool
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import LobeSets, Work, copy_lobe, drop, grow, loss_of, move_all, set_left, start
from geodfx.jit import kernel

__all__ = ["search_lobes"]

BETTER = np.float32(0.999)  # another set of lobes must lower the loss by this


@kernel
def _swap(search: Search, work: Work, spare: Work, count: int, worth: np.float32) -> int:
    """Take each lobe out, let the others move and pick again; keep what lowers the loss. Returns the count."""
    loss = loss_of(work, count) + worth * np.float32(count)
    k = 0
    while k < count:
        old = count
        for j in range(count):
            copy_lobe(work, j, spare, j)
        count = drop(work, count, k)
        set_left(work, count)
        move_all(search, work, count, 1)
        count = grow(search, work, count, worth)
        its = loss_of(work, count) + worth * np.float32(count)
        if its < loss * BETTER:
            loss = its
        else:
            count = old
            for j in range(count):
                copy_lobe(spare, j, work, j)
        k += 1
    set_left(work, count)
    return count


@kernel
def search_lobes(
    search: Search,
    work: Work,
    spare: Work,
    worth: np.float32,
    smooth: Bool,
    thorough: Bool,
    x: F32,
    clear: F32,
    base: F32,
    first: int,
    sets: LobeSets,
) -> None:
    """Find the lobes of texels first to first + n from x, base (n, L, 3) and clear (n, L); writes `sets`.

    smooth: (T,) which texels have none. thorough: (T,) for which texels each lobe is taken out and picked again as
    well. Environment matting fits its lobes so one by one (Zongker 1999, Chuang 2000); moving all after each addition
    is alternating descent conditional gradient (Boyd 2017).
    """
    for n in range(len(x)):
        if smooth[first + n]:
            continue
        start(work, x[n], clear[n], base[n])
        count = grow(search, work, 0, worth)
        if thorough[first + n]:
            count = _swap(search, work, spare, count, worth)
        sets.number[first + n] = count
        for k in range(count):
            sets.direction[first + n, k] = work.direction[k]
            sets.width[first + n, k] = work.width[k]
            if search.formed:
                sets.form[first + n, k] = work.form[k]
            sets.amplitude[first + n, k] = work.amplitude[k]
