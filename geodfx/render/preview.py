"""A picture to judge a stone by at a glance: three tilts, under one soft light and two small ones or as captured."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import U8
from geodfx.render import Renderer
from geodfx.render.output import PLAIN, brightened, white_gain
from geodfx.render.picture import opaque_codes
from geodfx.render.view import DiscLight, Tilt, View
from geodfx.stone import Stone
from geodfx.tilting import TiltStage

__all__ = ["draw_preview"]

# The soft one from the upper left shows body and facets; the small ones make them flash, some four times brighter.
LIGHTS = (
    DiscLight((-0.42, 0.5, 0.76), math.radians(35), (1.5, 1.5, 1.5)),
    DiscLight((0.55, 0.3, 0.78), math.radians(6), (0.2, 0.2, 0.2)),
    DiscLight((0.1, -0.62, 0.78), math.radians(6), (0.2, 0.2, 0.2)),
)
TILTS_DEG = ((0.0, -8.0), (0.0, 0.0), (0.0, 8.0))  # pitch, roll: as a hand turns a ring
SHARES = (0.25, 0.5, 0.75)  # of the captured rolls, for a stone captured by its tilt
LARGEST = 1024  # pixels a tilt


def draw_preview(stone: Stone) -> U8:
    """Return the stone at three tilts side by side, (H, 3 W, 3) sRGB codes, all exposed as the middle one."""
    size = min(LARGEST, max(stone.size))
    lights, tilts = ((), _captured_tilts(stone.tilting)) if stone.tilting is not None else (LIGHTS, _usual_tilts())
    with Renderer(stone) as renderer:
        frames = [renderer.render(View(lights, tilt=tilt, size=size)) for tilt in tilts]
    gain = stone.display_gain if stone.tilting is not None else white_gain(frames[len(frames) // 2])
    return np.concatenate([opaque_codes(brightened(frame, gain), PLAIN) for frame in frames], axis=1)


def _usual_tilts() -> list[Tilt]:
    return [Tilt(math.radians(pitch), math.radians(roll)) for pitch, roll in TILTS_DEG]


def _captured_tilts(stage: TiltStage) -> list[Tilt]:
    """Return the captured tilts at quarters of the way from the least roll to the most, of those of middling pitch."""
    pitch, roll = stage.tilt_rad.astype(np.float64).T
    middle = float(np.median(pitch))
    rolls = [float(np.quantile(roll, share)) for share in SHARES]
    nearest = [int(np.argmin((pitch - middle) ** 2 + (roll - goal) ** 2)) for goal in rolls]
    return [Tilt(float(pitch[i]), float(roll[i])) for i in nearest]
