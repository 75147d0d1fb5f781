"""What to change about a rig: larger or smaller lights, more of them, and where."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.basis import even_directions
from geodfx.planning.copies import add_copies
from geodfx.planning.expect import Expected, expect
from geodfx.planning.gaps import place_lights

__all__ = ["LEAST_RAD", "MOST_RAD", "Advice", "advise", "even_spacing"]

COUNT = 512  # exits at which a variant is tried
# Radii that are tried, of the spacing that the lights would have if they were spread evenly. Beyond the largest, most
# lobes share their lights with others of their texel, whatever the number of lights (docs/PLAN.md).
SIZES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15)
LEAST_RAD, MOST_RAD = math.radians(0.1), math.radians(60.0)  # as of a recipe's lights
WORTH = 0.03  # share of the exits: what a change must locate more to be advised
MORE_LIGHTS = 1.3  # steps in the number of lights
MOST_LIGHTS = 2048
MOST_ADDED = 8


@dataclass(frozen=True)
class Advice:
    """Changes, each on its own; Expected tells what would come of it."""

    radius_rad: float  # of the lights where they stand; the rig's own if no other is clearly better
    with_radius: Expected
    aim_rad: float  # the median error that is asked for
    lights: int | None  # evenly spread, of the rig's radius, that reach the aim; None: not even MOST_LIGHTS do
    with_lights: Expected | None
    added: F64  # (n, 3) where more lights would show most that no light sees now
    seen_share: float  # with those

    def __post_init__(self) -> None:
        object.__setattr__(self, "added", frozen("added", self.added, np.float64, (None, 3)))


def even_spacing(lights: F64) -> float:
    """Return how far apart lights (L, 3) would be, radians, were they spread evenly above the lowest one's height."""
    return math.sqrt(2 * math.pi * (1 - float(lights[:, 2].min())) / len(lights))


def advise(
    lights: F64, radius_rad: float, noise: float, expected: Expected, aim_rad: float, moves: F64, gathered: float
) -> Advice:
    """Return what to change about lights (L, 3), of which `expected` is expected, to reach a median error.

    moves: (G, 2, 2) of the stone onto itself, the identity with them: each light also stands where they take it.
    gathered: the power by which its exits gather.
    """
    radius, with_radius = _best_radius(lights, radius_rad, noise, moves, gathered)
    count, with_lights = _enough_lights(lights, radius_rad, noise, expected, aim_rad, moves, gathered)
    added, seen = place_lights(lights, radius_rad, MOST_ADDED, moves, gathered)
    return Advice(radius, with_radius, aim_rad, count, with_lights, added, seen)


def _best_radius(lights: F64, radius_rad: float, noise: float, moves: F64, gathered: float) -> tuple[float, Expected]:
    """Return the radius at which most directions are located and alone, and what is then expected."""
    spacing = even_spacing(lights)
    every = add_copies(lights, radius_rad, moves)
    radii = {radius_rad, *(min(max(size * spacing, LEAST_RAD), MOST_RAD) for size in SIZES)}
    tried = {radius: expect(every, radius, noise, COUNT, gathered) for radius in sorted(radii)}
    worth = {radius: told.located_share * told.alone_share for radius, told in tried.items()}
    best = max(worth, key=worth.__getitem__)
    if worth[best] < worth[radius_rad] + WORTH:
        best = radius_rad
    return best, tried[best]


def _enough_lights(
    lights: F64, radius_rad: float, noise: float, expected: Expected, aim_rad: float, moves: F64, gathered: float
) -> tuple[int | None, Expected | None]:
    """Return how many lights, spread evenly above the lowest one's height, reach a median error.

    The number grows by steps and is then found between two of them, since the error falls as a power of it.
    """
    if expected.error_median_rad <= aim_rad:
        return len(lights), expected
    lowest = float(lights[:, 2].min())

    def told_of(count: int) -> Expected:
        every = add_copies(even_directions(count, lowest), radius_rad, moves)
        return expect(every, radius_rad, noise, COUNT, gathered)

    few, its_error = len(lights), expected.error_median_rad
    while few < MOST_LIGHTS:
        many = min(math.ceil(few * MORE_LIGHTS), MOST_LIGHTS)
        told = told_of(many)
        if told.error_median_rad <= aim_rad:
            share = math.log(its_error / aim_rad) / math.log(its_error / told.error_median_rad)
            count = math.ceil(few * (many / few) ** min(max(share, 0.0), 1.0))
            return count, told_of(count)
        few, its_error = many, told.error_median_rad
    return None, None
