"""The fire and colour of a traced cut: each channel of the photos is met best by rays of an index of its own."""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F64
from geodfx.capture.cut_evidence import WITHIN, Evidence
from geodfx.capture.cut_family import Shape
from geodfx.jit import run_each

__all__ = ["find_channel_absorbances", "find_channel_indices"]

OFFSETS = np.linspace(-0.06, 0.06, 25)  # from the index found: of diamond, red and blue are .027 apart
ABSORBANCES = np.concatenate([[0.0], np.geomspace(0.03, 20.0, 34)])
ASKED = (500, 85)  # texels and tilts
LEAST_LIKE = 0.5  # correlation with the photos of a channel: one that is met less tells no index


def find_channel_indices(evidence: Evidence, cut: Shape, numbers: F64) -> tuple[float, float, float]:
    """Return the refractive indices of red, green and blue, at which rays are most like what each shows.

    Each as far from the index of a cut as its channel is met best from where the one is that the cut was sought in.
    """
    index = float(numbers[0])
    if evidence.channels is None:
        return index, index, index
    texels, tilts, _ = evidence.some(*ASKED)
    trials = [cut.moved(numbers, 0, float(off)) for off in OFFSETS]
    shown = run_each(lambda k: evidence.show(cut, trials[k], texels, tilts, 1.0, WITHIN).ravel(), len(trials))
    best = np.full(3, np.nan)
    for c in range(3):
        wanted = evidence.channels[..., c][np.ix_(texels, tilts)].ravel()
        like = np.array([_correlate(each, wanted) for each in shown])
        k = int(like.argmax())
        if like[k] >= LEAST_LIKE and 0 < k < len(like) - 1:
            before, at, after = like[k - 1 : k + 2]
            best[c] = OFFSETS[k] + 0.5 * (before - after) / (before - 2 * at + after) * (OFFSETS[1] - OFFSETS[0])
    its = [float(np.abs(evidence.channels[..., c] - evidence.shown).sum()) for c in range(3)]
    own = best[int(np.argmin(its))]  # of the channel that the cut was sought in
    red, green, blue = (index if np.isnan(each - own) else index + float(each - own) for each in best)
    return red, green, blue


def find_channel_absorbances(evidence: Evidence, cut: Shape, numbers: F64) -> tuple[float, float, float]:
    """Return what red, green and blue lose a stone width, with which rays are nearest to what each shows."""
    absorbance = float(numbers[1])
    if evidence.channels is None:
        return absorbance, absorbance, absorbance
    texels, photos, _ = evidence.some(*ASKED)
    trials = [np.array([numbers[0], each, *numbers[2:]]) for each in ABSORBANCES]
    shown = run_each(lambda k: evidence.show(cut, trials[k], texels, photos, 1.0, WITHIN), len(trials))
    found = []
    for c in range(3):
        wanted = evidence.channels[..., c][np.ix_(texels, photos)]
        lost = [float(np.sum((each - wanted) ** 2)) for each in shown]
        found.append(float(ABSORBANCES[int(np.argmin(lost))]))
    red, green, blue = found
    return red, green, blue


def _correlate(one: F64, other: F64) -> float:
    """Return the correlation of two rows of numbers; 0 where either does not change."""
    return 0.0 if one.std() == 0 or other.std() == 0 else float(np.corrcoef(one, other)[0, 1])
