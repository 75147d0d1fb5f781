"""How long a session takes to be simulated: `python -m pytest benchmarks/test_simulate.py`, some two minutes."""

from __future__ import annotations

import shutil

import pytest

import geodfx
from geodfx.simulate.spectrum import BANDS

RECIPE = """
[stone]
cut = "brilliant"
material = "diamond"
[camera]
size = [{size}, {size}]
distance = 8.0
samples = 16
[rig]
kind = "dome"
lights = {lights}
radius_deg = 10.0
"""


@pytest.mark.parametrize(("size", "lights"), [(64, 128), (64, 1024), (512, 128)])
def test_a_brilliant_under_a_dome(benchmark, tmp_path, size, lights):
    assert BANDS == 9
    (tmp_path / "recipe.toml").write_text(RECIPE.format(size=size, lights=lights))
    (tmp_path / "warm.toml").write_text(RECIPE.format(size=8, lights=4))
    geodfx.simulate(tmp_path / "warm.toml", tmp_path / "warm")  # compiled, or read from the cache

    def again() -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    benchmark.pedantic(geodfx.simulate, (tmp_path / "recipe.toml", tmp_path / "out"), setup=again, rounds=1)
    assert len(list((tmp_path / "out").glob("*.png"))) == lights + 1  # and the mask
