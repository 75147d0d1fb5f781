"""The cut behind photos over tilts, where there is one: outline -> planes, found by tracing -> looks at lights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geodfx.arrays import F64, U8
from geodfx.capture.cut_evidence import TiltEvidence, display_some
from geodfx.capture.cut_family import Family
from geodfx.capture.cut_find import STAGES, find_cut, meets_db
from geodfx.capture.cut_fire import find_channel_indices
from geodfx.capture.cut_outline import RoundOutline, find_outline
from geodfx.capture.cut_round import BrilliantCut
from geodfx.capture.cut_step import StepCut
from geodfx.capture.cut_view import Scene, make_scene
from geodfx.capture.photos import RadianceStack
from geodfx.capture.session import Session
from geodfx.tilting import TiltStage, make_camera

__all__ = ["LEAST_GAIN_DB", "STAGES", "TracedCut", "gather_evidence", "indices_of", "trace_cut"]

# Of gems by a word of their names; the search of others begins at each of ANY_INDEX.
INDICES = {
    "fluorite": 1.43, "opal": 1.45, "quartz": 1.55, "amethyst": 1.55, "citrine": 1.55, "beryl": 1.58, "emerald": 1.58,
    "aquamarine": 1.58, "morganite": 1.58, "topaz": 1.62, "tourmaline": 1.63, "peridot": 1.67, "tanzanite": 1.69,
    "spinel": 1.72, "chrysoberyl": 1.75, "alexandrite": 1.75, "garnet": 1.77, "sapphire": 1.77, "ruby": 1.77,
    "corundum": 1.77, "zircon": 1.95, "diamond": 2.42,
}  # fmt: skip
VARIED = ("garnet", "zircon", "opal")  # whose index differs from stone to stone
ANY_INDEX = (1.45, 1.55, 1.6, 1.68, 1.75, 1.82, 1.95, 2.42)
LEAST_GAIN_DB = 5.0  # over a black stone: what a cut must explain of the photos


@dataclass(frozen=True)
class TracedCut:
    """A cut, and how well its traced photos meet the stone's."""

    scene: Scene
    cut: Family
    numbers: F64
    channel_index: tuple[float, float, float]  # of red, green and blue
    met_db: float  # of displayed values, with one ray a texel and no base

    @property
    def planes(self) -> F64:
        """Its planes (P, 4): outward normal and distance, in stone widths."""
        return self.cut.planes(self.numbers)

    @property
    def told(self) -> str:
        """What is said of it: its slopes and index, and how well it meets the photos."""
        red, _, blue = self.channel_index
        fire = f"fire {blue - red:.3f}"
        return f"{self.cut.told(self.numbers)}, {fire}; its rays meet the photos at {self.met_db:.1f} dB"


def gather_evidence(
    session: Session, stack: RadianceStack, stage: TiltStage, radius_rad: float, gain: float
) -> TiltEvidence | None:
    """Return what some texels display, or None where a session does not tell where camera and lights stood."""
    camera = make_camera(stack.size, session.camera_distance, session.field_width)
    if session.rig_lights is None or camera.distance is None or len(session.rig_lights) == 0:
        return None
    scene = make_scene(camera, stage, np.asarray(session.rig_lights, np.float64), radius_rad)
    texels, brightest, channels = display_some(stack, gain)
    place = scene.place(texels % stack.size[0], texels // stack.size[0])
    return TiltEvidence(scene, brightest, place, gain, channels=channels)


def trace_cut(
    evidence: TiltEvidence, alpha: U8, scale: float, name: str, told: Callable[[str, float], object]
) -> TracedCut | None:
    """Return the cut that explains photos, or None: the outline is no family's, or no cut of it explains them.

    alpha: (H, W) of the outline, `scale` stone widths a texel. name: of the stone, which may tell its index. `told`
    hears of each of STAGES of the search, in dB.
    """
    outline = find_outline(alpha > 127, scale)
    if outline is None:
        return None
    indices, held = indices_of(name)
    evidence = replace(evidence, index=held)
    cut: Family = BrilliantCut(outline) if isinstance(outline, RoundOutline) else StepCut(outline)
    numbers = find_cut(evidence, cut, indices, told)
    if numbers is None:
        return None
    met = meets_db(evidence, cut, numbers)
    dark = -10 * np.log10(max(float(np.mean(evidence.shown**2)), 1e-12))
    if met - dark < LEAST_GAIN_DB:
        return None
    return TracedCut(evidence.scene, cut, numbers, find_channel_indices(evidence, cut, numbers), met)


def indices_of(name: str) -> tuple[Sequence[float], float | None]:
    """Return the indices at which a search begins for a stone of a name, and the one that its name holds it to."""
    named = [index for word, index in INDICES.items() if word in name.lower()]
    varied = not named or any(word in name.lower() for word in VARIED)
    return named or ANY_INDEX, None if varied else named[0]
