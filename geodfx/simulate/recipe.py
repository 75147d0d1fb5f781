"""Recipes: what a simulated session is made of, from a TOML file to frozen dataclasses.

docs/SIMULATE.md tells each key. Lengths are in stone widths, angles in degrees.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from geodfx.errors import RecipeError
from geodfx.light_files import MAX_TILT_DEG
from geodfx.rays.brilliant import shortest_stars
from geodfx.simulate.materials import MATERIALS
from geodfx.simulate.recipe_fields import (
    Place,
    choice,
    file_beside,
    many,
    nested,
    numbers,
    read_table,
    real,
    switch,
    text,
    whole,
)
from geodfx.simulate.recipe_stones import CUTS, Brilliant, Cabochon, Pebble, Step, StoneRecipe
from geodfx.simulate.rough import most_plates

__all__ = [
    "CHART_COLUMNS",
    "CHART_ROWS",
    "RIGS",
    "CameraRecipe",
    "Dome",
    "FrameRecipe",
    "HandPath",
    "HeldOut",
    "LightFile",
    "Recipe",
    "RigRecipe",
    "Rings",
    "SensorRecipe",
    "SphereRecipe",
    "StageRecipe",
    "TiltStage",
    "TruthRecipe",
    "Turntable",
    "bracket_name",
    "read_recipe",
]

MOST_SIDE = 4096  # texels
MOST_PHOTOS = 4096
CHART_COLUMNS, CHART_ROWS = 6, 4  # patches
STAR_MARGIN = 0.02  # so that a star is a facet and not a line


@dataclass(frozen=True, kw_only=True)
class CameraRecipe:
    """The camera above the stone."""

    size: tuple[float, ...] = numbers((256.0, 256.0), count=2, low=8, high=MOST_SIDE, whole=True)  # width, height
    distance: float | None = real(None, low=1.5, high=1e6)  # None: telecentric
    field_width: float = real(1.24, low=0.05, high=100)
    samples: int = whole(16, low=1, high=256)


@dataclass(frozen=True, kw_only=True)
class RigRecipe:
    """What every rig takes."""

    radius_deg: float = real(10.0, low=0.1, high=60)
    distance: float | None = real(None, low=1.5, high=1e6)  # None: far lights


@dataclass(frozen=True, kw_only=True)
class Dome(RigRecipe):
    """Lights spread evenly over a dome; one a photo."""

    lights: int = whole(128, low=1, high=MOST_PHOTOS)
    lowest_deg: float = real(10.0, low=1, high=85)


@dataclass(frozen=True, kw_only=True)
class Rings(RigRecipe):
    """Rings of lights at some heights; one light a photo."""

    lights: int = whole(32, low=1, high=MOST_PHOTOS)  # of each ring
    heights_deg: tuple[float, ...] = numbers((25.0, 45.0, 65.0), low=1, high=89)


@dataclass(frozen=True, kw_only=True)
class HandPath(RigRecipe):
    """A light in a hand, from the zenith down in a spiral."""

    lights: int = whole(96, low=1, high=MOST_PHOTOS)
    lowest_deg: float = real(15.0, low=1, high=85)
    turns: float = real(6.0, low=0.5, high=100)
    wobble_deg: float = real(3.0, low=0, high=30)


@dataclass(frozen=True, kw_only=True)
class LightFile(RigRecipe):
    """The lights of a rig that is there, from its light file; one a photo."""

    file: Path = file_beside()


@dataclass(frozen=True, kw_only=True)
class TiltStage(RigRecipe):
    """Camera and lights stay, the stone tilts over a square of pitch and roll."""

    per_side: int = whole(13, low=1, high=64)
    step_deg: float = real(3.0, low=0.05, high=45)
    lights: int = whole(4, low=1, high=64)
    lowest_deg: float = real(40.0, low=1, high=85)


@dataclass(frozen=True, kw_only=True)
class Turntable(RigRecipe):
    """Camera and lights stay, the stone turns about the upright axis of the picture."""

    photos: int = whole(73, low=1, high=MOST_PHOTOS)
    span_deg: float = real(36.0, low=0.1, high=180)
    lights: int = whole(4, low=1, high=64)
    lowest_deg: float = real(40.0, low=1, high=85)


RIGS: dict[str, type] = {
    "dome": Dome,
    "rings": Rings,
    "path": HandPath,
    "lights": LightFile,
    "tilt": TiltStage,
    "turntable": Turntable,
}


@dataclass(frozen=True, kw_only=True)
class StageRecipe:
    """What the stone lies on."""

    white: bool = switch(False)


@dataclass(frozen=True, kw_only=True)
class SensorRecipe:
    """From light to files."""

    format: str = choice("png", ("png", "png8", "exr", "jpeg"))  # 16-bit linear; 8-bit sRGB; float linear; 8-bit sRGB
    white_value: float | None = real(None, low=1e-6, high=1)  # None: so that the brightest flash just fits
    bits: int = whole(12, low=8, high=16)
    full_well: float = real(30000.0, low=0, high=1e9)  # electrons at full scale; 0: no shot noise
    read_noise: float = real(3.0, low=0, high=1e5)  # electrons
    vignette: float = real(0.0, low=0, high=1)  # share of light lost in the picture's corners
    blur: float = real(0.0, low=0, high=20)  # standard deviation, texels
    shift: float = real(0.0, low=0, high=20)  # rms, texels: a camera that is not quite still
    exposures_ev: tuple[float, ...] = numbers((0.0,), low=-16, high=16, most=9)
    quality: int = whole(95, low=10, high=100)  # of JPEG


@dataclass(frozen=True, kw_only=True)
class SphereRecipe:
    """A chrome sphere: in the frame at a place, or beside it with photos of its own."""

    radius: float = real(0.06, low=0.005, high=0.5)
    at: tuple[float, ...] | None = numbers(None, count=2, low=-50, high=50)  # centre; None: photos of its own


@dataclass(frozen=True, kw_only=True)
class FrameRecipe:
    """What lies beside the stone, or takes its place: without x and y, card and chart have photos of their own."""

    white_card: tuple[float, ...] | None = numbers(None, count=(2, 4), low=-50, high=50)  # (x, y,) width, height
    chart: tuple[float, ...] | None = numbers(None, count=(1, 3), low=-50, high=50)  # (x, y,) width of its patches
    spheres: tuple[SphereRecipe, ...] = many(SphereRecipe)
    tell_lights: bool = switch(True)  # false: the session has its spheres instead of a light file


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Photos that a fit does not see."""

    photos: int = whole(32, low=1, high=MOST_PHOTOS)
    radius_deg: float | None = real(None, low=0.1, high=60)


