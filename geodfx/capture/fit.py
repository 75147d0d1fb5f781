"""Which fit a model needs, and the stone it makes: from a stack of radiance and a light rig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from geodfx.arrays import F32, F64, U8
from geodfx.base_map import encode_base
from geodfx.basis import evaluate
from geodfx.capture.cut import STAGES, TracedCut, gather_evidence, trace_cut
from geodfx.capture.cut_lit import LIT_STAGES, LitCut, trace_lit_cut
from geodfx.capture.fit_base import fit_displayed
from geodfx.capture.fit_lobes import fit_lobes
from geodfx.capture.fit_settings import FAST, THOROUGH, CutSettings, LobeSettings
from geodfx.capture.fit_state import CHUNK
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.session import Session
from geodfx.colour import decode_display, encode_display
from geodfx.constants import WHITE_LEVEL, WHITE_QUANTILE
from geodfx.errors import FitError
from geodfx.jit import run_bands
from geodfx.progress import Progress, counter
from geodfx.stone import Stone
from geodfx.tilting import TiltStage
from geodfx.version import package_version

__all__ = ["Fitted", "display_gain", "fit_stone"]

MIN_PHOTOS = {"ptm": 6, "hsh": 9, "lobes": 9}  # as many as a texel's smooth part has terms


@dataclass(frozen=True)
class Fitted:
    """A stone, and for each of L photos how well it is met and how much of it is clipped."""

    stone: Stone
    residual: F64  # (L,) rms, displayed
    clipped: F64  # (L,) share of texels


def fit_stone(
    session: Session,
    stack: RadianceStack,
    rig: LightRig,
    alpha: U8,
    model: str,
    settings: LobeSettings = THOROUGH,
    progress: Progress | None = None,
    tilting: TiltStage | None = None,
) -> Fitted:
    """Fit a model to what the photos hold. alpha: (H, W). Raises FitError for too few or too dark photos.

    settings: of the `lobes` model. tilting: of a stone that tilts, whose photos are brought to its texels and whose
    lights are pseudo lights.
    """
    lights = len(rig.direction)
    if lights < MIN_PHOTOS[model]:
        told = f"{session.folder}: {lights} photos are too few for {model}, which needs {MIN_PHOTOS[model]}"
        raise FitError(f"{told}; take more photos {'under other lights' if tilting is None else 'at other tilts'}")
    gain = display_gain(stack)
    if gain is None:
        raise FitError(f"{session.folder}: the stone is black in all photos; check their exposure and the mask")
    provenance: dict[str, str | int | float] = {"geodfx": package_version(), "photos": lights}
    if model == "lobes":
        most = settings.most_bytes(alpha.size) - alpha.nbytes
        turning = _turning(session, stack.size[0])
        traced = None
        if tilting is not None and settings.cut:
            traced = _trace(session, stack, rig, alpha, gain, tilting, settings.search, progress)

        def trace() -> LitCut | None:
            done = None if progress is None else counter(progress, "cut", LIT_STAGES)
            tell = (lambda: None) if done is None else (lambda: done(1))
            return trace_lit_cut(session, stack, rig, alpha, gain, settings.search, tell)

        found = fit_lobes(
            stack, rig, gain, turning, most, settings, progress, formed=tilting is not None, traced=traced,
            trace=trace if tilting is None and settings.cut else None,
        )  # fmt: skip
        base, lobes, predict = found.base, found.lobes, found.light
        provenance["smooth_share"] = found.smooth_share
        if found.unlit_share:
            provenance["unlit_share"] = found.unlit_share
        if found.cut:
            provenance["cut"] = found.cut
        if found.symmetry:
            provenance["symmetry"] = found.symmetry
        if replace(settings, lean=False) == FAST:
            provenance["effort"] = "fast"
        if settings.lean:
            provenance["asset"] = "lean"
    else:
        coefficients = _fit_smooth(stack, rig, gain, model, progress)
        base, lobes = encode_base(model, "display", coefficients.transpose(0, 2, 1), stack.texels, alpha.shape), None
        terms = evaluate(model, rig.direction).astype(np.float32)

        def predict(first: int, last: int) -> F32:
            shown = np.einsum("ncj,lj->nlc", coefficients[first:last], terms, optimize=True)
            return decode_display(shown.astype(np.float32), gain)

    stone = Stone(
        name=session.stone,
        model=model,
        domain=session.domain,
        alpha=alpha,
        base=base,
        lobes=lobes,
        light_direction=rig.direction.astype(np.float32),
        light_radius_rad=rig.radius_rad,
        display_gain=gain,
        camera_distance=session.camera_distance,
        field_width=session.field_width,
        provenance=provenance,
        tilting=tilting,
    )
    return Fitted(stone, *_check(stack, gain, lights, predict))


def _trace(
    session: Session,
    stack: RadianceStack,
    rig: LightRig,
    alpha: U8,
    gain: float,
    stage: TiltStage,
    search: CutSettings,
    progress: Progress | None,
) -> TracedCut | None:
    """Return the cut that photos over tilts show, or None: the session tells too little, or it is no family's."""
    evidence = gather_evidence(session, stack, stage, rig.radius_rad, gain)
    if evidence is None or session.field_width is None:
        return None
    done = None if progress is None else counter(progress, "cut", STAGES)
    scale = session.field_width / stack.size[0]
    evidence = replace(evidence, search=search)
    return trace_cut(evidence, alpha, scale, session.stone, lambda *_: None if done is None else done(1))


