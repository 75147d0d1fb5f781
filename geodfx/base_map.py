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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, U8, deferrable, evenly, frozen, unread
from geodfx.basis import TERMS
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import run_bands

__all__ = [
    "LOSS",
    "PLANES",
    "Base",
    "base_light",
    "cut_light",
    "decode_base",
    "encode_base",
    "lost_by_planes",
    "principal_parts",
]

LEVEL_POWER = 3  # of a level's code: a step is 1.2 % of the brightest texel, 2.5 % of one ten times darker
PLANES = (2, 4, 8, 12, 16)  # a texture holds up to four; the fewest that lose less than this are taken:
LOSS = 0.004  # rms of what a display shows, 48 dB
OUTLIERS = 5e-4  # share of texels on either side whose shape is cut to what the others' codes span
NOTHING = 1e-12  # spans that are no wider hold one value
CHUNK = 1 << 12  # texels that are worked on at a time
SAMPLE = 1 << 12  # texels whose principal components are all texels'
SPARE_PARTS, ITERATIONS = 8, 8

Values = Callable[[slice | I64], F32]  # coefficients of some texels


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
    basis: str,
    space: str,
    coefficients: F32 | Values,
    texel: I64,
    shape: tuple[int, int],
    display_gain: float = 1.0,
    planes: Sequence[int] = PLANES,
) -> Base:
    """Return the base of coefficients (N, T, 3) at some texels (N,), in row order, of a picture of `shape` (H, W).

    coefficients: the array, or what returns (n, T, 3) of some of the texels, a slice or indices, from any thread.
    display_gain: at which a stone in linear space is displayed, and planes: how many there may be, fewest first; in
    display space neither matters.
    """
    values = coefficients if callable(coefficients) else coefficients.__getitem__
    if space == "linear":
        codes, mix, offset = _encode_linear(values, len(texel), basis, display_gain, planes)
    else:
        codes, mix, offset = _encode_display(values, len(texel), basis)
    picture = np.zeros((codes.shape[1], shape[0] * shape[1]), np.uint8)
    for plane, code in zip(picture, codes.T, strict=True):
        plane[texel] = code
    return Base(basis, space, picture.reshape(-1, *shape), mix, offset)


def decode_base(base: Base) -> F32:
    """Return the coefficients (T, H, W, 3) of a base."""
    level, shapes = _split(base)
    total = base.offset[:, None, None] + np.einsum("phw,ptc->thwc", shapes / np.float32(255), base.mix)
    coefficients: F32 = (total * level[None, :, :, None]).astype(np.float32)
    return coefficients


def base_light(base: Base, texel: I64, terms: F64) -> F32:
    """Return the light (n, L, 3) of a base in linear space at some texels (n,) under lights with terms (L, T)."""
    codes = base.planes.reshape(len(base.planes), -1)[:, texel] / np.float32(255)
    mix = np.einsum("lt,ptc->plc", terms, base.mix).astype(np.float32)
    light = np.einsum("pn,plc->nlc", codes[1:], mix) + np.einsum("lt,tc->lc", terms, base.offset).astype(np.float32)
    light *= codes[0][:, None, None] ** LEVEL_POWER
    shown: F32 = np.maximum(light, np.float32(0.0))
    return shown


def principal_parts(light: F32, planes: Sequence[int] = PLANES) -> tuple[F64, F64]:
    """Return what planes hold of displayed light (n, L, 3): the mean of its shapes and their principal parts.

    planes: how many there may be, fewest first.
    """
    values = light.reshape(len(light), -1)
    return _principal(values, values.shape[1], 1.0, planes)


def lost_by_planes(light: F32, planes: Sequence[int]) -> F64:
    """Return what so many planes lose of displayed light (n, L, 3), mean squares of what a display shows of it."""
    values = light.reshape(len(light), -1)
    _, part, lost = _parts(values, values.shape[1], 1.0)
    by_planes: F64 = lost[np.minimum(planes, len(part) + 1) - 1]
    return by_planes


def cut_light(parts: tuple[F64, F64], light: F32) -> F32:
    """Return the displayed light (n, L, 3) that planes of principal parts leave of such light."""
    mean, part = parts
    level, unit = _level_and_shape(light.reshape(len(light), -1))
    place = np.einsum("nv,pv->np", unit - mean, part)
    cut = (mean + np.einsum("np,pv->nv", place, part)) * level[:, None]
    shown: F32 = np.maximum(cut, 0).astype(np.float32).reshape(light.shape)
    return shown


def _split(base: Base) -> tuple[F32, U8]:
    """Return the level (H, W) and the planes of the shape."""
    if base.space == "display":
        return np.ones(base.planes.shape[1:], np.float32), base.planes
    return (base.planes[0] / np.float32(255)) ** LEVEL_POWER, base.planes[1:]


def _encode_display(values: Values, count: int, basis: str) -> tuple[U8, F32, F32]:
    """Return codes (N, 3 T), each over its own range, their mix and offset."""
    terms = TERMS[basis]
    low, high = np.full(3 * terms, np.inf), np.full(3 * terms, -np.inf)
    for some in _slices(0, count):
        part = values(some).reshape(-1, 3 * terms)
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    if count == 0:
        low, high = np.zeros(3 * terms), np.zeros(3 * terms)
    span = np.maximum(high - low, NOTHING)
    codes = np.empty((count, 3 * terms), np.uint8)
    for some in _slices(0, count):
        codes[some] = np.rint((values(some).reshape(-1, 3 * terms) - low) * (255 / span))
    mix = np.diag(span).reshape(-1, terms, 3)
    return codes, mix.astype(np.float32), low.reshape(terms, 3).astype(np.float32)


