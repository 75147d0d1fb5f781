"""What the outline of a stone tells of its cut: a step cut's sides, or that it is round."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F64, Bool

__all__ = ["Outline", "RoundOutline", "find_outline", "side_copies"]

BEND = 1.3 / 256  # of the picture's width: how far an outline may leave a straight side
LOOSE = ((1.0, 4), (1.6, 3), (2.2, 3))  # times as far, and how many sides a quarter of the outline then has at most
STRAIGHT = 0.04  # of the outline's length: sides that are as long
LIKE_DEG = 6.0  # within which sides are each other's mirror image
AZIMUTHS = 1440  # at which an outline's extent is asked
NEARNESS = 1e-3  # how much less alike axes may be that lie nearer to the picture's
ROUND = 0.965  # of its longest extent: the shortest of a round outline; of a regular octagon .92
COVERED = 0.85  # of the outline's length: what straight sides take of it


@dataclass(frozen=True)
class Outline:
    """The sides of an outline that two axes mirror; lengths in stone widths."""

    turn_rad: float  # of the axes, counter-clockwise
    middle: tuple[float, float]  # to the right and up
    sides: tuple[tuple[float, float], ...]  # in the first quadrant: azimuth from the first axis, radians, and distance


@dataclass(frozen=True)
class RoundOutline:
    """The outline of a round stone; lengths in stone widths."""

    middle: tuple[float, float]  # to the right and up
    radius: float


def find_outline(stone: Bool, scale: float) -> Outline | RoundOutline | None:
    """Return the outline of a stone (H, W), `scale` stone widths a texel; None if it is no known cut's.

    A step cut's is a polygon whose sides come in pairs or fours, mirrored about two axes.
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
    extent = (rim @ _outwards().T).max(axis=0) + scale / 2
    if extent.min() >= ROUND * extent.max():
        return RoundOutline((float(middle[0]), float(middle[1])), float(extent.mean()))
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
    whole = all(len(each) == len(side_copies(side[0])) for each, side in zip(found, sides, strict=True))
    return sides if whole else None


def _find_axes(rim: F64) -> tuple[float, F64]:
    """Return how far two axes are turned, about which the hull of points (N, 2) is most alike, and where they cross."""
    outwards = _outwards()
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


def _outwards() -> F64:
    """Return the directions (AZIMUTHS, 2) in which an outline's extent is asked."""
    turn = np.arange(AZIMUTHS) * 2 * math.pi / AZIMUTHS
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def side_copies(azimuth: float) -> list[float]:
    """Return the azimuths of a side and of its mirror images."""
    if azimuth < math.radians(LIKE_DEG):
        return [0.0, math.pi]
    if azimuth > math.pi / 2 - math.radians(LIKE_DEG):
        return [math.pi / 2, -math.pi / 2]
    return [azimuth, math.pi - azimuth, math.pi + azimuth, -azimuth]
