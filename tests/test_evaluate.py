"""The score against the metric's definition, written again in float64, and against the reference program."""

from __future__ import annotations

import importlib.util
import math

import cv2
import numpy as np
import pytest

import geodfx
from geodfx.capture.session import read_session
from geodfx.errors import SessionError
from geodfx.evaluate import Comparison
from geodfx.stone import Stone
from tests.render.stones import base_of
from tests.sessions import HEIGHT, WHITE, WIDTH, light_directions, matte_radiance, write_environment, write_session

KEYS = ("psnr_db", "flux", "flash_f1")


def sloped_stone(size=(WIDTH, HEIGHT), gain=1.6, seed=2) -> Stone:
    """Return a PTM stone whose displayed values depend on texel and light, and clip at both ends for some."""
    width, height = size
    coefficients = np.random.default_rng(seed).normal(0, 0.25, (6, height, width, 3)).astype(np.float32)
    coefficients[5] += 0.45
    alpha = np.full((height, width), 255, np.uint8)
    base = base_of("ptm", "display", coefficients)
    return Stone("slope", "ptm", "light", alpha, base, None, np.array([[0, 0, 1]], np.float32), 0.2, gain)


def scored(frames, photos, mask, gain):
    """Return the three figures of frames and photos (L, H, W, 3)."""
    shown, truth = (np.clip(np.asarray(x, np.float64)[:, mask] * gain, 0, 1) ** (1 / 2.2) for x in (frames, photos))
    flash, real = shown.max(-1) > 0.5, truth.max(-1) > 0.5
    return {
        "psnr_db": -10 * math.log10(np.mean((shown - truth) ** 2)),
        "flux": shown.sum() / truth.sum(),
        "flash_f1": 2 * (flash & real).sum() / (flash.sum() + real.sum()),
    }


def assert_scores(got, expected):
    """Compare to the rounding: two decimals of a dB, three of the others."""
    for key in KEYS:
        assert getattr(got, key) == pytest.approx(expected[key], abs=0.00501 if key == "psnr_db" else 0.000501), key


def mask() -> np.ndarray:
    inner = np.zeros((HEIGHT, WIDTH), bool)
    inner[1:-1, 1:-1] = True
    return inner


@pytest.mark.parametrize("told", ["display_gain = 0.9", ""])
def test_the_score_of_lights(tmp_path, told):
    folder = write_session(tmp_path / "s", count=5, extra=f"light_radius_deg = 3.0\n{told}")
    stone, directions = sloped_stone(), light_directions(5)
    photos = np.stack([np.rint(matte_radiance(d) * WHITE * 65535) / 65535 / WHITE for d in directions])
    frames = np.stack([geodfx.relight(stone, view_of(d, math.radians(3)))[..., :3] for d in directions])
    gain = 0.9 if told else 2 / np.quantile(photos[:, mask()].max(axis=0), 0.9)
    score = geodfx.evaluate(stone, folder)
    assert_scores(score, scored(frames, photos, mask(), gain))
    for i, photo in enumerate(score.photos):
        assert photo.name == f"photo {i:02}.png"
        assert_scores(photo, scored(frames[i : i + 1], photos[i : i + 1], mask(), gain))
    assert geodfx.evaluate(stone, read_session(folder)) == score


def view_of(direction, radius):
    return geodfx.View((geodfx.DiscLight(tuple(direction), radius),))


def test_without_a_radius_the_stones_own_is_taken(tmp_path):
    told = write_session(tmp_path / "told", count=3, extra=f"light_radius_deg = {math.degrees(0.2)}")
    untold = write_session(tmp_path / "untold", count=3, extra="")
    stone = sloped_stone()
    assert geodfx.evaluate(stone, untold) == geodfx.evaluate(stone, told)


