"""What a polished surface mirrors that no light of the capture reached: where it is taken to be, and what shows it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import geodfx
from geodfx.basis import even_directions
from geodfx.capture import FAST, capture, mirrors
from geodfx.capture.facet_find import Places
from geodfx.capture.mirrors import _turns_outward, mirrored_band, reflectance_at_45
from geodfx.capture.session import read_session
from geodfx.cli import main
from geodfx.constants import LIGHT_EDGE
from geodfx.lobe_map import unpack_lobes
from geodfx.render import CpuRenderer, Environment, View

RECIPE = """
[stone]
cut = "step"
material = "sapphire"
crown_deg = [{crown}, 36, 27]
[camera]
size = [120, 120]
distance = 8.0
[rig]
kind = "dome"
lights = 60
radius_deg = 11.0
lowest_deg = 16.0
"""


def test_the_band_ends_at_the_rim_of_the_lowest_light():
    lights, radius = even_directions(96, math.sin(math.radians(15))), math.radians(9)
    lowest = math.asin(lights[:, 2].min())
    assert mirrored_band(lights, radius) == pytest.approx(math.sin(lowest - (1 + LIGHT_EDGE) * radius))


def test_lights_down_to_the_horizon_leave_no_band():
    assert mirrored_band(even_directions(96), math.radians(9)) == 0


def test_where_lights_leave_other_gaps_nothing_is_told_of_the_horizon():
    assert mirrored_band(even_directions(96, math.sin(math.radians(15))), math.radians(4)) == 0


@pytest.mark.parametrize("index", [1.31, 1.5, 1.77, 2.417])
def test_what_is_reflected_at_45_degrees_is_as_fresnel_has_it(index):
    cosine, inside = math.cos(math.pi / 4), math.sqrt(1 - 0.5 / index**2)
    across = (cosine - index * inside) / (cosine + index * inside)
    along = (index * cosine - inside) / (index * cosine + inside)
    told = reflectance_at_45(((index - 1) / (index + 1)) ** 2)
    assert told == pytest.approx((across**2 + along**2) / 2)


def test_turns_lead_out_of_the_stone_by_the_shortest_way():
    texel = np.full((20, 30), -1, np.int32)
    texel[4:16, 5:25] = np.arange(240).reshape(12, 20)
    turns = np.degrees(_turns_outward(Places(np.zeros(0, np.int32), np.zeros(0, np.int32), texel)))
    for (row, column), turn in {(10, 24): 0, (4, 14): 90, (10, 5): 180, (15, 14): 270}.items():
        assert turns[row, column] == pytest.approx(turn)


def test_a_stone_that_fills_the_picture_has_its_rim_there():
    turns = np.degrees(
        _turns_outward(
            Places(np.zeros(0, np.int32), np.zeros(0, np.int32), np.arange(81, dtype=np.int32).reshape(9, 9))
        )
    )
    assert turns[4, 8] == pytest.approx(0)
    assert turns[0, 4] == pytest.approx(90)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Return the folder of a step cut whose lowest row mirrors what lies below the lowest lights."""
    folder = tmp_path_factory.mktemp("step")
    (folder / "r.toml").write_text(RECIPE.format(crown=43))
    geodfx.simulate(folder / "r.toml", folder / "session")
    return folder / "session"


def test_a_room_shows_the_lowest_row_of_a_step_cut_as_bright_as_it_is(session):
    stone = capture(read_session(session), settings=FAST).stone
    unlit = stone.provenance["unlit_share"]
    assert isinstance(unlit, float)
    assert 0.1 < unlit < 0.5
    truth = np.load(session / "truth" / "truth.npz")
    texel = np.repeat(np.arange(stone.alpha.size), np.diff(truth["lobe_first"]))
    direction, weight = truth["lobe_direction"][:, 1], truth["lobe_weight"]
    up = direction[:, 2] > 0
    shown = np.stack([np.bincount(texel[up], weights=weight[up, c], minlength=stone.alpha.size) for c in range(3)], 1)
    white = Environment.from_radiance(np.ones((32, 64, 3), np.float32), "white")
    frame = CpuRenderer(stone).render(View(environment=white))[..., :3].reshape(-1, 3)
    lobes = unpack_lobes(stone.lobes, stone.size[0])
    at_horizon = lobes.direction[:, 1, 2] < math.sin(math.radians(16 - 1.12 * 11))
    its = np.zeros(stone.alpha.size, np.bool_)
    its[lobes.texel[at_horizon]] = True
    assert its.sum() > 100
    without = np.zeros((stone.alpha.size, 3))
    np.add.at(without, lobes.texel[at_horizon], lobes.weight[at_horizon])
    red = shown[its, 0].mean()  # a blue stone's red is its surface
    assert frame[its, 0].mean() == pytest.approx(red, rel=0.25)
    assert (frame - without)[its, 0].mean() < 0.6 * red


def test_no_photo_shows_any_of_it(session):
    read = read_session(session)
    stone = capture(read, settings=FAST).stone
    lobes = unpack_lobes(stone.lobes, stone.size[0])
    top_z = mirrored_band(read.light_direction, read.light_radius_rad)
    mirrors = (np.abs(lobes.direction[:, 1, 2] - top_z / 2) < 0.002) & (np.ptp(lobes.weight, axis=1) < 0.01)
    assert mirrors.sum() > 100
    reach = math.asin(top_z / 2) + 2 * np.arcsin(math.sqrt(6) * lobes.width[mirrors] / 2)
    # Codes of widths are up to a tenth too wide, and the rims of lights are soft.
    assert np.degrees(reach).max() < math.degrees(math.asin(top_z)) + 0.5


def test_they_push_out_no_lobe_that_photos_ask_for(session, monkeypatch):
    monkeypatch.setattr(mirrors, "packed_bytes", lambda *_: math.inf)
    stone = capture(read_session(session), settings=FAST).stone
    assert "unlit_share" not in stone.provenance
    low = unpack_lobes(stone.lobes, stone.size[0]).direction[:, 1, 2] < 0.02
    assert low.mean() < 0.01


def test_a_lean_stone_stays_within_its_bytes(session):
    stone = capture(read_session(session), settings=replace(FAST, lean=True)).stone
    assert stone.texel_bytes <= 12


def test_a_brilliant_whose_every_facet_was_lit_has_none(tmp_path):
    (tmp_path / "r.toml").write_text(
        RECIPE.format(crown=43).replace('"step"', '"brilliant"').replace("[43, 36, 27]", "30")
    )
    geodfx.simulate(tmp_path / "r.toml", tmp_path / "session")
    assert "unlit_share" not in capture(read_session(tmp_path / "session"), settings=FAST).stone.provenance


def test_the_report_tells_what_no_light_reached(session, tmp_path):
    assert main(["process", str(session), "-o", str(tmp_path / "s.gdfx"), "--fast"]) == 0
    assert "mirror what no light reached" in (tmp_path / "s.html").read_text("utf-8")
