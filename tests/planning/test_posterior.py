"""How well a direction is told, against closed forms and a plain Monte Carlo of the same posterior."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.planning.expect import expect
from geodfx.planning.posterior import DARK, POWER, even_directions, locate, response

RADIUS = math.radians(10)


def tilted(angle_deg: float, turn_deg: float = 0.0) -> np.ndarray:
    """Return the direction (1, 3) at an angle from the zenith."""
    angle, turn = math.radians(angle_deg), math.radians(turn_deg)
    return np.array([[math.sin(angle) * math.cos(turn), math.sin(angle) * math.sin(turn), math.cos(angle)]])


@pytest.mark.parametrize("angle_deg", [1.0, 4.0, 8.0])
def test_within_a_lone_light_the_best_answer_is_its_middle(angle_deg):
    error = locate(tilted(angle_deg, 50), tilted(0), RADIUS, 0.01).error_rad
    assert np.degrees(error) == pytest.approx(angle_deg, abs=0.1)


def test_even_directions_within_a_lone_light_err_as_a_disc_does():
    # Half of a disc's area lies within 1 / sqrt(2) of its radius, soft rim and all; the answer is the middle.
    expected = expect(tilted(0), RADIUS, 0.01, 8000)
    assert expected.error_median_rad == pytest.approx(1.12 * RADIUS / math.sqrt(2), rel=0.03)


def test_two_soft_edges_tell_a_direction():
    # At half of the ramp of two lights, square to each other, and well inside a third that tells the amplitude.
    lights = np.concatenate([tilted(10, 0), tilted(10, 90), tilted(3, 225)])
    sharp = np.degrees(locate(tilted(0), lights, RADIUS, 0.01).error_rad)[0]
    assert sharp < 0.1
    assert np.degrees(locate(tilted(0), lights[:1], RADIUS, 0.01).error_rad)[0] > 5


def test_what_no_light_sees_has_no_error():
    located = locate(np.concatenate([tilted(0), tilted(40)]), tilted(0), RADIUS, 0.1)
    assert located.seen.tolist() == [1.0, 0.0]
    assert np.isnan(located.error_rad).tolist() == [False, True]


def test_directions_below_the_horizon_are_not_in_question():
    light = tilted(90)  # half of its disc lies below
    error = np.degrees(locate(tilted(90), light, RADIUS, 0.01).error_rad)[0]
    # The middle of a half disc, area pi q: 4 / (3 pi) of its radius above the horizon.
    assert error == pytest.approx(4 / (3 * math.pi) * 11.2, rel=0.1)


def test_errors_do_not_depend_on_threads(monkeypatch):
    lights, direction = even_directions(60, 0.2), even_directions(700)
    errors = []
    for threads in ("1", "3"):
        monkeypatch.setenv("GEODFX_THREADS", threads)
        errors.append(locate(direction, lights, RADIUS, 0.1).error_rad)
    np.testing.assert_array_equal(*errors)


def plain_errors(direction: np.ndarray, lights: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return errors (N,) in degrees: posterior means over random points of the brightest light's disc."""
    errors = []
    q, turn = rng.uniform(0, 4 * math.sin(0.575 * RADIUS) ** 2, 20000), rng.uniform(0, 2 * math.pi, 20000)
    across = np.sqrt(q - q * q / 4)
    disc = np.stack([across * np.cos(turn), across * np.sin(turn), 1 - q / 2], axis=1)  # even in area, about z
    for d, seen in zip(direction, response(direction, lights, RADIUS), strict=True):
        reading = seen + noise * (seen + DARK) ** POWER * rng.standard_normal(len(seen))
        brightest = lights[seen.argmax()]
        frame = np.linalg.qr(np.stack([brightest, [1, 0, 0], [0, 1, 0]], axis=1))[0]  # its first column is +-brightest
        points = disc @ np.stack([frame[:, 1], frame[:, 2], brightest])
        points = points[points[:, 2] > 0]
        weight = 1 / (noise * (np.maximum(reading, 0) + DARK) ** POWER) ** 2
        near = (lights @ brightest) > math.cos(2.4 * RADIUS)
        r = response(points, lights[near], RADIUS).astype(float)
        both = (r * weight[near] * reading[near]).sum(axis=1)
        own = (r * r * weight[near]).sum(axis=1)
        good = both > 0
        y = (weight[near] * reading[near] ** 2).sum()
        loss = 0.5 * (y - both[good] ** 2 / own[good]) + np.log(both[good] / np.sqrt(own[good] * y))
        mean = np.exp(loss.min() - loss) @ points[good]
        errors.append(math.degrees(math.acos(min(d @ mean / np.linalg.norm(mean), 1.0))))
    return np.array(errors)


def test_it_agrees_with_a_plain_monte_carlo():
    lights, direction = even_directions(80, 0.17), even_directions(400, 0.3)
    noise = 0.13
    plain = plain_errors(direction, lights, noise, np.random.default_rng(1))
    own = np.degrees(locate(direction, lights, RADIUS, noise).error_rad)
    for quantile in (0.5, 0.75, 0.9):
        assert np.nanquantile(own, quantile) == pytest.approx(np.quantile(plain[~np.isnan(own)], quantile), rel=0.1)
