"""How a family's numbers are moved, all at once, to where rays meet the photos best nearby."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F64, I64
from geodfx.capture.cut_evidence import WITHIN, Change, Evidence
from geodfx.capture.cut_family import Family
from geodfx.jit import run_each

__all__ = ["FEW", "INDEX_COSTS", "INDEX_WITHIN", "descend"]

FEW = (200, 56)  # texels and tilts that are asked at least
DAMPING, FAR, ON = (1e-4, 1e-3, 1e-2, 0.1, 1.0), (0.5, 1.0, 2.0), (0.5, 1.0, 2.0)  # steps that are tried
SCREENED, PASSED = 4, 5  # steps are tried by one of so many texels first, and so many of them by the others
FARTHEST = 30.0  # times a number's step
USES, USED_AGAIN = 4, 0.97  # of slopes: as long as each leaves less than so much of the loss
SETTLED, SETTLED_WIDE = (0.995, 2), (0.98, 1)  # a descent ends after so many rounds that leave more of the loss
INDEX_WITHIN, INDEX_COSTS = 0.01, 0.02  # how far an index may be from the name's, for so much of the loss


def descend(evidence: Evidence, cut: Family, numbers: F64, rounds: int, wider: float, asked: tuple[int, int]) -> F64:
    """Return numbers moved all at once, by damped Gauss-Newton; slopes by differences of a step to either side.

    Rays flash or do not, which makes slopes noisy, and the squares of noisy slopes are too large: what is told weakly
    would hardly move. So two halves of the rays tell slopes, and those of one are multiplied by those of the other.
    While the steps that are tried by slopes lead on, they are used again.
    """
    texels, tilts, wanted = evidence.some(*asked)
    step = cut.step
    settled, patient = SETTLED if wider == 1 else SETTLED_WIDE
    change = evidence.change(texels, tilts)

    def seen(trial: F64, its: I64) -> F64:
        return evidence.show(cut, trial, its, tilts, wider, WITHIN)

    now, last, idle, tried = seen(numbers, texels), np.zeros(len(step)), 0, 0
    known, costs = (0.0, 0.0) if evidence.index is None else (evidence.index, INDEX_COSTS)
    cost = costs * float(np.sum((now - wanted) ** 2)) / INDEX_WITHIN**2

    def loss(trial: F64, shown: F64, wanted: F64 = wanted) -> float:
        return float(np.sum((shown - wanted) ** 2) + len(shown) / len(texels) * cost * (trial[0] - known) ** 2)

    for _ in range(rounds):
        one, other = _find_slopes(evidence, cut, numbers, step, change, wider)
        slope = (one + other) / 2
        bend, whole = one.T @ other, np.sum(slope * slope, axis=0)
        bend = (bend + bend.T) / 2
        bend[0, 0] += cost * step[0] ** 2
        for use in range(USES):
            pull = slope.T @ (wanted - now).ravel()
            pull[0] += cost * step[0] * (known - numbers[0])
            moves = _list_moves(bend, whole, pull, step, last)
            trials = [cut.moved_all(numbers, by) for by in moves]
            some = np.arange(len(texels)) % SCREENED == tried % SCREENED
            first = run_each(lambda k: seen(trials[k], texels[some]), len(trials))  # noqa: B023
            losses = [loss(*each, wanted[some]) for each in zip(trials, first, strict=True)]
            passed, tried = np.argsort(losses, kind="stable")[:PASSED], tried + 1

            def complete(i: int) -> F64:
                shot = np.empty_like(wanted)
                shot[some], shot[~some] = first[passed[i]], seen(trials[passed[i]], texels[~some])  # noqa: B023
                return shot

            shots = run_each(complete, len(passed))
            losses = [loss(trials[k], shot) for k, shot in zip(passed, shots, strict=True)]
            best, before = int(np.argmin(losses)), loss(numbers, now)
            if use == 0:
                idle = 0 if losses[best] < settled * before else idle + 1
            if losses[best] < before:
                numbers, now, last = trials[passed[best]], shots[best], moves[passed[best]]
            elif use == 0:
                step, last = 0.7 * step, 0.0 * last
            if losses[best] > USED_AGAIN * before:
                break
        if idle == patient:
            break
    return numbers


def _find_slopes(
    evidence: Evidence, cut: Family, numbers: F64, step: F64, change: Change, wider: float
) -> tuple[F64, F64]:
    """Return by how much a step of each number changes what texels display (T * L, N), by either half of rays."""
    either = [cut.moved(numbers, j, way * step[j]) for way in (1, -1) for j in range(len(step))]
    cuts = [(cut.planes(trial), float(trial[0]), float(trial[1])) for trial in (numbers, *either)]
    shown = change(cuts, wider)

    def differ(j: int) -> F64:
        more, less = (shown(e).reshape(2, 2, -1).sum(axis=0) for e in (1 + j, 1 + j + len(step)))
        return (evidence.display(more, 2) - evidence.display(less, 2)) / 2

    one, other = np.stack(run_each(differ, len(step)), axis=2)
    return one, other


def _list_moves(bend: F64, whole: F64, pull: F64, step: F64, last: F64) -> list[F64]:
    """Return moves to be tried: more and less damped, farther, and on the way of the last move."""
    ways = [np.linalg.solve(bend + d * np.diag(whole + 1e-9), pull) for d in DAMPING]
    moves = [step * np.clip(far * way, -FARTHEST, FARTHEST) for way in ways for far in FAR]
    return moves + [step * np.clip(way, -FARTHEST, FARTHEST) + on * last for way in ways[:3] for on in ON]
