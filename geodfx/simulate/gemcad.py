"""GemCad designs (.asc): a facet a plane, at an angle to the girdle plane and an index of the gear."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from geodfx.arrays import F64
from geodfx.errors import RecipeError

__all__ = ["read_gemcad"]

GIRDLE_DEG = 90.0  # a facet at +90 and one at -90 degrees are the same: upright
NAME, NOTE = "n", "G"  # a name follows one word, a note the rest of the line
SAME_DIGITS = 9  # planes that agree to so many are one: designs are written with 8
MOST = 1e6  # beyond, an index or a turn no longer tells a place to SAME_DIGITS


def read_gemcad(path: Path) -> F64:
    """Return the planes (F, 4) of a design, outward unit normal and distance, stone frame, in the design's unit.

    `g teeth angle`: the gear, clockwise where teeth are negative, and its turn in degrees. `a angle distance index
    ...`: one plane an index, which may be a fraction, at azimuth 360 index / teeth, counted from +y against the clock
    as the camera sees the crown. An angle below 0, or -0, is on the pavilion. Mirrored places are indices too, so
    that the line `y` (folds, mirror) adds none. Raises RecipeError, naming the line.
    """
    teeth, turn = 96.0, 0.0
    planes: list[tuple[float, float, float, float]] = []
    for number, line in _lines(path):
        kind, *words = line.split()
        if kind == "g":
            teeth, turn = _gear(path, number, words)
        elif kind == "a":
            angle, distance, indices = _facet(path, number, words)
            planes += [_plane(angle, distance, math.radians(360.0 * index / teeth + turn)) for index in indices]
    if not planes:
        raise RecipeError(f"{path}: holds no facet (a line `a angle distance index ...`); name a GemCad .asc design")
    found = np.array(planes)
    _, first = np.unique(np.round(found, SAME_DIGITS) + 0.0, axis=0, return_index=True)  # + 0.0: -0 is 0
    return np.ascontiguousarray(found[np.sort(first)])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that are not empty."""
    try:
        text = path.read_text("latin-1")
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); name a GemCad .asc design") from error
    if not text.startswith("GemCad"):
        raise RecipeError(f"{path}: does not begin with `GemCad`; export the design as .asc")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line


def _gear(path: Path, number: int, words: list[str]) -> tuple[float, float]:
    """Return (teeth, turn in degrees) of a line `g`."""
    numbers = _numbers(words)
    if len(words) not in (1, 2) or len(numbers) != len(words) or abs(numbers[0]) < 1:
        raise RecipeError(f"{path}: line {number} is not `g teeth angle`; correct it")
    return numbers[0], numbers[1] if len(numbers) > 1 else 0.0


def _facet(path: Path, number: int, words: list[str]) -> tuple[float, float, list[float]]:
    """Return (angle in degrees, distance, indices) of a line `a`."""
    kept, rest = [], iter(words)
    for word in rest:
        if word == NOTE:
            break
        if word == NAME:
            next(rest, None)
        else:
            kept.append(word)
    numbers = _numbers(kept)
    if len(numbers) != len(kept) or len(numbers) < 3 or abs(numbers[0]) > GIRDLE_DEG:
        raise RecipeError(f"{path}: line {number} is not `a angle distance index ...`; correct it")
    return numbers[0], numbers[1], numbers[2:]


def _numbers(words: list[str]) -> list[float]:
    """Return the numbers among words that a design can hold."""
    numbers = []
    for word in words:
        try:
            number = float(word)
        except ValueError:
            continue
        if abs(number) <= MOST:  # NaN is not
            numbers.append(number)
    return numbers


def _plane(angle_deg: float, distance: float, azimuth: float) -> tuple[float, float, float, float]:
    """Return normal and distance of one facet."""
    slope = math.radians(abs(angle_deg))
    rim, up = math.sin(slope), math.cos(slope)
    if abs(angle_deg) == GIRDLE_DEG:
        up = 0.0
    return -rim * math.sin(azimuth), rim * math.cos(azimuth), math.copysign(up, angle_deg), distance
