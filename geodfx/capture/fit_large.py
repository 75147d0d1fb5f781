"""The `lobes` fit of a large picture: its lobes are found in a small one, and its texels choose among them."""

from __future__ import annotations

import numpy as np

from geodfx.capture.coarse import coarse_stack, refine
from geodfx.capture.facet_find import Facets
from geodfx.capture.fit_state import FitState
from geodfx.capture.fit_symmetric import TRUST, fit_symmetric
from geodfx.capture.fit_texels import find_and_move, finish_facets, fit_bases, fit_texels, make_state, pick
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig

__all__ = ["fit_large"]


def fit_large(state: FitState, rig: LightRig, turning: float, scale: int) -> tuple[Facets, str]:
    """Find the lobes of all texels, and their facets, in squares of so many texels a side.

    Returns the facets, and the name of the symmetry that told of them, or nothing.
    """
    assert isinstance(state.stack, RadianceStack)
    stack = coarse_stack(state.stack, state.places, scale)
    small = make_state(stack, rig, float(state.gain), state.settings, state.progress, formed=False)
    fit_bases(small)
    small.smooth[:] = np.bincount(stack.its, ~state.smooth, len(stack.texels)) == 0
    found = fit_symmetric(small, rig, turning * scale) if state.settings.symmetry else None
    facets = fit_texels(small, turning * scale) if found is None else found.facets
    facets = refine(stack, small.sets, facets, state.places, scale, state.sets)
    state.sets.number[state.smooth] = 0
    state.prior = small.prior
    if found is not None:
        pick(state, facets, "texels", TRUST)
        return facets, found.symmetry
    pick(state, facets, "texels 1 of 2")
    facets = find_and_move(state, turning)
    pick(state, facets, "texels 2 of 2")
    return finish_facets(state, facets), ""
