"""Facets that texels anywhere in the picture share, and lobes left out, until a stone keeps within its bytes.

A lobe that no neighbour has takes a facet of its own, four times the lobe's bytes, though some other facet points
nearly the same way. A disc light that is seen by x of its radius beside where it should be differs from itself along
two crescents, 0.64 x of its area each; where the photos leave a lobe's direction open by more than that, moving it
costs less still. So facets of few lobes join the flat facets that are nearest, and lose their slopes, where that costs
least for the bytes it saves, pairs first, as clusters grow by the least loss (Ward 1963); leaving lobes out is weighed
against it by the same measure: squares of what a display shows. The price of a byte rises until all fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from geodfx.arrays import F64, I64
from geodfx.capture.facet_find import Facets, Places, gather_members, look_along
from geodfx.capture.lobe_pack import (
    DIM,
    FACET_BYTES,
    LOBE_BYTES,
    SLOPE_BYTES,
    flatten,
    index_bytes,
    keep_lobes,
    most_shown,
)
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets
from geodfx.codes import MOST_FACETS
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import kernel, thread_count
from geodfx.patches import drawn_bytes

__all__ = ["Sharing", "begin_sharing"]

CRESCENT = 0.64  # of a disc's area, seen by its radius beside it: 2 / pi, the chord that both rims share
MEAN_OFF = 1.57  # times a variance: the squared mean of how far off directions are that spread so, pi / 2
LOOSE = 32  # lobes: facets of more save too little for each to move
NEAREST = 6  # facets that one may join are looked at
REACH = 0.6  # of the light's radius: facets that lie farther are not
FREE, FREE_ROUNDS = 2e-4, 3  # squares shown, of a light, that a byte is always worth; rounds at that price
DEARER, DEAREST = 1.3, 1.0  # times, from round to round; at which all may be left out
DRAWN = 0.998  # of the room for what a GPU holds: lobes are fitted once more
SAMPLED, MANY, SURE = 16, 1 << 15, 0.8  # one facet in so many is looked at first, of so many lobes; of that room
KEPT, TAKEN, CHANGED = 0, 1, 2  # of a facet in a round: nothing was done; it is gone; it may not go
JOIN, FLATTEN, LEAVE_OUT = 0, 1, 2


class _Loose(NamedTuple):
    """N lobes of facets of few lobes, as they were."""

    seen: I64  # (N,) which of all lobes it is
    energy: F64  # (N,) of what a display shows of it, squared
    direction: F64  # (N, 3 channels, 3) unit
    tint: F64  # (N, 3) shares of the channels
    width: F64  # (N,) chord
    spread: F64  # (N,) of its direction, a chord


@dataclass(frozen=True)
class Sharing:
    """Which facet each of S lobes has, and where F facets then are. Immutable: `within` returns another."""

    facets: Facets  # as they were, but flat where they nearly are
    lobe: I64  # (S,) place in the sets of lobes
    energy: F64  # (S,) of what a display shows of it, squared
    loose: _Loose
    joins: bool  # facets may join others
    radius: float  # of the lights, chord
    to_mean: float  # from sums of energy to the mean over texels and lights
    facet: I64  # (S,); -1: left out
    direction: F64  # (F, 3 channels, 3) unit, of flat facets
    width: F64  # (F,) chord
    spread: F64  # (F,) chord
    size: I64  # (F,) bytes of each: 0 where there is none
    loss: F64  # (N,) of loose lobes, of their energy
    texel: I64  # (S,) that each lobe is of, row by row of the picture
    shape: tuple[int, int]  # of the picture

    each: F64  # (S,) bytes of each lobe: in tables, beside the index, or as a GPU has it, see `as_drawn`

    @property
    def nbytes(self) -> float:
        """Bytes of lobes and facets."""
        return float(self.each[self.facet >= 0].sum()) + int(self.size.sum())

    def as_drawn(self) -> Sharing:
        """Return the same with the bytes that a GPU takes for each lobe, whose facet has rectangles that it fills."""
        kept = self.facet >= 0
        each = np.zeros(len(kept))
        each[kept] = drawn_bytes(self.facet[kept], self.texel[kept], self.shape)
        return replace(self, each=each)

    @property
    def lost(self) -> float:
        """What is lost, a mean square of what a display shows over texels and lights."""
        whole = float(self.energy[self.facet < 0].sum())
        return (whole + float(self.loss[self.facet[self.loose.seen] >= 0].sum())) * self.to_mean

    def _surely_fits(self, on_gpu: float) -> bool:
        """Tell whether many lobes keep well within some bytes of a GPU, by those of some facets."""
        kept = self.facet >= 0
        some = kept & (self.facet % SAMPLED == 0)
        if np.count_nonzero(some) < MANY:
            return False
        share = np.count_nonzero(some) / np.count_nonzero(kept)
        drawn = float(drawn_bytes(self.facet[some], self.texel[some], self.shape).sum())
        return bool(drawn / share + int(self.size.sum()) < SURE * on_gpu)

    def within(self, room: float) -> Sharing:
        """Return what is lost least with, of what takes no more than so many bytes in tables beside an index.

        On a GPU it takes no more than both.
        """
        now, price = self._held(max(room, 0.0), FREE)
        on_gpu = DRAWN * (max(room, 0.0) + index_bytes(self.shape))
        if now._surely_fits(on_gpu):
            return now
        drawn = now.as_drawn()
        while drawn.nbytes > on_gpu and price < DEAREST:
            now, price = drawn._held(on_gpu, price)
            drawn = now.as_drawn()
        return replace(now, each=self.each)

    def _held(self, room: float, price: float) -> tuple[Sharing, float]:
        """Return what fits in room, and what a byte then costs, which was so much before."""
        now = self
        while price < DEAREST and (now.nbytes > room or np.count_nonzero(now.size) > MOST_FACETS):
            price *= DEARER
            now = _shrink(now, price, room)
        return now, price

    def write(self, sets: LobeSets, *, formed: bool) -> Facets:
        """Write into sets the lobes that texels keep, with their facets; returns these."""
        its = self.facet[self.loose.seen]
        flat = np.zeros(len(self.size), np.bool_)
        flat[its[its >= 0]] = True
        flat &= self.size == FACET_BYTES
        plane, fire = self.facets.plane.copy(), self.facets.fire.copy()
        plane[flat, 0], plane[flat, 1:] = self.direction[flat, 1], 0
        fire[flat] = self.direction[flat] - self.direction[flat, 1:2]
        width = self.width.astype(np.float32)
        facet = np.full(sets.facet.size, -1, np.int32)
        facet[self.lobe] = self.facet
        sets.facet[:] = facet.reshape(sets.facet.shape)
        keep_lobes(sets, sets.facet >= 0, formed=formed)
        if len(width):
            sets.width[:] = width[np.maximum(sets.facet, 0)]
        return self.facets._replace(plane=plane, fire=fire, width=width, spread=self.spread)


def begin_sharing(sets: LobeSets, facets: Facets, places: Places, search: Search, *, joins: bool) -> Sharing:
    """Return the lobes that show DIM or more, each of which has a facet, joined where that is free.

    joins: facets may join others; else lobes are left out where bytes are few.
    """
    facets = flatten(facets, gather_members(sets, len(facets.width)), places, float(search.radius))
    width = facets.width.astype(np.float64)
    bright = most_shown(sets, search).ravel()
    lobe = np.flatnonzero(bright >= DIM)
    facet, texel = sets.facet.ravel()[lobe].astype(np.int64), lobe // MAX_LOBES
    energy = np.minimum(bright[lobe].astype(np.float64), 1) ** (2 / DISPLAY_GAMMA)
    count = np.bincount(facet, minlength=len(facets.width))
    formed = (facets.form != 0).any(axis=1)
    steep = facets.plane[:, 1:].any(axis=(1, 2)) | formed
    seen = np.flatnonzero((count[facet] <= LOOSE) & ~formed[facet])
    its, where = facet[seen], texel[seen]
    amplitude = sets.amplitude.reshape(-1, 3)[lobe[seen]].astype(np.float64)
    loose = _Loose(
        seen,
        energy[seen],
        look_along(facets, its, places.column[where], places.row[where]),
        amplitude / np.maximum(amplitude.sum(axis=1, keepdims=True), 1e-12),
        width[its],
        facets.spread[its],
    )
    middle = look_along(facets, np.arange(len(count)), *facets.centre.T)
    sharing = Sharing(
        facets,
        lobe,
        energy,
        loose,
        joins,
        float(search.radius),
        float(search.area) / 2 / max(len(sets.number), 1),
        facet,
        middle,
        width,
        facets.spread,
        (count > 0) * (FACET_BYTES + SLOPE_BYTES * steep),
        np.zeros(len(seen)),
        places.row[texel].astype(np.int64) * places.texel.shape[1] + places.column[texel],
        (places.texel.shape[0], places.texel.shape[1]),
        np.full(len(lobe), float(LOBE_BYTES)),
    )
    sharing = _settled(sharing)
    for _ in range(FREE_ROUNDS if joins else 0):
        sharing = _shrink(sharing, FREE, math.inf)
    return sharing


def _shrink(now: Sharing, price: float, room: float) -> Sharing:
    """Return what is left once all is done that loses less than a price for a byte it saves, until all fits in room.

    Where there are too many facets, all of it is done. At the price FREE nothing is left out.
    """
    loose, count = now.loose, len(now.size)
    its = now.facet[loose.seen]
    there = np.flatnonzero(its >= 0)
    order = there[np.argsort(its[there], kind="stable")]
    number = np.bincount(its[there], minlength=count)
    start = np.concatenate([[0], np.cumsum(number)]).astype(np.int64)
    kept = now.facet >= 0
    lobes = np.bincount(now.facet[kept], minlength=count)
    weight: F64 = np.bincount(now.facet[kept], now.each[kept], count).astype(np.float64)
    few = np.flatnonzero((now.size > 0) & (number == lobes) & (number <= LOOSE))
    to, loss = np.full(len(few), -1), np.full((3, len(few)), np.inf)
    _ask(few, start, order, loose, now.loss, _nearest(now, few), now.direction, now.width, now.radius, to, loss)
    left_out = price > FREE
    loss[FLATTEN, now.size[few] == FACET_BYTES] = np.inf
    loss[LEAVE_OUT] = np.bincount(its[there], (loose.energy - now.loss)[there], count)[few] if left_out else np.inf
    saved = np.stack([now.size[few], np.full(len(few), SLOPE_BYTES), now.size[few] + weight[few]])
    dear = loss / saved
    kind = dear.argmin(axis=0)
    dear = dear[kind, np.arange(len(few))]
    cheap = np.flatnonzero(dear < price)
    cheap = cheap[np.argsort(dear[cheap], kind="stable")]
    least = room if np.count_nonzero(now.size) <= MOST_FACETS else -math.inf
    size, target = now.size.copy(), np.arange(count)
    nbytes = _do(kind[cheap], few[cheap], to[cheap], weight, now.nbytes, least, size, target)
    facet = np.where(now.facet >= 0, target[now.facet], -1)
    if left_out and nbytes > room:
        alone = now.energy.copy()
        alone[loose.seen] -= now.loss
        alone[facet < 0] = np.inf
        alone /= np.maximum(now.each, 1e-9)
        dim = np.flatnonzero(alone < price)
        dim = dim[np.argsort(alone[dim], kind="stable")]
        saved_before = np.cumsum(now.each[dim]) - now.each[dim]
        facet[dim[saved_before < nbytes - room]] = -1
        size[np.bincount(facet[facet >= 0], minlength=count) == 0] = 0
    return _settled(replace(now, facet=facet, size=size))


def _nearest(now: Sharing, few: I64) -> I64:
    """Return the flat facets (N, NEAREST) that some (N,) may join; -1 for none."""
    flat = np.flatnonzero(now.size == FACET_BYTES)
    if not now.joins or len(flat) < 2 or len(few) == 0:
        return np.full((len(few), 1), -1)

    def places(some: I64) -> F64:
        direction = now.direction[some].reshape(-1, 9) / math.sqrt(3)
        return np.concatenate([direction, now.width[some, None]], axis=1)

    tree = KDTree(places(flat))
    _, near = tree.query(places(few), NEAREST, distance_upper_bound=REACH * now.radius, workers=thread_count())
    found: I64 = np.append(flat, -1)[near]
    return np.where(found == few[:, None], -1, found)


@kernel
def _moved(loose: _Loose, n: int, direction: F64, width: float, radius: float) -> float:
    """Return what is lost where a lobe is shown as a facet (3, 3) of a width shows it, of its energy."""
    off = (loose.width[n] - width) ** 2
    for c in range(3):
        for j in range(3):
            off += loose.tint[n, c] * (loose.direction[n, c, j] - direction[c, j]) ** 2
    open_to = MEAN_OFF * (loose.spread[n] ** 2 + loose.width[n] ** 2)
    overlap = max(0.0, 1 - CRESCENT * (math.sqrt(open_to + off) - math.sqrt(open_to)) / radius)
    return float(loose.energy[n] * (1 - overlap * overlap))


@kernel
def _ask(
    few: I64,
    start: I64,
    order: I64,
    loose: _Loose,
    standing: F64,
    near: I64,
    direction: F64,
    width: F64,
    radius: float,
    to: I64,
    loss: F64,
) -> None:
    """Write what some facets (N,) lose where they join the best of near (N, K), into to, and where they are flat.

    start, order: their loose lobes, which have lost what stands. loss: (3, N), the rows JOIN and FLATTEN of it.
    """
    for i in range(len(few)):
        f = few[i]
        for k in range(near.shape[1] + 1):
            g = near[i, k] if k < near.shape[1] else f
            if g < 0:
                continue
            its = 0.0
            for m in range(start[f], start[f + 1]):
                its += _moved(loose, order[m], direction[g], width[g], radius) - standing[order[m]]
            if g == f:
                loss[FLATTEN, i] = its
            elif its < loss[JOIN, i]:
                loss[JOIN, i] = its
                to[i] = g


@kernel
def _do(kind: I64, facet: I64, to: I64, weight: F64, nbytes: float, room: float, size: I64, target: I64) -> float:
    """Join, flatten or leave out facets in turn until all takes no more than room; returns the bytes it takes.

    weight: (F,) bytes of the lobes of each. Writes size and target (F,), which facet each is then part of: -1 for none.
    What another has joined stays.
    """
    state = np.full(len(size), KEPT)
    for i in range(len(kind)):
        if nbytes <= room < math.inf:
            break
        f, g = facet[i], to[i]
        if state[f] != KEPT or (kind[i] == JOIN and state[g] == TAKEN):
            continue
        if kind[i] == FLATTEN:
            state[f] = CHANGED
            size[f] -= SLOPE_BYTES
            nbytes -= SLOPE_BYTES
            continue
        state[f], target[f] = TAKEN, -1
        nbytes -= size[f]
        size[f] = 0
        if kind[i] == JOIN:
            state[g], target[f] = CHANGED, g
        else:
            nbytes -= weight[f]
    return nbytes


def _settled(now: Sharing) -> Sharing:
    """Return the same with facets of loose lobes at these lobes' means, by energy, and what lobes lose by that."""
    loose, count = now.loose, len(now.size)
    its = now.facet[loose.seen]
    there = its >= 0
    its = its[there]
    lobes = np.bincount(now.facet[now.facet >= 0], minlength=count)
    whole = np.bincount(its, minlength=count) == lobes  # others have lobes that stay where they are
    energy = loose.energy[there]
    total = np.bincount(its, energy, count)
    moved = np.flatnonzero(whole & (total > 0))

    def mean(values: F64) -> F64:
        found: F64 = np.bincount(its, energy * values[there], count)[moved] / total[moved]
        return found

    direction, width, spread = now.direction.copy(), now.width.copy(), now.spread.copy()
    for c in range(3):
        for j in range(3):
            direction[moved, c, j] = mean(loose.direction[:, c, j])
    direction[moved] /= np.linalg.norm(direction[moved], axis=2, keepdims=True)
    width[moved], spread[moved] = mean(loose.width), np.sqrt(mean(loose.spread**2))
    loss = np.zeros(len(loose.seen))
    _ask_all(loose, now.facet[loose.seen], now.size, direction, width, now.radius, loss)
    return replace(now, direction=direction, width=width, spread=spread, loss=loss)


@kernel
def _ask_all(loose: _Loose, facet: I64, size: I64, direction: F64, width: F64, radius: float, loss: F64) -> None:
    """Write what loose lobes lose by their facets: nothing where these still have slopes."""
    for n in range(len(facet)):
        if facet[n] >= 0 and size[facet[n]] == FACET_BYTES:
            loss[n] = _moved(loose, n, direction[facet[n]], width[facet[n]], radius)
