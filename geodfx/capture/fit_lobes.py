"""The `lobes` model: a smooth base and a few sharp lobes a texel, fitted in linear light to all photos at once.

    base      with flashes set aside -> which texels are smooth, and need no lobes
    search    lobes, each texel alone
    facets    regions whose texels see the same lobe -> the direction that fits them all -> each texel picks anew;
              a few times over, the base fitted again below the lobes
    finish    a facet's directions by channel, and how far the photos leave them open -> amplitudes; what neighbouring
              lights tell beyond the base -> codes

What one pass reads of other texels, the pass before has written, so that the result does not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.base_map import Base, base_light
from geodfx.basis import TERMS, disc_average, light_kernel
from geodfx.capture.facet_find import Facets, find_facets, gather_members, guess_facets
from geodfx.capture.facet_fit import finish_facets, move_facets
from geodfx.capture.facet_pick import MAX_CHOICES, pick_lobes
from geodfx.capture.fit_base import even_dark, guess_prior, learn_prior
from geodfx.capture.fit_settings import THOROUGH, LobeSettings
from geodfx.capture.fit_smooth import LOBE_BASIS, choose_planes, encode_detailed, mark_smooth
from geodfx.capture.fit_state import CHUNK, FitState, facet_samples, find_places, fitted_chunks
from geodfx.capture.fit_tilt import fit_edges
from geodfx.capture.lobe_fit import search_lobes
from geodfx.capture.lobe_pack import pack, thin_out
from geodfx.capture.lobe_search import make_search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, held, make_lobe_sets, make_work, settle_channels
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.jit import run_bands
from geodfx.lobe_map import Lobes
from geodfx.progress import Progress

__all__ = ["LobeModel", "fit_lobes", "soften"]

SPARSITY = 0.1  # loss of an amplitude of displayed white: a lobe at a light's rim is held to be seen whole
WORTH, WORTH_FORMED = 0.05, 0.2  # loss that a lobe must save; one that may be longer than wide
# Some texels are searched thoroughly: what they find, the others then pick up. Formed lobes take several times as long
# to move, and fewer are.
LATTICE_FORMED = 4

# Where the photos leave a lobe's direction open by a standard deviation s, what a display shows of it on average is
# best met by this share of its amplitude and this width (s and the width in the light's radius), for lobes that do not
# clip: a display's gamma lifts a blurred rim. Solved by least squares over the disc (tests/capture/test_fit.py).
SPREADS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
SHARES = (1.0, 0.97, 0.92, 0.85, 0.78, 0.71, 0.65, 0.59, 0.53, 0.47, 0.42)
SOFT_WIDTHS = (0.0, 0.037, 0.066, 0.092, 0.131, 0.16, 0.192, 0.222, 0.252, 0.295, 0.35)


@dataclass(frozen=True)
class LobeModel:
    """What the fit found."""

    base: Base
    lobes: Lobes
    light: Callable[[int, int], F32]  # radiance (n, L, 3) of texels first to last under the capture lights
    smooth_share: float  # of the texels: those that need no lobes


def fit_lobes(
    stack: RadianceStack,
    rig: LightRig,
    display_gain: float,
    turning: float,
    most_bytes: float,
    settings: LobeSettings = THOROUGH,
    progress: Progress | None = None,
    *,
    formed: bool = False,
) -> LobeModel:
    """Fit base and lobes to a stack of radiance, displayed at `display_gain`.

    turning: how far the camera's view turns from texel to texel, radians; 0 for a distant camera. most_bytes: that
    base, lobes and facets may take. formed: lobes may be longer than wide, as they are over tilts.
    """
    radiance, _, _ = light_kernel(rig.radius_rad)
    count = len(stack.texels)
    state = FitState(
        stack,
        find_places(stack),
        make_search(
            rig.direction, rig.radius_rad, radiance * display_gain, SPARSITY, formed=formed, widths=settings.widths
        ),
        np.stack([disc_average(LOBE_BASIS, light, rig.radius_rad) for light in rig.direction]),
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
    _fit_bases(state)
    if not settings.lobes:
        state.smooth[:] = True
    elif settings.detail and not formed:
        mark_smooth(state)
    _search(state)
    state.prior = learn_prior(state.coefficient)
    facets = guess_facets(state.sets, gather_members(state.sets, 0), state.places)
    for step in range(settings.passes):
        facets = _find_facets(state, turning)
        _pick(state, facets, f"facets {step + 1} of {settings.passes}")
    found = fit_edges(state, facets, most_bytes) if formed else None
    if found is not None:
        return LobeModel(found.base, found.lobes, found.light, 0.0)
    return _finish(state, facets, most_bytes)


def _fit_bases(state: FitState) -> None:
    """Fit each texel's base with its flashes set aside."""
    count = len(state.stack.texels)

    def work(first: int, last: int) -> None:
        for _ in fitted_chunks(state, first, last, robust=True):
            pass

    run_bands(work, count, state.count("base", count))


