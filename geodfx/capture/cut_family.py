"""What a family of cuts is to the search: numbers that make planes, and the fewer numbers by which it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from geodfx.arrays import F64

__all__ = ["Family", "RowFamily", "Shape", "Space"]


@dataclass(frozen=True)
class Space:
    """Numbers (N,) by which cuts are sought."""

    make: Callable[[F64], F64]  # the numbers of a cut
    low: F64  # (N,)
    high: F64  # (N,)
    spread: F64  # (N,) standard deviations of a search's first turn


class Shape(Protocol):
    """Planes that follow from numbers, the first of which are index and absorbance a stone width."""

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved."""


class Family(Shape, Protocol):
    """Cuts of a kind."""

    @property
    def step(self) -> F64:
        """How far each number is moved to learn what it changes."""

    @property
    def distances(self) -> Sequence[int]:
        """Which numbers are how far off the facets of a row or a kind lie."""

    def moved_all(self, numbers: F64, by: F64) -> F64:
        """Return numbers each of which has moved."""

    def draw(self, rng: np.random.Generator, index: float, height: float) -> F64:
        """Return a random cut as the space of `begin` has it. height: across which flashes move least."""

    def begin(self, span: tuple[float, float], height: float) -> Space:
        """Return the space of even cuts whose index is within a span."""

    def look_closer(self, few: F64, apart: float) -> tuple[F64, Space]:
        """Return a cut of `begin` in the space of cuts about it, whose index is so far apart at most."""

    def told(self, numbers: F64) -> str:
        """Return what is said of a cut."""


@runtime_checkable
class RowFamily(Family, Protocol):
    """Cuts whose facets go round in rows, of which a search may mistake one for another.

    Rows are counted from the girdle up, then from it down.
    """

    @property
    def rows(self) -> int:
        """How many rows the crown has, and the pavilion."""

    @property
    def row(self) -> Sequence[int]:
        """Which number is each row's slope; the distances of its sides follow."""

    @property
    def sides(self) -> int:
        """How many distances a row has."""

    @property
    def reach(self) -> F64:
        """How far the best of each number may lie from where a search is."""

    def girdle_height(self, numbers: F64) -> float:
        """Return the height at which the crown begins."""

    def without_row(self, numbers: F64, k: int) -> F64:
        """Return numbers of which row k cuts nothing."""

    def with_row(self, numbers: F64, k: int, slope_deg: float, inward: float, height: float) -> F64:
        """Return numbers with row k replaced: its planes lie so far within the girdle's sides at a height."""

    def merge_rows(self, numbers: F64, spare: int, k: int) -> F64:
        """Return numbers whose row k is what it and row spare leave of the stone, were they as steep."""

    def split_row(self, numbers: F64, spare: int, k: int, by: float) -> F64:
        """Return numbers whose rows k and spare are what row k was, its halves turned apart by degrees."""
