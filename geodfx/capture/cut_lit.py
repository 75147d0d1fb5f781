"""The cut behind photos under moving lights, where there is one: outline -> family, askew -> every plane for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, U8
from geodfx.capture.cut import LEAST_GAIN_DB, STAGES, indices_of
from geodfx.capture.cut_camera import find_camera, refine_camera
from geodfx.capture.cut_dome import DISTANT, DomeScene
from geodfx.capture.cut_evidence import DomeEvidence, display_some
from geodfx.capture.cut_family import Family
from geodfx.capture.cut_find import begin_cut, finish_cut, meets_db
from geodfx.capture.cut_fire import find_channel_absorbances, find_channel_indices
from geodfx.capture.cut_free import NEARNESS, draw_likely, free_planes, settle_planes
from geodfx.capture.cut_outline import RoundOutline, find_outline
from geodfx.capture.cut_posed import pose
from geodfx.capture.cut_round import BrilliantCut
from geodfx.capture.cut_step import StepCut
from geodfx.capture.fit_settings import CutSettings
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.session import Session

__all__ = ["LIT_STAGES", "LitCut", "trace_lit_cut"]

LIT_STAGES = STAGES + 1  # that the search tells of
FAR = 100.0  # stone widths: a camera that is as good as distant
LIKELY = 8  # cuts that tell how far the photos leave the directions of paths open


@dataclass(frozen=True)
class LitCut:
    """A cut, and how well its traced photos meet the stone's."""

    scene: DomeScene
    planes: F64  # (P, 4) outward normal and distance, in stone widths
    index: tuple[float, float, float]  # of red, green and blue
    absorbance: tuple[float, float, float]  # a stone width
    met_db: float  # of displayed values, with four rays a texel and no base
    family: str  # what is said of the cut that the planes were before each moved for itself
    camera_open: bool = False  # how far away the camera stood was not told
    likely: tuple[tuple[F64, float], ...] = ()  # planes and how much the index differs: as the photos leave them open

    @property
    def told(self) -> str:
        """What is said of it."""
        fire, far = f"fire {self.index[2] - self.index[0]:.3f}", float(self.scene.camera[2])
        camera = f", seen from {far:.1f} widths away" if self.camera_open and far < FAR else ""
        return f"{self.family}, {fire}, each plane for itself{camera}; its rays meet the photos at {self.met_db:.1f} dB"


def trace_lit_cut(
    session: Session,
    stack: RadianceStack,
    rig: LightRig,
    alpha: U8,
    gain: float,
    search: CutSettings,
    told: Callable[[], object],
) -> LitCut | None:
    """Return the cut that explains photos under moving lights, or None: the outline is no family's, or none does.

    alpha: (H, W) of the outline. gain: display gain. `told` hears of each of LIT_STAGES.
    """
    scale = _scale(session, alpha)
    outline = find_outline(alpha > 127, scale)
    if outline is None:
        return None
    evidence = _gather(session, stack, rig, gain, scale, search)
    family: Family = BrilliantCut(outline) if isinstance(outline, RoundOutline) else StepCut(outline)
    cut = pose(family)
    found = begin_cut(evidence, cut, indices_of(session.stone)[0], lambda *_: told())
    if found is None:
        return None
    if evidence.camera_open:
        evidence, found = _find_camera(evidence, cut, found, indices_of(session.stone)[0])
    found = finish_cut(evidence, cut, found, lambda *_: told())
    if evidence.camera_open:
        evidence, found = refine_camera(evidence, cut, found)
    free = free_planes(cut.planes(found))
    nearness = float(1 / evidence.scene.camera[2])
    settled = settle_planes(evidence, free, free.begin(float(found[0]), float(found[1]), nearness), search.freed)
    numbers = settled.numbers
    evidence = evidence.seen_from(float(numbers[NEARNESS]))
    told()
    met = meets_db(evidence, free, numbers)
    if met + 10 * math.log10(max(float(np.mean(evidence.shown**2)), 1e-12)) < LEAST_GAIN_DB:
        return None
    return LitCut(
        evidence.scene,
        free.planes(numbers),
        find_channel_indices(evidence, free, numbers),
        find_channel_absorbances(evidence, free, numbers),
        met,
        cut.told(found),
        evidence.camera_open,
        tuple((free.planes(each), float(each[0] - numbers[0])) for each in draw_likely(settled, LIKELY)),
    )


def _find_camera(evidence: DomeEvidence, cut: Family, found: F64, indices: Sequence[float]) -> tuple[DomeEvidence, F64]:
    """Return where the camera stood, and the cut's numbers, which are searched again from there."""
    nearer, numbers = find_camera(evidence, cut, found)
    if nearer.scene.camera[2] == evidence.scene.camera[2]:
        return evidence, numbers
    again = begin_cut(nearer, cut, indices, lambda *_: None)
    if again is not None and meets_db(nearer, cut, again) > meets_db(nearer, cut, numbers):
        numbers = again
    return refine_camera(nearer, cut, numbers)


def _scale(session: Session, alpha: U8) -> float:
    """Return how wide a texel is, in stone widths: as the session tells, or as the outline does."""
    if session.field_width is not None:
        return float(session.field_width / alpha.shape[1])
    rows, columns = np.nonzero(alpha > 127)
    return 1.0 / max(float(np.ptp(rows)), float(np.ptp(columns)), 1.0)


def _gather(
    session: Session, stack: RadianceStack, rig: LightRig, gain: float, scale: float, search: CutSettings
) -> DomeEvidence:
    """Return what some texels display under all lights."""
    distance = None if session.field_width is None else session.camera_distance
    scene = DomeScene(
        height=0.0,
        grid=scale,
        size=stack.size,
        radius_rad=rig.radius_rad,
        camera=np.array([0.0, 0.0, distance or DISTANT]),
        lights=np.asarray(rig.direction, np.float64),
    )
    texels, brightest, channels = display_some(stack, gain)
    place = scene.place(texels % stack.size[0], texels // stack.size[0])
    return DomeEvidence(scene, brightest, place, gain, indices_of(session.stone)[1], channels, search, distance is None)
