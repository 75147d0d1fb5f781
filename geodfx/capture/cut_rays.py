"""Rays from many tilts' cameras through places of a stone: what they show of lights, and by which paths.

Rays wait in rows of numbers, and are followed a packet at once, a lane each. When one ends, its lane takes the next:
rays end after one face or ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64, U64
from geodfx.jit import PACKET, clamp_packet, kernel, less_bits, read_packet, root, splat_packet, write_packet
from geodfx.rays.walks import WALK_ROOM, Leaving, Ray, bounce, enter

__all__ = [
    "FACE_AT",
    "LEAST_SHOWN",
    "LEFT_AT",
    "MOST_FACES",
    "TOTAL_AT",
    "TURN_AT",
    "WAITING",
    "Looks",
    "Tilts",
    "follow_waiting",
    "join_looks",
    "keep_looks",
    "make_looks",
    "make_room",
    "make_tilts",
    "put_ray",
    "row_at",
    "see_lights",
    "take_ray",
    "trace_places",
    "wait",
]

I32 = npt.NDArray[np.int32]

MOST_FACES = 12  # that a ray meets
LEAST_SHOWN = 0.02  # of a ray: what is fainter tells little of the planes
LEAST_LISTED = 0.004
PLACES_AT_ONCE = 16  # whose rays wait together

# The numbers of a ray that waits: those of `Ray`, its tilt's cosines and sines, its last face, and how many it has met.
RAY, LEFT, TURN = 7, 6, 4
WAITING = RAY + TURN + 2
# The room of a packet of rays, number by number, after what is for walking: what `Ray` has, what each has shown, its
# last face, the weight of what leaves there, its tilt, how many faces it has met, and what it sees of each light.
RAY_AT = WALK_ROOM
LEFT_AT, TOTAL_AT = RAY_AT + LEFT * PACKET, RAY_AT + RAY * PACKET
FACE_AT, WEIGHT_AT, TURN_AT = TOTAL_AT + PACKET, TOTAL_AT + 2 * PACKET, TOTAL_AT + 3 * PACKET
MET_AT = TURN_AT + TURN * PACKET
SEEN_AT = MET_AT + PACKET


class Tilts(NamedTuple):
    """M tilts as packets of rays see them; the last fills the last packet up."""

    camera: F32  # (packets * 3 * PACKET,)
    turn: F32  # (M, 4) cosine and sine of pitch, of roll
    light: F32  # (N * 3,) of the rig: times a direction, less the offset, it is how much of the light that sees, 0..1
    offset: np.float32


class Looks(NamedTuple):
    """Room for looks at lights."""

    key: U64  # an FNV hash of path and light
    number: I32  # (..., 3) place, tilt, light
    face: npt.NDArray[np.int16]  # (..., MOST_FACES) of the path; -1 beyond its last
    share: F32  # (..., 2) weight, and seen of the light


def make_tilts(tilt_rad: F64, camera: F64, light: F64, whole: float, none: float) -> Tilts:
    """Return tilts (M, 2), pitch and roll, with their cameras (M, 3) and the rig's lights (N, 3) as rays see them.

    whole, none: cosines from a light's middle at which it is seen whole, and no longer.
    """
    filled = np.minimum(np.arange(-(-len(camera) // PACKET) * PACKET), len(camera) - 1)
    pitch, roll = tilt_rad.T
    turn = np.stack([np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)], axis=1)
    packets = camera[filled].reshape(-1, PACKET, 3).transpose(0, 2, 1)
    slope = 1 / (whole - none)
    return Tilts(
        np.ascontiguousarray(packets, np.float32).ravel(), turn.astype(np.float32),
        (slope * light).astype(np.float32).ravel(), np.float32(slope * none),
    )  # fmt: skip


def make_looks(most: int) -> Looks:
    """Return room for so many looks."""
    return Looks(
        np.empty(most, np.uint64), np.empty((most, 3), np.int32), np.empty((most, MOST_FACES), np.int16),
        np.empty((most, 2), np.float32),
    )  # fmt: skip


def keep_looks(looks: Looks, count: int) -> Looks:
    """Return the first looks, copied."""
    key, number, face, share = looks
    return Looks(key[:count].copy(), number[:count].copy(), face[:count].copy(), share[:count].copy())


def join_looks(parts: Sequence[Looks]) -> Looks:
    """Return looks one after another."""
    return Looks(*(np.concatenate(each) for each in zip(*parts, strict=True)))


@kernel
def trace_places(
    walls: F32, index: float, absorbance: float, tilts: Tilts, place: F64, height: float, first: int, last: int,
    out: F32, looks: Looks,
) -> int:  # fmt: skip
    """Add what places (T, 2), first to last, show of lights to out (T, M), and return how many looks there are.

    They are listed as far as there is room for them; then fainter ones count, and places come in their order. walls:
    those of planes (P, 4), see `make_walls`. absorbance: a stone width. height: of the places.
    """
    listing, count = len(looks.key) > 0, 0
    least, places = (LEAST_LISTED, 1) if listing else (LEAST_SHOWN, PLACES_AT_ONCE)
    room = make_room(len(tilts.light) // 3)
    path = np.zeros((PACKET, MOST_FACES), np.int64)
    most = places * len(tilts.turn)
    waiting, owner = np.empty((most, WAITING), np.float32), np.empty((most, 2), np.int64)
    for begin in range(first, last, places):
        queued = 0
        for t in range(begin, min(begin + places, last)):
            queued, count = _enter_all(
                walls, index, tilts, t, place[t], height, least, room, path, waiting, owner, queued, out, looks, count
            )
        count = follow_waiting(
            walls, index, absorbance, tilts, least, room, path, waiting, owner, queued, out, looks, count
        )
    return count


@kernel
def _enter_all(
    walls: F32, index: float, tilts: Tilts, t: int, place: F64, height: float, least: float, room: F32, path: I64,
    waiting: F32, owner: I64, queued: int, out: F32, looks: Looks, count: int,
) -> tuple[int, int]:  # fmt: skip
    """Let the rays of all tilts through a place enter; what is left waits. Returns how many wait, and looks."""
    for packet in range(len(tilts.camera) // (3 * PACKET)):
        _enter_packet(walls, index, tilts, packet, place, height, room)
        for lane in range(min(PACKET, len(tilts.turn) - packet * PACKET)):
            tilt = packet * PACKET + lane
            out[t, tilt] += room[TOTAL_AT + lane]
            if len(looks.key) > 0:
                count = _list_looks(room, path[lane], lane, 0, t, tilt, looks, count)
            if room[LEFT_AT + lane] >= least:
                wait(room, lane, 1, waiting[queued])
                owner[queued, 0], owner[queued, 1] = t, tilt
                queued += 1
    return queued, count


@kernel
def follow_waiting(
    walls: F32, index: float, absorbance: float, tilts: Tilts, least: float, room: F32, path: I64, waiting: F32,
    owner: I64, queued: int, out: F32, looks: Looks, count: int,
) -> int:  # fmt: skip
    """Follow the rays that wait until less than `least` is left of each; returns how many looks there are."""
    whose, taken = np.zeros(PACKET, np.int64), min(PACKET, queued)
    faint, many = splat_packet(np.float32(least)), splat_packet(np.float32(MOST_FACES - 0.5))
    for lane in range(taken):
        whose[lane] = lane
        _take(room, lane, waiting[lane], path[lane])
    going = (1 << taken) - 1  # a bit for each lane that has a ray
    while going != 0:
        _follow_packet(walls, index, absorbance, tilts.light, tilts.offset, room)
        if len(looks.key) > 0:
            for lane in range(PACKET):
                if going >> lane & 1:
                    t, tilt = owner[whose[lane]]
                    count = _list_looks(room, path[lane], lane, int(room[MET_AT + lane]), t, tilt, looks, count)
        met = read_packet(room, np.uint64(MET_AT)) + 1.0
        write_packet(room, np.uint64(MET_AT), met)
        ended = (less_bits(read_packet(room, np.uint64(LEFT_AT)), faint) | less_bits(many, met)) & going
        lane = 0
        while ended != 0:
            if ended & 1:
                t, tilt = owner[whose[lane]]
                out[t, tilt] += room[TOTAL_AT + lane]
                if taken < queued:
                    whose[lane] = taken
                    _take(room, lane, waiting[taken], path[lane])
                    taken += 1
                else:
                    going ^= 1 << lane
            ended, lane = ended >> 1, lane + 1
    return count


@kernel
def make_room(lights: int) -> F32:
    """Return room for a packet of rays that may see so many lights."""
    return np.zeros(SEEN_AT + lights * PACKET, np.float32)


@kernel
def wait(room: F32, lane: int, met: int, waiting: F32) -> None:
    """Let the ray of a lane, which has met so many faces, wait."""
    for j in range(RAY):
        waiting[j] = room[RAY_AT + j * PACKET + lane]
    for j in range(TURN):
        waiting[RAY + j] = room[TURN_AT + j * PACKET + lane]
    waiting[RAY + TURN], waiting[RAY + TURN + 1] = room[FACE_AT + lane], np.float32(met)


@kernel
def _take(room: F32, lane: int, waiting: F32, path: I64) -> None:
    """Let a lane take a ray that waits."""
    for j in range(RAY):
        room[RAY_AT + j * PACKET + lane] = waiting[j]
    for j in range(TURN):
        room[TURN_AT + j * PACKET + lane] = waiting[RAY + j]
    room[TOTAL_AT + lane], room[MET_AT + lane] = np.float32(0.0), waiting[RAY + TURN + 1]
    path[0] = int(waiting[RAY + TURN])


@kernel
def row_at(at: int, number: int) -> np.uint64:
    """Return where the number of a packet of rays lies."""
    return np.uint64(at + number * PACKET)


@kernel
def _enter_packet(walls: F32, index: float, tilts: Tilts, packet: int, place: F64, height: float, room: F32) -> None:
    """Let the rays from the cameras of a packet of tilts through a place enter, and see what the surface mirrors."""
    px, py = splat_packet(np.float32(place[0])), splat_packet(np.float32(place[1]))
    pz = splat_packet(np.float32(height))
    dx = px - read_packet(tilts.camera, row_at(0, 3 * packet))
    dy = py - read_packet(tilts.camera, row_at(0, 3 * packet + 1))
    dz = pz - read_packet(tilts.camera, row_at(0, 3 * packet + 2))
    size = root(dx * dx + dy * dy + dz * dz)
    glare, within = enter(walls, index, px, py, pz, dx / size, dy / size, dz / size, room)
    for lane in range(PACKET):
        turn = tilts.turn[min(packet * PACKET + lane, len(tilts.turn) - 1)]
        for j in range(TURN):
            room[TURN_AT + j * PACKET + lane] = turn[j]
    write_packet(room, np.uint64(TOTAL_AT), splat_packet(np.float32(0.0)))
    see_lights(glare, tilts.light, tilts.offset, room)
    put_ray(room, within)


@kernel
def _follow_packet(walls: F32, index: float, absorbance: float, light: F32, offset: np.float32, room: F32) -> None:
    """Follow the rays of all lanes to their next faces."""
    leaving, on = bounce(walls, index, absorbance, take_ray(room), room)
    see_lights(leaving, light, offset, room)
    put_ray(room, on)


@kernel
def take_ray(room: F32) -> Ray:
    """Return the rays of all lanes."""
    return Ray(
        read_packet(room, row_at(RAY_AT, 0)),
        read_packet(room, row_at(RAY_AT, 1)),
        read_packet(room, row_at(RAY_AT, 2)),
        read_packet(room, row_at(RAY_AT, 3)),
        read_packet(room, row_at(RAY_AT, 4)),
        read_packet(room, row_at(RAY_AT, 5)),
        read_packet(room, row_at(RAY_AT, LEFT)),
    )


@kernel
def put_ray(room: F32, ray: Ray) -> None:
    """Write the rays of all lanes."""
    write_packet(room, row_at(RAY_AT, 0), ray.x)
    write_packet(room, row_at(RAY_AT, 1), ray.y)
    write_packet(room, row_at(RAY_AT, 2), ray.z)
    write_packet(room, row_at(RAY_AT, 3), ray.dx)
    write_packet(room, row_at(RAY_AT, 4), ray.dy)
    write_packet(room, row_at(RAY_AT, 5), ray.dz)
    write_packet(room, row_at(RAY_AT, LEFT), ray.left)


@kernel
def see_lights(leaving: Leaving, light: F32, offset: np.float32, room: F32) -> None:
    """Add what leaving directions see of lights to the totals: each 0..1, a ramp in the cosine.

    The lights are fixed, so the directions are turned, by `tilting.tilt_rotation`.
    """
    cos_p, sin_p = read_packet(room, row_at(TURN_AT, 0)), read_packet(room, row_at(TURN_AT, 1))
    cos_r, sin_r = read_packet(room, row_at(TURN_AT, 2)), read_packet(room, row_at(TURN_AT, 3))
    y, along = cos_p * leaving.dy - sin_p * leaving.dz, sin_p * leaving.dy + cos_p * leaving.dz
    x, z = cos_r * leaving.dx + sin_r * along, cos_r * along - sin_r * leaving.dx
    total = splat_packet(np.float32(0.0))
    for n in range(len(light) // 3):
        at = np.uint64(3 * n)
        seen = clamp_packet(x * light[at] + y * light[at + np.uint64(1)] + z * light[at + np.uint64(2)] - offset)
        write_packet(room, row_at(SEEN_AT, n), seen)
        total = total + seen
    write_packet(room, np.uint64(TOTAL_AT), read_packet(room, np.uint64(TOTAL_AT)) + leaving.weight * total)
    write_packet(room, np.uint64(FACE_AT), leaving.face)
    write_packet(room, np.uint64(WEIGHT_AT), leaving.weight)


@kernel
def _list_looks(room: F32, path: I64, lane: int, met: int, place: int, tilt: int, looks: Looks, count: int) -> int:
    """List which lights a ray sees at the face that it met last."""
    path[met] = int(room[FACE_AT + lane])
    if room[WEIGHT_AT + lane] < LEAST_LISTED:
        return count
    for n in range((len(room) - SEEN_AT) // PACKET):
        seen = room[SEEN_AT + n * PACKET + lane]
        if seen <= 0.0 or count == len(looks.key):
            continue
        prime, code = np.uint64(1099511628211), np.uint64(14695981039346656037)
        for k in range(MOST_FACES):
            looks.face[count, k] = path[k] if k <= met else -1
            if k <= met:
                code = (code ^ np.uint64(path[k] + 1)) * prime
        looks.key[count] = (code ^ np.uint64((n + 1) << 32)) * prime
        looks.number[count, 0], looks.number[count, 1], looks.number[count, 2] = place, tilt, n
        looks.share[count, 0], looks.share[count, 1] = room[WEIGHT_AT + lane], seen
        count += 1
    return count
