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
from geodfx.container import read_container, write_container
from geodfx.errors import OutputError, StoneError
from geodfx.stone import (
    Base,
    Lobes,
    Stone,
    decode_base,
    encode_base,
    pack_lobes,
    rgb9e5_decode,
    rgb9e5_encode,
    unpack_direction,
    unpack_green,
    unpack_width,
)
from geodfx.stone_file import load_stone

HEIGHT, WIDTH = 3, 4


def make_stone(model: str = "lobes") -> Stone:
    rng = np.random.default_rng(5)
    basis = "hsh" if model == "lobes" else model
    terms = {"hsh": 9, "ptm": 6}[basis]
    base = encode_base(basis, "linear", rng.normal(size=(terms, HEIGHT, WIDTH, 3)).astype(np.float32))
    lobes = None
    if model == "lobes":
        start = np.concatenate([[0], np.cumsum(rng.integers(0, 4, HEIGHT * WIDTH))]).astype(np.uint32)
        lobes = Lobes(start, rng.integers(0, 2**32, (start[-1], 4), dtype=np.uint32))
    lights = np.array([[0, 0, 1], [0.6, 0, 0.8]], np.float32)
    alpha = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    return Stone("tourmaline 7", model, "light", alpha, base, lobes, lights, 0.17, 3.5, 8.0, 1.24, {"photos": 2})


def assert_same(one: Stone, other: Stone) -> None:
    for field in dataclasses.fields(Stone):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if not isinstance(a, Base | Lobes | np.ndarray):
            assert a == b
    for owner, names in [("base", ("codes", "scale", "offset")), ("lobes", ("start", "words"))]:
        for name in names if getattr(one, owner) else ():
            np.testing.assert_array_equal(getattr(getattr(one, owner), name), getattr(getattr(other, owner), name))
    assert (one.base.basis, one.base.space) == (other.base.basis, other.base.space)
    np.testing.assert_array_equal(one.alpha, other.alpha)
    np.testing.assert_array_equal(one.light_direction, other.light_direction)


def rewritten(path: Path, about: dict[str, Any], parts: dict[str, Any]) -> Path:
    """Write a stone's file again with some of its content replaced; None leaves a part or key out."""
    file = read_container(path)
    names = ["alpha", "light_direction", "base_scale", "base_offset", "base_codes", "lobe_start", "lobe_words"]
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
    assert not isinstance(unread(stone.lobes, "words"), np.ndarray)
    assert isinstance(stone.lobes.words, np.ndarray)
    assert unread(stone.lobes, "words") is stone.lobes.words


def test_the_large_maps_are_checked_at_the_first_look(file):
    raw = bytearray(file.read_bytes())
    words = raw.find(make_stone().lobes.words.tobytes())
    raw[words + 5] ^= 4
    file.write_bytes(raw)
    stone = load_stone(file)
    assert stone.base.codes.shape == (9, HEIGHT, WIDTH, 3)
    assert stone.lobes_per_texel > 0
    assert stone.texel_bytes > 9 * 3 * 2
    for _ in range(2):
        with pytest.raises(StoneError, match=r"'lobe_words' does not match its checksum"):
            _ = stone.lobes.words


