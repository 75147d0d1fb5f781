"""Recipes: what they fill in, and errors that name file, key and remedy."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from geodfx.errors import RecipeError
from geodfx.simulate import read_recipe
from geodfx.simulate.materials import MATERIALS
from geodfx.simulate.recipe import (
    RIGS,
    CameraRecipe,
    Dome,
    FrameRecipe,
    HeldOut,
    SensorRecipe,
    SphereRecipe,
    StageRecipe,
    TiltStage,
    TruthRecipe,
)
from geodfx.simulate.recipe_stones import CUTS, INCLUSIONS, Brilliant, Needles

GOOD = """
name = "test"
seed = 3
[stone]
cut = "brilliant"
material = "diamond"
[rig]
kind = "dome"
"""


def read(tmp_path: Path, text: str):
    (tmp_path / "stone.toml").write_text(text, "utf-8")
    return read_recipe(tmp_path / "stone.toml")


def test_what_is_left_out_is_filled_in(tmp_path):
    recipe = read(tmp_path, GOOD)
    assert isinstance(recipe.stone, Brilliant) and isinstance(recipe.rig, Dome)
    assert (recipe.stone.table, recipe.rig.lights, recipe.camera.samples) == (0.56, 128, 16)
    assert recipe.heldout is None and recipe.camera.distance is None


def test_what_is_told_is_taken(tmp_path):
    more = '[[stone.inclusions]]\nkind = "needles"\ncount = 5\n[heldout]\nphotos = 3\n[camera]\nsize = [40, 30]\n'
    recipe = read(tmp_path, GOOD.replace('"dome"', '"tilt"\nstep_deg = 2.5') + more)
    assert isinstance(recipe.rig, TiltStage) and recipe.rig.step_deg == 2.5
    assert recipe.stone.inclusions == (Needles(count=5),)
    assert recipe.heldout.photos == 3 and recipe.camera.size == (40, 30)


def test_a_recipe_without_a_name_takes_its_files(tmp_path):
    assert read(tmp_path, GOOD.replace('name = "test"', "")).name == "stone"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('cut = "brilliant"', 'cut = "briliant"'), r"stone\.cut is 'briliant'; did you mean 'brilliant'"),
        (('cut = "brilliant"', ""), r"stone\.cut is missing; choose one of"),
        (('material = "diamond"', 'material = "glass"'), r"stone\.material is 'glass'; choose one of|did you mean"),
        (('material = "diamond"', ""), r"stone\.material is missing"),
        (("[rig]", "[rig]\nlihgts = 4"), r"rig\.lihgts is not a known key; did you mean 'lights'"),
        (("[rig]", "[rig]\nlights = 4.5"), r"rig\.lights is 4\.5; it must be a whole number from 1"),
        (("[rig]", "[rig]\nlights = true"), r"rig\.lights is True; it must be a whole number"),
        (("[rig]", "[rig]\nradius_deg = 90"), r"rig\.radius_deg is 90; it must be a number from 0\.1 to 60"),
        (("[rig]", "[rig]\nradius_deg = nan"), r"rig\.radius_deg is nan; it must be a number"),
        (("[rig]", f"[rig]\nradius_deg = {'9' * 400}"), r"rig\.radius_deg is 9+; it must be a number from 0\.1 to 60"),
        (("seed = 3", f"seed = {'9' * 5000}"), r"is not valid TOML: Exceeds the limit"),
        (("seed = 3", f"seed = 0x{'9' * 5000}"), r"is not valid TOML: Exceeds the limit"),
        (('"dome"', f'"lights"\nfile = "{"a" * 400}"'), r"rig\.file names .*aaa, which is not there"),
        (
            ('"dome"', '"rings"\nlights = 2000'),
            r"rig\.lights is 2000 on each of 3 rings; a session has 4096 photos at most: take fewer",
        ),
        (
            ('"dome"', '"tilt"\nstep_deg = 20'),
            r"rig\.step_deg is 20, with which 13 tilts a side reach 120 degrees, more than 90; take a smaller step",
        ),
        (("[stone]", "[sensor]\nexposures_ev = [0, 1, 1.0000001]\n[stone]"), r"sensor\.exposures_ev must hold 0"),
        (("[rig]", "[rig]\ntilts = 3"), r"rig\.tilts is not a known key"),
        (("[stone]", "[stone]\nratio = 2"), r"stone\.ratio is not a known key"),
        (("[stone]", "[stone]\noptic_axis = [0, 0, 0]"), r"stone\.optic_axis is zero"),
        (("[stone]", "[camera]\nsize = [64]\n[stone]"), r"camera\.size is \[64\]; it must be 2 whole numbers"),
        (("[stone]", "[camera]\nsize = [64.5, 64]\n[stone]"), r"camera\.size is \[64\.5, 64\]; it must be 2 whole"),
        (
            ("[stone]", '[sensor]\nformat = "tiff"\n[stone]'),
            r"sensor\.format is 'tiff'; choose one of png, png8, exr",
        ),
        (("[stone]", "[sensor]\nexposures_ev = [1]\n[stone]"), r"sensor\.exposures_ev must hold 0"),
        (("[stone]", "[stage]\nwhite = 1\n[stone]"), r"stage\.white is 1; write true or false"),
        (("[stone]", "[frame]\ntell_lights = false\n[stone]"), r"frame\.tell_lights is false, and there is no sphere"),
        (("[stone]", "[[heldout]]\nphotos = 1\n[stone]"), r"heldout is \[.*\]; it must be a table"),
        (("seed = 3", "seed = -3"), r"seed is -3; it must be a whole number from 0"),
        (
            ('"diamond"', '"diamond"\ntable = 0.75\nstars = 0.3'),
            r"stone\.stars is 0\.3, too short .*; take 0\.41 or more",
        ),
        (('"brilliant"', '"step"\ncrown_deg = [30, 40]'), r"stone\.crown_deg must fall from the girdle on"),
        (("seed = 3", "seed = "), r"is not valid TOML"),
        (('"diamond"', '"aventurine"'), r"stone\.material is 'aventurine', which is opaque: take cut pebble"),
        (('cut = "brilliant"', 'cut = "pebble"'), r"stone\.material is 'diamond', which is clear"),
        (
            ('"brilliant"\nmaterial = "diamond"', '"pebble"\nmaterial = "aventurine"\nplates = 300\nplate_size = 0.03'),
            r"stone\.plates is 300; of a plate_size of 0\.03 no more than 225 have room",
        ),
        (
            ('"brilliant"\nmaterial = "diamond"', '"cabochon"\nmaterial = "aventurine"\nplates = 2000'),
            r"stone\.plates is 2000; of a plate_size of 0\.012 no more than 1369 have room",
        ),
        (
            ("[stone]", "[frame]\nwhite_card = [1, 1, 0.5, -1]\n[stone]"),
            r"frame\.white_card is -1 wide or high; give it a size above 0",
        ),
        (("[stone]", "[frame]\nchart = [1, 1, 0]\n[stone]"), r"frame\.chart is 0 wide or high; give it a size"),
        (("[stone]", "[frame]\nchart = [-1]\n[stone]"), r"frame\.chart is -1 wide or high; give it a size"),
        (("[stone]", "[frame]\nwhite_card = [0, 1]\n[stone]"), r"frame\.white_card is 0 wide or high; give it a size"),
        (
            ("[stone]", "[frame]\nwhite_card = [1, 1, 1]\n[stone]"),
            r"frame\.white_card is \[1, 1, 1\]; it must be 2 or 4 numbers in brackets",
        ),
        (("[stone]", "[frame]\nchart = 1\n[stone]"), r"frame\.chart is 1; it must be 1 or 3 numbers in brackets"),
        (
            ("[stone]", "[camera]\nsize = [90, 45]\nfield_width = 2.0\n[frame]\nchart = [1.6]\n[stone]"),
            r"frame\.chart is 1\.6 wide; photos of its own show 1\.5 of it: make it smaller, or camera\.field_width",
        ),
        (('"dome"', '"tilt"\n[frame]\ntell_lights = false'), r"frame\.tell_lights is for moving lights; remove it"),
        (('"dome"', '"turntable"\n[[frame.spheres]]'), r"frame\.spheres is for moving lights; remove it"),
        (('"dome"', '"lights"'), r"rig\.file is missing"),
        (('"dome"', '"lights"\nfile = "no.lp"'), r"rig\.file names .*no\.lp, which is not there"),
        (('cut = "brilliant"', 'cut = "gemcad"\nfile = "no.asc"'), r"stone\.file names .*no\.asc, which is not there"),
    ],
)
def test_an_error_names_file_key_and_remedy(tmp_path, change, told):
    assert change[0] in GOOD
    with pytest.raises(RecipeError) as raised:
        read(tmp_path, GOOD.replace(*change))
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 'stone.toml'}: ") and "\n" not in message
    assert re.search(told, message), message


def test_every_key_is_documented():
    told = (Path(__file__).parents[2] / "docs" / "SIMULATE.md").read_text("utf-8")
    parts = (CameraRecipe, FrameRecipe, HeldOut, SensorRecipe, SphereRecipe, StageRecipe, TruthRecipe)
    for owner in (*CUTS.values(), *INCLUSIONS.values(), *RIGS.values(), *parts):
        for field in dataclasses.fields(owner):
            assert f"`{field.name}`" in told or f"`[[stone.{field.name}]]`" in told or f"{field.name}]]`" in told, field
    for material in MATERIALS:
        assert material in told


def test_inclusions_are_checked_too(tmp_path):
    with pytest.raises(RecipeError, match=r"stone\.inclusions\.cuont is not a known key; did you mean 'count'"):
        read(tmp_path, GOOD + '[[stone.inclusions]]\nkind = "clouds"\ncuont = 1\n')


def test_a_missing_recipe_is_told(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")
