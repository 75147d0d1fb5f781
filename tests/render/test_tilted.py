"""Stones captured by their tilt: where their texels are seen, the light that a tilt is to them, what they refuse."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from geodfx import container
from geodfx.basis import chart_encode, formed_chord, light_kernel, lobe_response
from geodfx.constants import EDGES
from geodfx.errors import BackendError, GeodfxWarning, ViewError
from geodfx.lobe_map import FacetTable, decode_edges, empty_lobes, pack_lobes
from geodfx.render import DiscLight, Environment, Tilt, View, relight
from geodfx.simulate.camera import make_camera as simulated_camera
from geodfx.simulate.camera import pixel_of
from geodfx.simulate.rig import stage_rotation
from geodfx.stone_file import load_stone
from geodfx.tilting import (
    Camera,
    TiltStage,
    clamp_tilt,
    plane_to_picture,
    pseudo_directions,
    warp,
    warp_light,
)
from tests.render.stones import make_stone, no_base

SIZE = (48, 40)
TILTS = [(0.0, 0.0), (0.3, 0.0), (0.0, -0.3), (0.2, 0.25)]
GRID = np.array([(pitch, roll) for pitch in (-0.3, 0.0, 0.3) for roll in (-0.3, 0.0, 0.3)], np.float32)
STAGE = TiltStage(GRID, 2.0, 0.0, np.zeros((0, 3), np.float32))


def tilt_stone(direction=(0.0, 0.0, 1.0), form=None, shape=(40, 48), stage=STAGE, edge=None):
    """Return a stone all of whose texels share one sharp lobe. edge: (EDGES, 5)."""
    count = shape[0] * shape[1]
    towards = np.asarray(direction, float) / np.linalg.norm(direction)
    table = FacetTable(
        chart_encode(np.tile(towards, (1, 3, 1))),
        np.zeros((1, 2, 2)),
        np.zeros((1, 2), np.int64),
        np.zeros(1),
        np.zeros(1),
        None if form is None else np.array([form]),
        None if edge is None else edge[None],
        flat=edge is not None,
    )
    lobes = pack_lobes(shape, np.arange(count), np.zeros(count, np.int64), np.full((count, 3), 0.5), table)
    return make_stone(no_base(shape), lobes, tilting=stage)


def middle(stone, tilt, backend="cpu"):
    return float(relight(stone, View(tilt=Tilt(*tilt)), backend=backend)[20, 24, 1])


@pytest.mark.parametrize("tilt", TILTS)
@pytest.mark.parametrize(("distance", "height"), [(8.0, 0.0), (8.0, -0.2), (None, 0.1)])
def test_a_texel_is_seen_where_the_camera_sees_its_point(tilt, distance, height):
    field = 1.24
    matrix = plane_to_picture(Camera(SIZE, distance, field), height, tilt)
    column, row = 33.2, 9.7
    scale = field / SIZE[0] * (1 if distance is None else (distance - height) / distance)
    point = np.array([(column - SIZE[0] / 2) * scale, (SIZE[1] / 2 - row) * scale, height])
    x, y, z = (stage_rotation(*tilt) @ point).tolist()
    seen = matrix @ (column, row, 1)
    expected = pixel_of(simulated_camera(SIZE, distance, field, 1), x, y, z)
    np.testing.assert_allclose(seen[:2] / seen[2], expected, atol=1e-9)


def test_tilting_tips_the_edges_as_the_conventions_say():
    camera = Camera(SIZE, 4.0, 1.2)
    nearer = plane_to_picture(camera, 0.0, (0.4, 0.0)) @ (40, 4, 1)  # towards the camera the right end moves out
    away = plane_to_picture(camera, 0.0, (0.0, 0.4)) @ (46, 4, 1)  # away from it the top end moves in
    assert nearer[0] / nearer[2] > 40
    assert away[1] / away[2] > 4


def test_bringing_a_picture_to_the_texels_and_back_undoes_it():
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    one = np.exp(-((x - 26) ** 2 + (y - 18) ** 2) / 60).astype(np.float32)
    picture = np.dstack([one, 2 * one, 0.5 * one])
    matrix = plane_to_picture(Camera(SIZE, 8.0, 1.24), -0.1, (0.25, -0.2))
    there = warp_light(picture, matrix)
    assert np.abs(there - picture).max() > 0.2
    np.testing.assert_allclose(warp_light(there, matrix, back=True), picture, atol=0.02)
    np.testing.assert_allclose(warp(warp(one, matrix), matrix, back=True), one, atol=0.01)


def test_pseudo_lights_move_as_a_light_at_the_zenith_seen_from_the_stone():
    for tilt in TILTS[1:]:
        real = stage_rotation(*tilt).T @ (0, 0, 1)
        pseudo = pseudo_directions(np.array([tilt]), 2.0)[0]
        assert pseudo[:2] @ real[:2] > 0.99 * np.linalg.norm(pseudo[:2]) * np.linalg.norm(real[:2])
        assert np.hypot(*chart_encode(pseudo)) == pytest.approx(2 * np.hypot(*tilt), rel=1e-5)


def test_clamping_takes_the_nearest_point_of_the_hull():
    assert clamp_tilt((0.1, -0.2), GRID) == (0.1, -0.2)
    assert clamp_tilt((0.5, 0.1), GRID) == pytest.approx((0.3, 0.1), abs=1e-6)
    assert clamp_tilt((-0.5, 0.9), GRID) == pytest.approx((-0.3, 0.3), abs=1e-6)
    line = np.array([(0.0, -0.3), (0.0, 0.0), (0.0, 0.3)], np.float32)
    assert clamp_tilt((0.2, 0.1), line) == pytest.approx((0, 0.1), abs=1e-6)
    assert clamp_tilt((0.2, 0.1), line[:1]) == pytest.approx((0, -0.3), abs=1e-6)


def test_a_tilt_outside_is_shown_as_the_nearest_with_a_warning():
    stone = tilt_stone(pseudo_directions(np.array([(0.3, 0.0)]), 2.0)[0])
    with pytest.warns(GeodfxWarning, match=r"tilt 40\.11, 0\.00 was not captured; the nearest that was, 17\.19, 0\.00"):
        frame = relight(stone, View(tilt=Tilt(0.7, 0)))
    np.testing.assert_allclose(frame, relight(stone, View(tilt=Tilt(0.3, 0))), rtol=1e-4)


def test_a_mirror_flashes_at_its_tilt_within_half_the_lights_radius():
    stone = tilt_stone(pseudo_directions(np.array([(0.1, -0.05)]), 2.0)[0])
    bright = 0.5 / (2 * (1 - math.cos(stone.light_radius_rad)))
    half = stone.light_radius_rad / 2
    assert middle(stone, (0.1, -0.05)) == pytest.approx(bright, rel=2e-3)
    assert middle(stone, (0.1, -0.05 + 0.8 * half)) == pytest.approx(bright, rel=2e-3)
    assert middle(stone, (0.1, -0.05 - 1.25 * half)) == 0
    assert middle(stone, (0.1 + 1.25 * half, -0.05)) == 0


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_a_long_lobe_flashes_further_along_its_axis(backend):
    stone = tilt_stone(form=(0.8, 0.0))  # 1 / 0.6 as long along x, which is what a roll moves along
    half = stone.light_radius_rad / 2
    assert middle(stone, (0.0, 1.4 * half), backend) > 1
    assert middle(stone, (0.0, 1.9 * half), backend) == 0
    assert middle(stone, (1.25 * half, 0.0), backend) == 0


def test_the_form_of_a_chord():
    assert formed_chord(0.3, 0.4, 0.1, 0.0, 0.0) == pytest.approx(0.26)
    assert formed_chord(0.3, 0.0, 0.0, 0.8, 0.0) == pytest.approx((0.3 * 0.6) ** 2)
    assert formed_chord(0.0, 0.3, 0.0, 0.8, 0.0) == pytest.approx(0.09)


def facet_edges(turn_deg, offset, move=(0.0, 0.0)):
    """Return one edge of a facet, as `FacetTable` has it, and others that cut nothing."""
    edge = np.zeros((EDGES, 5))
    edge[:, 0] = 60
    turn = math.radians(turn_deg)
    edge[3] = [offset, math.cos(turn), math.sin(turn), *move]
    return edge


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_a_facet_ends_at_its_edge(backend):
    """The facet's own texel is (0, 0): half of the flash is let through 24 texels to the right, more beyond."""
    plain = relight(tilt_stone(), View(tilt=Tilt()), backend=backend)[20, :, 1]
    cut = relight(tilt_stone(edge=facet_edges(0, -24.0)), View(tilt=Tilt()), backend=backend)[20, :, 1]
    wanted = 1 / (1 + np.exp(24.0 - np.arange(48)))
    # One decimal of a pixel's column is lost to the warp of a picture.
    np.testing.assert_allclose(cut / plain, wanted, atol=2e-3)
    down = relight(tilt_stone(edge=facet_edges(90, -20.0)), View(tilt=Tilt()), backend=backend)[:, 24, 1]
    np.testing.assert_allclose(down / plain[24], 1 / (1 + np.exp(20.0 - np.arange(40))), atol=2e-3)


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_an_edge_moves_with_the_tilt(backend):
    """At (a, b) = stretch (-roll, pitch) on the chart; the lobe is wide enough to be seen at all of these."""
    stone = tilt_stone(edge=facet_edges(0, -24.0, (100.0, -60.0)), form=(0.9, 0.0))
    half = stone.light_radius_rad / 2
    for pitch, roll in ((0.0, 0.0), (0.0, 0.5 * half), (0.6 * half, -0.4 * half)):
        inside = middle(stone, (pitch, roll), backend) / middle(tilt_stone(form=(0.9, 0.0)), (pitch, roll), backend)
        wanted = 1 / (1 + math.exp(-(100 * 2 * -roll - 60 * 2 * pitch)))
        assert inside == pytest.approx(wanted, abs=0.02)


