"""A stone that lies still under one light after another, as rays see it: what planes show of each, and by which paths.

The camera stays, so that a ray is followed once for all lights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64, I64, U8, U64
from geodfx.capture.cut_rays import MOST_FACES
from geodfx.capture.cut_view import View
from geodfx.jit import (
    PACKET,
    Packet,
    clamp_packet,
    kernel,
    less_bits,
    pick_less,
    read_packet,
    root,
    run_bands,
    splat_packet,
    write_packet,
)
from geodfx.rays.walks import WALK_ROOM, Leaving, Ray, bounce, enter, find_entry, find_exit, held_way, make_walls

__all__ = ["DISTANT", "DomeScene", "Exits", "list_exits", "list_touched", "show_lights"]

DISTANT = 1000.0  # stone widths: a camera that is as good as infinitely far
LEAST_SHOWN = np.float32(0.02)  # of a ray: what is fainter tells little of the planes
LEAST_LISTED = np.float32(0.002)
NEAR = np.float32(0.02)  # stone widths: a plane so far behind another may come to lie before it
# Faces that a ray meets, of those that list exits: some are reflected by dozens, and leave bright. Where planes settle
# they are not followed so far (`MOST_FACES`): it takes up to half as long again for .1 to .2 dB.
MOST_LISTED = 40
RAYS = 4  # a texel and side, of those that list its exits
MOST_EXITS = 64  # of a texel, by path
LOWEST_Z = np.float32(0.02)  # of an exit: what leaves lower shows the stage


@dataclass(frozen=True)
class DomeScene(View):
    """Where camera and lights stand, seen from a stone that lies still."""

    camera: F64  # (3,) stone widths
    lights: F64  # (L, 3)

    def seen_from(self, nearness: float) -> DomeScene:
        """Return the scene with the camera on the axis at a distance of one over its nearness, or of DISTANT."""
        return replace(self, camera=np.array([0.0, 0.0, 1 / max(nearness, 1 / DISTANT)]))

    def through(self, place: F64) -> F32:
        """Return places (R, 2) packet by packet: right, up, height; the last fills its packet up."""
        filled = place[np.minimum(np.arange(-(-len(place) // PACKET) * PACKET), len(place) - 1)]
        point = np.concatenate([filled, np.full((len(filled), 1), self.height)], axis=1)
        return np.ascontiguousarray(point.reshape(-1, PACKET, 3).transpose(0, 2, 1), np.float32).ravel()


class Exits(NamedTuple):
    """By which paths light leaves T texels, at most K each, the brightest first."""

    number: I64  # (T,) paths of each
    key: U64  # (T, K) an FNV hash of the faces that a path meets
    direction: F32  # (T, K, 3) mean
    weight: F32  # (T, K) of the radiance from there that the texel shows


class _Glass(NamedTuple):
    """A stone, and the camera that looks at it, as kernels take them."""

    walls: F32  # see `make_walls`
    refraction: float  # its index
    absorbance: float  # a stone width
    camera: F64  # (3,)


def show_lights(
    scene: DomeScene, planes: F64, index: float, absorbance: float, place: F64, lights: I64, wider: float = 1.0
) -> F32:
    """Return how much of its radiance a stone within planes (P, 4) shows of lights (M,) at places (R, 2): (R, M).

    absorbance: a stone width. wider: how many times as soft the rims of lights are. One ray each. On one core.
    """
    whole, none = scene.rim(wider)
    slope = 1 / (whole - none)
    through = scene.through(place)
    out = np.zeros((len(through) // 3, len(lights)), np.float32)
    light = (slope * scene.lights[lights]).astype(np.float32).ravel()
    _show(_Glass(make_walls(planes), index, absorbance, scene.camera), through, light, np.float32(slope * none), out)
    return out[: len(place)]


def list_exits(scene: DomeScene, planes: F64, index: float, absorbance: float, place: F64, most: int) -> Exits:
    """Return by which paths light leaves texels at places (T, 2), at most so many; RAYS x RAYS rays a texel."""
    count = len(place)
    exits = Exits(
        np.zeros(count, np.int64), np.zeros((count, most), np.uint64), np.zeros((count, most, 3), np.float32),
        np.zeros((count, most), np.float32),
    )  # fmt: skip
    glass = _Glass(make_walls(planes), index, absorbance, scene.camera)
    offset = scene.grid * ((np.arange(RAYS) + 0.5) / RAYS - 0.5)
    within = np.stack([each.ravel() for each in np.meshgrid(offset, offset)], axis=1)

    def work(first: int, last: int) -> None:
        rays = (place[first:last, None] + within).reshape(-1, 2)
        _list(glass, scene.through(rays), first, last, *exits)

    run_bands(work, count)
    return exits


def list_touched(scene: DomeScene, planes: F64, index: float, place: F64) -> U8:
    """Tell which planes (P,) rays through places (R, 2) meet, or would meet next and not far beyond: (R, P)."""
    through = scene.through(place)
    touched = np.zeros((len(through) // 3, len(planes)), np.uint8)
    _touch(_Glass(make_walls(planes), index, 0.0, scene.camera), through, touched)
    return touched[: len(place)]


@kernel
def _way(camera: F64, through: F32, packet: int) -> tuple[Packet, Packet, Packet, Packet, Packet, Packet]:
    """Return the places of a packet of rays, and their directions from the camera."""
    at = 3 * packet * PACKET
    px, py = read_packet(through, np.uint64(at)), read_packet(through, np.uint64(at + PACKET))
    pz = read_packet(through, np.uint64(at + 2 * PACKET))
    dx, dy = px - splat_packet(np.float32(camera[0])), py - splat_packet(np.float32(camera[1]))
    dz = pz - splat_packet(np.float32(camera[2]))
    size = root(dx * dx + dy * dy + dz * dz)
    return px, py, pz, dx / size, dy / size, dz / size


@kernel
def _end(ray: Ray, least: Packet) -> Ray:
    """Return rays, those ended of which less than so much is left: what one shows does not depend on the others."""
    none = splat_packet(np.float32(0.0))
    return Ray(ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, pick_less(ray.left, least, none, ray.left))


@kernel
def _see(leaving: Leaving, light: F32, offset: np.float32, room: F32) -> None:
    """Add what leaving directions see of each light to the sums in room."""
    for n in range(len(light) // 3):
        j, k = np.uint64(3 * n), np.uint64(WALK_ROOM + n * PACKET)
        seen = clamp_packet(
            leaving.dx * light[j] + leaving.dy * light[j + np.uint64(1)] + leaving.dz * light[j + np.uint64(2)] - offset
        )
        write_packet(room, k, read_packet(room, k) + leaving.weight * seen)


@kernel
def _show(glass: _Glass, through: F32, light: F32, offset: np.float32, out: F32) -> None:
    """Write what rays show of lights into out (R, L)."""
    lights = len(light) // 3
    room, least = np.zeros(WALK_ROOM + lights * PACKET, np.float32), splat_packet(LEAST_SHOWN)
    for packet in range(len(out) // PACKET):
        room[WALK_ROOM:] = 0
        px, py, pz, dx, dy, dz = _way(glass.camera, through, packet)
        leaving, ray = enter(glass.walls, glass.refraction, px, py, pz, dx, dy, dz, room)
        _see(leaving, light, offset, room)
        for _ in range(1, MOST_FACES):
            if less_bits(least, ray.left) == 0:
                break
            leaving, ray = bounce(glass.walls, glass.refraction, glass.absorbance, _end(ray, least), room)
            _see(leaving, light, offset, room)
        for lane in range(PACKET):
            for n in range(lights):
                out[packet * PACKET + lane, n] = room[WALK_ROOM + n * PACKET + lane]


@kernel
def _list(
    glass: _Glass, through: F32, first: int, last: int, number: I64, key: U64, direction: F32, weight: F32
) -> None:
    """Write the exits of texels, first to last, whose rays lie one texel after another: see `Exits`."""
    room, rows = np.zeros(WALK_ROOM, np.float32), np.zeros(5 * PACKET, np.float32)
    code, prime = np.zeros(PACKET, np.uint64), np.uint64(1099511628211)
    least, rays = splat_packet(LEAST_LISTED), RAYS * RAYS
    its_key = np.zeros((PACKET, MOST_EXITS), np.uint64)
    its_sum, count = np.zeros((PACKET, MOST_EXITS, 4), np.float32), np.zeros(PACKET, np.int64)
    for packet in range(len(through) // (3 * PACKET)):
        code[:] = np.uint64(14695981039346656037)
        px, py, pz, dx, dy, dz = _way(glass.camera, through, packet)
        leaving, ray = enter(glass.walls, glass.refraction, px, py, pz, dx, dy, dz, room)
        for step in range(MOST_LISTED):
            if step > 0:
                if less_bits(least, ray.left) == 0:
                    break
                leaving, ray = bounce(glass.walls, glass.refraction, glass.absorbance, _end(ray, least), room)
            write_packet(rows, np.uint64(0), leaving.face)
            write_packet(rows, np.uint64(PACKET), leaving.dx)
            write_packet(rows, np.uint64(2 * PACKET), leaving.dy)
            write_packet(rows, np.uint64(3 * PACKET), leaving.dz)
            write_packet(rows, np.uint64(4 * PACKET), leaving.weight)
            for lane in range(PACKET):
                code[lane] = (code[lane] ^ np.uint64(int(rows[lane]) + 1)) * prime
                t = (packet * PACKET + lane) // rays
                if rows[4 * PACKET + lane] < LEAST_LISTED or rows[3 * PACKET + lane] < LOWEST_Z or t >= last - first:
                    continue
                slot = t % PACKET
                k = 0
                while k < count[slot] and its_key[slot, k] != code[lane]:
                    k += 1
                if k == MOST_EXITS:
                    continue
                if k == count[slot]:
                    count[slot] += 1
                    its_key[slot, k], its_sum[slot, k] = code[lane], 0
                its_sum[slot, k, 3] += rows[4 * PACKET + lane]
                for j in range(3):
                    its_sum[slot, k, j] += rows[4 * PACKET + lane] * rows[(1 + j) * PACKET + lane]
        for t in range(packet * PACKET // rays, ((packet + 1) * PACKET - 1) // rays + 1):
            if (t + 1) * rays <= (packet + 1) * PACKET and t < last - first:
                slot = t % PACKET
                _brightest(
                    its_key[slot], its_sum[slot], count[slot], number, key[first + t], direction[first + t],
                    weight[first + t], first + t,
                )  # fmt: skip
                count[slot] = 0


@kernel
def _brightest(
    its_key: U64, its_sum: F32, count: int, number: I64, key: U64, direction: F32, weight: F32, t: int
) -> None:
    """Write the brightest of a texel's exits, and how many they are."""
    for n in range(min(count, len(key))):
        best = 0
        for k in range(count):
            if its_sum[k, 3] > its_sum[best, 3]:
                best = k
        x, y, z = its_sum[best, 0], its_sum[best, 1], its_sum[best, 2]
        size = np.sqrt(x * x + y * y + z * z)
        key[n], weight[n] = its_key[best], its_sum[best, 3] / np.float32(RAYS * RAYS)
        direction[n, 0], direction[n, 1], direction[n, 2] = x / size, y / size, z / size
        its_sum[best, 3] = 0
        number[t] = n + 1


