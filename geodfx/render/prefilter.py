"""Blur a latitude-longitude environment by every width that a lobe may have, once, into octahedral maps.

A texel of a level holds, at its direction d, the mean of the environment under the kernel max(0, 1 - q / (6 width^2)),
q = |d - l|^2: Epanechnikov's, which is how `lobe_response` sees a point light. Texel centres reach the square's border,
where both sides of its fold hold the same directions. Levels lie one behind another, each row by row.

The source is cut into cells that are small against the kernel and about square, each with its exact share of the
light. A texel divides what it gathers by the kernel's own sum over the cells, so that an environment that is the same
everywhere stays so; a cell is scaled by what all texels together see of it, so that no light is lost between texels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64
from geodfx.constants import ENVIRONMENT_LEVELS, ENVIRONMENT_SIZE, LOBE_WIDTH_MAX
from geodfx.jit import kernel, run_bands

__all__ = ["level_width", "octahedral_areas", "prefilter"]

I64 = npt.NDArray[np.int64]

CELLS_PER_REACH = 4  # cells across the kernel's radius: they blur its variance by 3%
LARGEST_SOURCE = 1024  # rows, about twice the finest cells; a larger source is halved first
# Passes of the cells' scaling; the wider levels, cheaper and coarser against their kernels, get one more each. The
# energy of any single texel of a source is then kept within 0.3% at every level.
PASSES = 2
STRIPS = 16  # sums over texels are made strip by strip, so that they do not depend on the number of threads


@dataclass(frozen=True)
class _Cells:
    """The sphere in rings about the y axis, from +y on; cells of a ring lie evenly in azimuth, from column 0 on."""

    first: I64  # (R + 1,) the cells of ring r are first[r] to first[r + 1]
    ring: F64  # (R, 2) cosine and sine of the angle from +y to a ring's middle
    direction: F64  # (C, 3) unit, to a cell's middle
    area: F64  # (C,) solid angle of a cell
    light: F64  # (C, 3) radiance integrated over a cell


def level_width(level: int) -> float:
    """Return the width, a chord, that a level is blurred by."""
    return math.ldexp(LOBE_WIDTH_MAX, level + 1 - ENVIRONMENT_LEVELS)


def prefilter(radiance: F32) -> F32:
    """Return all levels (N, 3) of a latitude-longitude map (H, 2 H, 3) of finite radiance >= 0."""
    source = radiance.astype(np.float64)
    while len(source) > LARGEST_SOURCE and len(source) % 2 == 0:
        source = _halve(source)
    levels = []
    for level in range(ENVIRONMENT_LEVELS):
        reach = 6 * level_width(level) ** 2
        cells = _cut_cells(source, math.ceil(math.pi * CELLS_PER_REACH / math.sqrt(reach)))
        levels.append(_blur(cells, ENVIRONMENT_SIZE >> level, reach, PASSES + level))
    return np.concatenate(levels).astype(np.float32)


def octahedral_areas(size: int) -> F64:
    """Return the solid angle (size, size) that each texel stands for under bilinear lookup; together 4 pi."""
    parts = max(2, 512 // size)
    count = (size - 1) * parts
    place = (np.arange(count) + 0.5) / parts  # in texels from the first texel's centre
    u, v = np.meshgrid(*[2 * place / (size - 1) - 1] * 2)
    w = 1 - np.abs(u) - np.abs(v)
    x = np.where(w < 0, 1 - np.abs(v), np.abs(u))
    y = np.where(w < 0, 1 - np.abs(u), np.abs(v))
    density = (x * x + y * y + w * w) ** -1.5
    low = place.astype(np.int64)
    share = np.zeros((count, size))
    share[np.arange(count), low] = 1 - (place - low)
    share[np.arange(count), low + 1] = place - low
    areas = share.T @ density @ share
    scaled: F64 = areas * (4 * math.pi / areas.sum())
    return scaled


def _halve(source: F64) -> F64:
    """Average 2 x 2 texels, each row weighted by its solid angle."""
    edge = np.cos(np.linspace(0, math.pi, len(source) + 1))
    weight = (edge[:-1] - edge[1:])[:, None, None]
    rows = (source * weight).reshape(len(source) // 2, 2, -1, 3).sum(axis=1) / weight.reshape(-1, 2, 1, 1).sum(axis=1)
    halved: F64 = rows.reshape(len(rows), -1, 2, 3).mean(axis=2)
    return halved


def _cut_cells(source: F64, rings: int) -> _Cells:
    """Cut a map of constant texels into rings of equal height; the light of each cell is exact."""
    height, width, _ = source.shape
    texel_edge = np.cos(np.linspace(0, math.pi, height + 1))
    texel_span = texel_edge[:-1] - texel_edge[1:]
    above = np.zeros((height + 1, width, 3))  # light above each row's edge, a column and unit of azimuth
    np.cumsum(source * texel_span[:, None, None], axis=0, out=above[1:])

    angle = np.linspace(0, math.pi, rings + 1)
    edge = np.cos(angle)
    row = np.minimum((angle * (height / math.pi)).astype(np.int64), height - 1)
    part = ((texel_edge[row] - edge) / texel_span[row])[:, None, None]
    ring_light = np.diff(above[row] * (1 - part) + above[row + 1] * part, axis=0) * (2 * math.pi / width)

    middle = (angle[:-1] + angle[1:]) / 2
    cos_sin = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    columns = np.maximum(4, np.ceil(2 * rings * cos_sin[:, 1])).astype(np.int64)  # 4: the poles' rings are small discs
    first = np.concatenate([[0], np.cumsum(columns)])
    light, direction = np.empty((first[-1], 3)), np.empty((first[-1], 3))
    left = np.zeros((width + 1, 3))
    for ring, count in enumerate(columns):
        np.cumsum(ring_light[ring], axis=0, out=left[1:])
        place = np.arange(count + 1) * (width / count)
        column = np.minimum(place.astype(np.int64), width - 1)
        share = (place - column)[:, None]
        cells = slice(first[ring], first[ring + 1])
        light[cells] = np.diff(left[column] * (1 - share) + left[column + 1] * share, axis=0)
        azimuth = (np.arange(count) + 0.5) * (2 * math.pi / count)
        direction[cells, 0] = -np.sin(azimuth) * cos_sin[ring, 1]
        direction[cells, 1] = cos_sin[ring, 0]
        direction[cells, 2] = np.cos(azimuth) * cos_sin[ring, 1]
    area = np.repeat((edge[:-1] - edge[1:]) * (2 * math.pi) / columns, columns)
    return _Cells(first, cos_sin, direction, area, np.maximum(light, 0))


def _blur(cells: _Cells, size: int, reach: float, passes: int) -> F64:
    """Return the map (size * size, 3) of cells blurred by the kernel of this reach."""
    rows = size // STRIPS if size > STRIPS else 1
    strips = size // rows
    texel_area = octahedral_areas(size)
    rings, direction, area = (cells.first, cells.ring), cells.direction, cells.area
    seen = np.empty((strips, len(area)))  # what texels see of each cell, strip by strip

    def measure(first: int, last: int) -> None:
        for strip in range(first, last):
            span = (strip * rows, (strip + 1) * rows)
            _measure_rows(*rings, direction, area, reach, texel_area, *span, seen[strip])

    for _ in range(passes):
        seen[:] = 0
        run_bands(measure, strips)
        scale = 1 / seen.sum(axis=0)
        area = cells.area * scale
    light = cells.light * scale[:, None]
    blurred = np.empty((size * size, 3))

    def gather(first: int, last: int) -> None:
        _gather_rows(*rings, direction, area, light, reach, size, first, last, blurred)

    run_bands(gather, size)
    return blurred


@kernel
def _texel_direction(size: int, row: int, column: int) -> tuple[float, float, float]:
    """Return the unit direction of a texel's centre. Cigolle 2014, octahedral map."""
    u = 2.0 * column / (size - 1) - 1.0
    v = 2.0 * row / (size - 1) - 1.0
    z = 1.0 - abs(u) - abs(v)
    x = u
    y = v
    if z < 0:
        x = math.copysign(1.0 - abs(v), u)
        y = math.copysign(1.0 - abs(u), v)
    scale = 1.0 / math.sqrt(x * x + y * y + z * z)
    return x * scale, y * scale, z * scale


