"""From a `.gdfx` file to a Stone: one reader for each major version of the format. `Stone.save` is the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from geodfx.arrays import F32, U8, U32
from geodfx.base_map import Base
from geodfx.basis import TERMS
from geodfx.container import Container, read_container
from geodfx.errors import StoneError
from geodfx.lobe_map import Lobes, no_edges, no_extents
from geodfx.stone import Stone
from geodfx.tilting import TiltStage

__all__ = ["load_stone"]

LARGEST_NUMBER = 1e12  # no radius, gain or distance comes near it


def load_stone(path: str | Path) -> Stone:
    """Open a .gdfx file as a stone, in milliseconds whatever its size. Raises StoneError.

    The large maps (base planes, lobe refs) stay in the file, mapped, and their checksums are checked when they are
    first asked for: that look raises StoneError if they were altered. While the stone lives, replace the file
    as a whole rather than write into it.
    """
    file = read_container(Path(path))
    reader = _READERS.get(file.version[0])
    if reader is None:
        raise StoneError(f"{path}: format {file.version[0]} was never released; make the file again")
    try:
        return reader(file)
    except (TypeError, ValueError) as error:
        raise StoneError(f"{path}: not a sound stone: {error}; make it again with `geodfx process`") from error


def _read_5(file: Container) -> Stone:
    """Read format 5; 4, which had no extents; 3, which had no flat facets; and 2, which had no edges.

    Unknown keys and parts are of a later minor version.
    """
    about = file.about
    alpha = file.part("alpha").read()
    stone = Stone(
        name=_text(about, "name"),
        model=_text(about, "model"),
        domain=_text(about, "domain"),
        alpha=alpha,
        base=_base_5(file),
        lobes=_lobes_5(file) if about.get("model") == "lobes" else None,
        light_direction=_finite(file, "light_direction"),
        light_radius_rad=_positive(about, "light_radius_rad"),
        display_gain=_positive(about, "display_gain"),
        camera_distance=None if about.get("camera_distance") is None else _positive(about, "camera_distance"),
        field_width=None if about.get("field_width") is None else _positive(about, "field_width"),
        provenance=_provenance(about),
        tilting=_tilting_5(file) if about.get("domain") == "tilt" else None,
    )
    if about.get("size") != list(stone.size):
        raise ValueError(f"its size is said to be {about.get('size')!s:.40} and is {list(stone.size)}")
    return stone


def _base_5(file: Container) -> Base:
    described = file.about.get("base")
    if not isinstance(described, dict):
        raise TypeError("'base' is missing or no table")
    basis = _text(described, "basis")
    if basis not in TERMS:
        raise ValueError(f"its basis {basis!r} is not one of {sorted(TERMS)}")
    planes = cast(U8, file.part("base_planes"))  # a Part stands in until it is asked for
    return Base(basis, _text(described, "space"), planes, _finite(file, "base_mix"), _finite(file, "base_offset"))


def _lobes_5(file: Container) -> Lobes:
    has_extents = file.has_part("facet_extents")
    extents = file.part("facet_extents").read() if has_extents else no_extents()
    index, refs = np.zeros((0, 0, 2), np.uint32), np.zeros(0, np.uint32)
    if not has_extents or file.has_part("lobe_index"):
        index, refs = file.part("lobe_index").read(), cast(U32, file.part("lobe_refs"))
    facets, slopes = file.part("facets").read(), file.part("facet_slopes").read()
    edges = file.part("facet_edges").read() if file.has_part("facet_edges") else no_edges()
    step, flat = _positive(file.about, "slope_step"), file.about.get("flat", False)
    if not isinstance(flat, bool):
        raise TypeError("'flat' is neither true nor false")
    return Lobes(index, refs, facets, slopes, step, edges, flat, extents)


def _tilting_5(file: Container) -> TiltStage:
    height = file.about.get("plane_height")
    if not isinstance(height, int | float):
        raise TypeError("'plane_height' is missing or no number")
    tilts, lights = _finite(file, "tilt"), _finite(file, "rig_lights")
    return TiltStage(tilts, _positive(file.about, "tilt_stretch"), float(height), lights)


def _finite(file: Container, name: str) -> F32:
    values = file.part(name).read()
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{name} holds values that are no numbers")
    return values


def _text(table: dict[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise TypeError(f"{key!r} is missing or no text")
    return value


def _positive(table: dict[str, Any], key: str) -> float:
    value = table.get(key)
    if not isinstance(value, int | float) or not 0 < value < LARGEST_NUMBER:
        raise ValueError(f"{key!r} is missing or no positive number")
    return float(value)


def _provenance(about: dict[str, Any]) -> dict[str, str | int | float]:
    table = about.get("provenance", {})
    if not isinstance(table, dict):
        raise TypeError("'provenance' is no table")
    return {key: value for key, value in table.items() if isinstance(value, str | int | float)}


_READERS: dict[int, Callable[[Container], Stone]] = {2: _read_5, 3: _read_5, 4: _read_5, 5: _read_5}
