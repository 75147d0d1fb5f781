"""From wavelengths to linear Rec.709: which wavelengths are traced, and what each adds to red, green and blue.

The visible range is cut in bands. Each sample of a texel takes its own wavelength of every band, so that the fire
of a stone is a smooth spectrum and not a row of nine images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, frozen

__all__ = ["BANDS", "Spectrum", "colour_matching", "make_spectrum"]

BANDS = 9
SHORTEST_NM, LONGEST_NM = 400.0, 700.0  # beyond, the eye sees less than 1 / 200 of its peak
GOLDEN = 0.6180339887498949  # steps of this share of a band spread evenly, however many samples there are

# IEC 61966-2-1: CIE XYZ to linear Rec.709.
XYZ_TO_REC709 = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]], np.float64)

# Wyman, Sloan, Shirley 2013, listing 1: amplitude, centre nm, 1 / width below and above the centre, a lobe a row.
CIE_X = ((1.056, 599.8, 0.0264, 0.0323), (0.362, 442.0, 0.0624, 0.0374), (-0.065, 501.1, 0.0490, 0.0382))
CIE_Y = ((0.821, 568.8, 0.0213, 0.0247), (0.286, 530.9, 0.0613, 0.0322))
CIE_Z = ((1.217, 437.0, 0.0845, 0.0278), (0.681, 459.0, 0.0385, 0.0725))


@dataclass(frozen=True)
class Spectrum:
    """The wavelengths of S samples, B bands each."""

    wavelength_nm: F64  # (S, B)
    rgb: F64  # (S, B, 3) weights; over a sample's bands each channel adds up to 1. Some are negative

    def __post_init__(self) -> None:
        object.__setattr__(self, "wavelength_nm", frozen("wavelength_nm", self.wavelength_nm, np.float64, (None, None)))
        object.__setattr__(self, "rgb", frozen("rgb", self.rgb, np.float64, (*self.wavelength_nm.shape, 3)))


def make_spectrum(samples: int, bands: int = BANDS) -> Spectrum:
    """Return the wavelengths of each sample, scaled so that in every sample a flat spectrum is white, (1, 1, 1)."""
    place = (np.arange(samples) * GOLDEN + 0.5) % 1.0
    step = (LONGEST_NM - SHORTEST_NM) / bands
    wavelength = SHORTEST_NM + step * (np.arange(bands)[None, :] + place[:, None])
    rgb = colour_matching(wavelength) @ XYZ_TO_REC709.T
    return Spectrum(wavelength, np.ascontiguousarray(rgb / rgb.sum(axis=1, keepdims=True)))


def colour_matching(wavelength_nm: F64) -> F64:
    """Return the CIE 1931 functions x, y, z at wavelengths (...) as (..., 3). Wyman 2013, a fit to the tables."""
    return np.stack([_lobes(wavelength_nm, rows) for rows in (CIE_X, CIE_Y, CIE_Z)], axis=-1)


def _lobes(wavelength_nm: F64, rows: tuple[tuple[float, float, float, float], ...]) -> F64:
    """Return a sum of Gaussians that fall off differently on either side."""
    total = np.zeros_like(wavelength_nm)
    for amplitude, centre, below, above in rows:
        offset = (wavelength_nm - centre) * np.where(wavelength_nm < centre, below, above)
        total += amplitude * np.exp(-0.5 * offset * offset)
    return total
