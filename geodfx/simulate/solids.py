"""The convex stones: planes from a cut's proportions, or from a seed for what grew.

Lengths are in stone widths. Planes are built about the girdle plane, z = 0, and centred afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from geodfx.rays.brilliant import RADIUS, brilliant_planes, sloped_plane
from geodfx.simulate.polyhedron import Polyhedron, close_planes

__all__ = ["brilliant_cut", "crystal_point", "step_cut"]

QUARTZ_R_DEG = 51.79  # slope of quartz's rhombohedral faces from the plane across its axis


def brilliant_cut(
    table: float, crown_deg: float, pavilion_deg: float, lower_halves: float, stars: float, girdle: float
) -> Polyhedron:
    """Return a round brilliant, see `brilliant_planes`."""
    return close_planes(brilliant_planes(table, crown_deg, pavilion_deg, lower_halves, stars, girdle), "brilliant")


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
    planes = [sloped_plane(at, math.pi / 2, reach, 0.0) for at, reach in sides]
    for angles, up, inset in ((list(crown_deg), 1, (1 - table) * width), (list(pavilion_deg), -1, width)):
        z, gone = up * girdle / 2, 0.0
        for angle in angles:
            slope = math.radians(angle)
            planes += [sloped_plane(at, up * slope, reach - gone, z) for at, reach in sides]
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
