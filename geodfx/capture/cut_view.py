"""A stone on a tilt stage as rays see it: where camera and lights stand at each tilt, and what planes would show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64, U64
from geodfx.constants import LIGHT_EDGE
from geodfx.jit import kernel, run_bands
from geodfx.rays.walks import make_walls, walk
from geodfx.tilting import Camera, TiltStage, tilt_rotation

__all__ = ["MOST_FACES", "Flares", "Rim", "Scene", "list_flares", "make_scene", "show_planes"]

I32 = npt.NDArray[np.int32]

MOST_FACES = 12  # that a ray meets
LEAST_SHOWN = 0.02  # of a ray: what is fainter tells little of the planes
LEAST_LISTED = 0.004
TEXELS_AT_ONCE, FLARES_A_RAY = 64, 8


class Rim(NamedTuple):
    """Cosines from a light's middle at which it is seen whole, and no longer."""

    whole: float
    none: float


@dataclass(frozen=True)
class Scene:
    """Where camera and lights stand, seen from the stone, at L tilts; lengths in stone widths."""

    camera: F64  # (L, 3)
    light: F64  # (L, N, 3)
    rig_lights: F64  # (N, 3) as the untilted stone sees them
    distance: float  # of the camera
    height: float  # of the plane of the texels
    grid: float  # of a texel
    size: tuple[int, int]  # of the picture
    stretch: float  # of the tilts' pseudo lights
    radius_rad: float  # of the lights

    def place(self, column: npt.NDArray[np.integer], row: npt.NDArray[np.integer]) -> F64:
        """Return where texels (T,) lie on their plane, (T, 2) to the right and up."""
        width, height = self.size
        return np.stack([(column + 0.5 - width / 2) * self.grid, (height / 2 - row - 0.5) * self.grid], axis=1)

    def rim(self, wider: float = 1.0) -> Rim:
        """Return the rim of the lights, so many times as soft."""
        soft = LIGHT_EDGE * wider
        return Rim(math.cos(self.radius_rad * max(0.0, 1 - soft)), math.cos(self.radius_rad * (1 + soft)))


@dataclass(frozen=True)
class Flares:
    """N looks from a texel at a light, each by a light path of F faces at most."""

    key: U64  # (N,) of path and light
    texel: I32  # (N,)
    tilt: I32  # (N,)
    light: npt.NDArray[np.int8]  # (N,)
    face: npt.NDArray[np.int16]  # (N, MOST_FACES) that the path meets; -1 beyond its last
    weight: F32  # (N,) of the light's radiance that the path shows
    seen: F32  # (N,) of the light, 0..1


def make_scene(camera: Camera, stage: TiltStage, rig_lights: F64, radius_rad: float) -> Scene:
    """Return the scene of a near camera, a stage and its fixed lights (N, 3)."""
    if camera.distance is None:
        raise ValueError("rays need a near camera")
    turns = [tilt_rotation(pitch, roll).T for pitch, roll in stage.tilt_rad.astype(np.float64).tolist()]
    return Scene(
        camera=np.array([camera.distance * turn[:, 2] for turn in turns]),
        light=np.array([rig_lights @ turn.T for turn in turns]),
        rig_lights=rig_lights,
        distance=camera.distance,
        height=stage.plane_height,
        grid=camera.field_width / camera.size[0] * (1 - stage.plane_height / camera.distance),
        size=camera.size,
        stretch=stage.stretch,
        radius_rad=radius_rad,
    )


def show_planes(
    scene: Scene, planes: F64, index: float, absorbance: float, place: F64, tilts: I64, wider: float = 1.0
) -> F64:
    """Return how much of a light's radiance a stone within planes (P, 4) shows at places (T, 2) and tilts (M,): (T, M).

    absorbance: a stone width. wider: how many times as soft the rims of lights are. One ray each.
    """
    out = np.empty((len(place), len(tilts)))
    camera, light = scene.camera[tilts], scene.light[tilts]
    _show(make_walls(planes), index, absorbance, camera, light, scene.rim(wider), place, scene.height, out)
    return out


@kernel
def _show(
    walls: F32, index: float, absorbance: float, camera: F64, light: F64, rim: Rim, place: F64, height: float,
    out: F64,
) -> None:  # fmt: skip
    ways, face = np.empty(walls.shape[1], np.float32), np.empty(MOST_FACES, np.int64)
    bits = ways.view(np.int32)
    leaving, weight = np.empty((MOST_FACES, 3)), np.empty(MOST_FACES)
    for t in range(len(place)):
        for i in range(len(camera)):
            met = _look(
                walls, ways, bits, index, absorbance, LEAST_SHOWN, camera[i], place[t], height, face, leaving, weight
            )
            total = 0.0
            for k in range(met):
                if weight[k] > 0.0:
                    for n in range(light.shape[1]):
                        total += weight[k] * _see(leaving[k], light[i, n], rim)
            out[t, i] = total


