"""What grew inside a clear stone: needles, feathers and clouds that take away light and scatter it.

Simplified: what is scattered comes out as from a white card that faces up, coloured by the inclusion's albedo alone;
it is not traced on. Needles and feathers are thin, so that what passes goes straight on. A feather is a crack that
healed: islands of haze and of a film of fluid between its walls, which mirrors.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64
from geodfx.jit import kernel
from geodfx.rays.optics import Vector, fresnel

__all__ = [
    "Inclusions",
    "cross_inclusions",
    "feather_cover",
    "film_normal",
    "film_reflectance",
    "join_inclusions",
    "make_clouds",
    "make_feathers",
    "make_needles",
    "meet_film",
]

PARALLEL = 1e-12
STEEPEST = 0.05  # cosine from which on a feather seen along its plane grows no denser
BESIDE = 1e-9  # stone widths: a feather this near is the one that the ray comes from
FLUID_INDEX = 1.33  # of the film in a healed crack: mostly water
OUTLINE_WAVES, ISLAND_WAVES = 4, 8  # plane waves that make a feather's outline uneven, and its islands
OUTLINE_SIZE, ISLAND_SIZE = (0.9, 1.8), (0.18, 0.5)  # their wavelengths, in the feather's radii
MOST_OPACITY = 1 - 1e-6  # of a feather: beyond, its optical depth has no number
ISLAND_CONTRAST = 0.7  # a quarter of a feather is whole, a quarter not there
WAVINESS = 0.05  # rms slope of a feather's film
PUFFS = 7  # balls that make up a cloud
PUFF_SIZE = (0.35, 0.7)  # their radii, in the cloud's


class Inclusions(NamedTuple):
    """All inclusions of a stone, stone frame. `total`: all together, so that a clean stone costs nothing."""

    needle: F64  # (N, 9) middle, half the length as a vector, radius, opacity, albedo
    feather: F64  # (N, 10) centre, unit normal, radius, optical depth upright, albedo, share of the film
    wave: F64  # (N, OUTLINE_WAVES + ISLAND_WAVES, 4) of each feather: wave vector in its plane, phase
    cloud: F64  # (N, 6) ball: centre, radius, extinction a stone width at the centre, albedo
    total: int


def make_needles(
    rng: np.random.Generator, count: int, length: float, radius: float, opacity: float, albedo: float
) -> F64:
    """Return needles (N, 9) along three directions 120 degrees apart across z, as silk in corundum lies."""
    needle = np.zeros((count, 9))
    needle[:, :3] = _in_ball(rng, count)
    turn = rng.integers(0, 3, count) * math.pi / 3
    half = length / 2 * rng.uniform(0.4, 1.0, count)
    needle[:, 3], needle[:, 4] = half * np.cos(turn), half * np.sin(turn)
    needle[:, 6:] = radius, opacity, albedo
    return needle


def make_feathers(
    rng: np.random.Generator, count: int, radius: float, opacity: float, albedo: float, sheen: float
) -> tuple[F64, F64]:
    """Return feathers (N, 10) and their waves (N, W, 4): healed cracks in any direction."""
    feather = np.zeros((count, 10))
    feather[:, :3] = _in_ball(rng, count)
    normal = rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    feather[:, 3:6] = normal
    feather[:, 6] = radius * rng.uniform(0.4, 1.0, count)
    feather[:, 7:] = -math.log1p(-min(opacity, MOST_OPACITY)), albedo, sheen
    size = np.concatenate(
        [rng.uniform(*OUTLINE_SIZE, (count, OUTLINE_WAVES)), rng.uniform(*ISLAND_SIZE, (count, ISLAND_WAVES))], axis=1
    )
    along = np.cross(normal[:, None], rng.normal(size=(*size.shape, 3)))  # in the feather's plane
    along *= (2 * math.pi / (size * feather[:, 6:7]) / np.linalg.norm(along, axis=2))[..., None]
    phase = rng.uniform(0, 2 * math.pi, size.shape)
    return feather, np.concatenate([along, phase[..., None]], axis=2)


def make_clouds(rng: np.random.Generator, count: int, radius: float, extinction: float, albedo: float) -> F64:
    """Return the balls (N PUFFS, 6) of clouds of grains, each thinner towards its rim: 1 - (distance / radius)^2."""
    cloud = np.zeros((count, PUFFS, 6))
    reach = radius * rng.uniform(0.4, 1.0, (count, 1))
    cloud[..., 3] = reach * rng.uniform(*PUFF_SIZE, (count, PUFFS))
    way = rng.normal(size=(count, PUFFS, 3))
    way *= ((reach - cloud[..., 3]) / np.linalg.norm(way, axis=2))[..., None]  # each touches the cloud's rim
    cloud[..., :3] = _in_ball(rng, count)[:, None] + way
    cloud[..., 4:] = extinction, albedo
    return cloud.reshape(-1, 6)


def join_inclusions(needles: list[F64], feathers: list[tuple[F64, F64]], clouds: list[F64]) -> Inclusions:
    """Return all inclusions as the tracer takes them."""
    needle = np.concatenate([np.zeros((0, 9)), *needles])
    feather = np.concatenate([np.zeros((0, 10)), *(rows for rows, _ in feathers)])
    wave = np.concatenate([np.zeros((0, OUTLINE_WAVES + ISLAND_WAVES, 4)), *(waves for _, waves in feathers)])
    cloud = np.concatenate([np.zeros((0, 6)), *clouds])
    return Inclusions(needle, feather, wave, cloud, len(needle) + len(feather) + len(cloud))


@kernel
def film_reflectance(cos_i: float, index: float) -> float:
    """Return the reflectance of a film of fluid in a crystal, all passes between its walls added: 2 R / (1 + R).

    cos_i: in the crystal, whose index it is. Without interference, which a film of uneven thickness does not show.
    """
    wall = fresnel(cos_i, FLUID_INDEX / index)
    return 2.0 * wall / (1.0 + wall)


@kernel
def feather_cover(row: F64, wave: F64, ex: float, ey: float, ez: float) -> float:
    """Return how much of a feather there is, 0..1, at a place in its plane, told from its centre.

    It thins out towards an outline within its radius, and lies in islands.
    """
    squared = (ex * ex + ey * ey + ez * ez) / (row[6] * row[6])
    if squared >= 1.0:
        return 0.0
    outline, islands = 0.0, 0.0
    for i in range(len(wave)):
        level = math.cos(ex * wave[i, 0] + ey * wave[i, 1] + ez * wave[i, 2] + wave[i, 3])
        if i < OUTLINE_WAVES:
            outline += level * math.sqrt(2.0 / OUTLINE_WAVES)
        else:
            islands += level * math.sqrt(2.0 / ISLAND_WAVES)
    inside = 1.0 - squared * (1.0 + outline * outline)
    if inside <= 0.0:
        return 0.0
    fade = inside * inside * (3.0 - 2.0 * inside)
    cover: float = fade * min(max(0.5 + ISLAND_CONTRAST * islands, 0.0), 1.0)
    return cover


@kernel
def meet_film(
    inclusions: Inclusions, feather: int, x: float, y: float, z: float, dx: float, dy: float, dz: float, index: float
) -> tuple[float, float]:
    """Return (way, reflectance) where a ray in a crystal of an index meets a feather's film; (-1, 0) if it does not."""
    row = inclusions.feather[feather]
    at, cosine = _cross_plane(row, x, y, z, dx, dy, dz)
    if at <= BESIDE:
        return -1.0, 0.0
    ex, ey, ez = x + at * dx - row[0], y + at * dy - row[1], z + at * dz - row[2]
    cover = feather_cover(row, inclusions.wave[feather], ex, ey, ez)
    return at, row[9] * cover * film_reflectance(cosine, index) if cover > 0.0 else 0.0