@kernel
def _touch(glass: _Glass, through: F32, touched: U8) -> None:
    """Mark the planes that rays meet, or nearly."""
    room, rows = np.zeros(WALK_ROOM, np.float32), np.zeros(4 * PACKET, np.float32)
    none, least = splat_packet(np.float32(0.0)), splat_packet(LEAST_SHOWN)
    for packet in range(len(touched) // PACKET):
        px, py, pz, dx, dy, dz = _way(glass.camera, through, packet)
        near, _, met = find_entry(glass.walls, px, py, pz, dx, dy, dz, None)
        other, _, second = find_entry(glass.walls, px, py, pz, dx, dy, dz, met)
        _mark(packet, met, second, near - other, none + 1.0, rows, touched)
        _, ray = enter(glass.walls, glass.refraction, px, py, pz, dx, dy, dz, room)
        for _ in range(1, MOST_FACES):
            if less_bits(least, ray.left) == 0:
                break
            gap, rise, met = find_exit(glass.walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, None)
            its, its_rise, second = find_exit(glass.walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, met)
            beyond = held_way(second, its, its_rise) - held_way(met, gap, rise)
            _mark(packet, met, second, beyond, ray.left - least, rows, touched)
            _, ray = bounce(glass.walls, glass.refraction, glass.absorbance, ray, room)


@kernel
def _mark(packet: int, met: Packet, second: Packet, beyond: Packet, there: Packet, rows: F32, touched: U8) -> None:
    """Mark the planes that rays meet, and those not far beyond, of rays that are there."""
    write_packet(rows, np.uint64(0), met)
    write_packet(rows, np.uint64(PACKET), second)
    write_packet(rows, np.uint64(2 * PACKET), beyond)
    write_packet(rows, np.uint64(3 * PACKET), there)
    for lane in range(PACKET):
        ray = packet * PACKET + lane
        if rows[3 * PACKET + lane] > 0 and rows[lane] >= 0:
            touched[ray, int(rows[lane])] = 1
            if rows[PACKET + lane] >= 0 and rows[2 * PACKET + lane] < NEAR:
                touched[ray, int(rows[PACKET + lane])] = 1