@kernel
def _cells_in_reach(
    first: I64, ring: F64, direction: F64, reach: float, x: float, y: float, z: float, index: I64, weight: F64
) -> int:
    """Write the cells that the kernel around (x, y, z) touches, and its value there; return how many."""
    rings = ring.shape[0]
    step = math.pi / rings
    angle = 2.0 * math.asin(min(1.0, 0.5 * math.sqrt(reach)))
    polar = math.acos(min(1.0, max(-1.0, y)))
    sine = math.sqrt(max(0.0, 1.0 - y * y))
    azimuth = math.atan2(-x, z)  # column 0 of a map is +z, three quarters along is +x
    count = 0
    for r in range(max(0, int((polar - angle) / step) - 1), min(rings, int((polar + angle) / step) + 2)):
        ring_cosine = y * ring[r, 0]
        ring_sine = sine * ring[r, 1]
        limit = 1.0 - 0.5 * reach - ring_cosine  # of ring_sine cos(azimuth from the texel)
        if limit >= ring_sine:
            continue
        half = math.pi if limit <= -ring_sine else math.acos(limit / ring_sine)
        cells = first[r + 1] - first[r]
        turn = 2.0 * math.pi / cells
        low = math.ceil((azimuth - half) / turn - 0.5)
        high = min(math.floor((azimuth + half) / turn - 0.5), low + cells - 1)
        i = first[r] + low % cells
        for _ in range(low, high + 1):
            q = 2.0 - 2.0 * (x * direction[i, 0] + y * direction[i, 1] + z * direction[i, 2])
            index[count] = i
            weight[count] = max(0.0, 1.0 - q / reach)
            count += 1
            i = i + 1 if i + 1 < first[r + 1] else first[r]
    return count


