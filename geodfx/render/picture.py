"""From a frame to what a display gets: bloom, the display's primaries, a tone curve, codes.

A frame is (H, W, 4), linear, premultiplied, Rec.709, exposed so that 1 is white (`output.brightened`). Values over 1
are flashes. Primaries are changed before the curve clips, so that a coloured flash may use all of a wider gamut.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from geodfx.arrays import F32, U8
from geodfx.colour import encode_srgb, to_codes
from geodfx.constants import CROSSTALK, FILMIC_CONTRAST, FILMIC_MID, FILMIC_WHITE, HUE_KEPT
from geodfx.errors import ViewError
from geodfx.gamut import GAMUTS, from_rec709, icc_profile
from geodfx.jit import run_bands

__all__ = [
    "CURVES",
    "Picture",
    "bloom",
    "check_codes",
    "displayed_codes",
    "displayed_light",
    "filmic",
    "opaque_codes",
    "tone",
]

CURVES = ("plain", "filmic")
MOST_HEADROOM = 16.0  # the most that displays report
GLARE = ((0.25, 0.5), (1.0, 0.3), (3.0, 0.2))  # spread in radii, share: a bright core and a wide skirt, as in an eye
SHARP = 0.3  # pixels: a Gaussian of less leaves a picture as it is
FINE = 4.0  # pixels: one wider than twice this is blurred at a lower resolution, where it costs less
PIXELS_AT_ONCE = 1 << 14
BACKDROP = 0.012  # linear: a dark grey, so that the outline of a dark stone is seen


@dataclass(frozen=True)
class Picture:
    """How frames are shown. The default clips at white and is sRGB."""

    curve: str = "plain"  # or filmic
    bloom: float = 0.0  # share, 0 to 1, of the light over white that spreads as glare
    bloom_radius: float = 0.015  # standard deviation of the glare, as a share of the picture's longest side
    gamut: str = "srgb"  # or p3
    headroom: float = 1.0  # the brightest that the display shows, in units of its white, 1 to 16

    def __post_init__(self) -> None:
        if self.curve not in CURVES:
            raise ViewError(f"tone {self.curve!r} is not known; choose one of {', '.join(CURVES)}")
        if self.gamut not in GAMUTS:
            raise ViewError(f"gamut {self.gamut!r} is not known; choose one of {', '.join(GAMUTS)}")
        _check_range("bloom", self.bloom, 0.0, 1.0)
        _check_range("bloom radius", self.bloom_radius, 0.0, 0.25)
        _check_range("headroom", self.headroom, 1.0, MOST_HEADROOM)

    @property
    def profile(self) -> bytes | None:
        """The ICC profile that a file must hold; None: sRGB, which it is without one."""
        return None if self.gamut == "srgb" else icc_profile(GAMUTS[self.gamut])


def tone(light: F32, curve: str, headroom: float = 1.0) -> F32:
    """Return what a display of some headroom shows of light (..., 3) in its primaries: linear, 0..headroom.

    `plain` clips each channel. `filmic` brings the brightest to where its curve has it and keeps the hue, paler where
    it is bright. Raises ViewError.
    """
    if curve not in CURVES:
        raise ViewError(f"tone {curve!r} is not known; choose one of {', '.join(CURVES)}")
    top = np.float32(headroom)
    positive = np.maximum(light, 0)
    if curve == "plain":
        return np.asarray(np.minimum(positive, top), np.float32)
    peak = positive.max(axis=-1, keepdims=True)
    ratio = np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    shown = filmic(peak, headroom)
    paleness = np.float32(1 - HUE_KEPT) * (shown / top) ** np.float32(CROSSTALK)
    return np.asarray(shown * (ratio + (1 - ratio) * paleness), np.float32)


def filmic(light: F32, headroom: float = 1.0) -> F32:
    """Return light of 0 or more, any shape, on a curve x^a / (b x^a + c): steep below mid-grey, it rolls off above.

    FILMIC_MID stays; FILMIC_WHITE times the headroom, and what is brighter, becomes the headroom. Lottes (2016),
    Advanced Techniques and Optimization of VDR Color Pipelines, with a shoulder of 1.
    """
    white = FILMIC_WHITE * headroom
    mid_in, white_in, mid_out = FILMIC_MID**FILMIC_CONTRAST, white**FILMIC_CONTRAST, FILMIC_MID / headroom
    b = (white_in * mid_out - mid_in) / ((white_in - mid_in) * mid_out)
    c = white_in * mid_in * (1 - mid_out) / ((white_in - mid_in) * mid_out)
    x = np.minimum(light, np.float32(white)) ** np.float32(FILMIC_CONTRAST)
    shown: F32 = np.float32(headroom) * np.minimum(x / (np.float32(b) * x + np.float32(c)), np.float32(1))
    return shown


def bloom(frame: F32, amount: float, radius: float) -> tuple[F32, F32]:
    """Return a frame (H, W, 4) without a share of its light over white, and that share spread as glare (H, W, 3).

    radius: standard deviation, a share of the longest side. The sum of both is that of the frame: what would leave the
    picture comes back at its borders.
    """
    colour, alpha = frame[..., :3], frame[..., 3:]
    lost = np.maximum(colour - alpha, 0) * np.float32(amount)
    glare = np.zeros_like(lost)
    if not lost.any():
        return frame, glare
    pixels = radius * max(frame.shape[:2])
    for spread, share in GLARE:
        glare += np.float32(share) * _blurred(lost, spread * pixels)
    return np.concatenate([colour - lost, alpha], axis=2), glare


def _blurred(light: F32, deviation: float) -> F32:
    """Return light (H, W, 3) under a Gaussian of some pixels, a wide one at a lower resolution; each sum is kept."""
    if deviation < SHARP:
        return light
    height, width, _ = light.shape
    step = 2 ** max(0, math.floor(math.log2(deviation / FINE)))
    whole = cv2.copyMakeBorder(light, 0, -height % step, 0, -width % step, cv2.BORDER_CONSTANT)
    size = (whole.shape[1] // step, whole.shape[0] // step)
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), deviation / step, borderType=cv2.BORDER_REFLECT)
    large = cv2.resize(soft, whole.shape[1::-1], interpolation=cv2.INTER_LINEAR)[:height, :width]
    kept, goal = large.sum(axis=(0, 1), dtype=np.float64), light.sum(axis=(0, 1), dtype=np.float64)
    return np.asarray(large * np.divide(goal, kept, out=np.zeros(3), where=kept > 0), np.float32)


def displayed_light(frame: F32, picture: Picture) -> F32:
    """Return a frame (H, W, 4) as a display with headroom shows it: linear, premultiplied, in the picture's gamut.

    Colours lie within 0 and the headroom where alpha is 1. Glare beside the stone has colour without alpha: it adds.
    """
    covered, beside, alpha = _layers(frame, picture)
    return np.concatenate([covered * alpha + beside * (1 - alpha), alpha], axis=2)


def displayed_codes(frame: F32, picture: Picture) -> U8:
    """Return codes (H, W, 4) with straight alpha of a frame, curve of sRGB, for a file that tells `picture.profile`.

    Glare beside the stone gets the alpha with which it looks right over black as browsers blend, in codes. Raises
    ViewError for a headroom over 1, which eight bits do not hold.
    """
    check_codes(picture)
    if picture.bloom > 0:
        return _displayed(frame, picture)
    return _by_rows(frame, 4, lambda some: _displayed(some, picture))


def _by_rows(frame: F32, channels: int, code: Callable[[F32], U8]) -> U8:
    """Return codes (H, W, channels) of a frame, some rows at once, on all cores: what they take stays near a core."""
    height, width = frame.shape[:2]
    codes, rows = np.empty((height, width, channels), np.uint8), max(1, PIXELS_AT_ONCE // max(width, 1))

    def work(first: int, last: int) -> None:
        for begin in range(first * rows, min(last * rows, height), rows):
            codes[begin : begin + rows] = code(frame[begin : begin + rows])

    run_bands(work, -(-height // rows))
    return codes


def _displayed(frame: F32, picture: Picture) -> U8:
    """Return the codes of `displayed_codes`."""
    covered, beside, alpha = _layers(frame, picture)
    shown = encode_srgb(covered)
    if picture.bloom > 0:
        glow = encode_srgb(beside)
        whole = alpha + (1 - alpha) * glow.max(axis=2, keepdims=True)
        shown = np.divide(shown * alpha + glow * (1 - alpha), whole, out=shown, where=whole > 0)
        alpha = whole
    return np.asarray(to_codes(np.concatenate([shown, alpha], axis=2), np.uint8), np.uint8)


def opaque_codes(frame: F32, picture: Picture) -> U8:
    """Return codes (H, W, 3) of a frame before a dark grey BACKDROP, for what holds no alpha. Raises ViewError."""
    check_codes(picture)
    if picture.bloom > 0:
        return _opaque(frame, picture)
    return _by_rows(frame, 3, lambda some: _opaque(some, picture))


def _opaque(frame: F32, picture: Picture) -> U8:
    """Return the codes of `opaque_codes`."""
    frame, glare = _bloomed(frame, picture)
    linear = frame[..., :3] + np.float32(BACKDROP) * (1 - frame[..., 3:])
    shown = tone(from_rec709(linear if glare is None else linear + glare, GAMUTS[picture.gamut]), picture.curve)
    return np.asarray(to_codes(encode_srgb(shown), np.uint8), np.uint8)


def _layers(frame: F32, picture: Picture) -> tuple[F32, F32, F32]:
    """Return the displayed light (H, W, 3) of what alpha covers and of what it does not, and alpha (H, W, 1)."""
    frame, glare = _bloomed(frame, picture)
    colour, alpha = frame[..., :3], frame[..., 3:]
    straight = np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)
    gamut = GAMUTS[picture.gamut]

    def shown(light: F32) -> F32:
        return tone(from_rec709(light, gamut), picture.curve, picture.headroom)

    if glare is None:
        return shown(straight), np.zeros_like(straight), alpha
    return shown(straight + glare), shown(glare), alpha


def _bloomed(frame: F32, picture: Picture) -> tuple[F32, F32 | None]:
    return bloom(frame, picture.bloom, picture.bloom_radius) if picture.bloom > 0 else (frame, None)


def check_codes(picture: Picture) -> None:
    """Raise ViewError for a headroom over 1, which eight bits do not hold."""
    if picture.headroom > 1:
        told = f"headroom {picture.headroom:g} does not fit 8 bits, in which 1 is white"
        raise ViewError(f"{told}; take the light of displayed_light, or leave headroom at 1")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # nor where it is no number
        raise ViewError(f"{name} {value} is not within {low:g} and {high:g}")
