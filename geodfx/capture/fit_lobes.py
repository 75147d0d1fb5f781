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

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, Bool, evenly
from geodfx.base_map import Base, base_light, cut_light, encode_base, principal_parts
from geodfx.basis import TERMS, disc_average, dome_nodes, evaluate, light_kernel
from geodfx.capture.facet_find import Facets, Members, Places, find_facets, gather_members, guess_facets, look_along
from geodfx.capture.facet_fit import Samples, finish_facets, move_facets
from geodfx.capture.facet_pick import MAX_CHOICES, pick_lobes
from geodfx.capture.fit_base import even_dark, fit_base, guess_prior, learn_prior
from geodfx.capture.fit_detail import (
    SAMPLE,
    SMOOTH_SHARE,
    Detail,
    add_detail,
    choose_detail,
    detailed_light,
    find_smooth,
    leave_one_out,
    residuals,
    show,
    towards,
)
from geodfx.capture.lobe_fit import search_lobes
from geodfx.capture.lobe_pack import pack, thin_out
from geodfx.capture.lobe_search import Search, make_search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets, lobe_light, make_lobe_sets, make_work, settle_channels
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.jit import run_bands
from geodfx.lobe_map import Lobes
from geodfx.progress import Progress, counter

__all__ = ["LOBE_BASIS", "LobeModel", "fit_lobes", "soften"]

LOBE_BASIS = "hsh"
SPARSITY = 0.1  # loss of an amplitude of displayed white: a lobe at a light's rim is held to be seen whole
WORTH, WORTH_FORMED = 0.05, 0.2  # loss that a lobe must save; one that may be longer than wide
PASSES = 6  # over facets: what one texel found travels a few texels a pass
# Every second row and column is searched thoroughly: what they find, the others then pick up. Formed lobes take several
# times as long to move, and every fourth does.
LATTICE, LATTICE_FORMED = 2, 4
MOST_SAMPLES = 128  # of a facet's texels, evenly over it: more tell no more
BASE_PLANES = 8  # of a byte that a base takes where lobes have to make room
LEAST_SMOOTH = 0.2  # of the texels: fewer do not pay for planes that hold detail
DETAIL_GAIN = 0.75  # where there are lobes, detail must foretell photos better than this to be worth its planes
CHUNK = 512  # texels whose photos are held as floats at a time, by each core

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


@dataclass
class _State:
    """What the passes hand on; T texels."""

    stack: RadianceStack
    places: Places
    search: Search
    terms: F64  # (L, J)
    prior: F64  # (2, J) of the base's shape
    gain: np.float32
    coefficient: F32  # (T, 3, J)
    sets: LobeSets
    directions: F64  # (L, 3) of the lights
    radius_rad: float
    detail: Detail | None  # of smooth texels
    smooth: Bool  # (T,) texels that have no lobes
    progress: Progress | None

    def photos(self, texels: slice | I64) -> tuple[F32, F32]:
        """Return displayed light (n, L, 3) and its clearness (n, L)."""
        radiance, clear = self.stack.at(texels)
        return radiance * self.gain, clear

    def base(self, texels: slice | I64) -> F32:
        """Return the base's displayed light (n, L, 3)."""
        # Not through BLAS, whose last digits depend on how many texels come at once.
        light = np.einsum("ncj,lj->nlc", self.coefficient[texels], self.terms.astype(np.float32))
        above: F32 = np.maximum(light, np.float32(0.0))
        return above

    def lobes(self, texels: slice | I64, facets: Facets | None = None) -> F32:
        """Return the lobes' displayed light (n, L, 3): by their own directions, or by those of facets."""
        sets = self.sets
        number, width, form = sets.number[texels], sets.width[texels], sets.form[texels]
        light = np.zeros((len(number), len(self.terms), 3), np.float32)
        if number.any():
            own = np.repeat(sets.direction[texels][:, :, None], 3, axis=2)
            direction = own if facets is None else _directions(self, facets, texels)
            lobe_light(self.search, number, direction, width, form, sets.amplitude[texels], light)
        return light

    def count(self, stage: str, total: int) -> Callable[[int], None] | None:
        """Return what is to be told of a stage's progress."""
        return None if self.progress is None else counter(self.progress, stage, total)


