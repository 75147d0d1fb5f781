"""What a display shows, in codes, beside the codes of the whole frame."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from geodfx.colour import encode_srgb, srgb_codes_by_bits, to_codes
from geodfx.errors import ViewError
from geodfx.render import CpuRenderer, DiscLight, GpuRenderer, Renderer, Tilt, View
from geodfx.render.output import brightened
from geodfx.render.picture import Picture, displayed_codes
from tests.render.stones import random_stone
from tests.render.test_tilted import edged_stone


def test_codes_by_bits_are_those_of_the_curve():
    light = np.concatenate([np.geomspace(1e-7, 2, 40001), [0, -1, 1]]).astype(np.float32)
    table = srgb_codes_by_bits()
    step = (light.view(np.int32) >> 13) - (113 << 10)
    apart = table[np.clip(step, 0, len(table) - 1)].astype(int) - to_codes(encode_srgb(light), np.uint8)
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() < 0.05
    assert table[0] == 0
    assert table[-1] == 255


@pytest.mark.parametrize("model", ["lobes", "hsh"])
def test_what_is_shown_are_the_codes_of_the_frame(model, uneven_environment):
    stone = random_stone(model)
    renderer = CpuRenderer(stone)
    for view in (
        View((DiscLight((0.3, 0.2, 0.9), math.radians(2)),)),
        View((DiscLight((0.3, 0.2, 0.9), math.radians(60)), DiscLight((-0.4, 0.1, 0.9), math.radians(60)))),
        View(environment=uneven_environment, tilt=Tilt(0.1, -0.2)),
    ):
        frame = renderer.render(view)
        gain = 1 / float(np.quantile(frame[..., :3], 0.95))
        shown, codes = renderer.show(view, gain), displayed_codes(brightened(frame, gain), Picture())
        assert shown.dtype == np.uint8
        apart = np.abs(shown.astype(int) - codes)
        assert (apart > 1).any(axis=-1).mean() < 5e-3  # at the rims of the large lights
        assert (apart > 0).mean() < 0.02
        np.testing.assert_array_equal(shown[..., 3], stone.alpha)
        assert not shown[stone.alpha == 0].any()


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_what_is_shown_of_a_stone_that_tilts_are_the_codes_of_the_frame(gain):
    stone = edged_stone(flat=True)[0]
    alpha = np.zeros(stone.alpha.shape, np.uint8)
    alpha[5:33, 8:40] = np.linspace(1, 255, 32, dtype=np.uint8)
    renderer = CpuRenderer(dataclasses.replace(stone, alpha=alpha))
    for tilt in (Tilt(), Tilt(0.05, -0.1), Tilt(-0.2, 0.15)):
        frame = renderer.render(View(tilt=tilt))
        shown, codes = renderer.show(View(tilt=tilt), gain), displayed_codes(brightened(frame, gain), Picture())
        assert shown.dtype == np.uint8
        apart = np.abs(shown.astype(int) - codes)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.02
        assert shown.max() == 255
        assert not shown[frame[..., 3] == 0].any()


@pytest.mark.gpu
@pytest.mark.parametrize("curve", ["plain", "filmic"])
@pytest.mark.parametrize("gamut", ["srgb", "p3"])
def test_what_a_gpu_shows_are_the_codes_of_its_frame(curve, gamut, glsl_version, uneven_environment):
    stone, picture = random_stone(), Picture(curve, gamut=gamut)
    renderer = GpuRenderer(stone, glsl_version)
    for view in (View((DiscLight((0.3, 0.2, 0.9), 0.2),)), View(environment=uneven_environment, tilt=Tilt(0.1, -0.2))):
        frame = renderer.render(view)
        gain = 1 / float(np.quantile(frame[..., :3], 0.9))
        shown, codes = renderer.show(view, gain, picture), displayed_codes(brightened(frame, gain), picture)
        assert shown.dtype == np.uint8
        apart = np.abs(shown.astype(int) - codes)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01
        assert shown[..., :3].max() > 240
        np.testing.assert_array_equal(shown[..., 3], stone.alpha)
    renderer.close()


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_any_picture_can_be_shown(backend):
    light = View((DiscLight((0.3, 0.2, 0.9), 0.2),))
    tilting = edged_stone(flat=True)[0]
    pictures = (Picture(bloom=0.5), Picture("filmic", gamut="p3"), Picture())
    for stone, view in (
        (random_stone(), light),
        (random_stone(), dataclasses.replace(light, size=20)),
        (tilting, View()),
    ):
        with Renderer(stone, backend) as renderer:
            for picture in pictures:
                wanted = displayed_codes(brightened(renderer.render(view), 2.0), picture)
                apart = np.abs(renderer.show(view, 2.0, picture).astype(int) - wanted)
                assert (apart > 1).any(axis=-1).mean() < 5e-3
            with pytest.raises(ViewError, match="headroom 4 does not fit 8 bits"):
                renderer.show(view, 2.0, Picture(headroom=4))


def test_what_is_shown_in_another_size_is_the_frame_resampled():
    view = View((DiscLight((0.3, 0.2, 0.9), 0.2),), size=20)
    renderer = CpuRenderer(random_stone())
    np.testing.assert_array_equal(
        renderer.show(view, 1.0), displayed_codes(brightened(renderer.render(view), 1.0), Picture())
    )


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_codes_are_put_where_they_are_wanted(backend):
    light = View((DiscLight((0.3, 0.2, 0.9), 0.2),))
    stone, tilting = random_stone(), edged_stone(flat=True)[0]
    for its, view, picture in (
        (stone, light, Picture()),
        (stone, light, Picture(bloom=0.5)),
        (stone, dataclasses.replace(light, size=20), Picture()),
        (tilting, View(), Picture()),
    ):
        with Renderer(its, backend) as renderer:
            wanted = renderer.show(view, 2.0, picture)
            room = np.full_like(wanted, 7)
            assert renderer.show(view, 2.0, picture, out=room) is room
            np.testing.assert_array_equal(room, wanted)
            for wrong in (room[1:], room[::-1], room.astype(np.int8), np.frombuffer(room.tobytes(), np.uint8)):
                with pytest.raises(ViewError, match="out: codes need uint8"):
                    renderer.show(view, 2.0, picture, out=wrong)
