"""From a traced cut to the facets of a fit over tilts: one a light path and light, the brightest, where they lie."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from geodfx.arrays import F64, I64, Bool, evenly
from geodfx.basis import chart_encode
from geodfx.capture.cut import TracedCut
from geodfx.capture.cut_meet import draw_tilts, meet_rays
from geodfx.capture.cut_ramp import Stage, make_draws, meet_fire
from geodfx.capture.cut_shape import shape_flash
from geodfx.capture.cut_view import Flares, list_flares
from geodfx.capture.facet_flash import Flashes
from geodfx.capture.facet_reach import around
from geodfx.capture.fit_state import FitState
from geodfx.capture.lobe_pack import FLASH_BYTES
from geodfx.constants import DISPLAY_GAMMA, EDGES
from geodfx.jit import run_bands

__all__ = ["start_from_cut"]

I32 = npt.NDArray[np.int32]

LEAST_LOOKS = 3  # of one
LISTED = 40000  # texels at most whose looks are listed
ACROSS = 182  # texels of a stone, by the root of their number, by which widths are told
SHAPED, COLOURED = 150, 300  # looks of a flash by which it is shaped, and at most those that tell its colour
MOSTLY, CLEAR = 0.5, 0.8  # of a light, and of what all paths show there: looks that tell a flash's colour
FEW = 5  # of them, which count as much as the stone's usual colour
LEAST_WEIGHT = 1e-3  # displayed
AROUND = 0.016  # of the stone's extent: how far beyond the texels that see a flash by tracing it may reach


def start_from_cut(state: FitState, traced: TracedCut, most_bytes: float) -> tuple[Flashes, list[I32]]:
    """Return the flashes of a traced cut that show most, and the texels that may see each.

    As many as so many bytes hold: what is fitted and then left out would be missed by what others were fitted to.
    """
    wide = max(2, round(AROUND * math.sqrt(len(state.stack.texels))))
    column, row = state.places.column, state.places.row
    apart = max(1, math.ceil(math.sqrt(len(column) / LISTED)))
    listed = np.flatnonzero((column % apart == 0) & (row % apart == 0))
    place = traced.scene.place(column[listed], row[listed])
    flares = list_flares(traced.scene, traced.planes, traced.channel_index[1], float(traced.numbers[1]), place)
    _, owner = np.unique(flares.key, return_inverse=True)
    shown = np.minimum(flares.weight * flares.seen * float(state.search.ceiling), 1) ** (1 / DISPLAY_GAMMA)
    order = np.argsort(owner, kind="stable")
    start = np.searchsorted(owner[order], np.arange(owner.max(initial=-1) + 2))
    total = np.bincount(owner, weights=shown)
    brightest = np.argsort(-total, kind="stable")
    most = min(state.settings.search.flashes, int(most_bytes // FLASH_BYTES))
    brightest = brightest[np.diff(start)[brightest] >= LEAST_LOOKS][:most]
    looks = [order[start[k] : start[k + 1]] for k in brightest]
    texels = [around(state.places, listed[np.unique(flares.texel[its])], wide) for its in looks]
    flashes, sound = _shape_all(state, traced, flares, looks, listed, texels)
    reached = [its for its, good in zip(texels, sound, strict=True) if good]
    return Flashes(*(each[sound] for each in flashes)), reached


def _shape_all(
    state: FitState, traced: TracedCut, flares: Flares, looks: list[I64], listed: I64, reached: list[I32]
) -> tuple[Flashes, Bool]:
    """Return the facets of flashes by their looks, and which of them are sound. reached: the texels of each."""
    scene, planes, draws, count = traced.scene, np.asfortranarray(traced.planes), make_draws(), len(looks)
    point = chart_encode(state.directions)
    index = np.array(traced.channel_index)
    area, half = float(state.search.area), math.sqrt(float(state.search.area) * 12 * float(state.search.blur))
    texel = math.sqrt(len(state.places.column)) / ACROSS
    flashes = Flashes(
        np.zeros((count, 2)), np.zeros((count, 2)), np.zeros((count, 2, 2)), np.zeros((count, 2)), np.zeros(count),
        np.zeros((count, 3)), np.zeros((count, EDGES, 5)), np.zeros((count, 3, 2)),
    )  # fmt: skip
    sound, ceiling = np.zeros(count, np.bool_), float(state.search.ceiling)
    clear = _clear_looks(flares, len(point))
    usual = _colour(state, listed[flares.texel[clear]], flares.tilt[clear])
    texels_asked, tilts_asked = state.settings.search.rays
    spacing, most = _spacing(point), float(np.abs(point).max())

    def work(first: int, last: int) -> None:
        numbers, fine = np.empty(8), np.empty((tilts_asked, 2))
        for f in range(first, last):
            its = looks[f]
            texels, tilts = listed[flares.texel[its]], flares.tilt[its]
            where = np.stack([state.places.column[texels], state.places.row[texels], *point[tilts].T], axis=1)
            face = flares.face[its[0]].astype(np.int64)
            faces = int(np.count_nonzero(face >= 0))
            stage = Stage(
                scene.rig_lights[flares.light[its[0]]], scene.distance, scene.height, scene.grid,
                (scene.size[0] / 2, scene.size[1] / 2), scene.stretch, most, area, half, texel,
            )  # fmt: skip
            chosen, where = evenly(len(its), SHAPED), where.astype(np.float64)
            sound[f] = shape_flash(
                planes, index[1], face, faces, stage, draws, where, chosen, flashes.centre[f], numbers, flashes.edge[f]
            )
            if not sound[f]:
                continue
            flashes.place[f], flashes.slope[f], flashes.form[f] = numbers[:2], numbers[2:6].reshape(2, 2), numbers[6:]
            alone = clear[its]
            colour = _colour(state, texels[alone], tilts[alone], usual)
            shown = ceiling * min(float(np.median(flares.weight[its])), 1.0)
            flashes.weight[f] = np.maximum(shown * colour, LEAST_WEIGHT)
            draw_tilts(point[tilts], spacing, most, draws, fine)
            search = state.search._replace(
                light=np.concatenate([fine, np.ones((tilts_asked, 1))], axis=1, dtype=np.float32)
            )
            asked = reached[f][evenly(len(reached[f]), texels_asked)].astype(np.int64)
            meet_rays(
                search, planes, index[1], face, faces, stage, flashes, f, state.places.column, state.places.row, asked,
                fine,
            )  # fmt: skip
            numbers[:2], numbers[2:6] = flashes.place[f], flashes.slope[f].ravel()
            meet_fire(
                planes, index, face, faces, stage, draws, where, chosen, flashes.centre[f], numbers, flashes.fire[f]
            )

    run_bands(work, count)
    return flashes, sound


def _clear_looks(flares: Flares, tilts: int) -> Bool:
    """Tell at which looks (N,) most of a light is seen, and little else by other paths."""
    shown, pair = flares.weight * flares.seen, flares.texel.astype(np.int64) * tilts + flares.tilt
    every = np.bincount(pair, weights=shown)
    found: Bool = (flares.seen >= MOSTLY) & (shown >= CLEAR * every[pair])
    return found


def _colour(state: FitState, texels: I64, tilts: I32, usual: F64 | None = None) -> F64:
    """Return the colour (3,), at most 1, of what looks show, or nearer to the usual one where there are few."""
    some = evenly(len(texels), COLOURED)
    x, _ = state.photos(texels[some])
    light = x[np.arange(len(some)), tilts[some]].astype(np.float64)
    colour = np.median(light, axis=0) if len(some) else np.zeros(3)
    if colour.max() <= 0:
        return np.ones(3) if usual is None else usual
    colour /= colour.max()
    if usual is None:
        return colour
    share = len(some) / (len(some) + FEW)
    mixed: F64 = share * colour + (1 - share) * usual
    mixed /= mixed.max()
    return mixed


def _spacing(point: F64) -> float:
    """Return how far the tilts (L, 2) are apart, from each to the nearest other in the median."""
    if len(point) < 2:
        return 0.0
    return float(np.median(KDTree(point).query(point, k=2)[0][:, 1]))
