"""What few lights reach: nothing that is left out shows any of them, and lists that grow draw as new ones do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from geodfx.lobe_map import decode_edges, decode_facets, pack_flashes
from geodfx.patches import make_patches
from geodfx.render import DiscLight, GpuRenderer, Tilt, View
from geodfx.render.cells import make_cells
from geodfx.render.facet_light import are_facets_reached, light_cells, make_atlas
from geodfx.render.flashes import are_reached, list_flashes
from geodfx.render.lighting import light_stone
from tests.render.stones import random_directions, random_stone
from tests.render.test_extents import flashes, stone_of


@pytest.mark.parametrize("radius_deg", [0.5, 5])
def test_facets_that_few_lights_do_not_reach_see_none(radius_deg):
    stone = random_stone(widest=0.02)
    facets = decode_facets(stone.lobes)
    cells = make_cells(stone.lobes, facets, stone.alpha.shape)
    some_seen = 0
    for towards in random_directions(np.random.default_rng(1), 20, 0.3).tolist():
        lighting = light_stone(stone, View((DiscLight(tuple(towards), math.radians(radius_deg)),)))
        reached = are_facets_reached(cells, lighting.lights)
        sees = light_cells(facets, cells, lighting, True, make_atlas(cells)).sees > 0
        assert not (sees & ~reached).any()
        assert reached.mean() < 0.9
        some_seen += np.count_nonzero(sees)
    assert some_seen > 0


def test_rectangles_that_the_light_of_a_tilt_does_not_reach_see_nothing_of_it():
    table, weight, extent = flashes()
    stone = stone_of(pack_flashes(replace(table, width=0.1 * table.width, place=4 * table.place), weight, extent))
    patches, lobes = make_patches(stone.lobes, stone.covered), stone.lobes
    half = (patches.sides - 1) / 2
    counted = []
    for tilt in (Tilt(), Tilt(0.02, -0.03), Tilt(-0.05, 0.04)):
        lights = light_stone(stone, View(tilt=tilt)).lights
        its = list_flashes(lobes.rectangles(), decode_facets(lobes), decode_edges(lobes)[..., :3], lights)
        reached = are_reached(its, patches.facet, patches.corner + half, half)
        counted += reached.tolist()
        for p in np.flatnonzero(~reached):
            f, (columns, rows) = patches.facet[p], patches.sides[p]
            texel = patches.corner[p] + np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=2)
            away = its.away[f, 0] + (texel - its.centre[f]) @ its.away[f, 1:]
            assert ((away**2).sum(axis=2) > its.most[f]).all()
    assert 0 < np.mean(counted) < 1


@pytest.mark.gpu
def test_frames_do_not_depend_on_those_before(glsl_version, uneven_environment):
    stone = random_stone(widest=0.02)
    near = [DiscLight((0.3, 0.2, 0.9), 0.02), DiscLight((-0.4, 0.5, 0.7), 0.1), DiscLight((0.1, -0.6, 0.7), 0.4)]
    views = [View((near[0],)), View(tuple(near)), View(environment=uneven_environment), View((near[1],))]
    views += [View((DiscLight((0.3, 0.2, -0.9), 0.02),)), View((near[2],), environment=uneven_environment)]
    renderer = GpuRenderer(stone, glsl_version)
    for view in (*views, *views[::-1]):
        fresh = GpuRenderer(stone, glsl_version)
        np.testing.assert_array_equal(renderer.render(view), fresh.render(view))
        fresh.close()
    renderer.close()
