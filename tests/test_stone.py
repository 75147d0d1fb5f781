"""Stone: its codes against what they stand for, its checks, and its way through a file."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geodfx.arrays import unread
from geodfx.base_map import Base, decode_base, encode_base
from geodfx.basis import chart_encode
from geodfx.codes import MOST_FACETS, rgb9e5_decode, rgb9e5_encode
from geodfx.container import read_container, write_container
from geodfx.errors import OutputError, StoneError
from geodfx.lobe_map import FacetTable, Lobes, decode_facets, doubt_quantiles, empty_lobes, pack_lobes, unpack_lobes
from geodfx.render import DiscLight, View
from geodfx.stone import Stone
from geodfx.stone_file import load_stone

HEIGHT, WIDTH = 3, 4


def random_facets(rng: np.random.Generator, count: int) -> FacetTable:
    middle = rng.normal(size=(count, 1, 3)) * [1, 1, 0.7]
    directions = middle + rng.uniform(-0.03, 0.03, (count, 3, 3)) * np.linalg.norm(middle, axis=2, keepdims=True)
    directions[..., 2] = np.abs(directions[..., 2])
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    slope = rng.normal(size=(count, 2, 2)) * 0.01 * (np.arange(count) % 2)[:, None, None]
    centre = np.stack([rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)], axis=1)
    return FacetTable(chart_encode(directions), slope, centre, rng.uniform(0, 0.6, count), rng.uniform(0, 0.1, count))


def make_stone(model: str = "lobes") -> Stone:
    rng = np.random.default_rng(5)
    basis = "hsh" if model == "lobes" else model
    terms = {"hsh": 9, "ptm": 6}[basis]
    space = "linear" if model == "lobes" else "display"
    values = rng.normal(size=(HEIGHT * WIDTH, terms, 3)).astype(np.float32)
    base = encode_base(basis, space, values, np.arange(HEIGHT * WIDTH), (HEIGHT, WIDTH))
    lobes = None
    if model == "lobes":
        texel = np.repeat(np.arange(HEIGHT * WIDTH), rng.integers(1, 4, HEIGHT * WIDTH))
        table = random_facets(rng, 5)
        lobes = pack_lobes((HEIGHT, WIDTH), texel, rng.integers(0, 5, len(texel)), rng.random((len(texel), 3)), table)
    lights = np.array([[0, 0, 1], [0.6, 0, 0.8]], np.float32)
    alpha = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    return Stone("tourmaline 7", model, "light", alpha, base, lobes, lights, 0.17, 3.5, 8.0, 1.24, {"photos": 2})


def assert_same(one: Stone, other: Stone) -> None:
    for field in dataclasses.fields(Stone):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if not isinstance(a, Base | Lobes | np.ndarray):
            assert a == b
    for owner, names in [("base", ("planes", "mix", "offset")), ("lobes", ("index", "refs", "facets", "slopes"))]:
        for name in names if getattr(one, owner) else ():
            np.testing.assert_array_equal(getattr(getattr(one, owner), name), getattr(getattr(other, owner), name))
    assert (one.base.basis, one.base.space) == (other.base.basis, other.base.space)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    np.testing.assert_array_equal(one.light_direction, other.light_direction)


def rewritten(path: Path, about: dict[str, Any], parts: dict[str, Any]) -> Path:
    """Write a stone's file again with some of its content replaced; None leaves a part or key out."""
    file = read_container(path)
    names = ["alpha", "light_direction", "base_mix", "base_offset", "base_planes"]
    names += ["facets", "facet_slopes", "lobe_index", "lobe_refs"]
    content = {name: file.part(name).read() for name in names} | parts
    described = {key: value for key, value in (file.about | about).items() if value is not None}
    write_container(path, described, {name: array for name, array in content.items() if array is not None})
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stone.gdfx"
    make_stone().save(path)
    return path


@pytest.mark.parametrize("model", ["lobes", "hsh", "ptm"])
def test_a_stone_comes_back(tmp_path, model):
    stone = make_stone(model)
    stone.save(tmp_path / "a.gdfx")
    assert_same(load_stone(tmp_path / "a.gdfx"), stone)


def test_a_loaded_stone_is_saved_to_the_same_bytes(file, tmp_path):
    load_stone(str(file)).save(str(tmp_path / "again.gdfx"))
    assert (tmp_path / "again.gdfx").read_bytes() == file.read_bytes()


