"""Where no light is seen, and where one more would help most."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.basis import even_directions
from geodfx.capture.fold import MOST_COPIES
from geodfx.capture.symmetry import few_moves, move_back
from geodfx.constants import LIGHT_EDGE
from geodfx.planning.copies import add_copies
from geodfx.planning.directions import GATHERED, exit_directions

__all__ = ["Gap", "find_gaps", "place_lights"]

NET = 8192  # directions; evenly spread 1.6 degrees apart
MOST_GAPS = 5
SMALLEST_RAD = math.radians(2.0)  # a gap between round discs that nearly touch is no news
CANDIDATES = 2048  # places for a light, 3.2 degrees apart


@dataclass(frozen=True)
class Gap:
    """A round part of the upper half sphere in which an exit shows nothing in any photo."""

    direction: F64  # (3,) unit, its middle
    radius_rad: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", frozen("gap", self.direction, np.float64, (3,)))


def find_gaps(lights: F64, radius_rad: float) -> tuple[Gap, ...]:
    """Return the largest discs above the horizon that no light (L, 3) reaches, apart from each other, largest first."""
    net = even_directions(NET)
    reach = radius_rad * (1 + LIGHT_EDGE)
    free = np.minimum(_angle((net @ lights.T).max(axis=1)) - reach, np.arcsin(net[:, 2]))
    gaps = []
    for _ in range(MOST_GAPS):
        widest = int(free.argmax())
        if free[widest] < SMALLEST_RAD:
            break
        gaps.append(Gap(net[widest], float(free[widest])))
        free = np.minimum(free, _angle(net @ net[widest]) - free[widest])
    return tuple(gaps)


def place_lights(
    lights: F64, radius_rad: float, count: int, moves: F64, gathered: float = GATHERED
) -> tuple[F64, float]:
    """Return where more lights show most that was unseen, one after the other, (<= count, 3), and the new share seen.

    Shares are of exits. None stands lower than the lowest that is there, or than its own radius: a disc that dips below
    the horizon is cut by the stage. With each light stand those that the stone's moves (G, 2, 2) make of it. Fewer come
    back where another would show nothing new.
    """
    net = exit_directions(NET, gathered)
    cosine = math.cos(min(radius_rad * (1 + LIGHT_EDGE), math.pi))
    lowest = min(float(lights[:, 2].min()), math.sin(min(radius_rad, math.pi / 2)))
    places = even_directions(CANDIDATES, lowest)
    unseen = (net @ add_copies(lights, radius_rad, moves).T).max(axis=1) <= cosine
    shows = np.zeros((len(net), len(places)), np.bool_)
    for move in few_moves(moves, MOST_COPIES, places, radius_rad):
        shows |= net @ move_back(places, move).T > cosine
    added: list[F64] = []
    for _ in range(count):
        news = shows[unseen].sum(axis=0)
        best = int(news.argmax())
        if news[best] == 0:
            break
        added.append(places[best])
        unseen &= ~shows[:, best]
    return np.array(added, np.float64).reshape(-1, 3), 1 - float(unseen.mean())


def _angle(cosine: F64) -> F64:
    angle: F64 = np.arccos(np.clip(cosine, -1.0, 1.0))
    return angle
