"""The light rig: where the lights of a series stood, checked to be enough to tell a stone's reflectance."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F32, F64, frozen
from geodfx.constants import MIN_LIGHT_RADIUS_RAD
from geodfx.errors import CalibrationError, GeodfxWarning
from geodfx.tilting import pseudo_directions

__all__ = ["LightRig", "make_rig", "make_tilt_rig", "mean_spacing_rad", "tilt_stretch"]

UNTOLD_RADIUS_SHARE = 0.35  # of the mean spacing of the lights, when a session does not tell their radius
MIN_EXTENT = 0.01  # rms, on the unit sphere: half a degree, less than any calibration is sure of
# How far pseudo lights move for a tilt: as a flat mirror moves its exit, which few exits exceed. So a light is met at
# tilts within radius / 2 by a mirror, and at more, along one axis or both, by paths that move less.
TILT_STRETCH = 2.0
FARTHEST_CHORD = 1.25  # of a pseudo light from the zenith, so that a lobe beyond it is still above the horizon
MIN_LIGHTS = 4  # any three points lie in a plane: whether so few will do is the model's to say


@dataclass(frozen=True)
class LightRig:
    """One light a photo, L of them."""

    direction: F64  # (L, 3) unit, from the stone, stone frame
    radius_rad: float  # angular radius of each light
    irradiance: F32  # (L, 3) relative
    residual_rad: F64  # (L,) how sure the direction is; 0 where a file gave it

    def __post_init__(self) -> None:
        count = len(self.direction)
        object.__setattr__(self, "direction", frozen("light directions", self.direction, np.float64, (None, 3)))
        object.__setattr__(self, "irradiance", frozen("irradiance", self.irradiance, np.float32, (count, 3)))
        object.__setattr__(self, "residual_rad", frozen("residual", self.residual_rad, np.float64, (count,)))


def make_rig(
    direction: F64,
    names: Sequence[str],
    source: Path,
    *,
    radius_rad: float | None = None,
    residual_rad: F64 | None = None,
) -> LightRig:
    """Return the rig of directions (L, 3), of any length above 0, one a photo; `source` names them in messages.

    Without a radius, 0.35 of the mean spacing of neighbouring lights is taken, with a GeodfxWarning. Raises
    CalibrationError for a direction that is zero, not finite or not above the horizon, and, from four lights on, for
    lights that all stand in one place, in one line or in one plane (a ring at one height is a plane): from those no
    model can tell how a texel answers to other lights.
    """
    length = np.linalg.norm(np.where(np.isfinite(direction), direction, 0.0), axis=1)
    for row, name, size in zip(direction, names, length, strict=True):
        told = f"{source}: light of photo {name!r}, ({row[0]:.4g}, {row[1]:.4g}, {row[2]:.4g}),"
        if not np.isfinite(row).all():
            raise CalibrationError(f"{told} is not finite; correct it, or remove the photo")
        if not size > 0:
            raise CalibrationError(f"{told} is zero; correct it, or remove the photo")
        if not row[2] > 0:
            raise CalibrationError(
                f"{told} is not above the horizon, z must be above 0; correct it, or remove the photo"
            )
    unit = direction / length[:, None]
    _refuse_flat(unit, source)
    if radius_rad is None:
        radius_rad = _assume_radius(unit, source)
    residual = np.zeros(len(unit)) if residual_rad is None else residual_rad
    return LightRig(unit, radius_rad, np.ones((len(unit), 3), np.float32), residual)


def make_tilt_rig(tilt_rad: F64, stretch: float, source: Path, *, radius_rad: float | None = None) -> LightRig:
    """Return the rig of the pseudo lights of tilts (L, 2), stretched as `tilt_stretch` says.

    A light of the stage is met at tilts within its radius / TILT_STRETCH, so that at the usual stretch a pseudo light
    is as large. Without a radius it is guessed as in `make_rig`.
    """
    unit = pseudo_directions(tilt_rad, stretch)
    radius = _assume_radius(unit, source) if radius_rad is None else radius_rad * stretch / TILT_STRETCH
    return LightRig(unit, radius, np.ones((len(unit), 3), np.float32), np.zeros(len(unit)))


def tilt_stretch(tilt_rad: F64) -> float:
    """Return how far a pseudo light moves, a chord, for a tilt of one radian: less than usual only for wide tilts."""
    furthest = max(float(np.hypot(tilt_rad[:, 0], tilt_rad[:, 1]).max()), 1e-9)
    return min(TILT_STRETCH, FARTHEST_CHORD / furthest)


def _assume_radius(unit: F64, source: Path) -> float:
    """Return a radius for lights (L, 3) that do not tell theirs, with a GeodfxWarning."""
    radius_rad = max(UNTOLD_RADIUS_SHARE * mean_spacing_rad(unit), MIN_LIGHT_RADIUS_RAD)
    told = f"{source}: the lights' angular radius is not told; {np.degrees(radius_rad):.2f} degrees is taken"
    remedy = "0.35 of their mean spacing; measure it and set light_radius_deg in session.toml"
    warnings.warn(f"{told}, {remedy}", GeodfxWarning, stacklevel=3)
    return radius_rad


def _refuse_flat(unit: F64, source: Path) -> None:
    """Raise CalibrationError if the ends of the directions spread over fewer than three dimensions."""
    if len(unit) < MIN_LIGHTS:
        return
    extent = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False) / np.sqrt(len(unit))
    dimensions = int((extent > MIN_EXTENT).sum())
    if dimensions < 3:
        told = f"all {len(unit)} lights stand in {('one place', 'one line', 'one plane')[dimensions]}"
        remedy = "take photos with lights at other heights too, or correct the directions"
        raise CalibrationError(f"{source}: {told} (a ring at one height is a plane); {remedy}")


def mean_spacing_rad(unit: F64) -> float:
    """Return the mean angle from each light to its nearest; of a single light, 0."""
    if len(unit) < 2:
        return 0.0
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1.0)
    return float(np.arccos(np.clip(cosine.max(axis=1), -1.0, 1.0)).mean())
