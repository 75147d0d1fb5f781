"""The photos before the sensor: rows of texels, each sample traced and its exits gathered, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, U32
from geodfx.jit import kernel, run_bands
from geodfx.simulate.camera import Camera, camera_ray
from geodfx.simulate.exits import Exits, make_exits
from geodfx.simulate.gather import (
    LobeRows,
    LobeTable,
    Maps,
    clear_table,
    gather_exits,
    make_lobe_rows,
    make_maps,
    make_table,
    store_lobes,
)
from geodfx.simulate.hits import Solids
from geodfx.simulate.inclusions import Inclusions
from geodfx.simulate.rough import Rough, shade_sample
from geodfx.simulate.sky import Sky, add_lambert
from geodfx.simulate.trace import Glass, trace_sample

__all__ = ["ClearStone", "Stone", "Truth", "expose"]

ROWS = 16  # traced before their lobes are packed


@dataclass(frozen=True)
class ClearStone:
    """A stone that light goes through."""

    solids: Solids
    glass: Glass
    inclusions: Inclusions


Stone = ClearStone | Rough


@dataclass(frozen=True)
class Truth:
    """What the texels of a picture H x W are; N lobes in all, texel by texel, strongest first."""

    maps: Maps
    lobe_first: I64  # (H W + 1,) each texel's part of the lobes
    lobe_path: U32  # (N,) hash of the faces that a lobe's light met
    lobe_direction: F32  # (N, 3, 3) channel, axis
    lobe_weight: F32  # (N, 3)


def expose(
    stone: Stone,
    camera: Camera,
    sky: Sky,
    photos: F32,
    *,
    lobes: int = 0,
    white_stage: bool = False,
    done: Callable[[int], None] | None = None,
) -> Truth:
    """Fill photos (M, H, W, 3), radiance with white card = 1, and return what the texels are.

    lobes: how many are told of each texel at most. `done(n)` is told of each n rows. The result does not depend on the
    number of threads.
    """
    maps = make_maps(camera.height, camera.width)
    packed: dict[int, tuple[I64, U32, F32, F32]] = {}

    def work(first: int, last: int) -> None:
        buffers = make_exits(), np.zeros((max(sky.photos, 1), 3)), make_table()
        for start in range(first, last, ROWS):  # few rows at a time, so that lobes lie loose in little memory
            stop = min(start + ROWS, last)
            rows = make_lobe_rows(stop - start, camera.width, lobes)
            if isinstance(stone, Rough):
                _expose_rough(start, stop, stone, camera, sky, photos, maps, rows, *buffers, white_stage)
            else:
                parts = stone.solids, stone.glass, stone.inclusions
                _expose_clear(start, stop, *parts, camera, sky, photos, maps, rows, *buffers, white_stage)
            packed[start] = _packed(rows)

    run_bands(work, camera.height, done)
    counts, path, direction, weight = zip(*(packed[start] for start in sorted(packed)), strict=True)
    first = np.zeros(camera.height * camera.width + 1, np.int64)
    np.cumsum(np.concatenate(counts), out=first[1:])
    return Truth(maps, first, np.concatenate(path), np.concatenate(direction), np.concatenate(weight))


def _packed(rows: LobeRows) -> tuple[I64, U32, F32, F32]:
    """Return how many lobes each texel has, and their paths, directions and weights without gaps."""
    there = rows.path != 0
    return there.sum(axis=2).ravel(), rows.path[there], rows.direction[there], rows.weight[there]


@kernel
def _expose_clear(
    first: int,
    last: int,
    solids: Solids,
    glass: Glass,
    inclusions: Inclusions,
    camera: Camera,
    sky: Sky,
    photos: F32,
    maps: Maps,
    lobes: LobeRows,
    exits: Exits,
    photo: F64,
    table: LobeTable,
    white_stage: bool,
) -> None:
    """Expose rows first to last of a clear stone."""
    samples, keep_lobes = len(camera.offset), lobes.path.shape[2] > 0
    for row in range(first, last):
        for column in range(camera.width):
            photo[:] = 0.0
            clear_table(table)
            for sample in range(samples):
                seed = np.uint32(row * camera.width + column)
                ray = camera_ray(camera, column, row, sample)
                if trace_sample(solids, glass, inclusions, exits, sample, seed, *ray):
                    gather_exits(exits, glass.rgb[sample], sky, photo, table, keep_lobes, white_stage)
                    _light_body(sky, exits, photo)
                    _note(maps, exits, row, column, samples)
            _finish(sky, photos, maps, photo, row, column, samples)
            if keep_lobes:
                store_lobes(table, lobes, maps.rest[row, column], row - first, column, 1.0 / samples)


@kernel
def _expose_rough(
    first: int,
    last: int,
    rough: Rough,
    camera: Camera,
    sky: Sky,
    photos: F32,
    maps: Maps,
    lobes: LobeRows,
    exits: Exits,
    photo: F64,
    table: LobeTable,
    white_stage: bool,
) -> None:
    """Expose rows first to last of an opaque stone."""
    samples, keep_lobes = len(camera.offset), lobes.path.shape[2] > 0
    for row in range(first, last):
        for column in range(camera.width):
            photo[:] = 0.0
            clear_table(table)
            for sample in range(samples):
                seed = np.uint32(row * camera.width + column)
                ray = camera_ray(camera, column, row, sample)
                if shade_sample(rough, exits, sample, seed, *ray):
                    gather_exits(exits, rough.rgb[sample], sky, photo, table, keep_lobes, white_stage)
                    _light_body(sky, exits, photo)
                    _note(maps, exits, row, column, samples)
            _finish(sky, photos, maps, photo, row, column, samples)
            if keep_lobes:
                store_lobes(table, lobes, maps.rest[row, column], row - first, column, 1.0 / samples)


@kernel
def _light_body(sky: Sky, exits: Exits, photo: F64) -> None:
    """Add what a sample's matte body shows of every light to photo (M, 3)."""
    red, green, blue = exits.body[0], exits.body[1], exits.body[2]
    if red == 0.0 and green == 0.0 and blue == 0.0:
        return
    px, py, pz = exits.place[0], exits.place[1], exits.place[2]
    nx, ny, nz = exits.normal[0], exits.normal[1], exits.normal[2]
    add_lambert(sky, photo, px, py, pz, nx, ny, nz, red, green, blue)


