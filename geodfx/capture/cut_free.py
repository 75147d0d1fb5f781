"""A cut each of whose planes lies for itself: no stone is cut as evenly as its family.

From the family's best cut on, under ever harder lights, each plane is first swept by itself over places about it, for
no slope leads past flashes that are not its own; then the turns and the place of every plane move at once, by damped
Gauss-Newton. A plane matters to the rays that meet it, or would meet it next: only those are followed again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import HalfspaceIntersection

from geodfx.arrays import F32, F64, I64, U8, evenly
from geodfx.capture.cut_descend import INDEX_COSTS, INDEX_WITHIN
from geodfx.capture.cut_dome import list_touched, show_lights
from geodfx.capture.cut_evidence import DomeEvidence
from geodfx.jit import run_each

__all__ = ["AS_CUT", "FIXED", "NEARNESS", "FreeCut", "Settled", "draw_likely", "free_planes", "settle_planes"]

FIXED = 3  # numbers before those of planes: index, absorbance a stone width, and one over the camera's distance
NEARNESS = 2  # which of them is the last
STEP = (0.004, 0.1, 0.01, 0.0015, 0.0015, 0.0007)  # of these, and of a plane's two turns and its way out
AS_CUT = (0.02, 0.02, 0.003)  # radians and stone widths by which planes usually lie elsewhere than their family's
USUAL = (0.01, 1.0, 0.1)  # by which the numbers before them do, where a name tells the index
CAMERA_TOLD = 1e-4  # by which the last of these does where a session tells it
ERR_ALIKE = 150.0  # readings of a stone that err alike: so many count as one
FEWEST, SWEPT_SIDE = 1000, 2  # texels; rays a texel and side where planes are swept
DAMPING, FAR, ON = (0.03, 0.1, 0.3, 1.0, 3.0), (0.7, 1.3, 2.5), (0.5, 1.0)  # steps that are tried
SCREENED, PASSED = 4, 4  # steps are tried by one of so many texels first, and so many of them by the others
USES, USED_AGAIN = 3, 0.97  # of slopes: as long as each leaves less than so much of the loss
FARTHEST = 30.0  # times a number's step
GAINS, PATIENCE, NEARER = 0.998, 2, 0.6  # a round that leaves more of the loss is one of so many; steps are then nearer


class _Stage(NamedTuple):
    """How planes settle under lights of one softness."""

    wider: float  # how soft
    reach: tuple[float, ...]  # radians, by which a plane is turned where it is swept
    swept: int  # texels that are asked there
    rounds: int  # of all planes at once, at most
    texels: int  # that are asked in these
    steps: float  # times those of STEP
    side: int  # rays a texel and side


# Wide lights of planes far off overlap with the photos'; hard ones need many rays: what few show by chance is,
# displayed, darker than what they mean.
SCHEDULE = (
    _Stage(4.0, (0.01, 0.02, 0.03), 500, 0, 1000, 3.0, 2),
    _Stage(3.0, (0.005, 0.01, 0.02), 500, 6, 1000, 2.0, 2),
    _Stage(2.0, (0.005, 0.01, 0.02), 700, 6, 1000, 2.0, 2),
    _Stage(1.5, (0.003, 0.006, 0.012), 1000, 8, 1000, 1.0, 2),
    _Stage(1.0, (0.002, 0.004, 0.008), 1000, 10, 1500, 1.0, 4),
)
TURNS, OUT = 8, (-0.006, -0.003, 0.003, 0.006)  # ways in which a plane is turned, and stone widths by which it moves


class FreeCut(NamedTuple):
    """Planes about which others lie."""

    plane: F64  # (P, 4)
    middle: F64  # (P, 3) of each face, about which it turns
    across: F64  # (P, 2, 3) the ways in which its normal turns

    def planes(self, numbers: F64) -> F64:
        """Return the planes of numbers (FIXED + 3 P,): after the fixed, two turns and the way out of each plane."""
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

    def begin(self, index: float, absorbance: float, nearness: float) -> F64:
        """Return the numbers of the planes as they are."""
        return np.concatenate([[index, absorbance, nearness], np.zeros(3 * len(self.plane))])


class Settled(NamedTuple):
    """Numbers of a cut, and how far the photos leave them open."""

    numbers: F64  # (N,)
    covariance: F64  # (N, N)


class _Asked(NamedTuple):
    """What a round asks: rays, texel by texel, and what they showed before."""

    evidence: DomeEvidence
    place: F64  # (R T, 2)
    wanted: F64  # (T, L)
    wider: float
    rays: int  # R of a texel

    def light(self, cut: FreeCut, numbers: F64, rays: slice | I64) -> F32:
        """Return what some rays show."""
        lights = np.arange(self.wanted.shape[1])
        scene, planes = self.evidence.scene.seen_from(float(numbers[NEARNESS])), cut.planes(numbers)
        return show_lights(scene, planes, float(numbers[0]), float(numbers[1]), self.place[rays], lights, self.wider)

    def touched(self, cut: FreeCut, numbers: F64) -> U8:
        """Tell which planes (P,) rays meet, or nearly: (R T, P)."""
        scene = self.evidence.scene.seen_from(float(numbers[NEARNESS]))
        return list_touched(scene, cut.planes(numbers), float(numbers[0]), self.place)

    def displayed(self, light: F32) -> F64:
        """Return what texels display whose rays show light (R n, L)."""
        total: F32 = light.reshape(-1, self.rays, light.shape[1]).sum(axis=1)
        return self.evidence.display(total, self.rays)


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


def settle_planes(evidence: DomeEvidence, cut: FreeCut, numbers: F64, rounds: float) -> Settled:
    """Return numbers of planes that have all moved to where their rays meet the photos best, and how sure they are.

    rounds: a share of those of SCHEDULE, and of its texels over FEWEST. The same evidence gives the same numbers,
    whatever the threads.
    """
    settled = Settled(numbers, np.zeros((len(numbers), len(numbers))))
    for stage in SCHEDULE:
        numbers = _sweep(_ask(evidence, stage.swept, stage.wider, SWEPT_SIDE), cut, numbers, stage.reach)
        if stage.rounds > 0:
            asked = _ask(evidence, max(FEWEST, round(stage.texels * rounds)), stage.wider, stage.side)
            settled = _descend(asked, cut, numbers, max(2, round(stage.rounds * rounds)), stage.steps)
            numbers = settled.numbers
    return settled


def draw_likely(settled: Settled, count: int) -> F64:
    """Return numbers (count, N) at random as the photos leave them open, the same each time."""
    value, way = np.linalg.eigh(settled.covariance)
    spread = way * np.sqrt(np.maximum(value, 0))
    rng = np.random.default_rng(0)
    return np.asarray(settled.numbers + rng.standard_normal((count, len(value))) @ spread.T)


def _ask(evidence: DomeEvidence, texels: int, wider: float, side: int) -> _Asked:
    """Return what so many texels are asked by so many rays a side."""
    some = evenly(len(evidence.place), texels)
    offset = ((np.arange(side) + 0.5) / side - 0.5).tolist()
    place = np.stack(evidence.places(some, [(right, up) for right in offset for up in offset]), axis=1)
    return _Asked(evidence, place.reshape(-1, 2), evidence.shown[some], wider, side * side)


def _sweep(asked: _Asked, cut: FreeCut, numbers: F64, reach: tuple[float, ...]) -> F64:
    """Return numbers of planes each of which, one after another, is put where its rays meet the photos best."""
    light = asked.light(cut, numbers, slice(None))
    ways = [2 * math.pi * turn / TURNS for turn in range(TURNS)]
    moves = [(far * math.cos(way), far * math.sin(way), 0.0) for far in reach for way in ways]
    moves += [(0.0, 0.0, out) for out in OUT]
    for k in range(len(cut.plane)):
        touched = asked.touched(cut, numbers)[:, k].reshape(-1, asked.rays).any(axis=1)
        ray = np.flatnonzero(np.repeat(touched, asked.rays))
        if len(ray) == 0:
            continue
        trials = [numbers.copy() for _ in moves]
        for trial, move in zip(trials, moves, strict=True):
            trial[FIXED + 3 * k : FIXED + 3 * k + 3] += move
        seen = run_each(lambda i: asked.light(cut, trials[i], ray), len(trials))  # noqa: B023  # done before the next
        wanted = asked.wanted[touched]
        losses = [float(np.sum((wanted - asked.displayed(its)) ** 2)) for its in (light[ray], *seen)]
        best = int(np.argmin(losses))
        if best > 0:
            numbers, light[ray] = trials[best - 1], seen[best - 1]
    return numbers


def _descend(asked: _Asked, cut: FreeCut, numbers: F64, rounds: int, steps: float) -> Settled:
    """Return numbers moved all at once, round by round. While moves by slopes lead on, these are used again.

    rounds: one at least.
    """
    known, count = asked.evidence.index, len(cut.plane)
    step = np.array([*STEP[:FIXED], *STEP[FIXED:] * count]) * np.array([1.0] * FIXED + [steps] * 3 * count)
    held = np.array([0.0] * FIXED + [its**-2 for its in AS_CUT] * count)
    usual = np.zeros(len(numbers))
    if known is not None:
        held[0], usual[0] = INDEX_COSTS * asked.wanted.size / INDEX_WITHIN**2, known
    light, last, idle, turn = asked.light(cut, numbers, slice(None)), None, 0, 0
    for _ in range(rounds):
        slope = _find_slopes(asked, cut, numbers, step, light)
        bend = (slope @ slope.T).astype(np.float64)
        for use in range(USES):
            error = asked.wanted - asked.displayed(light)
            lost = float(np.sum(error * error))
            cost = held * lost / error.size
            pull = (slope @ error.astype(np.float32).ravel()).astype(np.float64)
            moves = _list_moves(bend, pull, cost, numbers - usual, step, last)
            before = lost + float(np.sum(cost * (numbers - usual) ** 2))
            best, its, loss = _try_moves(asked, cut, numbers, moves, cost, usual, turn)
            turn += 1
            if loss < before:
                numbers, light, last = numbers + moves[best], its, moves[best]
            if use == 0 and loss > GAINS * before:
                step, last, idle = NEARER * step, None, idle + 1
            if loss > USED_AGAIN * before:
                break
        if idle == PATIENCE:
            break
    sure = 1 / np.array([*USUAL, *AS_CUT * count])
    if known is None:
        sure[0] = 0.0
    if not asked.evidence.camera_open:
        sure[NEARNESS] = 1 / CAMERA_TOLD
    told = bend / (ERR_ALIKE * lost / error.size) + np.diag((step * sure) ** 2)
    return Settled(numbers, np.outer(step, step) * np.linalg.inv(told))


def _try_moves(
    asked: _Asked, cut: FreeCut, numbers: F64, moves: list[F64], cost: F64, usual: F64, turn: int
) -> tuple[int, F32, float]:
    """Return the best of moves, what rays show after it, and its loss: all tried by some texels, a few by the others.

    turn: tells which texels.
    """
    trials = [numbers + move for move in moves]
    some = np.arange(len(asked.wanted)) % SCREENED == turn % SCREENED
    ray = np.repeat(some, asked.rays)
    first, rest = np.flatnonzero(ray), np.flatnonzero(~ray)
    held = [float(np.sum(cost * (trial - usual) ** 2)) for trial in trials]

    def screen(k: int) -> tuple[float, F32]:
        light = asked.light(cut, trials[k], first)
        return float(np.sum((asked.wanted[some] - asked.displayed(light)) ** 2)) + held[k] / SCREENED, light

    screened = run_each(screen, len(trials))
    passed = np.argsort([loss for loss, _ in screened], kind="stable")[:PASSED]

    def follow(i: int) -> tuple[float, F32]:
        light = np.empty((len(ray), asked.wanted.shape[1]), np.float32)
        light[first], light[rest] = screened[passed[i]][1], asked.light(cut, trials[passed[i]], rest)
        return float(np.sum((asked.wanted - asked.displayed(light)) ** 2)) + held[passed[i]], light

    followed = run_each(follow, len(passed))
    best = int(np.argmin([loss for loss, _ in followed]))
    return int(passed[best]), followed[best][1], followed[best][0]


def _find_slopes(asked: _Asked, cut: FreeCut, numbers: F64, step: F64, base: F32) -> F32:
    """Return by how much a step of each number changes what texels display, (N, T * L)."""
    rays, texels, lights = asked.rays, len(asked.wanted), asked.wanted.shape[1]
    touched = asked.touched(cut, numbers)
    total = base.reshape(texels, rays, lights).sum(axis=1)
    slope = np.zeros((len(numbers), texels, lights), np.float32)

    def differ(j: int) -> None:
        if j == NEARNESS and not asked.evidence.camera_open:
            return
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
