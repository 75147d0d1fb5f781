"""Which candidate the search of a texel's lobes takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.capture.lobe_search import best_candidate, candidate_gain, make_search

TOO_MUCH = np.float32(1e6)


def lights(count: int) -> np.ndarray:
    """Return a spiral of unit directions (count, 3) over the hemisphere."""
    turn, z = np.arange(count) * math.pi * (3 - math.sqrt(5)), 1 - (np.arange(count) + 0.5) / count
    return np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)


@pytest.mark.parametrize("formed", [False, True])
@pytest.mark.parametrize("flashes", [0, 1, 5, 60])
def test_no_candidate_gains_more(formed: bool, flashes: int):
    rng = np.random.default_rng(flashes)
    search = make_search(lights(96), math.radians(9), 40.0, 0.02, formed=formed)
    weight = rng.uniform(0.5, 30, (96, 3)).astype(np.float32)
    left = rng.normal(0, 0.003, (96, 3)).astype(np.float32)
    left[rng.choice(96, flashes, replace=False)] += rng.uniform(0, 2, (flashes, 3)).astype(np.float32)
    gains = np.array([candidate_gain(search, m, weight, left) for m in range(len(search.width))])
    bound, worth = np.empty_like(search.width), np.float32(0.05)
    m, gain = best_candidate(search, weight, left, worth, bound)
    if flashes == 0:
        assert gains.max() < worth and m == -1
    else:
        assert gain == pytest.approx(gains.max(), rel=1e-6) and gains[m] == gain
        assert best_candidate(search, weight, left, TOO_MUCH, bound)[0] == -1
