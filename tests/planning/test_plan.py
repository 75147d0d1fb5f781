"""`geodfx plan` from outside: sources, figures, picture, advice, errors."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

import geodfx
from geodfx.basis import even_directions
from geodfx.cli import main
from tests.sessions import light_directions, write_listing, write_session

RECIPE = """
[stone]
cut = "brilliant"
material = "diamond"
[rig]
kind = "dome"
lights = 60
radius_deg = 11.0
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "dome.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def planned(recipe):
    return geodfx.plan(recipe)


def test_a_plan_is_frozen_and_so_are_its_arrays(planned):
    with pytest.raises(dataclasses.FrozenInstanceError):
        planned.noise = 1
    with pytest.raises(ValueError, match="read-only"):
        planned.light_direction[0] = 0


def test_a_session_its_settings_and_its_light_file_are_the_same_rig(tmp_path):
    session = write_session(tmp_path / "s", count=30)
    plans = [
        geodfx.plan(session),
        geodfx.plan(session / "session.toml"),
        geodfx.plan(session / "lights.lp", light_radius_rad=math.radians(8)),
    ]
    for other in plans[1:]:
        assert other.expected == plans[0].expected
        np.testing.assert_array_equal(other.light_direction, plans[0].light_direction)


def test_a_recipe_is_judged_by_the_lights_that_simulate_takes(planned, tmp_path):
    small = RECIPE.replace("[rig]", "[camera]\nsize = [8, 8]\nsamples = 1\n[rig]")
    (tmp_path / "small.toml").write_text(small)
    session = geodfx.simulate(tmp_path / "small.toml", tmp_path / "s")[0]
    np.testing.assert_allclose(geodfx.plan(session).light_direction, planned.light_direction, atol=1e-5)


def test_the_told_radius_can_be_replaced(recipe, planned):
    wider = geodfx.plan(recipe, light_radius_rad=math.radians(16))
    assert wider.expected.seen_share > planned.expected.seen_share
    assert wider.expected.alone_share < planned.expected.alone_share
    assert wider.expected.error_median_rad < planned.expected.error_median_rad


def test_the_errors_of_the_exits_are_the_figures(planned):
    error = planned.exit_error_rad[~np.isnan(planned.exit_error_rad)]
    assert planned.expected.seen_share == pytest.approx(len(error) / len(planned.exit_error_rad))
    assert planned.expected.error_median_rad == pytest.approx(np.median(error))


def test_exits_gather_where_a_dome_sees_more_and_the_map_does_not(planned):
    map_share = 1 - np.isnan(planned.error_rad).mean()  # of the even directions: gaps lie about the rim
    assert planned.direction[:, 2].mean() == pytest.approx(0.5, abs=0.001)
    assert planned.expected.seen_share > map_share + 0.03


def test_the_lights_that_are_advised_reach_the_aim(planned, tmp_path):
    count = planned.advice.lights
    assert count > 60
    lights = even_directions(count, planned.light_direction[:, 2].min())
    write_listing(tmp_path, [f"{i}.png" for i in range(count)], lights)
    told = geodfx.plan(tmp_path / "lights.lp", light_radius_rad=planned.light_radius_rad)
    assert math.degrees(told.expected.error_median_rad) == pytest.approx(1, rel=0.15)


def test_the_radius_that_is_advised_locates_more(planned, recipe):
    better = geodfx.plan(recipe, light_radius_rad=planned.advice.radius_rad)
    assert planned.advice.radius_rad > planned.light_radius_rad
    assert better.expected.located_share > planned.expected.located_share + 0.05
    assert better.advice.radius_rad == better.light_radius_rad  # and then it is content


