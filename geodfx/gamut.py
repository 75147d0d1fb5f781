"""Colour spaces of displays, all with the transfer curve of sRGB: matrices, the light of a temperature, ICC profiles.

Chromaticities are CIE 1931 (x, y). XYZ is (3,), Y of white 1. Matrices are made of the primaries, so that conversion
and profile cannot disagree.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64

__all__ = [
    "D65",
    "DISPLAY_P3",
    "GAMUTS",
    "SRGB",
    "Gamut",
    "adaptation",
    "from_rec709",
    "icc_profile",
    "rec709_matrix",
    "temperature_rgb",
    "white_xyz",
]

D65 = (0.3127, 0.3290)  # as Rec. ITU-R BT.709 and SMPTE EG 432-1 round it
D65_KELVIN = 6504.0
DAYLIGHT_FROM = 5000.0  # kelvin: where the CIE's reference light changes from a black body to daylight. CIE 13.3:1995
D50_XYZ = np.array([0.9642, 1.0, 0.8249])  # the white of a profile's connection space. ICC.1:2022, 7.2.16
# From XYZ to the responses between which Bradford's adaptation scales. ICC.1:2022, annex E.
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # g a b c d: (a x + b)^g from d on, else c x


@dataclass(frozen=True)
class Gamut:
    """Three primaries under the white D65."""

    name: str
    title: str  # as a profile and a display call it
    primaries: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]  # red, green, blue

    def to_xyz(self) -> F64:
        """Return the matrix (3, 3) that takes linear RGB to XYZ; (1, 1, 1) is white. SMPTE RP 177 (1993)."""
        columns = np.stack([white_xyz(point) for point in self.primaries], axis=1)
        return np.asarray(columns * np.linalg.solve(columns, white_xyz(D65)), np.float64)


SRGB = Gamut("srgb", "sRGB", ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)))  # those of Rec. ITU-R BT.709
DISPLAY_P3 = Gamut("p3", "Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)))  # SMPTE EG 432-1 (2010)
GAMUTS = {gamut.name: gamut for gamut in (SRGB, DISPLAY_P3)}


def white_xyz(chromaticity: tuple[float, float]) -> F64:
    """Return XYZ (3,) with Y = 1 of a chromaticity, y not 0."""
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def temperature_rgb(kelvin: float, white_kelvin: float = D65_KELVIN) -> F64:
    """Return linear Rec.709 (3,), luminance 1, of a light of 1000 to 25000 K where light of `white_kelvin` is white.

    A black body below 5000 K, daylight from there on. What no Rec.709 colour shows is clipped at 0.
    """
    adapt = adaptation(white_xyz(_temperature_chromaticity(white_kelvin)), white_xyz(D65))
    rgb = np.maximum(np.linalg.solve(SRGB.to_xyz(), adapt @ white_xyz(_temperature_chromaticity(kelvin))), 0)
    return np.asarray(rgb / (SRGB.to_xyz()[1] @ rgb), np.float64)


def _temperature_chromaticity(kelvin: float) -> tuple[float, float]:
    """Return (x, y). Krystek (1985) for a black body, to 1e-4 from 1000 K; CIE 15:2004, 3.1, for daylight."""
    t = kelvin
    if t < DAYLIGHT_FROM:
        u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
        v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
        scale = 2 * u - 8 * v + 4
        return 3 * u / scale, 2 * v / scale
    if t <= 7000:
        x = 0.244063 + 0.09911e3 / t + 2.9678e6 / t**2 - 4.6070e9 / t**3
    else:
        x = 0.237040 + 0.24748e3 / t + 1.9018e6 / t**2 - 2.0064e9 / t**3
    return x, -3 * x * x + 2.87 * x - 0.275


def adaptation(source_xyz: F64, goal_xyz: F64) -> F64:
    """Return the matrix (3, 3) from XYZ seen under one white to XYZ seen under another. Linear Bradford transform."""
    scale = (BRADFORD @ goal_xyz) / (BRADFORD @ source_xyz)
    return np.asarray(np.linalg.solve(BRADFORD, scale[:, None] * BRADFORD), np.float64)


def from_rec709(linear: F32, gamut: Gamut) -> F32:
    """Return light (..., 3) in a gamut's primaries of light in those of Rec.709, linear, unclipped; grey is kept."""
    if gamut is SRGB:
        return linear
    return np.asarray(linear @ rec709_matrix(gamut).T.astype(np.float32), np.float32)


def rec709_matrix(gamut: Gamut) -> F64:
    """Return the matrix (3, 3) from linear light in the primaries of Rec.709 to that in a gamut's."""
    return np.asarray(np.linalg.solve(gamut.to_xyz(), SRGB.to_xyz()), np.float64)


def icc_profile(gamut: Gamut) -> bytes:
    """Return an ICC profile, version 4.3, of a display with these primaries and the curve of sRGB. ICC.1:2010."""
    adapt = adaptation(white_xyz(D65), D50_XYZ)
    colorants = adapt @ gamut.to_xyz()
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(*SRGB_CURVE)
    tags = {
        b"desc": _text(gamut.title),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz(D50_XYZ),
        b"chad": b"sf32" + bytes(4) + _fixed(*adapt.ravel()),
        **{name: _xyz(colorants[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}  # the three curves share one
    body = b""
    for data in tags.values():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
    table = b"".join(name + struct.pack(">II", places[data], len(data)) for name, data in tags.items())
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)  # stands still, so that the same frame gives the same bytes
    header = struct.pack(">I4xI", start + len(body), 0x04300000) + b"mntrRGB XYZ " + date + b"acsp"
    header += bytes(64 - len(header)) + bytes(4) + _fixed(*D50_XYZ)  # intent 0, perceptual
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body


def _fixed(*values: float) -> bytes:
    """Return numbers as s15Fixed16."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(values: F64) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _text(text: str) -> bytes:
    """Return a multiLocalizedUnicodeType of one English text."""
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(encoded), 28) + encoded
