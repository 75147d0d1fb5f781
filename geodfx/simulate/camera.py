"""The camera: which ray each sample of a texel looks along."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64
from geodfx.jit import kernel
from geodfx.simulate.exits import R2_X, R2_Y

__all__ = ["Camera", "camera_ray", "make_camera", "pixel_of"]

FAR = 16.0  # a telecentric camera's rays begin this far up, in stone widths


class Camera(NamedTuple):
    """A camera above the origin that looks down -z, x to the right, row 0 at +y."""

    width: int
    height: int
    distance: float  # stone widths from the origin; 0: telecentric
    field_width: float  # of the picture in the plane z = 0
    rotation: F64  # (3, 3) from the world to the stone frame
    offset: F64  # (S, 2) where in a texel each sample lies, 0..1


def make_camera(
    size: tuple[int, int], distance: float | None, field_width: float, samples: int, rotation: F64 | None = None
) -> Camera:
    """Return a camera; samples lie on a square where their number is one, else along the R2 sequence."""
    side = math.isqrt(samples)
    k = np.arange(samples)
    if side * side == samples:
        offset = np.stack([(k % side + 0.5) / side, (k // side + 0.5) / side], axis=1)
    else:
        offset = np.stack([(0.5 + R2_X * k) % 1, (0.5 + R2_Y * k) % 1], axis=1)
    turned = np.eye(3) if rotation is None else np.ascontiguousarray(rotation, np.float64)
    return Camera(size[0], size[1], distance or 0.0, field_width, turned, offset)


@kernel
def camera_ray(camera: Camera, column: int, row: int, sample: int) -> tuple[float, float, float, float, float, float]:
    """Return origin and unit direction, stone frame."""
    scale = camera.field_width / camera.width
    x = (column + camera.offset[sample, 0] - 0.5 * camera.width) * scale
    y = (0.5 * camera.height - row - camera.offset[sample, 1]) * scale
    if camera.distance > 0.0:
        ox, oy, oz = 0.0, 0.0, camera.distance
        dx, dy, dz = x, y, -camera.distance
        size = math.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / size, dy / size, dz / size
    else:
        ox, oy, oz = x, y, FAR
        dx, dy, dz = 0.0, 0.0, -1.0
    m = camera.rotation
    return (
        m[0, 0] * ox + m[0, 1] * oy + m[0, 2] * oz,
        m[1, 0] * ox + m[1, 1] * oy + m[1, 2] * oz,
        m[2, 0] * ox + m[2, 1] * oy + m[2, 2] * oz,
        m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz,
        m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz,
        m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz,
    )


def pixel_of(camera: Camera, x: float, y: float, z: float = 0.0) -> tuple[float, float]:
    """Return where a point of the world stands in the picture: column and row, y down, texel centres at +0.5."""
    shrink = camera.distance / (camera.distance - z) if camera.distance > 0 else 1.0
    scale = camera.width / camera.field_width * shrink
    return 0.5 * camera.width + x * scale, 0.5 * camera.height - y * scale
