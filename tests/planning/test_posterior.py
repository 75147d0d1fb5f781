"""How well a direction is told, against closed forms and a plain Monte Carlo of the same posterior."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import even_directions
from geodfx.capture.facet_fit import DOUBT_POINTS, DOUBT_REACH, DOUBT_SHRINK, DOUBT_STAGES
from geodfx.planning.directions import GATHERED, exit_directions
from geodfx.planning.expect import alone_share
from geodfx.planning.posterior import DARK, POWER, locate, response

RADIUS = math.radians(10)


def tilted(angle_deg: float, turn_deg: float = 0.0) -> np.ndarray:
    """Return the direction (1, 3) at an angle from the zenith."""
    angle, turn = math.radians(angle_deg), math.radians(turn_deg)
    return np.array([[math.sin(angle) * math.cos(turn), math.sin(angle) * math.sin(turn), math.cos(angle)]])


def test_exits_gather_by_one_power_of_the_height():
    z = exit_directions(4000)[:, 2]
    for angle in (5, 20, 45, 80):
        near = math.cos(math.radians(angle))
        assert (z >= near).mean() == pytest.approx((1 - near) ** GATHERED, abs=0.001)


def test_lobes_are_alone_as_often_as_exits_drawn_at_random():
    rng = np.random.default_rng(3)
    z, turn = 1 - rng.random((3, 40000)) ** (1 / GATHERED), rng.uniform(0, 2 * math.pi, (3, 40000))
    rim = np.sqrt(1 - z * z)
    one, *others = np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=-1)
    far = [(one * other).sum(axis=1) < math.cos(2.24 * RADIUS) for other in others]
    assert alone_share(RADIUS) == pytest.approx((far[0] & far[1]).mean(), abs=0.015)


def test_within_a_lone_light_the_answer_is_in_its_disc_and_nearer_its_middle_than_the_exit():
    # The fit stands anywhere in the disc, R = 1.12 r, and takes the mean of what of it lies within 0.8 r.
    turns = np.concatenate([tilted(11.1, turn) for turn in range(0, 360, 3)])
    error = np.degrees(locate(turns, tilted(0), RADIUS, 0.01).error_rad)
    assert error.max() < 11.1 + 11.2
    assert error.mean() < np.degrees(np.mean(anywhere(tilted(11.1)[0])))  # than a place drawn from the disc
    assert error.mean() > 11.1 - 1  # on average it is the middle, so that it is no nearer than that


def anywhere(d: np.ndarray) -> np.ndarray:
    """Return angles (N,), radians, from a direction to places spread evenly over a light at the zenith."""
    reach = 2 * math.sin(0.56 * RADIUS)
    i = np.arange(2000)
    q, turn = reach**2 * (i + 0.5) / 2000, i * math.pi * (3 - math.sqrt(5))
    across = np.sqrt(q - q * q / 4)
    places = np.stack([across * np.cos(turn), across * np.sin(turn), 1 - q / 2], axis=1)
    return np.arccos(np.clip(places @ d, -1, 1))


def test_a_row_of_lights_leaves_two_sides_and_the_fit_takes_one_of_them():
    # A lobe 8 degrees beside a row whose discs overlap reads the same as one 8 degrees on the other side.
    heights = np.arange(-60, 61, 6)
    row = np.stack([np.sin(np.radians(heights)), np.zeros(len(heights)), np.cos(np.radians(heights))], axis=1)
    beside = np.array([[0.0, math.sin(math.radians(8)), math.cos(math.radians(8))]])
    error = [np.degrees(locate(beside, row, RADIUS, 0.05, seed).error_rad[0]) for seed in range(60)]
    near, across = np.less(error, 4), np.abs(np.subtract(error, 16)) < 4
    assert (near | across).mean() > 0.9
    assert 0.25 < across.mean() < 0.75


def test_edges_of_two_lights_tell_a_direction_as_finely_as_the_noise_lets():
    # At half of the ramp of two lights, square to each other, and well inside a third that tells the amplitude.
    lights = np.concatenate([tilted(10, 0), tilted(10, 90), tilted(3, 225)])
    sharp = [np.degrees(locate(tilted(0), lights, RADIUS, 0.002, seed).error_rad)[0] for seed in range(9)]
    finest = DOUBT_REACH * DOUBT_SHRINK ** (DOUBT_STAGES - 1) * 10 * math.sqrt(0.5 / DOUBT_POINTS)
    assert max(sharp) < 3 * finest
    assert np.degrees(locate(tilted(0), lights[:1], RADIUS, 0.01).error_rad)[0] > 5


def test_what_no_light_sees_has_no_error():
    located = locate(np.concatenate([tilted(0), tilted(40)]), tilted(0), RADIUS, 0.1)
    assert located.seen.tolist() == [1.0, 0.0]
    assert np.isnan(located.error_rad).tolist() == [False, True]


def test_directions_below_the_horizon_are_not_in_question():
    # Of a light on the horizon, whose disc of 11.2 degrees lies half below, an answer is a mean of places above.
    angles = np.linspace(0.5, 11, 40)
    light = tilted(90)
    low = np.concatenate([tilted(90 - angle) for angle in angles])
    error = np.degrees(locate(low, light, RADIUS, 0.01).error_rad)
    assert (error[angles < 2] > 0.5).all()  # no answer lies at the rim
    assert np.median(error) < 8


def test_errors_do_not_depend_on_threads(monkeypatch):
    lights, direction = even_directions(60, 0.2), even_directions(700)
    errors = []
    for threads in ("1", "3"):
        monkeypatch.setenv("GEODFX_THREADS", threads)
        errors.append(locate(direction, lights, RADIUS, 0.1).error_rad)
    np.testing.assert_array_equal(*errors)


def plain_errors(direction: np.ndarray, lights: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return errors (N,) in degrees: a place drawn from the posterior, and the posterior's mean about that place."""
    errors = []
    q, turn = rng.uniform(0, 4 * math.sin(0.575 * RADIUS) ** 2, 8000), rng.uniform(0, 2 * math.pi, 8000)
    disc = spread_about_z(q, turn)
    i = np.arange(DOUBT_POINTS)
    cap = spread_about_z(
        (2 * math.sin(RADIUS / 2) * DOUBT_REACH) ** 2 * (i + 0.5) / DOUBT_POINTS, i * math.pi * (3 - math.sqrt(5))
    )
    for d, seen in zip(direction, response(direction, lights, RADIUS), strict=True):
        brightest = lights[seen.argmax()]
        near = lights @ brightest > math.cos(3.2 * RADIUS)
        reading = (seen + noise * (seen + DARK) ** POWER * rng.standard_normal(len(seen)))[near]
        points = turned_to(disc, brightest)
        chance = plain_posterior(points, lights[near], reading, noise)
        stand = points[rng.choice(len(points), p=chance / chance.sum())]
        about = turned_to(cap, stand)
        mean = plain_posterior(about, lights[near], reading, noise) @ about
        errors.append(math.degrees(math.acos(min(d @ mean / np.linalg.norm(mean), 1.0))))
    return np.array(errors)


