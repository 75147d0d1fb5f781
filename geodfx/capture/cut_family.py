"""What a family of cuts is to the search: numbers that make planes, and the fewer numbers by which it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from geodfx.arrays import F64

__all__ = ["Family", "Space"]


@dataclass(frozen=True)
class Space:
    """Numbers (N,) by which cuts are sought."""

    make: Callable[[F64], F64]  # the numbers of a cut
    low: F64  # (N,)
    high: F64  # (N,)
    spread: F64  # (N,) standard deviations of a search's first turn


class Family(Protocol):
    """Cuts of a kind. The first of their numbers are index and absorbance a stone width."""

    @property
    def step(self) -> F64:
        """How far each number is moved to learn what it changes."""

    @property
    def distances(self) -> Sequence[int]:
        """Which numbers are how far off the facets of a row or a kind lie."""

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved."""

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
