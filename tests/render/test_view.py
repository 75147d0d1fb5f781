"""What may be asked to be shown, and which way things turn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.errors import BackendError, ViewError
from geodfx.render import DiscLight, Renderer, Tilt, View, relight
from geodfx.render.view import resample
from tests.render.stones import random_stone

LIGHT = DiscLight((0, 0, 1), 0.1)


def test_pitch_tips_the_top_edge_towards_the_camera():
    x, y, z = Tilt(pitch_rad=0.1).rotation() @ [0, 1, 0]
    assert x == pytest.approx(0)
    assert y == pytest.approx(math.cos(0.1))
    assert z == pytest.approx(math.sin(0.1))


def test_roll_tips_the_right_edge_away():
    x, y, z = Tilt(roll_rad=0.1).rotation() @ [1, 0, 0]
    assert x == pytest.approx(math.cos(0.1))
    assert y == pytest.approx(0)
    assert z == pytest.approx(-math.sin(0.1))


def test_pitch_turns_first():
    both = Tilt(0.3, 0.4).rotation()
    np.testing.assert_allclose(both, Tilt(0, 0.4).rotation() @ Tilt(0.3, 0).rotation())
    np.testing.assert_allclose(both @ both.T, np.eye(3), atol=1e-15)


def test_a_light_keeps_a_unit_vector():
    assert DiscLight((0, 3, 4), 0).direction == pytest.approx((0, 0.6, 0.8))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DiscLight((0, 0, 0), 0.1), "no length"),
        (lambda: DiscLight((math.nan, 0, 1), 0.1), "light direction"),
        (lambda: DiscLight((0, 1), 0.1), "light direction"),
        (lambda: DiscLight((0, 0, 1), -0.1), "light radius"),
        (lambda: DiscLight((0, 0, 1), math.nan), "light radius"),
        (lambda: DiscLight((0, 0, 1), 2.0), "light radius"),
        (lambda: DiscLight((0, 0, 1), 0.1, (1, -1, 1)), "negative"),
        (lambda: DiscLight((0, 0, 1), 0.1, (1, math.inf, 1)), "light intensity"),
        (lambda: Tilt(math.nan, 0), "tilt"),
        (lambda: View((LIGHT,), exposure_ev=math.inf), "exposure"),
        (lambda: View((LIGHT,), size=0), "size"),
        (lambda: View((LIGHT,), size=1.5), "size"),
    ],
)
def test_what_cannot_be_shown_is_told(make, words):
    with pytest.raises(ViewError, match=words):
        make()


def test_size_is_the_longest_side_and_keeps_the_mean():
    frame = np.random.default_rng(0).random((48, 96, 4)).astype(np.float32)
    small = resample(frame, 24)
    assert small.shape == (12, 24, 4)
    np.testing.assert_allclose(small.mean(axis=(0, 1)), frame.mean(axis=(0, 1)), rtol=1e-5)
    assert resample(frame, 192).shape == (96, 192, 4)
    assert resample(frame, 96) is frame


def test_a_stone_is_rendered_at_the_size_asked():
    assert relight(random_stone(), View((LIGHT,), size=32)).shape == (24, 32, 4)


def test_an_unknown_backend_is_told():
    with pytest.raises(BackendError, match="'metal' is not one of"):
        Renderer(random_stone(), "metal")
