"""Rows of texels on the CPU: the base, what facets show, and what of it goes into a frame or a display's codes.

Indices are unsigned where a row's time goes: for signed ones Numba looks whether they count from the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, I64, U8, U32
from geodfx.codes import MOST_LOBES, SHARE_STEPS
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import LANES, Lanes, clamp_lanes, kernel, lane_of, lanes_of, read_lanes, splat
from geodfx.lobe_map import CENTRE, WEIGHT, facet_point
from geodfx.render.facet_light import AT_LIGHTS, AT_NODES, AT_RIM, FacetLight, see_lights
from geodfx.render.flashes import Flashes, add_flashes_row
from geodfx.render.tilted import inside_edges

__all__ = ["BaseRow", "Gathered", "Rooms", "decode_display", "shade_rows", "show_rows"]

# `codes.unpack_share` of every code.
FEW_SHARES = ((np.arange(SHARE_STEPS[0] + 1) / SHARE_STEPS[0]) ** 2).astype(np.float32)
MORE_SHARES = ((np.arange(SHARE_STEPS[1] + 1) / SHARE_STEPS[1]) ** 2).astype(np.float32)
TABLE_SHIFT, TABLE_START = 13, 113 << 10  # of `colour.srgb_codes_by_bits`


class BaseRow(NamedTuple):
    """The smooth part under all light, as `Lighting` has it."""

    planes: U8  # (P, H, W)
    weight: F32  # (B, P, 3)
    offset: F32  # (B, 3)
    intensity: F32  # (B, 3)
    display_gain: np.float32


class Gathered(NamedTuple):
    """The sharp part: lobes, and what their facets see."""

    blocks: U32  # (H, ceil(W / 8), 2), the lobes' index
    refs: U32  # (N,)
    facets: F32  # (F, COLUMNS)
    place: F32  # (F, 4)
    edges: F32  # (E, EDGES, 3)
    light: FacetLight
    lights: F32  # (L, 9)
    flashes: Flashes  # facets that have extents in place of lobes


class Rooms(NamedTuple):
    """Memory in which the light of a row of W texels is worked out."""

    values: F32  # (3, W) the base before it is decoded
    lit: U32  # (lobes + 1,) those that see light


@kernel
def decode_display(shown: np.float32, gain: np.float32) -> np.float32:
    """Return linear light of a displayed value. `geodfx.colour.decode_display`, of one number."""
    return max(shown, np.float32(0.0)) ** np.float32(DISPLAY_GAMMA) / gain


@kernel
def shade_rows(alpha: U8, base: BaseRow, gathered: Gathered, first: int, last: int, frame: F32) -> None:
    """Write rows first to last of the frame (H, W, 4)."""
    width = alpha.shape[1]
    light, rooms = np.empty((3, width), np.float32), _make_rooms(width)
    for row in range(first, last):
        _light_row(alpha[row], base, gathered, row, rooms, light)
        pixels = frame[row]
        for column in range(width):
            inside = alpha[row, column] > 0
            for channel in range(3):
                pixels[column, channel] = light[channel, column] if inside else np.float32(0.0)
            pixels[column, 3] = np.float32(alpha[row, column]) / np.float32(255.0)


@kernel
def show_rows(
    alpha: U8,
    soft_first: I64,
    soft: I64,
    base: BaseRow,
    gathered: Gathered,
    gain: np.float32,
    table: U8,
    first: int,
    last: int,
    codes: U32,
) -> None:
    """Write rows first to last of the codes (H, W) that a display shows, a word a texel: red lowest, alpha highest.

    soft: the columns of texels that the stone covers in part, soft[soft_first[row]:soft_first[row + 1]].
    table: `colour.srgb_codes_by_bits`.
    """
    width = alpha.shape[1]
    light, rooms = np.empty((3, width), np.float32), _make_rooms(width)
    bits, steps = light.view(np.int32), np.empty((3, width), np.uint16)
    start, most = np.int32(TABLE_START), np.int32(len(table) - 1)
    for row in range(first, last):
        left, right = _light_row(alpha[row], base, gathered, row, rooms, light)
        codes[row, :left], codes[row, right:] = np.uint32(0), np.uint32(0)
        cover, words = alpha[row, left:right], codes[row, left:right]
        for k in range(soft_first[row], soft_first[row + 1]):
            for channel in range(3):
                light[channel, soft[k]] *= np.float32(255.0) / np.float32(alpha[row, soft[k]])
        for channel in range(3):
            its, its_bits, its_steps = light[channel, left:right], bits[channel, left:right], steps[channel]
            for column in range(right - left):
                its[column] *= gain
            for column in range(right - left):
                step = np.int32(np.int32(its_bits[column] >> np.int32(TABLE_SHIFT)) - start)
                its_steps[column] = np.uint16(min(max(step, np.int32(0)), most))
        for column in range(right - left):
            red, green = np.uint32(table[steps[0, column]]), np.uint32(table[steps[1, column]])
            blue, opaque = np.uint32(table[steps[2, column]]), np.uint32(cover[column])
            word = red | green << np.uint32(8) | blue << np.uint32(16) | opaque << np.uint32(24)
            words[column] = word if opaque > 0 else np.uint32(0)


@kernel
def _make_rooms(width: int) -> Rooms:
    """Return the rooms in which the light of a row is worked out."""
    return Rooms(np.empty((3, width), np.float32), np.empty(MOST_LOBES * width + 1, np.uint32))


@kernel
def _light_row(alpha: U8, base: BaseRow, gathered: Gathered, row: int, rooms: Rooms, light: F32) -> tuple[int, int]:
    """Write the light (3, W) of a row's texels; returns where those that the stone covers start and end."""
    values, lit = rooms
    left, right = _span(alpha)
    for channel in range(3):
        light[channel, left:right] = np.float32(0.0)
    _add_base_row(base, row, left, right, values, light)
    if len(gathered.flashes.extent) > 0:
        add_flashes_row(gathered.flashes, row, left, right, light)
    if gathered.refs.shape[0] > 0 and right > left:
        if gathered.light.near.shape[0] == 0 and gathered.edges.shape[0] == 0:
            _add_lobes_row(gathered, None, row, left, right, lit, light)
        else:
            _add_lobes_row(gathered, gathered, row, left, right, lit, light)
    return left, right


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
def _add_lobes_row(
    gathered: Gathered, looking: Gathered | None, row: int, left: int, right: int, lit: U32, light: F32
) -> None:
    """Add what some texels of a row see through their lobes to light (3, W); lit (lobes of the row,) is for its use.

    Few facets see anything of a small light. So the lobes that do are listed first, and then their texels are found by
    the counts in the index. looking: `gathered` once more if there are texels that look at
    lights themselves, or facets with edges; else None, and neither is compiled into the loop.
    """
    blocks, refs, sees = gathered.blocks[row], gathered.refs, gathered.light.sees
    block, last = left // 8, (right - 1) // 8
    count = _list_lit(refs, gathered.light, blocks[block, 0], blocks[last, 0] + _lobes_of(blocks[last, 1]), lit)
    place, glow, ramp = gathered.place.reshape(-1), gathered.light.glow.reshape(-1), gathered.light.ramp.reshape(-1)
    flash, below = gathered.light.flash.reshape(-1), np.uint64(gathered.light.glow.shape[1] * LANES)
    y = np.float32(row)
    column, counts = np.uint32(8 * block), blocks[block, 1]
    end = blocks[block, 0] + (counts & np.uint32(15))  # of the lobes of the texel in the column
    total = splat(np.float32(0.0))
    for k in range(count):
        n = lit[k]
        if n >= end:
            _add_lanes(light, column, total)
            total = splat(np.float32(0.0))
        while n >= end:
            if block < last and n >= blocks[block + 1, 0]:
                block += 1
                column, counts = np.uint32(8 * block), blocks[block, 1]
                end = blocks[block, 0] + (counts & np.uint32(15))
            else:
                column += np.uint32(1)
                counts = counts >> np.uint32(4)
                end += counts & np.uint32(15)
        x, ref = np.float32(np.int32(column)), refs[n]
        f = np.uint64(ref & np.uint32(65535))
        at = f * np.uint64(LANES)
        shown = splat(np.float32(0.0))
        if sees[f] & np.uint8(AT_NODES | AT_RIM):
            u = place[at] + place[at + np.uint64(2)] * x
            v = place[at + np.uint64(1)] + place[at + np.uint64(3)] * y
            i, j = np.int32(u), np.int32(v)
            across, down = u - np.float32(i), v - np.float32(j)
            a = np.uint64(j) * below + np.uint64(i) * np.uint64(LANES)
            if sees[f] & np.uint8(AT_NODES):
                shown = _between(glow, a, below, across, down)
            if sees[f] & np.uint8(AT_RIM):
                seen = clamp_lanes(_between(ramp, a, below, across, down))
                shown = shown + read_lanes(flash, at) * seen
        if looking is not None:
            if sees[f] & np.uint8(AT_LIGHTS):
                red, green, blue = _look(looking, int(f), x, y)
                shown = shown + lanes_of(red, green, blue, np.float32(0.0))
            if f < looking.edges.shape[0]:
                right_of, down_of = x - looking.facets[f, CENTRE], y - looking.facets[f, CENTRE + 1]
                shown = splat(inside_edges(looking.edges[f], right_of, down_of)) * shown
        total = total + _shares(ref) * shown
    _add_lanes(light, column, total)


