"""Cuts of a family that stand askew: a stone laid down by hand leans a degree or more from the camera's axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.cut_family import Family, RowFamily, Space

__all__ = ["PosedCut", "PosedRows", "pose"]

STEP, REACH = 0.002, 0.01  # radians: how far a lean is moved to learn what it changes, and how far the best may lie
SPREAD, SPREAD_CLOSER = 0.02, 0.01  # radians, of a search's first turn
MOST = 0.15  # radians: 9 degrees


class PosedCut:
    """A family's cuts, turned about an axis across the view. Their last two numbers are that axis, radians long."""

    def __init__(self, cut: Family) -> None:
        self.cut = cut
        self.step = np.append(cut.step, [STEP, STEP])
        self.distances: Sequence[int] = cut.distances

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""
        planes = self.cut.planes(numbers[:-2])
        leaning: F64 = np.c_[planes[:, :3] @ _lean(*numbers[-2:].tolist()).T, planes[:, 3]]
        return leaning

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved."""
        if j >= len(numbers) - 2:
            changed = numbers.copy()
            changed[j] += by
            return changed
        return np.append(self.cut.moved(numbers[:-2], j, by), numbers[-2:])

    def moved_all(self, numbers: F64, by: F64) -> F64:
        """Return numbers each of which has moved."""
        return np.append(self.cut.moved_all(numbers[:-2], by[:-2]), numbers[-2:] + by[-2:])

    def draw(self, rng: np.random.Generator, index: float, height: float) -> F64:
        """Return a random cut as the space of `begin` has it, which leans nowhere."""
        return np.append(self.cut.draw(rng, index, height), [0.0, 0.0])

    def begin(self, span: tuple[float, float], height: float) -> Space:
        """Return the space of even cuts whose index is within a span."""
        return _leaning(self.cut.begin(span, height), SPREAD)

    def look_closer(self, few: F64, apart: float) -> tuple[F64, Space]:
        """Return a cut of `begin` in the space of cuts about it, whose index is so far apart at most."""
        more, space = self.cut.look_closer(few[:-2], apart)
        return np.append(more, few[-2:]), _leaning(space, SPREAD_CLOSER)

    def told(self, numbers: F64) -> str:
        """Return what is said of a cut."""
        return f"{self.cut.told(numbers[:-2])}, leans by {math.degrees(math.hypot(*numbers[-2:])):.1f} degrees"


class PosedRows(PosedCut):
    """The same of a family whose facets go round in rows."""

    def __init__(self, cut: RowFamily) -> None:
        super().__init__(cut)
        self.its = cut
        self.rows, self.sides = cut.rows, cut.sides
        self.row: Sequence[int] = cut.row
        self.reach = np.append(cut.reach, [REACH, REACH])

    def girdle_height(self, numbers: F64) -> float:
        """Return the height at which the crown begins."""
        return self.its.girdle_height(numbers[:-2])

    def without_row(self, numbers: F64, k: int) -> F64:
        """Return numbers of which row k cuts nothing."""
        return np.append(self.its.without_row(numbers[:-2], k), numbers[-2:])

    def with_row(self, numbers: F64, k: int, slope_deg: float, inward: float, height: float) -> F64:
        """Return numbers with row k replaced."""
        return np.append(self.its.with_row(numbers[:-2], k, slope_deg, inward, height), numbers[-2:])

    def merge_rows(self, numbers: F64, spare: int, k: int) -> F64:
        """Return numbers whose row k is what rows k and spare leave of the stone."""
        return np.append(self.its.merge_rows(numbers[:-2], spare, k), numbers[-2:])

    def split_row(self, numbers: F64, spare: int, k: int, by: float) -> F64:
        """Return numbers whose rows k and spare are what row k was."""
        return np.append(self.its.split_row(numbers[:-2], spare, k, by), numbers[-2:])


def pose(cut: Family) -> PosedCut:
    """Return a family's cuts as they may stand."""
    return PosedRows(cut) if isinstance(cut, RowFamily) else PosedCut(cut)


def _lean(x: float, y: float) -> F64:
    """Return the rotation (3, 3) about an axis across the view, as many radians as it is long."""
    angle = math.hypot(x, y)
    if angle == 0:
        return np.eye(3)
    x, y = x / angle, y / angle
    cross = np.array([[0.0, 0.0, y], [0.0, 0.0, -x], [-y, x, 0.0]])
    turned: F64 = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned


def _leaning(space: Space, spread: float) -> Space:
    """Return a space with leans."""
    return Space(
        lambda few: np.append(space.make(few[:-2]), few[-2:]),
        np.append(space.low, [-MOST, -MOST]),
        np.append(space.high, [MOST, MOST]),
        np.append(space.spread, [spread, spread]),
    )
