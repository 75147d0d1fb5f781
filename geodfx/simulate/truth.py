"""The truth beside a session, as one .npz without pickled objects. docs/SIMULATE.md tells each array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geodfx.images import atomic_write
from geodfx.simulate.expose import ClearStone, Stone, Truth

__all__ = ["TRUTH_FILE", "write_truth"]

TRUTH_FILE = "truth.npz"


def write_truth(folder: Path, truth: Truth, stone: Stone) -> None:
    """Write what the texels are into a folder that is there; a stone with flat faces adds its planes."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "lobe_first": truth.lobe_first,
        "lobe_path": truth.lobe_path,
        "lobe_direction": truth.lobe_direction,
        "lobe_weight": truth.lobe_weight,
    }
    arrays |= truth.maps._asdict()
    if isinstance(stone, ClearStone):
        arrays |= {"plane": stone.solids.plane.T, "solid_first": stone.solids.first}
    with atomic_write(folder / TRUTH_FILE) as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
