"""Which photos a recipe asks for: the series to fit and the held-out one, their lights, tilts and names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.errors import RecipeError
from geodfx.light_files import read_lp
from geodfx.simulate.recipe import (
    MOST_PHOTOS,
    Dome,
    HandPath,
    HeldOut,
    LightFile,
    Recipe,
    RigRecipe,
    Rings,
    TiltStage,
    Turntable,
)
from geodfx.simulate.rig import (
    Lights,
    dome,
    hand_path,
    rings,
    scattered,
    tilt_grid,
    tilts_between,
)
from geodfx.simulate.sensor import SUFFIXES

__all__ = ["Series", "plan_series"]

MOST_LETTERS = 100  # of a photo's name; file systems take some 250
FIXED_LIGHT_TURN = 0.7  # radians: the fixed lights of a stage stand off the axes, so that no facet mirrors another's


@dataclass(frozen=True)
class Series:
    """One session's photos. Without tilts, one light a photo; with them, all lights in each."""

    folder: str  # below the output; empty: the output itself
    stone: str
    lights: Lights
    tilts: F64 | None  # (M, 2) pitch and roll in radians
    names: tuple[str, ...]
    heldout: bool

    def __post_init__(self) -> None:
        if self.tilts is not None:
            object.__setattr__(self, "tilts", frozen("tilts", self.tilts, np.float64, (len(self.names), 2)))
        elif len(self.lights.direction) != len(self.names):
            raise ValueError(f"{len(self.lights.direction)} lights for {len(self.names)} photos")


def plan_series(recipe: Recipe, rng: np.random.Generator) -> tuple[Series, ...]:
    """Return the series of a recipe: one, or `train` and `heldout`.

    Raises RecipeError, SessionError or CalibrationError for a light file that cannot be used.
    """
    direction, tilts = _shots(recipe.rig, rng)
    lights = Lights(direction, math.radians(recipe.rig.radius_deg), recipe.rig.distance)
    train = _series(recipe, "", lights, tilts, heldout=False)
    if recipe.heldout is None:
        return (train,)
    kept = _held_out(recipe, recipe.heldout, train, rng)
    return (_series(recipe, "train", lights, tilts, heldout=False), kept)


def _shots(rig: RigRecipe, rng: np.random.Generator) -> tuple[F64, F64 | None]:
    """Return the directions of a rig's lights and its tilts."""
    if isinstance(rig, Dome):
        return dome(rig.lights, rig.lowest_deg), None
    if isinstance(rig, Rings):
        return rings(rig.lights, rig.heights_deg), None
    if isinstance(rig, HandPath):
        return hand_path(rig.lights, rig.lowest_deg, rig.turns, rig.wobble_deg, rng), None
    if isinstance(rig, LightFile):
        return _lights_of(rig.file), None
    if isinstance(rig, TiltStage):
        return _fixed_lights(rig.lights, rig.lowest_deg), tilt_grid(rig.per_side, rig.step_deg)
    if isinstance(rig, Turntable):
        half = math.radians(rig.span_deg / 2)
        rolls = np.linspace(-half, half, rig.photos) if rig.photos > 1 else np.zeros(1)
        return _fixed_lights(rig.lights, rig.lowest_deg), np.stack([np.zeros_like(rolls), rolls], axis=1)
    raise TypeError(f"{type(rig).__name__} is not a rig")


def _lights_of(path: Path) -> F64:
    """Return the directions (L, 3) of a light file, in its order."""
    names, direction = read_lp(path)
    if len(names) > MOST_PHOTOS:
        raise RecipeError(f"{path}: has {len(names)} lights; a recipe takes {MOST_PHOTOS} at most: leave some out")
    for name, row in zip(names, direction, strict=True):
        if not row[2] > 0:
            told = f"light of photo {name!r}, ({row[0]:.4g}, {row[1]:.4g}, {row[2]:.4g}), is not above the horizon"
            raise RecipeError(f"{path}: {told}, z must be above 0; correct or remove it")
    return direction


def _fixed_lights(count: int, lowest_deg: float) -> F64:
    """Return the lights of a stage: a small dome, turned."""
    x, y, z = dome(count, lowest_deg).T
    c, s = math.cos(FIXED_LIGHT_TURN), math.sin(FIXED_LIGHT_TURN)
    return np.stack([c * x - s * y, s * x + c * y, z], axis=1)


def _held_out(recipe: Recipe, heldout: HeldOut, train: Series, rng: np.random.Generator) -> Series:
    """Return lights or tilts within the range of those that are fitted, but none of them."""
    radius = math.radians(heldout.radius_deg) if heldout.radius_deg is not None else train.lights.radius_rad
    if train.tilts is not None:
        limit = np.abs(train.tilts).max(axis=0)
        tilts = tilts_between(heldout.photos, (float(limit[0]), float(limit[1])), rng)
        lights = Lights(train.lights.direction, radius, train.lights.distance)
        return _series(recipe, "heldout", lights, tilts, heldout=True)
    lowest = math.degrees(math.asin(min(float(train.lights.direction[:, 2].min()), 1.0)))
    lights = Lights(scattered(heldout.photos, lowest, rng), radius, train.lights.distance)
    return _series(recipe, "heldout", lights, None, heldout=True)


def _series(recipe: Recipe, folder: str, lights: Lights, tilts: F64 | None, *, heldout: bool) -> Series:
    count = len(lights.direction) if tilts is None else len(tilts)
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", recipe.name).strip("_")[:MOST_LETTERS] or "photo"
    names = tuple(f"{plain}_{i:04d}{SUFFIXES[recipe.sensor.format]}" for i in range(count))
    return Series(folder, recipe.name, lights, tilts, names, heldout)
