"""Virtual facets: the regions of a picture whose texels see the same lobe, found among lobes that texels found alone.

Facets are flat, so that inside one the exit direction is constant for a distant camera and changes linearly across it
for a near one. The idea of virtual facets is Sasian's (2007); proposing planes from the data and letting every sample
choose among them is that of multi-model fitting (Isack and Boykov 2012, PEARL).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64
from geodfx.capture.lobe_search import FAINT, LOWEST_Z
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets
from geodfx.jit import kernel

__all__ = [
    "Facets",
    "Members",
    "Places",
    "find_facets",
    "gather_members",
    "guess_facets",
    "join_facets",
    "look_along",
    "no_facets",
]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

ALIKE = 0.35  # of the light's radius: how far a lobe may lie from what its facet predicts
ALIKE_FORM = 0.35  # how far a lobe's form may differ from its facet's
DIMMEST, BRIGHTEST = 0.5, 2.0  # of the mean of its facet
SMALLEST = 6  # texels: fewer that agree may do so by chance
SLOPE_FROM = 8  # texels at which a facet's slope is first fitted, and again each time it has grown by half
SLOPE_RIDGE = 20.0  # texels squared: holds the slope of a facet that is a few texels small
FEW_TEXELS, FEW_RIDGE = 20.0, 0.1  # the same for `guess_facets`: a share of the facet's extent, until it has so many


class Places(NamedTuple):
    """Where T texels lie in a picture (H, W)."""

    column: I32  # (T,)
    row: I32  # (T,)
    texel: I32  # (H, W) which texel lies there; -1 where the stone is not


class Facets(NamedTuple):
    """F facets; the direction at (x, y) is that of plane[0] + plane[1] (x - cx) + plane[2] (y - cy)."""

    centre: F64  # (F, 2) column and row
    plane: F64  # (F, 3, 3) constant, slope to the right, slope down; by coordinate
    fire: F64  # (F, 3, 3) what is added to it, by channel and coordinate
    width: F32  # (F,) chord
    form: F64  # (F, 2) how much longer than wide, see `formed_chord`
    spread: F64  # (F,) standard deviation of the direction, a chord: how far the photos leave it open


class Members(NamedTuple):
    """The lobes of F facets, N of them, facet by facet."""

    texel: I32  # (N,)
    lobe: I32  # (N,)
    facet: I32  # (N,)
    start: I64  # (F + 1,)


def find_facets(sets: LobeSets, places: Places, radius: float) -> int:
    """Write which facet each lobe belongs to, -1 for none, into sets.facet; return how many facets there are.

    Regions grow from the brightest lobes on, over touching texels whose lobe is where the facet so far predicts it.
    """
    brightness = np.where(np.arange(MAX_LOBES) < sets.number[:, None], sets.amplitude.sum(axis=2), 0).ravel()
    seen = np.flatnonzero(brightness > 3 * FAINT)
    order = seen[np.argsort(-brightness[seen], kind="stable")]
    del brightness, seen
    sets.facet[:] = -1
    return int(_grow_all(sets, *places, (ALIKE * radius) ** 2, order))


@kernel
def _grow_all(sets: LobeSets, column: I32, row: I32, texel: I32, alike: float, order: I64) -> int:
    """Grow a facet from each lobe in order that has none yet. alike: squared chord."""
    queue = np.empty((len(column), 2), np.int32)
    seen = np.full(len(column), -1, np.int64)
    facets = 0
    for turn in range(len(order)):
        t, k = order[turn] // MAX_LOBES, order[turn] % MAX_LOBES
        if sets.facet[t, k] >= 0:
            continue
        queue[0, 0], queue[0, 1] = t, k
        size = _grow_one(sets, column, row, texel, alike, queue, seen, turn, facets)
        if size < SMALLEST:
            for i in range(size):
                sets.facet[queue[i, 0], queue[i, 1]] = -1
        else:
            facets += 1
    return facets


@kernel
def _grow_one(
    sets: LobeSets, column: I32, row: I32, texel: I32, alike: float, queue: I32, seen: I64, turn: int, facet: int
) -> int:
    """Grow one facet from the lobe in queue[0]; returns how many lobes it has, which are then in queue."""
    height, width = texel.shape
    seed, seed_lobe = queue[0, 0], queue[0, 1]
    left, top, its_width = column[seed], row[seed], sets.width[seed, seed_lobe]
    form_x, form_y = sets.form[seed, seed_lobe, 0], sets.form[seed, seed_lobe, 1]
    sets.facet[seed, seed_lobe] = facet
    seen[seed] = turn
    normal, right, plane = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    tail, done, fit_at, brightness = 1, 0, SLOPE_FROM, 0.0
    while done < tail:
        t, k = queue[done, 0], queue[done, 1]
        done += 1
        x, y = float(column[t] - left), float(row[t] - top)
        for j in range(3):
            brightness += sets.amplitude[t, k, j]
            d = sets.direction[t, k, j]
            right[0, j] += d
            right[1, j] += d * x
            right[2, j] += d * y
        normal[0, 0] += 1
        normal[0, 1] += x
        normal[0, 2] += y
        normal[1, 1] += x * x
        normal[1, 2] += x * y
        normal[2, 2] += y * y
        if done < SLOPE_FROM:
            for j in range(3):
                plane[0, j] = right[0, j] / done
        elif done >= fit_at:
            _solve_plane(normal, right, plane)
            fit_at = int(done * 1.5)
        for down in range(-1, 2):
            for across in range(-1, 2):
                r, c = row[t] + down, column[t] + across
                if r < 0 or c < 0 or r >= height or c >= width or texel[r, c] < 0:
                    continue
                other = texel[r, c]
                if seen[other] == turn:
                    continue
                x, y = float(c - left), float(r - top)
                m = _same_lobe(sets, other, plane, x, y, brightness / done, its_width, form_x, form_y, alike)
                if m >= 0:
                    seen[other] = turn
                    sets.facet[other, m] = facet
                    queue[tail, 0], queue[tail, 1] = other, m
                    tail += 1
    return tail


@kernel
def _same_lobe(
    sets: LobeSets,
    texel: int,
    plane: F64,
    x: float,
    y: float,
    brightness: float,
    width: float,
    form_x: float,
    form_y: float,
    alike: float,
) -> int:
    """Return the free lobe of a texel that is nearest to a facet's direction and like it; -1 if none."""
    best, nearest = -1, alike
    for m in range(sets.number[texel]):
        if sets.facet[texel, m] >= 0:
            continue
        its = sets.amplitude[texel, m, 0] + sets.amplitude[texel, m, 1] + sets.amplitude[texel, m, 2]
        difference = sets.width[texel, m] - width
        if its < DIMMEST * brightness or its > BRIGHTEST * brightness or difference * difference > alike:
            continue
        its_x, its_y = sets.form[texel, m, 0], sets.form[texel, m, 1]
        turned = -1.0 if its_x * form_x + its_y * form_y < 0 else 1.0  # opposite vectors are the same form
        if (its_x - turned * form_x) ** 2 + (its_y - turned * form_y) ** 2 > ALIKE_FORM * ALIKE_FORM:
            continue
        q, along = 0.0, 0.0
        for j in range(3):
            off = plane[0, j] + plane[1, j] * x + plane[2, j] * y - sets.direction[texel, m, j]
            q += off * off
            along += off * (form_x if j == 0 else form_y if j == 1 else 0.0)
        q -= along * along
        if q < nearest:
            best, nearest = m, q
    return best


