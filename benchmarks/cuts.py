"""How much of a stone's photos over tilts a traced step cut explains, whose planes are found in those photos.

    python -m benchmarks.cuts SESSION [SESSION ...]

A step cut's outline tells in which directions its facets lie. What they lean by, where they lie and the index are
sought so that rays traced through the stone show lights where the photos do: by evolution (CMA-ES, Hansen 2001) over
stones whose rows go once around, first with wider lights, for then flashes of a nearby stone still meet; then each row
and side by itself, one number at a time, and all at once by Gauss and Newton. What it prints is told in docs/FIT.md.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.cut_trace import LIKE_DEG, Photos, read_photos, show_planes
from geodfx.arrays import F64, I64
from geodfx.capture.session import read_session
from geodfx.jit import thread_count

ROWS = 3  # of the crown and of the pavilion; a cut of fewer has some that cut nothing
INDEX, ABSORBANCE = 1.77, 1.2  # to begin with; absorbance a stone width
GIRDLE_ABOVE = (
    0.17  # stone widths, of the girdle over the plane across which flashes move least, to begin with: as in two stones
)
STARTS, KEPT = 14, 4  # stones from which the search begins, and those that are looked at more closely
DRAWN = 200  # random stones, the best of which is a start
SCANNED = np.linspace(-1, 1, 13)


class Cut:
    """A step cut with the sides of an outline.

    Its numbers: index, absorbance, the table's height, how far off the girdle's sides lie; then row by row, the crown's
    from the girdle up and the pavilion's from it down, slope in degrees and how far off its facets lie, side by side.
    """

    def __init__(self, sides: list[tuple[float, float]]) -> None:
        self.distance = np.array([distance for _, distance in sides])
        self.turns = []
        for azimuth, _ in sides:
            a = math.radians(azimuth)
            if azimuth < LIKE_DEG:
                self.turns.append([0.0, math.pi])
            elif azimuth > 90 - LIKE_DEG:
                self.turns.append([math.pi / 2, -math.pi / 2])
            else:
                self.turns.append([a, math.pi - a, math.pi + a, -a])
        row = 1 + len(sides)
        self.step = np.array([0.004, 0.1, 0.001] + [0.001] * len(sides) + ([0.1] + [0.001] * len(sides)) * 2 * ROWS)
        self.reach = np.array([0.012, 0.5, 0.03] + [0.012] * len(sides) + ([2.0] + [0.03] * len(sides)) * 2 * ROWS)
        self.row = [3 + len(sides) + row * k for k in range(2 * ROWS)]

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""
        found = [(0.0, 0.0, 1.0, numbers[2])]
        for s, turns in enumerate(self.turns):
            found += [(math.cos(a), math.sin(a), 0.0, numbers[3 + s]) for a in turns]
        for k, at in enumerate(self.row):
            slope = math.radians(numbers[at])
            out, up = math.sin(slope), math.cos(slope) if k < ROWS else -math.cos(slope)
            for s, turns in enumerate(self.turns):
                found += [(out * math.cos(a), out * math.sin(a), up, numbers[at + 1 + s]) for a in turns]
        return np.array(found)

    def around(self, girdle: float, thick: float, index: float, scale: float, rows: list[tuple[F64, F64]]) -> F64:
        """Return the numbers of a cut whose rows go once around. rows: of crown and pavilion, slopes and how far in."""
        distance = self.distance * scale
        numbers = [index, ABSORBANCE, 0.0, *distance]
        for (slopes, inwards), up in zip(rows, (1, -1), strict=True):
            z, gone = girdle + up * thick / 2, 0.0
            for slope, inward in zip(slopes, inwards * distance.min(), strict=True):
                a = math.radians(slope)
                numbers += [slope, *(math.sin(a) * (distance - gone) + up * math.cos(a) * z)]
                gone, z = gone + inward, z + up * inward * math.tan(a)
            if up > 0:
                numbers[2] = z
        return np.array(numbers)

    def even(self, few: F64) -> F64:
        """Return the numbers of a cut whose rows are alike. few: table, girdle, thickness, scale, slopes."""
        share = np.full(ROWS, 1 / ROWS)
        crown, pavilion = few[4 : 4 + ROWS], few[4 + ROWS :]
        return self.around(few[1], few[2], INDEX, few[3], [(crown, share * (1 - few[0])), (pavilion, share)])

    def uneven(self, more: F64) -> F64:
        """Return the numbers of a cut. more: girdle, thickness, index, scale, slopes, how far in but the last row."""
        crown, inwards = more[4 : 4 + ROWS], more[4 + 2 * ROWS :]
        pavilion = np.sort(more[4 + ROWS : 4 + 2 * ROWS])[::-1]
        last = max(1 - float(inwards[ROWS:].sum()), 0.01)
        rows = [(crown, inwards[:ROWS]), (pavilion, np.array([*inwards[ROWS:], last]))]
        return self.around(more[0], more[1], more[2], more[3], rows)


def show(photos: Photos, cut: Cut, numbers: F64, texels: I64, tilts: I64, wider: float = 1.0) -> F64:
    """Return what a cut displays, see `show_planes`."""
    return show_planes(photos, cut.planes(numbers), numbers[0], numbers[1], texels, tilts, wider)


def find_cut(photos: Photos, told: Callable[[str, float], None]) -> tuple[Cut, F64]:
    """Return the cut whose traced photos meet a stone's best, and its numbers; `told` hears of each stage, in dB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has nothing to draw with
        import cma  # noqa: PLC0415

    cut = Cut(photos.sides)
    texels, tilts = photos.corner(150, 56)
    wanted = photos.shown[np.ix_(texels, tilts)]
    girdle = photos.height + GIRDLE_ABOVE

    def alike(numbers: F64, wider: float) -> float:
        seen = show(photos, cut, numbers, texels, tilts, wider)
        return 0.0 if seen.std() == 0 else float(np.corrcoef(seen.ravel(), wanted.ravel())[0, 1])

    def evolve(
        make: Callable[[F64], F64], first: F64, spread: F64, low: F64, high: F64, turns: int, wider: float, seed: int
    ) -> tuple[float, F64]:
        rng = np.random.default_rng(seed)  # its own: threads share numpy's
        options = {"CMA_stds": spread.tolist(), "bounds": [low.tolist(), high.tolist()], "popsize": 16, "verbose": -9}
        options |= {"maxiter": turns, "tolfun": 0, "tolflatfitness": turns}
        options |= {"seed": math.nan, "randn": lambda *size: rng.standard_normal(size)}
        search = cma.CMAEvolutionStrategy(np.clip(first, low, high), 1.0, options)
        while not search.stop():
            asked = search.ask()
            search.tell(asked, [-alike(make(np.asarray(each)), wider) for each in asked])
        return -float(search.result.fbest), np.asarray(search.result.xbest)

    def begin(seed: int) -> tuple[float, F64]:
        rng = np.random.default_rng(seed)
        drawn = []
        for _ in range(DRAWN):
            slopes = [np.sort(rng.uniform(*span, ROWS))[::-1] for span in ((15, 58), (28, 68))]
            rest = [rng.uniform(0.3, 0.75), rng.normal(girdle, 0.03), 0.01, rng.normal(1, 0.03)]
            drawn.append(np.array([*rest, *slopes[0], *slopes[1]]))
        best = max(drawn, key=lambda few: alike(cut.even(few), 3.0))
        low = np.array([0.25, girdle - 0.12, 0, 0.88] + [10] * ROWS + [25] * ROWS)
        high = np.array([0.85, girdle + 0.12, 0.08, 1.1] + [62] * ROWS + [72] * ROWS)
        spread = np.array([0.05, 0.02, 0.008, 0.02] + [4] * ROWS + [3] * ROWS)
        return evolve(cut.even, best, spread, low, high, 36, 3.0, seed + 1)

    def look_closer(few: F64, seed: int) -> tuple[float, F64]:
        even = [(1 - few[0]) / ROWS] * ROWS + [1 / ROWS] * (ROWS - 1)
        more = np.array([few[1], few[2], INDEX, few[3], *few[4 : 4 + ROWS], *np.sort(few[4 + ROWS :])[::-1], *even])
        low = np.array([girdle - 0.15, 0, INDEX - 0.05, 0.88] + [10] * ROWS + [25] * ROWS + [0.02] * (2 * ROWS - 1))
        high = np.array([girdle + 0.15, 0.08, INDEX + 0.05, 1.1] + [62] * ROWS + [72] * ROWS + [0.6] * (2 * ROWS - 1))
        spread = np.array([0.015, 0.008, 0.005, 0.015] + [1.5] * ROWS + [2] * ROWS + [0.06] * (2 * ROWS - 1))
        _, more = evolve(cut.uneven, more, spread, low, high, 70, 3.0, seed + 101)
        return evolve(cut.uneven, more, 0.3 * spread, low, high, 40, 1.5, seed + 201)

    with ThreadPoolExecutor(thread_count()) as pool:
        starts = sorted(pool.map(begin, range(STARTS)), key=lambda found: -found[0])[:KEPT]
        closer = sorted(pool.map(look_closer, (few for _, few in starts), range(KEPT)), key=lambda found: -found[0])
        told("evolved", loss_db(photos, cut, cut.uneven(closer[0][1])))
        ways = [scan(photos, cut, cut.uneven(more), pool, (3.0, 3.0, 2.0, 1.5, 1.0)) for _, more in closer[:3]]
        numbers = max(ways, key=lambda each: loss_db(photos, cut, each))
        told("one number at a time", loss_db(photos, cut, numbers))
        for turn in range(5):
            numbers = step_all(photos, cut, numbers, pool)
            if turn < 4:
                numbers = scan(photos, cut, numbers, pool, (1.0,), 0.5 if turn % 2 == 0 else 0.2)
        told("all numbers", loss_db(photos, cut, numbers))
    return cut, numbers


