"""What facets see of the light: at the nodes of their cells, and at single texels where those are too coarse.

Twins in shaders/facet.glsl.
"""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, I64, Bool
from geodfx.basis import chart_decode, formed_chord, lobe_response
from geodfx.constants import FINE_LIGHTS
from geodfx.jit import kernel, run_bands
from geodfx.lobe_map import BLUE, FORM, PLACE, RED, WEIGHT, WIDTH
from geodfx.render.cells import STRETCH, Cells, node_point
from geodfx.render.environment import environment_level, environment_lookup, lobe_horizon_share
from geodfx.render.lighting import Lighting

__all__ = ["light_cells", "see_lights"]

NO_MAPS = np.zeros((0, 3), np.float32)


def light_cells(facets: F32, cells: Cells, lighting: Lighting) -> tuple[F32, Bool, I64, I64]:
    """Return the light (H, W, 3) at the nodes of the atlas, which facets (F,) see any, and those that texels look at.

    The lights at which texels of facet f look are near[first[f]:first[f + 1]]. The atlas has a row and a column more.
    """
    glow = np.zeros((cells.size[1] + 1, cells.size[0] + 1, 3), np.float32)
    lights = lighting.lights
    lit = np.zeros(len(facets), np.bool_)
    count, near = np.zeros(len(facets), np.int64), np.zeros((len(facets), len(lights)), np.bool_)
    maps = NO_MAPS if lighting.environment is None else lighting.environment.maps
    shared = (facets, cells.first, cells.nodes, cells.place, cells.spread)
    light = (lights, maps, lighting.rotation, np.float32(lighting.gain))

    def work(first: int, last: int) -> None:
        _light_cells(*shared, *light, first, last, glow, lit, near, count)

    run_bands(work, len(facets))
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return glow, lit, first, np.nonzero(near)[1].astype(np.int64)


@kernel
def _light_cells(
    facets: F32,
    first_node: I64,
    nodes: I64,
    place: F32,
    spread: F32,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
    first: int,
    last: int,
    glow: F32,
    lit: Bool,
    near: Bool,
    count: I64,
) -> None:
    """Write the light at the nodes of some facets to glow, and note the lights at which their texels must look."""
    some = np.empty(lights.shape[0], np.int64)
    surrounded = maps.shape[0] > 0
    for f in range(first, last):
        row = facets[f]
        width = row[WIDTH]
        middle = chart_decode(row[PLACE], row[PLACE + 1])
        fire = STRETCH * np.sqrt(max(row[RED] ** 2 + row[RED + 1] ** 2, row[BLUE] ** 2 + row[BLUE + 1] ** 2))
        reached = 0
        for i in range(lights.shape[0]):
            light = (lights[i, 0], lights[i, 1], lights[i, 2])
            q = _squared_chord(middle, light, row[FORM], row[FORM + 1])
            farthest = lights[i, 5] + np.float32(2.4495) * width + fire + spread[f]  # sqrt(6)
            if q > farthest * farthest:
                continue
            fine = i < FINE_LIGHTS and spread[f] > 0
            if fine and not _is_whole(row, lights[i], fire + spread[f]):
                near[f, i] = True
                count[f] += 1
            else:
                some[reached] = i
                reached += 1
        lit[f] = count[f] > 0
        if reached == 0 and not surrounded:
            continue
        column, end = first_node[f, 0], first_node[f, 1] + nodes[f, 1]
        for v in range(first_node[f, 1], end):
            for u in range(column, column + nodes[f, 0]):
                a, b = node_point(row, place[f], u, v)
                red, green, blue = see_lights(row, a, b, some, 0, reached, lights)
                if surrounded:
                    all_r, all_g, all_b = _see_environment(row, a, b, maps, rotation)
                    red += gain * all_r
                    green += gain * all_g
                    blue += gain * all_b
                glow[v, u, 0] = row[WEIGHT] * red
                glow[v, u, 1] = row[WEIGHT + 1] * green
                glow[v, u, 2] = row[WEIGHT + 2] * blue
                lit[f] = lit[f] or max(red, green, blue) > 0


@kernel
def _is_whole(facet: F32, light: F32, slack: np.float32) -> bool:
    """Tell whether a facet sees a light whole from wherever a chord of `slack` leads from its own direction."""
    spread = np.float32(12.0) * (facet[WIDTH] * facet[WIDTH] + light[4])
    inner = light[3] - np.sqrt(light[3] * spread)  # up to here `lobe_response` is 1
    middle = chart_decode(facet[PLACE], facet[PLACE + 1])
    q = _squared_chord(middle, (light[0], light[1], light[2]), facet[FORM], facet[FORM + 1])
    farthest = np.sqrt(q) + slack
    return bool(spread <= light[3] and farthest * farthest <= inner)


@kernel
def see_lights(
    facet: F32, a: np.float32, b: np.float32, some: I64, first: int, last: int, lights: F32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the radiance that a facet sees of the lights some[first:last] where green leaves it at (a, b)."""
    sum_r = sum_g = sum_b = np.float32(0.0)
    if last == first:
        return sum_r, sum_g, sum_b
    red, green, blue = _directions(facet, a, b)
    form_x, form_y = facet[FORM], facet[FORM + 1]
    for n in range(first, last):
        i = some[n]
        light = (lights[i, 0], lights[i, 1], lights[i, 2])
        area, variance = lights[i, 3], facet[WIDTH] * facet[WIDTH] + lights[i, 4]
        sum_r += lights[i, 6] * lobe_response(_squared_chord(red, light, form_x, form_y), area, variance)
        sum_g += lights[i, 7] * lobe_response(_squared_chord(green, light, form_x, form_y), area, variance)
        sum_b += lights[i, 8] * lobe_response(_squared_chord(blue, light, form_x, form_y), area, variance)
    return sum_r, sum_g, sum_b


@kernel
def _see_environment(
    facet: F32, a: np.float32, b: np.float32, maps: F32, rotation: F32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the radiance that a facet sees of the environment where green leaves it at (a, b) of the chart."""
    red, green, blue = _directions(facet, a, b)
    width = facet[WIDTH]
    level = environment_level(width)
    return (
        _see_channel(red, width, level, 0, maps, rotation),
        _see_channel(green, width, level, 1, maps, rotation),
        _see_channel(blue, width, level, 2, maps, rotation),
    )


@kernel
def _directions(
    facet: F32, a: np.float32, b: np.float32
) -> tuple[
    tuple[np.float32, np.float32, np.float32],
    tuple[np.float32, np.float32, np.float32],
    tuple[np.float32, np.float32, np.float32],
]:
    """Return in which directions red, green and blue leave a facet where green leaves it at (a, b) of the chart."""
    red = chart_decode(a + facet[RED], b + facet[RED + 1])
    return red, chart_decode(a, b), chart_decode(a + facet[BLUE], b + facet[BLUE + 1])


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
