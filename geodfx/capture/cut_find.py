"""Which step cut shows lights where the photos over tilts do.

What the facets lean by, where they lie and the index are sought so that rays traced through the stone meet the photos:
by evolution (CMA-ES, Hansen 2001) over cuts whose rows go once around, first under wider lights, for then flashes of a
nearby stone still meet; then each number by itself, and all at once by Gauss and Newton.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geodfx.arrays import F64, I64, evenly
from geodfx.basis import light_kernel
from geodfx.capture.cut_outline import PLACE, ROWS, Cut, Outline
from geodfx.capture.cut_view import Scene, show_planes
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import run_each

__all__ = ["STAGES", "Evidence", "find_cut", "meets_db"]

STAGES = 3  # that `find_cut` tells of

ABSORBANCE = 1.2  # to begin with, a stone width
GIRDLE_ABOVE = 0.17  # stone widths, of the girdle over the plane across which flashes move least, to begin with
STARTS, KEPT, SCANNED_FIRST = 14, 4, 3  # searches begun, followed up, and looked at number by number
DRAWN = 200  # random cuts, the best of which a search begins with
IDLE = 1.08  # times the loss: without a row that tells so little, it is sought elsewhere
TRIED, FOLLOWED, ROWS_APART_DEG = 6, 2, 3.0
INWARDS = np.linspace(-0.2, 0.06, 27)  # stone widths, of a row: where it is tried
STEPS = np.linspace(-1, 1, 13)  # of a number's reach: where it is tried
ASKED_FIRST, ASKED = (150, 56), (150, 56)  # texels and tilts that an evolution looks at
LEAST_LIKE = 0.25  # correlation of photos and those of the best cut that evolved: below, there is none


@dataclass(frozen=True)
class Evidence:
    """What T texels display at L tilts."""

    scene: Scene
    shown: F64  # (T, L) 0..1 of the brightest channel
    place: F64  # (T, 2)
    gain: float  # display gain

    def show(self, cut: Cut, numbers: F64, texels: I64, tilts: I64, wider: float = 1.0) -> F64:
        """Return what a cut displays, see `show_planes`."""
        planes = cut.planes(numbers)
        light = show_planes(self.scene, planes, numbers[0], numbers[1], self.place[texels], tilts, wider)
        brightness = self.gain * light_kernel(self.scene.radius_rad)[0]
        seen: F64 = np.minimum(light * brightness, 1) ** (1 / DISPLAY_GAMMA)
        return seen

    def some(self, texels: int, tilts: int) -> tuple[I64, I64, F64]:
        """Return some texels and some tilts, evenly, and what is displayed there."""
        its, when = evenly(len(self.place), texels), evenly(len(self.scene.camera), tilts)
        return its, when, self.shown[np.ix_(its, when)]


def meets_db(evidence: Evidence, cut: Cut, numbers: F64) -> float:
    """Return how well a cut meets the photos, dB of displayed values, by texels most of which no search asks."""
    texels, tilts, wanted = evidence.some(1000, len(evidence.scene.camera))
    error = evidence.show(cut, numbers, texels, tilts) - wanted
    return -10 * math.log10(max(float(np.mean(error * error)), 1e-12))


def find_cut(
    evidence: Evidence, outline: Outline, indices: Sequence[float], told: Callable[[str, float], object]
) -> tuple[Cut, F64] | None:
    """Return the step cut whose traced photos meet a stone's best, and its numbers, or None if none is like it.

    indices: those that it may have, within 0.08. `told` hears of each of STAGES, in dB. The same evidence gives the
    same numbers, whatever the threads.
    """
    cut = Cut(outline)
    starts = run_each(lambda k: _begin(evidence, cut, indices[k % len(indices)], k), STARTS)
    starts = sorted(starts, key=lambda found: -found[0])[:KEPT]
    closer = run_each(lambda k: _look_closer(evidence, cut, starts[k][1], k), len(starts))
    closer = sorted(closer, key=lambda found: -found[0])[:SCANNED_FIRST]
    told("evolved", meets_db(evidence, cut, _uneven(cut, closer[0][1])))
    if closer[0][0] < LEAST_LIKE:
        return None
    placed = np.setdiff1d(np.arange(len(cut.step)), PLACE)  # the outline tells turn and middle well enough at first
    ways = [_scan(evidence, cut, _uneven(cut, more), (3.0, 3.0, 2.0, 1.5, 1.0), 1.0, placed) for _, more in closer]
    numbers = max(ways, key=lambda each: meets_db(evidence, cut, each))
    told("one number at a time", meets_db(evidence, cut, numbers))
    numbers = _replace_rows(evidence, cut, _step_all(evidence, cut, numbers))
    for turn in range(3):
        numbers = _scan(evidence, cut, numbers, (1.0,), 0.5 if turn % 2 == 0 else 0.2)
        numbers = _step_all(evidence, cut, numbers)
    told("all numbers", meets_db(evidence, cut, numbers))
    return cut, numbers


def _alike(evidence: Evidence, cut: Cut, numbers: F64, wider: float, asked: tuple[int, int]) -> float:
    """Return how photos and a cut's correlate, at so many texels and tilts."""
    texels, tilts, wanted = evidence.some(*asked)
    seen = evidence.show(cut, numbers, texels, tilts, wider)
    return 0.0 if seen.std() == 0 or wanted.std() == 0 else float(np.corrcoef(seen.ravel(), wanted.ravel())[0, 1])


