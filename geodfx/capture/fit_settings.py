"""How thorough the lobe fit is, and which of its ideas it follows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FAST", "THOROUGH", "LobeSettings"]


@dataclass(frozen=True)
class LobeSettings:
    """What a fit may spend, and what it may be without: `benchmarks/ablation.py` tells what each idea is worth."""

    spacing: int = 1  # every so many rows and columns a texel is searched; the others start from what it found
    lattice: int = 2  # of those searched, how many rows and columns apart the thorough ones are
    passes: int = 6  # over facets: what one texel found travels a few texels a pass; 0: each texel stays alone
    samples: int = 128  # of a facet's texels, evenly over it: more tell no more
    lobes: bool = True  # false: the smooth base alone
    widths: bool = True  # false: lobes are points
    fire: bool = True  # false: one direction for all channels
    doubt: bool = True  # false: the likeliest direction is shown, not the mean over all that the photos leave open
    detail: bool = True  # false: nine terms are the base of smooth texels, too, and they have lobes


THOROUGH = LobeSettings()
FAST = LobeSettings(spacing=3, lattice=3, passes=3, samples=48)
