"""Lists as the GPU's textures hold them."""

from __future__ import annotations

import numpy as np
import pytest

from geodfx.codes import share_roots, unpack_share
from geodfx.constants import ENVIRONMENT_LEVELS, ENVIRONMENT_SIZE, FACET_ROW
from geodfx.render.gpu_layout import fold_rows, lay_maps, lay_planes
from geodfx.render.gpu_programs import layer_columns


def test_a_list_in_rows_is_the_list():
    values = np.arange(2 * (FACET_ROW + 5), dtype=np.uint32).reshape(-1, 2)
    rows = fold_rows(values, FACET_ROW)
    assert rows.shape == (2, FACET_ROW, 2)
    np.testing.assert_array_equal(rows.reshape(-1, 2)[: len(values)], values)
    assert fold_rows(values[:0], FACET_ROW).shape == (1, FACET_ROW, 2)


def test_the_levels_of_an_environment_lie_in_one_picture(uneven_environment):
    laid, begin = lay_maps(uneven_environment.maps), 0
    assert laid.shape == (ENVIRONMENT_SIZE, ENVIRONMENT_SIZE * 3 // 2, 3)
    for level in range(ENVIRONMENT_LEVELS):
        side = ENVIRONMENT_SIZE >> level
        its = uneven_environment.maps[begin : begin + side * side].reshape(side, side, 3)
        row, column = (0, 0) if level == 0 else (ENVIRONMENT_SIZE - 2 * side, ENVIRONMENT_SIZE)
        np.testing.assert_array_equal(laid[row : row + side, column : column + side], its)
        begin += side * side


def test_five_and_six_bits_of_the_roots_of_shares_are_their_codes():
    lobes = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    most, roots = np.array([31, 63, 31]), share_roots(lobes).astype(np.int64)
    rounded, cut = np.rint(roots * most / 255), roots >> np.array([3, 2, 3])  # as drivers turn bytes into fewer bits
    np.testing.assert_array_equal(rounded, cut)
    shares = np.array([unpack_share(lobe) for lobe in lobes[::37]])
    np.testing.assert_allclose((rounded / most)[::37] ** 2, shares, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 12, 16, 20, 24, 36])
def test_planes_are_layers_of_four_and_leave_no_place_empty(count):
    planes = np.random.default_rng(count).integers(0, 256, (count, 5, 7), np.uint8)
    columns = layer_columns(-(-count // 4))
    laid = lay_planes(planes, columns)
    assert laid.nbytes == planes.nbytes
    for p in range(count):
        row, column = divmod(p // 4, columns)
        np.testing.assert_array_equal(laid[5 * row : 5 * row + 5, 7 * column : 7 * column + 7, p % 4], planes[p])
