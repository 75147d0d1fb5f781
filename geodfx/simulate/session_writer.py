"""Session folders, exactly as `capture` reads them: photos, light or tilt file, mask, session.toml, and the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from geodfx.arrays import F32
from geodfx.constants import WHITE_LEVEL, WHITE_QUANTILE
from geodfx.images import atomic_write
from geodfx.jit import run_bands
from geodfx.simulate.camera import make_camera, pixel_of
from geodfx.simulate.recipe import Recipe, SphereRecipe, bracket_name
from geodfx.simulate.sensor import TRANSFERS, fitting_white, write_grey, write_photo
from geodfx.simulate.series import Series
from geodfx.simulate.shoot import Shots, make_view, one_shot
from geodfx.simulate.sky import make_sky
from geodfx.simulate.surround import Surround, expose_surround, make_alone, surround_photo

__all__ = ["display_gain", "write_session"]

SPHERE_FIELD = 1.3  # a sphere's own photos are this many diameters wide
SPHERE_SIZE = 128  # texels a side
SPHERE_SEED = 1_000_003  # apart from the seeds of the object's photos
CARD_SEED = 2_000_003  # apart from both


def write_session(
    folder: Path,
    recipe: Recipe,
    series: Series,
    shots: Shots,
    gain: float | None,
    done: Callable[[int], None] | None = None,
) -> None:
    """Write a series into a folder that is there; `done(n)` is told of each n photos. Raises OutputError.

    gain: the exposure at which a held-out session is scored.
    """
    sensor = recipe.sensor
    white = sensor.white_value or fitting_white(float(shots.photos.max(initial=0.0)))
    write_grey(folder / "mask.png", np.minimum(shots.alpha, 1))
    _write_listing(folder, recipe, series)
    alone = make_alone(recipe.frame, white_stage=recipe.stage.white)
    for number, ev in enumerate(sensor.exposures_ev):
        place = folder if ev == 0 else folder / "brackets" / bracket_name(ev)
        place.mkdir(parents=True, exist_ok=True)
        exposed = white * 2**ev
        _write_photos(place, recipe, series, shots.photos.__getitem__, exposed, number, (recipe.seed,), done)
        for k, (key, surround) in enumerate(alone.items()):
            (place / key).mkdir()
            photo = partial(_photo_alone, recipe, series, surround)
            seed = recipe.seed, CARD_SEED + k
            _write_photos(place / key, recipe, series, photo, exposed, number, seed, done)
        up = "" if ev == 0 else "../../"
        _write_text(place / "session.toml", _session_lines(recipe, series, exposed, gain, up))
    if any(sphere.at is None for sphere in recipe.frame.spheres):
        _write_spheres(folder, recipe, series, white)


def display_gain(shots: Shots) -> float | None:
    """Return the exposure at which photos are compared: 2 over the 0.9 quantile of the brightest values of texels."""
    brightest = shots.photos.max(axis=0)[shots.alpha >= 0.5]
    white = float(np.quantile(brightest, WHITE_QUANTILE)) if len(brightest) else 0.0
    return WHITE_LEVEL / white if white > 0 else None


def _write_photos(
    folder: Path,
    recipe: Recipe,
    series: Series,
    photo: Callable[[int], F32],
    white: float,
    exposure: int,
    seed: tuple[int, ...],
    done: Callable[[int], None] | None,
) -> None:
    """Write all photos of one exposure, several at once.

    photo(i): the light of photo i, before the sensor. seed: the recipe's, and what tells this thing from the stone.
    """

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            own = (*seed, int(series.heldout), i)
            write_photo(folder / series.names[i], photo(i), recipe.sensor, white, own, exposure)

    run_bands(work, len(series.names), done)


def _photo_alone(recipe: Recipe, series: Series, surround: Surround, i: int) -> F32:
    """Return the light (H, W, 3) of photo i where something else takes the stone's place and tilt."""
    return surround_photo(surround, *one_shot(recipe, series, i))


