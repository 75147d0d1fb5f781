"""The `lobes` fit of a large symmetric stone: its lobes are found in a small picture, and texels choose among them."""

from __future__ import annotations

import numpy as np

from geodfx.capture.coarse import coarse_stack, refine, scale_of
from geodfx.capture.fit_state import FitState
from geodfx.capture.fit_symmetric import TRUST, Symmetric, fit_symmetric
from geodfx.capture.fit_texels import fit_bases, make_state, pick
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig

__all__ = ["fit_copies"]


def fit_copies(state: FitState, rig: LightRig, turning: float) -> Symmetric | None:
    """Find the lobes of all texels, and their facets, by the stone's symmetry; None, and nothing done, without one.

    Those of a large picture in squares of its texels, if these tell of the symmetry; small flakes, of stones that have
    none, are lost there.
    """
    scale = scale_of(len(state.stack.texels))
    if scale == 1:
        return fit_symmetric(state, rig, turning)
    assert isinstance(state.stack, RadianceStack)
    stack = coarse_stack(state.stack, state.places, scale)
    small = make_state(stack, rig, float(state.gain), state.settings, state.progress, formed=False)
    fit_bases(small)
    small.smooth[:] = np.bincount(stack.its, ~state.smooth, len(stack.texels)) == 0
    found = fit_symmetric(small, rig, turning * scale)
    if found is None:
        del stack, small  # make room
        return fit_symmetric(state, rig, turning)
    facets = refine(stack, small.sets, found.facets, state.places, scale, state.sets)
    state.sets.number[state.smooth] = 0
    state.prior = small.prior
    pick(state, facets, "texels", TRUST)
    return Symmetric(facets, found.symmetry)
