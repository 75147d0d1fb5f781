"""Opaque stones: a body that scatters, a surface that shines, and plates below it that flash.

A pebble is half an ellipsoid whose normals are bent by smooth noise. A camera ray meets the surface: glare is
one exit. The rest goes in; where it meets a plate it is mirrored (mica) or diffracted (the grains of opal) and leaves
again through the surface: another exit. What meets no plate is the body: matte, with the albedo's colour.

Simplified: a bump casts no shadow on its neighbours, a plate lies just below the surface, and an opal's grain reflects
one order of one family of layers, by Bragg's law.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64
from geodfx.jit import kernel
from geodfx.rays.optics import fresnel, reflect, refract
from geodfx.simulate.exits import GLARE_PATH, Exits, extend_path, jitter_normal, put_exit
from geodfx.simulate.hits import cross_curve
from geodfx.simulate.materials import Plates

__all__ = ["Rough", "make_bumps", "make_plates", "most_plates", "shade_sample"]

BRAGG_WIDTH = 0.03  # standard deviation of a grain's reflection, as a share of its wavelength
PLATE_PITCH = 2.2  # cells of mica are this many plate radii wide, so that a plate reaches its neighbours' cells at most
BEHIND = 0.3  # of the body's light, what comes from deeper than a plate and is held back; the rest is haze before it
BUMP_WAVES = 24  # plane waves that add up to a pebble's smooth unevenness


class Rough(NamedTuple):
    """An opaque stone, stone frame."""

    curve: F64  # (7,) ellipsoid: centre, 1 / semi-axis^2, 1
    floor: float  # z of the plane on which it is cut off
    bump: F64  # (N, 4) waves that bend the normal: wave vector x, y in radians a width, phase, slope
    plate: F64  # (G, G, 7) one a cell of a square of side 1: x, y, radius (0: none), normal, spacing nm (0: mirror)
    reflectance: float  # of a plate at its best
    refractive: F64  # (S, B)
    wavelength_nm: F64  # (S, B)
    rgb: F64  # (S, B, 3)
    albedo: F64  # (3,)
    slope: float  # rms slope of the polish
    mosaic: float  # rms slope within one plate


def make_bumps(rng: np.random.Generator, slope: float, size: float) -> F64:
    """Return waves (BUMP_WAVES, 4) of wavelengths about `size`, that bend normals by `slope` rms."""
    turn = rng.uniform(0, 2 * math.pi, BUMP_WAVES)
    number = 2 * math.pi / (size * rng.uniform(0.6, 1.8, BUMP_WAVES))
    phase = rng.uniform(0, 2 * math.pi, BUMP_WAVES)
    each = np.full(BUMP_WAVES, slope * math.sqrt(2 / BUMP_WAVES))
    return np.stack([number * np.cos(turn), number * np.sin(turn), phase, each], axis=1)


def make_plates(rng: np.random.Generator, plates: Plates, count: int, size: float) -> F64:
    """Return plates (G, G, 7): `count` over the square of side 1 about the stone.

    Mica: plates of radius `size` here and there. Grains: one in every cell, as large as its neighbours allow.
    """
    grains = plates.kind == "grains"
    side = math.isqrt(count) if grains else _mica_cells(size)
    filled = np.ones((side, side), bool)
    if not grains:
        filled = rng.permutation(side * side).reshape(side, side) < count
    plate = np.zeros((side, side, 7))
    place = (
        np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1) + rng.uniform(0, 1, (side, side, 2))
    ) / side
    plate[..., :2] = place - 0.5
    plate[..., 2] = np.where(filled, 2.0 if grains else size * rng.uniform(0.5, 1.0, (side, side)), 0.0)
    slope = np.tan(np.radians(plates.tilt_deg)) * rng.normal(size=(side, side, 2))
    normal = np.dstack([slope, np.ones((side, side))])
    plate[..., 3:6] = normal / np.linalg.norm(normal, axis=2, keepdims=True)
    plate[..., 6] = rng.uniform(*plates.spacing_nm, (side, side)) if plates.spacing_nm[1] > 0 else 0.0
    return plate


def most_plates(size: float) -> int:
    """Return how many plates of mica of radius `size` have room: one a cell."""
    return _mica_cells(size) ** 2


def _mica_cells(size: float) -> int:
    return max(1, int(1 / (PLATE_PITCH * size)))


@kernel
def shade_sample(
    rough: Rough,
    exits: Exits,
    sample: int,
    seed: np.uint32,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> bool:
    """Shade one camera ray into `exits`, its body included; tell whether it met the stone."""
    exits.filled[0] = 0
    exits.body[:] = 0.0
    exits.spread[:] = 0.0
    exits.lost[:] = 0.0
    way, _ = cross_curve(rough.curve, ox, oy, oz, dx, dy, dz)
    x, y, z = ox + way * dx, oy + way * dy, oz + way * dz
    if not way < math.inf or z < rough.floor:
        return False
    nx, ny, nz = _bent_normal(rough, x, y, z, dx, dy, dz)
    exits.place[0], exits.place[1], exits.place[2] = x, y, z
    exits.normal[0], exits.normal[1], exits.normal[2] = nx, ny, nz
    u, v = _plate_at(rough, x, y)
    exits.face[0] = 0 if u < 0 else 1 + v * rough.plate.shape[1] + u
    bands = rough.refractive.shape[1]
    for band in range(bands):
        draw = sample * bands + band  # slopes of its own: a rough polish is less grainy
        mx, my, mz = jitter_normal(nx, ny, nz, rough.slope, seed, draw, 0)
        cos_i = min(max(-(dx * mx + dy * my + dz * mz), 1e-6), 1.0)
        gx, gy, gz = reflect(dx, dy, dz, mx, my, mz)
        index = rough.refractive[sample, band]
        glare = fresnel(cos_i, index)
        put_exit(exits, x, y, z, gx, gy, gz, glare, band, np.uint32(GLARE_PATH))
        body = 1.0 - glare
        if u >= 0:
            body -= BEHIND * _flash(rough, exits, sample, band, seed, draw, u, v, x, y, z, dx, dy, dz, mx, my, mz, body)
        for c in range(3):
            exits.body[c] += rough.rgb[sample, band, c] * body * rough.albedo[c]
    return True


@kernel
def _bent_normal(
    rough: Rough, x: float, y: float, z: float, dx: float, dy: float, dz: float
) -> tuple[float, float, float]:
    """Return the surface's normal with its bumps; one that turns from the camera is laid across the ray."""
    nx, ny = (x - rough.curve[0]) * rough.curve[3], (y - rough.curve[1]) * rough.curve[4]
    nz = (z - rough.curve[2]) * rough.curve[5]
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    nx, ny, nz = nx / size, ny / size, nz / size
    for i in range(len(rough.bump)):
        kx, ky = rough.bump[i, 0], rough.bump[i, 1]
        tilt = rough.bump[i, 3] * math.cos(kx * x + ky * y + rough.bump[i, 2]) / math.sqrt(kx * kx + ky * ky)
        nx += tilt * kx
        ny += tilt * ky
    facing = -(nx * dx + ny * dy + nz * dz)
    if facing < 0.01:
        nx, ny, nz = nx + (facing - 0.01) * dx, ny + (facing - 0.01) * dy, nz + (facing - 0.01) * dz
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx / size, ny / size, nz / size


