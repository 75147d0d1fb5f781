"""What photos over tilts show of a stone, and what rays traced through a convex one would: for `benchmarks.cuts`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F32, F64, I64, Bool, evenly
from geodfx.basis import light_kernel
from geodfx.capture import find_stage
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos
from geodfx.capture.rectify import find_plane, read_tilted_stack, rectify_matte
from geodfx.capture.session import Session
from geodfx.constants import DISPLAY_GAMMA, LIGHT_EDGE, WHITE_LEVEL, WHITE_QUANTILE
from geodfx.errors import SessionError
from geodfx.jit import kernel
from geodfx.simulate.hits import EDGE, Solids, enter_solids, leave_solid
from geodfx.simulate.optics import fresnel, reflect, refract
from geodfx.tilting import make_camera, tilt_rotation

__all__ = ["LIKE_DEG", "Photos", "read_photos", "show_planes"]

TEXELS = 3000  # of the stone's: those that are not asked by the search tell how well it did
MOST_BOUNCES, LEAST_WEIGHT = 10, 0.02  # of a ray: what is fainter tells little of the planes
STRAIGHT = 0.05  # of the outline's length: sides that are as long
LIKE_DEG = 6.0  # within which sides are each other's mirror image


@dataclass(frozen=True)
class Photos:
    """What is shown of T texels at L tilts, and where camera and lights then stood from the stone; stone frame."""

    shown: F64  # (T, L) of the brightest channel, 0..1
    place: F64  # (T, 2) on the plane of the texels
    height: float
    camera: F64  # (L, 3)
    light: F64  # (L, N, 3)
    radius_rad: float
    brightness: float  # what a perfect mirror would show of a light, linear
    sides: list[tuple[float, float]]  # azimuth, first quadrant, and distance of the outline's

    def corner(self, texels: int, tilts: int) -> tuple[I64, I64]:
        """Return some texels and some tilts, evenly."""
        return evenly(len(self.place), texels), evenly(len(self.camera), tilts)


def read_photos(session: Session) -> Photos:
    """Return what a session over tilts shows. Raises SessionError for one that does not tell enough to trace rays."""
    if session.tilt_rad is None or session.rig_lights is None or session.camera_distance is None:
        told = 'a cut is found in photos of domain = "tilt" whose rig_lights and camera_distance are told'
        raise SessionError(f"{session.folder}: {told}; write them into session.toml, or name another session")
    photos = open_photos(session)
    camera = make_camera(photos.size, session.camera_distance, session.field_width)
    mask = read_matte(session, photos.size)
    stage, rig = find_stage(session, session.tilt_rad, find_plane(photos, camera, session.tilt_rad, mask))
    alpha, seen = rectify_matte(mask, camera, stage)
    stack = read_tilted_stack(photos, seen, camera, stage)
    chosen = evenly(len(stack.texels), TEXELS)
    light: F32 = stack.at(chosen)[0]
    gain = WHITE_LEVEL / float(np.quantile(light.max(axis=(1, 2)), WHITE_QUANTILE))
    channel = int(np.minimum(light * gain, 1).mean(axis=(0, 1)).argmax())
    width, height = photos.size
    scale = camera.field_width / width
    grid = scale * (1 - stage.plane_height / session.camera_distance)
    column, row = stack.texels[chosen] % width, stack.texels[chosen] // width
    turns = [tilt_rotation(*tilt).T for tilt in session.tilt_rad.tolist()]
    return Photos(
        np.clip(light[..., channel] * gain, 0, 1).astype(np.float64) ** (1 / DISPLAY_GAMMA),
        np.stack([(column + 0.5 - width / 2) * grid, (height / 2 - row - 0.5) * grid], axis=1),
        stage.plane_height,
        np.array([session.camera_distance * turn[:, 2] for turn in turns]),
        np.array([session.rig_lights @ turn.T for turn in turns]),
        rig.radius_rad,
        gain * light_kernel(rig.radius_rad)[0],
        find_sides(np.asarray(alpha) > 127, scale),
    )


def find_sides(stone: Bool, scale: float) -> list[tuple[float, float]]:
    """Return the straight sides of an outline (H, W), those that mirror each other as one: azimuth and distance."""
    contours, _ = cv2.findContours(stone.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(contours, key=len))
    middle = np.array(stone.shape[::-1]) / 2
    corners = (cv2.approxPolyDP(hull, 1.3, True)[:, 0] + 0.5 - middle) * [scale, -scale]
    rim = (hull[:, 0] + 0.5 - middle) * [scale, -scale]
    along = np.roll(corners, -1, axis=0) - corners
    length = np.hypot(*along.T)
    found: list[list[tuple[float, float]]] = []
    for step, size in zip(along, length, strict=True):
        if size < STRAIGHT * length.sum():
            continue
        outwards = np.abs([step[1], -step[0]]) / size
        azimuth = math.degrees(math.atan2(outwards[1], outwards[0]))
        distance = float((np.abs(rim) @ outwards).max()) + scale / 2
        like = [side for side in found if abs(side[0][0] - azimuth) < LIKE_DEG]
        like[0].append((azimuth, distance)) if like else found.append([(azimuth, distance)])
    return [(float(azimuth), float(distance)) for azimuth, distance in (np.mean(side, axis=0) for side in found)]


@kernel
def shine(
    solids: Solids, scratch: F64, index: float, absorbance: float, lights: F64, rim: tuple[float, float],
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
) -> float:  # fmt: skip
    """Return what share of a light's radiance a camera ray shows. rim: cosines from its middle to its full and end."""
    way, solid, face = enter_solids(solids, ox, oy, oz, dx, dy, dz)
    if solid < 0:
        return 0.0
    x, y, z = ox + way * dx, oy + way * dy, oz + way * dz
    nx, ny, nz = solids.plane[0, face], solids.plane[1, face], solids.plane[2, face]
    reflected = fresnel(max(-(dx * nx + dy * ny + dz * nz), EDGE), index)
    gx, gy, gz = reflect(dx, dy, dz, nx, ny, nz)
    total = reflected * lit(lights, rim, gx, gy, gz)
    kx, ky, kz = refract(dx, dy, dz, nx, ny, nz, index)
    weight = 1.0 - reflected
    for _ in range(MOST_BOUNCES):
        way, face = leave_solid(solids.plane, solids.curve, scratch, 0, len(scratch), x, y, z, kx, ky, kz)
        if face < 0:
            break
        weight *= math.exp(-absorbance * way)
        x, y, z = x + way * kx, y + way * ky, z + way * kz
        nx, ny, nz = solids.plane[0, face], solids.plane[1, face], solids.plane[2, face]
        reflected = fresnel(min(max(kx * nx + ky * ny + kz * nz, EDGE), 1.0), 1.0 / index)
        if reflected < 1.0:
            tx, ty, tz = refract(kx, ky, kz, -nx, -ny, -nz, 1.0 / index)
            total += weight * (1.0 - reflected) * lit(lights, rim, tx, ty, tz)
        weight *= reflected
        if weight < LEAST_WEIGHT:
            break
        kx, ky, kz = reflect(kx, ky, kz, nx, ny, nz)
    return total


