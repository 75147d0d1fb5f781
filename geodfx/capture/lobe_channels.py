"""Lobes that point elsewhere in each channel, which is fire: their amplitudes, and what they show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.basis import formed_chord, lobe_response
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import Work, see_alone, set_response, settle, stand_for, start
from geodfx.jit import kernel

__all__ = ["lobe_light", "settle_channels"]

I32 = npt.NDArray[np.int32]


@kernel
def settle_channels(
    search: Search,
    work: Work,
    x: F32,
    clear: F32,
    base: F32,
    number: I32,
    direction: F32,
    width: F32,
    form: F32,
    trust: np.float32,
    amplitude: F32,
    loss: F32,
) -> None:
    """Solve for the amplitudes (n, K, 3) of texels whose lobes have a direction a channel, (n, K, 3, 3).

    trust: 0, or how many photos those that stand are worth: they then take the place of the cost. Writes what the
    lobes leave into loss (n,).
    """
    lights = len(search.light)
    for n in range(len(x)):
        start(work, x[n], clear[n], base[n])
        loss[n] = 0
        if trust > 0:
            for k in range(number[n]):
                stand_for(work, lights + k, amplitude[n, k], trust)
        for c in range(3):
            for k in range(number[n]):
                work.width[k] = width[n, k]
                work.form[k] = form[n, k]
                for j in range(3):
                    work.direction[k, j] = direction[n, k, c, j]
                    work.amplitude[k, j] = amplitude[n, k, j]
                set_response(search, work, k)
                if trust > 0:
                    see_alone(work, k, lights + k)
            settle(search, work, number[n])
            for k in range(number[n]):
                amplitude[n, k, c] = work.amplitude[k, c]
            for i in range(lights):
                loss[n] += work.weight[i, c] * work.left[i, c] ** 2


@kernel
def lobe_light(search: Search, number: I32, direction: F32, width: F32, form: F32, amplitude: F32, light: F32) -> None:
    """Add what lobes show under each light to light (n, L, 3). direction: (n, K, 3 channels, 3)."""
    lights, area = search.light, search.area
    for n in range(len(light)):
        for k in range(number[n]):
            variance = search.blur + width[n, k] * width[n, k]
            for c in range(3):
                strength = amplitude[n, k, c]
                if strength > 0:
                    for i in range(len(lights)):
                        dx = direction[n, k, c, 0] - lights[i, 0]
                        dy = direction[n, k, c, 1] - lights[i, 1]
                        dz = direction[n, k, c, 2] - lights[i, 2]
                        q = formed_chord(dx, dy, dz, form[n, k, 0], form[n, k, 1])
                        light[n, i, c] += strength * lobe_response(q, area, variance)