@kernel
def _note(maps: Maps, exits: Exits, row: int, column: int, samples: int) -> None:
    """Add one covered sample to what is told of a texel."""
    maps.alpha[row, column] += np.float32(1.0 / samples)
    if maps.face[row, column] < 0:
        maps.face[row, column] = exits.face[0]
    for c in range(3):
        maps.normal[row, column, c] += np.float32(exits.normal[c])
        maps.body[row, column, c] += np.float32(exits.body[c] / samples)
        maps.spread[row, column, c] += np.float32(exits.spread[c] / samples)
        maps.lost[row, column, c] += np.float32(exits.lost[c] / samples)


@kernel
def _finish(
    sky: Sky,
    photos: F32,
    maps: Maps,
    photo: F64,
    row: int,
    column: int,
    samples: int,
) -> None:
    """Write one texel to the photos, and bring its normal to length 1."""
    spread = maps.spread[row, column]
    if spread[0] != 0.0 or spread[1] != 0.0 or spread[2] != 0.0:
        add_lambert(
            sky, photo, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, samples * spread[0], samples * spread[1], samples * spread[2]
        )
    for m in range(sky.photos):
        for c in range(3):
            if photo[m, c] != 0.0:
                photos[m, row, column, c] = np.float32(photo[m, c] / samples)
    normal = maps.normal[row, column]
    size = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    if size > 0.0:
        for c in range(3):
            normal[c] /= size
