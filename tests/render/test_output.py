"""How bright a display shows a frame."""

from __future__ import annotations

import numpy as np
import pytest

from geodfx.render.output import BODY_MOST, white_gain


def frame_of(values: list[float]) -> np.ndarray:
    """Return a frame of covered grey texels, and as many uncovered bright ones."""
    frame = np.zeros((2, len(values), 4), np.float32)
    frame[0, :, :3] = np.array(values)[:, None]
    frame[0, :, 3] = 1
    frame[1, :, :3] = 99
    return frame


def test_a_sparkling_stone_is_white_at_its_brightest_tenth():
    frame = frame_of([0.05] * 70 + [0.5] * 30)
    assert white_gain(frame) == pytest.approx(1 / 0.5)


def test_a_matte_stone_keeps_its_colour():
    frame = frame_of([0.2 + 0.001 * i for i in range(101)])
    assert 0.25 * white_gain(frame) == pytest.approx(BODY_MOST)


def test_a_black_frame_stays_as_it_is():
    assert white_gain(frame_of([0.0] * 9)) == 1
    assert white_gain(np.zeros((2, 2, 4), np.float32)) == 1
