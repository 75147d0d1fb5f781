"""A lobe moved to where it gains the most, near a candidate or from where it stands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.basis import lobe_reach
from geodfx.capture.lobe_search import (
    ROUNDED,
    TURN_COS,
    TURN_SIN,
    Search,
    form_step,
    gain_of,
    longer,
    near_lights,
    step_along,
    tangents,
)
from geodfx.jit import kernel

__all__ = ["refine"]

I32 = npt.NDArray[np.int32]

FIRST_STEP, LAST_STEP = np.float32(0.25), np.float32(0.02)  # in the light's radius
WIDER = np.float32(1.25)  # a step of the width
CLEARLY = np.float32(1.00001)  # a step must gain more than rounding does


@kernel
def _close_lights(
    search: Search, d: F32, width: np.float32, step: np.float32, near: I32, count: int, close: I32
) -> int:
    """Write those of the near lights that a lobe may see within a step of d, or a step wider; returns how many."""
    if search.formed:
        close[:count] = near[:count]
        return count
    wider = width * WIDER
    reach, number = step + lobe_reach(search.area, search.blur + wider * wider) + ROUNDED, 0
    for n in range(count):
        i = near[n]
        dx, dy, dz = d[0] - search.light[i, 0], d[1] - search.light[i, 1], d[2] - search.light[i, 2]
        if dx * dx + dy * dy + dz * dz < reach * reach:
            close[number] = i
            number += 1
    return number


@kernel
def refine(
    search: Search, d: F32, width: np.float32, form: F32, weight: F32, left: F32, near: I32
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Move d (3,) in place to where the gain is highest near it; returns its width and amplitudes.

    near: (2 L,) scratch.
    A pattern search over eight ways, with steps from .25 to .02 of the light's radius. A lobe that has a width may
    change it, a sharp one stays sharp. Where lobes are formed, so is `form` (2,) in place.
    """
    trial, u, v = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    count = near_lights(
        search, d, (np.float32(2.6) * search.radius + np.float32(3.5) * width) * longer(form, search.formed), near
    )
    form_x, form_y = form[0], form[1]
    size = max(search.radius, width)
    step = FIRST_STEP
    some = near[len(search.light) :]
    close = _close_lights(search, d, width, step * size, near, count, some)
    gain, red, green, blue = gain_of(search, d, width, form_x, form_y, some, close, weight, left)
    while step > LAST_STEP:
        tangents(d, u, v)
        best, best_a, best_b, best_width = gain * CLEARLY, np.float32(0.0), np.float32(0.0), width
        best_x, best_y = form_x, form_y
        for k in range(8):
            a, b = step * size * TURN_COS[k], step * size * TURN_SIN[k]
            step_along(d, u, v, a, b, trial)
            its, to_r, to_g, to_b = gain_of(search, trial, width, form_x, form_y, some, close, weight, left)
            if its > best:
                best, best_a, best_b, best_width = its, a, b, width
                red, green, blue = to_r, to_g, to_b
        if width > 0:
            for k in range(2):
                other = width * WIDER if k == 0 else width / WIDER
                its, to_r, to_g, to_b = gain_of(search, d, other, form_x, form_y, some, close, weight, left)
                if its > best:
                    best, best_a, best_b, best_width = its, np.float32(0.0), np.float32(0.0), other
                    red, green, blue = to_r, to_g, to_b
        if search.formed:
            for k in range(8):
                to_x, to_y = form_step(form_x, form_y, step, k)
                its, to_r, to_g, to_b = gain_of(search, d, width, to_x, to_y, some, close, weight, left)
                if its > best:
                    best, best_a, best_b, best_width = its, np.float32(0.0), np.float32(0.0), width
                    best_x, best_y = to_x, to_y
                    red, green, blue = to_r, to_g, to_b
        if best > gain * CLEARLY:
            form_x, form_y = best_x, best_y
            step_along(d, u, v, best_a, best_b, d)
            gain, width = best, best_width
        else:
            step *= np.float32(0.5)
        close = _close_lights(search, d, width, step * size, near, count, some)
    form[0], form[1] = form_x, form_y
    return width, red, green, blue
