"""Stones as planes: cuts, crystals, GemCad designs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.errors import RecipeError
from geodfx.rays.brilliant import shortest_stars
from geodfx.simulate.gemcad import read_gemcad
from geodfx.simulate.polyhedron import close_planes
from geodfx.simulate.recipe import read_recipe
from geodfx.simulate.recipe_stones import Brilliant, Druse, Point
from geodfx.simulate.solids import brilliant_cut, crystal_point, step_cut
from geodfx.simulate.spectrum import make_spectrum
from geodfx.simulate.stones import make_stone
from tests.simulate.stones import brilliant


def slopes_deg(planes: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.hypot(planes[:, 0], planes[:, 1]), planes[:, 2]))


def test_a_brilliant_has_its_facets_and_proportions():
    stone = brilliant()
    slopes = slopes_deg(stone.planes)
    assert len(stone.planes) == 57 + 16
    assert np.isclose(slopes, 34.5).sum() == 8 and np.isclose(slopes, 180 - 40.8).sum() == 8
    assert np.isclose(slopes, 90).sum() == 16 and np.isclose(slopes, 0).sum() == 1
    low, high = stone.corners.min(axis=0), stone.corners.max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 0, atol=1e-9)
    assert high[0] - low[0] == pytest.approx(1)
    crown, pavilion = 0.22 * math.tan(math.radians(34.5)), 0.5 * math.tan(math.radians(40.8))
    assert high[2] - low[2] == pytest.approx(crown + 0.03 + pavilion)
    on_table = stone.corners[np.isclose(stone.corners[:, 2], high[2])]
    assert np.hypot(*on_table[:, :2].T) == pytest.approx(0.28)


@pytest.mark.parametrize(
    "stone",
    [
        brilliant(),
        step_cut(1.4, 0.22, 0.6, (46, 37, 28), (57, 47, 40), 0.03),
        crystal_point(1.6, 0.3, np.random.default_rng(3)),
        brilliant_cut(0.62, 32, 42, 0.5, 0.6, 0.06),
    ],
)
def test_faces_close(stone):
    outlines = stone.outlines()
    edges = sum(len(outline) for outline in outlines) / 2
    assert len(stone.corners) - edges + len(outlines) == 2  # Euler
    assert (stone.corners @ stone.planes[:, :3].T <= stone.planes[:, 3] + 1e-5).all()


def test_every_brilliant_that_a_recipe_may_ask_for_has_all_its_facets():
    rng = np.random.default_rng(4)
    for _ in range(60):
        table = rng.uniform(0.3, 0.8)
        stars = rng.uniform(shortest_stars(table) + 0.02, 0.8)
        shape = rng.uniform(15, 50), rng.uniform(30, 55), rng.uniform(0.3, 0.95), stars, rng.uniform(0.005, 0.15)
        assert len(brilliant_cut(table, *shape).planes) == 57 + 16


def test_the_faces_of_a_natural_point_are_uneven_and_follow_the_seed():
    one, same, other = (crystal_point(1.6, 0.25, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.planes, same.planes)
    assert not np.array_equal(one.planes[:, 3], other.planes[:, 3])
    slopes = np.degrees(np.arccos(one.planes[:, 1]))
    assert np.isclose(slopes, 51.79, atol=0.01).sum() >= 3 and np.isclose(slopes, 90).sum() == 6
    upright = np.isclose(slopes, 90)
    assert np.ptp(one.planes[upright, 3]) > 0.01


def test_a_druse_grows_on_a_rock_of_uneven_outline():
    spectrum = make_spectrum(1)
    stone, other = (
        make_stone(Druse(material="amethyst", crystals=40), spectrum, np.random.default_rng(seed)) for seed in (1, 2)
    )
    solids = stone.solids
    assert len(solids.first) - 1 == 41
    rock = solids.plane[:, : solids.first[1]]
    assert rock.shape[1] > 8 and np.ptp(rock[3, np.isclose(rock[2], 0)]) > 0.02
    feet = solids.plane[:, solids.first[2:] - 1]  # of each crystal the last plane
    np.testing.assert_allclose(feet, np.repeat([[0], [0], [-1], [-rock[3, np.isclose(rock[2], 1)][0]]], 40, axis=1))
    assert np.hypot(*solids.bound[1:, :2].T).max() < 0.55 and not np.array_equal(other.solids.bound, solids.bound)
    # A crystal is a tenth of a stone wide, and as deep in colour as one.
    single = make_stone(Point(material="amethyst"), spectrum, np.random.default_rng(1))
    assert stone.glass.absorbance.max() == pytest.approx(single.glass.absorbance.max() / 0.12)


def test_open_and_empty_planes_are_refused():
    with pytest.raises(RecipeError, match="do not close"):
        close_planes(np.array([[1, 0, 0, 1], [-1, 0, 0, 1], [0, 1, 0, 1], [0, -1, 0, 1], [0, 0, 1, 1]], float), "box")
    box = np.array([[1, 0, 0, -1], [-1, 0, 0, -1], [0, 1, 0, 1], [0, -1, 0, 1], [0, 0, 1, 1], [0, 0, -1, 1]], float)
    with pytest.raises(RecipeError, match="leave no stone"):
        close_planes(box, "box")


@pytest.mark.parametrize(("name", "facets"), [("SRB.asc", 16 * 4 + 8 * 1), ("Compear125.asc", 67)])
def test_the_reference_designs_close(shared_data, name, facets):
    planes = read_gemcad(shared_data / "gemcad" / name)
    stone = close_planes(planes, name)
    assert len(stone.planes) == len(planes)
    if name == "SRB.asc":
        slopes = slopes_deg(stone.planes)
        assert np.isclose(slopes, 34).sum() == 16 and np.isclose(slopes, 180 - 42.5).sum() == 16
        assert len(planes) == 16 + 16 + 8 + 16 + 8 + 8 + 1
    else:
        assert len(planes) == facets


BOX = """GemCad 5.0
g {teeth} 0.0
y 4 n
I 1.54
H a box, its top cut at one slope
a {girdle} 1.0 {quarter} n side {half} {threequarter} {full} G level girdle 45 1.0 3
a 40.0 0.9 {odd} n T1
a 0.0 0.5 {full}
a -0.0 0.6 {full} n C
F done
"""


def write_box(path, teeth=96, girdle="-90.0", odd="12.5"):
    quarters = {"quarter": teeth / 4, "half": teeth / 2, "threequarter": 3 * teeth / 4, "full": teeth}
    path.write_text(BOX.format(teeth=teeth, girdle=girdle, odd=odd, **quarters), "latin-1")
    return path


def test_an_index_is_an_azimuth_and_a_note_is_none(tmp_path):
    planes = read_gemcad(write_box(tmp_path / "box.asc"))
    assert len(planes) == 7
    azimuth = math.radians(360 * 12.5 / 96)
    slope = math.radians(40)
    wanted = [-math.sin(slope) * math.sin(azimuth), math.sin(slope) * math.cos(azimuth), math.cos(slope), 0.9]
    assert np.abs(planes - wanted).max(axis=1).min() < 1e-12
    assert np.abs(planes - [0, 0, -1, 0.6]).max(axis=1).min() < 1e-12
    assert np.abs(planes - [0, 1, 0, 1.0]).max(axis=1).min() < 1e-12


def test_negative_teeth_run_the_other_way(tmp_path):
    one = read_gemcad(write_box(tmp_path / "one.asc", teeth=96))
    other = read_gemcad(write_box(tmp_path / "other.asc", teeth=-96, odd="12.5"))
    mirrored = one * [-1, 1, 1, 1]
    assert all(np.abs(mirrored - plane).max(axis=1).min() < 1e-12 for plane in other)
    assert not all(np.abs(one - plane).max(axis=1).min() < 1e-12 for plane in other)


def test_a_girdle_may_have_either_sign(tmp_path):
    plus, minus = (read_gemcad(write_box(tmp_path / f"{g}.asc", girdle=g)) for g in ("90", "-90"))
    np.testing.assert_array_equal(plus, minus)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "GemCad"),
        ("GemCad 5.0\ng 96 0\n", "holds no facet"),
        ("GemCad 5.0\ng 0 0\na 0 1 96\n", "line 2"),
        ("GemCad 5.0\ng 96 0\na 0 1\n", "line 3"),
        ("GemCad 5.0\ng 96 0\na 95 1 96\n", "line 3"),
        ("GemCad 5.0\ng 96 0\na 30 x 96\n", "line 3"),
        ("GemCad 5.0\ng 96 0\na 30 1 1e308\n", "line 3"),
        ("GemCad 5.0\ng 1e-300 0\na 30 1 96\n", "line 2"),
    ],
)
def test_a_broken_design_is_told_by_its_line(tmp_path, text, told):
    (tmp_path / "bad.asc").write_text(text)
    with pytest.raises(RecipeError, match=told):
        read_gemcad(tmp_path / "bad.asc")


def planes_of(seed=0, **keys) -> np.ndarray:
    recipe = Brilliant(material="diamond", **keys)
    return make_stone(recipe, make_spectrum(1), np.random.default_rng(seed)).solids.plane.T


def test_a_stone_that_is_laid_down_askew_is_the_same_stone_turned_and_moved():
    even = planes_of()
    pitch, roll = planes_of(tilt_deg=(3.0, 0.0)), planes_of(tilt_deg=(0.0, 3.0))
    rise = math.sin(math.radians(3))
    np.testing.assert_allclose(
        pitch[0, :3], [0, -rise, math.cos(math.radians(3))], atol=1e-9
    )  # the table, turned about x
    np.testing.assert_allclose(roll[0, :3], [rise, 0, math.cos(math.radians(3))], atol=1e-9)
    for turned in (pitch, roll):
        np.testing.assert_allclose(turned[:, 3], even[:, 3], atol=1e-9)
        np.testing.assert_allclose(turned[:, :3] @ turned[:, :3].T, even[:, :3] @ even[:, :3].T, atol=1e-9)
    aside = planes_of(at=(0.1, -0.2))
    np.testing.assert_allclose(aside[:, 3] - even[:, 3], even[:, :2] @ [0.1, -0.2], atol=1e-9)


def test_the_faces_of_an_uneven_stone_are_turned_by_as_much_as_is_asked():
    even, uneven = planes_of(), planes_of(uneven_deg=0.4)
    np.testing.assert_array_equal(uneven, planes_of(uneven_deg=0.4))
    assert (uneven != planes_of(seed=1, uneven_deg=0.4)).any()
    turned = np.degrees(np.arccos((even[:, :3] * uneven[:, :3]).sum(axis=1)))
    assert np.sqrt(np.mean(turned**2)) == pytest.approx(0.4 * math.sqrt(2), rel=0.2)  # either way


@pytest.mark.parametrize("key", ["uneven_deg = 9.0", "tilt_deg = [1.0]", "at = [3.0, 0.0]"])
def test_a_stone_that_cannot_be_laid_down_so_is_refused(tmp_path, key):
    path = tmp_path / "recipe.toml"
    path.write_text(f'[stone]\ncut = "brilliant"\nmaterial = "diamond"\n{key}\n[rig]\nkind = "dome"\n')
    with pytest.raises(RecipeError, match=f"recipe.toml: stone.{key.split()[0]} "):
        read_recipe(path)
