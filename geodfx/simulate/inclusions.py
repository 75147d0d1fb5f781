"""What grew inside a clear stone: needles, feathers and clouds that take away light and scatter it.

Simplified: what is scattered comes out as from a white card that faces up, coloured by the inclusion's albedo alone;
it is not traced on. Needles and feathers are thin, so that what passes goes straight on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64
from geodfx.jit import kernel

__all__ = ["Inclusions", "cross_inclusions", "join_inclusions", "make_clouds", "make_feathers", "make_needles"]

PARALLEL = 1e-12


class Inclusions(NamedTuple):
    """All inclusions of a stone, stone frame. `total`: all together, so that a clean stone costs nothing."""

    needle: F64  # (N, 9) middle, half the length as a vector, radius, opacity, albedo
    feather: F64  # (N, 9) centre, unit normal, radius, opacity, albedo
    cloud: F64  # (N, 6) centre, radius, extinction a stone width at the centre, albedo
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


def make_feathers(rng: np.random.Generator, count: int, radius: float, opacity: float, albedo: float) -> F64:
    """Return feathers (N, 9): healed cracks, flat discs in any direction."""
    feather = np.zeros((count, 9))
    feather[:, :3] = _in_ball(rng, count)
    normal = rng.normal(size=(count, 3))
    feather[:, 3:6] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    feather[:, 6] = radius * rng.uniform(0.4, 1.0, count)
    feather[:, 7:] = opacity, albedo
    return feather


def make_clouds(rng: np.random.Generator, count: int, radius: float, extinction: float, albedo: float) -> F64:
    """Return clouds (N, 6): balls of fine grains, thinner towards their rim: as 1 - (distance / radius)^2."""
    cloud = np.zeros((count, 6))
    cloud[:, :3] = _in_ball(rng, count)
    cloud[:, 3] = radius * rng.uniform(0.4, 1.0, count)
    cloud[:, 4:] = extinction, albedo
    return cloud


def join_inclusions(needles: list[F64], feathers: list[F64], clouds: list[F64]) -> Inclusions:
    """Return all inclusions as the tracer takes them."""
    needle, feather = (np.concatenate([np.zeros((0, 9)), *rows]) for rows in (needles, feathers))
    cloud = np.concatenate([np.zeros((0, 6)), *clouds])
    return Inclusions(needle, feather, cloud, len(needle) + len(feather) + len(cloud))


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
        fall = dx * row[3] + dy * row[4] + dz * row[5]
        cx, cy, cz = row[0] - x, row[1] - y, row[2] - z
        at = (cx * row[3] + cy * row[4] + cz * row[5]) / fall if abs(fall) > PARALLEL else -1.0
        if 0.0 < at < way:
            ex, ey, ez = at * dx - cx, at * dy - cy, at * dz - cz
            if ex * ex + ey * ey + ez * ez < row[6] * row[6]:
                scattered += passed * row[7] * row[8]
                passed *= 1.0 - row[7]
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
