"""Lists as the GPU's textures hold them."""

from __future__ import annotations

import numpy as np

from geodfx.codes import pack_index, share_roots, unpack_share
from geodfx.constants import FACET_ROW, FOLD_BITS
from geodfx.lobe_map import Lobes, empty_lobes, unpack_lobes
from geodfx.render.gpu_layout import fold_rows
from geodfx.render.patches import PATCH, TILE, make_patches
from tests.render.stones import random_stone

WIDTH = 1 << FOLD_BITS


def test_a_list_in_rows_is_the_list():
    values = np.arange(2 * (FACET_ROW + 5), dtype=np.uint32).reshape(-1, 2)
    rows = fold_rows(values, FACET_ROW)
    assert rows.shape == (2, FACET_ROW, 2)
    np.testing.assert_array_equal(rows.reshape(-1, 2)[: len(values)], values)
    assert fold_rows(values[:0]).shape == (1, WIDTH, 2)


def test_each_lobe_is_in_one_rectangle_of_its_facet():
    stone = random_stone("lobes")
    lobes, alpha = stone.lobes, stone.alpha.copy()
    alpha[:3] = 0  # not covered: their lobes are left out
    patches = make_patches(lobes, alpha)
    found = []
    for corner, sides, spot in patches.words.tolist():
        columns, rows, facet = sides & 255, sides >> 8 & 255, sides >> 16
        assert max(columns, rows) <= TILE
        roots = patches.sheet[spot >> 16 :, spot & 65535 :][:rows, :columns]
        for row, column in zip(*np.nonzero(roots.any(axis=2)), strict=True):
            texel = ((corner >> 16) + row) * stone.size[0] + (corner & 65535) + column
            found.append((texel, facet, roots[row, column].tolist()))
    every = unpack_lobes(lobes, stone.size[0])
    shown = (lobes.refs >> 16 > 0) & (alpha.ravel()[every.texel] > 0)
    facet = (lobes.refs & 65535)[shown].tolist()
    wanted = zip(every.texel[shown].tolist(), facet, share_roots(lobes.refs[shown]).tolist(), strict=True)
    assert sorted(found) == sorted(wanted)
    assert np.count_nonzero(patches.sheet.any(axis=2)) == len(found)  # no rectangle lies in another


def test_the_sheet_holds_little_but_rectangles():
    facet = np.arange(96)[:, None] // 7 * 14 + np.arange(96) // 7
    lobes = Lobes(
        pack_index(np.ones((96, 96), np.int64)), (31 << 16 | facet.ravel()).astype(np.uint32),
        np.zeros((196, 4), np.uint32), np.zeros((0, 4), np.uint32), 1.0,
    )  # fmt: skip
    height, width, _ = make_patches(lobes, np.full((96, 96), 255, np.uint8)).sheet.shape
    assert height * width <= 1.2 * 96 * 96


def test_single_texels_of_a_facet_all_over_the_picture_do_not_fill_tiles():
    count = np.zeros((64, 64), np.int64)
    rng = np.random.default_rng(2)
    count[rng.integers(0, 64, 60), rng.integers(0, 64, 60)] = 1
    total = int(count.sum())
    refs = np.full(total, 31 << 16, np.uint32)
    lobes = Lobes(pack_index(count), refs, np.zeros((1, 4), np.uint32), np.zeros((0, 4), np.uint32), 1.0)
    patches = make_patches(lobes, np.full(count.shape, 255, np.uint8))
    sides = patches.words[:, 1]
    area = int(((sides & 255) * (sides >> 8 & 255)).sum())
    assert area + PATCH * len(sides) <= (PATCH + 1) * total  # each alone would cost as much
    assert area < 4 * total
    assert np.count_nonzero(patches.sheet.any(axis=2)) == total


def test_rectangles_come_facet_by_facet():
    stone = random_stone("lobes")
    assert (np.diff((make_patches(stone.lobes, stone.alpha).words[:, 1] >> 16).astype(np.int64)) >= 0).all()


def test_a_texel_may_see_a_facet_by_two_lobes():
    count = np.array([[2, 1, 0]])
    refs = np.array([1 << 16 | 5, 2 << 16 | 5, 3 << 16 | 5], np.uint32)
    lobes = Lobes(pack_index(count), refs, np.zeros((6, 4), np.uint32), np.zeros((0, 4), np.uint32), 1.0)
    patches = make_patches(lobes, np.full(count.shape, 255, np.uint8))
    assert patches.words[:, 1].tolist() == [2 | 1 << 8 | 5 << 16, 1 | 1 << 8 | 5 << 16]
    spots = patches.words[:, 2].tolist()
    shares = [patches.sheet[spot >> 16, spot & 65535, 0] for spot in (spots[0], spots[0] + 1, spots[1])]
    assert shares == [8, 25, 16]


def test_no_lobes_are_no_rectangles():
    patches = make_patches(empty_lobes((3, 9)), np.full((3, 9), 255, np.uint8))
    assert patches.words.shape == (0, 3) and not patches.sheet.any()


def test_five_and_six_bits_of_the_roots_of_shares_are_their_codes():
    lobes = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    most, roots = np.array([31, 63, 31]), share_roots(lobes).astype(np.int64)
    rounded, cut = np.rint(roots * most / 255), roots >> np.array([3, 2, 3])  # as drivers turn bytes into fewer bits
    np.testing.assert_array_equal(rounded, cut)
    shares = np.array([unpack_share(lobe) for lobe in lobes[::37]])
    np.testing.assert_allclose((rounded / most)[::37] ** 2, shares, rtol=1e-6)
