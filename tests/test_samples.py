"""The sample sessions: small, readable, and what their recipes make."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import geodfx
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos
from geodfx.capture.session import read_session
from geodfx.images import read_image
from geodfx.simulate.recipe import Recipe, read_recipe
from geodfx.simulate.rig import Lights
from geodfx.simulate.series import Series, plan_series
from geodfx.simulate.session_writer import write_session
from geodfx.simulate.shoot import shoot
from geodfx.simulate.spectrum import make_spectrum
from geodfx.simulate.stones import make_stone
from geodfx.simulate.surround import make_surround

MB = 1 << 20
MOST_BYTES, MOST_FILE_BYTES = 8 * MB, 2 * MB  # of the whole folder, of one file: a clone stays quick
FIRST = 2  # photos of a session that are made again
SESSIONS = ("diamond", "emerald", "aventurine", "sapphire_tilt")


def same(made: Path, kept: Path) -> None:
    """Assert that a file is made again: text to the letter, pictures but for roundings of another processor."""
    if made.suffix != ".png":
        assert made.read_text() == kept.read_text(), kept
        return
    one, other = read_image(made), read_image(kept)
    assert one.shape == other.shape and one.dtype == other.dtype == np.uint8, kept
    apart = np.abs(one.astype(np.int16) - other)
    assert np.mean(apart > 0) < 0.002, kept


def first_photos(recipe: Recipe, folder: str) -> Series:
    """Return a session's series, cut after its first photos."""
    series = next(s for s in plan_series(recipe, np.random.default_rng([recipe.seed, 1])) if s.folder == folder)
    names = series.names[:FIRST]
    if series.tilts is not None:
        return dataclasses.replace(series, tilts=series.tilts[:FIRST], names=names)
    lights = Lights(series.lights.direction[:FIRST], series.lights.radius_rad, series.lights.distance)
    return dataclasses.replace(series, lights=lights, names=names)


def test_all_samples_together_are_small(samples):
    files = [path for path in samples.rglob("*") if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    assert sum(sizes) < MOST_BYTES and max(sizes) < MOST_FILE_BYTES
    told = (samples / "README.md").read_text("utf-8")
    for recipe in samples.glob("*/recipe.toml"):
        assert recipe.parent.name in SESSIONS
        assert f"geodfx simulate samples/{recipe.parent.name}/recipe.toml -o " in told


@pytest.mark.parametrize("name", SESSIONS)
def test_a_sample_reads_as_a_session_of_its_recipe(samples, name):
    recipe = read_recipe(samples / name / "recipe.toml")
    assert recipe.heldout is not None
    for folder in ("train", "heldout"):
        session = read_session(samples / name / folder)
        photos = open_photos(session)
        assert session.domain == ("tilt" if name == "sapphire_tilt" else "light")
        assert photos.size == recipe.camera.size and session.camera_distance == recipe.camera.distance
        assert (session.white_value, session.transfer) == (recipe.sensor.white_value, "srgb")
        assert 0.2 < np.mean(read_matte(session, photos.size) > 127) < 0.6
    assert len(session.photos) == recipe.heldout.photos and session.display_gain is not None


@pytest.mark.parametrize("folder", ["train", "heldout"])
@pytest.mark.parametrize("name", ["diamond", "emerald", "sapphire_tilt"])
def test_a_recipe_makes_the_first_photos_of_its_sample_again(samples, tmp_path, name, folder):
    # A photo depends on its own light or tilt and on its place in the row, so that the others need not be made.
    recipe = read_recipe(samples / name / "recipe.toml")
    series = first_photos(recipe, folder)
    stone = make_stone(recipe.stone, make_spectrum(recipe.camera.samples), np.random.default_rng([recipe.seed, 0]))
    size = int(recipe.camera.size[1]), int(recipe.camera.size[0])
    surround = make_surround(recipe.frame, white_stage=False)
    shots = shoot(recipe, series, stone, surround, np.zeros((FIRST, *size, 3), np.float32))
    kept = samples / name / folder
    write_session(tmp_path, recipe, series, shots, read_session(kept).display_gain)
    for photo in series.names:
        same(tmp_path / photo, kept / photo)
    same(tmp_path / "session.toml", kept / "session.toml")
    listing = "lights.lp" if series.tilts is None else "tilts.csv"
    made, wanted = ((place / listing).read_text().splitlines() for place in (tmp_path, kept))
    assert made[1:] == wanted[1 : FIRST + 1]
    if series.tilts is None:  # else the mask is what the stone covers in any of its tilts
        same(tmp_path / "mask.png", kept / "mask.png")


def test_a_recipe_makes_its_whole_sample_again(samples, tmp_path):
    kept = samples / "aventurine"
    geodfx.simulate(kept / "recipe.toml", tmp_path / "again")
    for folder in ("train", "heldout"):
        names = {path.name for path in (kept / folder).iterdir()}
        assert {path.name for path in (tmp_path / "again" / folder).iterdir()} == names | {"truth"}
        for name in names:
            same(tmp_path / "again" / folder / name, kept / folder / name)


def test_the_samples_look_like_their_names(samples):
    # The mean of all photos is the stone in a white dome.
    strongest = {"emerald": 1, "aventurine": 1, "sapphire_tilt": 2}
    for name in SESSIONS:
        session = read_session(samples / name / "train")
        inside = read_matte(session, open_photos(session).size) == 255
        mean = np.mean([read_image(path)[inside].mean(axis=0) for path in session.photos], axis=0)
        if name in strongest:
            others = np.delete(mean, strongest[name])
            assert mean[strongest[name]] > 1.25 * others.max(), (name, mean)
        else:
            assert mean.max() < 1.1 * mean.min(), (name, mean)