def _write_listing(folder: Path, recipe: Recipe, series: Series) -> None:
    """Write lights.lp or tilts.csv; where spheres are to tell the lights, the light file lies with the truth."""
    if series.tilts is not None:
        degrees = np.degrees(series.tilts)
        rows = [f"{name},{pitch:.6f},{roll:.6f}" for name, (pitch, roll) in zip(series.names, degrees, strict=True)]
        _write_text(folder / "tilts.csv", ["file,pitch_deg,roll_deg", *rows])
        return
    lights = series.lights.direction
    rows = [f"{name} {x:.8f} {y:.8f} {z:.8f}" for name, (x, y, z) in zip(series.names, lights, strict=True)]
    place = folder if recipe.frame.tell_lights else folder / "truth"
    _write_text(place / "lights.lp", [str(len(rows)), *rows])


def _session_lines(recipe: Recipe, series: Series, white: float, gain: float | None, up: str) -> list[str]:
    """Return session.toml; `up` leads from its folder to the one that holds mask and listing."""
    tilted = series.tilts is not None
    stone = series.stone + ("_heldout" if series.heldout else "")
    lines = [f"stone = {json.dumps(stone, ensure_ascii=False)}", f'domain = "{"tilt" if tilted else "light"}"']
    if tilted:
        lines.append(f'tilts = "{up}tilts.csv"')
    elif recipe.frame.tell_lights:
        lines.append(f'lights = "{up}lights.lp"')
    lines += [
        f'mask = "{up}mask.png"',
        f'transfer = "{TRANSFERS[recipe.sensor.format]}"',
        f"white_value = {white:.9g}",
        f"light_radius_deg = {math.degrees(series.lights.radius_rad):.6g}",
    ]
    if recipe.camera.distance is not None:
        lines.append(f"camera_distance = {recipe.camera.distance:.9g}")
    lines.append(f"field_width = {recipe.camera.field_width:.9g}")
    if tilted:
        rows = ", ".join("[" + ", ".join(f"{x:.8f}" for x in row) + "]" for row in series.lights.direction)
        lines.append(f"rig_lights = [{rows}]")
    if series.heldout and gain is not None:
        lines.append(f"display_gain = {gain:.6g}")
    for key in make_alone(recipe.frame, white_stage=recipe.stage.white):
        lines.append(f"# {key}/ holds the same photos with the {key.replace('_', ' ')} in the stone's place")
    for k, sphere in enumerate(recipe.frame.spheres):
        lines += ["", "[[spheres]]", *_sphere_lines(recipe, sphere, f"{up}sphere_{k + 1}")]
    return lines


def _sphere_lines(recipe: Recipe, sphere: SphereRecipe, folder: str) -> list[str]:
    """Return the keys of one [[spheres]] table."""
    if sphere.at is None:
        return [
            f'photos = "{folder}"',
            f"circle = {_circle(SPHERE_SIZE / 2, SPHERE_SIZE / 2, SPHERE_SIZE / SPHERE_FIELD / 2)}",
        ]
    view = make_view(recipe)
    column, row = pixel_of(view, *sphere.at)
    return [f"circle = {_circle(column, row, sphere.radius * view.width / view.field_width)}"]


def _circle(x: float, y: float, radius: float) -> str:
    return f"[{x:.3f}, {y:.3f}, {radius:.3f}]"


def _write_spheres(folder: Path, recipe: Recipe, series: Series, white: float) -> None:
    """Write the photos of each sphere that stands where the stone stood, under the same lights."""
    sky = make_sky(series.lights, np.arange(len(series.names)), len(series.names))
    for k, sphere in enumerate(recipe.frame.spheres):
        if sphere.at is not None:
            continue
        place = folder / f"sphere_{k + 1}"
        place.mkdir()
        alone = Surround(np.zeros((0, 7)), np.array([[0.0, 0.0, sphere.radius]]), recipe.stage.white)
        camera = make_camera((SPHERE_SIZE,) * 2, recipe.camera.distance, 2 * SPHERE_FIELD * sphere.radius, 16)
        photos = np.zeros((len(series.names), SPHERE_SIZE, SPHERE_SIZE, 3), np.float32)
        expose_surround(alone, camera, sky, photos, np.zeros((SPHERE_SIZE,) * 2, np.float32))
        for i, name in enumerate(series.names):
            seed = (recipe.seed, SPHERE_SEED + k, i)
            write_photo(place / name, photos[i], recipe.sensor, white, seed)


def _write_text(path: Path, lines: list[str]) -> None:
    with atomic_write(path) as out:
        out.write(("\n".join(lines) + "\n").encode())