def _even(cut: Cut, few: F64) -> F64:
    """Return the numbers of a cut whose rows are alike. few: index, table, girdle, thickness, scale, slopes."""
    share = np.full(ROWS, 1 / ROWS)
    rows = [(few[5 : 5 + ROWS], share * (1 - few[1])), (few[5 + ROWS :], share)]
    return cut.around(few[0], ABSORBANCE, few[2], few[3], few[4], rows)


def _uneven(cut: Cut, more: F64) -> F64:
    """Return the numbers of a cut. more: index, girdle, thickness, scale, slopes, how far in but for the last row."""
    crown, inwards = more[4 : 4 + ROWS], more[4 + 2 * ROWS :]
    pavilion = np.sort(more[4 + ROWS : 4 + 2 * ROWS])[::-1]
    last = max(1 - float(inwards[ROWS:].sum()), 0.01)
    rows = [(crown, inwards[:ROWS]), (pavilion, np.array([*inwards[ROWS:], last]))]
    return cut.around(more[0], ABSORBANCE, more[1], more[2], more[3], rows)


def _begin(evidence: Evidence, cut: Cut, index: float, seed: int) -> tuple[float, F64]:
    """Return how alike the best of random cuts becomes by evolution, and its few numbers."""
    rng = np.random.default_rng(seed)
    girdle = evidence.scene.height + GIRDLE_ABOVE
    drawn = []
    for _ in range(DRAWN):
        slopes = [np.sort(rng.uniform(*span, ROWS))[::-1] for span in ((15, 58), (28, 68))]
        rest = [index, rng.uniform(0.3, 0.75), rng.normal(girdle, 0.03), 0.01, rng.normal(1, 0.03)]
        drawn.append(np.array([*rest, *slopes[0], *slopes[1]]))
    best = max(drawn, key=lambda few: _alike(evidence, cut, _even(cut, few), 3.0, ASKED_FIRST))
    low = np.array([1.4, 0.25, girdle - 0.12, 0, 0.88] + [10] * ROWS + [25] * ROWS)
    high = np.array([2.5, 0.85, girdle + 0.12, 0.08, 1.1] + [62] * ROWS + [72] * ROWS)
    spread = np.array([0.02, 0.05, 0.02, 0.008, 0.02] + [4] * ROWS + [3] * ROWS)
    return _evolve(evidence, cut, _even, best, spread, low, high, 36, 3.0, ASKED_FIRST, seed + 1)


def _look_closer(evidence: Evidence, cut: Cut, few: F64, seed: int) -> tuple[float, F64]:
    """Return how alike a cut becomes whose rows need not be, and its numbers as `_uneven` takes them."""
    even = [(1 - few[1]) / ROWS] * ROWS + [1 / ROWS] * (ROWS - 1)
    slopes = [*few[5 : 5 + ROWS], *np.sort(few[5 + ROWS :])[::-1]]
    more = np.array([few[0], *few[2:5], *slopes, *even])
    low = np.array([few[0] - 0.08, few[2] - 0.1, 0, 0.88] + [10] * ROWS + [25] * ROWS + [0.02] * (2 * ROWS - 1))
    high = np.array([few[0] + 0.08, few[2] + 0.1, 0.08, 1.1] + [62] * ROWS + [72] * ROWS + [0.6] * (2 * ROWS - 1))
    spread = np.array([0.008, 0.015, 0.008, 0.015] + [1.5] * ROWS + [2] * ROWS + [0.06] * (2 * ROWS - 1))
    _, more = _evolve(evidence, cut, _uneven, more, spread, low, high, 70, 3.0, ASKED, seed + 101)
    return _evolve(evidence, cut, _uneven, more, 0.3 * spread, low, high, 40, 1.5, ASKED, seed + 201)


