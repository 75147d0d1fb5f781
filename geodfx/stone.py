"""Stone: the maps that photos became, as codes, and the one rule by which values become codes.

A stone is held in its codes, in memory as in the file, so that what was fitted, saved, loaded and sent to a GPU
renders alike. Layout of a lobe, four uint32:

    0  green's direction: hemi-octahedral u in the low, v in the high 16 bits, -1 + 2 code / 65535
    1  weights: red, green, blue mantissas of 9 bits from the lowest, then a shared exponent of 5 (RGB9E5)
    2  red's offset from green on the square: du, dv of 12 bits each, (code - 2048) LOBE_OFFSET_STEP; 8 bits of width
    3  blue's offset likewise; 8 bits of zero

Width is the standard deviation of a coordinate, as a chord: (code / 255)^2 LOBE_WIDTH_MAX.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, U8, U16, U32, deferrable, frozen, unread
from geodfx.basis import TERMS, hemioct_decode, hemioct_encode
from geodfx.constants import LOBE_OFFSET_STEP, LOBE_WIDTH_MAX
from geodfx.container import write_container
from geodfx.jit import kernel

if TYPE_CHECKING:
    from geodfx.render.view import View

__all__ = [
    "MODELS",
    "Base",
    "Lobes",
    "Stone",
    "decode_base",
    "encode_base",
    "pack_lobes",
    "rgb9e5_decode",
    "rgb9e5_encode",
    "unpack_direction",
    "unpack_green",
    "unpack_width",
]

MODELS = ("lobes", "hsh", "ptm")


@deferrable("codes")
@dataclass(frozen=True)
class Base:
    """The smooth part: one coefficient a texel, channel and term, value = offset + scale * code.

    space `linear`: the sum over terms is radiance in white-card units, and lights add up in it.
    space `display`: it is the displayed value under one light, encode_display(radiance, display_gain).
    """

    basis: str  # a name of geodfx.basis.TERMS
    space: str  # "linear" or "display"
    codes: U16  # (T, H, W, 3)
    scale: F32  # (T, 3)
    offset: F32  # (T, 3)

    def __post_init__(self) -> None:
        terms = TERMS[self.basis]
        if self.space not in ("linear", "display"):
            raise ValueError(f"base space {self.space!r} is neither 'linear' nor 'display'")
        codes = frozen("base codes", unread(self, "codes"), np.uint16, (terms, None, None, 3))
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "scale", frozen("base scale", self.scale, np.float32, (terms, 3)))
        object.__setattr__(self, "offset", frozen("base offset", self.offset, np.float32, (terms, 3)))


@deferrable("words")
@dataclass(frozen=True)
class Lobes:
    """The sharp part: the lobes of texel t, in row order, are words[start[t]:start[t + 1]]."""

    start: U32  # (H * W + 1,)
    words: U32  # (N, 4), see the top of this module

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", frozen("lobe start", self.start, np.uint32, (None,)))
        object.__setattr__(self, "words", frozen("lobe words", unread(self, "words"), np.uint32, (None, 4)))
        count = unread(self, "words").shape[0]
        ends = (int(self.start[0]), int(self.start[-1])) if self.start.size else None
        if ends != (0, count) or np.any(self.start[1:] < self.start[:-1]):
            raise ValueError(f"the lobes' start table does not rise from 0 to {count}")


@dataclass(frozen=True)
class Stone:
    """Reflectance maps of one stone. H x W texels, row 0 at the top; everything in codes."""

    name: str
    model: str  # one of MODELS
    domain: str  # "light": the camera tilts with the stone
    alpha: U8  # (H, W): 255 where the stone covers the texel; base and lobes hold premultiplied radiance
    base: Base
    lobes: Lobes | None
    light_direction: F32  # (L, 3) unit: where the capture lights stood
    light_radius_rad: float  # of the capture lights
    display_gain: float  # at which the photos were displayed for the fit: 2 / q90 of the texels' brightest values
    camera_distance: float | None = None  # in stone widths; None: distant
    field_width: float | None = None  # width of the picture, in stone widths
    provenance: dict[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model {self.model!r} is not one of {MODELS}")
        height, width = self.alpha.shape
        object.__setattr__(self, "alpha", frozen("alpha", self.alpha, np.uint8, (None, None)))
        directions = frozen("light directions", self.light_direction, np.float32, (None, 3))
        object.__setattr__(self, "light_direction", directions)
        if self.alpha.size == 0:
            raise ValueError("the stone has no texels")
        base_size = unread(self.base, "codes").shape[1:3]
        if base_size != (height, width):
            raise ValueError(f"base is {base_size}, alpha is {(height, width)}")
        if self.model not in ("lobes", self.base.basis):
            raise ValueError(f"model {self.model!r} on the basis {self.base.basis!r}")
        if (self.lobes is not None) != (self.model == "lobes"):
            raise ValueError(f"model {self.model!r} {'without' if self.lobes is None else 'with'} lobes")
        if self.lobes is not None and self.lobes.start.shape != (height * width + 1,):
            raise ValueError(f"the lobes' start table has {len(self.lobes.start)} entries for {height * width} texels")
        if not (math.isfinite(self.display_gain) and self.display_gain > 0):
            raise ValueError(f"display gain {self.display_gain} is not a positive number")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in texels."""
        return self.alpha.shape[1], self.alpha.shape[0]

    @property
    def lobes_per_texel(self) -> float:
        """Mean number of lobes over the texels that the stone covers."""
        return 0.0 if self.lobes is None else int(self.lobes.start[-1]) / max(1, int(np.count_nonzero(self.alpha)))

    @property
    def texel_bytes(self) -> float:
        """Bytes resident on a GPU, over all texels of the picture."""
        total = self.alpha.nbytes + unread(self.base, "codes").nbytes
        if self.lobes is not None:
            total += self.lobes.start.nbytes + unread(self.lobes, "words").nbytes
        return total / self.alpha.size

    def save(self, path: str | Path) -> None:
        """Write the stone to a .gdfx file, whole or not at all; `load_stone` reads it. Raises OutputError.

        The same stone gives the same bytes. docs/FORMAT.md tells the layout.
        """
        about: dict[str, object] = {
            "name": self.name,
            "model": self.model,
            "domain": self.domain,
            "size": list(self.size),
            "base": {"basis": self.base.basis, "space": self.base.space},
            "light_radius_rad": self.light_radius_rad,
            "display_gain": self.display_gain,
            "camera_distance": self.camera_distance,
            "field_width": self.field_width,
            "provenance": self.provenance,
        }
        parts: dict[str, npt.NDArray[Any]] = {
            "alpha": self.alpha,
            "light_direction": self.light_direction,
            "base_scale": self.base.scale,
            "base_offset": self.base.offset,
            "base_codes": self.base.codes,
        }
        if self.lobes is not None:
            parts |= {"lobe_start": self.lobes.start, "lobe_words": self.lobes.words}
        write_container(Path(path), about, parts)

    def relight(self, view: View, *, backend: str = "cpu") -> F32:
        """Return one frame (H, W, 4), as `geodfx.relight(stone, view)` does."""
        from geodfx.render import relight  # noqa: PLC0415  # upwards, against the layers: only once it is asked for

        return relight(self, view, backend=backend)


