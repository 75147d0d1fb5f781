"""Plane vectors through time: the 1-euro filter, which is calm at rest and quick in motion, and a soft limit."""

from __future__ import annotations

import math

__all__ = ["OneEuroFilter", "Vector2", "scaled", "soft_limit"]

Vector2 = tuple[float, float]


class OneEuroFilter:
    """A low pass of the first order whose cutoff rises with speed. Casiez, Roussel and Vogel 2012.

    Both components share one cutoff, told by the vector's speed, so that it does not matter which way the axes lie.
    Speed comes from the samples as they came in: from the last filtered one, as in the paper, it would grow with the
    rate.
    """

    def __init__(self, min_cutoff_hz: float, beta: float, rate_cutoff_hz: float) -> None:
        """Take the cutoff at rest, what it rises by in Hz for a radian a second, and that of the speed."""
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._rate_time_s = 1 / (2 * math.pi * rate_cutoff_hz)
        self.restart()

    def restart(self) -> None:
        """Stand at zero, at rest, whatever came before."""
        self._raw: Vector2 = (0.0, 0.0)
        self._value: Vector2 = (0.0, 0.0)
        self._rate: Vector2 = (0.0, 0.0)

    def update(self, step_s: float, raw: Vector2) -> tuple[Vector2, Vector2]:
        """Return the filtered vector and its rate a second, for a sample step_s >= 0 after the last.

        Nothing is divided by the step, so that samples at the same time are as good as others: the value waits, and
        what has changed counts in the rate.
        """
        (raw_x, raw_y), (x, y), (rate_x, rate_y) = self._raw, self._value, self._rate
        share = 1 / (self._rate_time_s + step_s)
        rate_x += (raw[0] - raw_x - rate_x * step_s) * share
        rate_y += (raw[1] - raw_y - rate_y * step_s) * share
        cutoff_hz = self._min_cutoff_hz + self._beta * math.sqrt(rate_x * rate_x + rate_y * rate_y)
        share = step_s / (1 / (2 * math.pi * cutoff_hz) + step_s)
        x += (raw[0] - x) * share
        y += (raw[1] - y) * share
        self._raw, self._value, self._rate = raw, (x, y), (rate_x, rate_y)
        return self._value, self._rate


def soft_limit(vector: Vector2, limit: float) -> Vector2:
    """Return a vector shortened so that it stays below a limit > 0, in the same direction.

    Its length r becomes r / (1 + (r / limit)^4)^(1/4): smooth and rising, slope 1 at 0, off by 1.5 in 100 at half the
    limit, 0.84 of the limit at the limit.
    """
    ratio = (vector[0] * vector[0] + vector[1] * vector[1]) / (limit * limit)
    return scaled(vector, 1 / math.sqrt(math.sqrt(1 + ratio * ratio)))


def scaled(vector: Vector2, factor: float) -> Vector2:
    """Return a vector times a number."""
    return vector[0] * factor, vector[1] * factor