@dataclass(frozen=True, kw_only=True)
class TruthRecipe:
    """What is told beside the session."""

    lobes: int = whole(12, low=1, high=64)  # a texel, at most
    photos: bool = switch(False)  # the photos without noise as well


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole session. Its `path` names it in errors, and files that it names lie beside it."""

    name: str = text("")
    seed: int = whole(0)
    stone: StoneRecipe = nested(CUTS, "cut")
    rig: RigRecipe = nested(RIGS, "kind")
    camera: CameraRecipe = nested(CameraRecipe, default=CameraRecipe())
    stage: StageRecipe = nested(StageRecipe, default=StageRecipe())
    sensor: SensorRecipe = nested(SensorRecipe, default=SensorRecipe())
    frame: FrameRecipe = nested(FrameRecipe, default=FrameRecipe())
    heldout: HeldOut | None = nested(HeldOut, default=None)
    truth: TruthRecipe = nested(TruthRecipe, default=TruthRecipe())


def read_recipe(path: Path) -> Recipe:
    """Return a recipe file, every value checked. Raises RecipeError, naming file, key and remedy."""
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
        repr(values)  # a hexadecimal number of thousands of digits has none
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); name a recipe, a TOML file") from error
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise RecipeError(f"{path}: is not valid TOML: {error}; correct that line") from error
    place = Place(path)
    recipe = read_table(Recipe, values, place)
    _check_together(recipe, place)
    return recipe if recipe.name else dataclasses.replace(recipe, name=path.stem)


def _check_together(recipe: Recipe, place: Place) -> None:
    """Raise RecipeError for values that are in order each but not together."""
    _check_stone(recipe.stone, place)
    _check_rig(recipe.rig, place)
    _check_frame(recipe, place)
    exposures = recipe.sensor.exposures_ev
    if 0.0 not in exposures or len({bracket_name(ev) for ev in exposures}) < len(exposures):
        raise place.error("sensor.exposures_ev", "must hold 0, the session's own exposure, and each value once")


def bracket_name(ev: float) -> str:
    """Return the folder's name of a further exposure; -0 is 0."""
    return f"{ev + 0.0:+g}ev"


