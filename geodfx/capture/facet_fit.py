"""Where a facet points: its lobe moved over direction and slope at once, by the photos of all its texels.

A texel's photos tell a direction up to the cell of the lights' discs that it lies in. All texels of a facet together
tell it better: noise averages out, other lobes differ from texel to texel, and under a near camera the edge of a
light's disc crosses the facet.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64
from geodfx.capture.facet_find import Facets
from geodfx.capture.facet_pool import (
    Pool,
    Samples,
    extent_of,
    fill_pool,
    make_pool,
    pooled_gain,
    set_close,
    set_frame,
    set_place,
)
from geodfx.capture.lobe_search import (
    TURN_COS,
    TURN_SIN,
    Search,
    form_step,
)
from geodfx.capture.lobe_work import LobeSets, Work
from geodfx.jit import kernel

__all__ = [
    "DOUBT_FINE",
    "DOUBT_POINTS",
    "DOUBT_REACH",
    "DOUBT_SHRINK",
    "DOUBT_STAGES",
    "finish_facets",
    "move_facets",
]

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

FIRST_STEP, LAST_STEP = 0.25, 0.02  # of the pattern search, in the light's radius
CLEARLY = 1.00001  # a step must gain more than rounding does
STEEP = 0.08  # of the light's radius: a facet across which the camera's view turns less has no slope to search for
SLOPES = 8  # turns of the slopes that are tried as starts, each also mirrored
ELSEWHERE = 72  # other places about where a facet has climbed to that are tried as starts
ELSEWHERE_REACH = 2.0  # of the light's radius: how far they lie
PROMISING = 0.9  # of the gain that stands: from less, a climb seldom ends higher
FIRE_COST = 3.0  # loss of a channel's direction that lies one radius from the others
FIRE_REACH = 0.9  # of the radius: how far a channel may lie from the others
DOUBT_POINTS = 160  # directions at which a facet's posterior is measured
DOUBT_REACH = 0.8  # of the light's radius: beyond it, it would be another lobe
DOUBT_SHRINK, DOUBT_STAGES = 0.6, 6  # where the posterior is narrower than its points resolve, they draw closer
DOUBT_FINE = 0.15  # of their reach, to which it should spread; an even one spreads to half of it
DOUBT_LOSS = 0.1  # the mean loss of a texel that makes a direction e times less likely
# A facet moves from its best direction to the mean of those that the photos allow: all the way where few texels tell
# it, and half of it where many do, for what they agree on is more than one texel's photos tell.
DOUBT_SHIFT, FEW_TEXELS = 0.5, 32.0


@kernel
def _step(place: F64, turn: int, step: float, extent: float, out: F64) -> None:
    """Write place, moved one of 24 ways, into out: eight along the tangents, eight by a slope, eight by the form."""
    out[:] = place
    if turn < 8:
        out[0] += step * TURN_COS[turn]
        out[1] += step * TURN_SIN[turn]
    elif turn < 16:
        out[2 + (turn - 8) // 2] += step / extent if turn % 2 == 0 else -step / extent
    else:
        x, y = form_step(np.float32(place[6]), np.float32(place[7]), np.float32(step), turn - 16)
        out[6], out[7] = x, y


@kernel
def _climb(
    search: Search, pool: Pool, count: int, lights: int, width: np.float32, extent: float, place: F64, last: float
) -> float:
    """Move place to where the gain is highest near it, by a pattern search down to a last step; returns the gain."""
    trial = np.empty(8)
    radius = float(search.radius)
    step = FIRST_STEP
    close = set_close(search, pool, count, lights, width, place, step * radius, step * radius / extent)
    gain = pooled_gain(search, pool, count, close, width, place, 0, 3)
    while step > last:
        best, best_turn = gain * CLEARLY, -1
        for turn in range(24 if search.formed else 16):
            _step(place, turn, step if turn >= 16 else step * radius, extent, trial)
            its = pooled_gain(search, pool, count, close, width, trial, 0, 3)
            if its > best:
                best, best_turn = its, turn
        if best_turn >= 0:
            _step(place, best_turn, step if best_turn >= 16 else step * radius, extent, trial)
            place[:] = trial
            gain = best
        else:
            step *= 0.5
        close = set_close(search, pool, count, lights, width, place, step * radius, step * radius / extent)
    return gain


@kernel
def _try_elsewhere(
    search: Search, pool: Pool, count: int, lights: int, width: np.float32, extent: float, place: F64, gain: float
) -> float:
    """Climb from the best of many places about the one that stands, and move there if it gains more; returns the gain.

    Each texel's other lobes give way, so that light which they took over while the facet stood elsewhere is no bar.
    """
    trial, begin = place.copy(), place.copy()
    best = PROMISING * gain
    for p in range(ELSEWHERE):  # a spiral of equal areas (Vogel 1979)
        far = ELSEWHERE_REACH * float(search.radius) * math.sqrt((p + 0.5) / ELSEWHERE)
        turn = p * math.pi * (3 - math.sqrt(5))
        trial[0], trial[1] = place[0] + far * math.cos(turn), place[1] + far * math.sin(turn)
        close = set_close(search, pool, count, lights, width, trial, 0.0, 0.0)
        its = pooled_gain(search, pool, count, close, width, trial, 0, 3)
        if its > best:
            best = its
            begin[:] = trial
    if best <= PROMISING * gain:
        return gain
    its = _climb(search, pool, count, lights, width, extent, begin, LAST_STEP)
    if its > gain * CLEARLY:
        place[:] = begin
        return its
    return gain


@kernel
def move_facets(
    search: Search, work: Work, sets: LobeSets, samples: Samples, first: int, turning: float, facets: Facets
) -> None:
    """Move facets first to first + F of samples to their best direction and slope, in place.

    turning: how far the view of a near camera turns from texel to texel, radians; 0 for a distant one. A light path
    through flat facets turns with it, by about as much, in a sense and an orientation that the photos must tell.
    """
    pool = make_pool(samples, len(search.light))
    place, trial = np.empty(8), np.empty(8)
    for f in range(len(samples.start) - 1):
        plane, width = facets.plane[first + f], facets.width[first + f]
        count = fill_pool(search, sets, samples, f, work, pool, True)
        if count == 0:
            continue
        lights = set_frame(search, plane, width, facets.form[first + f], pool)
        extent = extent_of(pool, count)
        set_place(plane, facets.form[first + f], pool, place)
        gain = _climb(search, pool, count, lights, width, extent, place, LAST_STEP)
        gain = _try_elsewhere(search, pool, count, lights, width, extent, place, gain)
        if turning * extent > STEEP * search.radius:
            for turn in range(2 * SLOPES):
                angle, mirror = (turn // 2) * 2 * math.pi / SLOPES, 1.0 if turn % 2 == 0 else -1.0
                trial[:2], trial[6:] = place[:2], facets.form[first + f]
                trial[2], trial[3] = turning * math.cos(angle), -mirror * turning * math.sin(angle)
                trial[4], trial[5] = turning * math.sin(angle), mirror * turning * math.cos(angle)
                its = _climb(search, pool, count, lights, width, extent, trial, 2.5 * LAST_STEP)
                if its > gain * CLEARLY:
                    gain = its
                    place[:] = trial
        facets.form[first + f] = place[6:]
        for j in range(3):
            u, v = pool.frame[1, j], pool.frame[2, j]
            plane[0, j] = pool.frame[0, j] + place[0] * u + place[1] * v
            plane[1, j] = place[2] * u + place[4] * v
            plane[2, j] = place[3] * u + place[5] * v


@kernel
def finish_facets(
    search: Search, work: Work, sets: LobeSets, samples: Samples, size: I64, first: int, facets: Facets
) -> None:
    """Let each channel's direction move alone, which is fire, and measure how far the photos leave it open.

    Changes fire, spread and plane of facets first to first + F. size: texels of all facets.
    """
    pool = make_pool(samples, len(search.light))
    place = np.empty(8)
    for f in range(len(samples.start) - 1):
        plane, width = facets.plane[first + f], facets.width[first + f]
        count = fill_pool(search, sets, samples, f, work, pool, False)
        if count == 0:
            continue
        lights = set_frame(search, plane, width, facets.form[first + f], pool)
        set_place(plane, facets.form[first + f], pool, place)
        _split_channels(search, pool, count, lights, width, place, facets.fire[first + f])
        place[0], place[1] = 0.0, 0.0
        facets.spread[first + f] = _doubt(search, pool, count, lights, width, place)
        share = DOUBT_SHIFT + (1 - DOUBT_SHIFT) * min(1.0, FEW_TEXELS / size[first + f])
        for j in range(3):
            plane[0, j] += share * (place[0] * pool.frame[1, j] + place[1] * pool.frame[2, j])


@kernel
def _split_channels(
    search: Search, pool: Pool, count: int, lights: int, width: np.float32, place: F64, fire: F64
) -> None:
    """Write each channel's step from the common direction, at a cost by its length, into fire (3, 3)."""
    size = max(float(search.radius), float(width))
    for c in range(3):
        a, b, step = 0.0, 0.0, 0.125
        place[0], place[1] = 0.0, 0.0
        close = set_close(search, pool, count, lights, width, place, FIRE_REACH * size, 0.0)
        gain = pooled_gain(search, pool, count, close, width, place, c, c + 1)
        while step > LAST_STEP and gain > 0:
            best, best_a, best_b = gain, a, b
            for turn in range(8):
                to_a, to_b = a + step * TURN_COS[turn], b + step * TURN_SIN[turn]
                away = to_a * to_a + to_b * to_b
                if away > FIRE_REACH * FIRE_REACH:
                    continue
                place[0], place[1] = to_a * size, to_b * size
                its = pooled_gain(search, pool, count, close, width, place, c, c + 1) - FIRE_COST * away
                if its > best:
                    best, best_a, best_b = its, to_a, to_b
            if best > gain:
                gain, a, b = best, best_a, best_b
            else:
                step *= 0.5
        for j in range(3):
            fire[c, j] = size * (a * pool.frame[1, j] + b * pool.frame[2, j])


