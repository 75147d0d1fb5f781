"""Rays that are followed by the faces that they met before: what small moves of a cut's planes change, for less.

A search asks what each number of a cut changes by a small step. Most rays then meet the same faces again. So of each
face is asked only whether the one that was the next nearest comes first now, instead of all planes; rays of which it
does are followed from there on by all planes; and rays whose faces do not move are not followed at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64, Bool
from geodfx.capture.cut_rays import (
    FACE_AT,
    LEAST_SHOWN,
    LEFT_AT,
    MOST_FACES,
    TOTAL_AT,
    TURN_AT,
    WAITING,
    Looks,
    Tilts,
    follow_waiting,
    make_looks,
    make_room,
    put_ray,
    row_at,
    see_lights,
    take_ray,
    wait,
)
from geodfx.capture.cut_view import Scene
from geodfx.jit import PACKET, Packet, kernel, less_bits, pick_less, read_packet, run_bands, splat_packet, write_packet
from geodfx.rays.walks import (
    ALONG,
    FAR,
    Leaving,
    ask_entry,
    ask_exit,
    bounce,
    enter,
    enter_at,
    find_entry,
    find_exit,
    go_on,
    held_way,
    leave_by,
    make_walls,
    meet_face,
)

__all__ = ["Rays", "Shown", "list_rays", "show_each"]

I16 = npt.NDArray[np.int16]

NUMBERS = 9  # of a ray before it enters: place to the right and up, direction, cosine and sine of pitch and of roll
RIM = 0.02  # stone widths of glass, or lack of it: nearer rays may come to meet the stone, or no longer
LONGEST = 5.0  # stone widths: a ray that goes further to either plane meets a third
CODED = 10  # faces of a path, by which those alike are brought together
WAIT = 256  # rays of a cut that leave their paths wait together
PLANE = 5  # numbers of a plane that a ray asks: normal, distance, and which it is
ASKED = 2 * PLANE  # of both that it asks at a face


class Rays(NamedTuple):
    """R rays from the cameras of M tilts through T places, place by place."""

    number: F32  # (NUMBERS, R)
    tilts: I64  # (M,)
    places: int  # T


class _Paths(NamedTuple):
    """K packets of rays, those of like paths together."""

    number: F32  # (K * NUMBERS * PACKET,)
    slot: I64  # (R,) where each ray is among them; K * PACKET: it meets no face
    face: I16  # (K, MOST_FACES, 2, PACKET) that each meets, and that it would without that; -1 beyond its last
    steps: I64  # (K,) the most faces of any; 0: of the rim, which are followed anew


class _Cuts(NamedTuple):
    """E cuts, of which the first is that whose paths are known and the others differ little."""

    walls: F32  # (E, 4 P), see `make_walls`
    refraction: F64  # (E,) indices
    absorbance: F64  # (E,)
    start: I64  # (E + 1,)
    moved: I64  # (...) planes that are not the first cut's, cut by cut


def list_rays(scene: Scene, place: F64, tilts: I64) -> Rays:
    """Return the rays through places (T, 2) at tilts (M,)."""
    point = np.concatenate([place, np.full((len(place), 1), scene.height)], axis=1)
    way = point[:, None] - scene.camera[tilts]
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    pitch, roll = scene.tilt_rad[tilts].T
    turn = [np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)]
    numbers = [*place.T[..., None], *way.transpose(2, 0, 1), *turn]
    every = np.stack([np.broadcast_to(each, way.shape[:2]).ravel() for each in numbers])
    return Rays(every.astype(np.float32), tilts, len(place))


@dataclass(frozen=True)
class Shown:
    """What rays show of each of some cuts."""

    light: F32  # (E, K + 1, PACKET) packet by packet, and none
    slot: I64  # (T, M) where each ray's is

    def of(self, e: int) -> F32:
        """Return what they show (T, M) of one, see `show_planes`."""
        shown: F32 = self.light[e].ravel()[self.slot]
        return shown


def show_each(scene: Scene, cuts: Sequence[tuple[F64, float, float]], rays: Rays, wider: float) -> Shown:
    """Return what rays show of cuts that differ little from the first.

    cuts: planes (P, 4), index and absorbance, see `show_planes`, as is `wider`.
    """
    moved = [np.flatnonzero((planes != cuts[0][0]).any(axis=1)) for planes, _, _ in cuts]
    listed = _Cuts(
        np.stack([make_walls(planes) for planes, _, _ in cuts]), np.array([index for _, index, _ in cuts]),
        np.array([absorbance for _, _, absorbance in cuts]), np.cumsum([0, *(len(its) for its in moved)]),
        np.concatenate(moved),
    )  # fmt: skip
    paths, looked = _note_paths(scene, listed, rays), scene.tilts(rays.tilts, wider)
    light = np.zeros((len(cuts), len(paths.steps) + 1, PACKET), np.float32)
    run_bands(
        lambda begin, end: _retrace(listed, looked, scene.height, paths, begin, end, light, make_looks(0)),
        len(paths.steps),
    )
    return Shown(light, paths.slot.reshape(rays.places, len(rays.tilts)))


def _note_paths(scene: Scene, cuts: _Cuts, rays: Rays) -> _Paths:
    """Return the paths of rays through the first of cuts."""
    count = rays.number.shape[1]
    packets = -(-count // PACKET)
    natural = _in_packets(rays.number, np.minimum(np.arange(packets * PACKET), count - 1))
    face, rim = np.full((packets, MOST_FACES, 2, PACKET), -1, np.int16), np.zeros((packets, PACKET), np.bool_)
    walls, index, absorbance = cuts.walls[0], float(cuts.refraction[0]), float(cuts.absorbance[0])
    run_bands(lambda begin, end: _note(walls, index, absorbance, scene.height, natural, begin, end, face, rim), packets)
    its, at_rim = face.transpose(0, 3, 1, 2).reshape(-1, MOST_FACES, 2)[:count], rim.ravel()[:count]
    code = np.zeros(count, np.uint64)
    for k in range(CODED):
        code = code << np.uint64(6) | ((its[:, k, 0] + 1) & 63).astype(np.uint64)
    on = np.flatnonzero(~at_rim & (its[:, 0, 0] >= 0))
    parts = np.flatnonzero(at_rim), on[np.argsort(code[on], kind="stable")]
    ray = np.concatenate([np.concatenate([part, np.full(-len(part) % PACKET, -1)]) for part in parts])
    its = its[ray]
    its[ray < 0] = -1
    its[: -(-len(parts[0]) // PACKET) * PACKET] = -1
    steps = (its[:, :, 0] >= 0).sum(axis=1).reshape(-1, PACKET).max(axis=1, initial=0)
    its = np.ascontiguousarray(its.reshape(-1, PACKET, MOST_FACES, 2).transpose(0, 2, 3, 1))
    slot = np.full(count + 1, len(ray))
    slot[ray] = np.arange(len(ray))  # the last, -1, is of none
    return _Paths(_in_packets(rays.number, ray), slot[:-1], its, steps)


def _in_packets(number: F32, which: I64) -> F32:
    """Return the numbers (NUMBERS, R) of some rays as packets have them."""
    return np.ascontiguousarray(number[:, which].reshape(NUMBERS, -1, PACKET).transpose(1, 0, 2)).ravel()


@kernel
def _read_ray(number: F32, k: int, height: float) -> tuple[Packet, Packet, Packet, Packet, Packet, Packet]:
    """Return a packet's places and directions."""
    at = k * NUMBERS * PACKET
    return (
        read_packet(number, row_at(at, 0)), read_packet(number, row_at(at, 1)), splat_packet(np.float32(height)),
        read_packet(number, row_at(at, 2)), read_packet(number, row_at(at, 3)), read_packet(number, row_at(at, 4)),
    )  # fmt: skip


