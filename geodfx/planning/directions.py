"""Directions above the horizon: evenly spread, and gathered about the zenith as the exits of cut stones are."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F64

__all__ = ["GATHERED", "PEARS_GATHERED", "even_directions", "exit_directions", "gathering"]

GOLDEN_TURN = math.pi * (3 - math.sqrt(5))
# The share of exits higher than z is (1 - z)^GATHERED; 1 would be evenly over the half sphere. The most likely value
# for the three strongest lobes of the texels of 31 simulated stones, brilliants, steps and crystals of 13 materials,
# none of which stands in the table of docs/PLAN.md; benchmarks/test_exits.py measures it.
GATHERED = 0.31
# The same of 13 simulated pears of as many materials, likewise: one mirror draws the pavilion out to a keel, and the
# exits with it.
PEARS_GATHERED = 0.45
PEAR = "D1"


def even_directions(count: int, lowest_z: float = 0.0) -> F64:
    """Return unit directions (count, 3) spread evenly above a height: a spiral of equal areas (Vogel 1979)."""
    return _spiral(1 - (1 - lowest_z) * (np.arange(count) + 0.5) / count)


def gathering(symmetry: str | None) -> float:
    """Return the power by which a stone's exits gather: PEARS_GATHERED of one mirror, GATHERED of any other symmetry.

    Brilliants alone have .32 and step cuts .34, so that what else a symmetry tells of a stone makes no difference.
    """
    return PEARS_GATHERED if symmetry == PEAR else GATHERED


def exit_directions(count: int, gathered: float = GATHERED) -> F64:
    """Return unit directions (count, 3) above the horizon, gathered as exits are: each stands for as many of them."""
    return _spiral(1 - ((np.arange(count) + 0.5) / count) ** (1 / gathered))


def _spiral(z: F64) -> F64:
    """Return unit directions (N, 3) of heights z (N,), each a golden turn from the one before."""
    turn = np.arange(len(z)) * GOLDEN_TURN
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1)