def edged_stone(*, flat=False):
    """Return a stone of facets with random edges, moves and slopes."""
    rng = np.random.default_rng(1)
    facets, shape = 30, (40, 48)
    count = shape[0] * shape[1]
    towards = np.concatenate([0.2 * rng.normal(size=(facets, 2)), np.ones((facets, 1))], axis=1)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    edge = rng.normal(size=(facets, EDGES, 5)) * [2, 0.3, 0.3, 5, 5]
    edge[..., 0] += 3
    table = FacetTable(
        chart_encode(np.repeat(towards[:, None], 3, axis=1)),
        rng.normal(size=(facets, 2, 2)) * 0.002,
        np.stack([rng.integers(0, shape[1], facets), rng.integers(0, shape[0], facets)], axis=1),
        np.zeros(facets),
        np.zeros(facets),
        0.4 * rng.random((facets, 2)),
        edge,
        flat,
    )
    texel, facet = np.repeat(np.arange(count), 3), rng.integers(0, facets, 3 * count)
    lobes = pack_lobes(shape, texel, facet, rng.random((3 * count, 3)), table)
    return make_stone(no_base(shape), lobes, tilting=STAGE), edge


@pytest.mark.gpu
def test_facets_that_end_and_are_not_flat_are_for_the_cpu():
    stone, _ = edged_stone()
    with pytest.raises(BackendError, match=r"'synthetic' has facets that end and are not flat.*backend='cpu'"):
        relight(stone, View(), backend="gpu")


