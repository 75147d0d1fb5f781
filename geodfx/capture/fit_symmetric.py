"""The `lobes` fit of a symmetric stone: one sector, fitted to the photos of all its copies, then the stone as it is.

Symmetry is believed where the stone's own photos bear it out. Some texels are fitted from their own photos alone;
where a region's lobes that come from the sector meet its photos clearly worse, as in an opaque stone whose outline
alone is symmetric, or about a chip, the region is fitted by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter

from geodfx.arrays import F32, I64, Bool, evenly
from geodfx.capture.facet_find import Facets, gather_members, guess_facets, join_facets
from geodfx.capture.fit_settings import LobeSettings
from geodfx.capture.fit_state import FitState
from geodfx.capture.fit_texels import (
    add_single,
    finish_facets,
    fit_bases,
    fit_texels,
    make_state,
    part_of,
    pick,
    search,
    settle,
)
from geodfx.capture.fold import FoldedStack, fold, unfold
from geodfx.capture.hidden import HiddenStack
from geodfx.capture.rig import LightRig
from geodfx.capture.symmetry import find_symmetry

__all__ = ["TRUST", "Symmetric", "find_alone", "fit_alone", "fit_symmetric", "these_of"]

TRUST = 1.0  # in the lobes that copies tell of, in photos of a texel's own
# In a large picture, whose facets have many texels each, a sector's lobes are sure sooner than those of a whole stone.
LARGE = 1 << 15  # texels: more take longer than a minute if they are searched as thoroughly
SAMPLE = 128  # texels of a sector that are fitted alone, to see whether copies agree
FAR_WORSE = 6.0  # times the loss of a texel's own lobes, and NOTHING more, at which copies do not agree
MOST_APART = 0.25  # of those texels, whose copies may not agree
LATTICE, CHECKED = 3, 512  # rows and columns at least, and texels at most, of those that are fitted to compare
REGION = 4  # of them: width of a region
WORSE, NOTHING = 3.0, 0.05  # times the loss of its texels' own lobes, and more, at which a region is doubted
MOST_DOUBTED = 0.5  # of the stone: of more, symmetry is not believed


@dataclass(frozen=True)
class Symmetric:
    """What was found."""

    facets: Facets
    symmetry: str  # its name


def fit_symmetric(state: FitState, rig: LightRig, turning: float) -> Symmetric | None:
    """Find the lobes of all texels, and their facets, by the stone's symmetry; None, and nothing done, without one."""
    stack, gain = state.stack, float(state.gain)
    if isinstance(stack, FoldedStack | HiddenStack):
        return None
    symmetry = find_symmetry(stack, rig.direction, gain)
    if symmetry is None:
        return None
    folded, lights, copies = fold(stack, rig, state.places, symmetry)
    its = folded.source.shape[1]
    if its == 1:  # the moves take the lights onto each other
        return None
    settings = _sector_settings(state.settings, len(stack.texels), its)
    sector = make_state(folded, lights, gain, settings, state.progress, formed=False)
    # A lobe gains in the photos of every copy, and is worth its bytes where it gains as much in each as in a stone's.
    worth = (sector.search.worth_shared * np.float32(its), sector.search.worth_alone * np.float32(its))
    sector.search = sector.search._replace(worth_shared=worth[0], worth_alone=worth[1])
    own = np.searchsorted(stack.texels, folded.texels)
    sector.smooth[:] = state.smooth[own]
    sector.coefficient[:] = state.coefficient[own]
    sector.prior = state.prior
    if not _do_copies_agree(state, sector, own, folded.source):
        return None
    facets = finish_facets(sector, fit_texels(sector, turning))
    facets = unfold(copies, sector.sets, facets, state.sets)
    state.sets.number[state.smooth] = 0
    state.prior = sector.prior
    pick(state, facets, "all copies", TRUST)
    doubted = _find_doubted(state, facets)
    if doubted.mean() > MOST_DOUBTED:
        state.sets.number[:] = 0
        state.coefficient[:] = 0
        fit_bases(state)
        return None
    if doubted.any():
        facets = fit_alone(state, facets, np.flatnonzero(doubted), turning)
    return Symmetric(facets, symmetry.name)


def _sector_settings(settings: LobeSettings, texels: int, copies: int) -> LobeSettings:
    """Return how thoroughly a sector of a stone of so many texels is fitted, of so many copies."""
    large = texels > LARGE
    return replace(
        settings,
        passes=(settings.passes + 1) // 2 if large else settings.passes,
        spacing=max(settings.spacing, 2) if large else settings.spacing,
        lattice=max(settings.lattice, 4) if large else settings.lattice,
        samples=min(settings.samples, max(32, settings.samples * 2 // copies)),
    )


def _do_copies_agree(state: FitState, sector: FitState, own: I64, source: I64) -> bool:
    """Tell whether lobes that are fitted to all copies of some texels meet them about as well as lobes of one copy."""
    rough = np.flatnonzero(~sector.smooth)
    if len(rough) == 0:
        return False
    some = rough[evenly(len(rough), SAMPLE)]
    each = _loss_alone(part_of(sector, some)) / np.maximum((source[some] >= 0).sum(axis=1), 1)
    alone = _loss_alone(part_of(state, own[some]))
    return bool(np.mean(each > FAR_WORSE * alone + NOTHING) <= MOST_APART)


def _find_doubted(state: FitState, facets: Facets) -> Bool:
    """Tell which texels (T,) lie in regions that the lobes from other copies do not explain."""
    places = state.places
    step = max(LATTICE, round(math.sqrt(len(places.row) / CHECKED)))
    some = np.flatnonzero((places.row % step == 0) & (places.column % step == 0) & ~state.smooth)
    if len(some) == 0:
        return np.zeros(len(places.row), np.bool_)
    its, alone = settle(these_of(state, some), facets, TRUST), _loss_alone(part_of(state, some))
    worse = np.zeros(places.texel.shape)
    worse[places.row[some], places.column[some]] = its - WORSE * alone - NOTHING
    excess: Bool = uniform_filter(worse, REGION * step + 1)[places.row, places.column] > 0
    return excess & ~state.smooth


def these_of(state: FitState, texels: I64) -> FitState:
    """Return some of the texels by themselves, with a copy of their lobes."""
    part = part_of(state, texels)
    part.coefficient[:] = state.coefficient[texels]
    for values, its in zip(part.sets, state.sets, strict=True):
        values[:] = its[texels]
    return part


def _loss_alone(part: FitState) -> F32:
    """Return what thoroughly searched lobes of each texel's own leave of it, (T,)."""
    return settle(part, find_alone(part), 0.0)


def find_alone(part: FitState) -> Facets:
    """Search the lobes of each texel thoroughly, by its own photos, and return their facets, one a lobe."""
    part.settings = replace(part.settings, spacing=1, lattice=1)
    fit_bases(part)
    search(part)
    return add_single(part.sets, guess_facets(part.sets, gather_members(part.sets, 0), part.places))


def fit_alone(state: FitState, facets: Facets, texels: I64, turning: float) -> Facets:
    """Fit texels from their own photos, into state, and return all facets."""
    part = part_of(state, texels)
    fit_bases(part)
    more = finish_facets(part, fit_texels(part, turning))
    for values, its in zip(state.sets, part.sets, strict=True):
        values[texels] = its
    state.sets.facet[texels] = np.where(part.sets.facet < 0, -1, part.sets.facet + len(facets.width))
    return join_facets([facets, more])
