"""How far away the camera stood, where a session does not tell.

A near camera looks at each texel another way, so that the light paths of a facet fan out over it: rays traced from
where it stood meet the photos best.
"""

from __future__ import annotations

from typing import NamedTuple

from geodfx.arrays import F64
from geodfx.capture.cut_descend import FEW, descend
from geodfx.capture.cut_evidence import DomeEvidence
from geodfx.capture.cut_family import Family
from geodfx.capture.cut_find import meets_db

__all__ = ["find_camera", "refine_camera"]

# Nearness is one over a camera's distance: how many are tried one after another, and how far apart.
TRIED, APART = 11, 0.03
HALVED = 3  # times that what lies about the best is tried, ever nearer to it
ROUNDS, WIDER = 3, 1.5  # of the descent at each, and how soft lights are
LOST_DB = 0.5  # from so much less than the best on, nearer cameras are not tried
LEAST_GAIN_DB = 0.2  # over a distant camera


class _Try(NamedTuple):
    """A camera, and the cut that meets the photos best from there."""

    met_db: float
    nearness: float
    evidence: DomeEvidence
    numbers: F64


def find_camera(evidence: DomeEvidence, cut: Family, numbers: F64) -> tuple[DomeEvidence, F64]:
    """Return the evidence with its camera where rays of a cut meet the photos best, and the cut's numbers there.

    numbers: of the cut that meets the photos nearly, as seen by a distant camera.
    """
    distant = last = best = _try(evidence, cut, numbers, 0.0)
    for k in range(1, TRIED):
        last = _try(evidence, cut, last.numbers, k * APART)
        if last.met_db < best.met_db - LOST_DB:
            break
        best = max(best, last, key=_met)
    best = _look_about(cut, best, APART / 2)
    if best.met_db < distant.met_db + LEAST_GAIN_DB:
        best = distant
    return best.evidence, best.numbers


def refine_camera(evidence: DomeEvidence, cut: Family, numbers: F64) -> tuple[DomeEvidence, F64]:
    """Return the same from where the camera nearly stands."""
    best = _look_about(cut, _try(evidence, cut, numbers, float(1 / evidence.scene.camera[2])), APART / 4)
    return best.evidence, best.numbers


def _met(tried: _Try) -> float:
    return tried.met_db


def _look_about(cut: Family, best: _Try, apart: float) -> _Try:
    for _ in range(HALVED):
        others = (best.nearness - apart, best.nearness + apart)
        best = max([best, *(_try(best.evidence, cut, best.numbers, near) for near in others if near > 0)], key=_met)
        apart /= 2
    return best


def _try(evidence: DomeEvidence, cut: Family, numbers: F64, nearness: float) -> _Try:
    evidence = evidence.seen_from(nearness)
    numbers = descend(evidence, cut, numbers, ROUNDS, WIDER, FEW)
    return _Try(meets_db(evidence, cut, numbers), nearness, evidence, numbers)