def encode_base(basis: str, space: str, coefficients: F32) -> Base:
    """Quantise coefficients (T, H, W, 3) to 16 bits, each term and channel over its own range."""
    low = coefficients.min(axis=(1, 2))
    scale = np.maximum((coefficients.max(axis=(1, 2)) - low) / 65535, np.finfo(np.float32).tiny).astype(np.float32)
    codes = np.rint((coefficients - low[:, None, None]) / scale[:, None, None])
    return Base(basis, space, np.clip(codes, 0, 65535).astype(np.uint16), scale, low.astype(np.float32))


def decode_base(base: Base) -> F32:
    """Return the coefficients (T, H, W, 3) of a base."""
    values: F32 = base.offset[:, None, None] + base.scale[:, None, None] * base.codes.astype(np.float32)
    return values


def pack_lobes(directions: F64, weights: F64, width: F64) -> U32:
    """Return the words (N, 4) of lobes.

    directions: (N, 3, 3), channel by coordinate, unit, z >= 0. weights: (N, 3) >= 0. width: (N,) chords >= 0.
    A red or blue direction more than 0.125 of the square (7 to 11 degrees) from green is brought nearer.
    """
    point = hemioct_encode(directions)
    green = np.rint((np.clip(point[:, 1], -1, 1) + 1) * (65535 / 2)).astype(np.uint32)
    centre = green * (2 / 65535) - 1.0
    offset = np.clip(np.rint((point[:, ::2] - centre[:, None]) / LOBE_OFFSET_STEP), -2048, 2047)
    code = (offset + 2048).astype(np.uint32)
    wide = np.rint(255 * np.sqrt(np.clip(width / LOBE_WIDTH_MAX, 0, 1))).astype(np.uint32)
    red = code[:, 0, 0] | code[:, 0, 1] << np.uint32(12) | wide << np.uint32(24)
    blue = code[:, 1, 0] | code[:, 1, 1] << np.uint32(12)
    return np.stack([green[:, 0] | green[:, 1] << np.uint32(16), rgb9e5_encode(weights), red, blue], axis=1)


