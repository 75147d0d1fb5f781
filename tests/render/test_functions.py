"""Each GLSL function, run on the GPU, beside its Python twin and beside the formula in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.basis import chart_decode, edge_share, lobe_response
from geodfx.codes import (
    rgb9e5_decode,
    unpack_offset,
    unpack_pair,
    unpack_width,
)
from geodfx.colour import encode_srgb
from geodfx.constants import (
    CROSSTALK,
    EDGE_OUTSIDE,
    ENVIRONMENT_LEVELS,
    ENVIRONMENT_SIZE,
    FILMIC_CONTRAST,
    FILMIC_MID,
    FILMIC_WHITE,
    HUE_KEPT,
    LOBE_WIDTH_MAX,
)
from geodfx.patches import Patches, is_wide, pack_rectangles
from geodfx.render.environment import (
    environment_level,
    environment_lookup,
    environment_tap,
    lobe_horizon_share,
    oct_encode,
)
from geodfx.render.picture import filmic, tone
from geodfx.render.texels import decode_display

pytestmark = pytest.mark.gpu

RNG = np.random.default_rng(11)


def _rows(*named):
    """Return named cases, then random ones, as float32."""
    return np.array(named, np.float32)


def _twin(function, *columns):
    """Call a Python twin case by case, (N, outputs)."""
    return np.array([np.atleast_1d(function(*case)) for case in zip(*columns, strict=True)], np.float64)


def _agree(on_gpu, twin, reference, atol, rtol=0.0):
    outputs = twin.shape[1]
    np.testing.assert_allclose(on_gpu[:, :outputs], reference.reshape(len(twin), -1), rtol, atol)
    np.testing.assert_allclose(twin, reference.reshape(len(twin), -1), rtol, atol)


def test_chart_decode(glsl_bench, glsl_version):
    named = _rows((0, 0), (1, 1), (-1, 1), (math.sqrt(2), 0), (0, -1), (1e-7, 0), (1.5, 0.9), (0, -2))
    points = np.concatenate([named, RNG.uniform(-1, 1, (200, 2)).astype(np.float32)])
    wide = points.astype(np.float64)
    far = np.linalg.norm(wide, axis=1, keepdims=True)
    inside = wide * np.minimum(1, math.sqrt(2) / np.maximum(far, 1e-9))
    q = (inside**2).sum(axis=1, keepdims=True)
    reference = np.hstack([inside * np.sqrt(1 - q / 4), 1 - q / 2])
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1)
    on_gpu = glsl_bench.run(glsl_version, "vec4(chart_decode(a.xy), 0.0)", points)
    _agree(on_gpu, _twin(chart_decode, *points.T), reference, 4e-7)


def test_lobe_response(glsl_bench, glsl_version):
    named = _rows((0, 0.03, 0), (0.03, 0.03, 1e-4), (0, 0.01, 0.3), (4, 4, 0.1), (0.02, 0.01, 0.01 / 12), (0.5, 0, 0.1))
    free = np.stack([RNG.uniform(0, 0.2, 300), RNG.uniform(0.001, 0.1, 300), RNG.uniform(1e-5, 0.02, 300)], axis=1)
    cases = np.concatenate([named[1:], free.astype(np.float32)])
    reference = []
    for q, area, variance in cases.astype(np.float64):
        half = math.sqrt(12 * area * variance)
        if half <= area:  # a ramp about the disc's edge
            reference.append(np.interp(q, [area - half, area + half], [1, 0]))
        else:  # a cone in q of the disc's integral, whose first moment is area^2 / 2 + 2 area variance
            reach = 3 * (area / 2 + 2 * variance)
            reference.append(max(0, 2 * area / reach * (1 - q / reach)))
    on_gpu = glsl_bench.run(glsl_version, "vec4(lobe_response(a.x, a.y, a.z))", cases)
    _agree(on_gpu, _twin(lobe_response, *cases.T), np.array(reference), 3e-6)


def test_lobe_ramp_is_the_response_before_it_is_clamped(glsl_bench, glsl_version):
    cases = np.stack([RNG.uniform(0, 0.2, 200), RNG.uniform(0.001, 0.1, 200), RNG.uniform(1e-5, 0.02, 200)], axis=1)
    cases = cases.astype(np.float32)
    q, area, variance = cases.astype(np.float64).T
    half, reach = np.sqrt(12 * area * variance), 3 * (area / 2 + 2 * variance)
    reference = np.where(half <= area, (area + half - q) / (2 * half), 2 * area / reach * (1 - q / reach))
    on_gpu = glsl_bench.run(glsl_version, "vec4(lobe_ramp(a.x, a.y, a.z))", cases)
    np.testing.assert_allclose(on_gpu[:, 0], reference, rtol=1e-5, atol=1e-5)


def test_edge_share(glsl_bench, glsl_version):
    inside = np.concatenate([[0, 1, -1, 64, -64, -39, 300, -300], RNG.uniform(-12, 12, 200)]).astype(np.float32)
    reference = 1 / (1 + np.exp(-np.maximum(inside.astype(np.float64), -40)))
    np.testing.assert_allclose(_twin(edge_share, inside)[:, 0], reference, 0, 1e-6)
    drawn = np.concatenate([[[-EDGE_OUTSIDE] * 4, [300.0] * 4], RNG.uniform(-12, 12, (200, 4))]).astype(np.float32)
    reference = (1 / (1 + np.exp(-drawn.astype(np.float64)))).prod(axis=1)
    on_gpu = glsl_bench.run(
        glsl_version, "vec4(edge_shares(-EDGE_FALL * a.xyz, vec3(-EDGE_FALL * a.w, -300.0, -300.0)))", drawn
    )
    np.testing.assert_allclose(on_gpu[:, 0], reference, 1e-5, 1e-6)


def test_encode_srgb(glsl_bench, glsl_version):
    light = np.concatenate([[[0, 1, 2], [-1, 0.0031308, 0.0031309]], RNG.random((200, 3)) ** 3]).astype(np.float32)
    wide = np.clip(light.astype(np.float64), 0, 1)
    reference = np.where(wide <= 0.0031308, 12.92 * wide, 1.055 * wide ** (1 / 2.4) - 0.055)
    on_gpu = glsl_bench.run(glsl_version, "vec4(encode_srgb(a.rgb), 0.0)", light)
    _agree(on_gpu, encode_srgb(light), reference, 1e-5)


def test_filmic(glsl_bench, glsl_version):
    light = np.concatenate([[0, 0.18, 1, 16, 400], RNG.random(200) ** 4 * 20]).astype(np.float32)[:, None]
    mid, white = FILMIC_MID**FILMIC_CONTRAST, FILMIC_WHITE**FILMIC_CONTRAST
    b = (white * FILMIC_MID - mid) / ((white - mid) * FILMIC_MID)
    c = white * mid * (1 - FILMIC_MID) / ((white - mid) * FILMIC_MID)
    x = np.minimum(light[:, 0].astype(np.float64), FILMIC_WHITE) ** FILMIC_CONTRAST
    on_gpu = glsl_bench.run(glsl_version, "vec4(filmic(a.x))", light)
    _agree(on_gpu, filmic(light), np.minimum(x / (b * x + c), 1), 1e-5)


def test_tone_filmic(glsl_bench, glsl_version):
    light = np.concatenate([[[0, 0, 0], [-1, 2, 0.1], [40, 0, 0]], RNG.random((200, 3)) ** 4 * 20]).astype(np.float32)
    positive = np.maximum(light.astype(np.float64), 0)
    peak = positive.max(axis=1, keepdims=True)
    shown = np.asarray(filmic(peak.astype(np.float32)), np.float64)  # as the test above holds it
    ratio = np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    reference = shown * (ratio + (1 - ratio) * (1 - HUE_KEPT) * shown**CROSSTALK)
    on_gpu = glsl_bench.run(glsl_version, "vec4(tone_filmic(a.rgb), 0.0)", light)
    _agree(on_gpu, tone(light, "filmic"), reference, 2e-5)


def test_rgb9e5_decode(glsl_bench, glsl_version):
    named = [0, 511, 511 << 9, 511 << 18, 31 << 27 | 511, 24 << 27 | 1, 0xFFFFFFFF]
    words = np.concatenate([np.array(named, np.uint32), RNG.integers(0, 2**32, 200, dtype=np.uint32)])[:, None]
    wide = words[:, 0].astype(np.int64)
    mantissa = np.stack([wide & 511, wide >> 9 & 511, wide >> 18 & 511], axis=1)
    reference = mantissa * 2.0 ** ((wide >> 27) - 15 - 9)[:, None]
    on_gpu = glsl_bench.run(glsl_version, "vec4(rgb9e5_decode(w.x), 0.0)", words=words)
    _agree(on_gpu, _twin(rgb9e5_decode, words[:, 0]), reference, 0)


def test_unpack_width(glsl_bench, glsl_version):
    words = (np.arange(256, dtype=np.uint32) << np.uint32(24) | np.uint32(12345))[:, None]
    reference = (np.arange(256) / 255) ** 2 * LOBE_WIDTH_MAX
    on_gpu = glsl_bench.run(glsl_version, "vec4(unpack_width(w.x))", words=words)
    # GLSL lets a division be 2.5 units off in the last place (GLSL ES 3.00, section 4.5.1), and the square doubles it.
    atol = 1e-7 if glsl_bench.is_software else 5 * 2**-23 * LOBE_WIDTH_MAX
    np.testing.assert_allclose(_twin(unpack_width, words[:, 0])[:, 0], reference, 0, 1e-7)
    _agree(on_gpu, _twin(unpack_width, words[:, 0]), reference, atol)


def test_unpack_offset(glsl_bench, glsl_version):
    words = RNG.integers(0, 2**32, (200, 1), dtype=np.uint32)
    words[:3, 0] = [2048 | 2048 << 12, 0, 4095 | 4095 << 12]
    wide = words[:, 0].astype(np.int64)
    reference = (np.stack([wide & 4095, wide >> 12 & 4095], axis=1) - 2048) / 16384
    on_gpu = glsl_bench.run(glsl_version, "vec4(unpack_offset(w.x), 0.0, 0.0)", words=words)
    _agree(on_gpu, _twin(unpack_offset, words[:, 0]), reference, 0)


def test_unpack_pair(glsl_bench, glsl_version):
    words = RNG.integers(0, 2**32, (200, 1), dtype=np.uint32)
    steps = np.full((200, 1), 3e-7, np.float32)
    wide = words[:, 0].astype(np.int64)
    reference = (np.stack([wide & 65535, wide >> 16], axis=1) - 32768) * 3e-7
    on_gpu = glsl_bench.run(glsl_version, "vec4(unpack_pair(w.x, a.x), 0.0, 0.0)", steps, words)
    _agree(on_gpu, _twin(unpack_pair, words[:, 0], steps[:, 0]), reference, 2e-9)


def test_decode_display(glsl_bench, glsl_version):
    cases = np.stack([np.linspace(-0.5, 1.5, 101), np.full(101, 3.5)], axis=1).astype(np.float32)
    reference = np.maximum(cases[:, 0].astype(np.float64), 0) ** 2.2 / 3.5
    on_gpu = glsl_bench.run(glsl_version, "vec4(decode_display(a.x, a.y))", cases)
    _agree(on_gpu, _twin(decode_display, *cases.T), reference, 1e-7, 1e-5)


def _octahedron(directions):
    """Return points (N, 2) by the paper's words: project, and fold the lower half over the diagonals."""
    point = directions[:, :2] / np.abs(directions).sum(axis=1, keepdims=True)
    folded = (1 - np.abs(point[:, ::-1])) * np.where(point >= 0, 1, -1)
    return np.where(directions[:, 2:] < 0, folded, point)


