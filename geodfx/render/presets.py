"""Light presets: rooms that a stone is seen in, each a TOML file of lamps and windows.

    about = "what it is"                  in one line
    white_k = 5000                        temperature of the light that looks white; 6504 unless given
    exposure_ev = 0.0                     of pictures, beside what exposes them by themselves

    [[lamps]]                             discs, each of the same size, colour and intensity
    directions = [[0.3, 0.2, 0.9]]        x right, y up, z to the camera
    radius_deg = 2.0
    intensity = 1.0                       of each
    temperature_k = 3000                  or rgb = [1.0, 0.9, 0.8], linear Rec.709

    [[windows]]                           rectangles
    direction = [-0.6, 0.4, 0.7]          of the middle; the height runs towards +y
    size_deg = [40, 50]                   width and height
    panes = [3, 4]                        each pane is one disc of its solid angle
    intensity = 1.0                       of the whole window
    temperature_k = 6500

Intensities count among each other: they are scaled so that a white card that faces the light reads a luminance of 1.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from geodfx.arrays import F64
from geodfx.errors import SessionError, ViewError
from geodfx.gamut import D65_KELVIN, SRGB, temperature_rgb
from geodfx.light_files import read_text
from geodfx.render.view import DiscLight

__all__ = ["Preset", "preset", "preset_names"]

COLDEST, HOTTEST = 1000.0, 25000.0  # kelvin
MOST_LIGHTS = 256  # each costs every frame
TOP_KEYS = ("about", "white_k", "exposure_ev", "lamps", "windows")
LAMP_KEYS = ("directions", "radius_deg", "intensity", "temperature_k", "rgb")
WINDOW_KEYS = ("direction", "size_deg", "panes", "intensity", "temperature_k", "rgb")


@dataclass(frozen=True)
class Preset:
    """The lights of a place, in the world frame. A white card that faces them reads a luminance of 1."""

    name: str
    about: str
    lights: tuple[DiscLight, ...]
    exposure_ev: float = 0.0  # of pictures, beside what exposes them by themselves


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that come with the package."""
    folder = files("geodfx") / "presets"
    return tuple(sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml")))


def preset(name: Path | str) -> Preset:
    """Return a preset by its name, or of a file whose path ends in .toml. Raises ViewError."""
    if str(name).endswith(".toml"):
        try:
            text = read_text(Path(name))
        except SessionError as error:
            raise ViewError(str(error)) from error
        return _read(str(name), Path(name).stem, text)
    known = preset_names()
    if name not in known:
        told = f"choose one of {', '.join(known)}, or a file that ends in .toml"
        raise ViewError(f"preset {str(name)!r} is not known; {told}")
    path = files("geodfx") / "presets" / f"{name}.toml"
    return _read(str(path), str(name), path.read_text("utf-8"))


@dataclass(frozen=True)
class _Table:
    """One table of a preset file; each value is checked as it is taken."""

    file: str
    where: str  # before each key that is told
    values: dict[str, object]

    def error(self, key: str, told: str) -> ViewError:
        return ViewError(f"{self.file}: {self.where}{key} {told}")

    def check_keys(self, known: Iterable[str]) -> None:
        """Raise ViewError for a key that is not known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(known)}"
                raise self.error(key, f"is not a known key; {hint}")

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number within both ends."""
        told = f"a number within {low:g} and {high:g}"
        return self._numbers(key, [self.values.get(key, default)], low, high, told)[0]

    def row(self, key: str, count: int, low: float, high: float) -> list[float]:
        """Return so many numbers within both ends."""
        return self._row(key, self.values.get(key), count, low, high)

    def rows(self, key: str, count: int, low: float, high: float) -> list[list[float]]:
        """Return lists of so many numbers, at least one."""
        value = self.values.get(key)
        if not isinstance(value, list) or not value:
            raise self.error(key, f"is {value!r}; it must be a list of rows of {count} numbers")
        return [self._row(key, row, count, low, high) for row in value]

    def tables(self, key: str, known: tuple[str, ...]) -> list[_Table]:
        """Return the tables of an array of tables, none where it is left out."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            raise self.error(key, f"is {value!r}; write [[{key}]] above each")
        tables = [_Table(self.file, f"{key} {i + 1}: ", table) for i, table in enumerate(value)]
        for table in tables:
            table.check_keys(known)
        return tables

    def _row(self, key: str, value: object, count: int, low: float, high: float) -> list[float]:
        row = value if isinstance(value, list) and len(value) == count else [None]
        return self._numbers(key, row, low, high, f"{count} numbers within {low:g} and {high:g}")

    def _numbers(self, key: str, values: list[object], low: float, high: float, told: str) -> list[float]:
        real = [x for x in values if isinstance(x, int | float) and not isinstance(x, bool)]
        numbers = [float(x) for x in real if low <= x <= high]  # not a number is within nothing
        if len(numbers) != len(values):
            found = f"is {self.values[key]!r}" if key in self.values else "is missing"
            raise self.error(key, f"{found}; it must be {told}")
        return numbers


def _read(file: str, name: str, text: str) -> Preset:
    try:
        values = tomllib.loads(text)
        repr(values)  # a hexadecimal number of thousands of digits has none
    except (ValueError, RecursionError) as error:
        raise ViewError(f"{file}: is not valid TOML: {error}; correct that line") from error
    top = _Table(file, "", values)
    top.check_keys(TOP_KEYS)
    about = values.get("about", "")
    if not isinstance(about, str):
        raise top.error("about", f'is {about!r}, not text; write about = "..."')
    white = top.number("white_k", COLDEST, HOTTEST, D65_KELVIN)
    lights = [light for table in top.tables("lamps", LAMP_KEYS) for light in _lamps(table, white)]
    lights += [light for table in top.tables("windows", WINDOW_KEYS) for light in _panes(table, white)]
    if not 1 <= len(lights) <= MOST_LIGHTS:
        raise ViewError(f"{file}: has {len(lights)} lights; write 1 to {MOST_LIGHTS} under [[lamps]] and [[windows]]")
    return Preset(name, about, _as_one_card(file, lights), top.number("exposure_ev", -16, 16, 0.0))


def _lamps(table: _Table, white: float) -> list[DiscLight]:
    """Return the discs of one table of lamps."""
    radius = math.radians(table.number("radius_deg", 0, 90))
    intensity = _triple(_colour(table, white))
    rows = table.rows("directions", 3, -1e3, 1e3)
    return [DiscLight(_towards(table, "directions", row), radius, intensity) for row in rows]


def _panes(table: _Table, white: float) -> list[DiscLight]:
    """Return the panes of a window, discs on a plane before the stone."""
    middle = np.array(_towards(table, "direction", table.row("direction", 3, -1e3, 1e3)))
    middle /= np.linalg.norm(middle)
    width, height = (math.radians(side) for side in table.row("size_deg", 2, 0.1, 120))
    panes = table.row("panes", 2, 1, 16)
    columns, rows = (round(count) for count in panes)
    if [columns, rows] != panes:
        raise table.error("panes", f"is {panes}; it must be two whole numbers, columns and rows")
    right = np.cross((0.0, 1.0, 0.0), middle)
    if np.linalg.norm(right) < 1e-3:
        raise table.error("direction", "points along y, so that no height can run towards it; turn it a little")
    right /= np.linalg.norm(right)
    up = np.cross(middle, right)
    radius = math.sqrt(width * height / (columns * rows * math.pi))
    intensity = _triple(_colour(table, white) / (columns * rows))
    return [
        DiscLight(_triple(middle + math.tan(x) * right + math.tan(y) * up), radius, intensity)
        for y in height * ((np.arange(rows) + 0.5) / rows - 0.5)
        for x in width * ((np.arange(columns) + 0.5) / columns - 0.5)
    ]


def _towards(table: _Table, key: str, row: list[float]) -> tuple[float, float, float]:
    if math.hypot(*row) < 1e-6:
        raise table.error(key, f"holds {row}, which has no length; write a vector towards the light")
    return _triple(np.array(row))


def _colour(table: _Table, white: float) -> F64:
    """Return a table's intensity (3,), linear Rec.709."""
    intensity = table.number("intensity", 0, 1e6, 1.0)
    if ("rgb" in table.values) == ("temperature_k" in table.values):
        raise table.error("temperature_k", "or rgb must be given, and not both")
    if "rgb" in table.values:
        return intensity * np.array(table.row("rgb", 3, 0, 1e3))
    return intensity * temperature_rgb(table.number("temperature_k", COLDEST, HOTTEST), white)


def _as_one_card(file: str, lights: list[DiscLight]) -> tuple[DiscLight, ...]:
    """Return the lights scaled so that a white card reads a luminance of 1 where it faces them all as it can best.

    A disc of radius r gives a card that faces it (1 + cos r) / 2 of its intensity: at its rim it lies aslant.
    """
    luminance = SRGB.to_xyz()[1]
    flux = sum(
        (luminance @ light.intensity) * 0.5 * (1 + math.cos(light.radius_rad)) * np.array(light.direction)
        for light in lights
    )
    reads = float(np.linalg.norm(flux))
    if reads <= 0:
        raise ViewError(f"{file}: its lights have no intensity, or cancel out; raise one")
    return tuple(
        DiscLight(light.direction, light.radius_rad, _triple(np.array(light.intensity) / reads)) for light in lights
    )


def _triple(values: F64) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
