"""The lobes as the CPU adds them up: strip by strip of the picture, and in a strip facet by facet.

Few facets see anything of a small light. So a frame asks each facet of a strip once, and only of those that do it
reads the shares of its texels, which lie side by side, run by run of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from geodfx.arrays import I64, U16, U32
from geodfx.codes import MOST_FACETS, first_lobe, lobe_count, unpack_facet
from geodfx.jit import kernel
from geodfx.lobe_map import Lobes

__all__ = ["STRIP", "Strips", "make_strips", "unpack_run"]

STRIP = 8  # rows
# Bits of a run's word, from the lowest: its first column, its row in the strip, how many columns.
COLUMN_BITS, ROW_BITS = 16, 3
MOST_COLUMNS = (1 << 32 - COLUMN_BITS - ROW_BITS) - 1


class Strips(NamedTuple):
    """N lobes in S strips; in those, G groups, each of the lobes of a facet; and in these, R runs of texels."""

    first: I64  # (S + 1,) the groups of strip s are first[s]:first[s + 1]
    facet: I64  # (G,)
    run: I64  # (G + 1,) a group's first run
    share: I64  # (G + 1,) and its first lobe
    words: U32  # (R,) see `unpack_run`
    shares: U16  # (N,) run by run; upper half of a lobe's word


def make_strips(lobes: Lobes, width: int) -> Strips:
    """Return the lobes of a picture so many texels wide."""
    count, total = -(-len(lobes.index) // STRIP), len(lobes.refs)
    first = np.zeros(count + 1, np.int64)
    facet, run, share = np.empty(total, np.int64), np.zeros(total + 1, np.int64), np.zeros(total + 1, np.int64)
    words, shares = np.empty(total, np.uint32), np.empty(total, np.uint16)
    groups, runs = _group(lobes.index, lobes.refs, width, first, facet, run, share, words, shares)
    return Strips(
        first, facet[:groups].copy(), run[: groups + 1].copy(), share[: groups + 1].copy(), words[:runs].copy(), shares
    )


@kernel
def unpack_run(word: np.uint32) -> tuple[int, int, int]:
    """Return a run's first column, its row in its strip, and how many columns it has."""
    first, row = word & np.uint32((1 << COLUMN_BITS) - 1), (word >> np.uint32(COLUMN_BITS)) & np.uint32(STRIP - 1)
    return int(first), int(row), int(word >> np.uint32(COLUMN_BITS + ROW_BITS))


@kernel
def _group(
    index: U32,
    refs: U32,
    width: int,
    first: I64,
    facet: I64,
    run: I64,
    share: I64,
    words: U32,
    shares: U16,
) -> tuple[int, int]:
    """Write the fields of `Strips`; returns how many groups and runs there are."""
    height, groups, runs = index.shape[0], 0, 0
    ends = np.zeros(MOST_FACETS, np.int64)  # in a strip, how many lobes name a facet; then where its next one goes
    for strip in range(len(first) - 1):
        top, bottom = strip * STRIP, min(strip * STRIP + STRIP, height)
        begin = int(index[top, 0, 0])
        end = int(index[bottom, 0, 0]) if bottom < height else len(refs)
        named = np.empty(end - begin, np.int64)
        count = 0
        for n in range(begin, end):
            f = unpack_facet(refs[n])
            if ends[f] == 0:
                named[count] = f
                count += 1
            ends[f] += 1
        its = np.sort(named[:count])
        at = begin
        for f in its:
            facet[groups], share[groups] = f, at
            groups += 1
            ends[f], at = at, at + ends[f]
        share[groups] = at
        places = np.empty((end - begin, 2), np.int64)
        for y in range(top, bottom):
            for x in range(width):
                start, counts = index[y, x // 8, 0], index[y, x // 8, 1]
                n = first_lobe(start, counts, x)
                for k in range(n, n + lobe_count(counts, x)):
                    f = unpack_facet(refs[k])
                    shares[ends[f]] = np.uint16(refs[k] >> np.uint32(16))
                    places[ends[f] - begin, 0], places[ends[f] - begin, 1] = x, y - top
                    ends[f] += 1
        for g in range(first[strip], groups):
            run[g] = runs
            ends[facet[g]] = 0
            length = 0
            for k in range(share[g] - begin, share[g + 1] - begin):
                x, y = places[k, 0], places[k, 1]
                follows = length > 0 and x == places[k - 1, 0] + 1 and y == places[k - 1, 1]
                if not follows or length == MOST_COLUMNS:
                    words[runs] = x | y << COLUMN_BITS
                    runs, length = runs + 1, 0
                length += 1
                words[runs - 1] = words[runs - 1] + np.uint32(1 << (COLUMN_BITS + ROW_BITS))
        first[strip + 1] = groups
    run[groups] = runs
    return groups, runs
