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

__all__ = [
    "ALONG",
    "FAR",
    "WALK_ROOM",
    "Leaving",
    "Ray",
    "ask_entry",
    "ask_exit",
    "ask_planes",
    "bounce",
    "bounce_at",
    "enter",
    "enter_at",
    "find_entry",
    "find_exit",
    "follow",
    "go_on",
    "held_way",
    "leave_by",
    "make_walls",
    "meet_face",
]

WALK_ROOM = 4 * PACKET  # floats to work in
ALONG = 1e-6  # cosines below this count as none
EDGE = 1e-6
ROUNDED = 1e-9  # a length: hits lie so far beside their planes, or less
FAR = 1e30  # a way that none goes


def make_walls(planes: F64) -> F32:
    """Return planes (P, 4), outward unit normal and distance from the origin, as rays ask them: (4 P,)."""
    return np.ascontiguousarray(planes, np.float32).ravel()


Plane = Packet | float  # a number of a plane, or of a plane for each ray


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
    walls: F32, index: float, px: Packet, py: Packet, pz: Packet, dx: Packet, dy: Packet, dz: Packet, room: F32
) -> tuple[Leaving, Ray]:
    """Let rays from outside through points enter; returns the glare of the surface, and the rays within.

    dx, dy, dz: unit vectors. walls: see `make_walls`; room (WALK_ROOM,).
    """
    near, far, face = find_entry(walls, px, py, pz, dx, dy, dz, None)
    none = splat_packet(np.float32(0.0))
    face = pick_less(near, far, face, none - 1.0)
    nx, ny, nz = _normals(walls, face, room)
    return enter_at(nx, ny, nz, face, pick_less(face, none, none, near), index, px, py, pz, dx, dy, dz)


@kernel
def enter_at(
    nx: Packet, ny: Packet, nz: Packet, face: Packet, way: Packet, index: float, px: Packet, py: Packet, pz: Packet,
    dx: Packet, dy: Packet, dz: Packet,
) -> tuple[Leaving, Ray]:  # fmt: skip
    """Let rays enter at faces, so far beyond a point; -1 where they pass the stone by."""
    none = splat_packet(np.float32(0.0))
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
    gap, rise, face = find_exit(walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, None)
    nx, ny, nz = _normals(walls, face, room)
    return bounce_at(nx, ny, nz, face, held_way(face, gap, rise), index, absorbance, ray)


@kernel
def bounce_at(
    nx: Packet, ny: Packet, nz: Packet, face: Packet, way: Packet, index: float, absorbance: float, ray: Ray
) -> tuple[Leaving, Ray]:  # fmt: skip
    """Follow rays to faces, so far away; -1 where there is none."""
    cosine, left, reflected = meet_face(nx, ny, nz, face, way, index, absorbance, ray)
    lx, ly, lz = leave_by(nx, ny, nz, cosine, index, ray)
    on = go_on(nx, ny, nz, way, left * reflected, ray)
    return Leaving(face, lx, ly, lz, left * (1.0 - reflected)), on


@kernel
def meet_face(
    nx: Packet, ny: Packet, nz: Packet, face: Packet, way: Packet, index: float, absorbance: float, ray: Ray
) -> tuple[Packet, Packet, Packet]:
    """Return the cosines to the normals of faces, so far away, how much light is left there, and the reflectances."""
    none = splat_packet(np.float32(0.0))
    left = pick_less(face, none, none, ray.left * _clear(way * absorbance))
    cosine = _held(ray.dx * nx + ray.dy * ny + ray.dz * nz)
    return cosine, left, _reflected(cosine, 1.0 / index)


@kernel
def leave_by(
    nx: Packet, ny: Packet, nz: Packet, cosine: Packet, index: float, ray: Ray
) -> tuple[Packet, Packet, Packet]:
    """Return the directions of what leaves by faces."""
    return _refracted(ray.dx, ray.dy, ray.dz, -nx, -ny, -nz, cosine, 1.0 / index)


@kernel
def go_on(nx: Packet, ny: Packet, nz: Packet, way: Packet, left: Packet, ray: Ray) -> Ray:
    """Return the rays that faces, so far away, reflect within."""
    kx, ky, kz = reflect(ray.dx, ray.dy, ray.dz, nx, ny, nz)
    return Ray(ray.x + way * ray.dx, ray.y + way * ray.dy, ray.z + way * ray.dz, kx, ky, kz, left)