@kernel
def _add_lanes(light: F32, column: np.uint32, lanes: Lanes) -> None:
    """Add what a texel's lobes show to the light (3, W) of its row."""
    at = np.uint64(column)
    light[np.uint64(0), at] += lane_of(lanes, 0)
    light[np.uint64(1), at] += lane_of(lanes, 1)
    light[np.uint64(2), at] += lane_of(lanes, 2)


@kernel
def _list_lit(refs: U32, light: FacetLight, first: int, last: int, lit: U32) -> int:
    """List those of some lobes whose facets see light, or all where most do; returns how many.

    No branch could be foretold here.
    """
    if light.everywhere:
        for n in range(first, last):
            lit[n - first] = np.uint32(n)
        return last - first
    sees = light.sees
    count = np.uint64(0)
    for n in range(first, last):
        lit[count] = np.uint32(n)
        count += np.uint64(sees[np.uint64(refs[n] & np.uint32(65535))] != 0)
    return int(count)


@kernel
def _shares(ref: np.uint32) -> Lanes:
    """Return how much of its facet a lobe has, by channel."""
    red, blue = FEW_SHARES[(ref >> np.uint32(16)) & np.uint32(31)], FEW_SHARES[ref >> np.uint32(27)]
    return lanes_of(red, MORE_SHARES[(ref >> np.uint32(21)) & np.uint32(63)], blue, np.float32(0.0))