@kernel
def film_normal(inclusions: Inclusions, feather: int, x: float, y: float, z: float) -> Vector:
    """Return the unit normal of a feather's film at a place on it: it is wavy."""
    row, wave = inclusions.feather[feather], inclusions.wave[feather]
    nx, ny, nz = row[3], row[4], row[5]
    for i in range(len(wave)):
        kx, ky, kz = wave[i, 0], wave[i, 1], wave[i, 2]
        phase = (x - row[0]) * kx + (y - row[1]) * ky + (z - row[2]) * kz + wave[i, 3]
        slope = WAVINESS * math.sqrt(2.0 / len(wave)) * math.sin(phase) / math.sqrt(kx * kx + ky * ky + kz * kz)
        nx, ny, nz = nx + slope * kx, ny + slope * ky, nz + slope * kz
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx / size, ny / size, nz / size


@kernel
def _cross_plane(row: F64, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Return the way to a feather's plane, -1 along it, and the cosine, 0..1, between ray and normal."""
    fall = dx * row[3] + dy * row[4] + dz * row[5]
    if abs(fall) <= PARALLEL:
        return -1.0, 0.0
    return ((row[0] - x) * row[3] + (row[1] - y) * row[4] + (row[2] - z) * row[5]) / fall, min(abs(fall), 1.0)


@kernel
def cross_inclusions(
    inclusions: Inclusions, x: float, y: float, z: float, dx: float, dy: float, dz: float, way: float
) -> tuple[float, float]:
    """Return (share that passes, mean albedo of what took the rest) over a way from a point."""
    passed, scattered = 1.0, 0.0
    for i in range(len(inclusions.needle)):
        row = inclusions.needle[i]
        if _meets_needle(row, x, y, z, dx, dy, dz, way):
            scattered += passed * row[7] * row[8]
            passed *= 1.0 - row[7]
    for i in range(len(inclusions.feather)):
        row = inclusions.feather[i]
        at, cosine = _cross_plane(row, x, y, z, dx, dy, dz)
        if BESIDE < at < way:
            ex, ey, ez = x + at * dx - row[0], y + at * dy - row[1], z + at * dz - row[2]
            depth = row[7] * feather_cover(row, inclusions.wave[i], ex, ey, ez) / max(cosine, STEEPEST)
            share = math.exp(-depth)
            scattered += passed * (1.0 - share) * row[8]
            passed *= share
    for i in range(len(inclusions.cloud)):
        row = inclusions.cloud[i]
        cx, cy, cz = row[0] - x, row[1] - y, row[2] - z
        middle = cx * dx + cy * dy + cz * dz
        squared = row[3] * row[3] - (cx * cx + cy * cy + cz * cz - middle * middle)
        if squared > 0.0:
            half = math.sqrt(squared)
            begin, end = max(-half, -middle), min(half, way - middle)  # from the chord's middle
            if begin < end:
                depth = squared * (end - begin) - (end**3 - begin**3) / 3.0  # of 1 - (distance / radius)^2
                share = math.exp(-row[4] * depth / (row[3] * row[3]))
                scattered += passed * (1.0 - share) * row[5]
                passed *= share
    return passed, scattered / (1.0 - passed) if passed < 1.0 else 0.0


@kernel
def _meets_needle(row: F64, x: float, y: float, z: float, dx: float, dy: float, dz: float, way: float) -> bool:
    """Tell whether a way comes nearer to a needle's axis than its radius. Ericson 2005, 5.1.9."""
    ux, uy, uz = row[3], row[4], row[5]
    wx, wy, wz = row[0] - x, row[1] - y, row[2] - z
    uu = ux * ux + uy * uy + uz * uz
    du = dx * ux + dy * uy + dz * uz
    dw = dx * wx + dy * wy + dz * wz
    uw = ux * wx + uy * wy + uz * wz
    denominator = uu - du * du
    s = (du * dw - uw) / denominator if denominator > PARALLEL else 0.0
    s = min(max(s, -1.0), 1.0)
    t = min(max(dw + s * du, 0.0), way)
    s = min(max((t * du - uw) / uu, -1.0), 1.0)
    ex, ey, ez = wx + s * ux - t * dx, wy + s * uy - t * dy, wz + s * uz - t * dz
    near: bool = ex * ex + ey * ey + ez * ez < row[6] * row[6]
    return near


def _in_ball(rng: np.random.Generator, count: int) -> F64:
    """Return points (N, 3) spread over a ball that holds the middle of any stone."""
    points = rng.normal(size=(count, 3))
    reach = 0.4 * np.cbrt(rng.uniform(size=count))
    placed: F64 = points * (reach / np.linalg.norm(points, axis=1))[:, None]
    return placed
