"""What fits of simulated stones really do, to hold predictions against: fitted lobes beside the truth's.

A true lobe counts as *strong and alone* if under a light it is displayed at half of white or more, if a light of the
session shows it to at least SHOWN, and if no other lobes that share lights with it have more than a third of its
weight. Lobes nearer than NEAR of a light's radius are one, as the two rays of a birefringent stone are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geodfx.arrays import F64, I64
from geodfx.basis import light_kernel
from geodfx.capture import THOROUGH, capture
from geodfx.capture.session import read_session
from geodfx.constants import LIGHT_EDGE
from geodfx.lobe_map import unpack_lobes
from geodfx.planning.copies import NO_MOVES, add_copies, read_moves
from geodfx.planning.posterior import response
from geodfx.stone import Stone

STRONG = 0.5  # of displayed white
OTHERS = 1 / 3  # of a lobe's weight, in all other lobes that share lights with it
SHOWN = 0.2  # of its flash
NEAR = 0.25  # of a light's radius
WHOLE = 0.99  # cover of a texel
FOUND = 2.0  # radii within which the nearest fitted lobe is a lobe's own


@dataclass(frozen=True)
class Measured:
    """What a fit made of a session."""

    seen_share: float  # of the truth's lobes above the horizon, glare too, that any light sees
    seen_weight: float  # the same, by weight
    lobes: int  # strong and alone
    missed_share: float  # of those: no fitted lobe is near
    median_deg: float  # error of the others
    nine_tenths_deg: float
    direction: F64  # (lobes, 3) where they point


def measure(folder: Path, symmetry: str | None = None) -> Measured:
    """Fit the session that `simulate` wrote to a folder, and compare its lobes with the truth beside it.

    symmetry: of the stone, which the fit finds by itself; None: fitted by each texel's own photos.
    """
    told = symmetry is not None
    stone = capture(read_session(folder), settings=replace(THOROUGH, symmetry=told, cut=told)).stone
    assert ("symmetry" in stone.provenance) == (symmetry is not None)
    return compare(folder, stone, NO_MOVES if symmetry is None else read_moves(symmetry))


def compare(folder: Path, stone: Stone, moves: F64 = NO_MOVES) -> Measured:
    session = read_session(folder)
    lights, radius = session.light_direction, session.light_radius_rad
    assert lights is not None
    assert radius is not None
    lights = add_copies(lights, radius, moves)
    flash = light_kernel(radius)[0] * stone.display_gain
    fitted, first = _fitted(stone)
    seen, error, missed = [], [], 0
    counted: list[F64] = []
    for texel, direction, weight in true_lobes(folder, NEAR * radius):
        shown = response(direction, lights, radius).max(axis=1)
        seen.append(np.stack([shown, weight], axis=1))
        apart = np.linalg.norm(direction[:, None] - direction, axis=2)
        share = (apart < 2 * (1 + LIGHT_EDGE) * radius) & ~np.eye(len(weight), dtype=bool)
        alone = share @ weight <= OTHERS * weight
        its = fitted[first[texel] : first[texel + 1]]
        for d in direction[alone & (weight * flash >= STRONG) & (shown >= SHOWN)]:
            counted.append(d)
            off = np.linalg.norm(its - d, axis=1).min(initial=2.0)
            if off > FOUND * radius:
                missed += 1
            else:
                error.append(math.degrees(2 * math.asin(off / 2)))
    shown, weight = np.concatenate(seen).T
    median, most = np.quantile(error, [0.5, 0.9]) if error else (math.nan, math.nan)
    count = len(error) + missed
    by_weight = float(weight[shown > 0].sum() / weight.sum())
    where = np.array(counted).reshape(-1, 3)
    share = missed / max(count, 1)
    return Measured(float((shown > 0).mean()), by_weight, count, share, float(median), float(most), where)


def _fitted(stone: Stone) -> tuple[F64, I64]:
    """Return the green directions (N, 3) of a stone's lobes and where each texel's begin (T + 1,)."""
    assert stone.lobes is not None
    lobes = unpack_lobes(stone.lobes, stone.size[0])
    first = np.searchsorted(lobes.texel, np.arange(stone.alpha.size + 1)).astype(np.int64)
    return lobes.direction[:, 1].astype(np.float64), first


def true_lobes(folder: Path, near: float):
    """Yield (texel, directions (n, 3), weights (n,)) of green's lobes above the horizon; near ones are one."""
    truth = np.load(folder / "truth" / "truth.npz")
    first, alpha = truth["lobe_first"], truth["alpha"].ravel()
    every, all_weights = truth["lobe_direction"][:, 1].astype(np.float64), truth["lobe_weight"].mean(axis=1)
    for texel in np.flatnonzero(alpha >= WHOLE):
        some = slice(first[texel], first[texel + 1])
        direction, weight = every[some], all_weights[some]
        there = (direction[:, 2] > 0) & (weight > 0)
        direction, weight = direction[there], weight[there]
        merged: list[F64] = []  # strongest first: direction times weight
        for d, w in zip(direction, weight, strict=True):
            same = [m for m in merged if np.linalg.norm(m / np.linalg.norm(m) - d / np.linalg.norm(d)) < near]
            if same:
                same[0] += w * d
            else:
                merged.append(w * d)
        if merged:
            summed = np.array(merged)
            size = np.linalg.norm(summed, axis=1)
            yield int(texel), summed / size[:, None], size
