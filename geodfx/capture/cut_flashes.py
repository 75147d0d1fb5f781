"""From a traced cut to the facets of a fit over tilts: one a light path and light, the brightest, where they lie."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64, I64, evenly
from geodfx.basis import chart_encode
from geodfx.capture.cut import TracedCut
from geodfx.capture.cut_ramp import Stage, make_draws, meet_fire
from geodfx.capture.cut_shape import shape_flash
from geodfx.capture.cut_view import Flares, list_flares
from geodfx.capture.facet_flash import Flashes
from geodfx.capture.fit_state import FitState
from geodfx.capture.lobe_pack import FLASH_BYTES, LOBE_BYTES, room_for_lobes
from geodfx.constants import DISPLAY_GAMMA, EDGES
from geodfx.jit import run_bands

__all__ = ["start_from_cut"]

I32 = npt.NDArray[np.int32]

MOST = 2000  # flashes
LEAST_LOOKS = 3  # of one
LISTED = 40000  # texels at most whose looks are listed
ACROSS = 182  # texels of a stone, by the root of their number, by which widths are told
SHAPED, BRIGHT = 150, 60  # looks of a flash by which it is shaped, and those that tell its weight
DIM = 0.05  # of a light: of what is seen less tells no weight


def start_from_cut(state: FitState, traced: TracedCut, most_bytes: float) -> tuple[Flashes, list[I64]]:
    """Return the flashes of a traced cut that show most, and the texels that see each.

    As many as so many bytes hold: what is fitted and then left out would be missed by what others were fitted to.
    """
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
    brightest = brightest[np.diff(start)[brightest] >= LEAST_LOOKS][:MOST]
    seers = [np.unique(flares.texel[order[start[k] : start[k + 1]]]) for k in brightest]
    size = np.array([LOBE_BYTES * len(each) * apart * apart + FLASH_BYTES for each in seers])
    brightest = brightest[np.cumsum(size) <= room_for_lobes(state.places.texel.shape, most_bytes)]
    looks = [order[start[k] : start[k + 1]] for k in brightest]
    flashes, sound = _shape_all(state, traced, flares, looks, listed)
    texels = [listed[its] for its, good in zip(seers, sound, strict=False) if good]
    return Flashes(*(each[sound] for each in flashes)), texels


def _shape_all(
    state: FitState, traced: TracedCut, flares: Flares, looks: list[I64], listed: I64
) -> tuple[Flashes, npt.NDArray[np.bool_]]:
    """Return the facets of flashes by their looks, and which of them are sound."""
    scene, planes, draws, count = traced.scene, traced.planes, make_draws(), len(looks)
    point = chart_encode(state.directions)
    index = np.array(traced.channel_index)
    area, half = float(state.search.area), math.sqrt(float(state.search.area) * 12 * float(state.search.blur))
    texel = math.sqrt(len(state.places.column)) / ACROSS
    flashes = Flashes(
        np.zeros((count, 2)), np.zeros((count, 2)), np.zeros((count, 2, 2)), np.zeros((count, 2)), np.zeros(count),
        np.zeros((count, 3)), np.zeros((count, EDGES, 5)), np.zeros((count, 3, 2)),
    )  # fmt: skip
    sound = np.zeros(count, np.bool_)

    def work(first: int, last: int) -> None:
        numbers = np.empty(8)
        for f in range(first, last):
            its = looks[f]
            texels, tilts = listed[flares.texel[its]], flares.tilt[its]
            where = np.stack([state.places.column[texels], state.places.row[texels], *point[tilts].T], axis=1)
            face = flares.face[its[0]].astype(np.int64)
            faces = int(np.count_nonzero(face >= 0))
            stage = Stage(
                scene.rig_lights[flares.light[its[0]]], scene.distance, scene.height, scene.grid,
                (scene.size[0] / 2, scene.size[1] / 2), scene.stretch, float(np.abs(point).max()), area, half, texel,
            )  # fmt: skip
            chosen, where = evenly(len(its), SHAPED), where.astype(np.float64)
            sound[f] = shape_flash(
                planes, index[1], face, faces, stage, draws, where, chosen, flashes.centre[f], numbers, flashes.edge[f]
            )
            if sound[f]:
                meet_fire(
                    planes, index, face, faces, stage, draws, where, chosen, flashes.centre[f], numbers, flashes.fire[f]
                )
            flashes.place[f], flashes.slope[f], flashes.form[f] = numbers[:2], numbers[2:6].reshape(2, 2), numbers[6:]
            flashes.weight[f] = _weigh(state, texels, tilts, flares.seen[its])

    run_bands(work, count)
    return flashes, sound


def _weigh(state: FitState, texels: I64, tilts: I32, seen: npt.NDArray[np.float32]) -> F64:
    """Return the weight of a flash, displayed light (3,): the median of what its brightest looks show."""
    bright = np.argsort(-seen, kind="stable")[:BRIGHT]
    x, _ = state.photos(texels[bright])
    whole = x[np.arange(len(bright)), tilts[bright]] / np.maximum(seen[bright], DIM)[:, None]
    weight: F64 = np.minimum(np.median(whole.astype(np.float64), axis=0), float(state.search.ceiling))
    return weight
