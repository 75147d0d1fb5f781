"""The one rule by which the numbers of lobes become bits, and back. Twin of the way back: shaders/unpack.glsl.

Bits from the lowest; a, b are a direction on the chart (`basis.chart_encode`):

    facet, four uint32
    0  green's direction: a, b of 16 bits each, (code - 32768) CHART_STEP
    1  weights, the largest that a texel has: mantissas of red, green and blue of 9 bits, then an exponent of 5 (RGB9E5)
    2  red's offset from green: da, db of 12 bits each, (code - 2048) LOBE_OFFSET_STEP; 8 bits of width
    3  blue's offset likewise; 8 bits of doubt

    slope, four uint32: how the direction changes across a facet
    0  column, row of 16 bits each: the texel at which it is the facet's own
    1  slope of a to the right and down, 16 bits each, (code - 32768) slope_step a texel
    2  slope of b likewise
    3  over tilts, how much longer than wide it is (`basis.formed_chord`): x, y of 16 bits each, (code - 32768) / 32767;
       both zero, as without tilts, for round

    edges of a facet with a slope, sixteen uint32, over tilts only: where the facet ends. A texel right and down of the
    facet's own lies inside of edge e, under a pseudo light at a, b from green's direction, by
    offset + (turn . (right, down)) + (move . (a, b))
    0 to 5    turn of edge e, two of 16 bits each, (code - 32768) EDGE_TURN_STEP
    6 to 11   move of edge e - 6 likewise, EDGE_MOVE_STEP
    12 to 14  offsets of edges 0 and 1, 2 and 3, 4 and 5 likewise, EDGE_OFFSET_STEP
    15        zero

    extent of a facet with edges, two uint32: the texels that see all of it, between its edges, without lobes of theirs
    0  column, row of 16 bits each: the first
    1  columns, rows of 16 bits each

    lobe, one uint32: facet of 16 bits; shares of its weights, 5 bits of red, 6 of green, 5 of blue, (code / largest)^2

    index, two uint32 for eight texels of a row: where their lobes start; how many each has, 4 bits each

Width and doubt are standard deviations of a coordinate, as a chord: (code / 255)^2 LOBE_WIDTH_MAX.
"""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F64, I64, U8, U32
from geodfx.constants import LOBE_OFFSET_STEP, LOBE_WIDTH_MAX
from geodfx.jit import kernel

__all__ = [
    "MOST_FACETS",
    "MOST_LOBES",
    "NO_OFFSET",
    "first_lobe",
    "lobe_count",
    "pack_index",
    "pack_offset",
    "pack_pair",
    "pack_share",
    "pack_width",
    "rgb9e5_decode",
    "rgb9e5_encode",
    "share_roots",
    "sum_counts",
    "unpack_facet",
    "unpack_offset",
    "unpack_pair",
    "unpack_share",
    "unpack_width",
]

MOST_FACETS = 1 << 16
MOST_LOBES = 15  # of a texel
BLOCK = 8  # texels of a row that share an entry of the index
NO_OFFSET = 2048 | 2048 << 12  # a channel that goes where green goes
SHARE_STEPS = (31, 63, 31)


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


def pack_offset(offset: F64) -> U32:
    """Return words (N,), 24 bits each, of offsets (N, 2) on the chart, cut at 0.125: 7 degrees."""
    code = (np.clip(np.rint(offset / LOBE_OFFSET_STEP), -2048, 2047) + 2048).astype(np.uint32)
    word: U32 = code[:, 0] | code[:, 1] << np.uint32(12)
    return word


@kernel
def unpack_offset(word: np.uint32) -> tuple[np.float32, np.float32]:
    """Return red's (word 2) or blue's (word 3) offset on the chart. Inverse of `pack_offset`."""
    mask = np.uint32(4095)
    step = np.float32(LOBE_OFFSET_STEP)
    middle = np.float32(2048.0)
    da = (np.float32(word & mask) - middle) * step
    db = (np.float32((word >> np.uint32(12)) & mask) - middle) * step
    return da, db


def pack_width(width: F64) -> U32:
    """Return words (N,), the highest 8 bits, of chords (N,) >= 0."""
    code = np.rint(255 * np.sqrt(np.clip(width / LOBE_WIDTH_MAX, 0, 1))).astype(np.uint32)
    word: U32 = code << np.uint32(24)
    return word