def fit_lobes(
    stack: RadianceStack,
    rig: LightRig,
    display_gain: float,
    turning: float,
    most_bytes: float,
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
    state = _State(
        stack,
        _places(stack),
        make_search(rig.direction, rig.radius_rad, radiance * display_gain, SPARSITY, formed=formed),
        np.stack([disc_average(LOBE_BASIS, light, rig.radius_rad) for light in rig.direction]),
        guess_prior(TERMS[LOBE_BASIS]),
        np.float32(display_gain),
        np.zeros((count, 3, TERMS[LOBE_BASIS]), np.float32),
        make_lobe_sets(count),
        rig.direction,
        rig.radius_rad,
        None,
        np.zeros(count, np.bool_),
        progress,
    )
    _fit_bases(state)
    if not formed:
        _find_smooth(state)
    _search(state)
    state.prior = learn_prior(state.coefficient)
    for step in range(PASSES):
        facets = _find_facets(state, turning)
        _pick(state, facets, f"facets {step + 1} of {PASSES}")
    return _finish(state, facets, most_bytes)


def _fit_bases(state: _State) -> None:
    """Fit each texel's base with its flashes set aside."""
    count = len(state.stack.texels)

    def work(first: int, last: int) -> None:
        for _ in _chunks(state, first, last, robust=True):
            pass

    run_bands(work, count, state.count("base", count))


def _find_smooth(state: _State) -> None:
    """Find the texels whose photos foretell each other, and how far they do."""
    count = len(state.stack.texels)
    detail, _ = choose_detail(state.directions, *_left(state, evenly(count, SAMPLE)), SMOOTH_SHARE)
    sums = np.empty((count, 2), np.float32)

    def measure(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            part = slice(begin, min(begin + CHUNK, last))
            leave_one_out(detail.inverse, *_left(state, part), sums[part])

    run_bands(measure, count)
    place = (state.places.column, state.places.row, len(state.terms))
    smooth = find_smooth(sums, *place)
    if smooth.mean() < LEAST_SMOOTH:
        return
    some = evenly(count, SAMPLE)
    residual, _, base = _left(state, some)
    parts = principal_parts(np.where(smooth[some, None, None], detailed_light(residual, base), base))

    def cut(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            part = slice(begin, min(begin + CHUNK, last))
            residual, _, base = _left(state, part)
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


def _left(state: _State, texels: slice | I64, facets: Facets | None = None) -> tuple[F32, F32, F32]:
    """Return what base and lobes leave of the photos, the photos and the base's light, (n, L, 3) each."""
    x, clear = state.photos(texels)
    base, residual = state.base(texels), np.empty_like(x)
    residuals(x, clear, base, state.lobes(texels, facets), residual)
    return residual, x, base


def _search(state: _State) -> None:
    """Find each texel's lobes from its own photos."""
    worth = np.float32(WORTH_FORMED if state.search.formed else WORTH)
    lattice = LATTICE_FORMED if state.search.formed else LATTICE
    thorough = (state.places.row % lattice == 0) & (state.places.column % lattice == 0)

    def work(first: int, last: int) -> None:
        own, spare = make_work(state.search), make_work(state.search)
        for begin in range(first, last, CHUNK):
            some = slice(begin, min(begin + CHUNK, last))
            if not state.smooth[some].all():
                x, clear = state.photos(some)
                args = (worth, state.smooth, thorough, x, clear, state.base(some), begin, state.sets)
                search_lobes(state.search, own, spare, *args)

    count = len(state.stack.texels)
    run_bands(work, count, state.count("search", count))


def _find_facets(state: _State, turning: float) -> Facets:
    """Find facets among the lobes that stand, and move each to where it fits its texels best."""
    count = find_facets(state.sets, state.places, float(state.search.radius))
    members = gather_members(state.sets, count)
    facets = guess_facets(state.sets, members, state.places)

    def work(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, samples in _samples(state, facets, members, first, last):
            move_facets(state.search, own, state.sets, samples, begin, turning, facets)

    run_bands(work, count)
    return facets


def _pick(state: _State, facets: Facets, stage: str) -> None:
    """Let each texel choose anew among the facets of its neighbourhood."""
    count = len(state.stack.texels)
    old, new = state.sets, make_lobe_sets(count)

    def work(first: int, last: int) -> None:
        own, spare, choices = make_work(state.search), make_work(state.search), make_work(state.search, MAX_CHOICES)
        for begin, x, clear, base in _chunks(state, first, last):
            args = (x, clear, base, begin, state.smooth, state.places, facets, old, new)
            pick_lobes(state.search, own, spare, choices, *args)

    run_bands(work, count, state.count(stage, count))
    state.sets = new


def _finish(state: _State, facets: Facets, most_bytes: float) -> LobeModel:
    """Give the facets their fire and doubt, solve for the amplitudes once more, and pack.

    A lobe that belongs to no facet becomes one of its own.
    """
    sets = state.sets
    thin_out(sets, state.search, state.places, most_bytes - BASE_PLANES * state.places.texel.size)
    facets = _add_single(sets, facets)
    members = gather_members(sets, len(facets.width))
    size = np.diff(members.start)
    count = len(state.stack.texels)

    def finish(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, samples in _samples(state, facets, members, first, last):
            finish_facets(state.search, own, sets, samples, size, begin, facets)

    run_bands(finish, len(facets.width), state.count("finish", len(facets.width)))
    share, soft = soften(facets.spread / float(state.search.radius))
    width = np.sqrt(facets.width.astype(np.float64) ** 2 + (soft * float(state.search.radius)) ** 2)

    def amplitudes(first: int, last: int) -> None:
        own = make_work(state.search)
        for begin, x, clear, base in _chunks(state, first, last):
            some = slice(begin, begin + len(x))
            direction = _directions(state, facets, some)
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
    base, terms = _encode(state, facets)

    def light(first: int, last: int) -> F32:
        some = slice(first, last)
        total: F32 = base_light(base, state.stack.texels[some], terms) + state.lobes(some, facets) / state.gain
        return total

    left = most_bytes - base.planes.nbytes
    facets = facets._replace(width=width.astype(np.float32))
    lobes = pack(sets, facets, members, state.places, state.search, left)
    return LobeModel(base, lobes, light, float(state.smooth.mean()))


def _encode(state: _State, facets: Facets) -> tuple[Base, F64]:
    """Return the base in codes, with the detail that photos tell beyond it, and its terms (L, T) under the lights."""
    shape, texels, gain = state.places.texel.shape, state.stack.texels, float(state.gain)
    rough = None if state.search.formed else _rough_detail(state, facets)
    if rough is None and not state.smooth.any():
        coefficients = (state.coefficient / state.gain).transpose(0, 2, 1)
        return encode_base(LOBE_BASIS, "linear", coefficients, texels, shape, gain), state.terms
    nodes = dome_nodes()
    terms = np.stack([disc_average(LOBE_BASIS, node, state.radius_rad) for node in nodes]).astype(np.float32)
    weights = [None if detail is None else towards(detail, state.directions, nodes) for detail in (rough, state.detail)]

    def values(texels: slice | I64) -> F32:
        light = np.maximum(np.einsum("ncj,tj->ntc", state.coefficient[texels], terms), np.float32(0.0))
        residual, _, _ = _left(state, texels, facets)
        for smooth, weight in enumerate(weights):
            if weight is not None:
                add_detail(weight, residual, state.smooth[texels] == smooth, light)
        radiance: F32 = light / state.gain
        return radiance

    return encode_base("dome", "linear", values, texels, shape, gain), evaluate("dome", state.directions)


def _rough_detail(state: _State, facets: Facets) -> Detail | None:
    """Return the detail of the texels that are not smooth, if it foretells photos better than base and lobes alone."""
    rough = np.flatnonzero(~state.smooth)
    if len(rough) == 0:
        return None
    some = rough[evenly(len(rough), SAMPLE)]
    residual, x, base = _left(state, some, facets)
    lobes = state.lobes(some, facets)
    detail, sums = choose_detail(state.directions, residual, x, base + lobes, 1.0)
    cut = _cut_loss(principal_parts(detailed_light(residual, base)), residual, base, lobes)
    return detail if sums[:, 0].sum() + cut.sum() < DETAIL_GAIN * sums[:, 1].sum() else None


def _chunks(state: _State, first: int, last: int, *, robust: bool = False) -> Iterator[tuple[int, F32, F32, F32]]:
    """Yield texels first to last, some at a time, with the base fitted below the lobes that stand.

    Each as (first of them, displayed light (n, L, 3), clearness (n, L), the base's light (n, L, 3)). robust: there are
    no lobes yet, and flashes are set aside.
    """
    for begin in range(first, last, CHUNK):
        some = slice(begin, min(begin + CHUNK, last))
        x, clear = state.photos(some)
        light, base = np.zeros_like(x) if robust else state.lobes(some), np.empty_like(x)
        fit_base(x, clear, light, state.terms, state.prior, robust, state.coefficient[some], base)
        yield begin, x, clear, base


def _samples(state: _State, facets: Facets, members: Members, first: int, last: int) -> Iterator[tuple[int, Samples]]:
    """Yield facets first to last, some at a time, as (first of them, samples of their texels)."""
    size = np.minimum(np.diff(members.start), MOST_SAMPLES)
    begin = first
    while begin < last:
        end = begin + 1
        while end < last and size[begin : end + 1].sum() <= CHUNK:
            end += 1
        start = np.concatenate([[0], np.cumsum(size[begin:end])]).astype(np.int64)
        facet = np.repeat(np.arange(begin, end), size[begin:end])
        i = np.arange(start[-1]) - start[facet - begin]
        chosen = members.start[facet] + i * np.diff(members.start)[facet] // size[facet]
        texel = members.texel[chosen]
        x, clear = state.photos(texel)
        column = state.places.column[texel] - facets.centre[facet, 0]
        row = state.places.row[texel] - facets.centre[facet, 1]
        yield begin, Samples(start, texel, members.lobe[chosen], column, row, x, clear, state.base(texel))
        begin = end


def _places(stack: RadianceStack) -> Places:
    """Return where the texels lie in the picture."""
    width, height = stack.size
    texel = np.full((height, width), -1, np.int32)
    texel.flat[stack.texels] = np.arange(len(stack.texels), dtype=np.int32)
    return Places((stack.texels % width).astype(np.int32), (stack.texels // width).astype(np.int32), texel)


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


def _directions(state: _State, facets: Facets, texels: slice | I64) -> F32:
    """Return where the lobes of texels point, (n, K, 3 channels, 3)."""
    if len(facets.width) == 0:
        return np.zeros((len(state.sets.number[texels]), MAX_LOBES, 3, 3), np.float32)
    facet = np.maximum(state.sets.facet[texels], 0).astype(np.int64).ravel()
    column = np.repeat(state.places.column[texels], MAX_LOBES)
    row = np.repeat(state.places.row[texels], MAX_LOBES)
    return look_along(facets, facet, column, row).astype(np.float32).reshape(-1, MAX_LOBES, 3, 3)


def soften(spread: F64) -> tuple[F64, F64]:
    """Return the share of a lobe's amplitude and its width for spreads of its direction, in the light's radius."""
    return np.interp(spread, SPREADS, SHARES), np.interp(spread, SPREADS, SOFT_WIDTHS)
