"""Rows of texels on the CPU: the base, what facets show, and what of it goes into a frame or a display's codes.

Indices are unsigned where a row's time goes: for signed ones Numba looks whether they count from the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, I64, U8, U32
from geodfx.codes import SHARE_STEPS
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import LANES, Lanes, clamp_lanes, kernel, lane_of, lanes_of, read_lanes, splat
from geodfx.lobe_map import CENTRE, WEIGHT, facet_point
from geodfx.render.facet_light import AT_LIGHTS, AT_NODES, AT_RIM, FacetLight, see_lights
from geodfx.render.flashes import Flashes, add_flashes_row
from geodfx.render.strips import STRIP, Strips, unpack_run
from geodfx.render.tilted import inside_edges

__all__ = ["BaseRow", "Covered", "Gathered", "decode_display", "make_covered", "shade_rows", "show_rows"]

# `codes.unpack_share` of every code.
FEW_SHARES = ((np.arange(SHARE_STEPS[0] + 1) / SHARE_STEPS[0]) ** 2).astype(np.float32)
MORE_SHARES = ((np.arange(SHARE_STEPS[1] + 1) / SHARE_STEPS[1]) ** 2).astype(np.float32)
TABLE_SHIFT, TABLE_START = 13, 113 << 10  # of `colour.srgb_codes_by_bits`


class Covered(NamedTuple):
    """What of its picture a stone covers."""

    alpha: U8  # (H, W)
    left: I64  # (H,) the first of a row's texels that it covers any of
    right: I64  # (H,) the one behind the last
    soft_first: I64  # (H + 1,)
    soft: I64  # of row y, soft[soft_first[y]:soft_first[y + 1]], the columns of texels that it covers in part


class BaseRow(NamedTuple):
    """The smooth part under all light, as `Lighting` has it."""

    planes: U8  # (P, H, W)
    weight: F32  # (B, P, 3)
    offset: F32  # (B, 3)
    intensity: F32  # (B, 3)
    display_gain: np.float32


class Gathered(NamedTuple):
    """The sharp part: lobes, and what their facets see."""

    strips: Strips
    facets: F32  # (F, COLUMNS)
    place: F32  # (F, 4)
    edges: F32  # (E, EDGES, 3)
    light: FacetLight
    lights: F32  # (L, 9)
    flashes: Flashes  # facets that have extents in place of lobes


def make_covered(alpha: U8) -> Covered:
    """Return what a stone covers of its picture (H, W)."""
    any_of_it, partly = alpha > 0, (alpha > 0) & (alpha < 255)
    left = np.where(any_of_it.any(axis=1), any_of_it.argmax(axis=1), 0)
    right = np.where(any_of_it.any(axis=1), alpha.shape[1] - any_of_it[:, ::-1].argmax(axis=1), 0)
    first = np.concatenate([[0], np.cumsum(np.count_nonzero(partly, axis=1))])
    return Covered(alpha, left, right, first, np.nonzero(partly)[1])


@kernel
def decode_display(shown: np.float32, gain: np.float32) -> np.float32:
    """Return linear light of a displayed value. `geodfx.colour.decode_display`, of one number."""
    return max(shown, np.float32(0.0)) ** np.float32(DISPLAY_GAMMA) / gain


@kernel
def shade_rows(covered: Covered, base: BaseRow, gathered: Gathered, first: int, last: int, frame: F32) -> None:
    """Write the rows of strips first to last into the frame (H, W, 4)."""
    alpha = covered.alpha
    height, width = alpha.shape
    light, values = np.empty((STRIP, 3, width), np.float32), np.empty((3, width), np.float32)
    for strip in range(first, last):
        _light_strip(covered, base, gathered, strip, values, light)
        for row in range(strip * STRIP, min(strip * STRIP + STRIP, height)):
            pixels, its = frame[row], light[row % STRIP]
            for column in range(width):
                inside = alpha[row, column] > 0
                for channel in range(3):
                    pixels[column, channel] = its[channel, column] if inside else np.float32(0.0)
                pixels[column, 3] = np.float32(alpha[row, column]) / np.float32(255.0)


@kernel
def show_rows(
    covered: Covered,
    base: BaseRow,
    gathered: Gathered,
    gain: np.float32,
    table: U8,
    first: int,
    last: int,
    codes: U32,
) -> None:
    """Write the rows of strips first to last into the codes (H, W) that a display shows.

    A word a texel: red lowest, alpha highest. table: `colour.srgb_codes_by_bits`.
    """
    alpha = covered.alpha
    height, width = alpha.shape
    light, values = np.empty((STRIP, 3, width), np.float32), np.empty((3, width), np.float32)
    bits, steps = light.view(np.int32), np.empty((3, width), np.uint16)
    start, most = np.int32(TABLE_START), np.int32(len(table) - 1)
    for strip in range(first, last):
        _light_strip(covered, base, gathered, strip, values, light)
        for row in range(strip * STRIP, min(strip * STRIP + STRIP, height)):
            left, right = covered.left[row], covered.right[row]
            codes[row, :left], codes[row, right:] = np.uint32(0), np.uint32(0)
            cover, words = alpha[row, left:right], codes[row, left:right]
            seen, its_bits = light[row % STRIP], bits[row % STRIP]
            for k in range(covered.soft_first[row], covered.soft_first[row + 1]):
                column = covered.soft[k]
                for channel in range(3):
                    seen[channel, column] *= np.float32(255.0) / np.float32(alpha[row, column])
            for channel in range(3):
                its, as_bits, its_steps = seen[channel, left:right], its_bits[channel, left:right], steps[channel]
                for column in range(right - left):
                    its[column] *= gain
                for column in range(right - left):
                    step = np.int32(np.int32(as_bits[column] >> np.int32(TABLE_SHIFT)) - start)
                    its_steps[column] = np.uint16(min(max(step, np.int32(0)), most))
            for column in range(right - left):
                red, green = np.uint32(table[steps[0, column]]), np.uint32(table[steps[1, column]])
                blue, opaque = np.uint32(table[steps[2, column]]), np.uint32(cover[column])
                word = red | green << np.uint32(8) | blue << np.uint32(16) | opaque << np.uint32(24)
                words[column] = word if opaque > 0 else np.uint32(0)


@kernel
def _light_strip(covered: Covered, base: BaseRow, gathered: Gathered, strip: int, values: F32, light: F32) -> None:
    """Write the light (STRIP, 3, W) of a strip's texels, where the stone covers any; `values` (3, W) is for its use."""
    for row in range(strip * STRIP, min(strip * STRIP + STRIP, len(covered.left))):
        left, right = covered.left[row], covered.right[row]
        its = light[row % STRIP]
        its[:] = np.float32(0.0)
        _add_base_row(base, row, left, right, values, its)
        if len(gathered.flashes.extent) > 0:
            add_flashes_row(gathered.flashes, row, left, right, its)
    if len(gathered.strips.facet) > 0:
        if gathered.light.near.shape[0] == 0 and gathered.edges.shape[0] == 0:
            _add_lobes(gathered, None, strip, light)
        else:
            _add_lobes(gathered, gathered, strip, light)