def spread_about_z(q: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return directions (N, 3) at squared chords from the zenith."""
    across = np.sqrt(q - q * q / 4)
    return np.stack([across * np.cos(turn), across * np.sin(turn), 1 - q / 2], axis=1)


def turned_to(points: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return points about the zenith (N, 3), turned to be about a direction."""
    frame = np.linalg.qr(np.stack([middle, [1, 0, 0], [0, 1, 0]], axis=1))[0]  # its first column is +-middle
    return points @ np.stack([frame[:, 1], frame[:, 2], middle])


def plain_posterior(points: np.ndarray, lights: np.ndarray, reading: np.ndarray, noise: float) -> np.ndarray:
    """Return the posterior (N,) at points, the highest 1."""
    weight = 1 / (noise * (np.maximum(reading, 0) + DARK) ** POWER) ** 2
    r = response(points, lights, RADIUS).astype(float)
    both, own = (r * weight * reading).sum(axis=1), (r * r * weight).sum(axis=1)
    y = (weight * reading**2).sum()
    good = (both > 0) & (points[:, 2] > 0)
    loss = np.full(len(points), np.inf)
    loss[good] = 0.5 * (y - both[good] ** 2 / own[good]) + np.log(both[good] / np.sqrt(own[good] * y))
    return np.exp(loss.min() - loss)


def test_it_agrees_with_a_plain_monte_carlo():
    lights, direction = even_directions(80, 0.17), even_directions(600, 0.3)
    noise = 0.13
    plain = plain_errors(direction, lights, noise, np.random.default_rng(1))
    own = np.degrees(locate(direction, lights, RADIUS, noise).error_rad)
    for quantile in (0.5, 0.75, 0.9):
        assert np.nanquantile(own, quantile) == pytest.approx(np.quantile(plain[~np.isnan(own)], quantile), rel=0.1)
