"""The photos by which a facet over tilts is judged: texels and tilts near its flash, and what others leave there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, I64
from geodfx.basis import formed_chord, lobe_reach
from geodfx.capture.facet_flash import Flashes, Reach, fire_reach, place_flash, see_flash
from geodfx.capture.lobe_search import Search
from geodfx.jit import kernel

__all__ = ["leave", "list_pairs", "list_spans"]

I32 = npt.NDArray[np.int32]

NEAR = np.float32(1.3)  # of a flash's reach: lights further from where it points are not asked


@kernel
def _looked_at(search: Search, flashes: Flashes, f: int) -> np.float32:
    """Return the chord from where a facet points, across its form, to the farthest light that `list_pairs` lists."""
    chord: np.float32 = NEAR * (np.sqrt(search.area) + np.float32(2.5 * flashes.width[f]))
    return chord + np.float32(fire_reach(flashes, f))


@kernel
def list_pairs(
    search: Search, flashes: Flashes, f: int, column: I32, row: I32, texels: I64, sample: I32, light: I32
) -> int:
    """List samples and lights near a facet's flash; returns how many pairs there are."""
    count = 0
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    farthest = _looked_at(search, flashes, f)
    for n in range(len(texels)):
        a, b = place_flash(flashes, f, float(column[texels[n]]), float(row[texels[n]]))
        for i in range(len(search.light)):
            its = search.light[i]
            q = formed_chord(np.float32(a) - its[0], np.float32(b) - its[1], np.float32(0.0), form_x, form_y)
            if q < farthest * farthest and count < len(sample):
                sample[count], light[count] = n, i
                count += 1
    return count


@kernel
def _longest(form_x: np.float32, form_y: np.float32) -> np.float32:
    """Return how many times as long as across a lobe is."""
    longest: np.float32 = np.float32(1.0) / np.sqrt(np.float32(1.0) - form_x * form_x - form_y * form_y)
    return longest


@kernel
def list_spans(search: Search, flashes: Flashes) -> F32:
    """Return of each facet how far from where it points it sees lights, across its form and along it, (F, 2)."""
    spans = np.empty((len(flashes.width), 2), np.float32)
    for f in range(len(spans)):
        across = lobe_reach(search.area, search.blur + np.float32(flashes.width[f] ** 2))
        across += np.float32(fire_reach(flashes, f))
        spans[f, 0] = across
        spans[f, 1] = across * _longest(np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1]))
    return spans


@kernel
def leave(
    search: Search,
    point: F64,
    flashes: Flashes,
    spans: F32,
    f: int,
    reach: Reach,
    column: I32,
    row: I32,
    texels: I64,
    x: F32,
    base: F32,
    sample: I32,
    light: I32,
    count: int,
    left: F64,
) -> None:
    """Write what base and the other facets leave of the photos at pairs (count,) into left (count, 3).

    spans: of `list_spans`. Facets are passed over that see no light that this one may: each measures by its own form,
    in which no chord is longer than it is.
    """
    seen, none = np.empty((len(search.light), 3)), np.float32(0.0)
    form_x, form_y = np.float32(flashes.form[f, 0]), np.float32(flashes.form[f, 1])
    own = _looked_at(search, flashes, f)
    long = own * _longest(form_x, form_y)
    begin = 0
    while begin < count:
        n, end = sample[begin], begin
        while end < count and sample[end] == n:
            i = light[end]
            for c in range(3):
                left[end, c] = float(x[n, i, c] - base[n, i, c])
            end += 1
        t = texels[n]
        right, down = float(column[t]), float(row[t])
        own_a, own_b = place_flash(flashes, f, right, down)
        for k in range(reach.facet_start[t], reach.facet_start[t + 1]):
            other = reach.facet[k]
            if other == f:
                continue
            a, b = place_flash(flashes, other, right, down)
            da, db = np.float32(a - own_a), np.float32(b - own_b)
            if formed_chord(da, db, none, form_x, form_y) > (own + spans[other, 1]) ** 2:
                continue
            to_x, to_y = np.float32(flashes.form[other, 0]), np.float32(flashes.form[other, 1])
            if formed_chord(da, db, none, to_x, to_y) > (spans[other, 0] + long) ** 2:
                continue
            see_flash(search, point, flashes, other, right, down, light[begin:end], end - begin, seen)
            for m in range(begin, end):
                for c in range(3):
                    left[m, c] -= flashes.weight[other, c] * seen[m - begin, c]
        begin = end