def rgb9e5_encode(values: F64) -> U32:
    """Return values (N, 3) >= 0 as shared-exponent words (N,). OpenGL ES 3.0.6, section 3.8.3.2."""
    clipped = np.clip(values, 0, 65408)
    _, exponent = np.frexp(clipped.max(axis=1))
    shared = np.clip(exponent + 15, 0, 31)
    mantissa = np.rint(np.ldexp(clipped, (24 - shared)[:, None]))
    overflow = mantissa.max(axis=1) > 511
    shared = shared + overflow
    mantissa = np.rint(np.ldexp(clipped, (24 - shared)[:, None])).astype(np.uint32)
    word: U32 = mantissa[:, 0] | mantissa[:, 1] << np.uint32(9) | mantissa[:, 2] << np.uint32(18)
    word |= shared.astype(np.uint32) << np.uint32(27)
    return word


@kernel
def rgb9e5_decode(word: np.uint32) -> tuple[np.float32, np.float32, np.float32]:
    """Return red, green and blue of a shared-exponent word. Inverse of `rgb9e5_encode`."""
    mask = np.uint32(511)
    scale = np.float32(2.0) ** np.float32(np.int32(word >> np.uint32(27)) - np.int32(24))
    red = np.float32(word & mask) * scale
    green = np.float32((word >> np.uint32(9)) & mask) * scale
    blue = np.float32((word >> np.uint32(18)) & mask) * scale
    return red, green, blue


@kernel
def unpack_width(word_2: np.uint32) -> np.float32:
    """Return a lobe's width, a chord."""
    root = np.float32(word_2 >> np.uint32(24)) / np.float32(255.0)
    return root * root * np.float32(LOBE_WIDTH_MAX)


@kernel
def unpack_green(word_0: np.uint32) -> tuple[np.float32, np.float32]:
    """Return green's point on the hemi-octahedral square."""
    step = np.float32(2.0 / 65535.0)
    u = np.float32(word_0 & np.uint32(65535)) * step - np.float32(1.0)
    v = np.float32(word_0 >> np.uint32(16)) * step - np.float32(1.0)
    return u, v


@kernel
def unpack_direction(u: np.float32, v: np.float32, offset_word: np.uint32) -> tuple[np.float32, np.float32, np.float32]:
    """Return red's (word 2) or blue's (word 3) direction from green's point on the square."""
    mask = np.uint32(4095)
    step = np.float32(LOBE_OFFSET_STEP)
    middle = np.float32(2048.0)
    du = (np.float32(offset_word & mask) - middle) * step
    dv = (np.float32((offset_word >> np.uint32(12)) & mask) - middle) * step
    return hemioct_decode(u + du, v + dv)
