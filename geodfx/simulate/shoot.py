"""A series shot: every photo's light before the sensor, and what the texels are."""

from __future__ import annotations

import dataclasses
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F32
from geodfx.errors import OutputError
from geodfx.simulate.camera import Camera, make_camera
from geodfx.simulate.expose import Stone, Truth, expose
from geodfx.simulate.recipe import Recipe
from geodfx.simulate.rig import Lights, stage_rotation
from geodfx.simulate.series import Series
from geodfx.simulate.sky import Sky, make_sky
from geodfx.simulate.surround import Surround, expose_surround

__all__ = ["Shots", "make_view", "one_shot", "photo_store", "shoot"]

IN_MEMORY = 512 << 20  # bytes of photos that are kept in memory; more go through a file


@dataclass(frozen=True)
class Shots:
    """What a series shows; M photos, H x W."""

    photos: F32  # (M, H, W, 3) radiance, white card = 1
    truth: Truth  # of the stone as it lies, not tilted
    alpha: F32  # (H, W) the most that the stone covers of each texel in any photo


def make_view(recipe: Recipe, tilt: tuple[float, float] | None = None) -> Camera:
    """Return the recipe's camera, seen from a stone that is tilted by (pitch, roll) radians."""
    size = int(recipe.camera.size[0]), int(recipe.camera.size[1])
    rotation = None if tilt is None else stage_rotation(*tilt).T
    return make_camera(size, recipe.camera.distance, recipe.camera.field_width, recipe.camera.samples, rotation)


def one_shot(recipe: Recipe, series: Series, i: int, *, reach: float = 0.0) -> tuple[Camera, Sky]:
    """Return camera and sky of a series' photo i alone, stone frame; `reach` as `make_sky` takes it."""
    if series.tilts is None:
        light = dataclasses.replace(series.lights, direction=series.lights.direction[i : i + 1])
        return make_view(recipe), make_sky(light, np.zeros(1, np.int64), 1, reach=reach)
    pitch, roll = series.tilts[i]
    tilted = make_view(recipe, (pitch, roll))
    photo = np.zeros(len(series.lights.direction), np.int64)
    return tilted, make_sky(series.lights, photo, 1, np.asarray(tilted.rotation), reach=reach)


def shoot(
    recipe: Recipe,
    series: Series,
    stone: Stone,
    surround: Surround,
    photos: F32,
    done: Callable[[int], None] | None = None,
) -> Shots:
    """Fill photos (M, H, W, 3) of zeros; `done(n)` is told of each n rows traced."""
    white = surround.white_stage
    camera = make_view(recipe)
    lobes = recipe.truth.lobes
    if series.tilts is None:
        sky = make_sky(series.lights, np.arange(len(photos)), len(photos), reach=surround.reach)
        truth = expose(stone, camera, sky, photos, lobes=lobes, white_stage=white, done=done)
        expose_surround(surround, camera, sky, photos, truth.maps.alpha)
        return Shots(photos, truth, truth.maps.alpha)
    nothing = make_sky(Lights(np.zeros((0, 3)), 0.1), np.zeros(0, np.int64), 0)
    truth = expose(stone, camera, nothing, photos[:0], lobes=lobes, white_stage=white, done=done)
    covered = np.zeros((camera.height, camera.width), np.float32)
    for i in range(len(series.tilts)):
        tilted, sky = one_shot(recipe, series, i, reach=surround.reach)
        alpha = expose(stone, tilted, sky, photos[i : i + 1], white_stage=white, done=done).maps.alpha
        expose_surround(surround, tilted, sky, photos[i : i + 1], alpha)
        np.maximum(covered, alpha, out=covered)
    return Shots(photos, truth, covered)


@contextmanager
def photo_store(shape: tuple[int, int, int, int], path: Path, *, keep: bool) -> Iterator[F32]:
    """Yield zeros (M, H, W, 3): in the .npy file `path` if `keep`, else in memory, or if they are many in a file.

    That file has no name and is gone afterwards. Raises OutputError if the disk has too little room.
    """
    needed = 4 * math.prod(shape)
    if keep or needed > IN_MEMORY:
        free = shutil.disk_usage(path.parent).free
        if needed > free:
            told = f"its photos need {needed >> 20} MB before they are written, and the disk has {free >> 20} MB left"
            raise OutputError(f"{path.parent}: {told}; free some space, or take fewer or smaller photos")
    if keep:
        store = np.lib.format.open_memmap(path, "w+", np.dtype(np.float32), shape)
        yield np.asarray(store)
        store.flush()
    elif needed <= IN_MEMORY:
        yield np.zeros(shape, np.float32)
    else:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            yield np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