def test_oct_encode(glsl_bench, glsl_version):
    named = _rows((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1), (0, -1, 0), (-1, 0, 0), (0, 0.6, -0.8), (-0.6, 0, -0.8))
    directions = np.concatenate([named, RNG.normal(size=(300, 3)).astype(np.float32)])
    on_gpu = glsl_bench.run(glsl_version, "vec4(oct_encode(a.x, a.y, a.z), 0.0, 0.0)", directions)
    _agree(on_gpu, _twin(oct_encode, *directions.T), _octahedron(directions.astype(np.float64)), 3e-7)


def test_environment_level(glsl_bench, glsl_version):
    widths = np.array([0, 1e-9, 0.001, 0.6 / 64, 0.6 / 32, 0.1, 0.3, 0.5, 0.6, 0.9], np.float32)[:, None]
    exact = np.log2(np.maximum(widths.astype(np.float64), 1e-9) / (LOBE_WIDTH_MAX / 2 ** (ENVIRONMENT_LEVELS - 1)))
    reference = np.clip(exact, 0, ENVIRONMENT_LEVELS - 1)
    on_gpu = glsl_bench.run(glsl_version, "vec4(environment_level(a.x))", widths)
    _agree(on_gpu, _twin(environment_level, widths[:, 0]), reference, 3e-6)


