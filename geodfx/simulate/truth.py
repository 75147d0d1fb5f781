"""The truth beside a session, as one .npz without pickled objects. docs/SIMULATE.md tells each array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geodfx.images import atomic_write
from geodfx.simulate.expose import ClearStone, Stone
from geodfx.simulate.gather import Truth

__all__ = ["TRUTH_FILE", "packed_truth", "write_truth"]

TRUTH_FILE = "truth.npz"


def packed_truth(truth: Truth) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a picture H x W with N lobes in all, texel by texel from the top left, strongest first."""
    there = truth.path != 0
    first = np.zeros(there.shape[0] * there.shape[1] + 1, np.int64)
    np.cumsum(there.sum(axis=2).ravel(), out=first[1:])
    return {
        "lobe_first": first,
        "lobe_path": truth.path[there],
        "lobe_direction": truth.direction[there],
        "lobe_weight": truth.weight[there],
        "alpha": truth.alpha,
        "normal": truth.normal,
        "face": truth.face,
        "body": truth.body,
        "spread": truth.spread,
        "rest": truth.rest,
        "lost": truth.lost,
    }


def write_truth(folder: Path, truth: Truth, stone: Stone) -> None:
    """Write what the texels are into a folder that is there; a stone with flat faces adds its planes."""
    arrays = packed_truth(truth)
    if isinstance(stone, ClearStone):
        arrays |= {"plane": stone.solids.plane.T, "solid_first": stone.solids.first}
    with atomic_write(folder / TRUTH_FILE) as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