@kernel
def _plate_at(rough: Rough, x: float, y: float) -> tuple[int, int]:
    """Return column and row of the nearest plate that covers a place, or (-1, -1)."""
    side = rough.plate.shape[0]
    best, best_u, best_v = math.inf, -1, -1
    middle_u, middle_v = math.floor((x + 0.5) * side), math.floor((y + 0.5) * side)
    for v in range(max(middle_v - 1, 0), min(middle_v + 2, side)):
        for u in range(max(middle_u - 1, 0), min(middle_u + 2, side)):
            ex, ey, radius = x - rough.plate[v, u, 0], y - rough.plate[v, u, 1], rough.plate[v, u, 2]
            squared = ex * ex + ey * ey
            if squared < radius * radius and squared < best:
                best, best_u, best_v = squared, u, v
    return best_u, best_v


@kernel
def _flash(
    rough: Rough,
    exits: Exits,
    sample: int,
    band: int,
    seed: np.uint32,
    draw: int,
    u: int,
    v: int,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
    nx: float,
    ny: float,
    nz: float,
    entered: float,
) -> float:
    """Add the exit of light that a plate sends back out, and return how much the plate took from the body.

    The plate's own normal is told about +z and turned with the surface, so that it lies along it on average.
    """
    index = rough.refractive[sample, band]
    tx, ty, tz = refract(dx, dy, dz, nx, ny, nz, index)
    a, b, c = rough.plate[v, u, 3], rough.plate[v, u, 4], rough.plate[v, u, 5]
    turn = 1.0 / (1.0 + max(nz, -0.9))  # the rotation that takes +z to the normal along the shortest way
    px = a * (1.0 - nx * nx * turn) - b * nx * ny * turn + c * nx
    py = -a * nx * ny * turn + b * (1.0 - ny * ny * turn) + c * ny
    pz = -a * nx - b * ny + c * nz
    px, py, pz = jitter_normal(px, py, pz, rough.mosaic, seed, draw, 1)
    cosine = -(tx * px + ty * py + tz * pz)
    if cosine <= 0.0:
        return 0.0
    taken = rough.reflectance
    spacing = rough.plate[v, u, 6]
    if spacing > 0.0:
        wavelength = 2.0 * index * spacing * cosine  # Bragg 1913, first order
        off = (rough.wavelength_nm[sample, band] / wavelength - 1.0) / BRAGG_WIDTH
        taken *= math.exp(-0.5 * off * off)
    rx, ry, rz = reflect(tx, ty, tz, px, py, pz)
    out = rx * nx + ry * ny + rz * nz
    if out <= 0.0:
        return 0.0
    passed = 1.0 - fresnel(min(out, 1.0), 1.0 / index)
    if passed > 0.0:
        ex, ey, ez = refract(rx, ry, rz, -nx, -ny, -nz, 1.0 / index)
        path = extend_path(np.uint32(GLARE_PATH), 1 + v * rough.plate.shape[1] + u)
        put_exit(exits, x, y, z, ex, ey, ez, entered * taken * passed, band, path)
    return entered * taken * passed
