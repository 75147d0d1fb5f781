"""The 1-euro filter against closed forms, and the soft limit's properties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.tilt.filter import OneEuroFilter, soft_limit


def steps(rate_hz: float, seconds: float) -> list[float]:
    return [1 / rate_hz] * round(rate_hz * seconds)


def ramp(one_euro: OneEuroFilter, times: list[float], speed: float) -> tuple[float, float]:
    """Return how far the filter is behind a ramp along x at its end, and the speed that it tells."""
    time, value, rate = 0.0, (0.0, 0.0), (0.0, 0.0)
    for step in times:
        time += step
        value, rate = one_euro.update(step, (speed * time, 0.0))
    return speed * time - value[0], rate[0]


@pytest.mark.parametrize("rate_hz", [30, 60, 90, 120])
@pytest.mark.parametrize("speed", [0.1, 1.0, 4.0])
def test_behind_a_ramp_it_lags_by_its_time_constant_at_any_rate(rate_hz, speed):
    behind, rate = ramp(OneEuroFilter(1.0, 3.0, 1.0), steps(rate_hz, 5), speed)
    assert rate == pytest.approx(speed)
    assert behind == pytest.approx(speed / (2 * math.pi * (1 + 3 * speed)), rel=1e-6)


def test_uneven_times_change_nothing_of_a_ramp():
    uneven = np.random.default_rng(1).choice([0.0, 0.004, 0.0167, 0.05, 0.2], 400).tolist()
    behind, rate = ramp(OneEuroFilter(1.0, 3.0, 1.0), uneven, 2.0)
    assert rate == pytest.approx(2.0)
    assert behind == pytest.approx(2 / (2 * math.pi * 7), rel=1e-6)


def test_without_slope_a_step_is_met_as_by_a_low_pass():
    one_euro = OneEuroFilter(2.0, 0.0, 1.0)
    values = [one_euro.update(0.001, (1.0, 0.0))[0][0] for _ in range(300)]
    time = 0.001 * np.arange(1, 301)
    np.testing.assert_allclose(values, 1 - np.exp(-2 * math.pi * 2.0 * time), atol=4e-3)


def test_a_second_sample_at_the_same_time_waits():
    one_euro = OneEuroFilter(1.0, 1.0, 1.0)
    before, _ = one_euro.update(0.1, (0.2, 0.1))
    after, rate = one_euro.update(0.0, (0.4, -0.3))
    assert after == before
    assert all(map(math.isfinite, rate))
    assert one_euro.update(1.0, (0.4, -0.3))[0] == pytest.approx((0.4, -0.3), abs=0.1)


def test_it_does_not_matter_which_way_the_axes_lie():
    motion = np.cumsum(np.random.default_rng(2).normal(0, 0.1, (50, 2)), axis=0)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    straight, turned = OneEuroFilter(1.0, 5.0, 1.0), OneEuroFilter(1.0, 5.0, 1.0)
    for x, y in motion:
        value, _ = straight.update(1 / 60, (x, y))
        other, _ = turned.update(1 / 60, tuple(turn @ (x, y)))
        np.testing.assert_allclose(other, turn @ value, atol=1e-12)


def test_after_a_restart_it_stands_at_zero_at_rest():
    one_euro = OneEuroFilter(1.0, 5.0, 1.0)
    ramp(one_euro, steps(60, 1), 2.0)
    one_euro.restart()
    assert one_euro.update(0.1, (0.0, 0.0)) == ((0.0, 0.0), (0.0, 0.0))


def test_the_limit_has_slope_1_at_0_rises_and_stays_below():
    length = np.geomspace(1e-6, 1e6, 2000)
    shown = np.array([soft_limit((0.6 * r, 0.8 * r), 0.3) for r in length])
    np.testing.assert_allclose(shown[:, 0] * 0.8, shown[:, 1] * 0.6, rtol=1e-12)  # direction is kept
    size = np.hypot(*shown.T)
    assert (np.diff(size)[length[1:] < 30] > 0).all()  # beyond, rounding
    assert (np.diff(size) > -1e-15).all()
    assert size.max() <= 0.3 * (1 + 1e-12)
    assert size[-1] == pytest.approx(0.3)
    np.testing.assert_allclose(size[length < 0.01], length[length < 0.01], rtol=1e-6)
    assert soft_limit((0.0, 0.0), 0.3) == (0.0, 0.0)


def test_the_limit_has_no_kink():
    length = np.linspace(0, 1.5, 3001)
    size = np.array([soft_limit((r, 0.0), 0.3)[0] for r in length])
    slope = np.diff(size) / np.diff(length)
    assert slope.max() <= 1 + 1e-9
    assert np.abs(np.diff(slope)).max() < 4 * 0.0005 / 0.3  # its steepest bend is 2.5 or so over the limit


@pytest.mark.parametrize(("share", "shown"), [(0.5, 0.985), (1.0, 2**-0.25), (2.0, 0.985)])
def test_the_limit_bends_where_it_is_said_to(share, shown):
    assert soft_limit((0.0, -share * 0.4), 0.4)[1] / (-0.4 * min(share, 1)) == pytest.approx(shown, abs=1e-3)
