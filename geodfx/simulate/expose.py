"""The photos before the sensor: rows of texels, each sample traced and its exits gathered, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.jit import kernel, run_bands
from geodfx.simulate.camera import Camera, camera_ray
from geodfx.simulate.exits import Exits, make_exits
from geodfx.simulate.gather import LobeTable, Truth, clear_table, gather_exits, make_table, store_lobes
from geodfx.simulate.inclusions import Inclusions
from geodfx.simulate.rough import Rough, shade_sample
from geodfx.simulate.sky import Sky, add_lambert
from geodfx.simulate.trace import Glass, Solids, trace_sample

__all__ = ["ClearStone", "Stone", "expose"]


@dataclass(frozen=True)
class ClearStone:
    """A stone that light goes through."""

    solids: Solids
    glass: Glass
    inclusions: Inclusions


Stone = ClearStone | Rough


def expose(
    stone: Stone,
    camera: Camera,
    sky: Sky,
    photos: F32,
    truth: Truth,
    *,
    keep_lobes: bool = False,
    white_stage: bool = False,
    done: Callable[[int], None] | None = None,
) -> None:
    """Fill photos (M, H, W, 3), radiance with white card = 1, and truth; `done(n)` is told of each n rows.

    Without `keep_lobes` the truth keeps its lobes empty. The result does not depend on the number of threads.
    """

    def work(first: int, last: int) -> None:
        buffers = make_exits(), np.zeros((max(sky.photos, 1), 3)), make_table()
        if isinstance(stone, Rough):
            _expose_rough(first, last, stone, camera, sky, photos, truth, *buffers, keep_lobes, white_stage)
        else:
            parts = stone.solids, stone.glass, stone.inclusions
            _expose_clear(first, last, *parts, camera, sky, photos, truth, *buffers, keep_lobes, white_stage)

    run_bands(work, camera.height, done)


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
    truth: Truth,
    exits: Exits,
    photo: F64,
    table: LobeTable,
    keep_lobes: bool,
    white_stage: bool,
) -> None:
    """Expose rows first to last of a clear stone."""
    samples = len(camera.offset)
    for row in range(first, last):
        for column in range(camera.width):
            photo[:] = 0.0
            clear_table(table)
            for sample in range(samples):
                seed = np.uint32(row * camera.width + column)
                ray = camera_ray(camera, column, row, sample)
                if trace_sample(solids, glass, inclusions, exits, sample, seed, *ray):
                    gather_exits(exits, glass.rgb[sample], sky, photo, table, keep_lobes, white_stage)
                    _note(truth, exits, row, column, samples)
            _finish(sky, photos, truth, photo, table, row, column, samples, keep_lobes)


@kernel
def _expose_rough(
    first: int,
    last: int,
    rough: Rough,
    camera: Camera,
    sky: Sky,
    photos: F32,
    truth: Truth,
    exits: Exits,
    photo: F64,
    table: LobeTable,
    keep_lobes: bool,
    white_stage: bool,
) -> None:
    """Expose rows first to last of an opaque stone: its body answers to every light by its own normal."""
    samples = len(camera.offset)
    for row in range(first, last):
        for column in range(camera.width):
            photo[:] = 0.0
            clear_table(table)
            for sample in range(samples):
                seed = np.uint32(row * camera.width + column)
                ray = camera_ray(camera, column, row, sample)
                if shade_sample(rough, exits, sample, seed, *ray):
                    red, green, blue = exits.spread[0], exits.spread[1], exits.spread[2]
                    exits.spread[:] = 0.0
                    gather_exits(exits, rough.rgb[sample], sky, photo, table, keep_lobes, white_stage)
                    nx, ny, nz = exits.normal[0], exits.normal[1], exits.normal[2]
                    add_lambert(sky, photo, nx, ny, nz, red, green, blue)
                    _note(truth, exits, row, column, samples)
                    truth.body[row, column, 0] += np.float32(red / samples)
                    truth.body[row, column, 1] += np.float32(green / samples)
                    truth.body[row, column, 2] += np.float32(blue / samples)
            _finish(sky, photos, truth, photo, table, row, column, samples, keep_lobes)


@kernel
def _note(truth: Truth, exits: Exits, row: int, column: int, samples: int) -> None:
    """Add one covered sample to what is told of a texel."""
    truth.alpha[row, column] += np.float32(1.0 / samples)
    if truth.face[row, column] < 0:
        truth.face[row, column] = exits.face[0]
    for c in range(3):
        truth.normal[row, column, c] += np.float32(exits.normal[c])
        truth.spread[row, column, c] += np.float32(exits.spread[c] / samples)
        truth.lost[row, column, c] += np.float32(exits.lost[c] / samples)


@kernel
def _finish(
    sky: Sky,
    photos: F32,
    truth: Truth,
    photo: F64,
    table: LobeTable,
    row: int,
    column: int,
    samples: int,
    keep_lobes: bool,
) -> None:
    """Write one texel to the photos and the truth."""
    spread = truth.spread[row, column]
    if spread[0] != 0.0 or spread[1] != 0.0 or spread[2] != 0.0:
        add_lambert(sky, photo, 0.0, 0.0, 1.0, samples * spread[0], samples * spread[1], samples * spread[2])
    for m in range(sky.photos):
        for c in range(3):
            if photo[m, c] != 0.0:
                photos[m, row, column, c] = np.float32(photo[m, c] / samples)
    normal = truth.normal[row, column]
    size = np.sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2])
    if size > 0.0:
        for c in range(3):
            normal[c] /= size
    if keep_lobes:
        store_lobes(table, truth, row, column, 1.0 / samples)
