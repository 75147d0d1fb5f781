"""What a display shows of a stone that tilts, in a quarter of the time of `tilted.present` and `displayed_codes`.

Roots and codes are looked up: codes are within one of theirs.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from geodfx.arrays import F32, F64, U8
from geodfx.colour import encode_srgb, to_codes
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, run_bands
from geodfx.tilting import warp

__all__ = ["warped_codes"]

SHIFT, DARKEST, OCTAVES = 13, 127 - 26, 38  # of a float's bits: 1024 steps each time the light doubles, from 2^-26 on
STEPS = 4096  # of displayed values


def warped_codes(light: F32, matrix: F64, alpha: F32, gain: float) -> U8:
    """Return sRGB codes (H, W, 4), straight alpha, of texels (H, W, 4) that a homography takes to the picture.

    light: linear; its fourth is not asked. alpha: (H, W) 0..1 of the picture.
    """
    height, width = alpha.shape
    shown = np.empty((height, width, 3), np.float32)
    run_bands(lambda first, last: _root_rows(light, np.float32(gain), _roots(), first, last, shown), height)
    moved, codes = warp(shown, matrix, back=True), np.empty((height, width, 4), np.uint8)
    run_bands(lambda first, last: _code_rows(moved, alpha, _codes(), first, last, codes), height)
    return codes


@cache
def _roots() -> F32:
    """Return light as displayed, by the bits of a float32: of a step's middle, unclipped."""
    step = np.arange(OCTAVES << (23 - SHIFT), dtype=np.uint32) + np.uint32(DARKEST << (23 - SHIFT))
    middle = ((step << np.uint32(SHIFT)) + np.uint32(1 << (SHIFT - 1))).view(np.float32)
    roots: F32 = middle ** np.float32(1 / DISPLAY_GAMMA)
    roots[0] = 0  # all that is darker
    return roots


@cache
def _codes() -> U8:
    """Return the sRGB codes (STEPS + 1,) of displayed values from 0 to 1."""
    displayed = np.linspace(0, 1, STEPS + 1, dtype=np.float32)
    return np.asarray(to_codes(encode_srgb(displayed ** np.float32(DISPLAY_GAMMA)), np.uint8), np.uint8)


@kernel
def _root_rows(light: F32, gain: np.float32, roots: F32, first: int, last: int, shown: F32) -> None:
    """Write light times a gain, as displayed, into rows first to last of shown (H, W, 3)."""
    width, start, most = light.shape[1], np.int32(DARKEST << (23 - SHIFT)), np.int32(len(roots) - 1)
    scaled = np.empty(3 * width, np.float32)
    bits = scaled.view(np.int32)
    for row in range(first, last):
        for column in range(width):
            for channel in range(3):
                scaled[3 * column + channel] = light[row, column, channel] * gain
        out = shown[row].reshape(-1)
        for k in range(3 * width):
            step = np.int32(np.int32(bits[k] >> np.int32(SHIFT)) - start)
            out[k] = roots[np.uint32(min(max(step, np.int32(0)), most))]


@kernel
def _code_rows(shown: F32, alpha: F32, table: U8, first: int, last: int, codes: U8) -> None:
    """Write codes of displayed light (H, W, 3), premultiplied, into rows first to last of codes (H, W, 4)."""
    steps, gamma = np.float32(STEPS), np.float32(DISPLAY_GAMMA)
    for row in range(first, last):
        for column in range(shown.shape[1]):
            cover = min(alpha[row, column], np.float32(1.0))
            if cover <= 0:
                codes[row, column] = np.uint8(0)
                continue
            straight = np.float32(1.0) if cover == 1 else (np.float32(1.0) / cover) ** (np.float32(1.0) / gamma)
            for channel in range(3):
                value = min(shown[row, column, channel] * straight, np.float32(1.0))
                codes[row, column, channel] = table[np.uint32(value * steps + np.float32(0.5))]
            codes[row, column, 3] = np.uint8(cover * np.float32(255.0) + np.float32(0.5))
