"""How the exits of cut stones gather about the zenith."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F64
from geodfx.basis import spiral_directions

__all__ = ["GATHERED", "PEARS_GATHERED", "exit_directions", "gathering"]

# The share of exits higher than z is (1 - z)^GATHERED; 1 would be evenly over the half sphere. The most likely value
# for the three strongest lobes of the texels of 31 simulated stones, brilliants, steps and crystals of 13 materials,
# none of which stands in the table of docs/PLAN.md; benchmarks/test_exits.py measures it.
GATHERED = 0.31
# The same of 13 simulated pears of as many materials, likewise: one mirror draws the pavilion out to a keel, and the
# exits with it.
PEARS_GATHERED = 0.45
PEAR = "D1"


def gathering(symmetry: str | None) -> float:
    """Return the power by which a stone's exits gather: PEARS_GATHERED of one mirror, GATHERED of any other symmetry.

    Brilliants alone have .32 and step cuts .34, so that what else a symmetry tells of a stone makes no difference.
    """
    return PEARS_GATHERED if symmetry == PEAR else GATHERED


def exit_directions(count: int, gathered: float = GATHERED) -> F64:
    """Return unit directions (count, 3) above the horizon, gathered as exits are: each stands for as many of them."""
    return spiral_directions(1 - ((np.arange(count) + 0.5) / count) ** (1 / gathered))