def test_a_loaded_stone_reaches_another_process_with_its_checks(file):
    stone = load_stone(file)
    sent = pickle.loads(pickle.dumps(stone))
    assert not isinstance(unread(sent.base, "codes"), np.ndarray)
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
        ({"base": {"basis": "ptm", "space": "linear"}}, {}, "base codes"),
        ({"light_radius_rad": -0.1}, {}, "light_radius_rad"),
        ({"display_gain": "3"}, {}, "display_gain"),
        ({"display_gain": 10**350}, {}, "display_gain"),
        ({"camera_distance": 0}, {}, "camera_distance"),
        ({"provenance": [1]}, {}, "provenance"),
        ({"size": [1 << 40, 1 << 40]}, {}, "its size"),
        ({}, {"alpha": None}, "no part 'alpha'"),
        ({}, {"base_codes": None}, "no part 'base_codes'"),
        ({}, {"lobe_words": None}, "no part 'lobe_words'"),
        ({}, {"alpha": np.zeros((HEIGHT, WIDTH), np.uint16)}, "alpha: expected uint8"),
        ({}, {"alpha": np.zeros((WIDTH, HEIGHT), np.uint8)}, "base is"),
        ({}, {"alpha": np.zeros((0, WIDTH), np.uint8)}, "no texels"),
        ({}, {"base_codes": np.zeros((9, HEIGHT, WIDTH, 4), np.uint16)}, "base codes"),
        ({}, {"base_scale": np.full((9, 3), np.nan, np.float32)}, "base_scale"),
        ({}, {"light_direction": np.zeros((5, 2), np.float32)}, "light directions"),
        ({}, {"lobe_words": np.zeros((3, 4), np.uint32)}, "start table"),
        ({}, {"lobe_start": np.zeros(HEIGHT * WIDTH + 1, np.uint32)}, "start table"),
        ({}, {"lobe_start": np.zeros(0, np.uint32)}, "start table"),
    ],
)
def test_a_file_that_is_no_stone_is_refused(file, about, parts, told):
    with pytest.raises(StoneError, match=rf"stone\.gdfx: .*{told}"):
        load_stone(rewritten(file, about, parts))


def test_a_start_table_that_falls_is_refused(file):
    start = make_stone().lobes.start.copy()
    start[3] = start[-1] + 1
    with pytest.raises(StoneError, match="does not rise"):
        load_stone(rewritten(file, {}, {"lobe_start": start}))


def test_what_a_later_minor_version_adds_is_ignored(file):
    about = {"cut": "brilliant", "provenance": {"a": [1], "b": 2}}
    stone = load_stone(rewritten(file, about, {"normals": np.zeros((HEIGHT, WIDTH, 3), np.float32)}))
    assert stone.provenance == {"b": 2}


def test_a_stone_keeps_its_arrays_from_being_written_to():
    stone = make_stone()
    for array in (stone.alpha, stone.base.codes, stone.lobes.words, stone.light_direction):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        stone.base.codes = stone.base.codes


def test_base_codes_are_within_half_a_step():
    coefficients = np.random.default_rng(2).normal(0, [[[[1, 10, 0.01]]]], (6, 5, 7, 3)).astype(np.float32)
    base = encode_base("ptm", "display", coefficients)
    error = np.abs(decode_base(base) - coefficients)
    spread = np.ptp(coefficients, axis=(1, 2), keepdims=True)
    assert np.all(error <= spread * (0.5 / 65535 + 1e-6))


def test_a_constant_base_term_is_kept():
    base = encode_base("ptm", "linear", np.full((6, 2, 2, 3), 0.25, np.float32))
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
    middle = rng.normal(size=(300, 1, 3)) * [1, 1, 0.7]
    directions = middle + rng.uniform(-0.03, 0.03, (300, 3, 3)) * np.linalg.norm(middle, axis=2, keepdims=True)
    directions[..., 2] = np.abs(directions[..., 2])
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    width = rng.uniform(0, 0.6, 300)
    for lobe, words in enumerate(pack_lobes(directions, np.ones((300, 3)), width)):
        u, v = unpack_green(words[0])
        red, blue = unpack_direction(u, v, words[2]), unpack_direction(u, v, words[3])
        green = unpack_direction(u, v, np.uint32(2048 | 2048 << 12))
        for got, wanted in zip((red, green, blue), directions[lobe], strict=True):
            assert angle_deg(got, wanted) < 0.01
        assert abs(unpack_width(words[2]) - width[lobe]) <= 0.6 / 255 * math.sqrt(width[lobe] / 0.6) + 1e-5


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