def _evolve(
    evidence: Evidence, cut: Cut, make: Callable[[Cut, F64], F64], first: F64, spread: F64, low: F64, high: F64,
    turns: int, wider: float, asked: tuple[int, int], seed: int,
) -> tuple[float, F64]:  # fmt: skip
    """Return how alike photos and a cut's become in so many turns of evolution, and its numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has nothing to draw with
        import cma  # noqa: PLC0415  # half a second, which only a fit over tilts takes

    rng = np.random.default_rng(seed)  # its own: threads share numpy's
    options: dict[str, Any] = {"CMA_stds": spread.tolist(), "bounds": [low.tolist(), high.tolist()], "popsize": 16}
    options |= {"verbose": -9, "maxiter": turns, "tolfun": 0, "tolflatfitness": turns}
    options |= {"seed": math.nan, "randn": lambda *size: rng.standard_normal(size)}
    search = cma.CMAEvolutionStrategy(np.clip(first, low, high), 1.0, options)
    while not search.stop():
        brood = search.ask()
        search.tell(brood, [-_alike(evidence, cut, make(cut, np.asarray(each)), wider, asked) for each in brood])
    return -float(search.result.fbest), np.asarray(search.result.xbest)


def _scan(
    evidence: Evidence, cut: Cut, numbers: F64, wider: tuple[float, ...], reach: float = 1.0, which: I64 | None = None
) -> F64:
    """Return numbers each moved to the best of some places about it, once for each width of the lights, ever nearer.

    which: of the numbers; None: all.
    """
    texels, tilts, wanted = evidence.some(250, 85)
    for soft in wider:

        def loss(trial: F64, soft: float = soft) -> float:
            error = evidence.show(cut, trial, texels, tilts, soft) - wanted
            return float(np.mean(error * error))

        least = loss(numbers)
        for j in range(len(numbers)) if which is None else which.tolist():
            trials = [cut.moved(numbers, j, reach * cut.reach[j] * far) for far in STEPS]
            losses = run_each(lambda k: loss(trials[k]), len(trials))  # noqa: B023  # done before the next
            best = int(np.argmin(losses))
            if losses[best] < least:
                least, numbers = losses[best], trials[best]
        reach *= 0.6
    return numbers


def _replace_rows(evidence: Evidence, cut: Cut, numbers: F64) -> F64:
    """Return numbers with rows that tell little of the photos put where they tell more.

    Evolution often ends with two rows of a cut at the same place.
    """
    texels, tilts, wanted = evidence.some(*ASKED_FIRST)

    def loss(trial: F64) -> float:
        error = evidence.show(cut, trial, texels, tilts, 3.0) - wanted
        return float(np.mean(error * error))

    for k in range(2 * ROWS):
        if loss(cut.without_row(numbers, k)) > IDLE * loss(numbers):
            continue
        others = [float(numbers[cut.row[j]]) for j in range(2 * ROWS) if j // ROWS == k // ROWS and j != k]
        height = cut.girdle_height(numbers)
        slopes = np.arange(15, 60, 1.0) if k < ROWS else np.arange(27, 70, 1.0)
        apart = [slope for slope in slopes.tolist() if min(abs(slope - other) for other in others) >= ROWS_APART_DEG]
        trials = [cut.with_row(numbers, k, slope, inward, height) for slope in apart for inward in INWARDS]
        losses = np.array(run_each(lambda i: loss(trials[i]), len(trials)))  # noqa: B023  # done before the next
        best = losses.reshape(len(apart), len(INWARDS)).argmin(axis=1) + len(INWARDS) * np.arange(len(apart))
        best = best[np.argsort(losses[best], kind="stable")][:TRIED]
        own = np.arange(cut.row[k], cut.row[k] + 1 + len(cut.turns))
        ways = [_scan(evidence, cut, trials[i], (3.0, 2.0), 0.6, own) for i in best]
        ways = sorted(ways, key=lambda way: -meets_db(evidence, cut, way))[:FOLLOWED]
        ways = [_step_all(evidence, cut, _scan(evidence, cut, way, (2.0, 1.5, 1.0))) for way in ways]
        numbers = max([numbers, *ways], key=lambda way: meets_db(evidence, cut, way))
    return numbers


def _step_all(evidence: Evidence, cut: Cut, numbers: F64, rounds: int = 4) -> F64:
    """Return numbers moved all at once, by damped Gauss-Newton; slopes by differences of a step to either side."""
    texels, tilts, wanted = evidence.some(400, 85)

    def seen(trial: F64) -> F64:
        return evidence.show(cut, trial, texels, tilts).ravel()

    wanted = wanted.ravel()
    now, damping, step = seen(numbers), 1.0, cut.step
    for _ in range(rounds):
        count = len(step)
        either = [cut.moved(numbers, j, way * step[j]) for way in (1, -1) for j in range(count)]
        shown = run_each(lambda k: seen(either[k]), len(either))  # noqa: B023  # done before the next
        slope = np.stack([(shown[j] - shown[j + count]) / 2 for j in range(count)], axis=1)
        bend, pull = slope.T @ slope, slope.T @ (wanted - now)
        tried = [damping * factor for factor in (0.1, 1.0, 10.0)]
        trials = []
        for d in tried:
            by = step * np.clip(np.linalg.solve(bend + d * np.diag(np.diag(bend) + 1e-9), pull), -6, 6)
            trials.append(cut.moved_all(numbers, by))
        shown = run_each(lambda k: seen(trials[k]), len(trials))  # noqa: B023  # done before the next
        losses = [float(np.sum((each - wanted) ** 2)) for each in shown]
        k = int(np.argmin(losses))
        if losses[k] < float(np.sum((now - wanted) ** 2)):
            numbers, now, damping = trials[k], shown[k], max(tried[k], 1e-3)
        else:
            damping, step = 10 * damping, 0.6 * step
    return numbers
