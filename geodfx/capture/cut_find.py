"""Which cut of a family shows lights where the photos over tilts do.

What the facets lean by, where they lie and the index are sought so that rays traced through the stone meet the photos:
by evolution (CMA-ES, Hansen 2001) over the few numbers of even cuts, first under wider lights, for then flashes of a
nearby stone still meet; then all at once, by Gauss and Newton, under ever harder lights.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.cut_descend import FEW, INDEX_WITHIN, descend
from geodfx.capture.cut_evidence import WITHIN, Evidence
from geodfx.capture.cut_family import Family, RowFamily, Shape, Space
from geodfx.jit import run_each

__all__ = ["STAGES", "begin_cut", "find_cut", "finish_cut", "meets_db"]

STAGES = 4  # that `find_cut` tells of

INDEX_SPAN = (1.4, 2.5)  # of gems whose name tells none
SURE = 0.75  # correlation by which two searches that began are enough
DRAWN = 200  # random cuts, the best of which a search begins with
IDLE = 1.2  # times the loss: without a row that tells so little, it is sought elsewhere; true ones told 1.22 and more
GAINED_DB = 0.1  # by which all numbers that settled may do so again
TRIED, FOLLOWED, ROWS_APART_DEG = 6, 2, 3.0
ALIKE_DEG = 1.0  # rows may be one that was found twice, each with some of its sides
NOTHING_DB, SPLIT_DEG = 0.3, (1.0, 2.0)  # of a row that shows nothing; how far a split turns either half
INWARDS = np.linspace(-0.2, 0.06, 27)  # stone widths, of a row: where it is tried
STEPS = np.linspace(-1, 1, 13)  # of a number's reach: where it is tried
SWEPT = np.linspace(-0.08, 0.08, 33)  # stone widths, of the planes of a row or kind: where they are tried
EVOLVED, SCANNED = (150, 56), (250, 85)  # texels and tilts that are asked
PARTS = 8  # that texels are asked in
LEAST_LIKE = 0.34  # correlation of photos and those of the best search that began: below, the cut is of no such family


def meets_db(evidence: Evidence, cut: Shape, numbers: F64) -> float:
    """Return how well a cut meets the photos, dB of displayed values, by texels most of which no search asks."""
    texels, tilts, wanted = evidence.some(1000, evidence.shown.shape[1])
    parts = np.array_split(np.arange(len(texels)), PARTS)

    def lose(k: int) -> float:
        error = evidence.show(cut, numbers, texels[parts[k]], tilts, 1.0, WITHIN) - wanted[parts[k]]
        return float(np.sum(error * error))

    return -10 * math.log10(max(sum(run_each(lose, PARTS)) / wanted.size, 1e-12))


def find_cut(
    evidence: Evidence, cut: Family, indices: Sequence[float], told: Callable[[str, float], object]
) -> F64 | None:
    """Return the numbers of the cut of a family whose traced photos meet a stone's best, or None if none is like it.

    indices: those that it may have. `told` hears of each of STAGES, in dB. The same evidence gives the
    same numbers, whatever the threads.
    """
    begun = begin_cut(evidence, cut, indices, told)
    return None if begun is None else finish_cut(evidence, cut, begun, told)


def begin_cut(
    evidence: Evidence, cut: Family, indices: Sequence[float], told: Callable[[str, float], object]
) -> F64 | None:
    """Return the numbers that evolve, and meet the photos best under wide lights: the first half of `find_cut`."""
    starts: list[tuple[float, F64]] = []
    search = evidence.search
    begun = max(search.starts, len(indices))
    while len(starts) < begun and sum(like >= SURE for like, _ in starts) < 2:
        seeds = range(len(starts), len(starts) + 2)
        starts += run_each(lambda k: _begin(evidence, cut, indices[seeds[k] % len(indices)], seeds[k]), 2)  # noqa: B023
    starts = sorted(starts, key=lambda found: -found[0])[: search.kept]
    if starts[0][0] < LEAST_LIKE:
        return None
    closer = run_each(lambda k: _look_closer(evidence, cut, starts[k][1], k), len(starts))
    closer = sorted(closer, key=lambda found: -found[0])[: search.descended]
    told("evolved", meets_db(evidence, cut, closer[0][1]))
    ways = [numbers for _, numbers in closer]
    for wider, rounds in ((3.0, 6), (2.0, 4)):
        ways = [descend(evidence, cut, numbers, rounds, wider, FEW) for numbers in ways]
    numbers = max(ways, key=lambda each: meets_db(evidence, cut, each))
    told("wide lights", meets_db(evidence, cut, numbers))
    return numbers


def finish_cut(evidence: Evidence, cut: Family, numbers: F64, told: Callable[[str, float], object]) -> F64:
    """Return numbers that meet the photos best from some that nearly do: the second half of `find_cut`."""
    if isinstance(cut, RowFamily):
        numbers = descend(evidence, cut, _sweep(evidence, cut, numbers, 3.0), 3, 2.0, FEW)
        numbers = _replace_rows(evidence, cut, numbers)
    told("rows", meets_db(evidence, cut, numbers))
    numbers = _settle(evidence, cut, numbers, 2.0)
    if isinstance(cut, RowFamily):
        numbers = _split_rows(evidence, cut, numbers)
        if any(_rows_alike(cut, numbers, k) for k in range(2 * cut.rows)):
            again = _settle(evidence, cut, _replace_rows(evidence, cut, numbers), 2.0)
            numbers = max(numbers, again, key=lambda each: meets_db(evidence, cut, each))
    told("all numbers", meets_db(evidence, cut, numbers))
    return numbers


def _settle(evidence: Evidence, cut: Family, numbers: F64, wider: float) -> F64:
    """Return numbers, swept under so wide lights and moved all at once, as often as that meets the photos better."""
    met = meets_db(evidence, cut, numbers)
    for turn in range(evidence.search.settles):
        swept = _sweep(evidence, cut, numbers, wider)
        swept = descend(evidence, cut, swept, 4, 1.5, evidence.search.asked)
        if turn > 0 and meets_db(evidence, cut, swept) < met:
            break
        swept = descend(evidence, cut, swept, 6, 1.0, evidence.search.asked)
        now = meets_db(evidence, cut, swept)
        if now > met:
            numbers = swept
        if now < met + GAINED_DB:
            break
        met, wider = now, 1.0
    return numbers


def _alike(evidence: Evidence, cut: Family, numbers: F64, wider: float) -> float:
    """Return how photos and a cut's correlate."""
    texels, tilts, wanted = evidence.some(*EVOLVED)
    seen = evidence.show(cut, numbers, texels, tilts, wider)
    return 0.0 if seen.std() == 0 or wanted.std() == 0 else float(np.corrcoef(seen.ravel(), wanted.ravel())[0, 1])