@kernel
def unpack_width(word: np.uint32) -> np.float32:
    """Return a facet's width (word 2) or doubt (word 3), a chord. Inverse of `pack_width`."""
    root = np.float32(word >> np.uint32(24)) / np.float32(255.0)
    return root * root * np.float32(LOBE_WIDTH_MAX)


def pack_pair(values: F64, step: float) -> U32:
    """Return words (N,) of pairs (N, 2): 16 bits each, whole steps from -32767 to 32767."""
    code = (np.clip(np.rint(values / step), -32767, 32767) + 32768).astype(np.uint32)
    word: U32 = code[:, 0] | code[:, 1] << np.uint32(16)
    return word


@kernel
def unpack_pair(word: np.uint32, step: np.float32) -> tuple[np.float32, np.float32]:
    """Return a point on the chart, in CHART_STEPs, or a slope to the right and down. Inverse of `pack_pair`."""
    middle = np.float32(32768.0)
    one = (np.float32(word & np.uint32(65535)) - middle) * step
    other = (np.float32(word >> np.uint32(16)) - middle) * step
    return one, other


def pack_share(facet: I64, share: F64) -> U32:
    """Return words (N,) of lobes: facets (N,) and shares (N, 3) of their weights, 0..1."""
    code = np.rint(np.sqrt(np.clip(share, 0, 1)) * SHARE_STEPS).astype(np.uint32)
    word: U32 = code[:, 0] << np.uint32(16) | code[:, 1] << np.uint32(21) | code[:, 2] << np.uint32(27)
    word |= facet.astype(np.uint32)
    return word


@kernel
def unpack_facet(lobe: np.uint32) -> np.uint32:
    """Return the facet that a lobe belongs to."""
    return np.uint32(lobe & np.uint32(65535))


@kernel
def unpack_share(lobe: np.uint32) -> tuple[np.float32, np.float32, np.float32]:
    """Return a lobe's shares of its facet's weights, 0..1. Inverse of `pack_share`."""
    red = np.float32((lobe >> np.uint32(16)) & np.uint32(31)) / np.float32(31.0)
    green = np.float32((lobe >> np.uint32(21)) & np.uint32(63)) / np.float32(63.0)
    blue = np.float32(lobe >> np.uint32(27)) / np.float32(31.0)
    return red * red, green * green, blue * blue


def share_roots(lobes: U32) -> U8:
    """Return the roots (N, 3) of lobes' shares, 255 for 1: 5, 6 and 5 bits of them are their codes."""
    shift, most = np.array([16, 21, 27], np.uint32), np.array(SHARE_STEPS, np.uint32)
    return np.rint((lobes[:, None] >> shift & most) * (255 / most)).astype(np.uint8)


def pack_index(count: U8 | I64) -> U32:
    """Return the index (H, ceil(W / 8), 2) of how many lobes each texel (H, W) has, 0 to MOST_LOBES."""
    height, width = count.shape
    index = np.zeros((height, -(-width // BLOCK), 2), np.uint32)
    for column in range(BLOCK):
        its = count[:, column::BLOCK].astype(np.uint32)
        index[:, : its.shape[1], 1] |= its << np.uint32(4 * column)
    total = sum_counts(index[..., 1])
    index[..., 0] = (np.cumsum(total) - total.ravel()).reshape(total.shape)
    return index


def sum_counts(counts: U32) -> I64:
    """Return how many lobes the texels of blocks have together, from the blocks' counts, any shape."""
    pairs = (counts & np.uint32(0x0F0F0F0F)) + ((counts >> np.uint32(4)) & np.uint32(0x0F0F0F0F))
    total: I64 = ((pairs * np.uint32(0x01010101)) >> np.uint32(24)).astype(np.int64)
    return total


@kernel
def lobe_count(counts: np.uint32, column: int) -> int:
    """Return how many lobes the texel of a column has, from its block's counts."""
    return int((counts >> np.uint32(4 * (column & 7))) & np.uint32(15))


@kernel
def first_lobe(start: np.uint32, counts: np.uint32, column: int) -> int:
    """Return where the lobes of the texel of a column start: after those of the texels before it in its block."""
    before = counts & ((np.uint32(1) << np.uint32(4 * (column & 7))) - np.uint32(1))
    pairs = (before & np.uint32(0x0F0F0F0F)) + ((before >> np.uint32(4)) & np.uint32(0x0F0F0F0F))
    return int(start) + int(np.uint32(pairs * np.uint32(0x01010101)) >> np.uint32(24))
