"""The family of round brilliants: table, crown mains, stars, upper halves, girdle, lower halves, pavilion mains."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.cut_family import Space
from geodfx.capture.cut_outline import RoundOutline
from geodfx.rays.brilliant import EIGHTH, RADIUS, SIXTEENTH, brilliant_planes

__all__ = ["BrilliantCut"]

# Kinds of facets, each eight or sixteen alike: the plane of `brilliant_planes` that is their first, whether they slope
# down outwards, how far out their middle lies, of the girdle's radius, and whether halves stand to either side of it.
CROWN_MAIN, PAVILION_MAIN, STAR, UPPER, LOWER = range(5)
UP = (1.0, -1.0, 1.0, 1.0, -1.0)
MIDDLE = (0.78, 0.45, 0.66, 0.9, 0.7)
HALVES = (UPPER, LOWER)
FIXED = 7  # numbers before those of kinds: index, absorbance, table's height, turn, shift right and up, radius
LEANS = FIXED + 2 * len(UP)  # where the azimuths of halves from their mains begin
ABSORBANCE = 0.5  # to begin with, a stone width
GIRDLE_ABOVE = 0.2  # stone widths, of the girdle over the plane across which flashes move least, to begin with


class BrilliantCut:
    """A round brilliant, whose facets of a kind are alike, as eight mirrors have it.

    Its numbers: index, absorbance a stone width, height of the table, turn, where the middle lies, radius; of each
    kind the slope in degrees and how far off the facets lie; how far halves of crown and pavilion stand from their
    mains.
    """

    def __init__(self, outline: RoundOutline) -> None:
        self.outline = outline
        self.step = np.array([0.004, 0.1, 0.001, 0.003, 0.001, 0.001, 0.001] + [0.1, 0.001] * len(UP) + [0.003] * 2)
        self.distances = range(FIXED + 1, LEANS, 2)

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""
        turn, right, up = numbers[3:6]
        found = [(0.0, 0.0, 1.0, float(numbers[2]))]

        def add(azimuth: float, slope: float, rise: float, distance: float) -> None:
            out = math.sin(slope)
            x, y = out * math.cos(azimuth + turn), out * math.sin(azimuth + turn)
            found.append((x, y, rise * math.cos(slope), distance + x * right + y * up))

        for k in range(8):
            for kind, rise in enumerate(UP):
                slope, distance = math.radians(numbers[FIXED + 2 * kind]), float(numbers[FIXED + 2 * kind + 1])
                if kind in HALVES:
                    lean = float(numbers[LEANS + HALVES.index(kind)])
                    for azimuth in (lean, -lean):
                        add(k * EIGHTH + azimuth, slope, rise, distance)
                else:
                    add(k * EIGHTH + (SIXTEENTH if kind == STAR else 0.0), slope, rise, distance)
            for azimuth in (SIXTEENTH / 2, -SIXTEENTH / 2):
                add(k * EIGHTH + azimuth, math.pi / 2, 0.0, float(numbers[6]) * math.cos(SIXTEENTH / 2))
        return np.array(found)

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved; where it is a slope, facets turn about their middles."""
        changed = numbers.copy()
        changed[j] += by
        if FIXED <= j < LEANS and (j - FIXED) % 2 == 0:
            kind = (j - FIXED) // 2
            out, slope, now = MIDDLE[kind] * float(numbers[6]), math.radians(numbers[j]), math.radians(changed[j])
            height = (float(numbers[j + 1]) - math.sin(slope) * out) / math.cos(slope)
            changed[j + 1] = math.sin(now) * out + math.cos(now) * height
        return changed

    def moved_all(self, numbers: F64, by: F64) -> F64:
        """Return numbers each of which has moved, slopes as by `moved`."""
        plain, changed = by.copy(), numbers
        for j in range(FIXED, LEANS, 2):
            plain[j] = 0.0
            changed = self.moved(changed, j, float(by[j]))
        return changed + plain

    def draw(self, rng: np.random.Generator, index: float, height: float) -> F64:
        """Return a random cut as the space of `begin` has it."""
        table, lower, stars = rng.uniform(0.5, 0.66), rng.uniform(0.65, 0.88), rng.uniform(0.4, 0.62)
        angles = [rng.uniform(29, 40), rng.uniform(38.5, 44)]
        place = [rng.uniform(-SIXTEENTH, SIXTEENTH), rng.normal(0.97, 0.02), rng.normal(height + GIRDLE_ABOVE, 0.03)]
        return np.array([index, *place, 0.03, table, *angles, lower, stars])

    def begin(self, span: tuple[float, float], height: float) -> Space:
        """Return the space of brilliants: index, turn, scale, girdle, its thickness, table, angles, halves, stars."""
        girdle = height + GIRDLE_ABOVE
        low = [span[0], -EIGHTH, 0.85, girdle - 0.12, 0.005, 0.4, 22, 36, 0.5, 0.3]
        high = [span[1], EIGHTH, 1.05, girdle + 0.12, 0.1, 0.75, 45, 48, 0.92, 0.75]
        spread = [0.01, 0.05, 0.015, 0.02, 0.01, 0.03, 1.5, 0.8, 0.04, 0.04]
        return Space(self._make, np.array(low), np.array(high), np.array(spread))

    def look_closer(self, few: F64, apart: float) -> tuple[F64, Space]:
        """Return a cut of `begin` in the space of cuts about it, whose index is so far apart at most."""
        space = self.begin((few[0] - apart, few[0] + apart), few[3] - GIRDLE_ABOVE)
        return few, Space(self._make, space.low, space.high, 0.4 * space.spread)

    def _make(self, few: F64) -> F64:
        """Return the numbers of a brilliant of `begin`'s space."""
        index, turn, scale, girdle, thick, table, crown, pavilion, lower, stars = few.tolist()
        radius = self.outline.radius * scale
        wide = radius / RADIUS
        planes = brilliant_planes(table, crown, pavilion, lower, stars, thick / (2 * radius), 1)
        kinds, leans = [], []
        for kind, (x, y, z, distance) in enumerate(planes[1 : 1 + len(UP)].tolist()):
            kinds += [math.degrees(math.atan2(math.hypot(x, y), abs(z))), distance * wide + z * girdle]
            if kind in HALVES:
                leans.append(math.atan2(y, x))
        return np.array(
            [index, ABSORBANCE, float(planes[0, 3]) * wide + girdle, turn, *self.outline.middle, radius, *kinds, *leans]
        )

    def told(self, numbers: F64) -> str:
        """Return what is said of a cut."""
        crown, pavilion = (numbers[FIXED + 2 * kind] for kind in (CROWN_MAIN, PAVILION_MAIN))
        return f"round brilliant, crown {crown:.1f}, pavilion {pavilion:.1f} degrees, index {numbers[0]:.3f}"
