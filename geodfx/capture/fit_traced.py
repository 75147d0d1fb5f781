"""The lobes of a stone whose cut is known: those of the paths by which rays leave it, one facet a path.

They are believed where they foretell photos: some lights are hidden, and what rays tell of texels is asked beside what
each texel's own photos tell of those. Regions that rays explain worse, about a chip or an inclusion, are fitted by
themselves.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from geodfx.arrays import F32, F64, I64, Bool, evenly
from geodfx.capture.coarse import CoarseStack
from geodfx.capture.cut_dome import Exits, list_exits
from geodfx.capture.cut_lit import LitCut
from geodfx.capture.facet_find import Facets, gather_members, guess_facets
from geodfx.capture.fit_base import learn_prior
from geodfx.capture.fit_detail import show
from geodfx.capture.fit_state import FitState
from geodfx.capture.fit_symmetric import TRUST, find_alone, fit_alone, these_of
from geodfx.capture.fit_texels import part_of, pick, settle
from geodfx.capture.fold import FoldedStack
from geodfx.capture.hidden import HiddenStack
from geodfx.capture.lobe_work import MAX_LOBES
from geodfx.capture.photos import RadianceStack

__all__ = ["fit_traced"]

I32 = npt.NDArray[np.int32]

GREEN = 1
DIMMEST = 0.003  # weight of a lobe: what is dimmer shows nothing
MOST_FIRE = 0.9  # of the light's radius: how far a channel may lie from green
GUESSED = 0.3  # trust in the weights that rays tell, in photos, while colours are not known
OPEN_ASKED = 20000  # texels that tell how far directions are left open
HIDDEN = 6  # one of so many lights is hidden
LATTICE, CHECKED, REGION = 3, 512, 4  # rows and columns between texels that are asked at least, how many, and regions
WORSE, NOTHING = 2.0, 0.002  # times what texels alone miss of hidden lights, and more, at which a region is doubted
BELIEVED = 0.5  # of what texels alone miss: a cut whose rays miss more of the whole stone is not its own
MOST_DOUBTED = 0.5  # of the stone: of more, the cut is not believed


def fit_traced(state: FitState, cut: LitCut, turning: float) -> Facets | None:
    """Find the lobes of all texels, and their facets, by the paths of rays; None, and nothing done, if photos refuse.

    turning: how far the camera's view turns from texel to texel, radians.
    """
    if isinstance(state.stack, FoldedStack | HiddenStack):
        return None
    coefficient, prior = state.coefficient.copy(), state.prior
    state.prior = learn_prior(state.coefficient)
    facets = _start(state, cut)
    doubted = _find_doubted(state, state.stack, facets)
    if doubted.mean() > MOST_DOUBTED:
        state.sets.number[:] = 0
        state.sets.facet[:] = -1
        state.coefficient[:], state.prior = coefficient, prior
        return None
    settle(state, facets, GUESSED)
    pick(state, facets, "traced paths", TRUST)
    if doubted.any():
        facets = fit_alone(state, facets, np.flatnonzero(doubted), turning)
    return facets


def _start(state: FitState, cut: LitCut) -> Facets:
    """Write the lobes that rays tell of into the sets, and return their facets, one a path."""
    sets, places = state.sets, state.places
    place = cut.scene.place(places.column, places.row)
    exits = [
        list_exits(cut.scene, cut.planes, index, absorbance, place, MAX_LOBES)
        for index, absorbance in zip(cut.index, cut.absorbance, strict=True)
    ]
    green = exits[GREEN]
    there = (np.arange(MAX_LOBES) < green.number[:, None]) & (green.weight >= DIMMEST) & ~state.smooth[:, None]
    key, facet = np.unique(green.key[there], return_inverse=True)
    sets.number[:] = there.sum(axis=1)
    sets.direction[:] = np.where(there[..., None], green.direction, 0)
    sets.width[:] = 0
    sets.facet[:] = -1
    sets.facet[there] = facet
    sets.amplitude[:] = np.where(there, green.weight * state.search.ceiling, 0)[..., None]
    facets = guess_facets(sets, gather_members(sets, len(key)), places)
    for c, its in enumerate(exits):
        if c != GREEN:
            colour, fire = _differ(green, its, there, facet, len(key))
            sets.amplitude[..., c] *= np.where(sets.facet >= 0, colour[sets.facet], 0).astype(np.float32)
            far = np.linalg.norm(fire, axis=1, keepdims=True)
            facets.fire[:, c] = fire * np.minimum(1, MOST_FIRE * state.radius_rad / np.maximum(far, 1e-9))
    np.minimum(sets.amplitude, state.search.ceiling, out=sets.amplitude)
    facets.spread[:] = _find_spread(cut, place, green, there, sets.facet, len(key))
    return facets


def _find_spread(cut: LitCut, place: F64, green: Exits, there: Bool, facet: I32, facets: int) -> F64:
    """Return how far the photos leave the directions of paths (F,) open: how far other likely cuts' lie off."""
    some = evenly(len(place), OPEN_ASKED)
    mine = Exits(green.number[some], green.key[some], green.direction[some], green.weight[some])
    square, count = np.zeros(facets), np.zeros(facets)
    for planes, off in cut.likely:
        its = list_exits(cut.scene, planes, cut.index[GREEN] + off, cut.absorbance[GREEN], place[some], MAX_LOBES)
        texel, lobe, match = _match(mine, its, there[some])
        apart = its.direction[texel, match] - mine.direction[texel, lobe]
        path = facet[some[texel], lobe]
        square += np.bincount(path, weights=np.sum(apart * apart, axis=1), minlength=facets)
        count += np.bincount(path, minlength=facets)
    usual = math.sqrt(square.sum() / max(2 * count.sum(), 1.0))
    return np.where(count > 0, np.sqrt(square / np.maximum(2 * count, 1)), usual)


