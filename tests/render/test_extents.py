"""Facets with extents: seen by all texels of a rectangle, between their edges, without a list of who sees what."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from geodfx.bench.enlarge import enlarge
from geodfx.constants import EDGES
from geodfx.errors import StoneError
from geodfx.lobe_map import (
    FacetTable,
    Lobes,
    decode_edges,
    decode_facets,
    empty_lobes,
    pack_extents,
    pack_flashes,
    pack_lobes,
)
from geodfx.patches import EXTENT_TILE, extent_bytes, make_patches
from geodfx.render import GpuRenderer, Tilt, View, relight
from geodfx.render.flashes import list_flashes
from geodfx.stone import Stone
from geodfx.stone_file import load_stone
from tests.render.stones import make_stone, no_base
from tests.render.test_tilted import STAGE

SHAPE = (40, 80)
FACETS = 12
VIEWS = [View(tilt=Tilt(*tilt)) for tilt in ((0.0, 0.0), (0.02, -0.03), (-0.05, 0.04))]


def flashes(*, sharp: float = 1.0):
    """Return facets with edges, their weights, and extents, one of which is wider than a tile and one a texel."""
    rng = np.random.default_rng(3)
    edge = rng.normal(size=(FACETS, EDGES, 5)) * [2, 0.3 * sharp, 0.3 * sharp, 5, 5]
    edge[..., 0] += 3
    first = np.stack([rng.integers(0, SHAPE[1] - 1, FACETS), rng.integers(0, SHAPE[0] - 1, FACETS)], axis=1)
    size = np.stack([rng.integers(1, SHAPE[1], FACETS), rng.integers(1, SHAPE[0], FACETS)], axis=1)
    extent = np.concatenate([first, np.minimum(size, np.array(SHAPE[::-1]) - first)], axis=1)
    extent[:2] = [[0, 0, SHAPE[1], SHAPE[0]], [SHAPE[1] - 1, SHAPE[0] - 1, 1, 1]]
    place = 0.05 * rng.normal(size=(FACETS, 1, 2)) + rng.normal(size=(FACETS, 3, 2)) * 0.005
    table = FacetTable(
        place, rng.normal(size=(FACETS, 2, 2)) * 0.002, extent[:, :2] + extent[:, 2:] // 2,
        0.05 * rng.random(FACETS), np.zeros(FACETS), 0.4 * rng.random((FACETS, 2)), edge, flat=True,
    )  # fmt: skip
    return table, rng.random((FACETS, 3)), extent


def stone_of(lobes: Lobes, shape: tuple[int, int] = SHAPE) -> Stone:
    return make_stone(no_base(shape), lobes, tilting=STAGE)


def listed() -> Lobes:
    """Return the same facets, each named by all texels of its extent."""
    table, weight, extent = flashes()
    texel, facet = [], []
    for f, (column, row, columns, rows) in enumerate(extent.tolist()):
        its = (np.arange(row, row + rows)[:, None] * SHAPE[1] + np.arange(column, column + columns)).ravel()
        texel.append(its)
        facet.append(np.full(len(its), f))
    texels, facets = np.concatenate(texel), np.concatenate(facet)
    order = np.argsort(texels, kind="stable")
    return pack_lobes(SHAPE, texels[order], facets[order], weight[facets[order]], table)


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_an_extent_shows_what_lists_of_its_texels_show(backend):
    table, weight, extent = flashes()
    whole, by_lists = stone_of(pack_flashes(table, weight, extent)), stone_of(listed())
    assert whole.lobes_per_texel == pytest.approx(by_lists.lobes_per_texel)
    assert whole.table_bytes < by_lists.table_bytes - 10
    assert whole.texel_bytes < 0.5 * by_lists.texel_bytes
    for view in VIEWS:
        wanted = relight(by_lists, view)
        np.testing.assert_allclose(relight(whole, view, backend=backend), wanted, rtol=1e-4, atol=1e-4)
        assert wanted[..., :3].max() > 1


def test_extents_are_drawn_in_tiles_that_cover_each_texel_once():
    table, weight, extent = flashes()
    patches = make_patches(pack_flashes(table, weight, extent), np.full(SHAPE, 255, np.uint8))
    drawn = np.zeros((FACETS, *SHAPE), np.int64)
    for facet, (column, row), (columns, rows), (left, top) in zip(*patches[:4], strict=True):
        assert max(columns, rows) <= EXTENT_TILE
        drawn[facet, row : row + rows, column : column + columns] += 1
        assert (patches.sheet[top : top + rows, left : left + columns] == 255).all()
    assert extent_bytes(extent).sum() == patches.nbytes - 2 * patches.sheet[..., 0].size
    for f, (column, row, columns, rows) in enumerate(extent.tolist()):
        assert (drawn[f, row : row + rows, column : column + columns] == 1).all()
        assert drawn[f].sum() == columns * rows


def test_extents_are_kept_in_the_file_which_has_no_lists(tmp_path: Path):
    stone = stone_of(pack_flashes(*flashes()))
    stone.save(tmp_path / "a.gdfx")
    again = load_stone(tmp_path / "a.gdfx")
    np.testing.assert_array_equal(again.lobes.extents, stone.lobes.extents)
    assert again.lobes.index.size == 0
    assert again.texel_bytes == stone.texel_bytes
    np.testing.assert_array_equal(relight(again, VIEWS[1]), relight(stone, VIEWS[1]))
    document = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text("utf-8")
    assert "`facet_extents`" in document


def test_facets_that_show_nothing_are_left_out_and_texels_may_have_lobes_besides():
    table, weight, extent = flashes()
    weight[::2] = 0
    some = pack_flashes(table, weight, extent)
    assert len(some.facets) == len(some.edges) == len(some.extents) == FACETS // 2
    np.testing.assert_array_equal(some.rectangles(), extent[1::2])
    both = dataclasses.replace(listed(), extents=some.extents)
    alone = relight(stone_of(listed()), VIEWS[0]) + relight(stone_of(_first(6, some.extents)), VIEWS[0])
    np.testing.assert_allclose(relight(stone_of(both), VIEWS[0])[..., :3], alone[..., :3], rtol=1e-3, atol=1e-3)


def _first(count: int, extents: np.ndarray) -> Lobes:
    """Return the first facets of `listed`, with extents and no lobes."""
    every = listed()
    return dataclasses.replace(
        every, index=np.zeros((0, 0, 2), np.uint32), refs=np.zeros(0, np.uint32), facets=every.facets[:count],
        slopes=every.slopes[:count], edges=every.edges[:count], extents=extents,
    )  # fmt: skip


@pytest.mark.gpu
def test_of_a_flash_a_gpu_draws_what_lies_in_its_light_and_within_its_edges():
    """All of the extent where it sees all; narrowed to the edge; and nothing where the light has gone by."""
    extent = np.array([[10, 5, 60, 30]])
    soft = 17.0  # so far outside of an edge a sharp flash still shows
    for place, turn, wanted in ((0.0, 0.0, 60 * 30), (0.0, 1.0, (60 - 30 + soft) * 30), (0.9, 0.0, 0)):
        edge = np.zeros((1, EDGES, 5))
        edge[..., 0] = 40
        edge[0, 2, :3] = [0, turn, 0] if turn else [40, 0, 0]
        table = FacetTable(
            np.full((1, 3, 2), place), np.zeros((1, 2, 2)), np.array([[40, 20]]), np.zeros(1), np.zeros(1), None, edge,
            flat=True,
        )  # fmt: skip
        renderer = GpuRenderer(stone_of(pack_flashes(table, np.full((1, 3), 0.5), extent)))
        drawn = renderer.count(View(tilt=Tilt()))
        renderer.close()
        assert drawn["base"] == SHAPE[0] * SHAPE[1]
        assert drawn["flash"] == pytest.approx(wanted, abs=5 * 30)  # a dim one shows less far


def test_a_flash_without_light_shows_nothing():
    stone = stone_of(pack_flashes(*flashes()))
    facets, edges = decode_facets(stone.lobes), decode_edges(stone.lobes)
    dark = list_flashes(stone.lobes.rectangles(), facets, edges[..., :3], np.zeros((0, 9), np.float32))
    assert all(len(each) == 0 for each in dark)


def test_facets_with_extents_are_flat_and_of_a_stone_that_tilts():
    lobes = pack_flashes(*flashes())
    with pytest.raises(ValueError, match="extents that are not flat"):
        dataclasses.replace(lobes, flat=False)
    with pytest.raises(ValueError, match="domain 'light' with facets that are flat"):
        make_stone(no_base(SHAPE), lobes)


def test_extents_that_cannot_be_are_refused(tmp_path: Path):
    lobes = pack_flashes(*flashes())
    with pytest.raises(ValueError, match="12 facets with edges and 13 with extents"):
        dataclasses.replace(lobes, extents=np.ones((13, 2), np.uint32))
    for extent in ([0, 0, 0, 1], [0, 0, 81, 1], [79, 0, 2, 1], [0, 39, 1, 2]):
        wrong = dataclasses.replace(lobes, extents=pack_extents(np.array([extent])))
        with pytest.raises(ValueError, match="extent is empty or reaches beyond 40 x 80 texels"):
            stone_of(wrong)
    stone = stone_of(lobes)
    object.__setattr__(stone.lobes, "extents", pack_extents(np.array([[0, 0, 81, 1]] * FACETS)))
    stone.save(tmp_path / "a.gdfx")
    with pytest.raises(StoneError, match=r"a\.gdfx: not a sound stone: a facet's extent"):
        load_stone(tmp_path / "a.gdfx")


def test_a_stone_with_more_texels_shows_the_same():
    stone = stone_of(pack_flashes(*flashes(sharp=0.3)))
    large = enlarge(stone, 3)
    assert large.size == (240, 120)
    for view in VIEWS:
        few, many = relight(stone, view)[2:-2, 2:-2, :3], relight(large, view)[7:-6:3, 7:-6:3, :3]
        assert np.mean(np.abs(few - many[: few.shape[0], : few.shape[1]])) < 0.06 * few.mean()


def test_a_stone_without_extents_has_none():
    assert empty_lobes((2, 2)).rectangles().shape == (0, 4)


def test_a_stone_over_tilts_that_shows_no_flash_is_kept_in_the_file(tmp_path: Path):
    table, weight, extent = flashes()
    stone = stone_of(pack_flashes(table, 0 * weight, extent))
    stone.save(tmp_path / "a.gdfx")
    again = load_stone(tmp_path / "a.gdfx")
    assert len(again.lobes.facets) == len(again.lobes.extents) == 0
    np.testing.assert_array_equal(relight(again, VIEWS[1]), relight(stone, VIEWS[1]))
