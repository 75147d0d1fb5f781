"""The lobes facet by facet: each in one rectangle, in few bytes, and in words that shaders read."""

from __future__ import annotations

import numpy as np
import pytest

from geodfx.codes import pack_index, share_roots
from geodfx.lobe_map import Lobes, empty_lobes, unpack_lobes
from geodfx.patches import PATCH, TILE, Patches, drawn_bytes, is_wide, make_patches, pack_rectangles
from tests.render.stones import random_stone


def lobes_of(facet):
    """Return a whole lobe a texel of a picture (H, W), each of a facet; -1: the texel has none."""
    seen = facet >= 0
    refs = (31 << 16 | facet[seen]).astype(np.uint32)
    facets = np.zeros((int(facet.max()) + 1, 4), np.uint32)
    return Lobes(pack_index(seen.astype(np.int64)), refs, facets, np.zeros((0, 4), np.uint32), 1.0)


def all_of(shape):
    return np.full(shape, 255, np.uint8)


def make(facet):
    return make_patches(lobes_of(facet), all_of(facet.shape))


def area(patches):
    return int(patches.sides.prod(axis=1).sum())


def test_each_lobe_is_in_one_rectangle_of_its_facet():
    stone = random_stone("lobes")
    lobes, alpha = stone.lobes, stone.alpha.copy()
    alpha[:3] = 0  # not covered: their lobes are left out
    patches = make_patches(lobes, alpha)
    found = []
    for facet, (left, top), (columns, rows), (right, down) in zip(*patches[:4], strict=True):
        assert max(columns, rows) <= TILE
        roots = patches.sheet[down:, right:][:rows, :columns]
        for row, column in zip(*np.nonzero(roots.any(axis=2)), strict=True):
            found.append(((top + row) * stone.size[0] + left + column, facet, roots[row, column].tolist()))
    every = unpack_lobes(lobes, stone.size[0])
    shown = (lobes.refs >> 16 > 0) & (alpha.ravel()[every.texel] > 0)
    facet = (lobes.refs & 65535)[shown].tolist()
    wanted = zip(every.texel[shown].tolist(), facet, share_roots(lobes.refs[shown]).tolist(), strict=True)
    assert sorted(found) == sorted(wanted)
    assert np.count_nonzero(patches.sheet.any(axis=2)) == len(found)  # no rectangle lies in another


def test_the_sheet_holds_little_but_rectangles():
    row, column = np.indices((96, 96))
    height, width, _ = make(row // 7 * 14 + column // 7).sheet.shape
    assert height * width <= 1.2 * 96 * 96


def test_a_sheet_of_a_large_picture_is_about_square():
    """GPUs have longest sides of textures: a narrow sheet, which wastes less, would be 2.5 times as high."""
    row, column = np.indices((1100, 1100))
    height, width, _ = make(row // 16 * 69 + column // 16).sheet.shape
    assert max(height, width) <= 1.25 * 1100


def test_single_texels_of_a_facet_all_over_the_picture_do_not_fill_tiles():
    rng = np.random.default_rng(2)
    facet = np.full((64, 64), -1)
    facet[rng.integers(0, 64, 60), rng.integers(0, 64, 60)] = 0
    patches, total = make(facet), int((facet == 0).sum())
    assert area(patches) + PATCH * len(patches.facet) <= (PATCH + 1) * total  # each alone would cost as much
    assert area(patches) < 2 * total


def test_a_slanting_facet_is_cut_where_least_else_lies_in_its_rectangles():
    row, column = np.indices((16, 16))
    patches = make(np.where(abs(row - column) < 2, 0, -1))
    whole = PATCH + 16 * 16
    assert area(patches) + PATCH * len(patches.facet) < 0.5 * whole


def test_a_long_facet_is_cut_into_as_few_tiles_as_hold_it():
    patches = make(np.zeros((40, 17), np.int64))
    assert len(patches.facet) == 6
    assert area(patches) == 40 * 17


def test_rectangles_come_facet_by_facet():
    stone = random_stone("lobes")
    assert (np.diff(make_patches(stone.lobes, stone.alpha).facet) >= 0).all()


def test_a_texel_may_see_a_facet_by_two_lobes():
    count = np.array([[2, 1, 0]])
    refs = np.array([1 << 16 | 5, 2 << 16 | 5, 3 << 16 | 5], np.uint32)
    lobes = Lobes(pack_index(count), refs, np.zeros((6, 4), np.uint32), np.zeros((0, 4), np.uint32), 1.0)
    patches = make_patches(lobes, all_of((1, 3)))
    assert (patches.facet.tolist(), patches.sides.tolist()) == ([5, 5], [[2, 1], [1, 1]])
    (first, second) = patches.spot
    assert patches.sheet[first[1], first[0] : first[0] + 2, 0].tolist() == [8, 25]
    assert patches.sheet[second[1], second[0], 0] == 16


def test_no_lobes_are_no_rectangles():
    patches = make_patches(empty_lobes((3, 9)), all_of((3, 9)))
    assert pack_rectangles(patches).shape == (0, 2) and not patches.sheet.any()
    assert len(drawn_bytes(patches.facet, patches.facet, (3, 9))) == 0


def test_bytes_are_told_before_lobes_are_packed():
    stone = random_stone("lobes")
    every = unpack_lobes(stone.lobes, stone.size[0])
    facet = (stone.lobes.refs & 65535).astype(np.int64)
    patches = make_patches(stone.lobes, all_of(stone.alpha.shape))
    assert drawn_bytes(facet, every.texel, stone.alpha.shape).sum() == pytest.approx(patches.nbytes)
    assert patches.nbytes == len(facet := patches.facet) * 8 + patches.sheet[..., 0].size * 2


@pytest.mark.parametrize(
    ("corner", "side", "height", "wide"),
    [(511, 16, 2048, False), (512, 16, 2048, True), (511, 17, 2048, True), (511, 16, 2049, True)],
)
def test_words_are_as_many_as_the_largest_number_needs(corner, side, height, wide):
    sheet = np.zeros((height, 4, 3), np.uint8)
    one = np.array([[corner, 3]]), np.array([[2, side]]), np.array([[1, 2047]])
    patches = Patches(np.array([65535]), *one, sheet)
    assert is_wide(patches) == wide
    assert pack_rectangles(patches).shape == (1, 3 if wide else 2)
