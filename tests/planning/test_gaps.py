"""Gaps and places for more lights, on rigs whose gaps are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import even_directions
from geodfx.planning.copies import NO_MOVES
from geodfx.planning.directions import GATHERED
from geodfx.planning.expect import expect
from geodfx.planning.gaps import find_gaps, place_lights

ZENITH = np.array([[0.0, 0.0, 1.0]])


def test_a_light_at_the_zenith_sees_the_exits_that_gather_there():
    radius = math.radians(25)
    seen = expect(ZENITH, radius, 0.1, 4000).seen_share
    assert seen == pytest.approx((1 - math.cos(1.12 * radius)) ** GATHERED, abs=0.002)


def test_the_gap_around_one_light_reaches_from_the_horizon_to_its_rim():
    gap = find_gaps(ZENITH, math.radians(20))[0]
    half = (90 - 1.12 * 20) / 2
    assert math.degrees(gap.radius_rad) == pytest.approx(half, abs=1)
    assert math.degrees(math.asin(gap.direction[2])) == pytest.approx(half, abs=1)


def test_a_hole_at_the_zenith_is_a_gap():
    turn = np.arange(24) * math.pi / 12
    ring = np.stack([np.cos(turn) * 0.5, np.sin(turn) * 0.5, np.full(24, math.sqrt(0.75))], axis=1)  # 60 degrees high
    low = np.stack([np.cos(turn) * 0.98, np.sin(turn) * 0.98, np.full(24, math.sqrt(1 - 0.98**2))], axis=1)
    gap = find_gaps(np.concatenate([ring, low]), math.radians(12))[0]
    assert gap.direction[2] > math.cos(math.radians(2))
    assert math.degrees(gap.radius_rad) == pytest.approx(30 - 1.12 * 12, abs=2)


def test_a_missing_part_of_a_dome_is_the_widest_gap():
    lights = even_directions(160)
    hole = np.array([0.6, 0.0, 0.8])
    kept = lights[lights @ hole < math.cos(math.radians(24))]
    gap = find_gaps(kept, math.radians(8))[0]
    assert math.degrees(math.acos(gap.direction @ hole)) < 4
    assert math.degrees(gap.radius_rad) == pytest.approx(24 - 1.12 * 8, abs=4)  # the nearest that is left may be off
    added, _ = place_lights(kept, math.radians(8), 1, NO_MOVES)
    assert math.degrees(math.acos(added[0] @ hole)) < 24 - 8  # within the hole,
    assert added[0][2] > hole[2]  # and on its side to the zenith, where more exits are


def test_gaps_do_not_overlap_and_shrink():
    gaps = find_gaps(even_directions(12, 0.3), math.radians(8))
    sizes = [gap.radius_rad for gap in gaps]
    assert len(gaps) > 1
    assert sizes == sorted(sizes, reverse=True)
    for i, one in enumerate(gaps):
        for other in gaps[i + 1 :]:
            apart = math.acos(min(float(one.direction @ other.direction), 1.0))
            assert apart >= one.radius_rad + other.radius_rad - 0.01


def test_lights_wide_enough_leave_no_gap():
    assert find_gaps(even_directions(200), math.radians(15)) == ()
    added, seen = place_lights(even_directions(200), math.radians(15), 4, NO_MOVES)
    assert len(added) == 0
    assert seen == 1


def test_added_lights_show_what_is_promised():
    lights, radius = even_directions(40, 0.4), math.radians(9)
    added, promised = place_lights(lights, radius, 6, NO_MOVES)
    assert len(added) == 6
    assert added[:, 2].min() >= math.sin(radius) - 1e-6
    before = expect(lights, radius, 0.1, 4000).seen_share
    after = expect(np.concatenate([lights, added]), radius, 0.1, 4000).seen_share
    assert after == pytest.approx(promised, abs=0.01)
    assert after > before + 0.05
