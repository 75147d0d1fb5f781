"""What the other lobes of a texel tell as well as a lobe does: its gain where they give way to it.

Others fixed, a lobe of responses r gains by along = sum w r e and square = sum w r^2 (`lobe_search`), e being what is
left of the photos. Where the amplitudes of the others have settled and may change with the lobe's own, along is the
same, for they stand where the loss is flat, and of square only what they cannot tell is left: with b the responses of
the others, G = sum w b b^T and v = sum w b r, it is square - v^T G^-1 v. That is variable projection (Golub and Pereyra
1973); to choose lobes by it is orthogonal least squares (Chen 1989). Which others shine is held: one that would turn
negative is let to, and one that is dark stays so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32
from geodfx.capture.lobe_work import MAX_LOBES, Work
from geodfx.jit import kernel

__all__ = ["Others", "alone_squares", "make_others", "set_others"]

TOLD = np.float32(1e-3)  # of a lobe's own square: with less left, the lobes before it tell the same
LEAST_ALONE = np.float32(0.02)  # of square: others' directions are not known well enough to tell more of a lobe


class Others(NamedTuple):
    """The lobes of a texel that stand, as another one meets them; K at most."""

    response: F32  # (L, K) to each light
    factor: F32  # (3, K, K) of G by Cholesky, a channel, with the diagonal inverted; 0 for a lobe that is dark


@kernel
def make_others(lights: int) -> Others:
    """Return room for the lobes of a texel under so many lights."""
    return Others(np.zeros((lights, MAX_LOBES), np.float32), np.zeros((3, MAX_LOBES, MAX_LOBES), np.float32))


@kernel
def set_others(work: Work, count: int, response: F32, factor: F32) -> None:
    """Write the first lobes of a texel into response and factor of `Others`."""
    response[:] = 0
    factor[:] = 0
    for k in range(count):
        for n in range(work.lit_count[k]):
            response[work.lit[k, n], k] = work.response[k, n]
    for c in range(3):
        for k in range(count):
            if work.amplitude[k, c] <= 0:
                continue
            square = np.float32(0.0)
            for j in range(k + 1):
                shared = np.float32(0.0)
                for n in range(work.lit_count[k]):
                    i = work.lit[k, n]
                    shared += work.weight[i, c] * work.response[k, n] * response[i, j]
                square = shared  # the last is that of the lobe with itself
                for m in range(j):
                    shared -= factor[c, k, m] * factor[c, j, m]
                if j < k:
                    factor[c, k, j] = shared * factor[c, j, j]
                elif shared > TOLD * square:
                    factor[c, k, k] = np.float32(1.0) / np.sqrt(shared)


@kernel
def alone_squares(
    red: np.float32, green: np.float32, blue: np.float32, shared: F32, factor: F32, count: int
) -> tuple[np.float32, np.float32, np.float32]:
    """Return what of square = sum w r^2, in each channel, the others cannot tell.

    shared: (K, 3) sum w r b of each of the first `count` others; overwritten. factor: (3, K, K).
    """
    alone_r, alone_g, alone_b = red, green, blue
    for k in range(count):
        its_r, its_g, its_b = shared[k, 0], shared[k, 1], shared[k, 2]
        for j in range(k):
            its_r -= factor[0, k, j] * shared[j, 0]
            its_g -= factor[1, k, j] * shared[j, 1]
            its_b -= factor[2, k, j] * shared[j, 2]
        its_r *= factor[0, k, k]
        its_g *= factor[1, k, k]
        its_b *= factor[2, k, k]
        shared[k, 0], shared[k, 1], shared[k, 2] = its_r, its_g, its_b
        alone_r -= its_r * its_r
        alone_g -= its_g * its_g
        alone_b -= its_b * its_b
    return max(alone_r, LEAST_ALONE * red), max(alone_g, LEAST_ALONE * green), max(alone_b, LEAST_ALONE * blue)