def loss_db(photos: Photos, cut: Cut, numbers: F64) -> float:
    """Return how well a cut meets photos, dB, by texels most of which no search asked."""
    texels, tilts = photos.corner(1000, len(photos.camera))
    error = show(photos, cut, numbers, texels, tilts) - photos.shown[np.ix_(texels, tilts)]
    return -10 * math.log10(float(np.mean(error * error)))


def scan(
    photos: Photos, cut: Cut, numbers: F64, pool: ThreadPoolExecutor, wider: tuple[float, ...], reach: float = 1.0
) -> F64:
    """Return numbers each moved to the best of some places about it, once for each width of the lights, ever nearer."""
    texels, tilts = photos.corner(250, 85)
    wanted = photos.shown[np.ix_(texels, tilts)]
    for soft in wider:

        def loss(trial: F64, soft: float = soft) -> float:
            error = show(photos, cut, trial, texels, tilts, soft) - wanted
            return float(np.mean(error * error))

        least = loss(numbers)
        for j in range(len(numbers)):
            trials = [numbers + reach * cut.reach[j] * far * np.eye(len(numbers))[j] for far in SCANNED]
            losses = list(pool.map(loss, trials))
            if min(losses) < least:
                least, numbers = min(zip(losses, trials, strict=True), key=lambda pair: pair[0])
        reach *= 0.6
    return numbers


