"""The family of round brilliants: its outline, its planes, and that one is found by what its rays show."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geodfx.basis import light_kernel
from geodfx.capture.cut import trace_cut
from geodfx.capture.cut_evidence import WITHIN, TiltEvidence
from geodfx.capture.cut_fire import find_channel_indices
from geodfx.capture.cut_outline import Outline, RoundOutline, find_outline
from geodfx.capture.cut_round import FIXED, MIDDLE, UP, BrilliantCut
from geodfx.capture.cut_view import make_scene
from geodfx.rays.brilliant import RADIUS, brilliant_planes
from geodfx.tilting import Camera, TiltStage

SHAPE = (0.58, 35.5, 41.3, 0.74, 0.53, 0.03)
CUT = BrilliantCut(RoundOutline((0.01, -0.02), 0.5))
FEW = np.array([1.76, 0.2, 1.0, 0.15, 0.03, *SHAPE[:5]])
LIGHTS = np.array([[0.0, 0.33, 0.944], [0.575, -0.287, 0.766], [-0.679, 0.097, 0.728], [0.094, -0.749, 0.656]])
GRID = np.radians(np.arange(-15, 16, 5.0))
TILTS = np.array([(pitch, roll) for pitch in GRID for roll in GRID])
LIGHT = math.radians(8)
STAGE = TiltStage(TILTS.astype(np.float32), 2.0, -0.06, LIGHTS.astype(np.float32))
SCENE = make_scene(Camera((64, 64), 8.0, 1.24), STAGE, LIGHTS, LIGHT)


def polygon_mask(sides, turn, size=160):
    """Return the mask of a regular polygon, half of whose extent is 60 texels."""
    row, column = np.mgrid[0:size, 0:size] - (size - 1) / 2
    azimuth = turn + np.arange(sides) * 2 * math.pi / sides
    reach = np.max(np.multiply.outer(np.cos(azimuth), column) + np.multiply.outer(np.sin(azimuth), row), axis=0)
    return reach < 60 * math.cos(math.pi / sides)


@pytest.mark.parametrize("sides", [16, 32, 96])
def test_the_outline_of_a_brilliant_is_round(sides):
    outline = find_outline(polygon_mask(sides, 0.1), 1 / 120)
    assert isinstance(outline, RoundOutline)
    assert outline.radius == pytest.approx(0.5, abs=0.01)
    assert outline.middle == pytest.approx((0, 0), abs=0.003)


def test_the_outline_of_an_octagon_is_not_round():
    outline = find_outline(polygon_mask(8, 0.0), 1 / 120)
    assert isinstance(outline, Outline)


def test_the_planes_of_the_numbers_are_those_of_the_proportions():
    right, up = CUT.outline.middle
    turn, height = FEW[1], FEW[3]
    want = brilliant_planes(*SHAPE)
    turned = want.copy()
    turned[:, 0] = math.cos(turn) * want[:, 0] - math.sin(turn) * want[:, 1]
    turned[:, 1] = math.sin(turn) * want[:, 0] + math.cos(turn) * want[:, 1]
    turned[:, 3] += turned[:, :3] @ [right, up, height]
    assert CUT.outline.radius == RADIUS
    planes = CUT.planes(CUT.begin((1.7, 1.8), 0.0).make(FEW))
    assert len(planes) == len(turned) == 73
    for plane in turned:
        assert np.abs(planes - plane).max(axis=1).min() < 1e-12


def test_a_turned_kind_keeps_the_middles_of_its_facets():
    numbers = CUT.begin((1.7, 1.8), 0.0).make(FEW)
    for kind, rise in enumerate(UP):
        at, out = FIXED + 2 * kind, MIDDLE[kind] * numbers[6]
        moved = CUT.moved(numbers, at, 1.5)
        height = [(each[at + 1] / math.cos(math.radians(each[at])) - math.tan(math.radians(each[at])) * out) * rise
                  for each in (numbers, moved)]  # fmt: skip
        assert height[0] == pytest.approx(height[1], abs=1e-12)
        both = np.zeros(len(numbers))
        both[[at, 2]] = 1.5, 0.01
        assert CUT.moved_all(numbers, both)[at + 1] == moved[at + 1]
        assert CUT.moved_all(numbers, both)[2] == numbers[2] + 0.01


def test_a_brilliant_is_found_by_what_its_rays_show():
    numbers = CUT.begin((1.7, 1.8), 0.0).make(FEW)
    rng = np.random.default_rng(5)
    turn, out = rng.uniform(0, 2 * math.pi, 500), 0.48 * np.sqrt(rng.random(500))
    place = np.stack([out * np.cos(turn), out * np.sin(turn)], axis=1) + CUT.outline.middle
    nothing = TiltEvidence(SCENE, np.zeros((len(place), len(TILTS))), place, 1 / light_kernel(LIGHT)[0])
    shown = nothing.show(CUT, numbers, np.arange(len(place)), np.arange(len(TILTS)), within=WITHIN)
    row, column = np.mgrid[0:64, 0:64] + 0.5
    scale = 1.24 / 64
    mask = np.hypot((column - 32) * scale - 0.01, (32 - row) * scale + 0.02) < 0.5
    stages = []
    found = trace_cut(
        replace(nothing, shown=shown), (mask * 255).astype(np.uint8), scale, "sapphire",
        lambda *told: stages.append(told),
    )  # fmt: skip
    assert found is not None and len(stages) == 4
    assert isinstance(found.cut, BrilliantCut)
    assert found.met_db > 20
    assert "round brilliant" in found.told
    own, want = found.numbers[FIXED : FIXED + 2 * len(UP) : 2], numbers[FIXED : FIXED + 2 * len(UP) : 2]
    assert own == pytest.approx(want, abs=0.5)
    assert found.numbers[0] == pytest.approx(1.76, abs=0.015)


def test_the_fire_of_a_cut_is_told_by_the_channels():
    numbers = CUT.begin((1.7, 1.8), 0.0).make(FEW)
    rng = np.random.default_rng(6)
    place = rng.uniform(-0.33, 0.33, (300, 2)) + CUT.outline.middle
    nothing = TiltEvidence(SCENE, np.zeros((len(place), len(TILTS))), place, 1 / light_kernel(LIGHT)[0])
    want = (1.752, 1.76, 1.775)
    channels = []
    for index in want:
        changed = numbers.copy()
        changed[0] = index
        channels.append(nothing.show(CUT, changed, np.arange(300), np.arange(len(TILTS)), within=WITHIN))
    channels[2] = 1.1 * channels[2]
    shown = replace(nothing, shown=channels[2], channels=np.stack(channels, axis=2))
    numbers[0] = want[2]
    assert find_channel_indices(shown, CUT, numbers) == pytest.approx(want, abs=0.003)
    assert find_channel_indices(nothing, CUT, numbers) == (want[2],) * 3
    dark = replace(shown, channels=shown.channels * np.array([0.0, 1.0, 1.0]))
    assert find_channel_indices(dark, CUT, numbers)[0] == want[2]  # a channel that shows nothing tells no index
