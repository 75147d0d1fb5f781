"""Lists as the GPU's textures hold them."""

from __future__ import annotations

import numpy as np

from geodfx.codes import first_lobe, lobe_count, pack_index
from geodfx.constants import FACET_ROW, FOLD_BITS
from geodfx.render.gpu_layout import fold_lobes, fold_rows

WIDTH = 1 << FOLD_BITS


def test_a_list_in_rows_is_the_list():
    values = np.arange(2 * (FACET_ROW + 5), dtype=np.uint32).reshape(-1, 2)
    rows = fold_rows(values, FACET_ROW)
    assert rows.shape == (2, FACET_ROW, 2)
    np.testing.assert_array_equal(rows.reshape(-1, 2)[: len(values)], values)
    assert fold_rows(values[:0]).shape == (1, WIDTH, 2)


def test_a_texels_lobes_lie_side_by_side_in_one_row():
    rng = np.random.default_rng(3)
    count = rng.integers(0, 16, (40, 61))
    count[10:20] = 15  # rows end within a run of full blocks
    count[30] = 0
    index, refs = pack_index(count), np.arange(count.sum(), dtype=np.uint32)
    moved, rows = fold_lobes(index, refs)
    assert rows.shape[1:] == (WIDTH, 1) and len(rows) > 1
    np.testing.assert_array_equal(moved[..., 1], index[..., 1])
    for y, x in np.ndindex(count.shape):
        block, its = index[y, x // 8], moved[y, x // 8]
        row, column = divmod(first_lobe(its[0], its[1], x), WIDTH)
        many = lobe_count(its[1], x)
        assert column + many <= WIDTH
        wanted = first_lobe(block[0], block[1], x) + np.arange(many)
        np.testing.assert_array_equal(rows[row, column : column + many, 0], wanted)


def test_no_lobes_are_one_row():
    index, refs = pack_index(np.zeros((3, 9), np.int64)), np.zeros(0, np.uint32)
    moved, rows = fold_lobes(index, refs)
    assert rows.shape == (1, WIDTH, 1) and not moved.any()