@kernel
def _lobes_of(counts: np.uint32) -> np.uint32:
    """Return how many lobes the eight texels of a block have. `codes.sum_counts`, of one number."""
    pairs = (counts & np.uint32(0x0F0F0F0F)) + ((counts >> np.uint32(4)) & np.uint32(0x0F0F0F0F))
    return np.uint32(np.uint32(pairs * np.uint32(0x01010101)) >> np.uint32(24))


@kernel
def _between(nodes: F32, a: np.uint64, below: np.uint64, across: np.float32, down: np.float32) -> Lanes:
    """Return what lies between four nodes, the upper left one at a of the flat atlas; bilinear."""
    next_one, one = np.uint64(LANES), np.float32(1.0)
    left, right, low = splat(one - across), splat(across), a + below
    above = left * read_lanes(nodes, a) + right * read_lanes(nodes, a + next_one)
    beneath = left * read_lanes(nodes, low) + right * read_lanes(nodes, low + next_one)
    return splat(one - down) * above + splat(down) * beneath


@kernel
def _look(gathered: Gathered, f: int, x: np.float32, y: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return what a texel sees, through a facet, of the lights whose rims cross that."""
    facet = gathered.facets[f]
    a, b = facet_point(facet, x - facet[CENTRE], y - facet[CENTRE + 1])
    some = gathered.light.near_first[f], gathered.light.near_first[f + 1]
    red, green, blue = see_lights(facet, a, b, gathered.light.near, some[0], some[1], gathered.lights)
    return facet[WEIGHT] * red, facet[WEIGHT + 1] * green, facet[WEIGHT + 2] * blue
