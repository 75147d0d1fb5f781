"""What texels see of flashes: facets of a stone that tilts, each with its extent, under the one pseudo light of a tilt.

Such facets are flat, so that where one points, and what its edges let through, is linear across its texels; what it
sees of the light is a ramp in a square of that. Twins: shaders/flash_vertex.glsl and flash.glsl.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64, I64, Bool
from geodfx.basis import ramp_line
from geodfx.constants import EDGE_OUTSIDE, EDGES
from geodfx.jit import kernel
from geodfx.lobe_map import BLUE, CENTRE, FORM, PLACE, RED, SLOPE, WEIGHT, WIDTH

__all__ = ["Flashes", "add_flashes_row", "are_reached", "list_flashes"]

NEARLY = 1.001  # so that what is reached by a little is, too, on GPUs, which round
STEEP = 1e-12  # a texel, squared: what changes by less is the same everywhere


class Flashes(NamedTuple):
    """F facets under a light. Texels are told from a facet's own."""

    extent: I64  # (F, 4) first column and row, columns and rows
    centre: F32  # (F, 2) the facet's own texel
    away: (
        F32  # (F, 3, 2) from the light to where green points at it, and by how much more a texel to the right and down
    )
    apart: F32  # (F, 2, 2) red and blue from green
    most: F32  # (F,) less the square of that is what is seen of the light, within 0 and 1
    shown: F32  # (F, 3) where the light is seen whole
    edges: F32  # (F, EDGES, 3) how far inside an edge it lies, and by how much more a texel to the right and down


def list_flashes(extent: I64, facets: F32, edges: F32, lights: F32) -> Flashes:
    """Return the facets with extents (X, 4), of `decode_facets` and `move_edges`, under lights (L, 9) of `Lighting`.

    L is 1, or 0 where the light is below the horizon.
    """
    its, count = facets[: len(extent)], len(extent) if len(lights) else 0
    own = its[:count]
    most, unit = np.zeros(count, np.float32), np.zeros(count, np.float32)
    if count:
        _straighten(own[:, WIDTH], lights[0], most, unit)
    form = own[:, FORM : FORM + 2]
    soft = 1 + np.sqrt(np.maximum(1 - np.sum(form * form, axis=1), 0))

    def formed(step: F32) -> F32:
        """Return steps (F, 2) on the chart as lobes' forms count them: squared, they are `basis.formed_chord`."""
        counted: F32 = unit[:, None] * (step - form * (np.sum(form * step, axis=1) / soft)[:, None])
        return counted

    slope = own[:, SLOPE : SLOPE + 4].reshape(-1, 2, 2)
    away = [own[:, PLACE : PLACE + 2] - lights[:1, :2], slope[:, :, 0], slope[:, :, 1]]
    apart = [own[:, at : at + 2] for at in (RED, BLUE)]
    return Flashes(
        extent[:count],
        np.ascontiguousarray(own[:, CENTRE : CENTRE + 2]),
        np.stack([formed(step) for step in away], axis=1).astype(np.float32),
        np.stack([formed(step) for step in apart], axis=1).astype(np.float32),
        most,
        (own[:, WEIGHT : WEIGHT + 3] * lights[:1, 6:9]).astype(np.float32),
        edges[:count].astype(np.float32),
    )


def are_reached(flashes: Flashes, facet: I64, middle: F64, half: F64) -> Bool:
    """Tell of rectangles (P,) of facets whether the light reaches any of them, or nearly; edges are left aside.

    middle, half: column and row (P, 2) of their middles, and how far from there their outermost texels lie.
    """
    away = flashes.away[facet].astype(np.float64)
    off = middle - flashes.centre[facet]
    nearest = away[:, 0] + away[:, 1] * off[:, :1] + away[:, 2] * off[:, 1:]
    across = np.abs(away[:, 1]) * half[:, :1] + np.abs(away[:, 2]) * half[:, 1:]
    reach = np.sqrt(np.maximum(flashes.most, 0)) + np.sqrt((flashes.apart**2).sum(axis=2).max(axis=1))
    reached: Bool = (np.abs(nearest) <= across + NEARLY * reach[facet, None]).all(axis=1)
    return reached


@kernel
def _straighten(width: F32, light: F32, most: F32, unit: F32) -> None:
    """Write what `lobe_ramp` of facets (F,), linear in the squared chord, begins with, and the root of its fall."""
    for f in range(len(width)):
        most[f], fall = ramp_line(light[3], width[f] * width[f] + light[4])
        unit[f] = np.sqrt(fall)


