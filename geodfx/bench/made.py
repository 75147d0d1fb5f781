"""A stone that is made up, for machines that have none at hand: as many facets and lobes as a brilliant has."""

from __future__ import annotations

import math

import numpy as np

from geodfx.base_map import encode_base
from geodfx.basis import TERMS
from geodfx.lobe_map import FacetTable, pack_lobes
from geodfx.stone import Stone

__all__ = ["made_stone"]

SIDE = 256
SECTORS, RINGS = 32, 6  # of cells
LAYERS = 3  # cells that lie over one another: lobes of a texel
SLOPE = 0.0025  # of a direction, a texel, as under a near camera
LIGHT_RADIUS_RAD = math.radians(8)


def made_stone() -> Stone:
    """Return a round stone of 576 facets, three lobes a texel, the same each time."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    far, turn = np.hypot(rows, columns) / (SIDE / 2), np.arctan2(rows, columns) / (2 * math.pi) + 0.5
    alpha = np.where(far < 0.98, 255, 0).astype(np.uint8)
    texel = np.flatnonzero(alpha)
    cells = []
    for layer in range(LAYERS):
        sector = ((turn + layer / (3 * SECTORS)) * SECTORS).astype(np.int64) % SECTORS
        ring = np.minimum((far + 0.05 * layer) * RINGS, RINGS - 1).astype(np.int64)
        cells.append(((layer * RINGS + ring) * SECTORS + sector).ravel()[texel])
    facet = np.stack(cells, axis=1).ravel()
    count = LAYERS * RINGS * SECTORS
    members = np.maximum(np.bincount(facet, minlength=count), 1)
    lobe_texel = texel.repeat(LAYERS)
    place = np.stack([lobe_texel % SIDE, lobe_texel // SIDE], axis=1)
    centre = np.stack([np.bincount(facet, place[:, k], count) / members for k in (0, 1)], axis=1).astype(np.int64)
    radius, angle = np.sqrt(2 * (1 - (1 - rng.random(count)) ** (1 / 0.31)) / 2), 2 * math.pi * rng.random(count)
    green = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    fire = rng.normal(0, 0.006, (count, 1, 2)) * np.array([1.0, 0.0, -1.0])[:, None]
    slope = rng.uniform(-SLOPE, SLOPE, (count, 2, 2))
    table = FacetTable(green[:, None] + fire, slope, centre, rng.random(count) * 0.01, np.zeros(count))
    weight = rng.uniform(0.02, 0.3, (count, 1)) * rng.uniform(0.8, 1, (count, 3))
    base = np.zeros((len(texel), TERMS["dome"], 3), np.float32)
    base[:] = 0.01 * rng.random((len(texel), 1, 3))
    return Stone(
        name="made up",
        model="lobes",
        domain="light",
        alpha=alpha,
        base=encode_base("dome", "linear", base, texel, alpha.shape, 2.0),
        lobes=pack_lobes(alpha.shape, lobe_texel, facet, weight[facet], table),
        light_direction=np.array([[0, 0, 1]], np.float32),
        light_radius_rad=LIGHT_RADIUS_RAD,
        display_gain=2.0,
    )
