"""Gem materials: refractive index by wavelength, birefringence, absorption, and the body of the opaque ones.

Indices: Sellmeier terms of refractiveindex.info where they are published, else Cauchy's A + B / l^2 from n_D and the
gem trade's dispersion, n(430.8 nm) - n(686.7 nm) ("B-G"), which is not the F-C of glass catalogues. Absorption bands
stand where the colour centres are; their strengths are chosen so that a stone of 5 to 10 mm has its usual colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64

__all__ = ["MATERIALS", "Band", "Material", "Plates"]


@dataclass(frozen=True)
class Band:
    """One absorption band, a Gaussian over wavelength."""

    centre_nm: float
    width_nm: float  # standard deviation
    strength: float  # Napierian, a stone width


@dataclass(frozen=True)
class Plates:
    """What glitters below the surface of an opaque stone."""

    kind: str  # "mica": plane mirrors; "grains": diffracting domains that touch one another, as in precious opal
    reflectance: float  # of a plate at its best, 0..1
    tilt_deg: float  # standard deviation of a plate's slope from the surface
    spacing_nm: tuple[float, float] = (0.0, 0.0)  # between diffracting layers, least and most; 0: mirrors
    mosaic_deg: float = 0.0  # rms slope of the pieces of one plate against one another: how wide its flash is


@dataclass(frozen=True)
class Material:
    """Optics of one gem. `sellmeier`: (B, C^2 in um^2) pairs; else `cauchy`: (A, B in um^2)."""

    name: str
    sellmeier: tuple[tuple[float, float], ...] = ()
    sellmeier_offset: float = 0.0  # A0 in n^2 = 1 + A0 + sum B l^2 / (l^2 - C^2)
    cauchy: tuple[float, float] = (1.0, 0.0)
    birefringence: float = 0.0  # n_e - n_o; 0: optically isotropic
    absorption: tuple[Band, ...] = ()
    albedo: tuple[float, float, float] | None = None  # linear Rec.709 body of an opaque stone; None: clear
    plates: Plates | None = None

    def index(self, wavelength_nm: F64, *, extraordinary: bool = False) -> F64:
        """Return the refractive index at wavelengths (...); the extraordinary one is that of a wave across the axis."""
        squared = np.square(wavelength_nm / 1000.0)
        if self.sellmeier:
            terms = sum(b * squared / (squared - c) for b, c in self.sellmeier)
            index = np.sqrt(1.0 + self.sellmeier_offset + terms)
        else:
            index = self.cauchy[0] + self.cauchy[1] / squared
        return np.asarray(index + (self.birefringence if extraordinary else 0.0), np.float64)

    def absorbance(self, wavelength_nm: F64) -> F64:
        """Return the Napierian absorption a stone width, at wavelengths (...)."""
        total = np.zeros_like(wavelength_nm)
        for band in self.absorption:
            total += band.strength * np.exp(-0.5 * np.square((wavelength_nm - band.centre_nm) / band.width_nm))
        return total


CORUNDUM = ((1.4313493, 0.0726631**2), (0.65054713, 0.1193242**2), (5.3414021, 18.028251**2))  # Malitson 1962, o
QUARTZ = ((1.07044083, 0.0100585997), (1.10202242, 100.0))  # Ghosh 1999, o
BERYL = (1.56666, 0.004284)

_ALL = (
    Material("diamond", sellmeier=((0.3306, 0.1750**2), (4.3356, 0.1060**2))),  # Peter 1923
    Material(
        "ruby",
        sellmeier=CORUNDUM,
        birefringence=-0.0081,
        absorption=(Band(410.0, 50.0, 3.6), Band(556.0, 33.0, 3.8)),  # Cr3+; less would be pink, wider a dull maroon
    ),
    Material(
        "sapphire",
        sellmeier=CORUNDUM,
        birefringence=-0.0081,
        absorption=(Band(580.0, 55.0, 1.7), Band(690.0, 70.0, 0.9)),  # Fe-Ti charge transfer
    ),
    Material(
        "emerald",
        cauchy=BERYL,
        birefringence=-0.006,
        absorption=(Band(430.0, 38.0, 2.0), Band(600.0, 42.0, 1.8)),  # Cr3+
    ),
    Material("beryl", cauchy=BERYL, birefringence=-0.006),
    Material("quartz", sellmeier=QUARTZ, sellmeier_offset=0.28604141, birefringence=0.0091),
    Material(
        "amethyst",
        sellmeier=QUARTZ,
        sellmeier_offset=0.28604141,
        birefringence=0.0091,
        absorption=(Band(552.0, 50.0, 1.1),),  # Fe4+
    ),
    Material("zircon", cauchy=(1.89063, 0.011935), birefringence=0.059),
    Material(
        "demantoid",
        cauchy=(1.83777, 0.017444),
        absorption=(Band(443.0, 25.0, 1.6), Band(615.0, 35.0, 0.5)),  # Fe3+, and a trace of Cr3+
    ),
    Material("spinel", sellmeier=((1.8938, 0.09942**2), (3.0755, 15.826**2))),  # Tropf 1995
    Material("topaz", cauchy=(1.61466, 0.004284)),  # biaxial, by 0.008: taken as isotropic
    Material(
        "tourmaline",
        cauchy=(1.62402, 0.005203),
        birefringence=-0.021,
        absorption=(Band(420.0, 30.0, 0.9), Band(720.0, 60.0, 1.8)),  # green, Fe2+
    ),
    Material(
        "pyrope",
        cauchy=(1.72661, 0.006733),
        absorption=(Band(430.0, 45.0, 1.7), Band(505.0, 40.0, 1.6), Band(575.0, 22.0, 1.2)),  # Fe2+, Cr3+
    ),
    Material("tsavorite", cauchy=(1.70933, 0.008569), absorption=(Band(425.0, 36.0, 2.0), Band(608.0, 34.0, 1.3))),
    Material(
        "opal",
        cauchy=(1.4427, 0.0025),
        albedo=(0.08, 0.09, 0.11),  # grey: on a white body the play of colour drowns
        plates=Plates("grains", 0.5, 18.0, (155.0, 235.0), 3.0),
    ),
    Material(
        "aventurine",
        sellmeier=QUARTZ,
        sellmeier_offset=0.28604141,
        albedo=(0.05, 0.22, 0.11),
        plates=Plates("mica", 0.35, 11.0),
    ),
)
MATERIALS = {material.name: material for material in _ALL}
