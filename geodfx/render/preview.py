"""A picture to judge a stone by at a glance: under one soft light and two small ones, at three tilts."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F32, U8
from geodfx.colour import encode_srgb, to_codes
from geodfx.render import Renderer
from geodfx.render.output import white_gain
from geodfx.render.view import DiscLight, Tilt, View
from geodfx.stone import Stone

__all__ = ["draw_preview"]

# The soft one from the upper left shows body and facets; the small ones make them flash, some four times brighter.
LIGHTS = (
    DiscLight((-0.42, 0.5, 0.76), math.radians(35), (1.5, 1.5, 1.5)),
    DiscLight((0.55, 0.3, 0.78), math.radians(6), (0.2, 0.2, 0.2)),
    DiscLight((0.1, -0.62, 0.78), math.radians(6), (0.2, 0.2, 0.2)),
)
TILTS_DEG = ((0.0, -8.0), (0.0, 0.0), (0.0, 8.0))  # pitch, roll: as a hand turns a ring
BACKDROP = 0.012  # linear: a dark grey, so that the outline of a dark stone is seen
LARGEST = 1024  # pixels a tilt


def draw_preview(stone: Stone) -> U8:
    """Return the stone at three tilts side by side, (H, 3 W, 3) sRGB codes, all exposed as the untilted one."""
    size = min(LARGEST, max(stone.size))
    with Renderer(stone) as renderer:
        gain = white_gain(renderer.render(View(LIGHTS, size=size)))
        tilts = [Tilt(math.radians(pitch), math.radians(roll)) for pitch, roll in TILTS_DEG]
        pictures = [_on_backdrop(renderer.render(View(LIGHTS, tilt=tilt, size=size)), gain) for tilt in tilts]
    return np.concatenate(pictures, axis=1)


def _on_backdrop(frame: F32, gain: float) -> U8:
    linear = frame[..., :3] * np.float32(gain) + np.float32(BACKDROP) * (1 - frame[..., 3:])
    return np.asarray(to_codes(encode_srgb(linear), np.uint8), np.uint8)
