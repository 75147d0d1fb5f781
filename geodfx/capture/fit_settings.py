"""How thorough the lobe fit is, and which of its ideas it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from geodfx.base_map import PLANES

__all__ = ["FAST", "THOROUGH", "CutSettings", "LobeSettings", "before_edges", "choose_settings"]

TEXEL_BYTES, LEAN_BYTES = 24.0, 12.0  # that a stone takes on a GPU, at most
LEAN_PLANES = (1, 2, 4, 8)  # of the base; more would leave no room for lobes


@dataclass(frozen=True)
class CutSettings:
    """What the search of a cut may spend, and over tilts the fit of the flashes that rays tell by it."""

    starts: int = 8  # searches begun
    kept: int = 4  # followed up
    descended: int = 3  # moved by all numbers
    settles: int = 5  # how often all numbers settle, at most
    asked: tuple[int, int] = (500, 85)  # texels and tilts by which they do
    flashes: int = 2000  # at most
    rays: tuple[int, int] = (100, 60)  # texels and tilts by which a flash is moved to what its rays show
    samples: int = 256  # of the texels that a flash may reach, by which it is fitted to photos
    freed: float = 1.0  # of the rounds in which each plane moves for itself, a share


@dataclass(frozen=True)
class LobeSettings:
    """What a fit may spend, and what it may be without: `benchmarks/ablation.py` tells what each idea is worth."""

    spacing: int = 1  # every so many rows and columns a texel is searched; the others start from what it found
    lattice: int = 2  # of those searched, how many rows and columns apart the thorough ones are
    passes: int = 6  # over facets: what one texel found travels a few texels a pass; 0: each texel stays alone
    sweeps: int = 5  # over facets and their edges, where the stone tilts
    cut: bool = True  # false: no cut is looked for whose traced flashes or paths facets begin with
    search: CutSettings = CutSettings()  # of such a cut
    swaps: bool = True  # each lobe of a texel is taken out and picked again, too
    samples: int = 128  # of a facet's texels, evenly over it: more tell no more
    lobes: bool = True  # false: the smooth base alone
    widths: bool = True  # false: lobes are points
    fire: bool = True  # false: one direction for all channels
    doubt: bool = True  # false: the likeliest direction is shown, not the mean over all that the photos leave open
    symmetry: bool = True  # false: a texel's copies in a symmetric stone tell nothing of it
    joins: bool = True  # facets of few lobes join others, wherever in the picture these are
    detail: bool = True  # false: nine terms are the base of smooth texels, too, and they have lobes
    lean: bool = False  # true: half the bytes

    @property
    def planes(self) -> tuple[int, ...]:
        """How many planes the base may have, fewest first."""
        return LEAN_PLANES if self.lean else PLANES

    def most_bytes(self, texels: int) -> float:
        """Return how many bytes a stone whose picture has so many texels may take on a GPU."""
        return (LEAN_BYTES if self.lean else TEXEL_BYTES) * texels


THOROUGH = LobeSettings()
FAST = LobeSettings(
    spacing=3, lattice=3, passes=3, sweeps=1, swaps=False, samples=24,
    search=CutSettings(
        starts=4, kept=2, descended=2, settles=1, asked=(350, 70), flashes=1200, rays=(70, 40), samples=160, freed=0.5
    ),
)  # fmt: skip


def before_edges(settings: LobeSettings) -> LobeSettings:
    """Return the settings by which texels are fitted where facets get edges afterwards: a start is all that they give.

    A thorough one gave no better facets in three times the time.
    """
    return replace(
        settings, spacing=FAST.spacing, lattice=FAST.lattice, passes=FAST.passes, swaps=False, samples=FAST.samples
    )


def choose_settings(*, fast: bool = False, lean: bool = False) -> LobeSettings:
    """Return the settings of a quick fit or a thorough one, of a lean stone or a full one."""
    return replace(FAST if fast else THOROUGH, lean=lean)
