"""Which texels of a stone need no lobes, and its base in codes, with the detail that photos tell beyond nine terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geodfx.arrays import F32, F64, I64, evenly
from geodfx.base_map import LOSS, Base, cut_light, encode_base, lost_by_planes, principal_parts
from geodfx.basis import disc_averages, dome_nodes, evaluate
from geodfx.capture.facet_find import Facets
from geodfx.capture.fit_detail import (
    GAMMA,
    SAMPLE,
    SMOOTH_SHARE,
    Detail,
    add_detail,
    choose_detail,
    detailed_light,
    find_smooth,
    leave_one_out,
    show,
    towards,
)
from geodfx.capture.fit_state import CHUNK, FitState
from geodfx.capture.lobe_pack import room_for_lobes
from geodfx.jit import run_bands

__all__ = ["LOBE_BASIS", "choose_planes", "encode_detailed", "mark_smooth"]

LOBE_BASIS = "hsh"
LEAST_SMOOTH = 0.2  # of the texels: fewer do not pay for planes that hold detail
DETAIL_GAIN = 0.75  # where there are lobes, detail must foretell photos better than this to be worth its planes


def mark_smooth(state: FitState) -> None:
    """Find the texels whose photos foretell each other, and how far they do."""
    count = len(state.stack.texels)
    detail, _ = choose_detail(state.directions, *state.left(evenly(count, SAMPLE)), SMOOTH_SHARE)
    sums = np.empty((count, 2), np.float32)

    def measure(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            part = slice(begin, min(begin + CHUNK, last))
            residual, x, base = state.left(part)
            leave_one_out(detail.inverse, residual, show(x), base**GAMMA, sums[part])

    run_bands(measure, count)
    place = (state.places.column, state.places.row, len(state.terms))
    smooth = find_smooth(sums, *place)
    if smooth.mean() < LEAST_SMOOTH:
        return
    some = evenly(count, SAMPLE)
    residual, _, base = state.left(some)
    parts = principal_parts(np.where(smooth[some, None, None], detailed_light(residual, base), base))

    def cut(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            part = slice(begin, min(begin + CHUNK, last))
            residual, _, base = state.left(part)
            sums[part, 0] += _cut_loss(parts, residual, base, np.float32(0.0))

    run_bands(cut, count)
    smooth = find_smooth(sums, *place)
    if smooth.mean() >= LEAST_SMOOTH:
        state.smooth, state.detail = smooth, detail


def _cut_loss(parts: tuple[F64, F64], residual: F32, base: F32, lobes: F32 | np.float32) -> F32:
    """Return what the planes' few principal parts take from what is shown, (n,): squares over lights and channels."""
    light = detailed_light(residual, base)
    loss = show(light + lobes) - show(cut_light(parts, light) + lobes)
    squares: F32 = np.einsum("nlc,nlc->n", loss, loss)
    return squares


def choose_planes(
    state: FitState, most_bytes: float, lost_within: Callable[[float], float]
) -> tuple[tuple[int, ...], float]:
    """Return how many planes the base may have, fewest first, and how many of most_bytes the last leaves to lobes.

    The last is the fewest with which base and lobes lose no more than LOSS of what is shown, or else those with which
    they lose least. lost_within: what lobes and facets within some bytes lose, a mean square.
    """
    some = evenly(len(state.stack.texels), SAMPLE)
    residual, _, base = state.left(some)
    light = np.where(state.smooth[some, None, None], detailed_light(residual, base), base)
    planes, shape = state.settings.planes, state.places.texel.shape
    best, least, its_room = 0, np.inf, 0.0
    for i, base_lost in enumerate(lost_by_planes(light, planes)):
        room = room_for_lobes(shape, most_bytes - planes[i] * state.places.texel.size)
        if i > 0 and room < 0:
            break
        lost = float(base_lost) + lost_within(room)
        if lost < least:
            best, least, its_room = i, lost, room
        if lost <= LOSS**2:
            break
    return planes[: best + 1], its_room


def encode_detailed(state: FitState, facets: Facets, planes: Sequence[int]) -> tuple[Base, F64]:
    """Return the base in codes, with the detail that photos tell beyond it, and its terms (L, T) under the lights.

    planes: how many there may be, fewest first.
    """
    shape, texels, gain = state.places.texel.shape, state.stack.texels, float(state.gain)
    rough = None if state.search.formed or not state.settings.detail else _rough_detail(state, facets, planes)
    if rough is None and state.detail is None:

        def coefficients(texels: slice | I64) -> F32:
            linear: F32 = (state.coefficient[texels] / state.gain).transpose(0, 2, 1)
            return linear

        return encode_base(LOBE_BASIS, "linear", coefficients, texels, shape, gain, planes), state.terms
    nodes = dome_nodes()
    terms = disc_averages(LOBE_BASIS, nodes, [state.radius_rad] * len(nodes)).astype(np.float32)
    weights = [None if detail is None else towards(detail, state.directions, nodes) for detail in (rough, state.detail)]

    def values(texels: slice | I64) -> F32:
        light = np.maximum(np.einsum("ncj,tj->ntc", state.coefficient[texels], terms), np.float32(0.0))
        residual, _, _ = state.left(texels, facets)
        for smooth, weight in enumerate(weights):
            if weight is not None:
                add_detail(weight, residual, state.smooth[texels] == smooth, light)
        radiance: F32 = light / state.gain
        return radiance

    return encode_base("dome", "linear", values, texels, shape, gain, planes), evaluate("dome", state.directions)


def _rough_detail(state: FitState, facets: Facets, planes: Sequence[int]) -> Detail | None:
    """Return the detail of the texels that are not smooth, if it foretells photos better than base and lobes alone."""
    rough = np.flatnonzero(~state.smooth)
    if len(rough) == 0:
        return None
    some = rough[evenly(len(rough), SAMPLE)]
    residual, x, base = state.left(some, facets)
    lobes = state.lobes(some, facets)
    detail, sums = choose_detail(state.directions, residual, x, base + lobes, 1.0)
    cut = _cut_loss(principal_parts(detailed_light(residual, base), planes), residual, base, lobes)
    return detail if sums[:, 0].sum() + cut.sum() < DETAIL_GAIN * sums[:, 1].sum() else None