def test_an_aim_that_is_reached_asks_for_no_more_lights(recipe):
    assert geodfx.plan(recipe, aim_rad=math.radians(20)).advice.lights == 60


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_shows_lights_gaps_and_places(recipe, planned, tmp_path, suffix, capsys):
    out = tmp_path / f"sphere{suffix}"
    assert main(["plan", str(recipe), "-o", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    data = out.read_bytes()
    if suffix == ".png":
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        green = (picture[..., 1] - picture[..., 0] > 60) & (picture[..., 1] - picture[..., 2] > 30)
        assert green.sum() > 50  # crosses
        return
    tree = ET.fromstring(data)
    middles = [dot for dot in tree.findall(".//{*}circle") if dot.get("r") == "1.8"]
    assert len(middles) == 60
    words = [word.text for word in tree.findall(".//{*}text")]
    assert "60 lights, radius 11.0°" in words
    assert [word for word in words if word.isdigit()] == [str(i + 1) for i in range(len(planned.gaps))]


def test_the_text_is_a_few_lines_and_the_json_one(recipe, planned, capsys):
    assert main(["plan", str(recipe)]) == 0
    text = capsys.readouterr().out
    assert 6 <= len(text.splitlines()) <= 12
    assert f"{planned.expected.seen_share:.0%} of the exit directions" in text
    assert f"about {planned.advice.lights} lights" in text
    assert main(["plan", str(recipe), "--json"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    told = json.loads(line)
    assert told["lights"] == 60
    assert told["error_median_deg"] == pytest.approx(math.degrees(planned.expected.error_median_rad), abs=0.001)
    assert told["advice"]["lights"] == planned.advice.lights
    assert len(told["gaps"]) == len(planned.gaps)
    assert told["picture"] is None


@pytest.mark.parametrize(
    ("rig", "note"),
    [
        ('kind = "dome"\nlights = 60', None),
        ('kind = "path"\nlights = 96', "unevenly"),
        ('kind = "rings"\nlights = 24', "unevenly"),
    ],
)
def test_it_tells_where_its_figures_hold_less(rig, note, tmp_path, capsys):
    path = tmp_path / "rig.toml"
    path.write_text(f'[stone]\ncut = "brilliant"\nmaterial = "ruby"\n[rig]\n{rig}\n')
    assert main(["plan", str(path)]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert len(notes) == (note is not None)
    assert all(str(note) in line for line in notes)


def write_lp(folder, directions):
    write_listing(folder, [f"{i}.png" for i in range(len(directions))], directions)
    return folder / "lights.lp"


def test_what_cannot_be_judged_is_one_line_that_tells_the_remedy(tmp_path, capsys):
    tilt = tmp_path / "tilt.toml"
    tilt.write_text('[stone]\ncut = "brilliant"\nmaterial = "ruby"\n[rig]\nkind = "tilt"\n')
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RECIPE.replace("lights", "lamps"))
    lp = write_lp(tmp_path, light_directions(20))
    ring = np.stack([np.cos(np.arange(12)), np.sin(np.arange(12)), np.full(12, 1.0)], axis=1)
    (tmp_path / "ring").mkdir()
    flat = write_lp(tmp_path / "ring", ring)
    for arguments, told in (
        ([str(tilt)], "take dome, rings, path or lights"),
        ([str(wrong)], "lamps"),
        ([str(lp)], "--light-radius DEG"),
        ([str(flat), "--light-radius", "10"], "one plane"),
        ([str(tmp_path / "nothing")], "neither a session's folder"),
        ([str(tmp_path / "nothing.lp"), "--light-radius", "10"], "nothing.lp"),
        ([str(lp), "--light-radius", "10", "-o", str(tmp_path / "no" / "a.png")], "no"),
    ):
        assert main(["plan", *arguments]) == 1, arguments
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert told in error


@pytest.mark.parametrize(
    "arguments", [["--light-radius", "x"], ["--light-radius", "80"], ["--aim", "0"], ["-o", "picture.gif"]]
)
def test_wrong_usage_exits_with_2(recipe, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["plan", str(recipe), *arguments])
    assert stopped.value.code == 2


def test_absurd_arguments_are_known_errors(recipe):
    for arguments in ({"noise": 0.0}, {"noise": 2.0}, {"aim_rad": 0.0}, {"light_radius_rad": 2.0}):
        with pytest.raises(geodfx.CalibrationError, match="give 0"):
            geodfx.plan(recipe, **arguments)
