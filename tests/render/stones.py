"""Stones made of known numbers, for the tests of this folder."""

from __future__ import annotations

import math

import numpy as np

from geodfx.stone import Lobes, Stone, encode_base, pack_lobes

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


def make_stone(base, lobes=None, alpha=None, model="lobes", display_gain=2.0):
    """Return a stone of a base (space and basis by the model), (T, H, W, 3) coefficients, and a lobes' table."""
    basis, space = MODELS[model]
    height, width = base.shape[1:3]
    return Stone(
        name="synthetic",
        model=model,
        domain="light",
        alpha=np.full((height, width), 255, np.uint8) if alpha is None else alpha,
        base=encode_base(basis, space, base.astype(np.float32)),
        lobes=lobes,
        light_direction=np.array([[0, 0, 1]], np.float32),
        light_radius_rad=math.radians(10),
        display_gain=display_gain,
    )


def no_base(shape=(1, 1)):
    return np.zeros((9, *shape, 3))


def single_lobe(direction, weight=(1.0, 1.0, 1.0), width=0.0):
    """Return a stone of one texel with nothing but one lobe."""
    unit = np.asarray(direction, np.float64) / np.linalg.norm(direction)
    words = pack_lobes(np.tile(unit, (1, 3, 1)), np.array([weight]), np.array([width]))
    return make_stone(no_base(), Lobes(np.array([0, 1], np.uint32), words))


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
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.uint32)
        green = random_directions(rng, int(start[-1]), lowest_z)
        weights = rng.random((len(green), 3)) ** 3 * (rng.random((len(green), 3)) > 0.1)
        width = rng.random(len(green)) ** 2 * widest
        lobes = Lobes(start, pack_lobes(spread_channels(rng, green, 0.02), weights, width))
    return make_stone(base, lobes, alpha, model)
