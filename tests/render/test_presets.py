"""Light presets: what a white card reads under them, their colours, and files that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.errors import ViewError
from geodfx.gamut import temperature_rgb
from geodfx.render.presets import preset, preset_names

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of Rec. ITU-R BT.709
LAMP = "[[lamps]]\ndirections = [[0, 0, 1]]\nradius_deg = 5\ntemperature_k = 5000\n"
WINDOW = "[[windows]]\ndirection = [0, 0, 1]\nsize_deg = [20, 30]\npanes = [2, 3]\ntemperature_k = 6504\n"


def white_card(lights, samples=4000):
    """Return what a card reads that faces the light, (3,): each disc's radiance over its points, by the cosine."""
    normal = sum(LUMINANCE @ light.intensity * np.array(light.direction) for light in lights)
    normal = normal / np.linalg.norm(normal)
    rng = np.random.default_rng(0)
    total = np.zeros(3)
    for light in lights:
        # Points of even solid angle in the disc, seen from its middle
        z = 1 - rng.random(samples) * (1 - math.cos(light.radius_rad))
        turn = rng.random(samples) * 2 * math.pi
        towards = np.array(light.direction)
        right = np.cross(towards, [0.31, 0.52, -0.79])
        right /= np.linalg.norm(right)
        up = np.cross(towards, right)
        rim = np.sqrt(1 - z * z)[:, None]
        points = z[:, None] * towards + rim * (np.cos(turn)[:, None] * right + np.sin(turn)[:, None] * up)
        total += np.array(light.intensity) * np.maximum(points @ normal, 0).mean()
    return total


def written(tmp_path, text):
    path = tmp_path / "shop.toml"
    path.write_text(text, "utf-8")
    return path


def test_there_are_the_places_that_a_shop_needs():
    assert preset_names() == ("box", "candle", "counter", "sun", "window")
    assert all(preset(name).about for name in preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_a_white_card_that_faces_the_light_reads_1(name):
    lights = preset(name).lights
    assert LUMINANCE @ white_card(lights) == pytest.approx(1, rel=0.06)  # a light behind the card's plane is lost to it
    assert all(light.direction[2] > 0 for light in lights)


def test_a_candle_is_warm_and_a_window_is_not():
    red, green, blue = white_card(preset("candle").lights)
    assert red > 1.2 * green > 1.8 * blue
    red, green, blue = white_card(preset("window").lights)
    assert red < green < blue < 1.3 * red


def test_temperatures_have_their_chromaticities():
    np.testing.assert_allclose(temperature_rgb(6504), [1, 1, 1], atol=0.01)
    np.testing.assert_allclose(temperature_rgb(2856, 2856), [1, 1, 1], atol=1e-9)
    # CIE illuminant A, XYZ 1.0985, 1, 0.3558 (CIE 15), by the matrix of IEC 61966-2-1
    expected = np.linalg.solve(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], [1.0985, 1, 0.3558]
    )
    np.testing.assert_allclose(temperature_rgb(2856), expected, atol=0.01)
    warmth = [temperature_rgb(kelvin) for kelvin in (1000, 1900, 4999, 5000, 7000, 7001, 25000)]
    assert (np.diff([rgb[2] - rgb[0] for rgb in warmth]) > -0.02).all()
    assert all(LUMINANCE @ rgb == pytest.approx(1, abs=1e-3) for rgb in warmth)


def test_a_window_is_as_large_as_told_and_stands_upright(tmp_path):
    lights = preset(written(tmp_path, WINDOW)).lights
    across, along = (
        np.degrees([math.atan2(light.direction[i], light.direction[2]) for light in lights]) for i in (0, 1)
    )
    np.testing.assert_allclose(np.unique(across.round(3)), [-5, 5], atol=0.2)
    np.testing.assert_allclose(np.unique(along.round(3)), [-10, 0, 10], atol=0.2)
    solid = sum(2 * math.pi * (1 - math.cos(light.radius_rad)) for light in lights)
    assert solid == pytest.approx(math.radians(20) * math.radians(30), rel=0.01)
    np.testing.assert_allclose([light.intensity for light in lights], 1 / 6, rtol=0.03)


def test_a_users_own_file_is_taken(tmp_path):
    made = preset(str(written(tmp_path, 'about = "mine"\nexposure_ev = 1\nwhite_k = 3000\n' + LAMP)))
    assert (made.name, made.about, made.exposure_ev, len(made.lights)) == ("shop", "mine", 1.0, 1)
    assert made.lights[0].radius_rad == pytest.approx(math.radians(5))
    red, _, blue = made.lights[0].intensity
    assert blue > 1.5 * red  # 5000 K where 3000 K is white


def test_several_lamps_share_by_their_intensities(tmp_path):
    text = (LAMP + "intensity = 3\n" + LAMP + "intensity = 1\n").replace("temperature_k = 5000", "rgb = [1, 0.5, 0]")
    strong, weak = preset(written(tmp_path, text)).lights
    np.testing.assert_allclose(np.divide(strong.intensity[:2], weak.intensity[:2]), 3)
    assert strong.intensity[2] == weak.intensity[2] == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has 0 lights"),
        ("lamps = 3", r"lamps is 3; write \[\[lamps\]\] above each"),
        ("[[lamps]", "not valid TOML"),
        ("lamp = []\n", "lamp is not a known key; did you mean 'lamps'"),
        (LAMP + "radius = 4\n", "lamps 1: radius is not a known key; did you mean 'radius_deg'"),
        (LAMP.replace("radius_deg = 5\n", ""), "lamps 1: radius_deg is missing; it must be a number within 0 and 90"),
        (LAMP.replace("5\n", "nan\n", 1), "lamps 1: radius_deg is nan"),
        (LAMP.replace("5000", "500"), "lamps 1: temperature_k is 500; it must be a number within 1000 and 25000"),
        (LAMP.replace("[[0, 0, 1]]", "[0, 0, 1]"), r"lamps 1: directions is \[0, 0, 1\]; it must be 3 numbers"),
        (LAMP.replace("[[0, 0, 1]]", "[[0, 0, 0]]"), "lamps 1: directions holds .* no length"),
        (LAMP + "rgb = [1, 1, 1]\n", "lamps 1: temperature_k or rgb must be given, and not both"),
        (LAMP + "intensity = true\n", "lamps 1: intensity is True"),
        (LAMP + "intensity = 0\n", "its lights have no intensity"),
        (LAMP + WINDOW.replace("[2, 3]", "[2, 99]"), "windows 1: panes is"),
        (WINDOW.replace("[2, 3]", "[2.5, 3]"), "windows 1: panes is .* whole numbers"),
        (WINDOW.replace("[0, 0, 1]", "[0, 1, 0]"), "windows 1: direction points along y"),
        (WINDOW.replace("[2, 3]", "[16, 16]") + LAMP, "has 257 lights; write 1 to 256"),
        ("about = 3\n" + LAMP, "about is 3, not text"),
    ],
)
def test_a_file_that_is_wrong_is_told_by_file_and_key(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(ViewError, match=told) as error:
        preset(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_names_and_files_that_are_not_there(tmp_path):
    with pytest.raises(ViewError, match="preset 'moon' is not known; choose one of box, candle, counter, sun, window"):
        preset("moon")
    with pytest.raises(ViewError, match=r"none\.toml: cannot be read"):
        preset(tmp_path / "none.toml")
