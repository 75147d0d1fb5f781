"""A cut each of whose planes lies for itself: no stone is cut as evenly as its family.

From the family's best cut on, the turns and the place of every plane move at once, by damped Gauss-Newton, under ever
harder lights. A plane matters to the rays that meet it, or would meet it next: only those are followed again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection

from geodfx.arrays import F32, F64, I64, evenly
from geodfx.capture.cut_dome import list_touched, show_lights
from geodfx.capture.cut_evidence import WITHIN, DomeEvidence
from geodfx.jit import run_each

__all__ = ["FreeCut", "free_planes", "settle_planes"]

FIXED = 2  # numbers before those of planes: index and absorbance a stone width
STEP = (0.004, 0.1, 0.0015, 0.0015, 0.0007)  # of index and absorbance, and of a plane's two turns and its way out
AS_CUT = (0.02, 0.003)  # radians and stone widths by which planes usually lie elsewhere than their family's
INDEX_WITHIN, INDEX_COSTS = 0.01, 0.02  # how far an index may be from the name's, for so much of the loss
# How soft lights are, rounds at most, texels asked, and steps: wide lights of planes far off overlap with the photos'.
SCHEDULE = ((4.0, 8, 1000, 3.0), (3.0, 6, 1000, 2.0), (2.0, 6, 1000, 2.0), (1.5, 8, 1000, 1.0), (1.0, 24, 3000, 1.0))
FEWEST = 1000  # texels
DAMPING, FAR, ON = (0.03, 0.1, 0.3, 1.0, 3.0), (0.7, 1.3, 2.5), (0.5, 1.0)  # steps that are tried
FARTHEST = 30.0  # times a number's step
GAINS, PATIENCE, NEARER = 0.998, 2, 0.6  # a round that leaves more of the loss is one of so many; steps are then nearer


class FreeCut(NamedTuple):
    """Planes about which others lie."""

    plane: F64  # (P, 4)
    middle: F64  # (P, 3) of each face, about which it turns
    across: F64  # (P, 2, 3) the ways in which its normal turns

    def planes(self, numbers: F64) -> F64:
        """Return the planes of numbers (2 + 3 P,): index, absorbance, and of each plane two turns and the way out."""
        turn = numbers[FIXED:].reshape(-1, 3)
        normal = self.plane[:, :3] + np.einsum("pk,pkj->pj", turn[:, :2], self.across)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        planes: F64 = np.c_[normal, (normal * self.middle).sum(axis=1) + turn[:, 2]]
        return planes

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved."""
        changed = numbers.copy()
        changed[j] += by
        return changed

    def begin(self, index: float, absorbance: float) -> F64:
        """Return the numbers of the planes as they are."""
        return np.concatenate([[index, absorbance], np.zeros(3 * len(self.plane))])


class _Asked(NamedTuple):
    """What a round asks: rays, texel by texel, and what they showed before."""

    evidence: DomeEvidence
    place: F64  # (4 T, 2)
    wanted: F64  # (T, L)
    wider: float

    def light(self, cut: FreeCut, numbers: F64, rays: slice | I64) -> F32:
        """Return what some rays show."""
        lights = np.arange(self.wanted.shape[1])
        planes = cut.planes(numbers)
        return show_lights(
            self.evidence.scene, planes, float(numbers[0]), float(numbers[1]), self.place[rays], lights, self.wider
        )

    def displayed(self, light: F32) -> F64:
        """Return what texels display whose rays show light (4 n, L)."""
        total: F32 = light.reshape(-1, len(WITHIN), light.shape[1]).sum(axis=1)
        return self.evidence.display(total, len(WITHIN))


def free_planes(planes: F64) -> FreeCut:
    """Return the cut of planes (P, 4) that close, of which some may touch no face."""
    inside = linprog(
        [0, 0, 0, -1], A_ub=np.c_[planes[:, :3], np.ones(len(planes))], b_ub=planes[:, 3],
        bounds=[(None, None)] * 3 + [(0, 1e9)],
    ).x  # fmt: skip
    corners = HalfspaceIntersection(np.c_[planes[:, :3], -planes[:, 3]], inside[:3]).intersections
    middle = np.empty((len(planes), 3))
    for k, plane in enumerate(planes):
        gap = plane[3] - corners @ plane[:3]
        its = np.unique(corners[gap < gap.min() + 1e-6].round(7), axis=0).mean(axis=0)
        middle[k] = its + (plane[3] - its @ plane[:3]) * plane[:3]
    normal = planes[:, :3]
    one = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal), axis=1)])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    return FreeCut(planes, middle, np.stack([one, np.cross(normal, one)], axis=1))