def _begin(evidence: Evidence, cut: Family, index: float, seed: int) -> tuple[float, F64]:
    """Return how alike the best of random cuts becomes by evolution, and its few numbers."""
    rng, height = np.random.default_rng(seed), evidence.scene.height
    named = evidence.index
    span = INDEX_SPAN if named is None else (named - 2 * INDEX_WITHIN, named + 2 * INDEX_WITHIN)
    space = cut.begin(span, height)
    drawn = [cut.draw(rng, index, height) for _ in range(DRAWN)]
    best = max(drawn, key=lambda few: _alike(evidence, cut, space.make(few), 3.0))
    return _evolve(evidence, cut, space, best, 1.0, 20, 3.0, seed + 1)


def _look_closer(evidence: Evidence, cut: Family, few: F64, seed: int) -> tuple[float, F64]:
    """Return how alike a cut becomes in a wider space about it, and its numbers."""
    more, space = cut.look_closer(few, 0.08 if evidence.index is None else INDEX_WITHIN)
    _, more = _evolve(evidence, cut, space, more, 1.0, 70, 3.0, seed + 101)
    like, more = _evolve(evidence, cut, space, more, 0.3, 40, 1.5, seed + 201)
    return like, space.make(more)


def _evolve(
    evidence: Evidence, cut: Family, space: Space, first: F64, nearer: float, turns: int, wider: float, seed: int
) -> tuple[float, F64]:
    """Return how alike photos and a cut's become in so many turns of evolution, and its numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has nothing to draw with
        import cma  # noqa: PLC0415  # half a second, which only a fit over tilts takes

    rng = np.random.default_rng(seed)  # its own: threads share numpy's
    bounds = [space.low.tolist(), space.high.tolist()]
    options: dict[str, Any] = {"CMA_stds": (nearer * space.spread).tolist(), "bounds": bounds, "popsize": 16}
    options |= {"verbose": -9, "maxiter": turns, "tolfun": 0, "tolflatfitness": turns}
    options |= {"seed": math.nan, "randn": lambda *size: rng.standard_normal(size)}
    search = cma.CMAEvolutionStrategy(np.clip(first, space.low, space.high), 1.0, options)
    while not search.stop():
        brood = search.ask()
        search.tell(brood, [-_alike(evidence, cut, space.make(np.asarray(each)), wider) for each in brood])
    return -float(search.result.fbest), np.asarray(search.result.xbest)


def _scan(evidence: Evidence, cut: Family, numbers: F64, away: dict[int, F64], wider: float) -> F64:
    """Return numbers some of which are moved, one by one, to the best of places so far away from each."""
    texels, tilts, wanted = evidence.some(*SCANNED)

    def loss(trial: F64) -> float:
        error = evidence.show(cut, trial, texels, tilts, wider) - wanted
        return float(np.mean(error * error))

    least = loss(numbers)
    for j, its in away.items():
        trials = [cut.moved(numbers, j, far) for far in its.tolist()]
        losses = run_each(lambda k: loss(trials[k]), len(trials))  # noqa: B023  # done before the next
        best = int(np.argmin(losses))
        if losses[best] < least:
            least, numbers = losses[best], trials[best]
    return numbers


def _sweep(evidence: Evidence, cut: Family, numbers: F64, wider: float) -> F64:
    """Return numbers whose planes are moved, one row's or kind's after another, to the best of places far around.

    A descent leads no plane there past flashes that are not its own: all numbers but one may be right, and stay so.
    """
    return _scan(evidence, cut, numbers, dict.fromkeys(cut.distances, SWEPT), wider)


def _replace_rows(evidence: Evidence, cut: RowFamily, numbers: F64) -> F64:
    """Return numbers with rows that tell little of the photos put where they tell more.

    Evolution often ends with two rows of a cut at the same place.
    """
    texels, tilts, wanted = evidence.some(*EVOLVED)

    def loss(trial: F64) -> float:
        error = evidence.show(cut, trial, texels, tilts, 3.0) - wanted
        return float(np.mean(error * error))

    for k in range(2 * cut.rows):
        alike = [cut.merge_rows(numbers, k, j) for j in _rows_alike(cut, numbers, k)]
        idle = min([cut.without_row(numbers, k), *alike], key=loss)
        if loss(idle) > IDLE * loss(numbers):
            continue
        others = [float(numbers[cut.row[j]]) for j in range(2 * cut.rows) if j // cut.rows == k // cut.rows and j != k]
        height = cut.girdle_height(numbers)
        slopes = np.arange(15, 60, 1.0) if k < cut.rows else np.arange(27, 70, 1.0)
        apart = [slope for slope in slopes.tolist() if min(abs(slope - other) for other in others) >= ROWS_APART_DEG]
        trials = [cut.with_row(idle, k, slope, inward, height) for slope in apart for inward in INWARDS]
        losses = np.array(run_each(lambda i: loss(trials[i]), len(trials)))  # noqa: B023  # done before the next
        best = losses.reshape(len(apart), len(INWARDS)).argmin(axis=1) + len(INWARDS) * np.arange(len(apart))
        best = best[np.argsort(losses[best], kind="stable")][:TRIED]
        own, ways = range(cut.row[k], cut.row[k] + 1 + cut.sides), [trials[i] for i in best]
        for wider, nearer in ((3.0, 0.6), (2.0, 0.36)):
            away = {j: nearer * cut.reach[j] * STEPS for j in own}
            ways = [_scan(evidence, cut, way, away, wider) for way in ways]
        ways = sorted(ways, key=lambda way: -meets_db(evidence, cut, way))[:FOLLOWED]
        for wider in (2.0, 1.5):
            ways = [descend(evidence, cut, way, 3, wider, FEW) for way in ways]
        numbers = max([numbers, *ways], key=lambda way: meets_db(evidence, cut, way))
    return numbers


def _rows_alike(cut: RowFamily, numbers: F64, k: int) -> list[int]:
    """Return the other rows of a row's end that are as steep."""
    end = range(k // cut.rows * cut.rows, (k // cut.rows + 1) * cut.rows)
    return [j for j in end if j != k and abs(numbers[cut.row[j]] - numbers[cut.row[k]]) < ALIKE_DEG]


def _split_rows(evidence: Evidence, cut: RowFamily, numbers: F64) -> F64:
    """Return numbers with a row that shows nothing used to split another, where that meets the photos better.

    Of two rows a few degrees apart a search finds one between them: neither has a place of its own that is better.
    """
    for spare in range(2 * cut.rows):
        met = meets_db(evidence, cut, numbers)
        if met - meets_db(evidence, cut, cut.without_row(numbers, spare)) > NOTHING_DB:
            continue
        end = range(cut.rows) if spare < cut.rows else range(cut.rows, 2 * cut.rows)
        ways = [cut.split_row(numbers, spare, k, by) for k in end if k != spare for by in SPLIT_DEG]
        for wider in (2.0, 1.5):
            ways = [descend(evidence, cut, way, 3, wider, FEW) for way in ways]
        best = max(ways, key=lambda way: meets_db(evidence, cut, way))
        if meets_db(evidence, cut, best) > met:
            numbers = _settle(evidence, cut, best, 1.0)
    return numbers
