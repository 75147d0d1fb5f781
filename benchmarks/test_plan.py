"""Predictions of `geodfx plan` beside fits of simulated stones, ten minutes.

    python -m pytest benchmarks/test_plan.py -s

Each line of the table is one stone under one rig, 96 x 96 texels. Domes whose lights are 0.35 to 1.15 of their spacing
in radius must come out as predicted, within 30 %; rigs and stones beyond that are told beside them (docs/PLAN.md).
"""

from __future__ import annotations

import math

import pytest

import geodfx
from geodfx.planning.expect import NOISE, expect
from geodfx.simulate import planned_series, read_recipe
from tests.planning.measure import measure

RECIPE = """
[stone]
cut = "{cut}"
material = "{material}"
[camera]
size = [96, 96]
{camera}
[rig]
{rig}
radius_deg = {radius}
"""
WITHIN = 0.3
NEAR, FAR = "distance = 8.0", ""
CASES = [
    ("brilliant", "diamond", NEAR, 48, 12),
    ("brilliant", "diamond", NEAR, 96, 5),
    ("brilliant", "diamond", NEAR, 96, 8),
    ("brilliant", "diamond", FAR, 96, 8),
    ("brilliant", "diamond", NEAR, 96, 12),
    ("brilliant", "diamond", NEAR, 96, 15),
    ("brilliant", "diamond", NEAR, 192, 5),
    ("brilliant", "diamond", NEAR, 192, 8),
    ("step", "sapphire", NEAR, 48, 12),
    ("step", "sapphire", NEAR, 96, 8),
    ("step", "sapphire", NEAR, 96, 12),
    ("step", "sapphire", NEAR, 96, 15),
    ("step", "emerald", FAR, 96, 12),
    ("step", "sapphire", NEAR, 192, 8),
]
BEYOND = [
    ("brilliant", "diamond", NEAR, 'kind = "dome"\nlights = 96', 20),
    ("brilliant", "ruby", NEAR, 'kind = "rings"\nlights = 32', 10),
    ("brilliant", "zircon", NEAR, 'kind = "path"\nlights = 128', 10),
    ("point", "quartz", NEAR, 'kind = "dome"\nlights = 96', 10),
]


def predict_and_measure(folder, cut, material, camera, rig, radius):
    """Return what is expected and what a fit made, and print both as a line of a table."""
    recipe = folder / "r.toml"
    recipe.write_text(RECIPE.format(cut=cut, material=material, camera=camera, rig=rig, radius=radius))
    lights = planned_series(read_recipe(recipe))[0].lights
    expected = expect(lights.direction, lights.radius_rad, NOISE, 3000)
    geodfx.simulate(recipe, folder / "session")
    measured = measure(folder / "session")
    kind = rig.split('"')[1]
    median, most = math.degrees(expected.error_median_rad), math.degrees(expected.error_nine_tenths_rad)
    print(
        f"\n| {cut}, {material}{'' if camera else ', far camera'} | {len(lights.direction)} {kind}, {radius}° "
        f"| {expected.seen_share:.2f} / {measured.seen_share:.2f} | {median:.2f} / {measured.median_deg:.2f} "
        f"| {most:.1f} / {measured.nine_tenths_deg:.1f} | {measured.lobes} |"
    )
    return expected, measured


@pytest.mark.parametrize(("cut", "material", "camera", "lights", "radius"), CASES)
def test_domes_come_out_as_predicted(tmp_path, cut, material, camera, lights, radius):
    rig = f'kind = "dome"\nlights = {lights}'
    expected, measured = predict_and_measure(tmp_path, cut, material, camera, rig, radius)
    assert math.degrees(expected.error_median_rad) == pytest.approx(measured.median_deg, rel=WITHIN)
    assert expected.seen_share == pytest.approx(measured.seen_share, rel=WITHIN)


@pytest.mark.parametrize(("cut", "material", "camera", "rig", "radius"), BEYOND)
def test_what_lies_beyond(tmp_path, cut, material, camera, rig, radius):
    expected, measured = predict_and_measure(tmp_path, cut, material, camera, rig, radius)
    assert expected.seen_share == pytest.approx(measured.seen_share, rel=WITHIN)
    assert measured.lobes > 1000