@kernel
def _solve_plane(normal: F64, right: F64, plane: F64) -> None:
    """Solve for constant and slopes by elimination; normal holds the sums' upper half."""
    n, x, y = normal[0, 0], normal[0, 1], normal[0, 2]
    a = normal[1, 1] - x * x / n + SLOPE_RIDGE
    b = normal[1, 2] - x * y / n
    d = normal[2, 2] - y * y / n + SLOPE_RIDGE
    determinant = a * d - b * b
    for j in range(3):
        p = right[1, j] - right[0, j] * x / n
        q = right[2, j] - right[0, j] * y / n
        plane[1, j] = (p * d - q * b) / determinant
        plane[2, j] = (q * a - p * b) / determinant
        plane[0, j] = (right[0, j] - plane[1, j] * x - plane[2, j] * y) / n


def gather_members(sets: LobeSets, facets: int) -> Members:
    """Return the lobes of each facet."""
    there = (np.arange(MAX_LOBES) < sets.number[:, None]) & (sets.facet >= 0)
    place = np.flatnonzero(there)
    facet = sets.facet.ravel()[place]
    start = np.concatenate([[0], np.cumsum(np.bincount(facet, minlength=facets))]).astype(np.int64)
    order = np.argsort(facet, kind="stable")
    place, facet = place[order], facet[order]
    return Members((place // MAX_LOBES).astype(np.int32), (place % MAX_LOBES).astype(np.int32), facet, start)


def no_facets() -> Facets:
    """Return a list of no facets."""
    none = np.zeros(0)
    pairs, triples = none.reshape(0, 2), none.reshape(0, 3, 3)
    return Facets(pairs, triples, triples, none.astype(np.float32), pairs, none)


def guess_facets(sets: LobeSets, members: Members, places: Places) -> Facets:
    """Return the facets as the mean of their lobes tells them; their slopes by least squares."""
    count = np.maximum(np.diff(members.start), 1).astype(np.float64)
    facets = len(count)

    def total(values: F64) -> F64:
        summed: F64 = np.bincount(members.facet, weights=values, minlength=facets).astype(np.float64)
        return summed

    x, y = places.column[members.texel].astype(np.float64), places.row[members.texel].astype(np.float64)
    centre = np.stack([total(x), total(y)], axis=1) / count[:, None]
    x -= centre[members.facet, 0]
    y -= centre[members.facet, 1]
    normal = np.zeros((facets, 2, 2))
    normal[:, 0, 0], normal[:, 1, 1] = total(x * x), total(y * y)
    normal[:, 0, 1] = normal[:, 1, 0] = total(x * y)
    ridge = FEW_RIDGE * np.minimum(1, FEW_TEXELS / count) * (normal[:, 0, 0] + normal[:, 1, 1]) + 1.0
    normal += ridge[:, None, None] * np.eye(2)
    plane = np.zeros((facets, 3, 3))
    for j in range(3):
        direction = sets.direction[members.texel, members.lobe, j].astype(np.float64)
        plane[:, 0, j] = total(direction) / count
        right = np.stack([total(direction * x), total(direction * y)], axis=1)
        plane[:, 1:, j] = np.linalg.solve(normal, right[..., None])[..., 0]
    plane /= np.maximum(np.linalg.norm(plane[:, :1], axis=2, keepdims=True), 1e-9)
    width = total(sets.width[members.texel, members.lobe].astype(np.float64)) / count
    x, y = sets.form[members.texel, members.lobe].astype(np.float64).T
    form = _mean_form(total(x * x) / count, total(x * y) / count, total(y * y) / count)
    return Facets(centre, plane, np.zeros((facets, 3, 3)), width.astype(np.float32), form, np.zeros(facets))


def _mean_form(xx: F64, xy: F64, yy: F64) -> F64:
    """Return forms (F, 2) of the means of their products (F,): a form and its opposite are the same."""
    half, turn = np.hypot(0.5 * (xx - yy), xy), 0.5 * np.arctan2(2 * xy, xx - yy)
    size = np.sqrt(np.maximum(0.5 * (xx + yy) + half, 0))
    return np.stack([size * np.cos(turn), size * np.sin(turn)], axis=1)


def join_facets(parts: Sequence[Facets]) -> Facets:
    """Return facets one after the other."""
    return Facets(
        np.concatenate([part.centre for part in parts]),
        np.concatenate([part.plane for part in parts]),
        np.concatenate([part.fire for part in parts]),
        np.concatenate([part.width for part in parts]),
        np.concatenate([part.form for part in parts]),
        np.concatenate([part.spread for part in parts]),
    )


def look_along(facets: Facets, facet: I64, column: I32 | F64, row: I32 | F64) -> F64:
    """Return the directions (N, 3 channels, 3) of facets (N,) at places (N,)."""
    x, y = (column - facets.centre[facet, 0])[:, None], (row - facets.centre[facet, 1])[:, None]
    plane = facets.plane[facet]
    d = (plane[:, 0] + plane[:, 1] * x + plane[:, 2] * y)[:, None] + facets.fire[facet]
    d[..., 2] = np.maximum(d[..., 2], LOWEST_Z)
    unit: F64 = d / np.linalg.norm(d, axis=2, keepdims=True)
    return unit
