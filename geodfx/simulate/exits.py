"""What a ray tracer hands on: exits, and sums of light that leaves in all directions. Also the noise of fixed seeds.

An exit is light of one wavelength that a camera ray reaches outside the stone: a direction, a place, a weight 0..1 and
the path it took. By reciprocity the texel shows `weight` times the radiance that arrives from that direction.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64, I64, U32
from geodfx.jit import kernel
from geodfx.simulate.polyhedron import MAX_FACES
from geodfx.simulate.spectrum import BANDS

__all__ = [
    "GLARE_PATH",
    "MAX_ASIDE",
    "MAX_BOUNCES",
    "MAX_CHAINS",
    "MAX_EXITS",
    "R2_X",
    "R2_Y",
    "Exits",
    "extend_path",
    "hash_unit",
    "jitter_normal",
    "make_exits",
    "put_exit",
]

MAX_BOUNCES = 200  # inside the stone; a chain longer than this is cut, its rest told as lost
MAX_CHAINS = 2 * BANDS  # of one sample: its bands, two polarisations
MAX_ASIDE = 16  # rays that one chain puts aside
MAX_EXITS = 8192  # of one sample: all chains, and as much again for what they put aside
GLARE_PATH = 2166136261  # the path of surface glare; others grow from it (FNV-1a, Fowler, Noll, Vo 1991)
FNV_PRIME = 16777619
R2_X, R2_Y = 0.7548776662466927, 0.5698402909980532  # steps of the R2 sequence: 1 / g, 1 / g^2, g^3 = g + 1


class Exits(NamedTuple):
    """The exits of one sample, filled from the front; `filled[0]` of them hold."""

    direction: F64  # (N, 3) unit, stone frame
    position: F64  # (N, 3) where the ray left the stone
    weight: F64  # (N,)
    band: I64  # (N,) which wavelength
    path: U32  # (N,) hash of the faces that it met
    filled: I64  # (1,)
    body: F64  # (3,) colour of what is matte: the texel shows it as a card that faces along `normal`
    spread: F64  # (3,) colour of the light that is scattered: the texel shows it as a white card facing up would
    lost: F64  # (3,) what was still inside when the chain was cut
    scratch: F64  # (MAX_FACES,) for the tracer
    aside: F64  # (MAX_ASIDE, 8) rays split off a chain, followed after it: weight, place, k, bounce; for the tracer
    aside_path: U32  # (MAX_ASIDE,)
    aside_filled: I64  # (1,)
    trail: I64  # (MAX_BOUNCES + 1,) faces that the last ray met, -1: none; for the tracer
    place: F64  # (3,) where the sample met the surface
    normal: F64  # (3,) of that surface
    face: I64  # (1,) its number


def make_exits() -> Exits:
    """Return an empty buffer; each thread needs one of its own."""
    return Exits(
        np.zeros((MAX_EXITS, 3)),
        np.zeros((MAX_EXITS, 3)),
        np.zeros(MAX_EXITS),
        np.zeros(MAX_EXITS, np.int64),
        np.zeros(MAX_EXITS, np.uint32),
        np.zeros(1, np.int64),
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        np.zeros(MAX_FACES),
        np.zeros((MAX_ASIDE, 8)),
        np.zeros(MAX_ASIDE, np.uint32),
        np.zeros(1, np.int64),
        np.full(MAX_BOUNCES + 1, -1, np.int64),
        np.zeros(3),
        np.zeros(3),
        np.zeros(1, np.int64),
    )


@kernel
def put_exit(
    exits: Exits,
    px: float,
    py: float,
    pz: float,
    dx: float,
    dy: float,
    dz: float,
    weight: float,
    band: int,
    path: np.uint32,
) -> None:
    """Add one exit; there is room for all that a tracer can make."""
    i = exits.filled[0]
    exits.position[i, 0], exits.position[i, 1], exits.position[i, 2] = px, py, pz
    exits.direction[i, 0], exits.direction[i, 1], exits.direction[i, 2] = dx, dy, dz
    exits.weight[i] = weight
    exits.band[i] = band
    exits.path[i] = path
    exits.filled[0] = i + 1


@kernel
def extend_path(path: np.uint32, face: int) -> np.uint32:
    """Return the hash of a path that goes on to a face."""
    return np.uint32(np.uint32(path ^ np.uint32(face + 1)) * np.uint32(FNV_PRIME))


@kernel
def hash_unit(seed: np.uint32, index: int) -> float:
    """Return a number in 0..1 that looks random, the same for the same arguments. PCG hash, Jarzynski, Olano 2020."""
    state = np.uint32(np.uint32(seed ^ np.uint32(index * 1013 + 1)) * np.uint32(747796405)) + np.uint32(2891336453)
    state = np.uint32(state)
    shift = np.uint32((state >> np.uint32(28)) + np.uint32(4))
    word = np.uint32(np.uint32((state >> shift) ^ state) * np.uint32(277803737))
    word = np.uint32((word >> np.uint32(22)) ^ word)
    return float(word) / 4294967296.0


@kernel
def jitter_normal(
    nx: float, ny: float, nz: float, slope: float, seed: np.uint32, draw: int, bounce: int
) -> tuple[float, float, float]:
    """Return a normal tilted by a Gaussian slope: a satin polish, seen by one ray. Beckmann's distribution.

    seed: the texel's. draw: which of its rays; they spread evenly over the slopes (R2 sequence, Roberts 2018). Each
    bounce strides along that sequence by an odd number of its own, so that slopes of two bounces meet in all ways.
    """
    if slope <= 0.0:
        return nx, ny, nz
    step = (2 * bounce + 1) * draw
    u = (hash_unit(seed, 2 * bounce) + step * R2_X) % 1.0
    rim = slope * math.sqrt(-math.log(1.0 - u))  # rms of both axes together is `slope`
    turn = 2.0 * math.pi * (hash_unit(seed, 2 * bounce + 1) + step * R2_Y)
    ax, ay, az = (0.0, -nz, ny) if abs(nx) < 0.6 else (nz, 0.0, -nx)  # across the normal
    size = math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / size, ay / size, az / size
    bx, by, bz = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
    p, q = rim * math.cos(turn), rim * math.sin(turn)
    mx, my, mz = nx + p * ax + q * bx, ny + p * ay + q * by, nz + p * az + q * bz
    size = math.sqrt(mx * mx + my * my + mz * mz)
    return mx / size, my / size, mz / size