def test_a_loaded_stone_may_be_saved_over_its_own_file(file):
    before = file.read_bytes()
    load_stone(file).save(file)
    assert file.read_bytes() == before


def test_saving_into_no_folder_is_told(tmp_path):
    with pytest.raises(OutputError, match="absent"):
        make_stone().save(tmp_path / "absent" / "stone.gdfx")


def test_the_large_maps_are_read_at_the_first_look(file):
    stone = load_stone(file)
    assert not isinstance(unread(stone.lobes, "refs"), np.ndarray)
    assert isinstance(stone.lobes.refs, np.ndarray)
    assert unread(stone.lobes, "refs") is stone.lobes.refs


def test_the_large_maps_are_checked_at_the_first_look(file):
    raw = bytearray(file.read_bytes())
    refs = raw.find(make_stone().lobes.refs.tobytes())
    raw[refs + 5] ^= 4
    file.write_bytes(raw)
    stone = load_stone(file)
    assert stone.base.planes.shape[1:] == (HEIGHT, WIDTH)
    assert stone.lobes_per_texel >= 1
    assert stone.table_bytes > 1 + len(stone.base.planes) + 4
    for _ in range(2):
        with pytest.raises(StoneError, match=r"'lobe_refs' does not match its checksum"):
            _ = stone.lobes.refs


def test_a_loaded_stone_reaches_another_process_with_its_checks(file):
    stone = load_stone(file)
    sent = pickle.loads(pickle.dumps(stone))
    assert not isinstance(unread(sent.base, "planes"), np.ndarray)
    assert_same(sent, stone)


@pytest.mark.parametrize(
    ("about", "parts", "told"),
    [
        ({"name": None}, {}, "'name' is missing"),
        ({"model": "opal"}, {}, "opal"),
        ({"model": "ptm"}, {}, "model 'ptm'"),
        ({"base": None}, {}, "'base' is missing"),
        ({"base": {"basis": "rbf", "space": "linear"}}, {}, "rbf"),
        ({"base": {"basis": "hsh", "space": "log"}}, {}, "log"),
        ({"base": {"basis": "ptm", "space": "linear"}}, {}, "base mix"),
        ({"base": {"basis": "hsh", "space": "display"}}, {}, "base mix"),
        ({"slope_step": 0}, {}, "slope_step"),
        ({"light_radius_rad": -0.1}, {}, "light_radius_rad"),
        ({"display_gain": "3"}, {}, "display_gain"),
        ({"display_gain": 10**350}, {}, "display_gain"),
        ({"camera_distance": 0}, {}, "camera_distance"),
        ({"provenance": [1]}, {}, "provenance"),
        ({"size": [1 << 40, 1 << 40]}, {}, "its size"),
        ({}, {"alpha": None}, "no part 'alpha'"),
        ({}, {"base_planes": None}, "no part 'base_planes'"),
        ({}, {"lobe_refs": None}, "no part 'lobe_refs'"),
        ({}, {"alpha": np.zeros((HEIGHT, WIDTH), np.uint16)}, "alpha: expected uint8"),
        ({}, {"alpha": np.zeros((WIDTH, HEIGHT), np.uint8)}, "base is"),
        ({}, {"alpha": np.zeros((0, WIDTH), np.uint8)}, "no texels"),
        ({}, {"base_planes": np.zeros((9, HEIGHT, WIDTH, 4), np.uint8)}, "base planes"),
        ({}, {"base_planes": np.zeros((0, HEIGHT, WIDTH), np.uint8)}, "level is missing"),
        ({}, {"base_offset": np.full((9, 3), np.nan, np.float32)}, "base_offset"),
        ({}, {"light_direction": np.zeros((5, 2), np.float32)}, "light directions"),
        ({}, {"lobe_refs": np.zeros(3, np.uint32)}, "index does not lead to 3"),
        ({}, {"lobe_index": np.zeros((HEIGHT, 1, 2), np.uint32)}, "index does not lead"),
        ({}, {"lobe_index": np.zeros((HEIGHT, 1, 3), np.uint32)}, "lobe index"),
        ({}, {"lobe_index": np.zeros((0, 1, 2), np.uint32)}, "index"),
        ({}, {"facet_slopes": np.zeros((9, 4), np.uint32)}, "5 facets with 9 slopes"),
        ({}, {"facets": np.zeros((70000, 4), np.uint32)}, "70000 facets"),
    ],
)
def test_a_file_that_is_no_stone_is_refused(file, about, parts, told):
    with pytest.raises(StoneError, match=rf"stone\.gdfx: .*{told}"):
        load_stone(rewritten(file, about, parts))


