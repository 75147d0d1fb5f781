"""A stone on a tilt stage: camera and lights stay, the stone tilts before them. What capture and render share.

A tilt of the stone is to a texel what another light is: a flash shows where an exit meets a light, and a tilt moves
the exits as a light that moves the other way would. So the tilt becomes the direction of one pseudo light, and the
model of lobes over light directions is a model of lobes over tilts.

Texels lie on one plane of the stone, at a height above its middle. The camera sees that plane through a homography
(Hartley and Zisserman 2004, section 2.3), by which photos are brought to texels and frames back to the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F32, F64, frozen
from geodfx.basis import chart_decode
from geodfx.constants import DISPLAY_GAMMA

__all__ = [
    "Camera",
    "TiltStage",
    "clamp_tilt",
    "make_camera",
    "plane_to_picture",
    "pseudo_directions",
    "tilt_rotation",
    "warp",
    "warp_light",
]


@dataclass(frozen=True)
class Camera:
    """A camera above the stone's middle that looks straight down. Lengths are in stone widths."""

    size: tuple[int, int]  # width and height of the picture in pixels
    distance: float | None  # None: distant
    field_width: float  # of the picture in the plane through the stone's middle; any number where the camera is distant


@dataclass(frozen=True)
class TiltStage:
    """The tilts that were captured, L of them, and where a stone's texels lie while it tilts."""

    tilt_rad: F32  # (L, 2) pitch and roll, in the order of the photos
    stretch: float  # how far a pseudo light moves, a chord, for a tilt of one radian
    plane_height: float  # of the texels' plane above the stone's middle, in stone widths
    rig_lights: F32  # (N, 3) unit: where the fixed lights stand in the world, as far as told

    def __post_init__(self) -> None:
        object.__setattr__(self, "tilt_rad", frozen("tilts", self.tilt_rad, np.float32, (None, 2)))
        object.__setattr__(self, "rig_lights", frozen("rig lights", self.rig_lights, np.float32, (None, 3)))
        if not (math.isfinite(self.stretch) and self.stretch > 0):
            raise ValueError(f"tilt stretch {self.stretch} is not a positive number")
        if not (math.isfinite(self.plane_height) and abs(self.plane_height) < 1):
            raise ValueError(f"plane height {self.plane_height} is not within -1 and 1")
        if len(self.tilt_rad) == 0:
            raise ValueError("the stone has no tilts")


def make_camera(size: tuple[int, int], distance: float | None, field_width: float | None) -> Camera:
    """Return the camera that a session or a stone tells of; near only if both distance and field are told."""
    return Camera(size, None if field_width is None else distance, field_width or 1.0)


def tilt_rotation(pitch_rad: float, roll_rad: float) -> F64:
    """Return the matrix (3, 3) that takes the stone frame to the world, R_roll R_pitch."""
    cos_p, sin_p = math.cos(pitch_rad), math.sin(pitch_rad)
    cos_r, sin_r = math.cos(roll_rad), math.sin(roll_rad)
    pitch = np.array([[1, 0, 0], [0, cos_p, -sin_p], [0, sin_p, cos_p]])
    roll = np.array([[cos_r, 0, sin_r], [0, 1, 0], [-sin_r, 0, cos_r]])
    turned: F64 = roll @ pitch
    return turned


def pseudo_directions(tilt_rad: F64, stretch: float) -> F64:
    """Return the directions (L, 3), stone frame, of the pseudo lights of tilts (L, 2), pitch and roll.

    On the chart they lie at stretch (-roll, pitch): where a light at the zenith would go, seen from the stone.
    """
    pitch, roll = np.asarray(tilt_rad, np.float64).T
    points = zip(-stretch * roll, stretch * pitch, strict=True)
    return np.array([chart_decode(np.float32(a), np.float32(b)) for a, b in points], np.float64).reshape(-1, 3)


def clamp_tilt(tilt_rad: tuple[float, float], captured_rad: F32) -> tuple[float, float]:
    """Return the tilt nearest to (pitch, roll) in the convex hull of the captured ones (L, 2)."""
    hull = cv2.convexHull(captured_rad)[:, 0].astype(np.float64)
    point = np.asarray(tilt_rad, np.float64)
    ends = np.roll(hull, -1, axis=0)
    along, out = ends - hull, point - hull
    turn = along[:, 0] * out[:, 1] - along[:, 1] * out[:, 0]
    if len(hull) > 2 and ((turn >= 0).all() or (turn <= 0).all()):
        return tilt_rad
    length = np.maximum((along**2).sum(axis=1), 1e-30)
    share = np.clip((out * along).sum(axis=1) / length, 0, 1)
    nearest = hull + share[:, None] * along
    pitch, roll = nearest[np.argmin(((nearest - point) ** 2).sum(axis=1))].tolist()
    return pitch, roll


def plane_to_picture(camera: Camera, plane_height: float, tilt_rad: tuple[float, float]) -> F64:
    """Return the homography (3, 3) from texels to pixels, both column and row with centres at +0.5.

    Untilted, each texel is seen at its own pixel.
    """
    width, height = camera.size
    scale = camera.field_width / width
    nearer = 0.0 if camera.distance is None else 1 / camera.distance
    grid = scale * (1 - plane_height * nearer)  # stone widths a texel, in the plane
    to_stone = np.array([[grid, 0, -grid * width / 2], [0, -grid, grid * height / 2], [0, 0, plane_height]])
    world = tilt_rotation(*tilt_rad) @ to_stone
    depth = np.array([0, 0, 1]) - nearer * world[2]  # how much smaller than in the plane z = 0 things are seen
    column, row = world[0] / scale + width / 2 * depth, -world[1] / scale + height / 2 * depth
    return np.stack([column, row, depth])


def warp(picture: F32, matrix: F64, *, back: bool = False, cubic: bool = True) -> F32:
    """Return what a picture (H, W, ...) >= 0 holds where a homography takes each pixel; 0 outside.

    back: the other way round, which undoes it. cubic: or else linear, which stays between the values that are there.
    """
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    indexed = np.linalg.inv(centre) @ matrix @ centre
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | (0 if back else cv2.WARP_INVERSE_MAP)
    warped = cv2.warpPerspective(picture, indexed, picture.shape[1::-1], flags=flags)
    return np.asarray(np.maximum(warped, 0), np.float32)


def warp_light(light: F32, matrix: F64, *, back: bool = False) -> F32:
    """Return linear light (H, W, 3) warped. It is interpolated as displayed, where flashes ring and bleed less."""
    shown = np.maximum(light, 0) ** np.float32(1 / DISPLAY_GAMMA)
    return np.asarray(warp(shown, matrix, back=back) ** np.float32(DISPLAY_GAMMA), np.float32)
