"""Many camera rays at once through a convex stone within planes: the faces that they meet, and what leaves there.

`simulate.hits` has stones with curves and more than one solid; here each plane is asked of a packet of rays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64, I64
from geodfx.jit import PACKET, Packet, kernel, pick_less, read_packet, root, splat_packet, write_packet
from geodfx.rays.optics import bend, reflect, reflected_shares, refract

__all__ = ["WALK_ROOM", "Leaving", "Ray", "bounce", "enter", "follow", "make_walls"]

WALK_ROOM = 4 * PACKET  # floats to work in
ALONG = 1e-6  # cosines below this count as none
EDGE = 1e-6
FAR = 1e30


def make_walls(planes: F64) -> F32:
    """Return planes (P, 4), outward unit normal and distance from the origin, as rays ask them: (4 P,)."""
    return np.ascontiguousarray(planes, np.float32).ravel()


class Ray(NamedTuple):
    """A packet of rays inside a stone."""

    x: Packet
    y: Packet
    z: Packet
    dx: Packet
    dy: Packet
    dz: Packet
    left: Packet  # of their light; 0 where a ray passed the stone by, or got lost


class Leaving(NamedTuple):
    """What leaves a stone where a packet of rays meets its faces."""

    face: Packet  # their numbers; -1 where none was met
    dx: Packet
    dy: Packet
    dz: Packet
    weight: Packet  # of the rays' light


@kernel
def enter(
    walls: F32, ahead: F32, index: float, px: float, py: float, pz: float, dx: Packet, dy: Packet, dz: Packet, room: F32
) -> tuple[Leaving, Ray]:
    """Let rays from outside through a point enter; returns the glare of the surface, and the rays within.

    dx, dy, dz: unit vectors. ahead (P,): how far inside each plane the point lies. walls: see `make_walls`; room
    (WALK_ROOM,).
    """
    none = splat_packet(np.float32(0.0))
    way, face = _enter(walls, ahead, dx, dy, dz)
    nx, ny, nz = _normals(walls, face, room)
    cosine = _held(none - (dx * nx + dy * ny + dz * nz))
    reflected = _reflected(cosine, index)
    whole = pick_less(face, none, none, none + 1.0)
    gx, gy, gz = reflect(dx, dy, dz, nx, ny, nz)
    kx, ky, kz = _refracted(dx, dy, dz, nx, ny, nz, cosine, index)
    within = Ray(way * dx + px, way * dy + py, way * dz + pz, kx, ky, kz, whole * (1.0 - reflected))
    return Leaving(face, gx, gy, gz, whole * reflected), within


@kernel
def bounce(walls: F32, index: float, absorbance: float, ray: Ray, room: F32) -> tuple[Leaving, Ray]:
    """Follow rays to the next faces; returns what leaves there, and what goes on. absorbance: a length of one."""
    none = splat_packet(np.float32(0.0))
    way, face = _leave(walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz)
    nx, ny, nz = _normals(walls, face, room)
    left = pick_less(face, none, none, ray.left * _clear(way * absorbance))
    cosine = _held(ray.dx * nx + ray.dy * ny + ray.dz * nz)
    reflected = _reflected(cosine, 1.0 / index)
    lx, ly, lz = _refracted(ray.dx, ray.dy, ray.dz, -nx, -ny, -nz, cosine, 1.0 / index)
    kx, ky, kz = reflect(ray.dx, ray.dy, ray.dz, nx, ny, nz)
    x, y, z = ray.x + way * ray.dx, ray.y + way * ray.dy, ray.z + way * ray.dz
    return Leaving(face, lx, ly, lz, left * (1.0 - reflected)), Ray(x, y, z, kx, ky, kz, left * reflected)


@kernel
def _enter(walls: F32, ahead: F32, dx: Packet, dy: Packet, dz: Packet) -> tuple[Packet, Packet]:
    """Return how far beyond a point rays enter, and at which plane; -1 where they pass the stone by."""
    none, along = splat_packet(np.float32(0.0)), splat_packet(np.float32(ALONG))
    near, far, face = none - FAR, none + FAR, none - 1.0
    for f in range(len(ahead)):
        at = np.uint64(4) * np.uint64(f)
        rise = dx * walls[at] + dy * walls[at + np.uint64(1)] + dz * walls[at + np.uint64(2)]
        way = ahead[f] / rise
        far = pick_less(along, rise, pick_less(way, far, way, far), far)
        entering = pick_less(rise, none - ALONG, way, none - FAR)
        face = pick_less(near, entering, none + f, face)
        near = pick_less(near, entering, entering, near)
    face = pick_less(near, far, face, none - 1.0)
    return pick_less(face, none, none, near), face


@kernel
def _leave(walls: F32, x: Packet, y: Packet, z: Packet, dx: Packet, dy: Packet, dz: Packet) -> tuple[Packet, Packet]:
    """Return how far rays from inside go, and which plane they leave by, or -1; gap / rise, without dividing."""
    none, along, far = splat_packet(np.float32(0.0)), splat_packet(np.float32(ALONG)), splat_packet(np.float32(FAR))
    gap, rise, face = none + 1.0, none, none - 1.0
    for f in range(len(walls) // 4):
        at = np.uint64(4) * np.uint64(f)
        nx, ny, nz = walls[at], walls[at + np.uint64(1)], walls[at + np.uint64(2)]
        its_rise = dx * nx + dy * ny + dz * nz
        its_gap = walls[at + np.uint64(3)] - (x * nx + y * ny + z * nz)
        its_gap = pick_less(along, its_rise, pick_less(its_gap, none, none, its_gap), far)
        one, other = its_gap * rise, gap * its_rise
        gap, rise = pick_less(one, other, its_gap, gap), pick_less(one, other, its_rise, rise)
        face = pick_less(one, other, none + f, face)
    return pick_less(face, none, none, gap / pick_less(rise, along, along, rise)), face


@kernel
def _normals(walls: F32, face: Packet, room: F32) -> tuple[Packet, Packet, Packet]:
    """Return the normals of a packet of planes; of plane 0 where there is none."""
    write_packet(room, np.uint64(0), face)
    for i in range(PACKET):
        at = np.uint64(4) * np.uint64(max(room[np.uint64(i)], np.float32(0.0)))
        for j in range(3):
            room[np.uint64((1 + j) * PACKET + i)] = walls[at + np.uint64(j)]
    return (
        read_packet(room, np.uint64(PACKET)), read_packet(room, np.uint64(2 * PACKET)),
        read_packet(room, np.uint64(3 * PACKET)),
    )  # fmt: skip


@kernel
def _held(cosine: Packet) -> Packet:
    """Return cosines held within EDGE and 1."""
    least, most = splat_packet(np.float32(EDGE)), splat_packet(np.float32(1.0))
    return pick_less(cosine, least, least, pick_less(most, cosine, most, cosine))


@kernel
def _positive(value: Packet) -> Packet:
    none = splat_packet(np.float32(0.0))
    return pick_less(value, none, none, value)


@kernel
def _reflected(cosine: Packet, eta: float) -> Packet:
    """Return the reflectances for unpolarised light."""
    s, p = reflected_shares(cosine, root(_positive(cosine * cosine + (eta * eta - 1.0))), eta)
    return (s + p) * 0.5


@kernel
def _refracted(
    dx: Packet, dy: Packet, dz: Packet, nx: Packet, ny: Packet, nz: Packet, cosine: Packet, eta: float
) -> tuple[Packet, Packet, Packet]:
    """Return the refracted directions; of no meaning where all is reflected."""
    squared = _positive(1.0 - (1.0 - cosine * cosine) / (eta * eta))
    return bend(dx, dy, dz, nx, ny, nz, cosine / eta - root(squared), eta)


@kernel
def _clear(depth: Packet) -> Packet:
    """Return exp(-depth), within 1e-4 of it: a series for a sixteenth of the depth, squared four times."""
    part = depth * (-1.0 / 16.0)
    share = 1.0 + part * (1.0 + part * (0.5 + part * (1.0 / 6.0 + part * (1.0 / 24.0))))
    for _ in range(4):
        share = share * share
    return share


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