@kernel
def _add_base_row(base: BaseRow, row: int, left: int, right: int, values: F32, light: F32) -> None:
    """Add the smooth part of some texels of a row to light (3, W), plane by plane; `values` (3, W) is for its use.

    In linear space, which has no display gain, the first plane is the level of what the others add up to.
    """
    linear = base.display_gain == np.float32(0.0)
    skipped = 1 if linear else 0
    level = base.planes[0, row, left:right]
    width = right - left
    red, green, blue = values[0, left:right], values[1, left:right], values[2, left:right]
    for lit in range(base.weight.shape[0]):
        red[:], green[:], blue[:] = base.offset[lit, 0], base.offset[lit, 1], base.offset[lit, 2]
        for p in range(base.planes.shape[0] - skipped):
            of_red, of_green, of_blue = base.weight[lit, p] / np.float32(255.0)
            codes = base.planes[p + skipped, row, left:right]
            for column in range(width):
                code = np.float32(codes[column])
                red[column] += code * of_red
                green[column] += code * of_green
                blue[column] += code * of_blue
        for channel in range(3):
            total, bright, out = values[channel, left:right], base.intensity[lit, channel], light[channel, left:right]
            if linear:
                for column in range(width):
                    root = np.float32(level[column]) * np.float32(1 / 255)
                    out[column] += bright * (root * root * root) * max(total[column], np.float32(0.0))
            else:
                for column in range(width):
                    out[column] += bright * decode_display(total[column], base.display_gain)