def test_a_lobe_without_a_facet_is_refused(file):
    refs = make_stone().lobes.refs.copy()
    refs[3] |= np.uint32(MOST_FACETS - 1)
    stone = load_stone(rewritten(file, {}, {"lobe_refs": refs}))
    with pytest.raises(StoneError, match="not in the table"):
        stone.relight(View((DiscLight((0, 0, 1), 0.2),)))


def test_what_a_later_minor_version_adds_is_ignored(file):
    about = {"cut": "brilliant", "provenance": {"a": [1], "b": 2}}
    stone = load_stone(rewritten(file, about, {"normals": np.zeros((HEIGHT, WIDTH, 3), np.float32)}))
    assert stone.provenance == {"b": 2}


def test_a_stone_keeps_its_arrays_from_being_written_to():
    stone = make_stone()
    for array in (stone.alpha, stone.base.planes, stone.lobes.refs, stone.light_direction):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        stone.base.planes = stone.base.planes


def test_displayed_coefficients_are_within_half_a_step():
    coefficients = np.random.default_rng(2).normal(0, [[[1, 10, 0.01]]], (35, 6, 3)).astype(np.float32)
    base = encode_base("ptm", "display", coefficients, np.arange(35), (5, 7))
    error = np.abs(decode_base(base).reshape(6, 35, 3).transpose(1, 0, 2) - coefficients)
    assert np.all(error <= np.ptp(coefficients, axis=0) * (0.5 / 255 + 1e-6))


def test_a_base_of_few_shapes_takes_few_planes_at_any_brightness():
    """Three shapes, mixed at will, over four decades of light."""
    rng = np.random.default_rng(6)
    shapes = rng.normal(size=(3, 9, 3))
    level = 10 ** rng.uniform(-4, 0, 900)
    values = level[:, None, None] * (shapes[0] + np.einsum("nk,ktc->ntc", rng.uniform(-0.5, 0.5, (900, 2)), shapes[1:]))
    base = encode_base("hsh", "linear", values.astype(np.float32), np.arange(900), (30, 30))
    assert len(base.planes) == 4
    back = decode_base(base).reshape(9, 900, 3).transpose(1, 0, 2)
    size = np.linalg.norm(values, axis=(1, 2))
    off = np.linalg.norm(back - values, axis=(1, 2)) / size
    assert np.all(off <= 0.02 + 1.5 / (255 * np.cbrt(size / size.max())))


def test_texels_that_the_stone_does_not_cover_have_no_base():
    base = encode_base("hsh", "linear", np.ones((2, 9, 3), np.float32), np.array([1, 5]), (2, 3))
    np.testing.assert_allclose(decode_base(base)[0, :, :, 0], [[0, 1, 0], [0, 0, 1]], atol=1e-6)


def test_a_constant_base_term_is_kept():
    base = encode_base("ptm", "display", np.full((4, 6, 3), 0.25, np.float32), np.arange(4), (2, 2))
    np.testing.assert_array_equal(decode_base(base), np.float32(0.25))


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        # Exponent 15 + floor(log2(max)) + 1, mantissa value / 2^(exponent - 24): OpenGL ES 3.0.6, 3.8.3.2.
        ((1.0, 0.5, 0.25), 16 << 27 | 64 << 18 | 128 << 9 | 256),
        ((65408.0, 0.0, 128.0), 31 << 27 | 1 << 18 | 511),
        ((1e9, 0.0, 0.0), 31 << 27 | 511),
        ((511.9, 0.0, 0.0), 25 << 27 | 256),  # rounds up to the next exponent
    ],
)
def test_shared_exponent_words(colour, word):
    assert int(rgb9e5_encode(np.array([colour]))[0]) == word
    expected = np.minimum(colour, 65408.0)
    np.testing.assert_allclose(rgb9e5_decode(np.uint32(word)), expected, rtol=1 / 512)


