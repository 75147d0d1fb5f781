"""Lights: their total, their soft edge, and the grid that must not miss one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import light_kernel
from geodfx.simulate.rig import Lights, dome, hand_path, rings, scattered, stage_rotation, tilt_grid
from geodfx.simulate.sky import CELLS, light_seen, make_sky


def upper_directions(count: int) -> np.ndarray:
    """Return (count, 3) directions that cover the upper half evenly."""
    return dome(count, 0.0)


@pytest.mark.parametrize("radius_deg", [2.0, 10.0, 40.0])
def test_a_light_keeps_its_total_whatever_its_radius(radius_deg):
    sky = make_sky(Lights(np.array([[0.0, 0.0, 1.0]]), math.radians(radius_deg)), np.zeros(1, np.int64), 1)
    directions = upper_directions(200_000)
    total = sum(light_seen(sky, 0, 0.0, 0.0, 0.0, *d) for d in directions) * 2 * math.pi / len(directions)
    assert total == pytest.approx(math.pi, rel=0.02)


def test_a_light_is_the_disc_that_fits_take_it_for():
    radius = math.radians(10)
    sky = make_sky(Lights(np.array([[0.6, 0.0, 0.8]]), radius), np.zeros(1, np.int64), 1)
    radiance, _, _ = light_kernel(radius)

    def seen(angle: float) -> float:
        turn = math.atan2(0.6, 0.8) + angle
        return light_seen(sky, 0, 0.3, 0.2, 0.1, math.sin(turn), 0.0, math.cos(turn))

    assert seen(0.0) == pytest.approx(radiance) == seen(0.87 * radius)
    assert seen(1.13 * radius) == 0
    half = math.acos((math.cos(1.12 * radius) + math.cos(0.88 * radius)) / 2)
    assert seen(half) == pytest.approx(radiance / 2)


@pytest.mark.parametrize("distance", [None, 1.5, 4.0])
@pytest.mark.parametrize("radius_deg", [0.2, 9.0, 35.0])
def test_the_grid_misses_no_light(distance, radius_deg):
    rng = np.random.default_rng(7)
    lights = Lights(scattered(60, 1.0, rng), math.radians(radius_deg), distance)
    sky = make_sky(lights, np.zeros(60, np.int64), 1)
    found = missed = 0
    places = rng.uniform(-0.5, 0.5, (360, 3))
    towards = lights.direction if distance is None else lights.direction * distance - places[:60]
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    near = towards + rng.normal(0, 0.6 * math.radians(radius_deg), (60, 3))
    for direction, (px, py, pz) in zip(np.concatenate([near, upper_directions(300)]), places, strict=True):
        dx, dy, dz = direction / np.linalg.norm(direction)
        if dz <= 0:
            continue
        scale = 1 / (abs(dx) + abs(dy) + dz)
        u, v = (min(int((0.5 + 0.5 * t * scale) * CELLS), CELLS - 1) for t in (dx + dy, dx - dy))
        cell = v * CELLS + u
        listed = set(sky.near[sky.first[cell] : sky.first[cell + 1]].tolist())
        for light in range(60):
            if light_seen(sky, light, px, py, pz, dx, dy, dz) > 0:
                found += 1
                missed += light not in listed
    assert found > 10 and missed == 0
    if distance is None and radius_deg < 10:
        assert len(sky.near) < 0.25 * 60 * CELLS * CELLS  # and it lists few that are not seen


def test_a_near_light_looks_larger_from_nearer():
    lights = Lights(np.array([[0.0, 0.0, 1.0]]), math.radians(10), 2.0)
    sky = make_sky(lights, np.zeros(1, np.int64), 1)
    # From z = 1 the ball of radius 2 sin(10) stands 1 away: asin(2 sin(10)) = 20.3 degrees.
    tilted = math.radians(17)
    assert light_seen(sky, 0, 0.0, 0.0, 1.0, math.sin(tilted), 0.0, math.cos(tilted)) > 0
    assert light_seen(sky, 0, 0.0, 0.0, 0.0, math.sin(tilted), 0.0, math.cos(tilted)) == 0


def test_rigs_stand_where_they_are_told():
    assert np.degrees(np.arcsin(dome(50, 20.0)[:, 2])).min() == pytest.approx(20, abs=1)
    ring = rings(8, (30.0, 60.0))
    np.testing.assert_allclose(np.degrees(np.arcsin(ring[:, 2])), [30] * 8 + [60] * 8)
    path = hand_path(40, 15.0, 5.0, 2.0, np.random.default_rng(1))
    assert np.degrees(np.arcsin(path[:, 2])).min() >= 15 - 1e-9
    step = np.degrees(np.arccos(np.clip((path[1:] * path[:-1]).sum(axis=1), -1, 1)))
    assert step.max() < 60
    for directions in (ring, path, dome(9, 5.0), scattered(9, 5.0, np.random.default_rng(2))):
        np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.degrees(tilt_grid(3, 2.0)).tolist()[:3] == [[-2, -2], [-2, 0], [-2, 2]]


def test_tilts_turn_as_the_conventions_say():
    top, right = stage_rotation(0.1, 0.0) @ [0, 1, 0], stage_rotation(0.0, 0.1) @ [1, 0, 0]
    assert top[2] > 0 and right[2] < 0  # pitch tips the top edge to the camera, roll the right edge away
    both = stage_rotation(0.2, 0.3)
    np.testing.assert_allclose(both, stage_rotation(0.0, 0.3) @ stage_rotation(0.2, 0.0))
    np.testing.assert_allclose(both @ both.T, np.eye(3), atol=1e-12)
