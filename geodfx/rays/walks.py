"""One camera ray through a convex stone within planes: the faces that it meets, and what leaves at each.

`simulate.hits` has stones with curves and more than one solid; here all planes are asked at once, by lanes.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64
from geodfx.jit import kernel
from geodfx.rays.optics import fresnel, reflect, refract

__all__ = ["MOST_PLANES", "follow", "make_walls", "walk"]

I32 = npt.NDArray[np.int32]

MOST_PLANES = 128  # of a stone: their numbers take the lowest bits of a way's
NUMBER = np.int32(MOST_PLANES - 1)
KEPT = np.int32(~NUMBER)
NOWHERE = np.int32(0x7F800000)  # the bits of an infinite way
ALONG = np.float32(1e-6)  # cosines below this count as none
EDGE = 1e-12


def make_walls(planes: F64) -> F32:
    """Return planes (P, 4), outward unit normal and distance from the origin, as `walk` asks them: (4, P)."""
    if len(planes) > MOST_PLANES:
        raise ValueError(f"a stone of {len(planes)} planes, more than {MOST_PLANES}")
    return np.ascontiguousarray(planes.T.astype(np.float32))


@kernel
def _enter(walls: F32, ways: F32, bits: I32, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> int:
    """Return at which plane a ray from outside enters, or -1; ways (P,): how far off. bits: those of ways."""
    x, y, z = np.float32(ox), np.float32(oy), np.float32(oz)
    u, v, w = np.float32(dx), np.float32(dy), np.float32(dz)
    none, infinite = np.float32(0.0), np.float32(np.inf)
    far = NOWHERE
    for f in range(walls.shape[1]):
        fall = walls[0, f] * u + walls[1, f] * v + walls[2, f] * w
        gap = walls[3, f] - (walls[0, f] * x + walls[1, f] * y + walls[2, f] * z)
        ways[f] = max(gap, none) / fall if fall > ALONG else infinite
    for f in range(walls.shape[1]):
        far = bits[f] if bits[f] < far else far
    for f in range(walls.shape[1]):
        fall = walls[0, f] * u + walls[1, f] * v + walls[2, f] * w
        gap = walls[3, f] - (walls[0, f] * x + walls[1, f] * y + walls[2, f] * z)
        ways[f] = max(gap / fall, none) if fall < -ALONG else none
    near = np.int32(0)
    for f in range(walls.shape[1]):
        code = np.int32(np.int32(bits[f] & KEPT) | np.int32(f))
        near = code if code > near else near
    face = near & NUMBER
    return int(face) if near > NUMBER and bits[face] < far else -1


@kernel
def _leave(walls: F32, ways: F32, bits: I32, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> int:
    """Return at which plane a ray from inside leaves, or -1; ways (P,): how far off. bits: those of ways.

    The bits of floats that are not negative rise as they do, so that the least is found by lanes, with its number.
    """
    px, py, pz = np.float32(x), np.float32(y), np.float32(z)
    u, v, w = np.float32(dx), np.float32(dy), np.float32(dz)
    none, infinite = np.float32(0.0), np.float32(np.inf)
    for f in range(walls.shape[1]):
        rise = walls[0, f] * u + walls[1, f] * v + walls[2, f] * w
        gap = walls[3, f] - (walls[0, f] * px + walls[1, f] * py + walls[2, f] * pz)
        ways[f] = max(gap, none) / rise if rise > ALONG else infinite
    best = NOWHERE
    for f in range(walls.shape[1]):
        code = np.int32(np.int32(bits[f] & KEPT) | np.int32(f))
        best = code if code < best else best
    return int(best & NUMBER) if best < NOWHERE else -1


@kernel
def walk(
    walls: F32, ways: F32, bits: I32, index: float, absorbance: float, least: float,
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, face: I64, leaving: F64, weight: F64,
) -> int:  # fmt: skip
    """Follow a ray from outside until less than `least` of it is left; returns how many faces it meets, 0 if none.

    Written: the faces (K,) at most, in which direction (K, 3) light leaves there, and how much of the ray's, weight
    (K,); the first is the glare of the surface. absorbance: a length of one. walls: see `make_walls`, P planes; ways
    (P,) and bits, the same memory as integers, are room to work in.
    """
    first = _enter(walls, ways, bits, ox, oy, oz, dx, dy, dz)
    if first < 0:
        return 0
    way = float(ways[first])
    x, y, z = ox + way * dx, oy + way * dy, oz + way * dz
    nx, ny, nz = float(walls[0, first]), float(walls[1, first]), float(walls[2, first])
    reflected = fresnel(min(max(-(dx * nx + dy * ny + dz * nz), EDGE), 1.0), index)
    leaving[0, 0], leaving[0, 1], leaving[0, 2] = reflect(dx, dy, dz, nx, ny, nz)
    face[0], weight[0] = first, reflected
    kx, ky, kz = refract(dx, dy, dz, nx, ny, nz, index)
    left, count = 1.0 - reflected, 1
    while count < len(face):
        f = _leave(walls, ways, bits, x, y, z, kx, ky, kz)
        if f < 0:
            break
        way = float(ways[f])
        left *= math.exp(-absorbance * way)
        x, y, z = x + way * kx, y + way * ky, z + way * kz
        nx, ny, nz = float(walls[0, f]), float(walls[1, f]), float(walls[2, f])
        reflected = fresnel(min(max(kx * nx + ky * ny + kz * nz, EDGE), 1.0), 1.0 / index)
        face[count], weight[count] = f, left * (1.0 - reflected)
        if reflected < 1.0:
            leaving[count, 0], leaving[count, 1], leaving[count, 2] = refract(kx, ky, kz, -nx, -ny, -nz, 1.0 / index)
        count += 1
        left *= reflected
        if left < least:
            break
        kx, ky, kz = reflect(kx, ky, kz, nx, ny, nz)
    return count


@kernel
def follow(
    planes: F64, index: float, face: I64, count: int, ox: float, oy: float, oz: float, px: float, py: float,
    pz: float, inside: F64, leaving: F64,
) -> bool:  # fmt: skip
    """Follow the ray from o through p by given faces (count,), as if they had no ends; returns whether there is a way.

    Written: how far inside each of the planes (P, 4) each hit lies, inside (count, P), 1 for the planes that it lies on
    and comes from; and the direction (3,) of what leaves at the last face.
    """
    dx, dy, dz = px - ox, py - oy, pz - oz
    size = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / size, dy / size, dz / size
    x, y, z = ox, oy, oz
    for j in range(count):
        f = face[j]
        nx, ny, nz, distance = planes[f, 0], planes[f, 1], planes[f, 2], planes[f, 3]
        rise = nx * dx + ny * dy + nz * dz
        if (rise >= -EDGE) if j == 0 else (rise <= EDGE):
            return False
        way = (distance - (nx * x + ny * y + nz * z)) / rise
        x, y, z = x + way * dx, y + way * dy, z + way * dz
        for g in range(len(planes)):
            inside[j, g] = planes[g, 3] - (planes[g, 0] * x + planes[g, 1] * y + planes[g, 2] * z)
        inside[j, f] = 1.0
        if j > 0:
            inside[j, face[j - 1]] = 1.0
        if j == 0 and count > 1:
            dx, dy, dz = refract(dx, dy, dz, nx, ny, nz, index)
        elif j > 0 and j == count - 1:
            dx, dy, dz = refract(dx, dy, dz, -nx, -ny, -nz, 1.0 / index)
        else:
            dx, dy, dz = reflect(dx, dy, dz, nx, ny, nz)
    leaving[0], leaving[1], leaving[2] = dx, dy, dz
    return dx != 0.0 or dy != 0.0 or dz != 0.0
