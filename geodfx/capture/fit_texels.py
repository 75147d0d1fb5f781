"""The passes of the `lobes` fit over some texels: their lobes, the facets that these share, and their amplitudes.

What one pass reads of other texels, the pass before has written, so that the result does not depend on the threads.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geodfx.arrays import F32, I64
from geodfx.basis import TERMS, disc_averages, light_kernel
from geodfx.capture.facet_find import Facets, find_facets, gather_members, guess_facets, join_facets
from geodfx.capture.facet_fit import finish_facets as finish_some
from geodfx.capture.facet_fit import move_facets
from geodfx.capture.facet_pick import MAX_CHOICES, pick_lobes
from geodfx.capture.fit_base import guess_prior, learn_prior
from geodfx.capture.fit_settings import LobeSettings
from geodfx.capture.fit_smooth import LOBE_BASIS
from geodfx.capture.fit_state import CHUNK, FitState, Stack, facet_samples, find_places, fitted_chunks
from geodfx.capture.fold import FoldedStack
from geodfx.capture.lobe_channels import settle_channels
from geodfx.capture.lobe_fit import search_lobes
from geodfx.capture.lobe_search import make_search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, held, make_lobe_sets, make_work
from geodfx.capture.rig import LightRig
from geodfx.jit import run_bands
from geodfx.progress import Progress

__all__ = [
    "add_single",
    "finish_facets",
    "fit_bases",
    "fit_texels",
    "make_state",
    "part_of",
    "pick",
    "search",
    "settle",
]

SPARSITY = 0.1  # loss of an amplitude of displayed white: a lobe at a light's rim is held to be seen whole
WORTH, WORTH_FORMED = 0.05, 0.2  # loss that a lobe must save; one that may be longer than wide
# Some texels are searched thoroughly: what they find, the others then pick up. Formed lobes take several times as long
# to move, and fewer are.
LATTICE_FORMED = 4


def make_state(
    stack: Stack,
    rig: LightRig,
    display_gain: float,
    settings: LobeSettings,
    progress: Progress | None,
    *,
    formed: bool,
) -> FitState:
    """Return the fit before anything is known of the stone."""
    radiance, _, _ = light_kernel(rig.radius_rad)
    count = len(stack.texels)
    return FitState(
        stack,
        find_places(stack),
        make_search(
            rig.direction, rig.radius_rad, radiance * display_gain, SPARSITY, formed=formed, widths=settings.widths
        ),
        disc_averages(LOBE_BASIS, rig.direction, [rig.radius_rad] * len(rig.direction)),
        guess_prior(TERMS[LOBE_BASIS]),
        np.float32(display_gain),
        np.zeros((count, 3, TERMS[LOBE_BASIS]), np.float32),
        make_lobe_sets(count),
        rig.direction,
        rig.radius_rad,
        None,
        np.zeros(count, np.bool_),
        settings,
        progress,
    )


def part_of(state: FitState, texels: I64) -> FitState:
    """Return the fit of some of the texels by themselves, before any of their lobes are known."""
    stack = state.stack
    folded = (
        stack.part(texels)
        if isinstance(stack, FoldedStack)
        else FoldedStack(stack, texels[:, None], stack.texels[texels])
    )
    return replace(
        state,
        stack=folded,
        places=find_places(folded),
        coefficient=np.zeros_like(state.coefficient[texels]),
        sets=make_lobe_sets(len(texels)),
        detail=None,
        smooth=np.zeros(len(texels), np.bool_),
        progress=None,
    )


def fit_bases(state: FitState) -> None:
    """Fit each texel's base with its flashes set aside."""
    count = len(state.stack.texels)

    def work(first: int, last: int) -> None:
        for _ in fitted_chunks(state, first, last, robust=True):
            pass

    run_bands(work, count, state.count("base", count))


def fit_texels(state: FitState, turning: float) -> Facets:
    """Find the lobes of all texels and the facets that they share."""
    search(state)
    state.prior = learn_prior(state.coefficient)
    facets = guess_facets(state.sets, gather_members(state.sets, 0), state.places)
    for step in range(state.settings.passes):
        facets = _find_facets(state, turning)
        pick(state, facets, f"facets {step + 1} of {state.settings.passes}")
    return facets


