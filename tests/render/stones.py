"""Stones made of known numbers, for the tests of this folder."""

from __future__ import annotations

import math

import numpy as np

from geodfx.base_map import Base, encode_base
from geodfx.basis import chart_encode
from geodfx.lobe_map import FacetTable, Lobes, pack_lobes
from geodfx.stone import Stone

MODELS = {"lobes": ("hsh", "linear"), "hsh": ("hsh", "display"), "ptm": ("ptm", "display")}


def random_directions(rng, count, lowest_z=0.0):
    """Return (count, 3) unit vectors, even over the cap z >= lowest_z."""
    z = lowest_z + (1 - lowest_z) * rng.random(count)
    turn = rng.random(count) * 2 * math.pi
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1)


def spread_channels(rng, green, angle):
    """Return directions (N, 3, 3) of red, green and blue, red and blue to either side of green by about an angle."""
    step = angle * rng.normal(size=(len(green), 1, 3)) * np.array([1.0, 0.0, -1.0])[:, None]
    direction = green[:, None] + step
    direction[..., 2] = np.abs(direction[..., 2])
    return direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def make_stone(base, lobes=None, alpha=None, model="lobes", display_gain=2.0, tilting=None):
    """Return a stone of a base (space and basis by the model), (T, H, W, 3) coefficients, and a lobes' table."""
    basis, space = MODELS[model]
    height, width = base.shape[1:3]
    return Stone(
        name="synthetic",
        model=model,
        domain="light" if tilting is None else "tilt",
        alpha=np.full((height, width), 255, np.uint8) if alpha is None else alpha,
        base=base_of(basis, space, base, display_gain),
        lobes=lobes,
        light_direction=np.array([[0, 0, 1]], np.float32),
        light_radius_rad=math.radians(10),
        display_gain=display_gain,
        tilting=tilting,
    )


def base_of(basis, space, coefficients, display_gain=1.0) -> Base:
    """Return the base of coefficients (T, H, W, 3)."""
    terms, height, width, _ = coefficients.shape
    flat = coefficients.astype(np.float32).reshape(terms, -1, 3).transpose(1, 0, 2)
    return encode_base(basis, space, flat, np.arange(height * width), (height, width), display_gain)


def lobes_of(shape, count, direction, weight, width, slope=None) -> Lobes:
    """Return lobes, each a facet of its own: count (H W) of them a texel, directions (N, 3, 3), weights (N, 3)."""
    texel = np.repeat(np.arange(len(count)), count)
    centre = np.stack([texel % shape[1], texel // shape[1]], axis=1)
    slope = np.zeros((len(texel), 2, 2)) if slope is None else slope
    table = FacetTable(chart_encode(direction), slope, centre, np.asarray(width, float), np.zeros(len(texel)))
    return pack_lobes(shape, texel, np.arange(len(texel)), np.asarray(weight, float), table)


def shared_lobes(rng, shape, count, direction, weight, width) -> Lobes:
    """Return lobes that share facets (F of them, half with a slope), each texel with a part of some facets' weights."""
    texel = np.repeat(np.arange(len(count)), count)
    facet = rng.integers(0, len(width), len(texel))
    slope = rng.normal(size=(len(width), 2, 2)) * 0.002 * (rng.random((len(width), 1, 1)) < 0.5)
    centre = np.stack([rng.integers(0, shape[1], len(width)), rng.integers(0, shape[0], len(width))], axis=1)
    table = FacetTable(chart_encode(direction), slope, centre, width, np.zeros(len(width)))
    return pack_lobes(shape, texel, facet, weight[facet] * rng.random((len(texel), 3)), table)


def no_base(shape=(1, 1)):
    return np.zeros((9, *shape, 3))


def single_lobe(direction, weight=(1.0, 1.0, 1.0), width=0.0):
    """Return a stone of one texel with nothing but one lobe."""
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    return make_stone(no_base(), lobes_of((1, 1), [1], np.tile(unit, (1, 3, 1)), [weight], [width]))


def random_stone(model="lobes", shape=(48, 64), seed=0, lowest_z=0.0, widest=0.1):
    """Return a stone of random coefficients, 0 to 8 lobes a texel, and an alpha with a hole and soft texels."""
    rng = np.random.default_rng(seed)
    terms = {"hsh": 9, "ptm": 6}[MODELS[model][0]]
    base = rng.normal(size=(terms, *shape, 3)) * 0.05
    base[0 if terms == 9 else 5] += 0.6
    alpha = rng.choice(np.array([0, 90, 255], np.uint8), size=shape, p=[0.1, 0.1, 0.8])
    alpha[: shape[0] // 4, : shape[1] // 4] = 0
    lobes = None
    if model == "lobes":
        count = rng.integers(0, 9, shape[0] * shape[1]) * (alpha.ravel() > 0)
        green = random_directions(rng, 400, lowest_z)
        weights = rng.random((len(green), 3)) ** 3 * (rng.random((len(green), 3)) > 0.1)
        width = rng.random(len(green)) ** 2 * widest
        lobes = shared_lobes(rng, shape, count, spread_channels(rng, green, 0.02), weights, width)
    return make_stone(base, lobes, alpha, model)
