"""The end of the `lobes` fit over tilts: facets get the edges that cut their flashes off, and texels see what is left.

Facets are fitted one after another, each to what the others leave of the photos, some times over. Those that no texel
shares do not matter to each other and are fitted at once; which are is told beforehand, so that the result
does not depend on the threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from geodfx.arrays import F32, F64, I64, evenly
from geodfx.base_map import Base, base_light
from geodfx.basis import chart_encode, flat_points
from geodfx.capture.cut import TracedCut
from geodfx.capture.cut_flashes import start_from_cut
from geodfx.capture.facet_edges import fit_flash
from geodfx.capture.facet_find import Facets, gather_members
from geodfx.capture.facet_flash import Flashes, Reach, Seen, add_flashes, peak_flashes
from geodfx.capture.facet_pairs import list_spans
from geodfx.capture.facet_reach import around, batches_apart, keep, list_reach, reach_extents
from geodfx.capture.fit_base import even_dark, fit_base
from geodfx.capture.fit_detail import show
from geodfx.capture.fit_smooth import encode_detailed
from geodfx.capture.fit_state import CHUNK, FitState
from geodfx.capture.lobe_pack import DIM, ENDED_BYTES, tabulate
from geodfx.constants import DISPLAY_GAMMA, EDGES
from geodfx.jit import run_bands
from geodfx.lobe_map import FacetTable, Lobes, pack_flashes
from geodfx.patches import extent_bytes

__all__ = ["TiltModel", "fit_edges"]

PLANES = (1, 2, 4)  # of the base: little of such a stone is smooth
LEAST_MEMBERS = 4  # texels of a facet
FIRST_ROUNDS, ROUNDS = 20, 10  # of a facet's fit in the first sweep, and in the others
TRACED_SWEEPS, TRACED_ROUNDS = 2, 25  # where facets begin as flashes of a traced cut: they are not far from the end
TRIED = 2048  # texels by which it is judged
WORTH = 4.0  # loss that a facet must save to stay for the next sweep: half of them do not, and are not missed
AROUND = 0.03  # of the stone's extent: how far beyond its texels a facet may reach at other tilts
START_SHARP = 1.5  # of edges at first, a texel
START_SIZE = 0.95  # of a facet's texels that lie inside an edge at first


@dataclass(frozen=True)
class TiltModel:
    """What the end of the fit found."""

    base: Base
    lobes: Lobes
    light: Callable[[int, int], F32]  # radiance (n, L, 3) of texels first to last at the captured tilts


def fit_edges(state: FitState, facets: Facets, most_bytes: float, traced: TracedCut | None = None) -> TiltModel | None:
    """Fit the edges of facets with all their other numbers, the base below them, and pack both.

    traced: the stone's cut, whose flashes the facets then are to begin with.

    Returns None, the state as it was, where that meets the photos worse than what texels found: where facets are a few
    texels small.
    """
    before, kept = _loss(state, state.lobes), state.coefficient.copy()
    point = chart_encode(state.directions)
    state = replace(state, search=state.search._replace(light=flat_points(state.directions).astype(np.float32)))
    flashes, reach = _start(state, facets) if traced is None else _start_traced(state, traced, most_bytes)
    sweeps = state.settings.sweeps if traced is None else min(state.settings.sweeps, TRACED_SWEEPS)
    if traced is not None:
        _fit_base(state, point, flashes, reach)
    for sweep in range(sweeps):
        brightness = flashes.weight.sum(axis=1) * np.diff(reach.texel_start)
        gain, spans = np.zeros(len(flashes.width)), list_spans(state.search, flashes)
        rounds = ROUNDS if sweep > 0 else FIRST_ROUNDS if traced is None else TRACED_ROUNDS
        done = state.count(f"edges {sweep + 1} of {sweeps}", len(flashes.width))
        for batch in batches_apart(reach, brightness, len(state.stack.texels)):
            _fit_batch(state, point, flashes, spans, reach, batch, rounds, traced is not None, gain)
            if done is not None:
                done(len(batch))
        _fit_base(state, point, flashes, reach)
        if traced is None and sweep + 1 < sweeps:
            flashes, reach = keep(flashes, reach, gain >= WORTH, len(state.stack.texels))
    places = state.places
    even_dark(state.coefficient, places.column, places.row, float(state.terms[0, 0]))
    base, terms = encode_detailed(state, facets, PLANES)
    flashes, reach, extent = _choose(state, point, flashes, reach, most_bytes - base.planes.nbytes)
    seen = _seen(flashes, reach)
    if _loss(state, lambda texels: _show(state, point, flashes, seen, texels)) > before:
        state.coefficient[:] = kept
        return None

    def light(first: int, last: int) -> F32:
        texels = np.arange(first, last)
        total: F32 = base_light(base, state.stack.texels[texels], terms)
        return total + _show(state, point, flashes, seen, texels) / state.gain

    return TiltModel(base, _pack(state, flashes, extent), light)


def _seen(flashes: Flashes, reach: Reach) -> Seen:
    """Return what texels see of the facets that reach them: all of each, between its edges."""
    return Seen(reach.facet_start, reach.facet, flashes.weight[reach.facet])


def _loss(state: FitState, lobes: Callable[[I64], F32]) -> float:
    """Return the mean square of what a display shows of texels, evenly among all, that base and lobes do not meet."""
    texels = evenly(len(state.stack.texels), TRIED)
    x, clear = state.photos(texels)
    off = (show(x) - show(state.base(texels) + lobes(texels))) * clear[..., None]
    return float(np.mean(off * off, dtype=np.float64))


def _start(state: FitState, facets: Facets) -> tuple[Flashes, Reach]:
    """Return the facets, their edges around their texels, and which texels each may reach.

    Lobes that belong to no facet are left out: each would take as much as a facet, and they are what edges leave over.
    """
    sets, places = state.sets, state.places
    members = gather_members(sets, len(facets.width))
    table = tabulate(facets, members, places, 0.0)
    kept = np.flatnonzero(np.diff(members.start) >= LEAST_MEMBERS)
    flashes = Flashes(
        table.centre[kept].astype(np.float64),
        table.place[kept, 1],
        table.slope[kept],
        facets.form[kept].astype(np.float64),
        table.width[kept],
        np.zeros((len(kept), 3)),
        np.zeros((len(kept), EDGES, 5)),
        np.zeros((len(kept), 3, 2)),
    )
    wide = max(3, round(AROUND * math.sqrt(len(state.stack.texels))))
    turn = 2 * math.pi * (np.arange(EDGES) + 0.5) / EDGES
    outwards = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    texels = []
    for k, f in enumerate(kept):
        some = slice(members.start[f], members.start[f + 1])
        texel = members.texel[some].astype(np.int64)
        flashes.weight[k] = sets.amplitude[texel, members.lobe[some]].mean(axis=0)
        away = np.stack([places.column[texel], places.row[texel]], axis=1) - flashes.centre[k]
        flashes.edge[k, :, 0] = START_SHARP * (np.quantile(away @ outwards.T, START_SIZE, axis=0) + 0.5)
        flashes.edge[k, :, 1:3] = -START_SHARP * outwards
        texels.append(around(places, texel, wide))
    return flashes, list_reach(texels, len(state.stack.texels))


def _start_traced(state: FitState, traced: TracedCut, most_bytes: float) -> tuple[Flashes, Reach]:
    """Return the facets that a traced cut begins with, and which texels each may reach."""
    flashes, texels = start_from_cut(state, traced, most_bytes)
    return flashes, list_reach(texels, len(state.stack.texels))


def _fit_batch(
    state: FitState, point: F64, flashes: Flashes, spans: F32, reach: Reach, batch: I64, rounds: int, trusted: bool,
    gain: F64,
) -> None:  # fmt: skip
    """Fit facets that share no texel, and write into gain (F,) how much more would be lost without each."""

    def work(first: int, last: int) -> None:
        for f in batch[first:last]:
            its = reach.texel[reach.texel_start[f] : reach.texel_start[f + 1]]
            texels = its[evenly(len(its), state.settings.search.samples)].astype(np.int64)
            x, clear = state.photos(texels)
            gain[f] = len(its) / len(texels) * fit_flash(
                state.search, point, flashes, spans, f, reach, state.places.column, state.places.row,
                texels, x, clear, state.base(texels), rounds, trusted,
            )  # fmt: skip

    run_bands(work, len(batch))


def _show(state: FitState, point: F64, flashes: Flashes, seen: Seen, texels: I64) -> F32:
    """Return what some texels see of facets, displayed light (n, L, 3)."""
    light = np.zeros((len(texels), len(state.directions), 3), np.float32)
    add_flashes(state.search, point, flashes, seen, state.places.column, state.places.row, texels, light)
    return light


def _fit_base(state: FitState, point: F64, flashes: Flashes, reach: Reach) -> None:
    """Fit each texel's base below what the facets show."""
    seen = _seen(flashes, reach)

    def work(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            some = slice(begin, min(begin + CHUNK, last))
            x, clear = state.photos(some)
            light = _show(state, point, flashes, seen, np.arange(some.start, some.stop))
            fit_base(x, clear, light, state.terms, state.prior, False, state.coefficient[some], np.empty_like(x))

    run_bands(work, len(state.stack.texels))


def _choose(
    state: FitState, point: F64, flashes: Flashes, reach: Reach, most_bytes: float
) -> tuple[Flashes, Reach, I64]:
    """Return the facets that show most, as many as fit, which texels see them, and their extents (F, 4).

    An extent holds the texels that a facet shows DIM or more at a captured tilt.
    """
    peak = np.zeros(len(reach.texel), np.float32)

    def work(first: int, last: int) -> None:
        column, row = state.places.column, state.places.row
        peak_flashes(state.search, point, flashes, reach, column, row, first, last, peak)

    run_bands(work, len(flashes.width))
    facet = np.repeat(np.arange(len(flashes.width)), np.diff(reach.texel_start))
    bright = peak * flashes.weight.max(axis=1)[facet].astype(np.float32)
    seen = np.flatnonzero(bright >= DIM)
    shown = np.minimum(bright[seen], 1) ** (1 / DISPLAY_GAMMA)
    total = np.bincount(facet[seen], weights=shown, minlength=len(flashes.width))
    height, width = state.places.texel.shape
    low, high = np.full((len(total), 2), max(height, width)), np.zeros((len(total), 2), np.int64)
    place = np.stack([state.places.column[reach.texel[seen]], state.places.row[reach.texel[seen]]], axis=1)
    np.minimum.at(low, facet[seen], place)
    np.maximum.at(high, facet[seen], place)
    extent = np.concatenate([low, high + 1 - low], axis=1)
    brightest = np.argsort(-total, kind="stable")[: np.count_nonzero(total)]
    taken = np.cumsum(ENDED_BYTES + extent_bytes(extent[brightest]))
    chosen = np.sort(brightest[taken <= most_bytes])
    extent = extent[chosen]
    kept = Flashes(*(each[chosen] for each in flashes))
    return kept, reach_extents(state.places, extent, len(state.stack.texels)), extent


def _pack(state: FitState, flashes: Flashes, extent: I64) -> Lobes:
    """Return the tables of the facets."""
    most = np.array([64.0, 8.0, 8.0, 512.0, 512.0])  # of an edge's numbers, beyond which codes do not reach
    edge = flashes.edge / np.maximum(1.0, np.abs(flashes.edge / most).max(axis=2, keepdims=True))
    table = FacetTable(
        flashes.place[:, None] + flashes.fire,
        flashes.slope,
        np.rint(flashes.centre).astype(np.int64),
        flashes.width,
        np.zeros(len(flashes.width)),
        flashes.form,
        edge,
        flat=True,
    )
    return pack_flashes(table, flashes.weight / float(state.search.ceiling), extent)
