"""Lobes strip by strip and facet by facet: all of them, each once, in runs of a row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geodfx.codes import pack_index
from geodfx.lobe_map import empty_lobes
from geodfx.render.strips import STRIP, make_strips, unpack_run
from tests.render.stones import random_stone


def _listed(strips):
    """Return the lobes of strips: row, column, facet and shares of each; and of each run, whether it goes on one."""
    found = []
    for strip, (first, last) in enumerate(zip(strips.first, strips.first[1:], strict=False)):
        facets = strips.facet[first:last]
        assert (np.diff(facets) > 0).all()
        for group in range(first, last):
            n = strips.share[group]
            for word in strips.words[strips.run[group] : strips.run[group + 1]]:
                column, row, count = unpack_run(word)
                y = strip * STRIP + row
                found += [(y, column + k, int(strips.facet[group]), int(strips.shares[n + k])) for k in range(count)]
                n += count
            assert n == strips.share[group + 1]
    return found


def _lobes(index, refs, width):
    """Return the lobes likewise, texel by texel."""
    counts = np.stack([index[..., 1] >> np.uint32(4 * k) & np.uint32(15) for k in range(8)], axis=2)
    counts = counts.reshape(len(index), -1)[:, :width].astype(np.int64)
    rows, columns = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), width)
    return list(zip(rows.tolist(), columns.tolist(), (refs & 65535).tolist(), (refs >> 16).tolist(), strict=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_every_lobe_is_in_the_run_of_its_facet(seed):
    stone = random_stone(seed=seed)
    width = stone.alpha.shape[1]
    strips = make_strips(stone.lobes, width)
    assert sorted(_listed(strips)) == sorted(_lobes(stone.lobes.index, stone.lobes.refs, width))
    assert len(strips.words) < len(stone.lobes.refs)


def test_lobes_of_one_facet_in_one_texel_are_of_two_runs():
    lobes = empty_lobes((9, 4))
    counts = np.zeros((9, 4), np.int64)
    counts[8, 1:3] = 2, 1
    refs = np.array([7 | 1 << 16, 7 | 2 << 16, 7 | 3 << 16], np.uint32)
    strips = make_strips(replace(lobes, index=pack_index(counts), refs=refs), 4)
    assert _listed(strips) == [(8, 1, 7, 1), (8, 1, 7, 2), (8, 2, 7, 3)]
    assert len(strips.words) == 2


def test_a_row_may_be_longer_than_a_run():
    width = 20000
    refs = (np.arange(width, dtype=np.uint32) % 60000) << np.uint32(16)
    strips = make_strips(
        replace(empty_lobes((1, width)), index=pack_index(np.ones((1, width), np.int64)), refs=refs), width
    )
    assert _listed(strips) == [(0, x, 0, x % 60000) for x in range(width)]


def test_a_picture_without_lobes_has_no_strips():
    strips = make_strips(empty_lobes((20, 30)), 30)
    assert len(strips.facet) == len(strips.words) == 0