@kernel
def _measure_rows(
    first: I64,
    ring: F64,
    direction: F64,
    area: F64,
    reach: float,
    texel_area: F64,
    row_0: int,
    row_1: int,
    seen: F64,
) -> None:
    """Add to `seen` (C,) what these texels hold of a light of 1 in each cell; all texels together should hold 1."""
    index = np.empty(area.shape[0], np.int64)
    weight = np.empty(area.shape[0], np.float64)
    size = texel_area.shape[0]
    for row in range(row_0, row_1):
        for column in range(size):
            x, y, z = _texel_direction(size, row, column)
            count = _cells_in_reach(first, ring, direction, reach, x, y, z, index, weight)
            total = 0.0
            for i in range(count):
                total += weight[i] * area[index[i]]
            share = texel_area[row, column] / total
            for i in range(count):
                seen[index[i]] += weight[i] * share


@kernel
def _gather_rows(
    first: I64,
    ring: F64,
    direction: F64,
    area: F64,
    light: F64,
    reach: float,
    size: int,
    row_0: int,
    row_1: int,
    blurred: F64,
) -> None:
    """Write the rows of a level: light over solid angle, each summed under the kernel."""
    index = np.empty(area.shape[0], np.int64)
    weight = np.empty(area.shape[0], np.float64)
    for row in range(row_0, row_1):
        for column in range(size):
            x, y, z = _texel_direction(size, row, column)
            count = _cells_in_reach(first, ring, direction, reach, x, y, z, index, weight)
            red = green = blue = total = 0.0
            for i in range(count):
                cell = index[i]
                total += weight[i] * area[cell]
                red += weight[i] * light[cell, 0]
                green += weight[i] * light[cell, 1]
                blue += weight[i] * light[cell, 2]
            blurred[row * size + column, 0] = red / total
            blurred[row * size + column, 1] = green / total
            blurred[row * size + column, 2] = blue / total