@kernel
def find_entry(
    walls: F32, px: Packet, py: Packet, pz: Packet, dx: Packet, dy: Packet, dz: Packet, but: Packet | None
) -> tuple[Packet, Packet, Packet]:
    """Return how far beyond points rays enter and leave again, and the plane where they enter.

    They pass the stone by where they would leave first. but: planes where they are not to enter.
    """
    none, along = splat_packet(np.float32(0.0)), splat_packet(np.float32(ALONG))
    near, far, face = none - FAR, none + FAR, none - 1.0
    for f in range(len(walls) // 4):
        at = np.uint64(4) * np.uint64(f)
        nx, ny, nz = walls[at], walls[at + np.uint64(1)], walls[at + np.uint64(2)]
        way, rise = ask_entry(nx, ny, nz, walls[at + np.uint64(3)], px, py, pz, dx, dy, dz)
        far = pick_less(along, rise, pick_less(way, far, way, far), far)
        entering = pick_less(rise, none - ALONG, way, none - FAR)
        if but is not None:
            off = but - f
            entering = pick_less(off * off, none + 0.5, none - FAR, entering)
        face = pick_less(near, entering, none + f, face)
        near = pick_less(near, entering, entering, near)
    return near, far, face


@kernel
def find_exit(
    walls: F32, x: Packet, y: Packet, z: Packet, dx: Packet, dy: Packet, dz: Packet, but: Packet | None
) -> tuple[Packet, Packet, Packet]:
    """Return how far rays from inside are from the plane that they leave by, how fast they near it, and which it is.

    -1 where there is none. but: planes by which they are not to leave. See `held_way`.
    """
    none, far = splat_packet(np.float32(0.0)), splat_packet(np.float32(FAR))
    gap, rise, face = none + 1.0, none, none - 1.0
    for f in range(len(walls) // 4):
        at = np.uint64(4) * np.uint64(f)
        nx, ny, nz = walls[at], walls[at + np.uint64(1)], walls[at + np.uint64(2)]
        its_gap, its_rise = ask_exit(nx, ny, nz, walls[at + np.uint64(3)], x, y, z, dx, dy, dz)
        if but is not None:
            off = but - f
            its_gap = pick_less(off * off, none + 0.5, far, its_gap)
        one, other = its_gap * rise, gap * its_rise
        gap, rise = pick_less(one, other, its_gap, gap), pick_less(one, other, its_rise, rise)
        face = pick_less(one, other, none + f, face)
    return gap, rise, face


@kernel
def ask_entry(
    nx: Plane, ny: Plane, nz: Plane, distance: Plane, px: Packet, py: Packet, pz: Packet, dx: Packet, dy: Packet,
    dz: Packet,
) -> tuple[Packet, Packet]:  # fmt: skip
    """Return how far beyond points rays meet a plane, or one each, and how fast they leave what is within it."""
    rise = dx * nx + dy * ny + dz * nz
    return (distance - (px * nx + py * ny + pz * nz)) / rise, rise


@kernel
def ask_exit(
    nx: Plane, ny: Plane, nz: Plane, distance: Plane, x: Packet, y: Packet, z: Packet, dx: Packet, dy: Packet,
    dz: Packet,
) -> tuple[Packet, Packet]:  # fmt: skip
    """Return how far rays from inside are from a plane, or one each, and how fast they near it; FAR if they do not."""
    none, along, far = splat_packet(np.float32(0.0)), splat_packet(np.float32(ALONG)), splat_packet(np.float32(FAR))
    rise = dx * nx + dy * ny + dz * nz
    gap = distance - (x * nx + y * ny + z * nz)
    return pick_less(along, rise, pick_less(gap, none, none, gap), far), rise


@kernel
def held_way(face: Packet, gap: Packet, rise: Packet) -> Packet:
    """Return how far away planes are: gap / rise, or 0 where there is none."""
    none, along = splat_packet(np.float32(0.0)), splat_packet(np.float32(ALONG))
    return pick_less(face, none, none, gap / pick_less(rise, along, along, rise))


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
    pz: float, hit: F64, leaving: F64,
) -> bool:  # fmt: skip
    """Follow the ray from o through p by given faces (count,), as if they had no ends; returns whether there is a way.

    Written: where it meets them, hit (count, 3), and the direction (3,) of what leaves at the last. planes: (P, 4).
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
        hit[j, 0], hit[j, 1], hit[j, 2] = x, y, z
        if j == 0 and count > 1:
            dx, dy, dz = refract(dx, dy, dz, nx, ny, nz, index)
        elif j > 0 and j == count - 1:
            dx, dy, dz = refract(dx, dy, dz, -nx, -ny, -nz, 1.0 / index)
        else:
            dx, dy, dz = reflect(dx, dy, dz, nx, ny, nz)
    leaving[0], leaving[1], leaving[2] = dx, dy, dz
    return dx != 0.0 or dy != 0.0 or dz != 0.0


@kernel
def ask_planes(planes: F64, face: I64, count: int, hit: F64, inside: F64) -> bool:
    """Write how far inside of planes (P, 4) hits (count, 3) lie into inside (count, P); returns whether all do.

    1 for the planes of faces (count,) that each lies on and comes from. Planes are asked faster column by column.
    """
    outside = 0
    for j in range(count):
        x, y, z = hit[j, 0], hit[j, 1], hit[j, 2]
        for g in range(len(planes)):
            gap = planes[g, 3] - (planes[g, 0] * x + planes[g, 1] * y + planes[g, 2] * z)
            inside[j, g] = gap
            outside += gap < -ROUNDED
        inside[j, face[j]] = 1.0
        if j > 0:
            inside[j, face[j - 1]] = 1.0
    return outside == 0
