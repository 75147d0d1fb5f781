"""CpuRenderer: frames by Numba, band by band; the reference that the GPU is compared with.

The sums are those of lighting.py. Float32 throughout, in the order of the shaders. Light is looked up once a facet
where all of a facet sees the same: what is left for its texels are lights whose rim crosses it, and environments
where it has a slope.
"""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, I64, U8, U32, Bool
from geodfx.basis import chart_decode, formed_chord, lobe_response
from geodfx.codes import first_lobe, lobe_count, unpack_facet, unpack_share
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, run_bands
from geodfx.lobe_map import (
    BLUE,
    CENTRE,
    FORM,
    PLACE,
    RED,
    SLOPE,
    WEIGHT,
    WIDTH,
    decode_edges,
    decode_facets,
    empty_lobes,
)
from geodfx.render.environment import environment_level, environment_lookup, lobe_horizon_share
from geodfx.render.lighting import Lighting, light_stone
from geodfx.render.tilted import covered, inside_edges, move_edges, present
from geodfx.render.view import View
from geodfx.stone import Stone

__all__ = ["CpuRenderer", "decode_display"]

STRETCH = np.float32(1.4143)  # chords on the sphere are at most sqrt(2) times as long as steps on the chart
NO_MAPS = np.zeros((0, 3), np.float32)