def _encode_linear(
    values: Values, count: int, basis: str, display_gain: float, planes: Sequence[int]
) -> tuple[U8, F32, F32]:
    """Return codes (N, P), level first, the shapes' mix and offset."""
    terms = TERMS[basis]
    # Harmonics are orthonormal over the 2 pi of the hemisphere; a dome's terms are the light itself at its nodes.
    squares = 3 * terms if basis == "dome" else 6 * math.pi
    mean, part = _principal(values(evenly(count, SAMPLE)).reshape(-1, 3 * terms), squares, display_gain, planes)
    level = np.empty(count)
    place = np.empty((count, len(part)), np.float32)

    def work(first: int, last: int) -> None:
        for some in _slices(first, last):
            level[some], unit = _level_and_shape(values(some).reshape(-1, 3 * terms))
            place[some] = np.einsum("nv,pv->np", unit - mean, part)

    run_bands(work, count)
    brightest = float(level.max(initial=0.0)) or 1.0
    root = np.rint(255 * (level / brightest) ** (1 / LEVEL_POWER))
    low, high = np.zeros((2, len(part)))
    for p, its in enumerate(place.T if count else ()):
        low[p], high[p] = np.quantile(its, [OUTLIERS, 1 - OUTLIERS])
    span = np.maximum(high - low, NOTHING)
    codes = np.empty((count, 1 + len(part)), np.uint8)
    codes[:, 0] = root
    for some in _slices(0, count):
        codes[some, 1:] = np.rint(np.clip((place[some] - low) / span, 0, 1) * 255)
    offset = brightest * (mean + low @ part).reshape(terms, 3)
    mix = brightest * (span[:, None] * part).reshape(-1, terms, 3)
    return codes, mix.astype(np.float32), offset.astype(np.float32)


def _slices(first: int, last: int) -> Iterator[slice]:
    """Yield slices of CHUNK texels that cover first to last."""
    for begin in range(first, last, CHUNK):
        yield slice(begin, min(begin + CHUNK, last))


def _level_and_shape(values: F32) -> tuple[F64, F64]:
    """Return the level (N,), the root of the sum of squares of values (N, V), and the values divided by it."""
    level = np.sqrt(np.einsum("nv,nv->n", values, values, dtype=np.float64))
    return level, values / np.maximum(level[:, None], 1e-12)


def _principal(values: F32, squares: float, display_gain: float, planes: Sequence[int]) -> tuple[F64, F64]:
    """Return the mean (V,) and principal parts (P - 1, V) of values (N, V) divided by their level.

    P is the first of `planes` that loses no more than LOSS, or else the last.
    """
    mean, part, lost = _parts(values, squares, display_gain)
    for count in planes:
        if count > len(part) or lost[count - 1] <= LOSS**2:
            break
    return mean, part[: count - 1]


def _parts(values: F32, squares: float, display_gain: float) -> tuple[F64, F64, F64]:
    """Return the mean (V,) and principal parts (K, V) of values (N, V) divided by their level, and what is lost.

    The last, (K + 1,), is the mean square of what a display shows that is lost without any part, with the first, and
    so on. squares: what the level's square is to the mean square of the light. A display of gamma g shows an error of
    a share e as e / g of what it shows.
    """
    level, unit = _level_and_shape(values)
    weight = np.minimum(level * (display_gain / math.sqrt(squares)), 1) ** (2 / DISPLAY_GAMMA)
    total = max(float(weight.sum()), 1e-12)
    mean = np.einsum("n,nv->v", weight, unit) / total
    unit = (unit - mean) * np.sqrt(weight[:, None] / total)
    part, variance = _strongest(unit)
    left = float(np.einsum("nv,nv->", unit, unit)) - np.concatenate([[0.0], np.cumsum(variance)])
    scale = total / max(len(level), 1) / (3 * DISPLAY_GAMMA**2)
    part *= np.where(part.sum(axis=1, keepdims=True) < 0, -1, 1)
    return mean, part, left * scale


def _strongest(rows: F64) -> tuple[F64, F64]:
    """Return the strongest principal parts (K, V) of rows (N, V), each a unit vector, and their sums of squares (K,).

    By subspace iteration (Halko 2011, algorithm 4.4), not through LAPACK on the whole, whose last digits depend on the
    threads.
    """
    size = rows.shape[1]
    parts = _orthonormal(np.random.default_rng(0).standard_normal((min(PLANES[-1] + SPARE_PARTS, size), size)))
    for _ in range(ITERATIONS):
        there = np.einsum("nv,kv->nk", rows, parts)
        parts = _orthonormal(np.einsum("nk,nv->kv", there, rows))
    there = np.einsum("nv,kv->nk", rows, parts)
    variance, turn = np.linalg.eigh(np.einsum("nk,nj->kj", there, there))
    return np.einsum("kj,kv->jv", turn[:, ::-1], parts), variance[::-1]


def _orthonormal(parts: F64) -> F64:
    """Return vectors (K, V) that span the same, orthonormal (Gram's matrix by Cholesky, twice)."""
    for _ in range(2):
        gram = np.einsum("kv,jv->kj", parts, parts)
        gram[np.diag_indices_from(gram)] += NOTHING * max(float(np.trace(gram)), NOTHING)
        parts = np.einsum("kj,jv->kv", np.linalg.inv(np.linalg.cholesky(gram)), parts)
    return parts
