"""A stone on a tilt stage as rays see it: where camera and lights stand at each tilt, and what planes would show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64, U64
from geodfx.capture.cut_rays import Looks, Tilts, join_looks, keep_looks, make_looks, make_tilts, trace_places
from geodfx.constants import LIGHT_EDGE
from geodfx.jit import run_bands
from geodfx.rays.walks import make_walls
from geodfx.tilting import Camera, TiltStage, tilt_rotation

__all__ = ["Flares", "Rim", "Scene", "View", "list_flares", "make_scene", "show_planes"]

I32 = npt.NDArray[np.int32]

LISTED_AT_ONCE, LOOKS_A_RAY = 64, 8


class Rim(NamedTuple):
    """Cosines from a light's middle at which it is seen whole, and no longer."""

    whole: float
    none: float


@dataclass(frozen=True)
class View:
    """How the texels of a picture lie, and how large the lights are; lengths in stone widths."""

    height: float  # of the plane of the texels
    grid: float  # of a texel
    size: tuple[int, int]  # of the picture
    radius_rad: float  # of the lights

    def place(self, column: npt.NDArray[np.number], row: npt.NDArray[np.number]) -> F64:
        """Return where texels (T,) lie on their plane, (T, 2) to the right and up."""
        width, height = self.size
        return np.stack([(column + 0.5 - width / 2) * self.grid, (height / 2 - row - 0.5) * self.grid], axis=1)

    def rim(self, wider: float = 1.0) -> Rim:
        """Return the rim of the lights, so many times as soft."""
        soft = LIGHT_EDGE * wider
        return Rim(math.cos(self.radius_rad * max(0.0, 1 - soft)), math.cos(self.radius_rad * (1 + soft)))


@dataclass(frozen=True)
class Scene(View):
    """Where camera and lights stand, seen from a stone on a stage, at L tilts."""

    tilt_rad: F64  # (L, 2) pitch and roll
    camera: F64  # (L, 3)
    rig_lights: F64  # (N, 3) as the untilted stone sees them
    distance: float  # of the camera
    stretch: float  # of the tilts' pseudo lights

    def tilts(self, which: I64, wider: float = 1.0) -> Tilts:
        """Return some tilts as rays see them; their lights so many times as soft."""
        rim = self.rim(wider)
        return make_tilts(self.tilt_rad[which], self.camera[which], self.rig_lights, rim.whole, rim.none)


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
        tilt_rad=stage.tilt_rad.astype(np.float64),
        camera=np.array([camera.distance * turn[:, 2] for turn in turns]),
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
    shown, looked = np.zeros((len(place), len(tilts)), np.float32), scene.tilts(tilts, wider)
    trace_places(
        make_walls(planes), index, absorbance, looked, place, scene.height, 0, len(place), shown, make_looks(0)
    )
    return shown.astype(np.float64)


def list_flares(scene: Scene, planes: F64, index: float, absorbance: float, place: F64) -> Flares:
    """Return all looks at lights from places (T, 2) at all tilts, in the order of the places."""
    walls, count, tilts = make_walls(planes), len(place), len(scene.camera)
    looked, shown = scene.tilts(np.arange(tilts)), np.zeros((count, tilts), np.float32)
    parts: list[Looks] = [make_looks(0)] * -(-count // LISTED_AT_ONCE)

    def work(first: int, last: int) -> None:
        looks = make_looks(LISTED_AT_ONCE * tilts * LOOKS_A_RAY)
        for part in range(first, last):
            begin, end = part * LISTED_AT_ONCE, min((part + 1) * LISTED_AT_ONCE, count)
            listed = trace_places(walls, index, absorbance, looked, place, scene.height, begin, end, shown, looks)
            parts[part] = keep_looks(looks, listed)

    run_bands(work, len(parts))
    looks = join_looks(parts)
    texel, tilt, light = (looks.number[:, j].copy() for j in range(3))
    weight, seen = (looks.share[:, j].copy() for j in range(2))
    return Flares(looks.key, texel, tilt, light.astype(np.int8), looks.face, weight, seen)