def _search(state: FitState) -> None:
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


def _pick(state: FitState, facets: Facets, stage: str) -> None:
    """Let each texel choose anew among the facets of its neighbourhood."""
    count = len(state.stack.texels)
    number, facet = state.sets.number.copy(), state.sets.facet.copy()

    def work(first: int, last: int) -> None:
        own, spare, choices = make_work(state.search), make_work(state.search), make_work(state.search, MAX_CHOICES)
        for begin, x, clear, base in fitted_chunks(state, first, last):
            args = (x, clear, base, begin, state.smooth, state.places, facets, number, facet, state.sets)
            pick_lobes(state.search, own, spare, choices, *args)

    run_bands(work, count, state.count(stage, count))


def _finish(state: FitState, facets: Facets, most_bytes: float) -> LobeModel:
    """Give the facets their fire and doubt, solve for the amplitudes once more, and pack.

    A lobe that belongs to no facet becomes one of its own.
    """
    sets = state.sets
    planes = choose_planes(state, most_bytes)
    thin_out(sets, state.search, state.places, most_bytes - planes[-1] * state.places.texel.size)
    facets = _add_single(sets, facets)
    members = gather_members(sets, len(facets.width))
    size = np.diff(members.start)
    count = len(state.stack.texels)

    def finish(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, samples in facet_samples(state, facets, members, first, last):
            finish_facets(state.search, own, sets, samples, size, begin, facets)

    run_bands(finish, len(facets.width), state.count("finish", len(facets.width)))
    if not state.settings.fire:
        facets.fire[:] = 0
    if not state.settings.doubt:
        facets.spread[:] = 0
    share, soft = soften(facets.spread / float(state.search.radius))
    width = np.sqrt(facets.width.astype(np.float64) ** 2 + (soft * float(state.search.radius)) ** 2)

    def amplitudes(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, x, clear, base in fitted_chunks(state, first, last):
            some = slice(begin, begin + len(x))
            direction = state.look(facets, some)
            settle_channels(
                state.search,
                own,
                x,
                clear,
                base,
                sets.number[some],
                direction,
                sets.width[some],
                sets.form[some],
                sets.amplitude[some],
            )
            if len(facets.width):
                facet = np.maximum(sets.facet[some], 0)
                sets.amplitude[some] *= share[facet][..., None].astype(np.float32)
                sets.width[some] = width[facet]

    run_bands(amplitudes, count)
    even_dark(state.coefficient, state.places.column, state.places.row, float(state.terms[0, 0]))
    base, terms = encode_detailed(state, facets, planes)
    # The base is in codes, and lobes point where their facets do: packing has more room.
    state.coefficient = state.coefficient[:0].copy()
    state.sets = sets = sets._replace(direction=sets.direction[:0].copy())

    def light(first: int, last: int) -> F32:
        some = slice(first, last)
        total: F32 = base_light(base, state.stack.texels[some], terms) + state.lobes(some, facets) / state.gain
        return total

    left = most_bytes - base.planes.nbytes
    facets = facets._replace(width=width.astype(np.float32))
    lobes = pack(sets, facets, members, state.places, state.search, left)
    return LobeModel(base, lobes, light, float(state.smooth.mean()))


def _add_single(sets: LobeSets, facets: Facets) -> Facets:
    """Return the facets and, after them, one for each lobe that belongs to none, whose number goes into `sets`."""
    single = (np.arange(MAX_LOBES) < sets.number[:, None]) & (sets.facet < 0)
    count = int(single.sum())
    sets.facet[single] = len(facets.width) + np.arange(count, dtype=np.int32)
    plane = np.zeros((count, 3, 3))
    plane[:, 0] = sets.direction[single]
    return Facets(
        np.concatenate([facets.centre, np.zeros((count, 2))]),
        np.concatenate([facets.plane, plane]),
        np.concatenate([facets.fire, np.zeros((count, 3, 3))]),
        np.concatenate([facets.width, sets.width[single]]),
        np.concatenate([facets.form, sets.form[single]]),
        np.concatenate([facets.spread, np.zeros(count)]),
    )


def soften(spread: F64) -> tuple[F64, F64]:
    """Return the share of a lobe's amplitude and its width for spreads of its direction, in the light's radius."""
    return np.interp(spread, SPREADS, SHARES), np.interp(spread, SPREADS, SOFT_WIDTHS)
