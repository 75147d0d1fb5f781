"""Photos to stone: a session folder in, reflectance maps out.

session -> photos -> matte, rig -> stack of radiance -> fit -> stone
read_session, open_photos, read_matte, find_rig, read_stack, fit_stone
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.capture.fit import fit_stone
from geodfx.capture.fit_settings import FAST, THOROUGH, LobeSettings, choose_settings
from geodfx.capture.gather import check_room
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import PhotoSet, open_photos, read_stack
from geodfx.capture.rectify import find_plane, read_tilted_stack, rectify_matte
from geodfx.capture.rig import LightRig, make_rig, make_tilt_rig, tilt_stretch
from geodfx.capture.session import Session
from geodfx.capture.spheres import calibrate
from geodfx.errors import SessionError
from geodfx.progress import Progress, counter
from geodfx.stone import Stone
from geodfx.tilting import TiltStage, make_camera

__all__ = [
    "FAST",
    "THOROUGH",
    "Capture",
    "LobeSettings",
    "capture",
    "choose_settings",
    "find_rig",
    "find_stage",
]


@dataclass(frozen=True)
class Capture:
    """A stone and how it came about; L photos, in the order of the lights."""

    stone: Stone
    rig: LightRig
    names: tuple[str, ...]
    residual: F64  # (L,) rms over texels and channels between the displayed photo and the displayed fit
    clipped: F64  # (L,) share of the stone's texels that are clipped in the photo
    seconds: dict[str, float]  # by stage

    def __post_init__(self) -> None:
        count = len(self.names)
        object.__setattr__(self, "residual", frozen("residual", self.residual, np.float64, (count,)))
        object.__setattr__(self, "clipped", frozen("clipped", self.clipped, np.float64, (count,)))


def capture(
    session: Session, model: str = "lobes", settings: LobeSettings = THOROUGH, progress: Progress | None = None
) -> Capture:
    """Fit a stone to the photos of a session of domain `light` or `tilt`.

    model: `lobes`, or the smooth `hsh` or `ptm`. settings: of `lobes`. `progress` is told from the calling thread.
    Raises SessionError, PhotoError, CalibrationError, FitError, or OutputError where the disk has too little room for
    the codes of a large session.
    """
    if session.domain == "environment":
        told = f'{session.folder}: its domain is "environment"; a stone is made of photos under moving lights'
        raise SessionError(f'{told}, domain = "light", or of photos of a stone that tilts, domain = "tilt"')
    seconds: dict[str, float] = {}
    with _timed(seconds, "look over"):
        photos = open_photos(session)
        alpha = read_matte(session, photos.size)
    tilting, reading = None, None if progress is None else counter(progress, "read", len(photos.paths))
    if session.tilt_rad is None:
        check_room((int(np.count_nonzero(alpha)), len(photos.paths), 3), photos.dtype)
        with _timed(seconds, "calibrate"):
            rig = find_rig(session, photos)
        with _timed(seconds, "read"):
            stack = read_stack(photos, alpha, reading)
    else:
        camera = make_camera(photos.size, session.camera_distance, session.field_width)
        with _timed(seconds, "calibrate"):
            tilting, rig = find_stage(session, session.tilt_rad, find_plane(photos, camera, session.tilt_rad, alpha))
            alpha, seen = rectify_matte(alpha, camera, tilting)
        with _timed(seconds, "read"):
            stack = read_tilted_stack(photos, seen, camera, tilting, reading)
    with closing(stack), _timed(seconds, "fit"):
        fitted = fit_stone(session, stack, rig, alpha, model, settings, progress, tilting)
    return Capture(fitted.stone, rig, session.names, fitted.residual, fitted.clipped, seconds)


def find_rig(session: Session, photos: PhotoSet) -> LightRig:
    """Return the lights of a session: as its light file tells, or as the highlights on its chrome spheres do."""
    source = session.listing or session.folder
    if session.light_direction is not None:
        return make_rig(session.light_direction, session.names, source, radius_rad=session.light_radius_rad)
    if not session.spheres:
        remedy = 'name a light file, lights = "lights.lp", or chrome spheres, [[spheres]], in session.toml'
        raise SessionError(f"{session.folder}: nothing tells where the lights stood; {remedy}")
    direction, residual = calibrate(session.spheres, photos.paths, session.transfer)
    return make_rig(direction, session.names, source, radius_rad=session.light_radius_rad, residual_rad=residual)


def find_stage(session: Session, tilt_rad: F64, plane_height: float) -> tuple[TiltStage, LightRig]:
    """Return the stage of a session of tilts (L, 2), and the rig of pseudo lights that they are to its texels."""
    stretch = tilt_stretch(tilt_rad)
    lights = np.zeros((0, 3), np.float32) if session.rig_lights is None else session.rig_lights.astype(np.float32)
    source = session.listing or session.folder
    rig = make_tilt_rig(tilt_rad, stretch, source, radius_rad=session.light_radius_rad)
    return TiltStage(tilt_rad.astype(np.float32), stretch, plane_height, lights), rig


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long a stage takes."""
    begin = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begin
