"""The smooth part of a stone as planes of 8 bits, and the one rule by which coefficients become such planes.

In linear space, light spans many stops and a dark texel is as good as a bright one to the eye. So the first plane is
a texel's level, and the others are its shape: the coefficients are

    level^3 (offset + sum over the other planes p of   code_p / 255 mix_p),    level = code / 255

and the mix holds the principal components of what the texels' coefficients are to their size, as many as matter (PCA
of reflectance: Matusik 2003; planes of a byte with a basis that all texels share: Ponchio 2018). In display space,
where values span little, each plane is one coefficient of one channel: offset + code / 255 mix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, U8, deferrable, frozen, unread
from geodfx.basis import TERMS
from geodfx.constants import DISPLAY_GAMMA

__all__ = ["Base", "decode_base", "encode_base"]

LEVEL_POWER = 3  # of a level's code: a step is 1.2 % of the brightest texel, 2.5 % of one ten times darker
PLANES = (4, 8, 12, 16)  # a texture holds four at a time; the fewest that lose less than this are taken:
LOSS = 0.004  # rms of what a display shows, 48 dB
OUTLIERS = 5e-4  # share of texels on either side whose shape is cut to what the others' codes span
NOTHING = 1e-12  # spans that are no wider hold one value
CHUNK = 1 << 16  # texels that are worked on at a time


@deferrable("planes")
@dataclass(frozen=True)
class Base:
    """The smooth part: planes of H x W texels, which the mix turns into coefficients of a basis.

    space `linear`: the sum over terms is radiance in white-card units, lights add up in it, and the first plane is the
    level. space `display`: it is the displayed value under one light, encode_display(radiance, display_gain).
    """

    basis: str  # a name of geodfx.basis.TERMS
    space: str  # "linear" or "display"
    planes: U8  # (P, H, W)
    mix: F32  # (P or, in linear space, P - 1, T, 3) what each plane but the level adds at its highest code
    offset: F32  # (T, 3)

    def __post_init__(self) -> None:
        terms = TERMS[self.basis]
        if self.space not in ("linear", "display"):
            raise ValueError(f"base space {self.space!r} is neither 'linear' nor 'display'")
        planes = frozen("base planes", unread(self, "planes"), np.uint8, (None, None, None))
        shapes = planes.shape[0] - (self.space == "linear")
        if shapes < 0:
            raise ValueError("base planes: the level is missing")
        object.__setattr__(self, "planes", planes)
        object.__setattr__(self, "mix", frozen("base mix", self.mix, np.float32, (shapes, terms, 3)))
        object.__setattr__(self, "offset", frozen("base offset", self.offset, np.float32, (terms, 3)))


def encode_base(
    basis: str, space: str, coefficients: F32, texel: I64, shape: tuple[int, int], display_gain: float = 1.0
) -> Base:
    """Return the base of coefficients (N, T, 3) at some texels (N,), in row order, of a picture of `shape` (H, W).

    display_gain: at which a stone in linear space is displayed; in display space it does not matter.
    """
    encode = _encode_linear if space == "linear" else _encode_display
    codes, mix, offset = encode(coefficients, display_gain)
    planes = np.zeros((codes.shape[1], shape[0] * shape[1]), np.uint8)
    planes[:, texel] = codes.T
    return Base(basis, space, planes.reshape(-1, *shape), mix, offset)


def decode_base(base: Base) -> F32:
    """Return the coefficients (T, H, W, 3) of a base."""
    level, shapes = _split(base)
    total = base.offset[:, None, None] + np.einsum("phw,ptc->thwc", shapes / np.float32(255), base.mix)
    coefficients: F32 = (total * level[None, :, :, None]).astype(np.float32)
    return coefficients


def _split(base: Base) -> tuple[F32, U8]:
    """Return the level (H, W) and the planes of the shape."""
    if base.space == "display":
        return np.ones(base.planes.shape[1:], np.float32), base.planes
    return (base.planes[0] / np.float32(255)) ** LEVEL_POWER, base.planes[1:]


def _encode_display(coefficients: F32, _: float) -> tuple[U8, F32, F32]:
    """Return codes (N, 3 T), each over its own range, their mix and offset."""
    count, terms, _ = coefficients.shape
    values = coefficients.reshape(count, -1)
    low, high = (np.zeros(3 * terms), np.zeros(3 * terms)) if count == 0 else (values.min(axis=0), values.max(axis=0))
    span = np.maximum(high - low, NOTHING)
    codes = np.rint((values - low) * (255 / span)).astype(np.uint8)
    mix = np.diag(span).reshape(-1, terms, 3)
    return codes, mix.astype(np.float32), low.reshape(terms, 3).astype(np.float32)


def _encode_linear(coefficients: F32, display_gain: float) -> tuple[U8, F32, F32]:
    """Return codes (N, P), level first, the shapes' mix and offset."""
    count, terms, _ = coefficients.shape
    values = coefficients.reshape(count, -1)
    level = np.sqrt(np.einsum("nv,nv->n", values, values, dtype=np.float64))
    brightest = float(level.max(initial=0.0)) or 1.0
    mean, part = _principal(values, level, display_gain)
    root = np.rint(255 * (level / brightest) ** (1 / LEVEL_POWER))
    place = np.empty((count, len(part)))
    for some, unit in _units(values, level):
        place[some] = np.einsum("nv,pv->np", unit - mean, part)
    low, high = np.quantile(place, [OUTLIERS, 1 - OUTLIERS], axis=0) if count else np.zeros((2, len(part)))
    span = np.maximum(high - low, NOTHING)
    codes = np.rint(np.clip((place - low) / span, 0, 1) * 255)
    offset = brightest * (mean + low @ part).reshape(terms, 3)
    mix = brightest * (span[:, None] * part).reshape(-1, terms, 3)
    return np.column_stack([root, codes]).astype(np.uint8), mix.astype(np.float32), offset.astype(np.float32)


def _principal(values: F32, level: F64, display_gain: float) -> tuple[F64, F64]:
    """Return the mean (V,) and principal parts (P - 1, V) of values (N, V) divided by their level.

    HSH is orthonormal over the hemisphere, so that the level is the rms of light over all directions and channels,
    times sqrt(2 pi 3), and what the parts leave is a share of it. A display of gamma g shows an error of a share e as
    e / g of what it shows.
    """
    shown = np.minimum(level * (display_gain / math.sqrt(6 * math.pi)), 1) ** (1 / DISPLAY_GAMMA)
    weight = shown * shown
    total = max(float(weight.sum()), 1e-12)
    mean, square = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
    for some, unit in _units(values, level):
        mean += np.einsum("n,nv->v", weight[some], unit)
        square += np.einsum("nv,nw->vw", unit * weight[some, None], unit)
    mean /= total
    variance, part = np.linalg.eigh(square / total - np.outer(mean, mean))
    part = part[:, ::-1].T
    part *= np.where(part.sum(axis=1, keepdims=True) < 0, -1, 1)
    left = np.maximum(variance[::-1], 0)[::-1].cumsum()[::-1]  # left[k]: what the first k parts leave
    scale = total / max(len(level), 1) / (3 * DISPLAY_GAMMA**2)
    for planes in PLANES:
        if planes > len(left) or left[planes - 1] * scale <= LOSS**2:
            break
    return mean, part[: planes - 1]


def _units(values: F32, level: F64) -> Iterator[tuple[slice, F64]]:
    """Yield (slice, values divided by their level), some at a time."""
    for begin in range(0, len(values), CHUNK):
        some = slice(begin, begin + CHUNK)
        yield some, values[some] / np.maximum(level[some, None], 1e-12)