def step_all(photos: Photos, cut: Cut, numbers: F64, pool: ThreadPoolExecutor, rounds: int = 4) -> F64:
    """Return numbers moved all at once, by damped Gauss-Newton; slopes by differences of a step to either side."""
    texels, tilts = photos.corner(400, 85)
    wanted = photos.shown[np.ix_(texels, tilts)].ravel()

    def seen(trial: F64) -> F64:
        return show(photos, cut, trial, texels, tilts).ravel()

    now, damping, step = seen(numbers), 1.0, cut.step
    for _ in range(rounds):
        moves = np.diag(step)
        either = list(pool.map(seen, np.concatenate([numbers + moves, numbers - moves])))
        slope = np.stack([(either[j] - either[j + len(step)]) / 2 for j in range(len(step))], axis=1)
        bend, pull = slope.T @ slope, slope.T @ (wanted - now)
        tried = [damping * factor for factor in (0.1, 1.0, 10.0)]
        trials = [
            numbers + step * np.clip(np.linalg.solve(bend + d * np.diag(np.diag(bend) + 1e-9), pull), -6, 6)
            for d in tried
        ]
        shown = list(pool.map(seen, trials))
        losses = [float(np.sum((each - wanted) ** 2)) for each in shown]
        k = int(np.argmin(losses))
        if losses[k] < float(np.sum((now - wanted) ** 2)):
            numbers, now, damping = trials[k], shown[k], max(tried[k], 1e-3)
        else:
            damping, step = 10 * damping, 0.6 * step
    return numbers


def main(sessions: list[str]) -> None:
    """Print what is found in each session."""
    warnings.simplefilter("ignore")
    for name in sessions:
        photos, begun = read_photos(read_session(Path(name))), time.perf_counter()
        dark = -10 * math.log10(float(np.mean(photos.shown**2)))
        print(
            f"{name}: {len(photos.camera)} tilts; sides at {[round(at) for at, _ in photos.sides]}; black {dark:.2f} dB"
        )
        since = begun

        def told(stage: str, db: float) -> None:
            nonlocal since
            now = time.perf_counter()
            print(f"  {stage:22} {db:6.2f} dB {now - since:5.0f} s", flush=True)
            since = now

        cut, numbers = find_cut(photos, told)
        slopes = [f"{numbers[at]:.1f}" for at in cut.row]
        print(
            f"  crown {', '.join(slopes[:ROWS])}, pavilion {', '.join(slopes[ROWS:])} degrees, index {numbers[0]:.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
