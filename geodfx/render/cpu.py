"""CpuRenderer: frames by Numba, band by band; the reference that the GPU is compared with.

The sums are those of lighting.py. Float32 throughout, in the order of the shaders. Light is worked out at the nodes of
the facets' cells (facet_light.py), from which texels gather it.
"""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, I64, U8, U32, Bool
from geodfx.codes import first_lobe, lobe_count, unpack_facet, unpack_share
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, run_bands
from geodfx.lobe_map import CENTRE, PLACE, SLOPE, WEIGHT, decode_edges, decode_facets, empty_lobes
from geodfx.render.cells import make_cells
from geodfx.render.facet_light import light_cells, see_lights
from geodfx.render.lighting import light_stone
from geodfx.render.tilted import covered, inside_edges, move_edges, present
from geodfx.render.view import View
from geodfx.stone import Stone

__all__ = ["CpuRenderer", "decode_display"]


class CpuRenderer:
    """Renders one stone on all cores. Safe to use from several threads at once."""

    def __init__(self, stone: Stone) -> None:
        self._stone = stone
        lobes = empty_lobes(stone.alpha.shape) if stone.lobes is None else stone.lobes
        lobes.check()
        self._lobes = lobes
        self._facets, self._edges = decode_facets(lobes), decode_edges(lobes)
        self._cells = make_cells(lobes, self._facets, stone.alpha.shape)

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last."""
        stone, lighting = self._stone, light_stone(self._stone, view)
        glow, lit, near_first, near = light_cells(self._facets, self._cells, lighting)
        frame = np.empty((*stone.alpha.shape, 4), np.float32)
        shared = (
            covered(stone),
            stone.base.planes,
            lighting.base_weight,
            lighting.base_offset,
            lighting.base_intensity,
            np.float32(lighting.display_gain),
            self._lobes.index,
            self._lobes.refs,
            self._facets,
            self._cells.place,
            move_edges(self._edges, self._facets, lighting.point),
            glow,
            lit,
            near_first,
            near,
            lighting.lights,
        )

        def shade(first: int, last: int) -> None:
            _shade_rows(*shared, first, last, frame)

        run_bands(shade, len(frame))
        return present(stone, view, frame)

    def close(self) -> None:
        """Do nothing; a GpuRenderer has something to give back."""


@kernel
def decode_display(shown: np.float32, gain: np.float32) -> np.float32:
    """Return linear light of a displayed value. `geodfx.colour.decode_display`, of one number."""
    return max(shown, np.float32(0.0)) ** np.float32(DISPLAY_GAMMA) / gain


@kernel
def _shade_rows(
    alpha: U8,
    planes: U8,
    weight: F32,
    offset: F32,
    intensity: F32,
    display_gain: np.float32,
    index: U32,
    refs: U32,
    facets: F32,
    place: F32,
    edges: F32,
    glow: F32,
    lit: Bool,
    near_first: I64,
    near: I64,
    lights: F32,
    first: int,
    last: int,
    frame: F32,
) -> None:
    """Write rows first to last of the frame."""
    width = alpha.shape[1]
    values = np.empty((3, width), np.float32)
    for row in range(first, last):
        pixels = frame[row]
        pixels[:] = np.float32(0.0)
        left, right = _span(alpha[row])
        smooth = (planes[:, row, left:right], weight, offset, intensity, display_gain)
        _add_base_row(*smooth, values[:, left:right], pixels[left:right])
        if refs.shape[0] > 0:
            sharp = (index[row], refs, facets, place, edges, glow, lit, near_first, near)
            _add_lobes_row(*sharp, lights, row, left, right, pixels)
        for column in range(width):
            pixels[column, 3] = np.float32(alpha[row, column]) / np.float32(255.0)
            if alpha[row, column] == 0:
                for channel in range(3):
                    pixels[column, channel] = np.float32(0.0)


@kernel
def _span(row: U8) -> tuple[int, int]:
    """Return where the texels of a row that the stone covers start and end."""
    left = 0
    right = row.shape[0]
    while left < right and row[left] == 0:
        left += 1
    while right > left and row[right - 1] == 0:
        right -= 1
    return left, right


@kernel
def _add_base_row(
    planes: U8, weight: F32, offset: F32, intensity: F32, display_gain: np.float32, values: F32, pixels: F32
) -> None:
    """Add the smooth part of a row, planes (P, W), to pixels (W, 4), plane by plane; `values` (3, W) is for its use.

    In linear space, which has no display gain, the first plane is the level of what the others add up to.
    """
    shapes = planes[1:] if display_gain == np.float32(0.0) else planes
    for light in range(weight.shape[0]):
        for channel in range(3):
            total = values[channel]
            total[:] = offset[light, channel]
            for p in range(shapes.shape[0]):
                share = weight[light, p, channel] / np.float32(255.0)
                codes = shapes[p]
                for column in range(total.shape[0]):
                    total[column] += np.float32(codes[column]) * share
            bright = intensity[light, channel]
            if display_gain > np.float32(0.0):
                for column in range(total.shape[0]):
                    pixels[column, channel] += bright * decode_display(total[column], display_gain)
            else:
                for column in range(total.shape[0]):
                    root = np.float32(planes[0, column]) / np.float32(255.0)
                    level = root * root * root
                    pixels[column, channel] += bright * level * max(total[column], np.float32(0.0))


@kernel
def _add_lobes_row(
    index: U32,
    refs: U32,
    facets: F32,
    place: F32,
    edges: F32,
    glow: F32,
    lit: Bool,
    near_first: I64,
    near: I64,
    lights: F32,
    row: int,
    left: int,
    right: int,
    pixels: F32,
) -> None:
    """Add what the texels of a row see through their lobes."""
    y = np.float32(row)
    for column in range(left, right):
        x = np.float32(column)
        start, counts = index[column // 8, 0], index[column // 8, 1]
        lobe = first_lobe(start, counts, column)
        sum_r = sum_g = sum_b = np.float32(0.0)
        for n in range(lobe, lobe + lobe_count(counts, column)):
            f = unpack_facet(refs[n])
            if not lit[f]:
                continue
            red, green, blue = _read_cells(glow, place, int(f), x, y)
            if near_first[f + 1] > near_first[f]:
                facet = facets[f]
                to_right, down = x - facet[CENTRE], y - facet[CENTRE + 1]
                a = facet[PLACE] + facet[SLOPE] * to_right + facet[SLOPE + 1] * down
                b = facet[PLACE + 1] + facet[SLOPE + 2] * to_right + facet[SLOPE + 3] * down
                seen_r, seen_g, seen_b = see_lights(facet, a, b, near, near_first[f], near_first[f + 1], lights)
                red += facet[WEIGHT] * seen_r
                green += facet[WEIGHT + 1] * seen_g
                blue += facet[WEIGHT + 2] * seen_b
            share = unpack_share(refs[n])
            if f < edges.shape[0]:
                inside = inside_edges(edges[f], x - facets[f, CENTRE], y - facets[f, CENTRE + 1])
                red, green, blue = inside * red, inside * green, inside * blue
            sum_r += share[0] * red
            sum_g += share[1] * green
            sum_b += share[2] * blue
        pixels[column, 0] += sum_r
        pixels[column, 1] += sum_g
        pixels[column, 2] += sum_b


@kernel
def _read_cells(
    glow: F32, place: F32, f: int, x: np.float32, y: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the light of a facet at texel (x, y), between the four nodes around it."""
    u, v = place[f, 0] + place[f, 2] * x, place[f, 1] + place[f, 3] * y
    i, j = int(u), int(v)
    if place[f, 2] == 0 and place[f, 3] == 0:
        return glow[j, i, 0], glow[j, i, 1], glow[j, i, 2]
    one = np.float32(1.0)
    right, low = u - np.float32(i), v - np.float32(j)
    left, high = one - right, one - low
    a, b, c, d = left * high, right * high, left * low, right * low
    k, m = i + 1, j + 1
    return (
        a * glow[j, i, 0] + b * glow[j, k, 0] + c * glow[m, i, 0] + d * glow[m, k, 0],
        a * glow[j, i, 1] + b * glow[j, k, 1] + c * glow[m, i, 1] + d * glow[m, k, 1],
        a * glow[j, i, 2] + b * glow[j, k, 2] + c * glow[m, i, 2] + d * glow[m, k, 2],
    )
