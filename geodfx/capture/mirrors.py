"""What a polished surface mirrors where no light of the capture showed it: the horizon.

Every texel of a polished stone mirrors something, and by nearly the same weight wherever it faces, for what a surface
reflects hardly grows up to 40 degrees (Fresnel 1823): the weight that lobes of many texels have in common. A region
without a lobe that is as strong in every channel mirrors a direction that no light reached. Where lights leave little
unseen but a band above the horizon, it lies there; a step cut's lowest row is so, with light in a room and without any
under the lights of a dome.

Such texels get a lobe of that weight in the middle of the band, as wide as the band, so that no photo shows any of it.
It points away from the nearest rim of the stone, for what faces the horizon stands about its rim.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from geodfx.arrays import F32, F64, Bool
from geodfx.basis import even_directions
from geodfx.capture.facet_find import Facets, Places, join_facets
from geodfx.capture.fit_state import FitState
from geodfx.capture.lobe_pack import packed_bytes
from geodfx.capture.lobe_work import MAX_LOBES
from geodfx.constants import LIGHT_EDGE

__all__ = ["add_mirrors", "mirrored_band", "reflectance_at_45"]

LEAST_BAND_RAD = math.radians(1.0)  # from the horizon to the rim of the lowest light
MOST_UNSEEN = 0.15  # of all directions above the band: more, and a mirror may as well point there
NET = 4096  # directions that are looked at for it
WEIGHTS = 0.02 * 1.05 ** np.arange(54)  # from the mirror of ice to that of silicon carbide
ALIKE = 1.07  # times: weights of one mirror, as fitted
COMMON = 0.4  # of the texels have it, or there is none
STRONG = 0.85  # of the mirror's weight, in every channel: a lobe that holds a mirror
NARROWEST = 5  # texels across a region: less are facets' edges, where two mirrors mix, or holes in one
TURNS = 36  # facets about the stone: one for every ten degrees


def add_mirrors(state: FitState, facets: Facets, share: F64, most_bytes: float) -> tuple[Facets, float]:
    """Add to `state.sets` what texels mirror that no light showed; returns all facets, and the share of the texels.

    share: (F,) of what facets' lobes hold that doubt about their directions left of their amplitudes.
    The share is 0 and nothing is added where no weight is common to many texels, where the lights leave no band at the
    horizon or leave other gaps, or where it would take more than most_bytes, with all lobes that photos ask for.
    """
    top_z = mirrored_band(state.directions, state.radius_rad)
    weakest = _weakest(state, share)
    level = 0.0 if top_z == 0 else _common_weight(weakest, float(state.search.ceiling))
    texels = np.flatnonzero(_lacking(state, weakest, level)) if level > 0 else np.zeros(0, np.int64)
    if len(texels) == 0:
        return facets, 0.0
    turn = _turns_outward(state.places)[state.places.row[texels], state.places.column[texels]]
    angle, facet = np.unique(np.floor(turn * (TURNS / (2 * math.pi))).astype(np.int64), return_inverse=True)
    more = _facets_at(np.float64(2 * math.pi / TURNS) * (angle + 0.5), top_z)
    for axis, its in enumerate((state.places.column, state.places.row)):
        more.centre[:, axis] = np.bincount(facet, weights=its[texels]) / np.bincount(facet)
    first, sets = len(facets.width), state.sets
    lobe, joined = sets.number[texels], join_facets([facets, more])
    sets.number[texels] += 1
    sets.direction[texels, lobe] = more.plane[facet, 0]
    sets.width[texels, lobe] = more.width[facet]
    ceiling = float(state.search.ceiling)
    sets.amplitude[texels, lobe] = ceiling * reflectance_at_45(level / ceiling)
    sets.facet[texels, lobe] = first + facet
    if packed_bytes(sets, joined, state.places, state.search) > most_bytes:
        sets.number[texels], sets.facet[texels, lobe] = lobe, -1
        return facets, 0.0
    return joined, len(texels) / len(sets.number)


def reflectance_at_45(normal: float) -> float:
    """Return what a surface reflects at 45 degrees, as what mirrors the horizon does, of its reflectance at none.

    Fresnel (1823), of unpolarised light: at 45 degrees one polarisation's reflectance is the square of the other's.
    """
    root = math.sqrt(normal)
    index = (1 + root) / (1 - root)
    across, within = math.sqrt(0.5), math.sqrt(index * index - 0.5)
    one = ((across - within) / (across + within)) ** 2
    return 0.5 * (one + one * one)


def mirrored_band(lights: F64, radius_rad: float) -> float:
    """Return how high, as z, the band is that lights (L, 3) of one radius leave above the horizon.

    0 where there is none, or where they leave other directions unseen, too.
    """
    rim = (1 + LIGHT_EDGE) * radius_rad
    top = math.asin(min(max(float(lights[:, 2].min()), 0.0), 1.0)) - rim
    if top < LEAST_BAND_RAD:
        return 0.0
    above = even_directions(NET, math.sin(top))
    unseen = float(((above @ lights.T).max(axis=1) < math.cos(rim)).mean())
    return math.sin(top) if unseen < MOST_UNSEEN else 0.0


def _weakest(state: FitState, share: F64) -> F32:
    """Return the amplitude (T, K), without doubt, of lobes in the channel that has least of each; 0 where is none."""
    there = np.arange(MAX_LOBES) < state.sets.number[:, None]
    least = state.sets.amplitude.min(axis=2)
    if len(share):
        least = least / share[np.maximum(state.sets.facet, 0)].astype(np.float32)
    weakest: F32 = np.where(there, least, np.float32(0.0))
    return weakest


def _common_weight(weakest: F32, ceiling: float) -> float:
    """Return the amplitude that lobes of most texels have in common, if of COMMON; else 0."""
    levels = WEIGHTS * ceiling
    has = [np.count_nonzero(((weakest > x / ALIKE) & (weakest < x * ALIKE)).any(axis=1)) for x in levels]
    best = int(np.argmax(has))
    return float(levels[best]) if has[best] >= COMMON * len(weakest) else 0.0


def _lacking(state: FitState, weakest: F32, level: float) -> Bool:
    """Tell which texels (T,) lie in regions without the mirror, and have room for one."""
    sets, places = state.sets, state.places
    picture = np.zeros(places.texel.shape, np.uint8)
    picture[places.row, places.column] = weakest.max(axis=1) < STRONG * level
    square = np.ones((NARROWEST, NARROWEST), np.uint8)
    wide = cv2.morphologyEx(cv2.morphologyEx(picture, cv2.MORPH_OPEN, square), cv2.MORPH_CLOSE, square)
    found: Bool = (wide[places.row, places.column] > 0) & ~state.smooth & (sets.number < MAX_LOBES)
    return found


def _turns_outward(places: Places) -> F64:
    """Return the turns (H, W), 0 to 2 pi from x towards y, from places of the picture to the nearest off the stone."""
    shape = places.texel.shape
    stone = np.pad((places.texel >= 0).astype(np.uint8), 1)  # a stone may fill the picture
    _, labels = cv2.distanceTransformWithLabels(stone, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    row, column = np.nonzero(stone == 0)
    nearest = np.zeros((int(labels.max()) + 1, 2), np.int64)
    nearest[labels[stone == 0]] = np.stack([column, row], axis=1)
    its = nearest[labels[1:-1, 1:-1]] - 1
    rows, columns = np.indices(shape)
    turns: F64 = np.arctan2(rows - its[..., 1], its[..., 0] - columns) % (2 * math.pi)
    return turns


def _facets_at(turn: F64, top_z: float) -> Facets:
    """Return facets (F,) that point at the middle of the band, at some turns, as wide as it is."""
    count, z = len(turn), top_z / 2
    rim = math.sqrt(1 - z * z)
    plane = np.zeros((count, 3, 3))
    plane[:, 0] = np.stack([rim * np.cos(turn), rim * np.sin(turn), np.full(count, z)], axis=1)
    width = np.full(count, z / math.sqrt(6.0), np.float32)  # a lobe ends sqrt(6) of its widths from its middle
    doubt = np.full(count, math.hypot(z, 2 * math.pi / TURNS))
    return Facets(np.zeros((count, 2)), plane, np.zeros((count, 3, 3)), width, np.zeros((count, 2)), doubt)
