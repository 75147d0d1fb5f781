"""The lights of a shot, and the direction grid that tells which of them an exit can reach.

The upper half of the sphere, as a hemi-octahedral square (Cigolle 2014), is cut in cells; each cell lists the lights
whose soft disc comes near it. An exit looks at its own cell's list and at no other light.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64, I64
from geodfx.constants import LIGHT_EDGE, MIN_LIGHT_RADIUS_RAD
from geodfx.jit import kernel
from geodfx.simulate.rig import Lights

__all__ = ["Sky", "add_lambert", "light_seen", "make_sky"]

CELLS = 64  # along a side: cells of 1.4 to 2.5 degrees, smaller than the usual light
STONE_REACH = 0.9  # no point of a stone lies further from the origin, in stone widths
STEPS = 4  # points along a cell's side when its extent is measured
SLACK = 1.1  # by which the extent is taken larger, for what lies between those points


class Sky(NamedTuple):
    """L lights over M photos, stone frame."""

    light: F64  # (L, 8): direction, distance (0: far), radiance, sin of its radius, cosines of its edge, out and in
    photo: I64  # (L,) which photo each light is lit in
    first: I64  # (CELLS^2 + 1,) each cell's part of `near`
    near: I64  # (N,) lights
    photos: int  # M


def make_sky(lights: Lights, photo: I64, photos: int, rotation: F64 | None = None, *, reach: float = 0.0) -> Sky:
    """Return the sky of some lights; rotation (3, 3) brings directions from the world to the stone frame.

    reach: how far from the origin near lights are looked at from, where that is further than a stone goes.
    """
    direction = lights.direction if rotation is None else lights.direction @ rotation.T
    radius = max(lights.radius_rad, MIN_LIGHT_RADIUS_RAD)
    rows = np.zeros((len(direction), 8))
    rows[:, :3] = direction
    rows[:, 3] = lights.distance or 0.0
    rows[:, 4] = lights.intensity / (2 * (1 - math.cos(radius)))
    rows[:, 5] = math.sin(min(radius, math.pi / 2))
    rows[:, 6] = math.cos(min(radius * (1 + LIGHT_EDGE), math.pi))
    rows[:, 7] = math.cos(radius * (1 - LIGHT_EDGE))
    first, near = _grid(direction, _widest(lights.distance, radius, max(reach, STONE_REACH)))
    return Sky(rows, np.ascontiguousarray(photo, np.int64), first, near, photos)


def _widest(distance: float | None, radius: float, reach: float) -> float:
    """Return the angle from a light's middle, seen from the origin, within which its disc stays from anywhere."""
    if distance is None:
        return radius * (1 + LIGHT_EDGE)
    if distance <= reach:
        return math.pi
    largest = math.asin(min(math.sin(radius) * distance / (distance - reach), 1.0))
    return largest * (1 + LIGHT_EDGE) + math.asin(reach / distance)


def _grid(direction: F64, outer_rad: float) -> tuple[I64, I64]:
    """Return (first, near) of all cells."""
    middle, extent = _cells()
    reach = np.cos(np.minimum(outer_rad + extent[:, None], math.pi))
    cell, near = np.nonzero(middle @ direction.T >= reach)
    first = np.zeros(CELLS * CELLS + 1, np.int64)
    first[1:] = np.cumsum(np.bincount(cell, minlength=CELLS * CELLS))
    return first, near.astype(np.int64)


@cache
def _cells() -> tuple[F64, F64]:
    """Return each cell's middle (CELLS^2, 3) and the angle (CELLS^2,) within which the cell lies about it."""
    edge = (np.arange(CELLS)[:, None] + np.linspace(0, 1, STEPS + 1)) * 2 / CELLS - 1
    u, v = edge[None, :, None, :], edge[:, None, :, None]
    points = _decode(*np.broadcast_arrays(u, v)).reshape(CELLS * CELLS, -1, 3)
    middle = points.mean(axis=1)
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    cosine = np.einsum("npk,nk->np", points, middle).min(axis=1)
    return middle, SLACK * np.arccos(np.minimum(cosine, 1.0))


def _decode(u: F64, v: F64) -> F64:
    """Return directions (..., 3) of points in the square, as `basis.hemioct_decode` does."""
    x, y = (u + v) / 2, (u - v) / 2
    points = np.stack([x, y, np.maximum(1 - np.abs(x) - np.abs(y), 0.0)], axis=-1)
    unit: F64 = points / np.linalg.norm(points, axis=-1, keepdims=True)
    return unit


@kernel
def light_seen(sky: Sky, light: int, px: float, py: float, pz: float, dx: float, dy: float, dz: float) -> float:
    """Return the radiance of a light in a direction from a point: full inside its disc, a ramp at its edge."""
    lx, ly, lz = sky.light[light, 0], sky.light[light, 1], sky.light[light, 2]
    outer, inner = sky.light[light, 6], sky.light[light, 7]
    distance = sky.light[light, 3]
    if distance > 0.0:
        lx, ly, lz = lx * distance - px, ly * distance - py, lz * distance - pz
        size = math.sqrt(lx * lx + ly * ly + lz * lz)
        lx, ly, lz = lx / size, ly / size, lz / size
        radius = math.asin(min(sky.light[light, 5] * distance / size, 1.0))  # a ball, seen from where the light left
        outer, inner = math.cos(radius * (1.0 + LIGHT_EDGE)), math.cos(radius * (1.0 - LIGHT_EDGE))
    cosine = lx * dx + ly * dy + lz * dz
    if cosine <= outer:
        return 0.0
    radiance: float = sky.light[light, 4]
    ramp: float = (cosine - outer) / (inner - outer)
    return radiance * min(ramp, 1.0)


@kernel
def add_lambert(
    sky: Sky,
    photo: F64,
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    red: float,
    green: float,
    blue: float,
) -> None:
    """Add a matte surface's answer to every light above the horizon to photo (M, 3); a light counts as a point."""
    for light in range(len(sky.light)):
        lx, ly, lz = sky.light[light, 0], sky.light[light, 1], sky.light[light, 2]
        distance = sky.light[light, 3]
        if lz <= 0.0:
            continue
        nearer = 1.0
        if distance > 0.0:
            lx, ly, lz = lx * distance - px, ly * distance - py, lz * distance - pz
            size = math.sqrt(lx * lx + ly * ly + lz * lz)
            lx, ly, lz = lx / size, ly / size, lz / size
            nearer = distance * distance / (size * size)
        cosine = nx * lx + ny * ly + nz * lz
        if cosine > 0.0:
            intensity = sky.light[light, 4] * 2.0 * (1.0 - math.sqrt(1.0 - sky.light[light, 5] ** 2))
            power = cosine * nearer * intensity
            m = sky.photo[light]
            photo[m, 0] += red * power
            photo[m, 1] += green * power
            photo[m, 2] += blue * power