@pytest.mark.gpu
def test_cpu_and_gpu_agree_on_facets_that_end():
    stone, _ = edged_stone(flat=True)
    for tilt in ((0.0, 0.0), (0.05, -0.1), (-0.2, 0.15)):
        view = View(tilt=Tilt(*tilt))
        ours = relight(stone, view)
        np.testing.assert_allclose(relight(stone, view, backend="gpu"), ours, rtol=1e-4, atol=1e-4)
        assert ours.max() > 1


def test_edges_are_kept_in_their_codes():
    stone, edge = edged_stone()
    kept = decode_edges(stone.lobes)
    order = np.argsort(stone.lobes.slopes[:, 0], kind="stable")
    assert len(order) == len(edge)
    for e in kept:  # facets are sorted anew: each is one of those that were packed
        assert (np.abs(edge - e).max(axis=(1, 2)) < 0.01).sum() == 1
    wide = FacetTable(np.zeros((1, 3, 2)), np.zeros((1, 2, 2)), np.zeros((1, 2), np.int64), np.zeros(1), np.zeros(1))
    far = dataclasses.replace(wide, edge=np.full((1, EDGES, 5), 1e4))
    lobes = pack_lobes((1, 1), np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones((1, 3)), far)
    assert decode_edges(lobes)[0, 0] == pytest.approx([64, 8, 8, 512, 512])


