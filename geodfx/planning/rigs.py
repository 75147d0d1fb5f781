"""The lights that are to be judged: of a session, of a recipe of `geodfx simulate`, or of a light file alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from geodfx.capture import find_rig
from geodfx.capture.photos import open_photos
from geodfx.capture.rig import LightRig, make_rig
from geodfx.capture.session import read_lp, read_session
from geodfx.capture.settings import SESSION_FILE
from geodfx.errors import RecipeError, SessionError
from geodfx.paths import is_folder
from geodfx.simulate import planned_series, read_recipe

__all__ = ["find_lights"]


def find_lights(source: Path, radius_rad: float | None) -> LightRig:
    """Return the lights of a session folder, its session.toml, a recipe (.toml) or a light file (.lp).

    radius_rad: of the lights, in place of what the source tells; a light file tells none. Photos are opened only
    where the lights are read off chrome spheres in them. Raises SessionError, PhotoError, CalibrationError or
    RecipeError.
    """
    if source.name == SESSION_FILE:
        return _of_session(source.parent, radius_rad)
    if source.suffix.lower() == ".toml":
        return _of_recipe(source, radius_rad)
    if source.suffix.lower() == ".lp":
        return _of_light_file(source, radius_rad)
    if not is_folder(source):
        raise SessionError(f"{source}: is neither a session's folder, nor a recipe (.toml), nor a light file (.lp)")
    return _of_session(source, radius_rad)


def _of_session(folder: Path, radius_rad: float | None) -> LightRig:
    session = read_session(folder)
    if session.domain != "light":
        told = f'{folder}: its domain is "{session.domain}"; only rigs whose lights move can be judged'
        raise SessionError(f'{told}, domain = "light"')
    if radius_rad is not None:
        session = dataclasses.replace(session, light_radius_rad=radius_rad)
    if session.light_direction is None:
        return find_rig(session, open_photos(session))
    source = session.listing or folder
    return make_rig(session.light_direction, session.names, source, radius_rad=session.light_radius_rad)


def _of_recipe(path: Path, radius_rad: float | None) -> LightRig:
    series = planned_series(read_recipe(path))[0]
    if series.tilts is not None:
        told = f"{path}: rig.kind tilts the stone under lights that stay; only rigs whose lights move can be judged"
        raise RecipeError(f"{told}; take dome, rings, path or lights")
    radius = series.lights.radius_rad if radius_rad is None else radius_rad
    return make_rig(series.lights.direction, series.names, path, radius_rad=radius)


def _of_light_file(path: Path, radius_rad: float | None) -> LightRig:
    names, direction = read_lp(path)
    if radius_rad is None:
        told = f"{path}: a light file does not tell how large the lights are"
        raise SessionError(f"{told}; give their angular radius, --light-radius DEG or light_radius_rad")
    return make_rig(direction, names, path, radius_rad=radius_rad)