def test_lobe_horizon_share(glsl_bench, glsl_version):
    cases = np.stack([RNG.uniform(0, 1, 200), RNG.uniform(0, 0.6, 200)], axis=1).astype(np.float32)
    z, width = cases.astype(np.float64).T
    reference = np.clip(0.5 + 0.5 * z / (math.sqrt(6) * np.maximum(width, LOBE_WIDTH_MAX / 64)), 0, 1)
    on_gpu = glsl_bench.run(glsl_version, "vec4(lobe_horizon_share(a.x, a.y))", cases)
    _agree(on_gpu, _twin(lobe_horizon_share, *cases.T), reference, 1e-6)


def _bilinear(maps, level, points):
    """Return radiance (N, 3) of one level in float64, read between texel centres that lie on the square's border."""
    sizes = [ENVIRONMENT_SIZE >> k for k in range(ENVIRONMENT_LEVELS)]
    first, size = sum(n * n for n in sizes[:level]), sizes[level]
    grid = maps[first : first + size * size].astype(np.float64).reshape(size, size, 3)
    place = (points.astype(np.float64) + 1) / 2 * (size - 1)
    low = np.clip(place.astype(int), 0, size - 2)
    fx, fy = (place - low).T[..., None]
    column, row = low.T
    above = grid[row, column] * (1 - fx) + grid[row, column + 1] * fx
    below = grid[row + 1, column] * (1 - fx) + grid[row + 1, column + 1] * fx
    return above * (1 - fy) + below * fy


