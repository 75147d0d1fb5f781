"""A stack some of whose photos tell nothing, so that what is fitted to the others can be asked to foretell them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, I64, Bool
from geodfx.capture.coarse import CoarseStack
from geodfx.capture.photos import RadianceStack

__all__ = ["HiddenStack"]


@dataclass(frozen=True)
class HiddenStack:
    """The photos of a stack, of which some are hidden; L of them."""

    whole: RadianceStack | CoarseStack
    seen: Bool  # (L,)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.whole.size

    @property
    def texels(self) -> I64:
        """Indices into the flat picture, rising."""
        return self.whole.texels

    def at(self, texels: slice | I64) -> tuple[F32, F32]:
        """Return radiance (n, L, 3) and weight (n, L) of some texels: dark and clipped where photos are hidden.

        That says "at least nothing", which tells nothing.
        """
        radiance, clear = self.whole.at(texels)
        seen = self.seen.astype(np.float32)
        return radiance * seen[:, None], clear * seen
