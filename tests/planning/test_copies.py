"""What a stone's symmetry adds to a rig: the moves' names, the lights of copies, and what they let a plan tell."""

from __future__ import annotations

import math

import numpy as np
import pytest

import geodfx
from geodfx.basis import even_directions
from geodfx.cli import main
from geodfx.constants import LIGHT_EDGE
from geodfx.errors import CalibrationError
from geodfx.planning.copies import NO_MOVES, add_copies, read_moves
from geodfx.planning.directions import GATHERED, PEARS_GATHERED
from geodfx.planning.expect import expect
from geodfx.planning.gaps import place_lights
from tests.sessions import write_listing


@pytest.mark.parametrize(("name", "count", "mirrored"), [("C1", 1, 0), ("D1", 2, 1), ("C3", 3, 0), ("D2", 4, 2)])
def test_a_name_is_its_turns_and_mirrors(name, count, mirrored):
    moves = read_moves(name)
    assert len(moves) == count
    assert (np.linalg.det(moves) < 0).sum() == mirrored
    np.testing.assert_allclose(moves[0], np.eye(2), atol=1e-12)


def test_no_more_copies_count_than_a_fit_reads():
    assert len(read_moves("D8")) == 16
    assert len(add_copies(even_directions(20), 0.1, read_moves("D8"))) == 8 * 20


def test_the_one_mirror_of_a_pear_stands_upright():
    left = np.array([[-0.6, 0.0, 0.8]])
    np.testing.assert_allclose(add_copies(left, 0.1, read_moves("D1"))[1], [0.6, 0.0, 0.8], atol=1e-12)


@pytest.mark.parametrize("name", ["", "D", "d8", "C0", "E2", "D100", "D2.5", "8"])
def test_no_symmetry_is_guessed(name):
    with pytest.raises(CalibrationError, match="a round brilliant is D8"):
        read_moves(name)


def test_without_symmetry_there_are_the_lights_alone():
    lights = even_directions(20)
    np.testing.assert_array_equal(add_copies(lights, 0.1, NO_MOVES), lights)


def test_copies_make_a_dome_tell_more():
    lights, radius = even_directions(96), math.radians(8)
    alone = expect(lights, radius, 0.13, 600)
    folded = expect(add_copies(lights, radius, read_moves("D4")), radius, 0.13, 600)
    assert folded.error_median_rad < alone.error_median_rad / 10
    assert folded.seen_share > alone.seen_share


def test_a_ring_that_the_turns_take_onto_itself_tells_no_more():
    def ring(count):
        turn = (np.arange(count) + 0.5) * 2 * math.pi / count
        return np.stack([0.6 * np.cos(turn), 0.6 * np.sin(turn), np.full(count, 0.8)], axis=1)

    even, odd = (add_copies(ring(count), math.radians(8), read_moves("C8")) for count in (32, 31))
    np.testing.assert_array_equal(even, ring(32))
    assert len(odd) == 8 * 31


def test_a_light_that_is_added_shows_what_copies_show():
    lights, radius, moves = even_directions(24, 0.4), math.radians(9), read_moves("D2")
    added, promised = place_lights(lights, radius, 3, moves)
    after = expect(add_copies(np.concatenate([lights, added]), radius, moves), radius, 0.1, 4000).seen_share
    assert after == pytest.approx(promised, abs=0.01)
    assert promised > place_lights(lights, radius, 3, NO_MOVES)[1]


@pytest.mark.parametrize(("symmetry", "power"), [("D1", PEARS_GATHERED), ("D8", GATHERED), (None, GATHERED)])
def test_the_exits_of_a_pear_gather_less(tmp_path, symmetry, power):
    write_listing(tmp_path, ["0.png"], np.array([[0.0, 0.0, 1.0]]))
    planned = geodfx.plan(tmp_path / "lights.lp", light_radius_rad=math.radians(20), symmetry=symmetry)
    reach = math.radians(20) * (1 + LIGHT_EDGE)
    assert planned.expected.seen_share == pytest.approx((1 - math.cos(reach)) ** power, abs=0.002)
    assert 0 < planned.expected.alone_share < 1


def test_a_plan_tells_for_which_symmetry_it_is(tmp_path, capsys):
    lights = even_directions(60, 0.2)
    write_listing(tmp_path, [f"{i}.png" for i in range(60)], lights)
    rig = [str(tmp_path / "lights.lp"), "--light-radius", "11"]
    assert main(["plan", *rig, "--symmetry", "D8"]) == 0
    text = capsys.readouterr().out
    assert "symmetry   D8" in text
    folded = geodfx.plan(rig[0], light_radius_rad=math.radians(11), symmetry="D8")
    alone = geodfx.plan(rig[0], light_radius_rad=math.radians(11))
    assert folded.expected.error_median_rad < alone.expected.error_median_rad / 4
    assert alone.eightfold.error_median_rad == pytest.approx(folded.expected.error_median_rad, rel=0.1)
    assert folded.eightfold == folded.expected
    assert main(["plan", *rig]) == 0
    assert f"eightfold  {math.degrees(alone.eightfold.error_median_rad):.2g} degrees" in capsys.readouterr().out
    assert folded.advice.lights is not None
    assert folded.advice.lights <= 60
    assert alone.advice.lights > 60
    assert main(["plan", *rig, "--symmetry", "8"]) == 1
    assert "a round brilliant is D8" in capsys.readouterr().err