def test_environment_tap(glsl_bench, glsl_version, uneven_environment):
    corners = _rows((-1, -1), (1, -1), (1, 1), (-1, 1), (0, 0), (1, 0.3))
    points = np.concatenate([corners, RNG.uniform(-1, 1, (100, 2)).astype(np.float32)])
    maps = uneven_environment.maps
    for level in (0, 3, ENVIRONMENT_LEVELS - 1):
        expression = f"vec4(environment_tap(maps, {ENVIRONMENT_SIZE >> level}.0, 1, a.xy))"
        on_gpu = glsl_bench.run(glsl_version, expression, points, maps=maps)
        twin = np.array([[environment_tap(maps, level, 1, u, v)] for u, v in points])
        _agree(on_gpu, twin, _bilinear(maps, level, points)[:, 1], 1e-4)


def test_environment_lookup(glsl_bench, glsl_version, uneven_environment):
    directions = RNG.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    cases = np.concatenate([RNG.uniform(0, 6, (200, 1)), directions], axis=1).astype(np.float32)
    cases[:2, 0] = [0, 6]
    maps, level = uneven_environment.maps, cases[:, 0].astype(np.float64)
    points = _octahedron(cases[:, 1:].astype(np.float64))
    levels = np.stack([_bilinear(maps, k, points)[:, 2] for k in range(ENVIRONMENT_LEVELS)])
    low = np.minimum(level.astype(int), ENVIRONMENT_LEVELS - 2)
    fine, coarse = levels[low, np.arange(200)], levels[low + 1, np.arange(200)]
    reference = fine + (coarse - fine) * (level - low)
    on_gpu = glsl_bench.run(glsl_version, "vec4(environment_lookup(maps, a.x, 2, a.y, a.z, a.w))", cases, maps=maps)
    twin = np.array([[environment_lookup(maps, case[0], 2, *case[1:])] for case in cases])
    _agree(on_gpu, twin, reference, 3e-4)


@pytest.mark.parametrize("wide", [False, True])
def test_a_rectangle_is_read_as_it_was_packed(glsl_bench, glsl_version, wide):
    count, place, side = 50, 65535 if wide else 511, 255 if wide else 16
    facet = np.append(RNG.integers(0, 65536, count), [0, 65535])
    corner, sides, spot = (
        np.concatenate([RNG.integers(low, high + 1, (count, 2)), np.array([[low, high], [high, low]])])
        for low, high in ((0, place), (1, side), (0, 65535 if wide else 2047))
    )
    patches = Patches(facet, corner, sides, spot, np.zeros((4, 4, 3), np.uint8))
    assert is_wide(patches) == wide
    words = pack_rectangles(patches)
    for expression, told in (
        ("vec4(its.corner, its.sides)", np.hstack([corner, sides])),
        ("vec4(its.spot, float(its.facet), 0.0)", np.hstack([spot, facet[:, None], np.zeros((count + 2, 1))])),
    ):
        text = expression.replace("its", "read_rectangle(w.xyz)")
        on_gpu = glsl_bench.run(glsl_version, text, words=words, more=("rectangle",), WIDE=wide)
        np.testing.assert_array_equal(on_gpu, told)


def test_a_facet_is_found_by_the_low_half_of_a_lobe(glsl_bench, glsl_version):
    lobes = np.concatenate([[0, 255, 256, 65535, 0xFFFF0000, 0xFFFFFFFF], RNG.integers(0, 2**32, 50)])
    on_gpu = glsl_bench.run(
        glsl_version, "vec4(vec2(fold_facet(w.x)), 0.0, 0.0)", words=lobes.astype(np.uint32)[:, None]
    )
    np.testing.assert_array_equal(on_gpu[:, :2], np.stack(np.divmod(lobes & 65535, 256)[::-1], axis=1))