@kernel
def lit(lights: F64, rim: tuple[float, float], x: float, y: float, z: float) -> float:
    """Return what an exit sees of lights (N, 3), their ramps in the cosine."""
    total = 0.0
    for k in range(len(lights)):
        inside = (x * lights[k, 0] + y * lights[k, 1] + z * lights[k, 2] - rim[1]) / (rim[0] - rim[1])
        total += min(max(inside, 0.0), 1.0)
    return total


@kernel
def trace(
    solids: Solids, index: float, absorbance: float, camera: F64, light: F64, rim: tuple[float, float], place: F64,
    height: float, tilts: I64, out: F64,
) -> None:  # fmt: skip
    """Write what texels at places (T, 2) show at some tilts (M,) into out (T, M)."""
    scratch = np.empty(solids.plane.shape[1])
    for t in range(len(place)):
        for m in range(len(tilts)):
            i = tilts[m]
            ox, oy, oz = camera[i]
            dx, dy, dz = place[t, 0] - ox, place[t, 1] - oy, height - oz
            size = math.sqrt(dx * dx + dy * dy + dz * dz)
            out[t, m] = shine(
                solids, scratch, index, absorbance, light[i], rim, ox, oy, oz, dx / size, dy / size, dz / size
            )


def show_planes(
    photos: Photos, planes: F64, index: float, absorbance: float, texels: I64, tilts: I64, wider: float = 1.0
) -> F64:
    """Return what a stone within planes (P, 4) displays, 0..1, of some texels at some tilts.

    absorbance: a stone width. wider: how many times as soft the lights are.
    """
    count, none = len(planes), np.zeros(0, np.int64)
    flags, whole = np.zeros(count, np.uint8), np.array([[0.0, 0.0, 0.0, 10.0]])
    solids = Solids(
        np.ascontiguousarray(planes.T), np.array([0, count]), whole, none, none, flags, np.zeros(7), 0.0, np.zeros(3)
    )
    soft = LIGHT_EDGE * wider
    rim = math.cos(photos.radius_rad * max(0.0, 1 - soft)), math.cos(photos.radius_rad * (1 + soft))
    out = np.empty((len(texels), len(tilts)))
    place = photos.place[texels]
    trace(solids, index, absorbance, photos.camera, photos.light, rim, place, photos.height, tilts, out)
    seen: F64 = np.minimum(out * photos.brightness, 1) ** (1 / DISPLAY_GAMMA)
    return seen