@kernel
def _look(
    walls: F32, ways: F32, bits: I32, index: float, absorbance: float, least: float, camera: F64, place: F64,
    height: float, face: I64, leaving: F64, weight: F64,
) -> int:  # fmt: skip
    """`walk` from the camera through a place of the texels' plane."""
    dx, dy, dz = place[0] - camera[0], place[1] - camera[1], height - camera[2]
    size = math.sqrt(dx * dx + dy * dy + dz * dz)
    return walk(
        walls, ways, bits, index, absorbance, least, camera[0], camera[1], camera[2], dx / size, dy / size, dz / size,
        face, leaving, weight,
    )  # fmt: skip


@kernel
def _see(leaving: F64, light: F64, rim: Rim) -> float:
    """Return how much of a light, 0..1, what leaves in a direction sees: a ramp in the cosine."""
    cosine = leaving[0] * light[0] + leaving[1] * light[1] + leaving[2] * light[2]
    seen: float = min(max((cosine - rim.none) / (rim.whole - rim.none), 0.0), 1.0)
    return seen


def list_flares(scene: Scene, planes: F64, index: float, absorbance: float, place: F64) -> Flares:
    """Return all looks at lights from places (T, 2) at all tilts, in the order of the places."""
    walls, count = make_walls(planes), len(place)
    parts: list[tuple[npt.NDArray[np.generic], ...]] = [()] * -(-count // TEXELS_AT_ONCE)

    def work(first: int, last: int) -> None:
        most = TEXELS_AT_ONCE * len(scene.camera) * FLARES_A_RAY
        key, number = np.empty(most, np.uint64), np.empty((most, 3), np.int32)
        face, share = np.empty((most, MOST_FACES), np.int16), np.empty((most, 2), np.float32)
        for part in range(first, last):
            begin = part * TEXELS_AT_ONCE
            end = min(begin + TEXELS_AT_ONCE, count)
            listed = _list(
                walls, index, absorbance, scene.camera, scene.light, scene.rim(), place, scene.height, begin, end,
                key, number, face, share,
            )  # fmt: skip
            parts[part] = tuple(each[:listed].copy() for each in (key, number, face, share))

    run_bands(work, len(parts))
    key, number, face, share = (np.concatenate(each) for each in zip(*parts, strict=True))
    texel, tilt, light = number[:, 0].copy(), number[:, 1].copy(), number[:, 2].astype(np.int8)
    return Flares(key, texel, tilt, light, face, share[:, 0].copy(), share[:, 1].copy())


@kernel
def _list(
    walls: F32, index: float, absorbance: float, camera: F64, light: F64, rim: Rim, place: F64, height: float,
    first: int, last: int, key: U64, number: I32, face: npt.NDArray[np.int16], share: F32,
) -> int:  # fmt: skip
    """Write the looks of places first to last; returns how many. key: an FNV hash of path and light."""
    ways, met = np.empty(walls.shape[1], np.float32), np.empty(MOST_FACES, np.int64)
    bits = ways.view(np.int32)
    leaving, weight = np.empty((MOST_FACES, 3)), np.empty(MOST_FACES)
    prime, count = np.uint64(1099511628211), 0
    for t in range(first, last):
        for i in range(len(camera)):
            faces = _look(
                walls, ways, bits, index, absorbance, LEAST_LISTED, camera[i], place[t], height, met, leaving, weight
            )
            path = np.uint64(14695981039346656037)
            for k in range(faces):
                path = (path ^ np.uint64(met[k] + 1)) * prime
                if weight[k] < LEAST_LISTED:
                    continue
                for n in range(light.shape[1]):
                    seen = _see(leaving[k], light[i, n], rim)
                    if seen > 0.0 and count < len(key):
                        key[count] = (path ^ np.uint64((n + 1) << 32)) * prime
                        number[count, 0], number[count, 1], number[count, 2] = t, i, n
                        share[count, 0], share[count, 1] = weight[k], seen
                        for j in range(MOST_FACES):
                            face[count, j] = met[j] if j <= k else -1
                        count += 1
    return count
