"""The prediction against what fits of simulated stones really do; benchmarks/test_plan.py has the long table."""

from __future__ import annotations

import math

import pytest

import geodfx
from geodfx.capture import fit_settings
from geodfx.planning.expect import NOISE, expect
from geodfx.simulate import planned_series, read_recipe
from tests.planning.measure import measure

RECIPE = """
[stone]
cut = "{cut}"
material = "{material}"
[camera]
size = [32, 32]
samples = 4
distance = 8.0
[rig]
kind = "{kind}"
lights = {lights}
radius_deg = {radius}
"""
WITHIN = 0.3


@pytest.mark.parametrize(
    ("cut", "material", "kind", "lights", "radius"),
    [
        ("brilliant", "diamond", "dome", 48, 12),
        ("brilliant", "diamond", "dome", 96, 20),
        ("step", "sapphire", "dome", 128, 10),
        ("brilliant", "diamond", "rings", 32, 10),
    ],
)
def test_a_fit_comes_out_as_predicted(tmp_path, monkeypatch, cut, material, kind, lights, radius):
    # What photos tell: in 24 bytes so small a picture has room for few facets, which lobes then share.
    monkeypatch.setattr(fit_settings, "TEXEL_BYTES", 64.0)
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(cut=cut, material=material, kind=kind, lights=lights, radius=radius))
    rig = planned_series(read_recipe(recipe))[0].lights
    expected = expect(rig.direction, rig.radius_rad, NOISE, 1500)
    geodfx.simulate(recipe, tmp_path / "session")
    measured = measure(tmp_path / "session")
    assert measured.lobes > 100
    assert measured.missed_share < 0.05
    assert math.degrees(expected.error_median_rad) == pytest.approx(measured.median_deg, rel=WITHIN)
    assert math.degrees(expected.error_nine_tenths_rad) == pytest.approx(measured.nine_tenths_deg, rel=WITHIN)
    assert expected.seen_share == pytest.approx(measured.seen_share, rel=WITHIN)
