"""Grids of nodes over facets, and what texels read between them beside what they would see themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import chart_encode, light_kernel, lobe_response
from geodfx.bench.enlarge import enlarge
from geodfx.colour import encode_display
from geodfx.constants import CELL, FINE_LIGHTS
from geodfx.lobe_map import CENTRE, SLOPE, FacetTable, decode_facets, pack_lobes, unpack_lobes
from geodfx.patches import make_patches
from geodfx.render import CpuRenderer, DiscLight, GpuRenderer, Renderer, Tilt, View
from geodfx.render.cells import NODES_A_LOBE, are_between_nodes, is_fine, make_cells, node_point, pack_grids
from geodfx.render.environment import environment_level, environment_lookup, lobe_horizon_share
from geodfx.render.gpu import SOFTWARE
from tests.render.stones import make_stone, no_base, random_directions, random_stone, spread_channels

SHAPE = (48, 60)
SIDE = 12  # texels of a facet
SLOPE_A_TEXEL = 0.004  # at most: 3 degrees across a facet


def _faceted_stone(seed=3, widest=0.03):
    """Return a stone of square facets side by side, each a lobe of its texels, three in four with a slope."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    facet = (rows // SIDE * (SHAPE[1] // SIDE) + columns // SIDE).ravel()
    count = facet.max() + 1
    corner = np.stack([np.arange(count) % (SHAPE[1] // SIDE), np.arange(count) // (SHAPE[1] // SIDE)], axis=1) * SIDE
    slope = rng.uniform(-1, 1, (count, 2, 2)) * SLOPE_A_TEXEL * (np.arange(count) % 4 > 0)[:, None, None]
    slope[1::8, :, 1] = 0  # nothing changes downwards
    direction = spread_channels(rng, random_directions(rng, count, 0.5), 0.02)
    width = rng.random(count) * widest
    centre = corner + rng.integers(0, SIDE, (count, 2))
    table = FacetTable(chart_encode(direction), slope, centre, width, np.zeros(count))
    weight = rng.uniform(0.2, 1, (count, 3))[facet]
    return make_stone(no_base(SHAPE), pack_lobes(SHAPE, np.arange(facet.size), facet, weight, table))


@pytest.fixture(scope="module")
def stone():
    return _faceted_stone()


@pytest.fixture(scope="module")
def cells(stone):
    return make_cells(stone.lobes, decode_facets(stone.lobes), SHAPE)


def test_no_two_grids_share_a_node(cells):
    taken = np.zeros(cells.size[::-1], np.int64)
    for (column, row), (columns, rows) in zip(cells.first.tolist(), cells.nodes.tolist(), strict=True):
        taken[row : row + rows, column : column + columns] += 1
    assert taken.max() == 1 and taken.sum() == cells.nodes.prod(axis=1).sum()


def test_grids_are_packed_in_words(cells):
    low, high = pack_grids(cells).astype(np.int64).T
    np.testing.assert_array_equal(low & 65535, np.arange(len(cells.first)))
    np.testing.assert_array_equal(np.stack([low >> 16, high & 16383], axis=1), cells.first)
    np.testing.assert_array_equal(np.stack([high >> 14 & 511, high >> 23], axis=1), cells.nodes - 1)


def test_a_texel_reads_within_the_grid_of_its_facet(stone, cells):
    every = unpack_lobes(stone.lobes, SHAPE[1])
    place = cells.place[every.facet].astype(np.float64)
    texel = np.stack([every.texel % SHAPE[1], every.texel // SHAPE[1]], axis=1)
    node = place[:, :2] + place[:, 2:] * texel
    last = (cells.first + cells.nodes - 1)[every.facet]
    assert (node >= cells.first[every.facet]).all()
    assert (node <= last).all()


def test_nodes_are_as_near_as_the_light_needs(stone, cells):
    facets = decode_facets(stone.lobes)
    assert (cells.nodes.prod(axis=1) > 1).mean() > 0.5
    for f, (column, row) in enumerate(cells.first.tolist()):
        grid = np.array(
            [
                [node_point(facets[f], cells.place[f], column + i, row + j) for i in range(cells.nodes[f, 0])]
                for j in range(cells.nodes[f, 1])
            ]
        )
        for axis in (0, 1):
            steps = np.linalg.norm(np.diff(grid, axis=axis), axis=2)
            assert steps.max(initial=0) <= 1.001 * max(CELL, 0.5 * facets[f, 6])


def test_between_nodes_a_direction_is_the_texels_own(stone, cells):
    """The first and the last node of a grid bracket what `decode_facets` has for the texels."""
    facets = decode_facets(stone.lobes)
    f = int(cells.nodes.prod(axis=1).argmax())
    texel = np.array([facets[f, CENTRE] + 2, facets[f, CENTRE + 1] - 3], np.float64)
    u, v = cells.place[f, :2] + cells.place[f, 2:] * texel
    i, j = int(u), int(v)
    corners = [np.array(node_point(facets[f], cells.place[f], i + k, j + m)) for m in (0, 1) for k in (0, 1)]
    share = np.array([(1 - u + i) * (1 - v + j), (u - i) * (1 - v + j), (1 - u + i) * (v - j), (u - i) * (v - j)])
    slope = facets[f, SLOPE : SLOPE + 4].reshape(2, 2)
    np.testing.assert_allclose(share @ corners, facets[f, :2] + slope @ [2, -3], atol=1e-5)


def test_scattered_facets_have_no_more_nodes_than_their_lobes_are_worth():
    stone = random_stone()
    facets = decode_facets(stone.lobes)
    cells = make_cells(stone.lobes, facets, stone.alpha.shape)
    members = np.bincount(unpack_lobes(stone.lobes, stone.alpha.shape[1]).facet, minlength=len(facets))
    assert (cells.nodes.prod(axis=1) <= np.maximum(NODES_A_LOBE * members, 1)).all()
    assert cells.step > 2 * CELL  # so that most lights are looked at by texels


def test_rectangles_between_nodes_have_no_texel_beyond_them():
    stone = enlarge(_faceted_stone(), 3)
    cells = make_cells(stone.lobes, decode_facets(stone.lobes), stone.alpha.shape)
    patches = make_patches(stone.lobes, stone.alpha)
    between = are_between_nodes(cells, patches)
    assert 0.2 < between.mean() < 0.8
    for f, corner, sides, its in zip(patches.facet, patches.corner, patches.sides, between, strict=True):
        place = cells.place[f].astype(np.float64)
        read = [np.floor(place[k] + place[2 + k] * (corner[k] + np.arange(sides[k]))) for k in (0, 1)]
        assert its == all(len(np.unique(axis)) == 1 for axis in read)


def test_a_rectangle_beside_a_single_node_is_not_between_nodes():
    """A facet one texel wide, whose direction changes with the column, has one: beyond it lie those of others."""
    table = FacetTable(np.zeros((1, 3, 2)), np.full((1, 2, 2), 0.01), np.zeros((1, 2)), np.zeros(1), np.zeros(1))
    lobes = pack_lobes((8, 8), np.arange(0, 64, 8) + 3, np.zeros(8, np.int64), np.ones((8, 3)), table)
    cells = make_cells(lobes, decode_facets(lobes), (8, 8))
    assert cells.nodes[0, 0] == 1 and cells.place[0, 2] > 0
    assert not are_between_nodes(cells, make_patches(lobes, np.full((8, 8), 255, np.uint8))).any()


def test_small_lights_are_fine_and_large_ones_are_not():
    for radius_deg, fine in ((0.5, True), (1.8, True), (2.0, False), (10.0, False)):
        radiance, area, blur = light_kernel(math.radians(radius_deg))
        light = np.array([[0, 0, 1, area, blur, 0, radiance, radiance, radiance]], np.float32)
        assert is_fine(light, CELL) == fine
        assert is_fine(light, 5 * CELL) == (radius_deg < 9)


def test_lights_are_seen_texel_by_texel_where_their_rims_cross(stone):
    every = unpack_lobes(stone.lobes, SHAPE[1])
    for radius_deg in (0.5, 3, 10):
        radius = math.radians(radius_deg)
        radiance, area, blur = light_kernel(radius)
        towards = every.direction[len(every.texel) // 2 + 5, 1].astype(np.float64)
        frame = CpuRenderer(stone).render(View((DiscLight(tuple(towards), radius),)))[..., :3].reshape(-1, 3)
        q = ((every.direction - towards) ** 2).sum(axis=2)
        share = [
            [lobe_response(np.float32(one), np.float32(area), width**2 + np.float32(blur)) for one in row]
            for row, width in zip(q, every.width, strict=True)
        ]
        seen = np.zeros((SHAPE[0] * SHAPE[1], 3))
        seen[every.texel] = every.weight * share * radiance
        assert seen.max() > 1
        np.testing.assert_allclose(frame, seen, rtol=2e-3, atol=2e-3 * radiance)


def test_an_environment_is_seen_between_nodes_as_by_each_texel(stone, uneven_environment):
    every, tilt = unpack_lobes(stone.lobes, SHAPE[1]), Tilt(0.2, -0.1)
    frame = CpuRenderer(stone).render(View(environment=uneven_environment, tilt=tilt))[..., :3].reshape(-1, 3)
    rotation, maps = tilt.rotation().astype(np.float32), uneven_environment.maps
    seen = np.zeros((SHAPE[0] * SHAPE[1], 3))
    for texel, directions, weight, width in zip(every.texel, every.direction, every.weight, every.width, strict=True):
        for channel in range(3):
            world = rotation @ directions[channel]
            radiance = environment_lookup(maps, environment_level(width), channel, *world)
            seen[texel, channel] += weight[channel] * radiance * lobe_horizon_share(directions[channel, 2], width)
    apart = np.abs(frame - seen)
    print(f"mean {apart.mean() / seen.mean():.4f}, most {apart.max() / seen.max():.4f} of the light")
    assert apart.mean() < 0.004 * seen.mean()
    assert apart.max() < 0.03 * seen.max()


def _apart(ours, theirs, gain):
    """Return how far two frames are apart as displayed, (H, W)."""
    return np.abs(encode_display(ours[..., :3], gain) - encode_display(theirs[..., :3], gain)).max(axis=-1)


@pytest.mark.gpu
def test_the_gpu_reads_the_same_cells(stone, glsl_version, uneven_environment):
    view = View(environment=uneven_environment, tilt=Tilt(0.2, -0.1))
    ours = CpuRenderer(stone).render(view)
    on_gpu = GpuRenderer(stone, glsl_version)
    exact = 1e-4 if any(name in on_gpu.name for name in SOFTWARE) else 5e-4  # GPUs blend by weights of some 8 bits
    with_rounding = exact if glsl_version == "330 core" else 2e-3
    np.testing.assert_allclose(on_gpu.render(view), ours, with_rounding, with_rounding)
    on_gpu.close()


@pytest.mark.gpu
def test_corners_tell_an_environment_as_well_as_nodes(glsl_version, uneven_environment):
    """Within a rectangle light is linear along a diagonal where between nodes it is bilinear: both are a guess."""
    stone, view = enlarge(_faceted_stone(), 8), View(environment=uneven_environment, tilt=Tilt(0.2, -0.1))
    cells = make_cells(stone.lobes, decode_facets(stone.lobes), stone.alpha.shape)
    assert are_between_nodes(cells, make_patches(stone.lobes, stone.alpha)).mean() > 0.3
    ours, on_gpu = CpuRenderer(stone).render(view)[..., :3], GpuRenderer(stone, glsl_version)
    apart = np.abs(on_gpu.render(view)[..., :3] - ours)
    on_gpu.close()
    print(f"{glsl_version}: mean {apart.mean() / ours.mean():.5f}, most {apart.max() / ours.max():.4f} of the light")
    assert apart.mean() < 0.002 * ours.mean()
    assert apart.max() < 0.02 * ours.max()


@pytest.mark.gpu
def test_the_gpu_tells_rims_from_nodes_where_lights_are_large_and_texel_by_texel_where_small(stone, glsl_version):
    """Displayed so that flashes are ten times white; in the band at a rim, a part of its ramp, they may differ."""
    on_gpu, on_cpu = GpuRenderer(stone, glsl_version), CpuRenderer(stone)
    for radius_deg, most in ((0.2, 1e-4), (1.5, 1e-4), (5, 0.02), (10, 0.02), (25, 0.02)):
        radius = math.radians(radius_deg)
        towards = unpack_lobes(stone.lobes, SHAPE[1]).direction[::500, 1].tolist()
        lights = [DiscLight(tuple(one), radius) for one in towards]
        ours, theirs = on_cpu.render(View(tuple(lights))), on_gpu.render(View(tuple(lights)))
        apart = _apart(ours, theirs, 10 / light_kernel(radius)[0])
        print(
            f"{glsl_version}, {radius_deg} degrees: {(apart > 1 / 255).mean():.4f} in the band, mean {apart.mean():.1e}"
        )
        assert (apart > 1 / 255).mean() <= most
        assert apart.mean() < 1e-3
    on_gpu.close()


@pytest.mark.gpu
def test_many_lights_are_read_from_nodes(stone, glsl_version):
    """Of several whose rims cross a facet the brightest alone is told exactly."""
    count = FINE_LIGHTS + 8
    towards = random_directions(np.random.default_rng(5), count, 0.5)
    lights = [DiscLight(tuple(one), 0.1) for one in towards.tolist()]
    ours = CpuRenderer(stone).render(View(tuple(lights)))
    with Renderer(stone, "gpu") as renderer:
        apart = _apart(ours, renderer.render(View(tuple(lights))), 1 / np.quantile(ours[..., :3], 0.9))
    print(f"{glsl_version}: mean {apart.mean():.4f}")
    assert ours.max() > 1
    assert apart.mean() < 0.01
