"""Environments: which way they lie, what the blur keeps, and which maps are refused."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from geodfx.constants import ENVIRONMENT_LEVELS, ENVIRONMENT_SIZE
from geodfx.errors import ViewError
from geodfx.render import Environment
from geodfx.render.environment import environment_lookup
from geodfx.render.prefilter import level_width

LEVELS = range(ENVIRONMENT_LEVELS)


def _texel_areas(height):
    """Return the solid angle (H, 1) of a latitude-longitude map's texel in each row."""
    edge = np.cos(np.linspace(0, math.pi, height + 1))
    return ((edge[:-1] - edge[1:]) * math.pi / height)[:, None]


def _texel_direction(row, column, height):
    """Return the world direction of a point of the map, in texels: top +y, middle -z, three quarters +x."""
    polar, turn = math.pi * row / height, math.pi * (column / height - 1)  # turn from -z towards +x
    return np.array([math.sin(polar) * math.sin(turn), math.cos(polar), -math.sin(polar) * math.cos(turn)])


def _read(environment, level, directions, channel=0):
    d = directions.astype(np.float32)
    return np.array([environment_lookup(environment.maps, np.float32(level), channel, *one) for one in d])


def _cap(centre, farthest_q, rings=160, spokes=60):
    """Return directions (N, 3) of patches of equal solid angle around a direction, and that solid angle."""
    q = farthest_q * (np.arange(rings) + 0.5) / rings
    turn = 2 * math.pi * (np.arange(spokes)[None] + 0.5 * (np.arange(rings) % 2)[:, None]) / spokes
    u = np.cross(centre, [0.3, 0.5, 0.8])
    u /= np.linalg.norm(u)
    v = np.cross(centre, u)
    sine = np.sqrt(q * (1 - q / 4))[:, None, None]
    spread = (np.cos(turn)[..., None] * u + np.sin(turn)[..., None] * v) * sine + (1 - q / 2)[:, None, None] * centre
    return spread.reshape(-1, 3), math.pi * farthest_q / (rings * spokes)


@pytest.mark.parametrize("value", [0.7, 3000.0])
def test_a_constant_map_stays_constant(value):
    environment = Environment.from_radiance(np.full((32, 64, 3), value, np.float32))
    np.testing.assert_array_equal(environment.maps, np.float32(value))
    directions = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_array_equal(_read(environment, 2.3, directions), np.float32(value))


@pytest.mark.parametrize(("row", "column"), [(0, 17), (60, 3), (93, 200)])
def test_a_single_bright_texel_keeps_its_energy_at_every_level(row, column):
    height = 128
    radiance = np.zeros((height, 2 * height, 3), np.float32)
    radiance[row, column] = 5e4
    environment = Environment.from_radiance(radiance)
    centre = _texel_direction(row + 0.5, column + 0.5, height)
    for level in LEVELS:
        margin = 2 * math.pi / (ENVIRONMENT_SIZE >> level) + math.pi / height
        reach = min(4.0, (math.sqrt(6) * level_width(level) + margin) ** 2)
        directions, area = _cap(centre, reach)
        energy = _read(environment, level, directions).sum(dtype=np.float64) * area
        assert energy == pytest.approx(5e4 * _texel_areas(height)[row, 0], rel=0.005), f"level {level}"


def test_total_energy_is_kept_at_every_level(uneven_environment):
    rng = np.random.default_rng(7)  # as in the fixture
    radiance = rng.random((32, 64, 3)).astype(np.float32)
    radiance[rng.integers(0, 32, 5), rng.integers(0, 64, 5)] = 40
    total = (radiance * _texel_areas(32)[..., None]).sum(axis=(0, 1))
    directions, area = _cap(np.array([0.0, 0, 1]), 4.0, rings=300, spokes=150)
    for level in LEVELS:
        energy = [_read(uneven_environment, level, directions, c).sum(dtype=np.float64) * area for c in range(3)]
        np.testing.assert_allclose(energy, total, rtol=0.005)


def test_the_kernel_is_epanechnikovs(uneven_environment):
    rng = np.random.default_rng(7)  # as in the fixture
    radiance = rng.random((32, 64, 3))
    radiance[rng.integers(0, 32, 5), rng.integers(0, 64, 5)] = 40
    parts = 16
    fine = np.repeat(np.repeat(radiance[..., 0], parts, 0), parts, 1)
    row, column = np.indices(fine.shape) + 0.5
    polar, turn = math.pi * row / len(fine), math.pi * (column / len(fine) - 1)
    towards = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), -np.sin(polar) * np.cos(turn)], axis=-1)
    areas = np.broadcast_to(_texel_areas(len(fine)), fine.shape)
    directions = rng.normal(size=(12, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for level in (2, 4, 5):
        found = _read(uneven_environment, level, directions)
        for direction, value in zip(directions, found, strict=True):
            kernel = np.maximum(0, 1 - (2 - 2 * towards @ direction) / (6 * level_width(level) ** 2)) * areas
            # Bilinear lookup between texels a third of the kernel's radius apart smooths what a lamp of 40 casts.
            assert value == pytest.approx((kernel * fine).sum() / kernel.sum(), rel=0.05, abs=0.2)


@pytest.mark.parametrize("size", [(64, 128), (2048, 4096)])
def test_the_map_lies_as_documented(size, tmp_path):
    height, width = size
    radiance = np.zeros((*size, 3), np.float32)
    band = height // 16
    radiance[:band] = (1, 0, 0)  # the top row is +y
    radiance[height // 2 - band : height // 2 + band, width // 2 - band : width // 2 + band] = (0, 1, 0)  # -z
    radiance[height // 2 - band : height // 2 + band, 3 * width // 4 - band : 3 * width // 4 + band] = (0, 0, 1)  # +x
    path = tmp_path / "axes.hdr"
    cv2.imwrite(str(path), radiance[..., ::-1])
    environment = Environment.load(path)
    axes = np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0], [0, -1, 0], [0, 0, 1], [-1, 0, 0]], np.float64)
    found = np.stack([_read(environment, 0, axes, channel) for channel in range(3)], axis=1)
    np.testing.assert_allclose(found, np.concatenate([np.eye(3), np.zeros((3, 3))]), atol=0.01)


def test_the_squares_fold_does_not_show(uneven_environment):
    rng = np.random.default_rng(2)
    y, z = rng.normal(size=100), -np.abs(rng.normal(size=100))
    for level in (0, 3, 6):
        for axis in (0, 1):
            right, left = (np.insert(np.stack([y, z], axis=1), axis, side, axis=1) for side in (1e-6, -1e-6))
            np.testing.assert_allclose(
                _read(uneven_environment, level, right), _read(uneven_environment, level, left), rtol=1e-3
            )


@pytest.mark.parametrize(
    ("radiance", "words"),
    [
        (np.ones((8, 8, 3), np.float32), "twice as wide as high, got 8 x 8"),
        (np.ones((8, 16), np.float32), "twice as wide as high"),
        (np.full((8, 16, 3), np.nan, np.float32), "not finite"),
        (np.full((8, 16, 3), -0.5, np.float32), "negative radiance, down to -0.5"),
        (np.ones((8, 16, 3), np.uint8), "floating point"),
    ],
)
def test_a_map_that_is_no_environment_is_refused(radiance, words):
    with pytest.raises(ViewError, match=f"lamp.hdr.*{words}"):
        Environment.from_radiance(radiance, "lamp.hdr")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ViewError, match=r"none\.hdr"):
        Environment.load(tmp_path / "none.hdr")
