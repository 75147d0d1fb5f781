"""Powers of many numbers, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from geodfx.constants import DISPLAY_GAMMA
from geodfx.powers import raise_powers


@pytest.mark.parametrize("power", [1 / DISPLAY_GAMMA, DISPLAY_GAMMA, -1.5, 0.0, 1.0])
def test_powers_are_those_of_float64(power: float):
    x = np.exp(np.random.default_rng(3).uniform(np.log(1e-12), np.log(1e12), 5001)).astype(np.float32)
    x[:4] = 1.0, 0.5, 2.0, np.float32(np.sqrt(0.5))
    raised = x.copy()
    raise_powers(raised, np.float32(power), np.empty(len(x), np.int32))
    expected = x.astype(np.float64) ** np.float64(np.float32(power))
    error = np.abs(raised / expected - 1)
    assert (error <= 2e-7 * (1 + np.abs(power * np.log2(x.astype(np.float64))))).all()


def test_nothing_and_what_is_nearly_nothing_have_powers():
    tiny = np.array([1e-30], np.float32)
    raise_powers(tiny, np.float32(1 / DISPLAY_GAMMA), np.empty(1, np.int32))
    assert tiny[0] == pytest.approx(1e-30 ** (1 / DISPLAY_GAMMA), rel=1e-4)
    raise_powers(np.empty(0, np.float32), np.float32(2.0), np.empty(0, np.int32))