def test_black_is_black():
    assert rgb9e5_decode(rgb9e5_encode(np.zeros((1, 3)))[0]) == (0, 0, 0)


def test_shared_exponent_error_is_a_thousandth_of_the_brightest():
    colours = 10 ** np.random.default_rng(3).uniform(-3, 4, (500, 3))
    back = np.array([rgb9e5_decode(word) for word in rgb9e5_encode(colours)])
    assert np.all(np.abs(back - colours) <= colours.max(axis=1, keepdims=True) / 511 * 1.0001)


def angle_deg(a: Any, b: Any) -> float:
    return math.degrees(2 * math.asin(min(1.0, float(np.linalg.norm(np.subtract(a, b))) / 2)))


def test_lobes_unpack_to_what_was_packed():
    rng = np.random.default_rng(4)
    table = random_facets(rng, 60)
    shape, count = (7, 21), rng.integers(0, 9, 7 * 21)
    texel = np.repeat(np.arange(7 * 21), count)
    facet, weight = rng.integers(0, 60, len(texel)), rng.uniform(0.1, 30, (len(texel), 3))
    lobes = unpack_lobes(pack_lobes(shape, texel, facet, weight, table), shape[1])
    np.testing.assert_array_equal(lobes.texel, texel)
    largest = np.zeros((60, 3))
    np.maximum.at(largest, facet, weight)
    root = np.sqrt(weight / largest[facet])  # a code is a step of the root
    assert np.all(np.abs(lobes.weight - weight) <= largest[facet] * (root / 31 + 0.01))
    away = np.stack([texel % 21, texel // 21], axis=1) - table.centre[facet]
    place = table.place[facet] + np.einsum("nij,nj->ni", table.slope[facet], away)[:, None]
    inside = np.linalg.norm(place, axis=2) < math.sqrt(2)
    off = np.linalg.norm(chart_encode(lobes.direction) - place, axis=2)
    assert off[inside].max() < 3e-4
    assert np.all(np.abs(lobes.width - table.width[facet]) <= 0.6 / 255 * np.sqrt(table.width[facet] / 0.6) + 1e-5)


def test_doubt_is_kept_and_facets_without_lobes_are_left_out():
    rng = np.random.default_rng(8)
    table = random_facets(rng, 4)
    lobes = pack_lobes((1, 2), np.array([0, 1]), np.array([2, 3]), np.ones((2, 3)), table)
    doubt = decode_facets(lobes)[:, 7]
    assert doubt == pytest.approx(table.doubt[[3, 2]], abs=2e-3)  # the facet with a slope comes first
    assert doubt_quantiles(lobes, (0.0, 1.0)) == pytest.approx(sorted(table.doubt[2:]), abs=2e-3)
    assert np.isnan(doubt_quantiles(empty_lobes((1, 2)), (0.5,))).all()


def test_more_facets_than_a_lobe_can_name_lose_the_weakest():
    count = MOST_FACETS + 10
    table = FacetTable(
        np.zeros((count, 3, 2)), np.zeros((count, 2, 2)), np.zeros((count, 2), int), np.zeros(count), np.zeros(count)
    )
    weight = np.repeat(np.linspace(1, 2, count)[:, None], 3, axis=1)
    lobes = pack_lobes((1, count), np.arange(count), np.arange(count), weight, table)
    assert len(lobes.facets) == len(lobes.refs) == MOST_FACETS
    np.testing.assert_array_equal(unpack_lobes(lobes, count).texel, np.arange(10, count))


@pytest.mark.parametrize("model", ["lobes", "ptm"])
def test_the_document_names_all_that_a_file_holds(tmp_path, model):
    document = (Path(__file__).parent.parent / "docs" / "FORMAT.md").read_text("utf-8")
    make_stone(model).save(tmp_path / "a.gdfx")
    with zipfile.ZipFile(tmp_path / "a.gdfx") as archive:
        manifest = json.loads(archive.read("stone.json"))
    assert f"version {manifest['format']}\n" in document
    entry_keys = set().union(*manifest["parts"].values())
    for name in {*manifest, *manifest["stone"], *manifest["stone"]["base"], *manifest["parts"], *entry_keys}:
        assert f"`{name}`" in document, name
