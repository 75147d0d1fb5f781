"""What facets see of the light: at the nodes of their cells, and at single texels where those are too coarse.

Twins in shaders/facet.glsl.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, I64, U8, Bool
from geodfx.basis import chart_point, formed_chord, lobe_response, ramp_line
from geodfx.constants import FINE_LIGHTS
from geodfx.jit import kernel, run_each
from geodfx.lobe_map import BLUE, FLAT, FORM, RED, WEIGHT, WIDTH
from geodfx.render.cells import Cells, fire_reach, node_point
from geodfx.render.environment import environment_level, environment_lookup, lobe_horizon_share
from geodfx.render.lighting import Lighting

__all__ = [
    "AT_LIGHTS",
    "AT_NODES",
    "AT_RIM",
    "Atlas",
    "FacetLight",
    "are_facets_reached",
    "light_cells",
    "make_atlas",
    "see_lights",
]

AT_NODES, AT_LIGHTS, AT_RIM = 1, 2, 4  # where the light of a facet is: any of what follows
NEARLY = np.float32(1e-4)  # as a chord: GPUs round, and must not see what is left out
SHARES = 8  # of the work: every eighth facet is one, for those with many nodes stand together
NO_MAPS = np.zeros((0, 3), np.float32)


class FacetLight(NamedTuple):
    """What facets see. H x W: the atlas of their cells, with a row and a column more."""

    sees: U8  # (F,)
    glow: F32  # (H, W, 4) AT_NODES: the light at each; the fourth is nothing
    near_first: I64  # (F + 1,)
    near: I64  # AT_LIGHTS: the texels of facet f look at the lights near[near_first[f]:near_first[f + 1]]
    flash: F32  # (F, 4) AT_RIM: what the facet shows of the brightest light whose rim crosses it, were it seen whole
    ramp: F32  # (H, W, 4) and how much it sees of it at each node, as `lobe_ramp` has it


class Atlas(NamedTuple):
    """Memory for the light of a frame, of which the next one may begin with what is left there."""

    glow: F32
    ramp: F32


def make_atlas(cells: Cells) -> Atlas:
    """Return room for what facets with such cells see."""
    shape = (cells.size[1] + 1, cells.size[0] + 1, 4)
    return Atlas(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def light_cells(facets: F32, cells: Cells, lighting: Lighting, exact: bool, atlas: Atlas) -> FacetLight:
    """Return what facets see of all light, at nodes in an atlas; what it held before is never read with any weight.

    exact: texels look at every light whose rim crosses their facet; else they read the ramp of the brightest of them
    between nodes, as on a GPU, and the others with all the light.
    """
    lights, count, surrounded = lighting.lights, len(facets), lighting.environment is not None
    sees, flash = np.zeros(count, np.uint8), np.empty((count, 4), np.float32)
    near = np.zeros((count, len(lights) if exact else 0), np.bool_)
    maps = NO_MAPS if lighting.environment is None else lighting.environment.maps
    its = np.arange(count) if surrounded else np.flatnonzero(are_facets_reached(cells, lights))
    shared = (facets, cells.first, cells.nodes, cells.place, cells.spread, cells.middle, cells.reach)
    light = (lights, maps, lighting.rotation, np.float32(lighting.gain))

    def work(first: int) -> None:
        _light_cells(its[first::SHARES], *shared, *light, exact, *atlas, flash, sees, near)

    run_each(work, SHARES)
    first = np.zeros(count + 1, np.int64)
    if exact:
        np.cumsum(np.count_nonzero(near, axis=1), out=first[1:])
    return FacetLight(sees, atlas.glow, first, np.nonzero(near)[1], flash, atlas.ramp)


def are_facets_reached(cells: Cells, lights: F32) -> Bool:
    """Tell of facets (F,) whether they see, or nearly see, anything of lights (L, 9)."""
    reached = np.zeros(len(cells.reach), np.bool_)
    _reach_facets(cells.middle, cells.form, cells.reach, lights, reached)
    return reached


@kernel
def _reach_facets(middle: F32, form: F32, reach: F32, lights: F32, reached: Bool) -> None:
    """Write whether facets (F,) see, or nearly see, anything of lights (L, 9)."""
    for i in range(lights.shape[0]):
        x, y, z, most = lights[i, 0], lights[i, 1], lights[i, 2], lights[i, 5] + NEARLY
        for f in range(len(reached)):
            away = middle[0, f] - x, middle[1, f] - y, middle[2, f] - z
            farthest = most + reach[f]
            reached[f] |= formed_chord(*away, form[0, f], form[1, f]) <= farthest * farthest


@kernel
def _light_cells(
    its: I64,
    facets: F32,
    first_node: I64,
    nodes: I64,
    place: F32,
    spread: F32,
    middle: F32,
    reach: F32,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
    exact: bool,
    glow: F32,
    ramp: F32,
    flash: F32,
    sees: U8,
    near: Bool,
) -> None:
    """Write what some facets see, which saw nothing before."""
    some = np.empty(lights.shape[0], np.int64)
    surrounded = maps.shape[0] > 0
    for f in its:
        row, towards = facets[f], (middle[0, f], middle[1, f], middle[2, f])
        reached, brightest, looked = _sort_lights(row, towards, reach[f], spread[f], lights, exact, some, near[f])
        sees[f] = (AT_LIGHTS if looked > 0 else 0) | (AT_RIM if brightest >= 0 else 0)
        columns = first_node[f, 0], first_node[f, 0] + nodes[f, 0]
        rows = first_node[f, 1], first_node[f, 1] + nodes[f, 1]
        if brightest >= 0:
            for channel in range(3):
                flash[f, channel] = row[WEIGHT + channel] * lights[brightest, 6 + channel]
            _hold_ramp(row, place[f], columns, rows, lights[brightest], ramp)
        if reached > 0 or surrounded:
            some_see = _hold_light(row, place[f], columns, rows, some[:reached], lights, maps, rotation, gain, glow)
            sees[f] |= AT_NODES if some_see else 0


@kernel
def _hold_ramp(facet: F32, place: F32, columns: tuple[int, int], rows: tuple[int, int], light: F32, ramp: F32) -> None:
    """Write how much of a light a facet sees at its nodes: `lobe_ramp`, by its `ramp_line`."""
    most, fall = ramp_line(light[3], facet[WIDTH] * facet[WIDTH] + light[4])
    towards, form_x, form_y = (light[0], light[1], light[2]), facet[FORM], facet[FORM + 1]
    for v in range(rows[0], rows[1]):
        for u in range(columns[0], columns[1]):
            a, b = node_point(facet, place, u, v)
            red, green, blue = _directions(facet, a, b)
            ramp[v, u, 0] = most - fall * _squared_chord(red, towards, form_x, form_y)
            ramp[v, u, 1] = most - fall * _squared_chord(green, towards, form_x, form_y)
            ramp[v, u, 2] = most - fall * _squared_chord(blue, towards, form_x, form_y)


@kernel
def _hold_light(
    facet: F32,
    place: F32,
    columns: tuple[int, int],
    rows: tuple[int, int],
    some: I64,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
    glow: F32,
) -> bool:
    """Write what a facet shows at its nodes of some lights and of the environment; tells whether it is anything."""
    any_of_it = False
    for v in range(rows[0], rows[1]):
        for u in range(columns[0], columns[1]):
            a, b = node_point(facet, place, u, v)
            red, green, blue = see_lights(facet, a, b, some, 0, len(some), lights)
            if maps.shape[0] > 0:
                all_r, all_g, all_b = _see_environment(facet, a, b, maps, rotation)
                red += gain * all_r
                green += gain * all_g
                blue += gain * all_b
            glow[v, u, 0] = facet[WEIGHT] * red
            glow[v, u, 1] = facet[WEIGHT + 1] * green
            glow[v, u, 2] = facet[WEIGHT + 2] * blue
            any_of_it = any_of_it or bool(max(red, green, blue) > 0)
    return any_of_it


@kernel
def _sort_lights(
    facet: F32,
    middle: tuple[np.float32, np.float32, np.float32],
    reach: np.float32,
    spread: np.float32,
    lights: F32,
    exact: bool,
    some: I64,
    near: Bool,
) -> tuple[int, int, int]:
    """List the lights that nodes hold in `some`, and note those at which texels look in near (L,).

    Returns how many nodes hold, which light's ramp they hold, or -1, and at how many texels look.
    """
    fire = fire_reach(facet)
    reached, brightest, looked, most = 0, -1, 0, np.float32(0.0)
    for i in range(lights.shape[0]):
        light, here = lights[i], i
        farthest = light[5] + reach
        if _squared_chord(middle, (light[0], light[1], light[2]), facet[FORM], facet[FORM + 1]) > farthest * farthest:
            continue
        if i < FINE_LIGHTS and spread > 0 and not _is_whole(facet, middle, light, fire + spread):
            if exact:
                near[i] = True
                looked += 1
                continue
            bright = facet[WEIGHT] * light[6] + facet[WEIGHT + 1] * light[7] + facet[WEIGHT + 2] * light[8]
            if bright > most:
                here, brightest, most = brightest, i, bright
        if here >= 0:
            some[reached] = here
            reached += 1
    return reached, brightest, looked


@kernel
def _is_whole(facet: F32, middle: tuple[np.float32, np.float32, np.float32], light: F32, slack: np.float32) -> bool:
    """Tell whether a facet sees a light whole from wherever a chord of `slack` leads from its own direction."""
    spread = np.float32(12.0) * (facet[WIDTH] * facet[WIDTH] + light[4])
    inner = light[3] - np.sqrt(light[3] * spread)  # up to here `lobe_response` is 1
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
    flat = facet[FLAT] > 0
    red = chart_point(a + facet[RED], b + facet[RED + 1], flat)
    return red, chart_point(a, b, flat), chart_point(a + facet[BLUE], b + facet[BLUE + 1], flat)


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