@kernel
def _add_lobes(gathered: Gathered, looking: Gathered | None, strip: int, light: F32) -> None:
    """Add what the texels of a strip see through their lobes to light (STRIP, 3, W).

    looking: `gathered` once more if there are texels that look at lights themselves, or facets with edges; else None,
    and neither is compiled into the loop.
    """
    strips, sees = gathered.strips, gathered.light.sees
    glow, ramps, below = gathered.light.glow.reshape(-1), gathered.light.ramp.reshape(-1), gathered.light.glow.shape[1]
    flash = gathered.light.flash.reshape(-1)
    nothing, less = splat(np.float32(0.0)), splat(np.float32(-1.0))
    for g in range(strips.first[strip], strips.first[strip + 1]):
        f = strips.facet[g]
        if sees[f] == 0:
            continue
        place, n = gathered.place[f], np.uint64(strips.share[g])
        at_nodes, at_rim = sees[f] & np.uint8(AT_NODES) > 0, sees[f] & np.uint8(AT_RIM) > 0
        bright = read_lanes(flash, np.uint64(f * LANES))
        for r in range(strips.run[g], strips.run[g + 1]):
            first, row, count = unpack_run(strips.words[r])
            red, green, blue = light[row, 0], light[row, 1], light[row, 2]
            y = np.float32(strip * STRIP + row)
            v = place[1] + place[3] * y
            j = np.int32(v)
            down = v - np.float32(j)
            column = np.int32(-1)  # of the nodes that are read
            left, rise, ramp, ramp_rise = nothing, nothing, nothing, nothing
            for x in range(np.uint64(first), np.uint64(first + count)):
                u = place[0] + place[2] * np.float32(np.int32(x))
                i = np.int32(u)
                if i != column:
                    column = i
                    a = np.uint64((np.int64(j) * below + np.int64(i)) * LANES)
                    b = a + np.uint64(LANES)
                    if at_nodes:
                        left = _column(glow, a, below, down)
                        rise = _column(glow, b, below, down) + less * left
                    if at_rim:
                        ramp = _column(ramps, a, below, down)
                        ramp_rise = _column(ramps, b, below, down) + less * ramp
                across = splat(u - np.float32(i))
                shown = left + across * rise
                if at_rim:
                    shown = shown + bright * clamp_lanes(ramp + across * ramp_rise)
                if looking is not None:
                    right_of = np.float32(np.int32(x))
                    if sees[f] & np.uint8(AT_LIGHTS):
                        of_red, of_green, of_blue = _look(looking, f, right_of, y)
                        shown = shown + lanes_of(of_red, of_green, of_blue, np.float32(0.0))
                    if f < looking.edges.shape[0]:
                        facet = looking.facets[f]
                        inside = inside_edges(looking.edges[f], right_of - facet[CENTRE], y - facet[CENTRE + 1])
                        shown = splat(inside) * shown
                shown = _shares(np.uint32(strips.shares[n])) * shown
                red[x] += lane_of(shown, 0)
                green[x] += lane_of(shown, 1)
                blue[x] += lane_of(shown, 2)
                n += np.uint64(1)


@kernel
def _shares(code: np.uint32) -> Lanes:
    """Return how much of its facet a lobe has, by channel: `codes.unpack_share` of the upper half of its word."""
    red, blue = FEW_SHARES[code & np.uint32(31)], FEW_SHARES[code >> np.uint32(11)]
    return lanes_of(red, MORE_SHARES[(code >> np.uint32(5)) & np.uint32(63)], blue, np.float32(0.0))


@kernel
def _column(nodes: F32, a: np.uint64, below: int, down: np.float32) -> Lanes:
    """Return what lies between two nodes, the upper one at a of the flat atlas."""
    upper, lower = read_lanes(nodes, a), read_lanes(nodes, a + np.uint64(below * LANES))
    return splat(np.float32(1.0) - down) * upper + splat(down) * lower


@kernel
def _look(gathered: Gathered, f: int, x: np.float32, y: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return what a texel sees, through a facet, of the lights whose rims cross that."""
    facet = gathered.facets[f]
    a, b = facet_point(facet, x - facet[CENTRE], y - facet[CENTRE + 1])
    some = gathered.light.near_first[f], gathered.light.near_first[f + 1]
    red, green, blue = see_lights(facet, a, b, gathered.light.near, some[0], some[1], gathered.lights)
    return facet[WEIGHT] * red, facet[WEIGHT + 1] * green, facet[WEIGHT + 2] * blue