def search(state: FitState) -> None:
    """Find each texel's lobes from its own photos."""
    worth = np.float32(WORTH_FORMED if state.search.formed else WORTH)
    places, spacing = state.places, state.settings.spacing
    lattice = LATTICE_FORMED if state.search.formed else state.settings.lattice
    thorough = (places.row % lattice == 0) & (places.column % lattice == 0)
    left_out = state.smooth | (places.row % spacing > 0) | (places.column % spacing > 0)

    def work(first: int, last: int) -> None:
        own, spare = make_work(state.search), make_work(state.search)
        for begin in range(first, last, CHUNK):
            some = slice(begin, min(begin + CHUNK, last))
            if not left_out[some].all():
                x, clear = state.photos(some)
                args = (worth, left_out, thorough, x, clear, state.base(some), begin, state.sets)
                search_lobes(state.search, own, spare, *args)

    count = len(state.stack.texels)
    run_bands(work, count, state.count("search", count))
    if spacing > 1:
        source = places.texel[places.row // spacing * spacing, places.column // spacing * spacing]
        start = np.flatnonzero(left_out & ~state.smooth & (source >= 0))
        for begin in range(0, len(start), CHUNK):
            some = start[begin : begin + CHUNK]
            for values in held(state.sets, formed=state.search.formed):
                values[some] = values[source[some]]


def _find_facets(state: FitState, turning: float) -> Facets:
    """Find facets among the lobes that stand, and move each to where it fits its texels best."""
    count = find_facets(state.sets, state.places, float(state.search.radius))
    members = gather_members(state.sets, count)
    facets = guess_facets(state.sets, members, state.places)

    def work(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, samples in facet_samples(state, facets, members, first, last):
            move_facets(state.search, own, state.sets, samples, begin, turning, facets)

    run_bands(work, count)
    return facets


def pick(state: FitState, facets: Facets, stage: str, trust: float = 0.0) -> None:
    """Let each texel choose anew among the facets of its neighbourhood.

    trust: in the lobes that it has, as so many photos each.
    """
    count = len(state.stack.texels)
    number, facet = state.sets.number.copy(), state.sets.facet.copy()
    standing = MAX_LOBES if trust > 0 else 0

    def work(first: int, last: int) -> None:
        own, spare = make_work(state.search, standing=standing), make_work(state.search, standing=standing)
        choices = make_work(state.search, MAX_CHOICES, standing)
        for begin, x, clear, base in fitted_chunks(state, first, last):
            args = (x, clear, base, begin, state.smooth, state.places, facets, number, facet, np.float32(trust))
            pick_lobes(state.search, own, spare, choices, *args, state.settings.swaps, state.sets)

    run_bands(work, count, state.count(stage, count))


def finish_facets(state: FitState, facets: Facets) -> Facets:
    """Give the facets their fire and doubt. A lobe that belongs to no facet becomes one of its own."""
    facets = add_single(state.sets, facets)
    members = gather_members(state.sets, len(facets.width))
    size = np.diff(members.start)

    def finish(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, samples in facet_samples(state, facets, members, first, last):
            finish_some(state.search, own, state.sets, samples, size, begin, facets)

    run_bands(finish, len(facets.width), state.count("finish", len(facets.width)))
    if not state.settings.fire:
        facets.fire[:] = 0
    if not state.settings.doubt:
        facets.spread[:] = 0
    return facets


def settle(state: FitState, facets: Facets, trust: float) -> F32:
    """Solve for the base and the amplitudes of all texels; returns what they leave of each, (T,)."""
    sets = state.sets
    loss = np.zeros(len(state.stack.texels), np.float32)

    def settle(first: int, last: int) -> None:
        own = make_work(state.search, standing=MAX_LOBES if trust > 0 else 0)
        for begin, x, clear, base in fitted_chunks(state, first, last):
            some = slice(begin, begin + len(x))
            settle_channels(
                state.search,
                own,
                x,
                clear,
                base,
                sets.number[some],
                state.look(facets, some),
                sets.width[some],
                sets.form[some],
                np.float32(trust),
                sets.amplitude[some],
                loss[some],
            )

    run_bands(settle, len(loss))
    return loss


def add_single(sets: LobeSets, facets: Facets) -> Facets:
    """Return the facets and, after them, one for each lobe that belongs to none, whose number goes into `sets`."""
    single = (np.arange(MAX_LOBES) < sets.number[:, None]) & (sets.facet < 0)
    count = int(single.sum())
    sets.facet[single] = len(facets.width) + np.arange(count, dtype=np.int32)
    plane = np.zeros((count, 3, 3))
    plane[:, 0] = sets.direction[single]
    single_facets = Facets(
        np.zeros((count, 2)),
        plane,
        np.zeros((count, 3, 3)),
        sets.width[single],
        sets.form[single].astype(np.float64),
        np.zeros(count),
    )
    return join_facets([facets, single_facets])