def _check_rig(rig: RigRecipe, place: Place) -> None:
    """Raise RecipeError for more photos, or wider tilts, than a session can have."""
    if isinstance(rig, Rings) and rig.lights * len(rig.heights_deg) > MOST_PHOTOS:
        told = f"is {rig.lights} on each of {len(rig.heights_deg)} rings"
        raise place.error("rig.lights", f"{told}; a session has {MOST_PHOTOS} photos at most: take fewer")
    if isinstance(rig, TiltStage) and (widest := (rig.per_side - 1) / 2 * rig.step_deg) > MAX_TILT_DEG:
        told = f"is {rig.step_deg:g}, with which {rig.per_side} tilts a side reach {widest:g} degrees"
        raise place.error("rig.step_deg", f"{told}, more than {MAX_TILT_DEG:g}; take a smaller step or fewer tilts")


def _check_stone(stone: StoneRecipe, place: Place) -> None:
    """Raise RecipeError for a cut that does not go with its material or its proportions."""
    opaque = MATERIALS[stone.material].albedo is not None
    if isinstance(stone, Pebble) and not opaque:
        told = f"is {stone.material!r}, which is clear; a pebble is opaque: take aventurine or opal, or another cut"
        raise place.error("stone.material", told)
    if opaque and not isinstance(stone, Pebble | Cabochon):
        raise place.error("stone.material", f"is {stone.material!r}, which is opaque: take cut pebble or cabochon")
    if opaque and stone.inclusions:
        raise place.error("stone.inclusions", f"do not show in {stone.material}, which is opaque; remove them")
    plates = MATERIALS[stone.material].plates
    mica = plates is not None and plates.kind == "mica"
    if isinstance(stone, Pebble | Cabochon) and mica and stone.plates > (most := most_plates(stone.plate_size)):
        told = f"is {stone.plates}; of a plate_size of {stone.plate_size:g} no more than {most} have room: take smaller"
        raise place.error("stone.plates", f"{told} or fewer ones")
    if isinstance(stone, Brilliant) and stone.stars < (least := shortest_stars(stone.table) + STAR_MARGIN):
        told = f"is {stone.stars:g}, too short beside a table of {stone.table:g}; take {least:.2f} or more"
        raise place.error("stone.stars", told)
    if isinstance(stone, Step):
        for key, angles in (("stone.crown_deg", stone.crown_deg), ("stone.pavilion_deg", stone.pavilion_deg)):
            if any(outer <= inner for outer, inner in pairwise(angles)):
                raise place.error(key, "must fall from the girdle on, or rows would vanish; sort it, steepest first")


def _check_frame(recipe: Recipe, place: Place) -> None:
    """Raise RecipeError for what lies beside the stone and cannot be seen, or does not go with the rig."""
    frame = recipe.frame
    for key, size in (("white_card", (frame.white_card or ())[-2:]), ("chart", (frame.chart or ())[-1:])):
        if any(side <= 0 for side in size):
            raise place.error(f"frame.{key}", f"is {min(size):g} wide or high; give it a size above 0")
    width, height = recipe.camera.size
    widest = recipe.camera.field_width * min(1.0, height / width * CHART_COLUMNS / CHART_ROWS)
    if frame.chart is not None and len(frame.chart) == 1 and frame.chart[0] > widest:
        told = f"is {frame.chart[0]:g} wide; photos of its own show {widest:.4g} of it: make it smaller"
        raise place.error("frame.chart", f"{told}, or camera.field_width larger")
    if isinstance(recipe.rig, Turntable | TiltStage) and (frame.spheres or not frame.tell_lights):
        key = "frame.spheres" if frame.spheres else "frame.tell_lights"
        raise place.error(key, "is for moving lights; remove it, or take a rig of kind dome, rings, path or lights")
    if not frame.tell_lights and not frame.spheres:
        raise place.error("frame.tell_lights", "is false, and there is no sphere to read the lights off; add one")
    if not frame.tell_lights and recipe.sensor.format == "exr":
        raise place.error("frame.tell_lights", "is false, which goes with PNG and JPEG only; take another format")
