"""A step cut as its outline tells it: in which directions its facets lie, and the planes that numbers make of that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F64, Bool

__all__ = ["FIXED", "ROWS", "Cut", "Outline", "find_outline"]

ROWS = 3  # of the crown and of the pavilion; a cut of fewer has some that cut nothing
FIXED = 6  # numbers of a cut before its girdle's: index, absorbance, height of the table, turn, shift right and up
BEND = 1.3 / 256  # of the picture's width: how far an outline may leave a straight side
LOOSE = ((1.0, 4), (1.6, 3), (2.2, 3))  # times as far, and how many sides a quarter of the outline then has at most
STRAIGHT = 0.04  # of the outline's length: sides that are as long
LIKE_DEG = 6.0  # within which sides are each other's mirror image
ALONG = 1e-3  # radians: rows whose slopes differ by less meet nowhere
AZIMUTHS = 1440  # at which an outline's extent is asked
NEARNESS = 1e-3  # how much less alike axes may be that lie nearer to the picture's
COVERED = 0.85  # of the outline's length: what straight sides take of it


@dataclass(frozen=True)
class Outline:
    """The sides of an outline that two axes mirror; lengths in stone widths."""

    turn_rad: float  # of the axes, counter-clockwise
    middle: tuple[float, float]  # to the right and up
    sides: tuple[tuple[float, float], ...]  # in the first quadrant: azimuth from the first axis, radians, and distance


def find_outline(stone: Bool, scale: float) -> Outline | None:
    """Return the outline of a stone (H, W), `scale` stone widths a texel; None if it is not that of a step cut.

    That is a polygon whose sides come in pairs or fours, mirrored about two axes.
    """
    contours, _ = cv2.findContours(stone.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=len))
    height, width = stone.shape
    turn, middle = _find_axes((hull[:, 0] + 0.5 - [width / 2, height / 2]) * [scale, -scale])
    to_axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])

    def place(points: F64) -> F64:
        at: F64 = (points + 0.5 - [width / 2, height / 2]) * [scale, -scale] - middle
        turned: F64 = at @ to_axes.T
        return turned

    rim = place(hull[:, 0].astype(np.float64))
    for loose, most in LOOSE:
        bend = loose * max(BEND * width, 1.0)
        corners = place(cv2.approxPolyDP(hull, bend, True)[:, 0].astype(np.float64))
        sides = _find_sides(corners, rim, scale)
        if sides is not None and 2 <= len(sides) <= most:
            return Outline(turn, (float(middle[0]), float(middle[1])), sides)
    return None


def _find_sides(corners: F64, rim: F64, scale: float) -> tuple[tuple[float, float], ...] | None:
    """Return the sides between corners (C, 2) of a rim (N, 2) that come in pairs or fours, or None if some do not."""
    along = np.roll(corners, -1, axis=0) - corners
    length = np.hypot(*along.T)
    straight = length >= STRAIGHT * length.sum()
    if length[straight].sum() < COVERED * length.sum():
        return None
    found: list[list[tuple[float, float]]] = []
    for step, size in zip(along[straight], length[straight], strict=True):
        outwards = np.abs([step[1], -step[0]]) / size
        azimuth = math.atan2(outwards[1], outwards[0])
        distance = float((np.abs(rim) @ outwards).max()) + scale / 2
        like = [side for side in found if abs(side[0][0] - azimuth) < math.radians(LIKE_DEG)]
        like[0].append((azimuth, distance)) if like else found.append([(azimuth, distance)])
    sides = tuple((float(azimuth), float(distance)) for azimuth, distance in (np.mean(side, axis=0) for side in found))
    return sides if all(len(each) == len(_copies(side[0])) for each, side in zip(found, sides, strict=True)) else None


def _find_axes(rim: F64) -> tuple[float, F64]:
    """Return how far two axes are turned, about which the hull of points (N, 2) is most alike, and where they cross."""
    turn = np.arange(AZIMUTHS) * 2 * math.pi / AZIMUTHS
    outwards = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    extent = (rim @ outwards.T).max(axis=0)
    quarter = AZIMUTHS // 4
    opposite = (extent - np.roll(extent, -2 * quarter)) / 2  # what a shift of the middle makes of the extents
    middle: F64 = 2 * (opposite[:, None] * outwards).mean(axis=0)
    extent = extent - outwards @ middle
    unlike, nearest = [], NEARNESS / quarter * float(extent.mean()) ** 2
    for axis in range(-quarter // 2, quarter // 2):
        mirrored = np.roll(extent[::-1], 2 * axis + 1)
        unlike.append(float(np.mean((extent - mirrored) ** 2)) + nearest * abs(axis))
    return (int(np.argmin(unlike)) - quarter // 2) * 2 * math.pi / AZIMUTHS, middle


def _copies(azimuth: float) -> list[float]:
    """Return the azimuths of a side and of its mirror images."""
    if azimuth < math.radians(LIKE_DEG):
        return [0.0, math.pi]
    if azimuth > math.pi / 2 - math.radians(LIKE_DEG):
        return [math.pi / 2, -math.pi / 2]
    return [azimuth, math.pi - azimuth, math.pi + azimuth, -azimuth]


class Cut:
    """A step cut with the sides of an outline, all of whose planes follow from a few numbers.

    Index, absorbance a stone width, the height of the table, how far the whole is turned and where its middle lies;
    how far off the girdle's sides lie, and how far those that come in fours are turned from the outline's, which is
    that of all tilts together; then row by row, the crown's from the girdle up and the pavilion's from it down,
    slope in degrees and how far off its facets lie, side by side.
    """

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.distance = np.array([distance for _, distance in outline.sides])
        self.turns = [_copies(azimuth) for azimuth, _ in outline.sides]
        sides = len(self.turns)
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

    def planes(self, numbers: F64) -> F64:
        """Return the planes (P, 4): outward normal and distance."""
        turn, right, up = numbers[3:FIXED]
        found = [(0.0, 0.0, 1.0, numbers[2])]

        def add(out: float, rise: float, azimuth: float, distance: float) -> None:
            x, y = out * math.cos(azimuth + turn), out * math.sin(azimuth + turn)
            found.append((x, y, rise, distance + x * right + y * up))

        turns = [list(each) for each in self.turns]
        for s, lean in zip(self.fours, numbers[FIXED + len(turns) :], strict=False):
            turns[s] = _copies(turns[s][0] + lean)
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
            k = self.row.index(j)
            slope, up = math.radians(changed[j]), 1.0 if k < ROWS else -1.0
            for s in range(len(self.turns)):
                out, height = self._middle(numbers, k, s)
                changed[j + 1 + s] = math.sin(slope) * out + up * math.cos(slope) * height
        return changed

    def moved_all(self, numbers: F64, by: F64) -> F64:
        """Return numbers each of which has moved, slopes as by `moved`."""
        plain = by.copy()
        plain[self.row] = 0.0
        changed = numbers
        for j in self.row:
            changed = self.moved(changed, j, float(by[j]))
        return changed + plain

    def _middle(self, numbers: F64, k: int, s: int) -> tuple[float, float]:
        """Return how far out and how high the middle of row k's facet at a side lies."""
        crown, girdle = k < ROWS, float(numbers[FIXED + s])
        rows = range(ROWS) if crown else range(ROWS, 2 * ROWS)
        lines = [(math.radians(numbers[self.row[j]]), float(numbers[self.row[j] + 1 + s])) for j in rows]
        slope, distance = lines[k % ROWS]
        steeper = [line for line in lines if line[0] > slope + ALONG]
        flatter = [line for line in lines if line[0] < slope - ALONG]
        if crown:
            flatter.append((0.0, float(numbers[2])))  # the table; a pavilion ends at a keel, where the way out is none

        def meet(other: tuple[float, float]) -> float:
            """Return how far out the profile's line meets another."""
            out = (distance * math.cos(other[0]) - other[1] * math.cos(slope)) / math.sin(slope - other[0])
            return min(max(out, 0.0), girdle)

        inner = meet(max(flatter)) if flatter else 0.0
        outer = meet(min([*steeper, (math.pi / 2, girdle)]))
        out = (inner + outer) / 2
        return out, (1 if crown else -1) * (distance - math.sin(slope) * out) / math.cos(slope)

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
        self, index: float, absorbance: float, girdle: float, thick: float, scale: float, lean: float,
        rows: list[tuple[F64, F64]],
    ) -> F64:  # fmt: skip
        """Return the numbers of a cut whose rows go once around.

        girdle: the height of its middle. scale: of the outline. lean: of sides that come in fours, radians. rows: of
        crown and pavilion, slopes and how far in.
        """
        distance = self.distance * scale
        numbers = [index, absorbance, 0.0, self.outline.turn_rad, *self.outline.middle, *distance]
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
