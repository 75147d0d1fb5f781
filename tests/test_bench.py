"""A stone with more texels, and times of frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.bench.enlarge import enlarge
from geodfx.bench.frames import bench_views, copied_bytes, time_frames
from geodfx.render import CpuRenderer, DiscLight, View
from tests.render.stones import random_stone


@pytest.mark.parametrize("model", ["lobes", "ptm"])
def test_an_enlarged_stone_shows_the_same_in_more_texels(model):
    stone = random_stone(model, shape=(13, 22))
    large = enlarge(stone, 3)
    view = View((DiscLight((0.3, 0.2, 0.9), math.radians(15)),))
    small, shown = CpuRenderer(stone).render(view), CpuRenderer(large).render(view)
    assert large.size == (66, 39)
    np.testing.assert_array_equal(shown[1::3, 1::3, 3], small[..., 3])
    np.testing.assert_allclose(shown[1::3, 1::3], small, rtol=1e-3, atol=1e-3 * float(small.max()))
    assert large.texel_bytes == pytest.approx(stone.texel_bytes, rel=0.6)


def test_times_are_of_all_views_at_a_size_or_more():
    stone = random_stone(shape=(20, 30))
    times = time_frames(stone, 50)
    assert [time.view for time in times] == list(bench_views(stone))
    for time in times:
        assert time.size == (60, 40)
        assert time.seconds > 0
        assert time.copies == pytest.approx(time.seconds / time.copy_seconds)
        assert time.megapixels_per_second == pytest.approx(2400 / time.seconds / 1e6)


def test_a_copy_is_of_the_stone_and_of_the_frame():
    stone = random_stone(shape=(20, 30))
    assert copied_bytes(stone) == round(stone.texel_bytes * 600) + 2400
