"""The `lobes` model: a smooth base and a few sharp lobes a texel, fitted in linear light to all photos at once.

base      with flashes set aside -> which texels are smooth, and need no lobes
symmetry  of a cut stone: one sector of it is fitted, to the photos of all its copies, and unfolded; of a large picture
          in a small one, and its texels choose among what is found there
cut       of a stone whose copies do not agree, where one is found by tracing rays: a facet for each of their paths
search    lobes, each texel alone
facets    regions whose texels see the same lobe -> the direction that fits them all -> each texel picks anew;
          a few times over, the base fitted again below the lobes
finish    a facet's directions by channel, and how far the photos leave them open -> amplitudes; what neighbouring
          lights tell beyond the base; what a polished surface mirrors that no light reached -> codes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.base_map import Base, base_light
from geodfx.capture.cut import TracedCut
from geodfx.capture.cut_lit import LitCut
from geodfx.capture.facet_find import Facets, gather_members, no_facets
from geodfx.capture.facet_share import Sharing, begin_sharing
from geodfx.capture.fit_base import even_dark, learn_prior
from geodfx.capture.fit_large import fit_copies
from geodfx.capture.fit_settings import THOROUGH, LobeSettings, before_edges
from geodfx.capture.fit_smooth import choose_planes, encode_detailed, mark_smooth
from geodfx.capture.fit_state import FitState
from geodfx.capture.fit_symmetric import TRUST
from geodfx.capture.fit_texels import finish_facets, fit_bases, fit_texels, make_state, settle
from geodfx.capture.fit_tilt import fit_edges
from geodfx.capture.fit_traced import fit_traced
from geodfx.capture.lobe_pack import DIM, keep_lobes, most_shown, pack
from geodfx.capture.mirrors import add_mirrors
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.lobe_map import Lobes
from geodfx.progress import Progress

__all__ = ["LobeModel", "fit_lobes", "soften"]

# Where the photos leave a lobe's direction open by a standard deviation s, what a display shows of it on average is
# best met by this share of its amplitude and this width (s and the width in the light's radius), for lobes that do not
# clip: a display's gamma lifts a blurred rim. Solved by least squares over the disc (tests/capture/test_fit.py).
SPREADS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
SHARES = (1.0, 0.97, 0.92, 0.85, 0.78, 0.71, 0.65, 0.59, 0.53, 0.47, 0.42)
SOFT_WIDTHS = (0.0, 0.037, 0.066, 0.092, 0.131, 0.16, 0.192, 0.222, 0.252, 0.295, 0.35)


MOST_SMOOTH = 0.5  # of the texels: of more, no cut is looked for


@dataclass(frozen=True)
class LobeModel:
    """What the fit found."""

    base: Base
    lobes: Lobes
    light: Callable[[int, int], F32]  # radiance (n, L, 3) of texels first to last under the capture lights
    smooth_share: float  # of the texels: those that need no lobes
    symmetry: str  # of the stone, where it told more of the lobes; else empty
    unlit_share: float  # of the texels: those that mirror what no light of the capture reached
    cut: str = ""  # what is said of the cut whose flashes or paths the facets began with


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
    traced: TracedCut | None = None,
    trace: Callable[[], LitCut | None] | None = None,
) -> LobeModel:
    """Fit base and lobes to a stack of radiance, displayed at `display_gain`.

    turning: how far the camera's view turns from texel to texel, radians; 0 for a distant camera. most_bytes: that
    base, lobes and facets may take. formed: lobes may be longer than wide, as they are over tilts. traced: the cut that
    photos over tilts show. trace: looks for the cut that photos under moving lights show; asked where symmetry tells
    nothing.
    """
    settings = before_edges(settings) if formed else settings
    state = make_state(stack, rig, display_gain, settings, progress, formed=formed)
    fit_bases(state)
    if not settings.lobes:
        state.smooth[:] = True
    elif settings.detail and not formed:
        mark_smooth(state)
    if settings.symmetry and not formed and not state.smooth.all():
        found = fit_copies(state, rig, turning)
        if found is not None:
            return _show(state, found.facets, most_bytes, TRUST, found.symmetry)
    cut = trace() if trace is not None and state.smooth.mean() < MOST_SMOOTH else None
    if cut is not None:
        paths = fit_traced(state, cut, turning)
        if paths is not None:
            return replace(_show(state, paths, most_bytes, TRUST, ""), cut=cut.told)
    if traced is not None:
        state.prior = learn_prior(state.coefficient)
        ended = fit_edges(state, no_facets(), most_bytes, traced)
        if ended is not None:
            return LobeModel(ended.base, ended.lobes, ended.light, 0.0, "", 0.0, traced.told)
    facets = fit_texels(state, turning)
    ended = fit_edges(state, facets, most_bytes) if formed else None
    if ended is not None:
        return LobeModel(ended.base, ended.lobes, ended.light, 0.0, "", 0.0)
    keep_lobes(state.sets, most_shown(state.sets, state.search) >= DIM, formed=formed)
    return _show(state, finish_facets(state, facets), most_bytes, 0.0, "")


def _show(state: FitState, facets: Facets, most_bytes: float, trust: float, symmetry: str) -> LobeModel:
    """Solve for the amplitudes once more, soften lobes by what the photos leave open, and pack.

    trust: of the amplitudes that stand, as so many photos each; 0 for none.
    """
    sets = state.sets
    facets, planes = _share_facets(state, facets, most_bytes)
    share, soft = soften(facets.spread / float(state.search.radius))
    width = np.sqrt(facets.width.astype(np.float64) ** 2 + (soft * float(state.search.radius)) ** 2)

    settle(state, facets, trust)
    if len(facets.width):
        facet = np.maximum(sets.facet, 0)
        sets.amplitude[:] *= share[facet][..., None].astype(np.float32)
        sets.width[:] = width[facet]
    even_dark(state.coefficient, state.places.column, state.places.row, float(state.terms[0, 0]))
    base, terms = encode_detailed(state, facets, planes)
    facets = facets._replace(width=width.astype(np.float32))
    facets, unlit = add_mirrors(state, facets, share, most_bytes - base.planes.nbytes)
    members = gather_members(sets, len(facets.width))
    # The base is in codes, and lobes point where their facets do: packing has more room.
    state.coefficient = state.coefficient[:0].copy()
    state.sets = sets = sets._replace(direction=sets.direction[:0].copy())

    def light(first: int, last: int) -> F32:
        some = slice(first, last)
        total: F32 = base_light(base, state.stack.texels[some], terms) + state.lobes(some, facets) / state.gain
        return total

    lobes = pack(sets, facets, members, state.places, state.search)
    return LobeModel(base, lobes, light, float(state.smooth.mean()), symmetry, unlit)


def _share_facets(state: FitState, facets: Facets, most_bytes: float) -> tuple[Facets, tuple[int, ...]]:
    """Join facets and leave lobes out until all fits; returns the facets, and how many planes the base may have."""
    sharing = begin_sharing(state.sets, facets, state.places, state.search, joins=state.settings.joins)
    tried: dict[float, Sharing] = {}

    def lost_within(room: float) -> float:
        tried[room] = sharing.within(room)
        return tried[room].lost

    planes, room = choose_planes(state, most_bytes, lost_within)
    return tried[room].write(state.sets, formed=state.search.formed), planes


def soften(spread: F64) -> tuple[F64, F64]:
    """Return the share of a lobe's amplitude and its width for spreads of its direction, in the light's radius."""
    return np.interp(spread, SPREADS, SHARES), np.interp(spread, SPREADS, SOFT_WIDTHS)