def test_photos_of_srgb_are_linearised(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    codes = np.random.default_rng(1).integers(0, 255, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)
    directions = light_directions(3)
    rows = [f"{i}.png {x} {y} {z}" for i, (x, y, z) in enumerate(directions)]
    (folder / "lights.lp").write_text("\n".join(["3", *rows]) + "\n")
    for i in range(3):
        assert cv2.imwrite(str(folder / f"{i}.png"), codes[i][..., ::-1])
    encoded = codes / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    stone, everywhere = sloped_stone(), np.ones((HEIGHT, WIDTH), bool)
    frames = [geodfx.relight(stone, view_of(d, 0.2))[..., :3] for d in directions]
    gain = 2 / np.quantile(linear[:, everywhere].max(axis=0), 0.9)
    assert_scores(geodfx.evaluate(stone, folder), scored(np.stack(frames), linear, everywhere, gain))


def environment_session(folder, stone, tilts_deg):
    """Write a session whose true frames are the stone's own, a tenth brighter; return (folder, environment)."""
    folder.mkdir()
    path = write_environment(folder / "sky.hdr", 0.7)
    environment = geodfx.Environment.load(path)
    rows = ["file,pitch_deg,roll_deg"]
    for i, (pitch, roll) in enumerate(tilts_deg):
        view = geodfx.View((), environment, geodfx.Tilt(math.radians(pitch), math.radians(roll)))
        np.save(folder / f"true_{i}.npy", geodfx.relight(stone, view)[..., :3] * np.float32(1.1))
        rows.append(f"true_{i}.npy,{pitch},{roll}")
    (folder / "tilts.csv").write_text("\n".join(rows) + "\n")
    settings = ['domain = "environment"', 'environment = "sky.hdr"', 'tilts = "tilts.csv"', 'transfer = "linear"']
    (folder / "session.toml").write_text("\n".join([*settings, "display_gain = 0.3"]) + "\n")
    return folder


def test_the_score_under_an_environment(tmp_path):
    stone = sloped_stone()
    score = geodfx.evaluate(stone, environment_session(tmp_path / "s", stone, [(0, 0), (6, -3)]))
    assert len(score.photos) == 2
    # Nothing clips at this gain: displayed light is 1.1 ^ (1 / 2.2) times the frames' everywhere.
    assert score.flux == pytest.approx(1.1 ** (-1 / 2.2), abs=0.0006)


def test_an_environment_must_be_named(tmp_path):
    stone = sloped_stone()
    folder = environment_session(tmp_path / "s", stone, [(0, 0), (1, 0)])
    settings = folder / "session.toml"
    settings.write_text(settings.read_text().replace('environment = "sky.hdr"\n', ""))
    with pytest.raises(SessionError, match="write environment ="):
        geodfx.evaluate(stone, folder)


def test_a_picture_shows_photo_frame_and_difference():
    photo = np.zeros((2, 2, 3), np.float32)
    frame = np.zeros((2, 2, 3), np.float32)
    photo[0, 0], frame[0, 0] = 0.8, 0.2
    frame[0, 1] = 1.0
    frame[1, 1] = 1.0  # does not count
    counts = np.array([[True, True], [True, False]])
    picture = Comparison("a", photo, frame, counts).picture()
    assert picture.shape == (2, 6, 3)
    np.testing.assert_array_equal(picture[0, :, 0], [204, 0, 51, 255, 51, 255])  # 0.5 + (0.2 - 0.8) / 2 = 0.2
    np.testing.assert_array_equal(picture[1, 4:, 0], [128, 128])


@pytest.fixture(scope="module")
def reference(shared_data):
    """Return the program that defines the metric."""
    spec = importlib.util.spec_from_file_location("score", shared_data.parent / "score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["diamond/heldout_radius5", "icon_dome/heldout", "sapphire/environment_lobby"])
def test_the_figures_are_exactly_those_of_the_reference(shared_data, reference, name):
    folder = shared_data / name
    names, photos, inside, settings = reference.read_session(folder)
    stone = sloped_stone(size=photos.shape[2:0:-1], gain=settings["display_gain"] * 1.5)
    session = read_session(folder)
    if session.domain == "light":
        views = [view_of(d, session.light_radius_rad or stone.light_radius_rad) for d in session.light_direction]
    else:
        environment = geodfx.Environment.load(session.environment)
        views = [geodfx.View((), environment, geodfx.Tilt(*tilt)) for tilt in session.tilt_rad.tolist()]
    with geodfx.Renderer(stone) as renderer:
        frames = np.stack([renderer.render(view)[..., :3] for view in views])
    score = geodfx.evaluate(stone, folder)
    gain = settings["display_gain"]
    assert {key: getattr(score, key) for key in KEYS} == reference.score(frames, photos, inside, gain)
    assert [photo.name for photo in score.photos] == names
    third = reference.score(frames[2:3], photos[2:3], inside, gain)
    assert {key: getattr(score.photos[2], key) for key in KEYS} == third