def test_edges_without_their_facets_are_refused():
    stone, _ = edged_stone()
    with pytest.raises(ValueError, match="30 facets with slopes and 31 with edges"):
        dataclasses.replace(stone.lobes, edges=np.zeros((31, 16), np.uint32))


def test_a_flat_facet_is_told_from_a_light_by_the_chart():
    """Far from the zenith a step on the chart and its chord differ: half a light's edge or all of it."""
    stone = tilt_stone()
    radius, (pitch, roll) = stone.light_radius_rad, TILTS[1]
    point = np.array([-STAGE.stretch * roll, STAGE.stretch * pitch])
    area = light_kernel(radius)[1]
    for away in (0.9, 1.0, 1.1):
        table = FacetTable(
            np.tile([point[0] + away * math.sqrt(area), point[1]], (1, 3, 1)), np.zeros((1, 2, 2)),
            np.zeros((1, 2), np.int64), np.zeros(1), np.zeros(1), flat=True,
        )  # fmt: skip
        lobes = pack_lobes((40, 48), np.arange(1920), np.zeros(1920, np.int64), np.full((1920, 3), 0.5), table)
        shown = middle(dataclasses.replace(stone, lobes=lobes), (pitch, roll))
        radiance, _, blur = light_kernel(radius)
        expected = 0.5 * radiance * lobe_response(np.float32(away**2 * area), np.float32(area), np.float32(blur))
        assert shown == pytest.approx(expected, rel=0.01, abs=1e-3 * radiance)


def test_edges_and_flatness_are_kept_in_the_file_and_format_2_had_none(tmp_path, monkeypatch):
    stone, _ = edged_stone(flat=True)
    stone.save(tmp_path / "edges.gdfx")
    again = load_stone(tmp_path / "edges.gdfx")
    np.testing.assert_array_equal(again.lobes.edges, stone.lobes.edges)
    assert again.lobes.flat
    view = View(tilt=Tilt(0.05, -0.1))
    np.testing.assert_array_equal(relight(again, view), relight(stone, view))
    monkeypatch.setattr(container, "FORMAT", (2, 0))
    plain = tilt_stone()
    plain.save(tmp_path / "old.gdfx")
    monkeypatch.undo()
    assert (tmp_path / "old.gdfx").read_bytes().count(b"gdfx 2.0 ") == 1
    old = load_stone(tmp_path / "old.gdfx")
    assert len(old.lobes.edges) == 0 and not old.lobes.flat
    np.testing.assert_array_equal(relight(old, view), relight(plain, view))


def test_the_stone_moves_in_the_frame_alpha_and_all():
    alpha = np.zeros((40, 48), np.uint8)
    alpha[10:30, 12:36] = 255
    stone = dataclasses.replace(tilt_stone(), alpha=alpha, camera_distance=4.0, field_width=1.2)
    frame = relight(stone, View(tilt=Tilt(0.0, 0.3)))
    covered = np.flatnonzero(frame[20, :, 3] > 0.5)
    assert covered[-1] < 35
    assert frame[..., 3].max() == 1


@pytest.mark.parametrize(
    "view",
    [View((DiscLight((0, 0, 1), 0.1),)), View(environment=Environment.from_radiance(np.ones((8, 16, 3), np.float32)))],
)
def test_lights_on_a_stone_captured_by_its_tilt_are_refused(view):
    with pytest.raises(ViewError, match="captured by its tilt, under lights that stayed; show it by --tilt"):
        relight(tilt_stone(), view)


def test_a_light_stone_needs_a_light():
    with pytest.raises(ViewError, match="no light"):
        relight(make_stone(no_base(), empty_lobes((1, 1))), View())


def test_what_was_captured_is_kept_in_the_file(tmp_path):
    stage = TiltStage(GRID, 1.7, -0.12, np.array([[0, 0.6, 0.8]], np.float32))
    stone = tilt_stone(form=(0.3, -0.6), stage=stage)
    stone.save(tmp_path / "stone.gdfx")
    again = load_stone(tmp_path / "stone.gdfx")
    assert again.domain == "tilt"
    assert (again.tilting.stretch, again.tilting.plane_height) == (1.7, -0.12)
    np.testing.assert_array_equal(again.tilting.tilt_rad, GRID)
    np.testing.assert_array_equal(again.tilting.rig_lights, stage.rig_lights)
    view = View(tilt=Tilt(0.05, 0.02))
    np.testing.assert_array_equal(relight(again, view), relight(stone, view))