def settle_planes(evidence: DomeEvidence, cut: FreeCut, numbers: F64, rounds: float) -> F64:
    """Return numbers of planes that have all moved to where their rays meet the photos best.

    rounds: a share of those of SCHEDULE, and of its texels over FEWEST. The same evidence gives the same numbers,
    whatever the threads.
    """
    for wider, most, texels, steps in SCHEDULE:
        numbers = _descend(
            evidence, cut, numbers, max(2, round(most * rounds)), max(FEWEST, round(texels * rounds)), wider, steps
        )
    return numbers


def _descend(
    evidence: DomeEvidence, cut: FreeCut, numbers: F64, rounds: int, texels: int, wider: float, steps: float
) -> F64:
    """Return numbers moved all at once, round by round."""
    some = evenly(len(evidence.place), texels)
    place = np.stack(evidence.places(some, WITHIN), axis=1).reshape(-1, 2)
    asked = _Asked(evidence, place, evidence.shown[some], wider)
    count = len(cut.plane)
    step = np.array([*STEP[:FIXED], *STEP[FIXED:] * count]) * np.array([1.0] * FIXED + [steps] * 3 * count)
    held = np.array([0.0] * FIXED + [AS_CUT[0] ** -2, AS_CUT[0] ** -2, AS_CUT[1] ** -2] * count)
    last, idle = None, 0
    for _ in range(rounds):
        base = asked.light(cut, numbers, slice(None))
        now = asked.displayed(base)
        error = asked.wanted - now
        lost = float(np.sum(error * error))
        slope = _find_slopes(asked, cut, numbers, step, base)
        bend = (slope @ slope.T).astype(np.float64)
        pull = (slope @ error.astype(np.float32).ravel()).astype(np.float64)
        cost, known = held * lost / error.size, np.zeros(len(numbers))
        if evidence.index is not None:
            cost[0], known[0] = INDEX_COSTS * lost / INDEX_WITHIN**2, evidence.index
        moves = _list_moves(bend, pull, cost, numbers - known, step, last)

        def loss(shown: F64, trial: F64, cost: F64 = cost, known: F64 = known) -> float:
            return float(np.sum((asked.wanted - shown) ** 2) + np.sum(cost * (trial - known) ** 2))

        def follow(k: int, numbers: F64 = numbers, moves: list[F64] = moves) -> float:
            trial = numbers + moves[k]
            return loss(asked.displayed(asked.light(cut, trial, slice(None))), trial)

        losses, before = run_each(follow, len(moves)), loss(now, numbers)
        best = int(np.argmin(losses))
        if losses[best] < before:
            numbers, last = numbers + moves[best], moves[best]
        if losses[best] > GAINS * before:
            step, last, idle = NEARER * step, None, idle + 1
            if idle == PATIENCE:
                break
    return numbers


def _find_slopes(asked: _Asked, cut: FreeCut, numbers: F64, step: F64, base: F32) -> F32:
    """Return by how much a step of each number changes what texels display, (N, T * L)."""
    rays, texels, lights = len(WITHIN), len(asked.wanted), asked.wanted.shape[1]
    touched = list_touched(asked.evidence.scene, cut.planes(numbers), float(numbers[0]), asked.place)
    total = base.reshape(texels, rays, lights).sum(axis=1)
    slope = np.zeros((len(numbers), texels, lights), np.float32)

    def differ(j: int) -> None:
        which = np.arange(len(base)) if j < FIXED else np.flatnonzero(touched[:, (j - FIXED) // 3])
        if len(which) == 0:
            return
        owner = which // rays
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        its, shown = owner[first], []
        for way in (1, -1):
            trial = cut.moved(numbers, j, way * float(step[j]))
            change = asked.light(cut, trial, which) - base[which]
            shown.append(asked.evidence.display(total[its] + np.add.reduceat(change, first), rays))
        slope[j, its] = (shown[0] - shown[1]) / 2

    run_each(differ, len(numbers))
    return slope.reshape(len(numbers), -1)


def _list_moves(bend: F64, pull: F64, cost: F64, off: F64, step: F64, last: F64 | None) -> list[F64]:
    """Return moves to be tried: more and less damped, farther, and on the way of the last move."""
    held, moves = cost * step * step, []
    for damping in DAMPING:
        damped = damping * (np.diag(bend) + 1e-6)
        damped[:FIXED] *= 0.01
        way = np.linalg.solve(bend + np.diag(damped + held), pull - held * off / step)
        moves += [step * np.clip(far * way, -FARTHEST, FARTHEST) for far in FAR]
    if last is not None:
        moves += [move + on * last for move in moves[1 :: len(FAR)] for on in ON]
    return moves
