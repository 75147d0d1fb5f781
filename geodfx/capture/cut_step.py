"""The family of step cuts with the sides of an outline: rows of facets along them, of the crown and of the pavilion."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.cut_family import Space
from geodfx.capture.cut_outline import Outline, side_copies

__all__ = ["FIXED", "ROWS", "StepCut"]

ROWS = 3  # of the crown and of the pavilion; a cut of fewer has some that cut nothing
FIXED = 6  # numbers of a cut before its girdle's: index, absorbance, height of the table, turn, shift right and up
ALONG = 1e-3  # radians: rows whose slopes differ by less meet nowhere
ABSORBANCE = 1.2  # to begin with, a stone width
GIRDLE_ABOVE = 0.17  # stone widths, of the girdle over the plane across which flashes move least, to begin with


class StepCut:
    """A step cut with the sides of an outline, all of whose planes follow from a few numbers.

    Index, absorbance a stone width, the height of the table, how far the whole is turned and where its middle lies;
    how far off the girdle's sides lie, and how far those that come in fours are turned from the outline's, which is
    that of all tilts together; then row by row, the crown's from the girdle up and the pavilion's from it down,
    slope in degrees and how far off its facets lie, side by side.
    """

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.distance = np.array([distance for _, distance in outline.sides])
        self.turns = [side_copies(azimuth) for azimuth, _ in outline.sides]
        self.rows, self.sides = ROWS, len(self.turns)
        sides = self.sides
        self.fours = [s for s, turns in enumerate(self.turns) if len(turns) == 4]
        fours = len(self.fours)
        # How far a number is moved to learn what it changes, and how far the best may lie from where a search is.
        self.step = np.array(
            [0.004, 0.1, 0.001, 0.001, 0.001, 0.001]
            + [0.001] * sides
            + [0.003] * fours
            + ([0.1] + [0.001] * sides) * 2 * ROWS
        )
        self.reach = np.array(
            [0.012, 0.5, 0.03, 0.006, 0.006, 0.006]
            + [0.012] * sides
            + [0.02] * fours
            + ([2.0] + [0.03] * sides) * 2 * ROWS
        )
        self.row = [FIXED + sides + fours + (1 + sides) * k for k in range(2 * ROWS)]
        self.distances = [at + 1 + s for at in self.row for s in range(sides)]

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""
        turn, right, up = numbers[3:FIXED]
        found = [(0.0, 0.0, 1.0, numbers[2])]

        def add(out: float, rise: float, azimuth: float, distance: float) -> None:
            x, y = out * math.cos(azimuth + turn), out * math.sin(azimuth + turn)
            found.append((x, y, rise, distance + x * right + y * up))

        turns = [list(each) for each in self.turns]
        for s, lean in zip(self.fours, numbers[FIXED + len(turns) :], strict=False):
            turns[s] = side_copies(turns[s][0] + lean)
        for s, azimuths in enumerate(turns):
            for azimuth in azimuths:
                add(1.0, 0.0, azimuth, numbers[FIXED + s])
        for k, at in enumerate(self.row):
            slope = math.radians(numbers[at])
            rise = math.cos(slope) if k < ROWS else -math.cos(slope)
            for s, azimuths in enumerate(turns):
                for azimuth in azimuths:
                    add(math.sin(slope), rise, azimuth, numbers[at + 1 + s])
        return np.array(found)

    def moved(self, numbers: F64, j: int, by: float) -> F64:
        """Return numbers one of which has moved; where it is a slope, the row's facets turn about their middles."""
        changed = numbers.copy()
        changed[j] += by
        if j in self.row:
            self._turn_row(numbers, self.row.index(j), by, 0.5, changed, j)
        return changed

    def _turn_row(self, numbers: F64, k: int, by: float, share: float, changed: F64, at: int) -> None:
        """Write row k, turned by degrees about what lies so far from its facets' inner ends to the outer, at a row."""
        old = math.radians(numbers[self.row[k]])
        new = old + math.radians(by)
        changed[at] = numbers[self.row[k]] + by
        for s in range(len(self.turns)):
            inner, outer = self._ends(numbers, k, s)
            out = inner + share * (outer - inner)
            height = (numbers[self.row[k] + 1 + s] - math.sin(old) * out) / math.cos(old)
            changed[at + 1 + s] = math.sin(new) * out + math.cos(new) * height

    def moved_all(self, numbers: F64, by: F64) -> F64:
        """Return numbers each of which has moved, slopes as by `moved`."""
        plain = by.copy()
        plain[self.row] = 0.0
        changed = numbers
        for j in self.row:
            changed = self.moved(changed, j, float(by[j]))
        return changed + plain

    def _ends(self, numbers: F64, k: int, s: int) -> tuple[float, float]:
        """Return how far out row k's facet at a side begins and ends."""
        crown, girdle = k < ROWS, float(numbers[FIXED + s])
        rows = range(ROWS) if crown else range(ROWS, 2 * ROWS)
        lines = [(math.radians(numbers[self.row[j]]), float(numbers[self.row[j] + 1 + s])) for j in rows]
        slope, distance = lines[k % ROWS]
        steeper = [line for line in lines if line[0] > slope + ALONG] + [(math.pi / 2, girdle)]
        flatter = [line for line in lines if line[0] < slope - ALONG]
        if crown:
            flatter.append((0.0, float(numbers[2])))  # the table; a pavilion ends at a keel, where the way out is none

        def meet(other: tuple[float, float]) -> float:
            """Return how far out the profile's line meets another."""
            out = (distance * math.cos(other[0]) - other[1] * math.cos(slope)) / math.sin(slope - other[0])
            return min(max(out, 0.0), girdle)

        return max([meet(line) for line in flatter], default=0.0), min(meet(line) for line in steeper)

    def girdle_height(self, numbers: F64) -> float:
        """Return the height at which the crown begins."""
        slope, at = math.radians(numbers[self.row[0]]), self.row[0] + 1
        sides = len(self.turns)
        heights = (numbers[at : at + sides] - math.sin(slope) * numbers[FIXED : FIXED + sides]) / math.cos(slope)
        return float(heights.mean())

    def without_row(self, numbers: F64, k: int) -> F64:
        """Return numbers of which row k, of both ends, cuts nothing."""
        changed = numbers.copy()
        changed[self.row[k] + 1 : self.row[k] + 1 + len(self.turns)] = 2.0
        return changed

    def merge_rows(self, numbers: F64, spare: int, k: int) -> F64:
        """Return numbers whose row k is what it and row spare leave of the stone, were they as steep."""
        changed = self.without_row(numbers, spare)
        one, other = (slice(self.row[j] + 1, self.row[j] + 1 + len(self.turns)) for j in (k, spare))
        changed[one] = np.minimum(numbers[one], numbers[other])
        return changed

    def split_row(self, numbers: F64, spare: int, k: int, by: float) -> F64:
        """Return numbers whose rows k and spare are what row k was, its outer half steeper and its inner half flatter.

        by: degrees.
        """
        numbers = self.without_row(numbers, spare)
        changed = numbers.copy()
        self._turn_row(numbers, k, by, 0.75, changed, self.row[spare])
        self._turn_row(numbers, k, -by, 0.25, changed, self.row[k])
        return changed

    def with_row(self, numbers: F64, k: int, slope_deg: float, inward: float, height: float) -> F64:
        """Return numbers with row k of both ends replaced: its planes lie so far within the girdle's sides at a height.

        Negative: outside of them, as a row that begins below another does.
        """
        slope, at = math.radians(slope_deg), self.row[k]
        sides = numbers[FIXED : FIXED + len(self.turns)]
        rise = math.cos(slope) if k < ROWS else -math.cos(slope)
        changed = numbers.copy()
        changed[at] = slope_deg
        changed[at + 1 : at + 1 + len(sides)] = math.sin(slope) * (sides - inward) + rise * height
        return changed

    def around(
        self, index: float, girdle: float, thick: float, scale: float, lean: float, rows: list[tuple[F64, F64]]
    ) -> F64:
        """Return the numbers of a cut whose rows go once around.

        girdle: the height of its middle. scale: of the outline. lean: of sides that come in fours, radians. rows: of
        crown and pavilion, slopes and how far in.
        """
        distance = self.distance * scale
        numbers = [index, ABSORBANCE, 0.0, self.outline.turn_rad, *self.outline.middle, *distance]
        numbers += [lean] * len(self.fours)
        for (slopes, inwards), up in zip(rows, (1, -1), strict=True):
            z, gone = girdle + up * thick / 2, 0.0
            for slope, inward in zip(slopes, inwards * distance.min(), strict=True):
                a = math.radians(slope)
                numbers += [slope, *(math.sin(a) * (distance - gone) + up * math.cos(a) * z)]
                gone, z = gone + inward, z + up * inward * math.tan(a)
            if up > 0:
                numbers[2] = z
        return np.array(numbers)

    def draw(self, rng: np.random.Generator, index: float, height: float) -> F64:
        """Return a random cut as the space of `begin` has it."""
        slopes = [np.sort(rng.uniform(*span, ROWS))[::-1] for span in ((15, 58), (28, 68))]
        outline = [rng.normal(0.97, 0.03), rng.normal(0, 0.02)]
        rest = [index, rng.uniform(0.3, 0.75), rng.normal(height + GIRDLE_ABOVE, 0.03), 0.01, *outline]
        return np.array([*rest, *slopes[0], *slopes[1]])

    def begin(self, span: tuple[float, float], height: float) -> Space:
        """Return the space of cuts whose rows are alike: index, table, girdle, thickness, scale, lean, slopes."""
        girdle = height + GIRDLE_ABOVE
        low = [span[0], 0.25, girdle - 0.12, 0, 0.85, -0.1] + [10] * ROWS + [25] * ROWS
        high = [span[1], 0.85, girdle + 0.12, 0.08, 1.1, 0.1] + [62] * ROWS + [72] * ROWS
        spread = [0.02, 0.05, 0.02, 0.008, 0.02, 0.01] + [4] * ROWS + [3] * ROWS
        return Space(self._even, np.array(low), np.array(high), np.array(spread))

    def look_closer(self, few: F64, apart: float) -> tuple[F64, Space]:
        """Return a cut of `begin` in the space of cuts about it, whose index is so far apart at most.

        Of index, girdle, thickness, scale, lean, slopes, and how far in each row goes but for the last.
        """
        even = [(1 - few[1]) / ROWS] * ROWS + [1 / ROWS] * (ROWS - 1)
        slopes = [*few[6 : 6 + ROWS], *np.sort(few[6 + ROWS :])[::-1]]
        more = np.array([few[0], *few[2:6], *slopes, *even])
        low = [few[0] - apart, few[2] - 0.1, 0, 0.85, -0.1] + [10] * ROWS + [25] * ROWS + [0.02] * (2 * ROWS - 1)
        high = [few[0] + apart, few[2] + 0.1, 0.08, 1.1, 0.1] + [62] * ROWS + [72] * ROWS + [0.6] * (2 * ROWS - 1)
        spread = [0.008, 0.015, 0.008, 0.015, 0.006] + [1.5] * ROWS + [2] * ROWS + [0.06] * (2 * ROWS - 1)
        return more, Space(self._uneven, np.array(low), np.array(high), np.array(spread))

    def told(self, numbers: F64) -> str:
        """Return what is said of a cut."""
        slopes = [float(numbers[at]) for at in self.row]
        crown, pavilion = (", ".join(f"{s:.1f}" for s in sorted(end)[::-1]) for end in (slopes[:ROWS], slopes[ROWS:]))
        return f"step, crown {crown}, pavilion {pavilion} degrees, index {numbers[0]:.3f}"

    def _even(self, few: F64) -> F64:
        """Return the numbers of a cut of the space of `begin`."""
        share = np.full(ROWS, 1 / ROWS)
        rows = [(few[6 : 6 + ROWS], share * (1 - few[1])), (few[6 + ROWS :], share)]
        return self.around(few[0], few[2], few[3], few[4], few[5], rows)

    def _uneven(self, more: F64) -> F64:
        """Return the numbers of a cut of the space of `look_closer`."""
        crown, inwards = more[5 : 5 + ROWS], more[5 + 2 * ROWS :]
        pavilion = np.sort(more[5 + ROWS : 5 + 2 * ROWS])[::-1]
        last = max(1 - float(inwards[ROWS:].sum()), 0.01)
        rows = [(crown, inwards[:ROWS]), (pavilion, np.array([*inwards[ROWS:], last]))]
        return self.around(more[0], more[1], more[2], more[3], more[4], rows)