def _match(one: Exits, other: Exits, there: Bool) -> tuple[I64, I64, I64]:
    """Return texel and lobe of each exit that is there, and which of another stone's left by the same path."""
    texel, lobe = np.nonzero(there)
    same = other.key[texel] == one.key[texel, lobe][:, None]
    same &= np.arange(same.shape[1]) < other.number[texel][:, None]
    found = np.flatnonzero(same.any(axis=1))
    return texel[found], lobe[found], same[found].argmax(axis=1)


def _differ(green: Exits, other: Exits, there: Bool, facet: I64, facets: int) -> tuple[F64, F64]:
    """Return how much brighter facets (F,) are in another channel than in green, and how far it lies beside, (F, 3)."""
    lobes = np.zeros(there.shape, np.int64)
    lobes[there] = facet
    texel, lobe, its = _match(green, other, there)
    facet = lobes[texel, lobe]

    def total(values: F32) -> F64:
        summed: F64 = np.bincount(facet, weights=values, minlength=facets).astype(np.float64)
        return summed

    count = np.maximum(total(np.ones(len(facet), np.float32)), 1.0)
    off = other.direction[texel, its] - green.direction[texel, lobe]
    fire = np.stack([total(off[:, j]) for j in range(3)], axis=1) / count[:, None]
    mine, its_weight = total(green.weight[texel, lobe]), total(other.weight[texel, its])
    usual = its_weight.sum() / max(mine.sum(), 1e-12)
    return np.where(mine > 0, its_weight / np.maximum(mine, 1e-12), usual), fire


def _find_doubted(state: FitState, stack: RadianceStack | CoarseStack, facets: Facets) -> Bool:
    """Tell which texels (T,) lie in regions whose hidden lights rays foretell far worse than texels alone do.

    All of them, if rays foretell the whole stone not much better.
    """
    places = state.places
    step = max(LATTICE, round(math.sqrt(len(places.row) / CHECKED)))
    some = np.flatnonzero((places.row % step == 0) & (places.column % step == 0) & ~state.smooth)
    if len(some) == 0:
        return np.ones(len(places.row), np.bool_)
    hidden = np.arange(len(state.directions)) % HIDDEN == HIDDEN // 2
    hiding = replace(state, stack=HiddenStack(stack, ~hidden))
    wanted = show(state.photos(some)[0][:, hidden])

    def error(part: FitState, facets: Facets, trust: float) -> F64:
        settle(part, facets, trust)
        every = slice(0, len(some))
        off = show((part.base(every) + part.lobes(every, facets))[:, hidden]) - wanted
        missed: F64 = np.mean(off * off, axis=(1, 2), dtype=np.float64)
        return missed

    by_rays = error(these_of(hiding, some), facets, GUESSED)
    alone = part_of(hiding, some)
    own = find_alone(alone)
    by_texels = error(alone, own, 0.0)
    if by_rays.mean() > BELIEVED * by_texels.mean():
        return np.ones(len(places.row), np.bool_)
    worse = np.zeros(places.texel.shape)
    worse[places.row[some], places.column[some]] = by_rays - WORSE * by_texels - NOTHING
    excess: Bool = uniform_filter(worse, REGION * step + 1)[places.row, places.column] > 0
    return excess & ~state.smooth