@kernel
def _note(
    walls: F32, index: float, absorbance: float, height: float, number: F32, first: int, last: int, face: I16, rim: Bool
) -> None:
    """Write which faces rays meet and would meet without these, packet by packet, and which rays are of the rim."""
    room, slack = make_room(0), np.empty(PACKET, np.float32)
    none, least = splat_packet(np.float32(0.0)), splat_packet(np.float32(LEAST_SHOWN))
    for k in range(first, last):
        px, py, pz, dx, dy, dz = _read_ray(number, k, height)
        near, far, met = find_entry(walls, px, py, pz, dx, dy, dz, None)
        _, _, second = find_entry(walls, px, py, pz, dx, dy, dz, met)
        write_packet(slack, np.uint64(0), far - near)
        for lane in range(PACKET):
            rim[k, lane] = abs(slack[lane]) < RIM
        _write_faces(pick_less(near, far, met, none - 1.0), second, room, face[k, 0])
        _, ray = enter(walls, index, px, py, pz, dx, dy, dz, room)
        for step in range(1, MOST_FACES):
            if less_bits(least, ray.left) == 0:
                break
            _, _, met = find_exit(walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, None)
            _, _, second = find_exit(walls, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz, met)
            _write_faces(pick_less(ray.left, least, none - 1.0, met), second, room, face[k, step])
            _, ray = bounce(walls, index, absorbance, ray, room)