@kernel
def add_flashes_row(flashes: Flashes, row: int, left: int, right: int, light: F32) -> None:
    """Add what some texels of a row see of flashes to light (3, W)."""
    rims = np.empty((EDGES, 2), np.float32)
    one, none = np.float32(1.0), np.float32(0.0)
    for f in range(len(flashes.extent)):
        column, above, columns, rows = flashes.extent[f]
        if row < above or row >= above + rows:
            continue
        away, apart, most, shown = flashes.away[f], flashes.apart[f], flashes.most[f], flashes.shown[f]
        edges, centre, down = flashes.edges[f], flashes.centre[f, 0], np.float32(row) - flashes.centre[f, 1]
        first, last = _span_inside(edges, max(column, left), min(column + columns, right), centre, down)
        first, last = _span_lit(away, apart, most, first, last, centre, down)
        if first >= last:
            continue
        count = _list_rims(edges, np.float32(first) - centre, np.float32(last - 1) - centre, down, rims)
        a_first, b_first = away[0, 0] + down * away[2, 0], away[0, 1] + down * away[2, 1]
        red_a, red_b, blue_a, blue_b = apart[0, 0], apart[0, 1], apart[1, 0], apart[1, 1]
        for at in range(first, last):
            x = np.float32(at) - centre
            parts = one
            for k in range(count):
                parts *= one + np.exp(-(rims[k, 0] + rims[k, 1] * x))
            a, b = a_first + away[1, 0] * x, b_first + away[1, 1] * x
            green = most - (a * a + b * b)
            red = green - (red_a * (a + a + red_a) + red_b * (b + b + red_b))
            blue = green - (blue_a * (a + a + blue_a) + blue_b * (b + b + blue_b))
            light[0, at] += shown[0] * min(max(red, none), one) / parts
            light[1, at] += shown[1] * min(max(green, none), one) / parts
            light[2, at] += shown[2] * min(max(blue, none), one) / parts


@kernel
def _span_inside(edges: F32, first: int, last: int, centre: np.float32, down: np.float32) -> tuple[int, int]:
    """Return between which of some columns any of a facet is let through by its edges (EDGES, 3)."""
    for e in range(edges.shape[0]):
        turn, at_centre = edges[e, 1], edges[e, 0] + edges[e, 2] * down + np.float32(EDGE_OUTSIDE)
        if turn == 0:
            if at_centre < 0:
                return first, first
            continue
        border = float(centre - at_centre / turn)  # where the edge lets too little through
        if turn > 0:
            first = max(first, math.ceil(max(border, -1.0)))
        else:
            last = min(last, math.floor(min(border, 1e6)) + 1)
    return first, last


@kernel
def _span_lit(
    away: F32, apart: F32, most: np.float32, first: int, last: int, centre: np.float32, down: np.float32
) -> tuple[int, int]:
    """Return between which of some columns any of the light is seen, or a little more."""
    a, b = float(away[0, 0] + down * away[2, 0]), float(away[0, 1] + down * away[2, 1])
    right_a, right_b = float(away[1, 0]), float(away[1, 1])
    fire = math.sqrt(max(apart[0, 0] ** 2 + apart[0, 1] ** 2, apart[1, 0] ** 2 + apart[1, 1] ** 2))
    reach = math.sqrt(most) + fire
    steep, along, beyond = right_a * right_a + right_b * right_b, right_a * a + right_b * b, a * a + b * b - reach**2
    if steep < STEEP:
        return (first, last) if beyond < STEEP else (first, first)
    squared = along * along - steep * beyond
    if squared < 0:
        return first, first
    half, middle = math.sqrt(squared) / steep, float(centre) - along / steep
    first = max(first, math.floor(max(middle - half, -1.0)))
    return first, min(last, math.ceil(min(middle + half, 1e6)) + 1)


@kernel
def _list_rims(edges: F32, begin: np.float32, end: np.float32, down: np.float32, rims: F32) -> int:
    """Write the edges that take something between two texels of a row into rims (EDGES, 2); returns how many do."""
    count = 0
    for e in range(edges.shape[0]):
        lies, turn = edges[e, 0] + edges[e, 2] * down, edges[e, 1]
        if min(lies + turn * begin, lies + turn * end) < np.float32(EDGE_OUTSIDE):
            rims[count, 0], rims[count, 1] = lies, turn
            count += 1
    return count