class CpuRenderer:
    """Renders one stone on all cores. Safe to use from several threads at once."""

    def __init__(self, stone: Stone) -> None:
        self._stone = stone
        lobes = empty_lobes(stone.alpha.shape) if stone.lobes is None else stone.lobes
        lobes.check()
        self._lobes = lobes
        self._facets, self._edges = decode_facets(lobes), decode_edges(lobes)
        self._spread = np.zeros(len(self._facets), np.float32)
        _measure_spread(lobes.index, lobes.refs, self._facets, stone.alpha.shape[1], self._spread)

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last."""
        stone, lighting = self._stone, light_stone(self._stone, view)
        glow, near_first, near = self._light_facets(lighting)
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
            self._spread,
            move_edges(self._edges, self._facets, lighting.point),
            glow,
            near_first,
            near,
            lighting.lights,
            NO_MAPS if lighting.environment is None else lighting.environment.maps,
            lighting.rotation,
            np.float32(lighting.gain),
        )

        def shade(first: int, last: int) -> None:
            _shade_rows(*shared, first, last, frame)

        run_bands(shade, len(frame))
        return present(stone, view, frame)

    def _light_facets(self, lighting: Lighting) -> tuple[F32, I64, I64]:
        """Return the light (F, 3) that all of a facet shows, and for each facet the lights whose rim crosses it.

        Those of facet f are near[first[f]:first[f + 1]].
        """
        facets, lights = self._facets, lighting.lights
        maps = NO_MAPS if lighting.environment is None else lighting.environment.maps
        glow, count = np.zeros((len(facets), 3), np.float32), np.zeros(len(facets), np.int64)
        crossed = np.zeros((len(facets), len(lights)), np.bool_)

        def work(first: int, last: int) -> None:
            _light_facets(facets, self._spread, lights, first, last, glow, crossed, count)
            if len(maps):
                _show_environment(
                    facets, self._spread, maps, lighting.rotation, np.float32(lighting.gain), first, last, glow
                )

        run_bands(work, len(facets))
        first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        return glow, first, np.nonzero(crossed)[1].astype(np.int64)

    def close(self) -> None:
        """Do nothing; a GpuRenderer has something to give back."""


@kernel
def decode_display(shown: np.float32, gain: np.float32) -> np.float32:
    """Return linear light of a displayed value. `geodfx.colour.decode_display`, of one number."""
    return max(shown, np.float32(0.0)) ** np.float32(DISPLAY_GAMMA) / gain


@kernel
def _measure_spread(index: U32, refs: U32, facets: F32, width: int, spread: F32) -> None:
    """Write how far, as a chord, a facet's directions (F,) lie from that at its centre; 0: it has no slope."""
    for y in range(index.shape[0]):
        for x in range(width):
            start, counts = index[y, x // 8, 0], index[y, x // 8, 1]
            first = first_lobe(start, counts, x)
            for n in range(first, first + lobe_count(counts, x)):
                f = unpack_facet(refs[n])
                row = facets[f]
                right, down = np.float32(x) - row[CENTRE], np.float32(y) - row[CENTRE + 1]
                a = row[SLOPE] * right + row[SLOPE + 1] * down
                b = row[SLOPE + 2] * right + row[SLOPE + 3] * down
                spread[f] = max(spread[f], STRETCH * np.sqrt(a * a + b * b))


@kernel
def _light_facets(
    facets: F32, spread: F32, lights: F32, first: int, last: int, glow: F32, crossed: Bool, count: I64
) -> None:
    """Add what all of a facet sees of the disc lights to glow, and note the lights whose rim crosses it."""
    for f in range(first, last):
        row = facets[f]
        width, slack = row[WIDTH], spread[f]
        red, green, blue = _directions(row, row[PLACE], row[PLACE + 1])
        fire = STRETCH * np.sqrt(max(row[RED] ** 2 + row[RED + 1] ** 2, row[BLUE] ** 2 + row[BLUE + 1] ** 2))
        for i in range(lights.shape[0]):
            light = (lights[i, 0], lights[i, 1], lights[i, 2])
            q = _squared_chord(green, light, row[FORM], row[FORM + 1])
            farthest = lights[i, 5] + np.float32(2.4495) * width + fire + slack  # sqrt(6)
            if q > farthest * farthest:
                continue
            area = lights[i, 3]
            variance = width * width + lights[i, 4]
            q_red = _squared_chord(red, light, row[FORM], row[FORM + 1])
            q_blue = _squared_chord(blue, light, row[FORM], row[FORM + 1])
            if slack > 0 and not _whole(max(q, q_red, q_blue), slack, area, variance):
                crossed[f, i] = True
                count[f] += 1
                continue
            glow[f, 0] += row[WEIGHT] * lights[i, 6] * lobe_response(q_red, area, variance)
            glow[f, 1] += row[WEIGHT + 1] * lights[i, 7] * lobe_response(q, area, variance)
            glow[f, 2] += row[WEIGHT + 2] * lights[i, 8] * lobe_response(q_blue, area, variance)


@kernel
def _whole(q: np.float32, slack: np.float32, area: np.float32, variance: np.float32) -> bool:
    """Tell whether a light is seen whole from everywhere within a chord of where it is at a squared chord of q."""
    spread = np.float32(12.0) * variance
    inner = area - np.sqrt(area * spread)  # up to here `lobe_response` is 1
    farthest = np.sqrt(q) + slack
    return bool(spread <= area and farthest * farthest <= inner)


@kernel
def _show_environment(
    facets: F32, spread: F32, maps: F32, rotation: F32, gain: np.float32, first: int, last: int, glow: F32
) -> None:
    """Add what facets without a slope see of the environment to glow."""
    for f in range(first, last):
        if spread[f] == 0:
            row = facets[f]
            red, green, blue = _see_environment(row, row[PLACE], row[PLACE + 1], maps, rotation)
            glow[f, 0] += gain * row[WEIGHT] * red
            glow[f, 1] += gain * row[WEIGHT + 1] * green
            glow[f, 2] += gain * row[WEIGHT + 2] * blue


@kernel
def _directions(
    row: F32, a: np.float32, b: np.float32
) -> tuple[
    tuple[np.float32, np.float32, np.float32],
    tuple[np.float32, np.float32, np.float32],
    tuple[np.float32, np.float32, np.float32],
]:
    """Return in which directions red, green and blue leave a facet where green leaves it at (a, b) of the chart."""
    red = chart_decode(a + row[RED], b + row[RED + 1])
    return red, chart_decode(a, b), chart_decode(a + row[BLUE], b + row[BLUE + 1])


@kernel
def _see_environment(
    row: F32, a: np.float32, b: np.float32, maps: F32, rotation: F32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the radiance that a facet sees of the environment where green leaves it at (a, b) of the chart."""
    red, green, blue = _directions(row, a, b)
    width = row[WIDTH]
    level = environment_level(width)
    return (
        _see_channel(red, width, level, 0, maps, rotation),
        _see_channel(green, width, level, 1, maps, rotation),
        _see_channel(blue, width, level, 2, maps, rotation),
    )


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
    spread: F32,
    edges: F32,
    glow: F32,
    near_first: I64,
    near: I64,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
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
            sharp = (index[row], refs, facets, spread, edges, glow, near_first, near)
            _add_lobes_row(*sharp, lights, maps, rotation, gain, row, left, right, pixels)
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
    spread: F32,
    edges: F32,
    glow: F32,
    near_first: I64,
    near: I64,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
    row: int,
    left: int,
    right: int,
    pixels: F32,
) -> None:
    """Add what the texels of a row see through their lobes."""
    surrounded = maps.shape[0] > 0
    for column in range(left, right):
        start, counts = index[column // 8, 0], index[column // 8, 1]
        lobe = first_lobe(start, counts, column)
        sum_r = sum_g = sum_b = np.float32(0.0)
        for n in range(lobe, lobe + lobe_count(counts, column)):
            f = unpack_facet(refs[n])
            red, green, blue = glow[f, 0], glow[f, 1], glow[f, 2]
            if spread[f] > 0 and (surrounded or near_first[f + 1] > near_first[f]):
                facet = facets[f]
                to_right, down = np.float32(column) - facet[CENTRE], np.float32(row) - facet[CENTRE + 1]
                a = facet[PLACE] + facet[SLOPE] * to_right + facet[SLOPE + 1] * down
                b = facet[PLACE + 1] + facet[SLOPE + 2] * to_right + facet[SLOPE + 3] * down
                seen_r, seen_g, seen_b = _see_lights(facet, a, b, near, near_first[f], near_first[f + 1], lights)
                if surrounded:
                    all_r, all_g, all_b = _see_environment(facet, a, b, maps, rotation)
                    seen_r += gain * all_r
                    seen_g += gain * all_g
                    seen_b += gain * all_b
                red += facet[WEIGHT] * seen_r
                green += facet[WEIGHT + 1] * seen_g
                blue += facet[WEIGHT + 2] * seen_b
            share = unpack_share(refs[n])
            if f < edges.shape[0]:
                across, below = np.float32(column) - facets[f, CENTRE], np.float32(row) - facets[f, CENTRE + 1]
                inside = inside_edges(edges[f], across, below)
                red, green, blue = inside * red, inside * green, inside * blue
            sum_r += share[0] * red
            sum_g += share[1] * green
            sum_b += share[2] * blue
        pixels[column, 0] += sum_r
        pixels[column, 1] += sum_g
        pixels[column, 2] += sum_b


@kernel
def _see_lights(
    facet: F32, a: np.float32, b: np.float32, near: I64, first: int, last: int, lights: F32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the radiance that a facet sees of some lights where green leaves it at (a, b) of the chart."""
    sum_r = sum_g = sum_b = np.float32(0.0)
    if last == first:
        return sum_r, sum_g, sum_b
    red, green, blue = _directions(facet, a, b)
    form_x, form_y = facet[FORM], facet[FORM + 1]
    for n in range(first, last):
        i = near[n]
        light = (lights[i, 0], lights[i, 1], lights[i, 2])
        area, variance = lights[i, 3], facet[WIDTH] * facet[WIDTH] + lights[i, 4]
        sum_r += lights[i, 6] * lobe_response(_squared_chord(red, light, form_x, form_y), area, variance)
        sum_g += lights[i, 7] * lobe_response(_squared_chord(green, light, form_x, form_y), area, variance)
        sum_b += lights[i, 8] * lobe_response(_squared_chord(blue, light, form_x, form_y), area, variance)
    return sum_r, sum_g, sum_b


@kernel
def _see_channel(
    direction: tuple[np.float32, np.float32, np.float32],
    width: np.float32,
    level: np.float32,
    channel: int,
    maps: F32,
    rotation: F32,
) -> np.float32:
    """Return the radiance that a lobe sees of the environment in one channel; direction in the stone frame."""
    x, y, z = direction
    world_x = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
    world_y = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
    world_z = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
    return lobe_horizon_share(z, width) * environment_lookup(maps, level, channel, world_x, world_y, world_z)


@kernel
def _squared_chord(
    a: tuple[np.float32, np.float32, np.float32],
    b: tuple[np.float32, np.float32, np.float32],
    form_x: np.float32,
    form_y: np.float32,
) -> np.float32:
    """Return |a - b|^2 as a lobe's form counts it; from differences: 2 - 2 a.b loses all digits for a small light."""
    return formed_chord(a[0] - b[0], a[1] - b[1], a[2] - b[2], form_x, form_y)
