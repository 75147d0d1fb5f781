"""Where a ray meets convex solids: half-spaces, and one ellipsoid for what is curved."""

from __future__ import annotations

import math
from typing import NamedTuple

from geodfx.arrays import F64, I64, U8
from geodfx.jit import kernel

__all__ = ["CURVED_FACE", "EDGE", "Solids", "cross_curve", "enter_solids", "leave_solid", "leaves_at", "normal_at"]

CURVED_FACE = 1 << 20  # number of the curved surface among the faces
EDGE = 1e-12  # cosines and lengths below this count as none


class Solids(NamedTuple):
    """One or more convex stones, stone frame; S solids with F planes together."""

    plane: F64  # (4, F) outward unit normal and distance from the origin, one coordinate a row
    first: I64  # (S + 1,) each solid's planes
    bound: F64  # (S, 4) centre and radius of a sphere around each
    beside: I64  # (N,) the faces that touch each face
    beside_first: I64  # (F + 1,) each face's part of it; nothing where they are not known
    opaque: U8  # (F,) 1: a face that takes in all light, a crystal's root
    curve: F64  # (7,) an ellipsoid that also bounds solid 0: centre, 1 / semi-axis^2, 1 if it is there or 0
    slope: float  # rms slope of the polish; 0: mirror
    root: F64  # (3,) colour of opaque faces


@kernel
def enter_solids(
    solids: Solids, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[float, int, int]:
    """Return (way, solid, face) of the first surface on a ray from outside; the solid is -1 if it meets none."""
    best, best_solid, best_face = math.inf, -1, -1
    for s in range(len(solids.first) - 1):
        cx, cy, cz = solids.bound[s, 0] - ox, solids.bound[s, 1] - oy, solids.bound[s, 2] - oz
        along = cx * dx + cy * dy + cz * dz
        if cx * cx + cy * cy + cz * cz - along * along > solids.bound[s, 3] * solids.bound[s, 3]:
            continue
        near, far, face = -math.inf, math.inf, -1
        for f in range(solids.first[s], solids.first[s + 1]):
            a, b, c = solids.plane[0, f], solids.plane[1, f], solids.plane[2, f]
            fall = a * dx + b * dy + c * dz
            gap = solids.plane[3, f] - (a * ox + b * oy + c * oz)
            if abs(fall) < EDGE:
                if gap < 0.0:
                    far = -math.inf
            elif fall < 0.0:
                if gap / fall > near:
                    near, face = gap / fall, f
            else:
                far = min(far, gap / fall)
        if s == 0 and solids.curve[6] > 0.0:
            curve_near, curve_far = cross_curve(solids.curve, ox, oy, oz, dx, dy, dz)
            if curve_near > near:
                near, face = curve_near, CURVED_FACE
            far = min(far, curve_far)
        if near < far - EDGE and 0.0 < near < best:
            best, best_solid, best_face = near, s, face
    return best, best_solid, best_face


@kernel
def cross_curve(curve: F64, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Return where a ray enters and leaves the ellipsoid; (inf, -inf) if it misses."""
    x, y, z = ox - curve[0], oy - curve[1], oz - curve[2]
    a = dx * dx * curve[3] + dy * dy * curve[4] + dz * dz * curve[5]
    half = dx * x * curve[3] + dy * y * curve[4] + dz * z * curve[5]
    c = x * x * curve[3] + y * y * curve[4] + z * z * curve[5] - 1.0
    squared = half * half - a * c
    if squared <= 0.0:
        return math.inf, -math.inf
    root = math.sqrt(squared)
    return (-half - root) / a, (-half + root) / a


@kernel
def leave_solid(
    plane: F64,
    curve: F64,
    scratch: F64,
    first: int,
    last: int,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, int]:
    """Return (way, face) from inside the solid of faces first to last to its border; `curve` bounds the first solid.

    Arrays and not tuples of arrays: a call that is not inlined copies each of their fields, which costs more than it.
    """
    a, b, c = plane[0, first:last], plane[1, first:last], plane[2, first:last]
    distance, ways = plane[3, first:last], scratch[: last - first]
    for f in range(len(a)):  # no branch in here, so that the compiler takes several planes at a time
        rise = a[f] * dx + b[f] * dy + c[f] * dz
        gap = distance[f] - (a[f] * x + b[f] * y + c[f] * z)
        ways[f] = gap / rise if rise > EDGE else math.inf
    best, face = math.inf, -1
    for f in range(len(ways)):
        if ways[f] < best:
            best, face = ways[f], first + f
    if first == 0 and curve[6] > 0.0:
        _, way = cross_curve(curve, x, y, z, dx, dy, dz)
        if way < best:
            best, face = max(way, 0.0), CURVED_FACE
    return max(best, 0.0), face


@kernel
def leaves_at(solids: Solids, face: int, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> float:
    """Return the way to a face if the ray leaves there, else -1: the point must lie inside all faces that touch it."""
    rise = solids.plane[0, face] * dx + solids.plane[1, face] * dy + solids.plane[2, face] * dz
    first, last = solids.beside_first[face], solids.beside_first[face + 1]
    if rise <= EDGE or first == last:
        return -1.0
    gap = solids.plane[0, face] * x + solids.plane[1, face] * y + solids.plane[2, face] * z
    way: float = (solids.plane[3, face] - gap) / rise
    x, y, z = x + way * dx, y + way * dy, z + way * dz
    for k in range(first, last):
        f = solids.beside[k]
        if solids.plane[0, f] * x + solids.plane[1, f] * y + solids.plane[2, f] * z > solids.plane[3, f]:
            return -1.0
    return max(way, 0.0)


@kernel
def normal_at(solids: Solids, face: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the outward unit normal of a face at a point."""
    if face != CURVED_FACE:
        return solids.plane[0, face], solids.plane[1, face], solids.plane[2, face]
    a = (x - solids.curve[0]) * solids.curve[3]
    b = (y - solids.curve[1]) * solids.curve[4]
    c = (z - solids.curve[2]) * solids.curve[5]
    size = math.sqrt(a * a + b * b + c * c)
    return a / size, b / size, c / size