@kernel
def _doubt(search: Search, pool: Pool, count: int, lights: int, width: np.float32, place: F64) -> float:
    """Return the spread of the directions that the photos allow, and their mean in the first two of place."""
    reach, spread = DOUBT_REACH * float(search.radius), 0.0
    for _ in range(DOUBT_STAGES):
        spread = _doubt_within(search, pool, count, lights, width, place, reach)
        if spread > DOUBT_FINE * reach:
            break
        reach *= DOUBT_SHRINK
    return spread


@kernel
def _doubt_within(
    search: Search, pool: Pool, count: int, lights: int, width: np.float32, place: F64, reach: float
) -> float:
    """Return what `_doubt` does, of directions within a chord of the facet's.

    Each of many directions has probability exp(gain / DOUBT_LOSS), all else fixed. A facet's texels have the same
    lights and the same errors of the model, so that they do not count as many.
    """
    points = np.empty((DOUBT_POINTS, 3))
    highest = 0.0
    place[0], place[1] = 0.0, 0.0
    close = set_close(search, pool, count, lights, width, place, reach, 0.0)
    for p in range(DOUBT_POINTS):  # a spiral of equal areas (Vogel 1979)
        far = reach * math.sqrt((p + 0.5) / DOUBT_POINTS)
        turn = p * math.pi * (3 - math.sqrt(5))
        place[0], place[1] = far * math.cos(turn), far * math.sin(turn)
        points[p, 0], points[p, 1] = place[0], place[1]
        points[p, 2] = pooled_gain(search, pool, count, close, width, place, 0, 3)
        highest = max(highest, points[p, 2])
    total, mean_a, mean_b, square = 0.0, 0.0, 0.0, 0.0
    for p in range(DOUBT_POINTS):
        likely = math.exp((points[p, 2] - highest) / DOUBT_LOSS)
        total += likely
        mean_a += likely * points[p, 0]
        mean_b += likely * points[p, 1]
        square += likely * (points[p, 0] ** 2 + points[p, 1] ** 2)
    place[0], place[1] = mean_a / total, mean_b / total
    return math.sqrt(max(0.5 * (square / total - place[0] ** 2 - place[1] ** 2), 0.0))
