"""The planes of a round brilliant, from its proportions. Lengths are in stone widths; the girdle's plane is z = 0."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F64

__all__ = ["EIGHTH", "RADIUS", "SIXTEENTH", "brilliant_planes", "shortest_stars", "sloped_plane"]

RADIUS = 0.5
EIGHTH, SIXTEENTH = math.pi / 4, math.pi / 8  # a brilliant has eight mains, and halves between them


def brilliant_planes(
    table: float,
    crown_deg: float,
    pavilion_deg: float,
    lower_halves: float,
    stars: float,
    girdle: float,
    eighths: int = 8,
) -> F64:
    """Return the planes (73, 4) of a round brilliant, outward normal and distance: 57 facets and a girdle of 16.

    table, girdle: of the width. stars: of the way from the table's edge to the girdle; lower_halves: of the way from
    the girdle to the culet; both as seen from above. Angles are the slopes of the mains. First the
    table, then eight times, or as often as `eighths` says: crown main, pavilion main, star, and twice upper half,
    lower half and girdle.
    """
    crown, pavilion = math.tan(math.radians(crown_deg)), math.tan(math.radians(pavilion_deg))
    half = girdle / 2
    corner = table * RADIUS
    top = half + (RADIUS - corner) * crown
    edge = corner * math.cos(SIXTEENTH)
    tip = edge + stars * (RADIUS - edge)
    tip_z = half + (RADIUS - tip * math.cos(SIXTEENTH)) * crown
    low = RADIUS * (1 - lower_halves)
    low_z = -half - (RADIUS - low * math.cos(SIXTEENTH)) * pavilion
    planes = [(0.0, 0.0, 1.0, top)]
    for k in range(eighths):
        at = k * EIGHTH
        planes.append(sloped_plane(at, math.radians(crown_deg), RADIUS, half))
        planes.append(sloped_plane(at, -math.radians(pavilion_deg), RADIUS, -half))
        tip_at = _at(at + SIXTEENTH, tip, tip_z)
        planes.append(_through(_at(at, corner, top), _at(at + EIGHTH, corner, top), tip_at))
        for side in (SIXTEENTH, -SIXTEENTH):
            here, there = _at(at, RADIUS, half), _at(at + side, RADIUS, half)
            planes.append(_through(here, there, _at(at + side, tip, tip_z)))
            here, there = _at(at, RADIUS, -half), _at(at + side, RADIUS, -half)
            planes.append(_through(here, there, _at(at + side, low, low_z)))
            planes.append(sloped_plane(at + side / 2, math.pi / 2, RADIUS * math.cos(SIXTEENTH / 2), 0.0))
    return np.array(planes)


def shortest_stars(table: float) -> float:
    """Return the least `stars` of a brilliant: below it two mains would still stand above the table where they meet.

    Their edge falls to the table's height at the radius corner / cos(22.5 degrees).
    """
    edge = table * math.cos(SIXTEENTH)
    return (table / math.cos(SIXTEENTH) - edge) / (1 - edge)


def _at(azimuth: float, radius: float, z: float) -> F64:
    """Return a point in cylindrical coordinates, azimuth from +x."""
    return np.array([radius * math.cos(azimuth), radius * math.sin(azimuth), z])


def sloped_plane(azimuth: float, slope: float, radius: float, z: float) -> tuple[float, float, float, float]:
    """Return the plane that slopes down outwards (up, for a slope below 0) through a point."""
    rim, up = math.sin(abs(slope)), math.copysign(math.cos(slope), slope)
    normal = np.array([rim * math.cos(azimuth), rim * math.sin(azimuth), up])
    return (*normal.tolist(), float(normal @ _at(azimuth, radius, z)))


def _through(a: F64, b: F64, c: F64) -> tuple[float, float, float, float]:
    """Return the plane through three points that has the origin inside."""
    normal = np.cross(b - a, c - a)
    normal /= np.linalg.norm(normal)
    distance = float(normal @ a)
    sign = 1.0 if distance > 0 else -1.0
    return (*(sign * normal).tolist(), sign * distance)
