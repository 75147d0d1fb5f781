"""What to expect of a rig: the share of exit directions that a light sees, and how well those are told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64
from geodfx.constants import LIGHT_EDGE
from geodfx.planning.directions import GATHERED, exit_directions
from geodfx.planning.posterior import Located, locate

__all__ = ["LOCATED_DEG", "NOISE", "Expected", "alone_share", "expect", "find_errors", "summarise"]

# Deviation of a full flash, as a share of it. A sensor's is 0.01 or less, but edges of facets, fire and fainter lobes
# move a reading too, so that the fit takes a direction to be e times less likely where the loss over its three channels
# is 0.1 higher (`capture.facet_fit`): 3 s^2 = 0.1 / 2.
NOISE = 0.13
# Error that more lights do not average out, for all readings have it in common (texels at edges are mixtures), of a
# light's radius: the median of 0, .5, .9, 1.1, 1.2, 1.5 and 1.7 % by which fits of seven symmetric stones, whose texels
# have many lights, err beyond what the noise explains. None of them stands in docs/PLAN.md.
COMMON = 0.011
# Three lobes hold 99 % of what leaves a cut stone upwards, so that beside each there are two that may share its lights.
OTHER_LOBES = 2
PAIRED = 1024  # exits whose distances from each other are measured: shares come out to 1 in 100
LOCATED_DEG = (
    1.0  # an exit that is told this well flashes at the right tilt to the eye: a degree of tilt moves it further
)


@dataclass(frozen=True)
class Expected:
    """Shares are of a cut stone's exits above the horizon; errors of those that a light sees, in radians.

    Errors are those of a lobe that is alone: what the rig itself sets. Lobes that share lights are confused besides.
    """

    seen_share: float  # that any light sees
    located_share: float  # that are told within LOCATED_DEG
    alone_share: float  # of lobes that share no light with one of OTHER_LOBES more of their texel
    error_median_rad: float
    error_nine_tenths_rad: float  # nine tenths err by less


def expect(lights: F64, radius_rad: float, noise: float, count: int, gathered: float = GATHERED) -> Expected:
    """Return what lights (L, 3) of one radius tell of `count` directions, gathered as the exits of cut stones are."""
    exits = exit_directions(count, gathered)
    return summarise(find_errors(exits, lights, radius_rad, noise), radius_rad, gathered)


def find_errors(direction: F64, lights: F64, radius_rad: float, noise: float) -> Located:
    """Return how well a fit tells each direction (N, 3) under lights (L, 3) of one radius: `locate`, and COMMON."""
    located = locate(direction, lights, radius_rad, noise)
    return located._replace(error_rad=np.minimum(np.hypot(located.error_rad, COMMON * radius_rad), math.pi))


def summarise(located: Located, radius_rad: float, gathered: float = GATHERED) -> Expected:
    """Return the shares and quantiles of located exits. Errors are pi, knowing nothing, where no light sees any."""
    error = located.error_rad[located.seen > 0]
    count = len(located.seen)
    alone = alone_share(radius_rad, gathered)
    if len(error) == 0:
        return Expected(0.0, 0.0, alone, math.pi, math.pi)
    median, most = np.quantile(error, [0.5, 0.9])
    within = float((error <= math.radians(LOCATED_DEG)).sum()) / count
    return Expected(len(error) / count, within, alone, float(median), float(most))


def alone_share(radius_rad: float, gathered: float = GATHERED) -> float:
    """Return the share of exits so far from OTHER_LOBES more, drawn alike, that no light of a radius reaches two."""
    exits = exit_directions(PAIRED, gathered)
    apart = min(2 * (1 + LIGHT_EDGE) * radius_rad, math.pi)
    sharing = (exits @ exits.T > math.cos(apart)).mean(axis=1)
    return float(((1 - sharing) ** OTHER_LOBES).mean())
