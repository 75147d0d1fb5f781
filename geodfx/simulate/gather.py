"""From exits to photos and lobes, texel by texel.

Each exit looks up the lights that stand in its direction and adds to their photos. Exits of one facet path within a
texel are one lobe: a mean direction and a weight a channel. Those lobes are the truth that a fit is held against.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F32, F64, I64, U32
from geodfx.jit import kernel
from geodfx.simulate.exits import Exits
from geodfx.simulate.sky import CELLS, Sky, light_seen

__all__ = [
    "LobeRows",
    "LobeTable",
    "Maps",
    "clear_table",
    "gather_exits",
    "make_lobe_rows",
    "make_maps",
    "make_table",
    "store_lobes",
]

SLOTS = 1024  # of a texel's table of paths; a power of two
TRIES = 24  # slots looked at before a path counts as one too many; it then goes to the remainder
STRONG = 1e-7  # weight below which a lobe has no direction of its own


class LobeTable(NamedTuple):
    """The lobes of one texel, by path. Each thread needs one of its own."""

    path: U32  # (SLOTS,) 0: free
    total: F64  # (SLOTS, 15): three times a summed direction (x, y, z), three weights, three that gave the directions
    used: I64  # (SLOTS,) the slots taken, in the order they were
    filled: I64  # (1,)
    rest: F64  # (3,) weight of exits that found no slot


class LobeRows(NamedTuple):
    """The lobes of some rows of W texels, K at most in each."""

    path: U32  # (R, W, K) 0: no lobe
    direction: F32  # (R, W, K, 3, 3) channel, axis
    weight: F32  # (R, W, K, 3)


class Maps(NamedTuple):
    """What the texels of a picture are, H x W, but for their lobes."""

    alpha: F32  # (H, W) share of the texel that the stone covers
    normal: F32  # (H, W, 3) mean of the surface, unit; 0 outside
    face: np.ndarray[tuple[int, int], np.dtype[np.int32]]  # (H, W) face that its first covered sample meets; -1 outside
    body: F32  # (H, W, 3) albedo of what is matte, and faces along `normal`
    spread: F32  # (H, W, 3) colour of what is scattered inside, or seen on a white stage: as a white card facing up
    lost: F32  # (H, W, 3) weight of chains that were cut
    rest: F32  # (H, W, 3) weight of lobes beyond K


def make_table() -> LobeTable:
    """Return an empty table."""
    return LobeTable(
        np.zeros(SLOTS, np.uint32),
        np.zeros((SLOTS, 15)),
        np.zeros(SLOTS, np.int64),
        np.zeros(1, np.int64),
        np.zeros(3),
    )


def make_lobe_rows(rows: int, width: int, lobes: int) -> LobeRows:
    """Return rows without lobes."""
    return LobeRows(
        np.zeros((rows, width, lobes), np.uint32),
        np.zeros((rows, width, lobes, 3, 3), np.float32),
        np.zeros((rows, width, lobes, 3), np.float32),
    )


def make_maps(height: int, width: int) -> Maps:
    """Return the maps of an empty picture."""
    colour = (height, width, 3)
    return Maps(
        np.zeros((height, width), np.float32),
        np.zeros(colour, np.float32),
        np.full((height, width), -1, np.int32),
        np.zeros(colour, np.float32),
        np.zeros(colour, np.float32),
        np.zeros(colour, np.float32),
        np.zeros(colour, np.float32),
    )


@kernel
def clear_table(table: LobeTable) -> None:
    """Forget all lobes."""
    for i in range(table.filled[0]):
        table.path[table.used[i]] = np.uint32(0)
    table.filled[0] = 0
    table.rest[:] = 0.0


@kernel
def gather_exits(
    exits: Exits, rgb: F64, sky: Sky, photo: F64, table: LobeTable, keep_lobes: bool, white_stage: bool
) -> None:
    """Add the exits of one sample to photo (M, 3), and to the lobes; rgb (B, 3): what each band adds to a channel.

    Light from below the stone's horizon is blocked; a white stage there shows itself as a white card facing up.
    """
    for i in range(exits.filled[0]):
        dx, dy, dz = exits.direction[i, 0], exits.direction[i, 1], exits.direction[i, 2]
        weight, band = exits.weight[i], exits.band[i]
        if dz <= 0.0:
            if white_stage:
                for c in range(3):
                    exits.spread[c] += weight * rgb[band, c]
            elif keep_lobes:
                _add_lobe(table, exits.path[i], dx, dy, dz, weight, rgb[band])
            continue
        if keep_lobes:
            _add_lobe(table, exits.path[i], dx, dy, dz, weight, rgb[band])
        scale = 1.0 / (abs(dx) + abs(dy) + dz)
        u = min(int((0.5 + 0.5 * (dx + dy) * scale) * CELLS), CELLS - 1)
        v = min(int((0.5 + 0.5 * (dx - dy) * scale) * CELLS), CELLS - 1)
        cell = v * CELLS + u
        for k in range(sky.first[cell], sky.first[cell + 1]):
            light = sky.near[k]
            px, py, pz = exits.position[i, 0], exits.position[i, 1], exits.position[i, 2]
            seen = weight * light_seen(sky, light, px, py, pz, dx, dy, dz)
            if seen > 0.0:
                m = sky.photo[light]
                photo[m, 0] += seen * rgb[band, 0]
                photo[m, 1] += seen * rgb[band, 1]
                photo[m, 2] += seen * rgb[band, 2]


@kernel
def _add_lobe(table: LobeTable, path: np.uint32, dx: float, dy: float, dz: float, weight: float, rgb: F64) -> None:
    """Add one exit to the lobe of its path."""
    key = path if path != np.uint32(0) else np.uint32(1)
    slot = np.int64(key & np.uint32(SLOTS - 1))
    for _ in range(TRIES):
        if table.path[slot] == key:
            break
        if table.path[slot] == np.uint32(0):
            table.path[slot] = key
            table.total[slot, :] = 0.0
            table.used[table.filled[0]] = slot
            table.filled[0] += 1
            break
        slot = (slot + np.int64(1)) & np.int64(SLOTS - 1)
    if table.path[slot] != key:
        for c in range(3):
            table.rest[c] += weight * rgb[c]
        return
    total = table.total[slot]
    for c in range(3):
        part = weight * rgb[c]
        lit = max(part, 0.0)  # Rec.709 gives some wavelengths negative weights: those must not turn a mean direction
        total[3 * c] += lit * dx
        total[3 * c + 1] += lit * dy
        total[3 * c + 2] += lit * dz
        total[9 + c] += part
        total[12 + c] += lit


@kernel
def store_lobes(table: LobeTable, lobes: LobeRows, rest: F32, row: int, column: int, scale: float) -> None:
    """Write the strongest lobes of a texel, strongest first; the others' weights go to rest (3,).

    row: of `lobes`.
    """
    kept = lobes.path.shape[2]
    for c in range(3):
        rest[c] = np.float32(table.rest[c] * scale)
    for k in range(table.filled[0]):
        best, best_weight = -1, -1.0
        for i in range(k, table.filled[0]):
            total = table.total[table.used[i]]
            weight = total[12] + total[13] + total[14]
            if weight > best_weight:
                best, best_weight = i, weight
        slot = table.used[best]
        table.used[best] = table.used[k]
        table.used[k] = slot
        total = table.total[slot]
        if k >= kept:
            for c in range(3):
                rest[c] += np.float32(total[9 + c] * scale)
            continue
        lobes.path[row, column, k] = table.path[slot]
        for c in range(3):
            lobes.weight[row, column, k, c] = np.float32(total[9 + c] * scale)
            x, y, z = total[3 * c], total[3 * c + 1], total[3 * c + 2]
            size = math.sqrt(x * x + y * y + z * z)
            if size > STRONG:
                lobes.direction[row, column, k, c, 0] = np.float32(x / size)
                lobes.direction[row, column, k, c, 1] = np.float32(y / size)
                lobes.direction[row, column, k, c, 2] = np.float32(z / size)
