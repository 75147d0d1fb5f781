"""The last pass over a texel's lobes: each channel's own direction, which is fire, and how far it is in doubt."""

from __future__ import annotations

import math

import numpy as np

from geodfx.arrays import F32
from geodfx.capture.lobe_search import (
    TURN_COS,
    TURN_SIN,
    Search,
    add_response,
    channel_gain,
    gain_of,
    near_lights,
    step_along,
    tangents,
)
from geodfx.capture.lobe_work import LobeSets, Work, give, make_work, set_responses, settle, start, take
from geodfx.jit import kernel

__all__ = ["finish"]

FIRE_COST = np.float32(3.0)  # loss of a channel's direction that lies one radius from the others
FIRE_REACH = np.float32(0.9)  # of the radius: how far a channel may lie from the others
DOUBT_POINTS = 160  # directions at which a lobe's posterior is measured
DOUBT_REACH = np.float32(0.8)  # of the light's radius: beyond it, it would be another lobe
DOUBT_LOSS = np.float32(0.1)  # the loss that makes a direction e times less likely


@kernel
def _split_channels(search: Search, work: Work, count: int) -> None:
    """Let each channel's direction move alone, at a cost by its distance: fire."""
    near = np.empty(len(search.light), np.int32)
    trial, u, v = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    middle = np.empty(3, np.float32)
    for k in range(count):
        width = work.width[k]
        size = max(search.radius, width)
        middle[:] = work.direction[k, 1]
        seen = near_lights(search, middle, np.float32(2.2) * search.radius + np.float32(3.5) * width, near)
        tangents(middle, u, v)
        for c in range(3):
            add_response(work.response[k, c], work.amplitude[k, c], work.left, c)
            a, b, step = np.float32(0.0), np.float32(0.0), np.float32(0.125)
            amplitude, gain = channel_gain(search, middle, width, near, seen, work.weight, work.left, c)
            while step > np.float32(0.02) and amplitude > 0:
                best, best_a, best_b, best_amplitude = gain, a, b, amplitude
                for turn in range(8):
                    to_a, to_b = a + step * TURN_COS[turn], b + step * TURN_SIN[turn]
                    away = to_a * to_a + to_b * to_b
                    if away > FIRE_REACH * FIRE_REACH:
                        continue
                    step_along(middle, u, v, to_a * size, to_b * size, trial)
                    its_amplitude, its = channel_gain(search, trial, width, near, seen, work.weight, work.left, c)
                    its -= FIRE_COST * away
                    if its > best:
                        best, best_a, best_b, best_amplitude = its, to_a, to_b, its_amplitude
                if best > gain:
                    gain, a, b, amplitude = best, best_a, best_b, best_amplitude
                else:
                    step *= np.float32(0.5)
            step_along(middle, u, v, a * size, b * size, work.direction[k, c])
            work.amplitude[k, c] = amplitude
            set_responses(search, work, k, c)
            add_response(work.response[k, c], -amplitude, work.left, c)


@kernel
def _spread(search: Search, work: Work, k: int, doubt: F32) -> np.float32:
    """Move lobe k to the mean of the directions that its photos allow; returns their spread, a chord.

    Each of many directions about it has probability exp(gain / DOUBT_LOSS), all else fixed. doubt: (P, 3) scratch.
    """
    near = np.empty(len(search.light), np.int32)
    trial, u, v = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    amplitude = np.empty(3, np.float32)
    width = work.width[k]
    for c in range(3):
        add_response(work.response[k, c], work.amplitude[k, c], work.left, c)
    middle = work.direction[k, 1].copy()
    seen = near_lights(search, middle, np.float32(2.6) * search.radius + np.float32(3.5) * width, near)
    tangents(middle, u, v)
    highest = np.float32(0.0)
    for p in range(DOUBT_POINTS):  # a spiral of equal areas (Vogel 1979)
        far = DOUBT_REACH * search.radius * np.sqrt(np.float32((p + 0.5) / DOUBT_POINTS))
        turn = p * math.pi * (3 - math.sqrt(5))
        doubt[p, 0], doubt[p, 1] = far * np.float32(math.cos(turn)), far * np.float32(math.sin(turn))
        step_along(middle, u, v, doubt[p, 0], doubt[p, 1], trial)
        doubt[p, 2] = gain_of(search, trial, width, near, seen, work.weight, work.left, amplitude)
        highest = max(highest, doubt[p, 2])
    total, mean_a, mean_b, square = 0.0, 0.0, 0.0, 0.0
    for p in range(DOUBT_POINTS):
        likely = math.exp((doubt[p, 2] - highest) / DOUBT_LOSS)
        total += likely
        mean_a += likely * doubt[p, 0]
        mean_b += likely * doubt[p, 1]
        square += likely * (doubt[p, 0] * doubt[p, 0] + doubt[p, 1] * doubt[p, 1])
    mean_a, mean_b = mean_a / total, mean_b / total
    for c in range(3):
        add_response(work.response[k, c], -work.amplitude[k, c], work.left, c)
        offset = work.direction[k, c] - middle
        a = mean_a + offset[0] * u[0] + offset[1] * u[1] + offset[2] * u[2]
        b = mean_b + offset[0] * v[0] + offset[1] * v[1] + offset[2] * v[2]
        step_along(middle, u, v, np.float32(a), np.float32(b), work.direction[k, c])
    return np.float32(math.sqrt(max(0.5 * (square / total - mean_a * mean_a - mean_b * mean_b), 0.0)))


@kernel
def finish(search: Search, x: F32, clear: F32, base: F32, first: int, sets: LobeSets, spread: F32) -> None:
    """Split the lobes of texels first to first + n by channel and measure their doubt; changes `sets` in place.

    spread: (T, K), the standard deviation of a lobe's direction, a chord; the lobe's own width stays in `sets`.
    """
    work = make_work(search)
    doubt = np.empty((DOUBT_POINTS, 3), np.float32)
    for n in range(len(x)):
        start(work, x[n], clear[n], base[n])
        count = take(search, work, sets, first + n)
        _split_channels(search, work, count)
        settle(search, work, count)
        for k in range(count):
            spread[first + n, k] = _spread(search, work, k, doubt)
        give(work, count, sets, first + n)
