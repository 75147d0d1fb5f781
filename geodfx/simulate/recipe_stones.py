"""The stones of recipes: keys and ranges of each cut and of inclusions. Lengths in stone widths, angles in degrees."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from geodfx.simulate.materials import MATERIALS
from geodfx.simulate.recipe_fields import choice, file_beside, many, numbers, real, switch, unit, whole

__all__ = [
    "CUTS",
    "INCLUSIONS",
    "Brilliant",
    "Cabochon",
    "Clouds",
    "Druse",
    "Feathers",
    "FlatFaced",
    "Gemcad",
    "Needles",
    "Pebble",
    "Point",
    "Step",
    "StoneRecipe",
]


@dataclass(frozen=True, kw_only=True)
class Needles:
    """Thin needles along three directions."""

    count: int = whole(60, low=1, high=2000)
    length: float = real(0.3, low=0, high=2, above=True)
    radius: float = real(0.0008, low=0, high=0.2, above=True)
    opacity: float = real(0.5, low=0, high=1)
    albedo: float = real(0.6, low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class Feathers:
    """Flat healed cracks: islands of haze, and of a film that mirrors."""

    count: int = whole(3, low=1, high=500)
    radius: float = real(0.15, low=0, high=1, above=True)
    opacity: float = real(0.15, low=0, high=1)
    albedo: float = real(0.8, low=0, high=1)
    sheen: float = real(0.7, low=0, high=1)  # share of the film


@dataclass(frozen=True, kw_only=True)
class Clouds:
    """Balls of fine grains."""

    count: int = whole(3, low=1, high=500)
    radius: float = real(0.12, low=0, high=1, above=True)
    extinction: float = real(2.0, low=0, high=1000)
    albedo: float = real(0.9, low=0, high=1)


INCLUSIONS: dict[str, type] = {"needles": Needles, "feathers": Feathers, "clouds": Clouds}


@dataclass(frozen=True, kw_only=True)
class StoneRecipe:
    """What every cut takes."""

    material: str = choice(dataclasses.MISSING, tuple(MATERIALS))
    colour: float = real(1.0, low=0, high=20)  # the material's absorption is multiplied by it
    polish_deg: float = real(0.0, low=0, high=20)  # rms slope of the surface: 0 mirror, 0.3 satin, 3 frosted
    birefringence: bool = switch(True)
    optic_axis: tuple[float, float, float] | None = unit(None)
    inclusions: tuple[Needles | Feathers | Clouds, ...] = many(INCLUSIONS, "kind")


@dataclass(frozen=True, kw_only=True)
class FlatFaced(StoneRecipe):
    """What cuts with flat faces take: how they were cut and laid down by hand."""

    uneven_deg: float = real(0.0, low=0, high=5)  # rms by which each face is turned either way about its middle
    tilt_deg: tuple[float, ...] = numbers((0.0, 0.0), count=2, low=-30, high=30)  # pitch and roll, as it lies
    at: tuple[float, ...] = numbers((0.0, 0.0), count=2, low=-2, high=2)  # to the right and up


@dataclass(frozen=True, kw_only=True)
class Brilliant(FlatFaced):
    """A round brilliant; the ranges hold all that can be cut."""

    table: float = real(0.56, low=0.3, high=0.8)
    crown_deg: float = real(34.5, low=15, high=50)
    pavilion_deg: float = real(40.8, low=30, high=55)
    lower_halves: float = real(0.78, low=0.3, high=0.95)
    stars: float = real(0.5, low=0.2, high=0.8)
    girdle: float = real(0.03, low=0.005, high=0.15)


@dataclass(frozen=True, kw_only=True)
class Step(FlatFaced):
    """An emerald cut."""

    ratio: float = real(1.4, low=1, high=4)
    corner: float = real(0.22, low=0.02, high=0.45)
    table: float = real(0.6, low=0.2, high=0.9)
    crown_deg: tuple[float, ...] = numbers((46.0, 37.0, 28.0), low=5, high=70, most=5)
    pavilion_deg: tuple[float, ...] = numbers((57.0, 47.0, 40.0), low=5, high=80, most=5)
    girdle: float = real(0.03, low=0.005, high=0.2)


@dataclass(frozen=True, kw_only=True)
class Gemcad(FlatFaced):
    """A design in a file."""

    file: Path = file_beside()


@dataclass(frozen=True, kw_only=True)
class Point(FlatFaced):
    """A natural crystal point that lies on its side."""

    length: float = real(1.6, low=0.3, high=6)
    unevenness: float = real(0.2, low=0, high=0.5)


@dataclass(frozen=True, kw_only=True)
class Cabochon(StoneRecipe):
    """A curved dome on a flat base."""

    ratio: float = real(1.3, low=1, high=4)
    height: float = real(0.35, low=0.05, high=1)
    plates: int = whole(900, low=1, high=1_000_000)  # of an opaque material
    plate_size: float = real(0.012, low=0.0005, high=0.2)


@dataclass(frozen=True, kw_only=True)
class Pebble(StoneRecipe):
    """An opaque rough stone."""

    ratio: float = real(1.3, low=1, high=4)
    height: float = real(0.35, low=0.05, high=1)
    bump: float = real(0.12, low=0, high=1)  # rms slope of the unevenness
    bump_size: float = real(0.35, low=0.01, high=2)
    plates: int = whole(900, low=1, high=1_000_000)
    plate_size: float = real(0.012, low=0.0005, high=0.2)


@dataclass(frozen=True, kw_only=True)
class Druse(StoneRecipe):
    """Many small crystals on a root of rock."""

    crystals: int = whole(60, low=1, high=2000)
    lean_deg: float = real(28.0, low=0, high=60)
    unevenness: float = real(0.15, low=0, high=0.5)


CUTS: dict[str, type] = {
    "brilliant": Brilliant,
    "step": Step,
    "gemcad": Gemcad,
    "point": Point,
    "cabochon": Cabochon,
    "pebble": Pebble,
    "druse": Druse,
}