@kernel
def _write_faces(met: Packet, second: Packet, room: F32, out: I16) -> None:
    """Write the faces that a packet's rays meet, and the next nearest, into out (2, PACKET)."""
    write_packet(room, np.uint64(0), met)
    write_packet(room, np.uint64(PACKET), second)
    for lane in range(PACKET):
        out[0, lane] = np.int16(room[lane])
        out[1, lane] = np.int16(room[PACKET + lane]) if room[lane] >= 0 else np.int16(-1)


@kernel
def _retrace(
    cuts: _Cuts, tilts: Tilts, height: float, paths: _Paths, first: int, last: int, out: F32, looks: Looks
) -> None:
    """Write what packets of rays, first to last, show of cuts into out (E, K, PACKET). looks: none.

    Planes lie ready row by row as a packet's rays ask them, and those of a cut that moved are written into these.
    """
    count, walls = cuts.walls.shape[0], cuts.walls.shape[1] // 4
    room, rows = make_room(len(tilts.light) // 3), np.empty(MOST_FACES * ASKED * PACKET, np.float32)
    waiting = np.empty((count, WAIT + PACKET, WAITING), np.float32)
    owner = np.empty((count, WAIT + PACKET, 2), np.int64)
    queued, path = np.zeros(count, np.int64), np.zeros((PACKET, MOST_FACES), np.int64)
    start, place = np.empty(walls + 1, np.int64), np.empty(MOST_FACES * 2 * PACKET, np.int64)
    for k in range(first, last):
        steps = paths.steps[k]
        _list_planes(cuts.walls[0], paths.face[k], steps, rows, start, place)
        for e in range(count):
            moved = cuts.moved[cuts.start[e] : cuts.start[e + 1]]
            asked = _write_planes(cuts.walls[e], moved, start, place, rows)
            if (
                steps > 0
                and e > 0
                and not asked
                and cuts.refraction[e] == cuts.refraction[0]
                and (cuts.absorbance[e] == cuts.absorbance[0])
            ):
                out[e, k] = out[0, k]
                continue
            lost = _enter_by(cuts.walls[e], cuts.refraction[e], tilts, height, paths.number, k, steps, room, rows)
            queued[e] = _let_wait(room, lost, 1, k, waiting[e], owner[e], queued[e])
            for step in range(1, steps):
                lost = _bounce_by(cuts.refraction[e], cuts.absorbance[e], tilts, step, room, rows)
                queued[e] = _let_wait(room, lost, step + 1, k, waiting[e], owner[e], queued[e])
            out[e, k] = room[TOTAL_AT : TOTAL_AT + PACKET]
            _write_planes(cuts.walls[0], moved, start, place, rows)
            if queued[e] > WAIT:
                follow_waiting(
                    cuts.walls[e], cuts.refraction[e], cuts.absorbance[e], tilts, LEAST_SHOWN, room, path, waiting[e],
                    owner[e], queued[e], out[e], looks, 0,
                )  # fmt: skip
                queued[e] = 0
    for e in range(count):
        follow_waiting(
            cuts.walls[e], cuts.refraction[e], cuts.absorbance[e], tilts, LEAST_SHOWN, room, path, waiting[e], owner[e],
            queued[e], out[e], looks, 0,
        )  # fmt: skip


@kernel
def _list_planes(walls: F32, face: I16, steps: int, rows: F32, start: I64, place: I64) -> None:
    """Write the planes that a packet asks (MOST_FACES, 2, PACKET) into rows, and where each is, plane by plane."""
    start[:] = 0
    for step in range(steps):
        for second in range(2):
            for lane in range(PACKET):
                f = face[step, second, lane]
                at = (step * ASKED + second * PLANE) * PACKET + lane
                rows[at + 4 * PACKET] = np.float32(f)
                for j in range(4):
                    rows[at + j * PACKET] = walls[4 * max(f, 0) + j]
                if f >= 0:
                    start[f + 1] += 1
    for f in range(1, len(start)):
        start[f] += start[f - 1]
    for step in range(steps):
        for second in range(2):
            for lane in range(PACKET):
                f = face[step, second, lane]
                if f >= 0:
                    place[start[f]] = (step * ASKED + second * PLANE) * PACKET + lane
                    start[f] += 1
    for f in range(len(start) - 1, 0, -1):
        start[f] = start[f - 1]
    start[0] = 0


@kernel
def _write_planes(walls: F32, moved: I64, start: I64, place: I64, rows: F32) -> bool:
    """Write planes that moved where they are asked; returns whether any is."""
    asked = False
    for f in moved:
        for n in range(start[f], start[f + 1]):
            for j in range(4):
                rows[place[n] + j * PACKET] = walls[4 * f + j]
        asked = asked or start[f] < start[f + 1]
    return asked


@kernel
def _let_wait(room: F32, lost: int, met: int, k: int, waiting: F32, owner: I64, queued: int) -> int:
    """Let the rays of lanes, a bit each, that have met so many faces wait; returns how many wait."""
    lane = 0
    while lost != 0:
        if lost & 1:
            if room[LEFT_AT + lane] >= LEAST_SHOWN:
                wait(room, lane, met, waiting[queued])
                owner[queued, 0], owner[queued, 1] = k, lane
                queued += 1
            room[LEFT_AT + lane] = np.float32(0.0)
        lost, lane = lost >> 1, lane + 1
    return queued


@kernel
def _read_plane(rows: F32, step: int, second: int) -> tuple[Packet, Packet, Packet, Packet, Packet]:
    """Return the planes that a packet asks, and which they are."""
    at = (step * ASKED + second * PLANE) * PACKET
    return (
        read_packet(rows, row_at(at, 0)), read_packet(rows, row_at(at, 1)), read_packet(rows, row_at(at, 2)),
        read_packet(rows, row_at(at, 3)), read_packet(rows, row_at(at, 4)),
    )  # fmt: skip


@kernel
def _enter_by(
    walls: F32, index: float, tilts: Tilts, height: float, number: F32, k: int, steps: int, room: F32, rows: F32
) -> int:
    """Let a packet of rays enter by the faces of their paths; returns a bit for each that took another."""
    px, py, pz, dx, dy, dz = _read_ray(number, k, height)
    for j in range(4):
        write_packet(room, row_at(TURN_AT, j), read_packet(number, row_at(k * NUMBERS * PACKET, 5 + j)))
    none = splat_packet(np.float32(0.0))
    write_packet(room, np.uint64(TOTAL_AT), none)
    if steps == 0:
        glare, ray = enter(walls, index, px, py, pz, dx, dy, dz, room)
        lost = (1 << PACKET) - 1
    else:
        nx, ny, nz, distance, face = _read_plane(rows, 0, 0)
        mx, my, mz, its_distance, second = _read_plane(rows, 0, 1)
        way, rise = ask_entry(nx, ny, nz, distance, px, py, pz, dx, dy, dz)
        its_way, its_rise = ask_entry(mx, my, mz, its_distance, px, py, pz, dx, dy, dz)
        way = pick_less(rise, none - ALONG, way, none - FAR)
        its_way = pick_less(second, none, none - FAR, pick_less(its_rise, none - ALONG, its_way, none - FAR))
        lost = less_bits(way, its_way)
        nx, ny, nz = pick_less(way, its_way, mx, nx), pick_less(way, its_way, my, ny), pick_less(way, its_way, mz, nz)
        face, way = pick_less(way, its_way, second, face), pick_less(way, its_way, its_way, way)
        face = pick_less(way, none - 0.5 * FAR, none - 1.0, face)
        glare, ray = enter_at(nx, ny, nz, face, pick_less(face, none, none, way), index, px, py, pz, dx, dy, dz)
    see_lights(glare, tilts.light, tilts.offset, room)
    put_ray(room, ray)
    return lost


@kernel
def _bounce_by(index: float, absorbance: float, tilts: Tilts, step: int, room: F32, rows: F32) -> int:
    """Follow a packet of rays to the next faces of their paths; returns a bit for each that met another."""
    ray, none = take_ray(room), splat_packet(np.float32(0.0))
    nx, ny, nz, distance, face = _read_plane(rows, step, 0)
    mx, my, mz, its_distance, second = _read_plane(rows, step, 1)
    gap, rise = ask_exit(nx, ny, nz, distance, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz)
    its_gap, its_rise = ask_exit(mx, my, mz, its_distance, ray.x, ray.y, ray.z, ray.dx, ray.dy, ray.dz)
    its_gap = pick_less(second, none, none + FAR, its_gap)
    one, other = its_gap * rise, gap * its_rise
    lost = less_bits(one, other)
    nx, ny, nz = pick_less(one, other, mx, nx), pick_less(one, other, my, ny), pick_less(one, other, mz, nz)
    gap, rise = pick_less(one, other, its_gap, gap), pick_less(one, other, its_rise, rise)
    face = pick_less(gap, LONGEST * rise, pick_less(one, other, second, face), none - 1.0)
    way = held_way(face, gap, rise)
    cosine, left, reflected = meet_face(nx, ny, nz, face, way, index, absorbance, ray)
    weight = left * (1.0 - reflected)
    if less_bits(none, weight) != 0:  # often all is reflected, of a packet of paths that are alike
        lx, ly, lz = leave_by(nx, ny, nz, cosine, index, ray)
        see_lights(Leaving(face, lx, ly, lz, weight), tilts.light, tilts.offset, room)
    write_packet(room, np.uint64(FACE_AT), face)
    put_ray(room, go_on(nx, ny, nz, way, left * reflected, ray))
    return lost
