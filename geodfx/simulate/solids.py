"""The convex stones: planes from a cut's proportions, or from a seed for what grew.

Lengths are in stone widths. Planes are built about the girdle plane, z = 0, and centred afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from geodfx.arrays import F64
from geodfx.simulate.polyhedron import Polyhedron, close_planes

__all__ = ["brilliant_cut", "crystal_point", "shortest_stars", "step_cut"]

RADIUS = 0.5
EIGHTH, SIXTEENTH = math.pi / 4, math.pi / 8  # a brilliant has eight mains, and halves between them
QUARTZ_R_DEG = 51.79  # slope of quartz's rhombohedral faces from the plane across its axis


def brilliant_cut(
    table: float, crown_deg: float, pavilion_deg: float, lower_halves: float, stars: float, girdle: float
) -> Polyhedron:
    """Return a round brilliant of 57 facets and a girdle of 16.

    table, girdle: of the width. stars: of the way from the table's edge to the girdle; lower_halves: of the way from
    the girdle to the culet; both as seen from above. Angles are the slopes of the mains.
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
    for k in range(8):
        at = k * EIGHTH
        planes.append(_sloped(at, math.radians(crown_deg), RADIUS, half))
        planes.append(_sloped(at, -math.radians(pavilion_deg), RADIUS, -half))
        tip_at = _at(at + SIXTEENTH, tip, tip_z)
        planes.append(_through(_at(at, corner, top), _at(at + EIGHTH, corner, top), tip_at))
        for side in (SIXTEENTH, -SIXTEENTH):
            here, there = _at(at, RADIUS, half), _at(at + side, RADIUS, half)
            planes.append(_through(here, there, _at(at + side, tip, tip_z)))
            here, there = _at(at, RADIUS, -half), _at(at + side, RADIUS, -half)
            planes.append(_through(here, there, _at(at + side, low, low_z)))
            planes.append(_sloped(at + side / 2, math.pi / 2, RADIUS * math.cos(SIXTEENTH / 2), 0.0))
    return close_planes(np.array(planes), "brilliant")


def shortest_stars(table: float) -> float:
    """Return the least `stars` of a brilliant: below it two mains would still stand above the table where they meet.

    Their edge falls to the table's height at the radius corner / cos(22.5 degrees).
    """
    edge = table * math.cos(SIXTEENTH)
    return (table / math.cos(SIXTEENTH) - edge) / (1 - edge)


def step_cut(
    ratio: float, corner: float, table: float, crown_deg: Iterable[float], pavilion_deg: Iterable[float], girdle: float
) -> Polyhedron:
    """Return an emerald cut: rows of facets along four sides and four cut corners.

    ratio: length to width, 1 or more. corner: share of the width that each corner cuts off. table: of the width.
    Angles: slopes of the rows, from the girdle outwards; crown rows share the way to the table evenly, pavilion rows
    that to the keel.
    """
    width, length = 0.5 / ratio, 0.5  # half sides; the length lies along y
    cut = 2 * corner * width
    diagonal = (width + length - cut) / math.sqrt(2)
    sides = [(0.0, width), (math.pi / 2, length), (math.pi, width), (-math.pi / 2, length)]
    sides += [(math.pi / 4 + k * math.pi / 2, diagonal) for k in range(4)]
    planes = [_sloped(at, math.pi / 2, reach, 0.0) for at, reach in sides]
    for angles, up, inset in ((list(crown_deg), 1, (1 - table) * width), (list(pavilion_deg), -1, width)):
        z, gone = up * girdle / 2, 0.0
        for angle in angles:
            slope = math.radians(angle)
            planes += [_sloped(at, up * slope, reach - gone, z) for at, reach in sides]
            gone += inset / len(angles)
            z += up * inset / len(angles) * math.tan(slope)
        if up > 0:
            planes.append((0.0, 0.0, 1.0, z))
    return close_planes(np.array(planes), "step")


def crystal_point(
    length: float, unevenness: float, rng: np.random.Generator, *, scale: float | None = None
) -> Polyhedron:
    """Return a quartz point along +y: a six-sided prism, six slopes that meet unevenly, and a broken end.

    length: of the prism, in its widths. unevenness: 0 for an ideal crystal; the spread of the faces' distances, as a
    share. It lies on one of its prism's faces, another to the camera.
    """
    reach = RADIUS * (1 + unevenness * rng.uniform(-1, 1, 6))
    slope = math.radians(QUARTZ_R_DEG)
    sink = RADIUS * math.cos(math.pi / 2 - slope) * (1 + unevenness * rng.uniform(-1, 0.6, 6))
    planes = []
    for k in range(6):
        at = (k + 0.5) * math.pi / 3
        planes.append((math.cos(at), 0.0, math.sin(at), float(reach[k])))
        rim, up = math.sin(slope), math.cos(slope)
        planes.append((rim * math.cos(at), up, rim * math.sin(at), float(sink[k])))
    lean = rng.uniform(-0.25, 0.25, 2) * min(1.0, 4 * unevenness)
    broken = np.array([lean[0], -1.0, lean[1]])
    broken /= np.linalg.norm(broken)
    planes.append((*broken.tolist(), 2 * RADIUS * length))
    return close_planes(np.array(planes), "point", scale=scale)


def _at(azimuth: float, radius: float, z: float) -> F64:
    """Return a point in cylindrical coordinates, azimuth from +x."""
    return np.array([radius * math.cos(azimuth), radius * math.sin(azimuth), z])


def _sloped(azimuth: float, slope: float, radius: float, z: float) -> tuple[float, float, float, float]:
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