def _turning(session: Session, width: int) -> float:
    """Return how far a near camera's view turns from texel to texel, radians; 0 for a distant one."""
    if session.camera_distance is None or session.field_width is None:
        return 0.0
    return session.field_width / (width * session.camera_distance)


def display_gain(stack: RadianceStack) -> float | None:
    """Return the gain at which the brightest values that texels reach show white and half of it is headroom.

    2 / the 90th percentile, over texels and channels, of the brightest value in any photo; None if that is 0.
    """
    count = len(stack.texels)
    chunks = (stack.at(slice(begin, begin + CHUNK))[0].max(axis=1) for begin in range(0, count, CHUNK))
    level = float(np.quantile(np.concatenate(list(chunks)), WHITE_QUANTILE))
    return WHITE_LEVEL / level if level > 0 else None


def _fit_smooth(stack: RadianceStack, rig: LightRig, gain: float, model: str, progress: Progress | None) -> F32:
    """Return the coefficients (T, 3, J) of PTM or HSH on displayed values.

    A clipped value counts where the display clips as well, for then what it shows is known: white.
    """
    terms = evaluate(model, rig.direction)
    count = len(stack.texels)
    coefficients = np.zeros((count, 3, terms.shape[1]), np.float32)
    clip = np.inf if stack.clip_code is None or stack.table is None else float(stack.table[stack.clip_code])

    def work(first: int, last: int) -> None:
        for begin in range(first, last, CHUNK):
            end = min(begin + CHUNK, last)
            radiance, clear = stack.at(slice(begin, end))
            weight = np.ones_like(clear) if clip * gain >= 1 else clear
            shown = encode_display(radiance, gain)
            coefficients[begin:end] = fit_displayed(terms, shown, weight).transpose(1, 2, 0)

    run_bands(work, count, None if progress is None else counter(progress, "fit", count))
    return coefficients


def _check(stack: RadianceStack, gain: float, lights: int, predict: Callable[[int, int], F32]) -> tuple[F64, F64]:
    """Return for each photo the rms between displayed photo and displayed fit, and the share of clipped texels."""
    count = len(stack.texels)
    sums = np.zeros((-(-count // CHUNK), 2, lights))

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            begin, end = i * CHUNK, min((i + 1) * CHUNK, count)
            radiance, clear = stack.at(slice(begin, end))
            error = encode_display(radiance, gain) - encode_display(predict(begin, end), gain)
            sums[i, 0] = (error.astype(np.float64) ** 2).sum(axis=(0, 2))
            sums[i, 1] = (clear == 0).sum(axis=0)

    run_bands(work, len(sums))
    total = sums.sum(axis=0)
    return np.sqrt(total[0] / (3 * count)), total[1] / count
