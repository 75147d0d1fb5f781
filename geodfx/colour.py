"""Transfer functions between linear light and what files and displays hold."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, U8, U16
from geodfx.constants import DISPLAY_GAMMA

__all__ = [
    "decode_display",
    "decode_srgb",
    "encode_display",
    "encode_srgb",
    "srgb_codes_by_bits",
    "srgb_decoding_table",
    "to_codes",
]


def decode_srgb(encoded: F32) -> F32:
    """Return linear light of sRGB-encoded values, any shape, 0..1 to 0..1. IEC 61966-2-1."""
    dark = encoded / np.float32(12.92)
    bright = ((np.maximum(encoded, 0) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(encoded <= np.float32(0.04045), dark, bright).astype(np.float32)


def encode_srgb(linear: F32) -> F32:
    """Return sRGB-encoded values of linear light, any shape; clips to 0..1. IEC 61966-2-1."""
    x = np.clip(linear, 0, 1)
    bright = np.float32(1.055) * x ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(x <= np.float32(0.0031308), x * np.float32(12.92), bright).astype(np.float32)


def srgb_decoding_table(dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> F32:
    """Return linear light (2^bits,) for every code of an 8- or 16-bit sRGB file."""
    codes = int(np.iinfo(dtype).max)
    return decode_srgb((np.arange(codes + 1) / codes).astype(np.float32))


def srgb_codes_by_bits() -> U8:
    """Return the sRGB codes (14337,) of linear light by the bits of a float32: step (bits >> 13) - (113 << 10).

    From 2^-14, below which a code is 0, to 1, in 1024 steps each time the light doubles; the code of a step's middle.
    """
    steps = np.arange(14 << 10, dtype=np.uint32) + np.uint32(113 << 10)
    middle = ((steps << np.uint32(13)) + np.uint32(1 << 12)).view(np.float32)
    codes = to_codes(encode_srgb(middle), np.uint8)
    codes[0] = 0  # all that is darker
    return np.append(codes, np.uint8(255)).astype(np.uint8)


def encode_display(linear: F32, gain: float) -> F32:
    """Return what a display of gamma 2.2 shows, clip(x * gain, 0, 1) ** (1 / 2.2), any shape."""
    shown: F32 = np.clip(np.maximum(linear, 0) * np.float32(gain), 0, 1) ** np.float32(1 / DISPLAY_GAMMA)
    return shown


def decode_display(shown: F32, gain: float) -> F32:
    """Return linear light of displayed values; below 0 counts as 0. Inverts `encode_display` where it did not clip."""
    linear: F32 = np.maximum(shown, 0) ** np.float32(DISPLAY_GAMMA) / np.float32(gain)
    return linear


def to_codes(encoded: F32, dtype: type[np.uint8] | type[np.uint16]) -> U8 | U16:
    """Round values in 0..1 to the codes of an integer file."""
    scaled = np.rint(np.clip(encoded, 0, 1) * np.iinfo(dtype).max)
    return scaled.astype(np.uint8) if dtype is np.uint8 else scaled.astype(np.uint16)
