"""The way from a frame to what a display gets: curves, glare, colour spaces, codes and headroom."""

from __future__ import annotations

import colorsys
import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from geodfx.colour import encode_srgb
from geodfx.constants import FILMIC_WHITE
from geodfx.errors import ViewError
from geodfx.render.film import write_film
from geodfx.render.output import write_frame
from geodfx.render.picture import (
    BACKDROP,
    CURVES,
    Picture,
    bloom,
    displayed_codes,
    displayed_light,
    filmic,
    opaque_codes,
    tone,
)

HEADROOMS = (1.0, 2.5, 16.0)


def frame_of(*texels: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([texels], np.float32)


def stone_with_a_flash(side: int = 96) -> np.ndarray:
    """Return a grey disc with a soft rim and one bright blue texel near it."""
    y, x = np.indices((side, side)) - side / 2 + 0.5
    alpha = np.clip(0.3 * side - np.hypot(x, y), 0, 1).astype(np.float32)
    frame = np.stack([0.2 * alpha] * 3 + [alpha], axis=2).astype(np.float32)
    frame[side // 2, round(0.75 * side)] = (3, 5, 60, 1)
    return frame


def test_plain_codes_are_those_of_the_standard():
    # sRGB 0.8 is linear 0.6038273 (IEC 61966-2-1)
    frame = frame_of((0.5 * 0.6038273, 0.5, 0.0, 0.5), (7.0, 1.0, -0.2, 1.0), (0.0, 0.0, 0.0, 0.0))
    assert displayed_codes(frame, Picture()).tolist() == [[[204, 255, 0, 128], [255, 255, 0, 255], [0, 0, 0, 0]]]


@pytest.mark.parametrize("headroom", HEADROOMS)
@pytest.mark.parametrize("curve", CURVES)
def test_curves_rise_from_0_to_the_headroom(curve, headroom):
    light = np.concatenate([[-1.0, 0.0], np.geomspace(1e-5, 1e4, 4000)]).astype(np.float32)
    shown = tone(np.repeat(light[:, None], 3, axis=1), curve, headroom)
    assert shown[:2].tolist() == [[0, 0, 0]] * 2
    assert (np.diff(shown[:, 0]) >= 0).all()
    assert shown.max() == pytest.approx(headroom)


@pytest.mark.parametrize("headroom", HEADROOMS)
def test_filmic_keeps_mid_grey_and_says_what_is_white(headroom):
    white = FILMIC_WHITE * headroom
    light = np.array([0.18, white, 1.5 * white], np.float32)
    np.testing.assert_allclose(filmic(light, headroom), [0.18, headroom, headroom], rtol=1e-5)
    assert filmic(np.float32([0.5 * white]), headroom)[0] < 0.99 * headroom


def test_filmic_is_the_published_curve():
    # Lottes (2016): z = x^a, z / (z b + c) by its b and c with shoulder 1, in float64
    a, mid_in, mid_out, white = 1.2, 0.18, 0.18, 16.0
    b = (-(mid_in**a) + white**a * mid_out) / ((white**a - mid_in**a) * mid_out)
    c = (white**a * mid_in**a - white**a * mid_in**a * mid_out) / ((white**a - mid_in**a) * mid_out)
    x = np.geomspace(1e-3, 16, 50)
    np.testing.assert_allclose(filmic(x.astype(np.float32)), x**a / (b * x**a + c), rtol=1e-5)


@pytest.mark.parametrize("gain", [0.5, 3.0, 30.0, 300.0])
def test_a_flash_keeps_its_hue_where_clipping_would_lose_it(gain):
    fire = np.array([1.0, 0.45, 0.1], np.float32)
    shown = tone(gain * fire, "filmic")
    assert colorsys.rgb_to_hsv(*shown)[0] == pytest.approx(colorsys.rgb_to_hsv(*fire)[0], abs=1e-4)
    assert colorsys.rgb_to_hsv(*shown)[1] > 0.5
    if gain >= 30:
        assert tone(gain * fire, "plain").tolist() == [1, 1, 1]


def test_glare_keeps_the_light():
    rng = np.random.default_rng(0)
    for shape in ((40, 31), (97, 130)):
        frame = rng.random((*shape, 4)).astype(np.float32) * 1.5
        frame[-3:, :5, :3] = 400  # at the border
        for radius in (0.0, 0.01, 0.2):
            rest, glare = bloom(frame, 0.6, radius)
            total = frame[..., :3].sum(axis=(0, 1), dtype=np.float64)
            np.testing.assert_allclose((rest[..., :3] + glare).sum(axis=(0, 1), dtype=np.float64), total, rtol=1e-5)
            np.testing.assert_array_equal(rest[..., 3], frame[..., 3])
            assert glare.min() >= 0


def test_glare_is_round_centred_and_as_wide_as_told():
    side, radius = 257, 0.02
    frame = np.zeros((side, side, 4), np.float32)
    frame[128, 128] = (101, 1, 1, 1)
    _, glare = bloom(frame, 1.0, radius)
    red = glare[..., 0].astype(np.float64)
    _, x = np.indices(red.shape) - 128
    assert red.sum() == pytest.approx(100, rel=1e-4)
    assert abs((red * x).sum()) < 25  # a quarter of a pixel: the widest is blurred at a lower resolution
    # The three Gaussians, 1/4, 1 and 3 radii wide, have the variance of their shares.
    variance = (0.5 / 16 + 0.3 + 0.2 * 9) * (radius * side) ** 2
    assert (red * x * x).sum() / red.sum() == pytest.approx(variance, rel=0.05)
    assert red[128, 128 + 14] == pytest.approx(red[128 + 14, 128], rel=0.02)
    assert red[128, 128 + 14] == pytest.approx(red[128 + 10, 128 + 10], rel=0.1)
    assert not glare[..., 1:].any()


def test_what_is_not_over_white_does_not_bloom():
    frame = stone_with_a_flash()
    frame[..., :3] = np.minimum(frame[..., :3], frame[..., 3:])
    np.testing.assert_array_equal(displayed_codes(frame, Picture(bloom=1.0)), displayed_codes(frame, Picture()))


def test_glare_beside_the_stone_looks_over_black_as_before_black():
    frame = stone_with_a_flash()
    picture = Picture(bloom=0.4)
    codes = displayed_codes(frame, picture).astype(np.float64) / 255
    over_black = codes[..., :3] * codes[..., 3:]
    beside = frame[..., 3] == 0
    rest, glare = bloom(frame, picture.bloom, picture.bloom_radius)
    np.testing.assert_allclose(over_black[beside], encode_srgb((rest[..., :3] + glare)[beside]), atol=0.006)
    assert codes[..., 3][beside].max() > 0.1
    assert codes[0, 0].tolist() == [0, 0, 0, 0]  # far away nothing changes


def test_a_backdrop_shows_where_there_is_no_stone():
    frame = frame_of((0.0, 0.0, 0.0, 0.0), (0.25, 0.25, 0.25, 0.5), (0.4, 0.4, 0.4, 1.0))
    expected = encode_srgb(np.float32([BACKDROP, 0.25 + BACKDROP / 2, 0.4])) * 255
    np.testing.assert_allclose(opaque_codes(frame, Picture())[0, :, 1], expected, atol=0.51)


def test_a_headroom_keeps_what_is_over_white():
    frame = frame_of((3.0, 0.5, 9.0, 1.0), (1.5, 0.1, 0.0, 0.5), (0.0, 0.0, 0.0, 0.0))
    shown = displayed_light(frame, Picture(headroom=4.0))
    np.testing.assert_allclose(shown, frame_of((3.0, 0.5, 4.0, 1.0), (1.5, 0.1, 0.0, 0.5), (0, 0, 0, 0)), atol=1e-6)
    smooth = displayed_light(frame_of((3.0, 0.5, 9.0, 1.0)), Picture("filmic", headroom=4.0))
    assert 1 < smooth[..., :3].max() < 4


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_codes_do_not_hold_a_headroom(tmp_path, suffix):
    with pytest.raises(ViewError, match="headroom 2 does not fit 8 bits"):
        write_frame(tmp_path / f"a{suffix}", stone_with_a_flash(), 1.0, Picture(headroom=2.0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".npy", ".exr"])
def test_linear_files_hold_the_frame_whatever_the_picture(tmp_path, suffix):
    for name, picture in (("a", Picture()), ("b", Picture("filmic", 1.0, gamut="p3", headroom=8.0))):
        write_frame(tmp_path / f"{name}{suffix}", stone_with_a_flash(), 3.0, picture)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("film", [False, True], ids=["still", "film"])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_picture_in_display_p3_says_so_and_looks_the_same(tmp_path, suffix, film):
    colours = np.float32([[0.8, 0.05, 0.02], [0.1, 0.7, 0.3], [0.3, 0.3, 0.3]])
    frame = np.ones((16, 48, 4), np.float32)  # patches as wide as the blocks in which WebP keeps colour
    frame[..., :3] = np.repeat(colours, 16, axis=0)
    path = tmp_path / f"a{suffix}"
    if film:
        write_film(path, [frame, 0.5 * frame], Picture(gamut="p3"))
    else:
        write_frame(path, frame, 1.0, Picture(gamut="p3"))
    with Image.open(path) as picture:
        source = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        assert "srgb" not in picture.info
        shown = picture.convert("RGB")
    assert ImageCms.getProfileDescription(source).strip() == "Display P3"
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB", renderingIntent=1)
    got = np.asarray(ImageCms.applyTransform(shown, transform))[8, [8, 24, 40]].astype(int)
    np.testing.assert_allclose(got, encode_srgb(colours) * 255, atol=2 if suffix == ".png" else 8)


def test_a_bright_colour_uses_more_of_a_wider_gamut():
    flash = frame_of((5.0, 0.0, 0.0, 1.0))
    red, green, _, _ = displayed_codes(flash, Picture(gamut="p3"))[0, 0].tolist()
    assert red == 255
    assert green == pytest.approx(255 * encode_srgb(np.float32(5 * 0.0331942)), abs=1)
    assert displayed_codes(flash, Picture())[0, 0].tolist() == [255, 0, 0, 255]


def test_srgb_is_told_without_a_profile(tmp_path):
    write_frame(tmp_path / "a.png", stone_with_a_flash(), 1.0)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["srgb"] == 0
        assert "icc_profile" not in picture.info


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"curve": "aces"}, "tone 'aces' is not known; choose one of plain, filmic"),
        ({"gamut": "cmyk"}, "gamut 'cmyk' is not known; choose one of srgb, p3"),
        ({"bloom": 1.5}, "bloom 1.5 is not within 0 and 1"),
        ({"bloom": float("nan")}, "bloom nan"),
        ({"bloom_radius": 0.5}, "bloom radius"),
        ({"headroom": 0.5}, "headroom 0.5 is not within 1 and 16"),
    ],
)
def test_settings_that_cannot_be(options, told):
    with pytest.raises(ViewError, match=told):
        Picture(**options)
    if "curve" in options:
        with pytest.raises(ViewError, match=told):
            tone(np.ones(3, np.float32), options["curve"])
