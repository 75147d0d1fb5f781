"""View: what is asked to be shown, checked when made. Lights and environments are in the world frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real

import cv2
import numpy as np

from geodfx.arrays import F32, F64
from geodfx.errors import ViewError
from geodfx.render.environment import Environment
from geodfx.tilting import tilt_rotation

__all__ = ["DiscLight", "Tilt", "View", "resample"]

LARGEST_SIZE = 16384  # pixels: what GPUs and picture formats take


@dataclass(frozen=True)
class DiscLight:
    """A distant disc light. Its total is kept at any radius: intensity 1 makes a white card that faces it read 1."""

    direction: tuple[float, float, float]  # away from the stone; any length but 0 is taken, a unit vector is kept
    radius_rad: float  # angular; 0 counts as 0.1 degrees
    intensity: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        x, y, z = _finite_triple("light direction", self.direction)
        length = math.hypot(x, y, z)
        if length < 1e-6:
            raise ViewError(f"light direction {self.direction} has no length; give a vector towards the light")
        object.__setattr__(self, "direction", (x / length, y / length, z / length))
        if not (_is_finite(self.radius_rad) and 0 <= self.radius_rad <= math.pi / 2):
            raise ViewError(f"light radius {self.radius_rad} rad is not within 0 and pi/2; give an angular radius")
        intensity = _finite_triple("light intensity", self.intensity)
        if min(intensity) < 0:
            raise ViewError(f"light intensity {self.intensity} is negative; give 0 or more a channel")
        object.__setattr__(self, "intensity", intensity)


@dataclass(frozen=True)
class Tilt:
    """How the stone is turned: pitch about x, then roll about y."""

    pitch_rad: float = 0.0  # above 0 tips the top edge towards the camera
    roll_rad: float = 0.0  # above 0 tips the right edge away

    def __post_init__(self) -> None:
        if not (_is_finite(self.pitch_rad) and _is_finite(self.roll_rad)):
            raise ViewError(f"tilt {self.pitch_rad}, {self.roll_rad} is not a pair of numbers; give radians")

    def rotation(self) -> F64:
        """Return the matrix (3, 3) that takes the stone frame to the world, R_roll R_pitch."""
        return tilt_rotation(self.pitch_rad, self.roll_rad)


@dataclass(frozen=True)
class View:
    """One frame: the light, the tilt, the exposure and the size of the picture.

    A light stone needs a light or an environment; a stone that was captured by its tilt takes neither.
    """

    lights: tuple[DiscLight, ...] = ()
    environment: Environment | None = None
    tilt: Tilt = field(default_factory=Tilt)
    exposure_ev: float = 0.0  # colours are multiplied by 2^exposure_ev
    size: int | None = None  # longest side of the picture; None: one pixel a texel

    def __post_init__(self) -> None:
        object.__setattr__(self, "lights", tuple(self.lights))
        if not (_is_finite(self.exposure_ev) and abs(self.exposure_ev) <= 64):
            raise ViewError(f"exposure {self.exposure_ev} EV is not within -64 and 64")
        if self.size is not None and not (isinstance(self.size, int) and 1 <= self.size <= LARGEST_SIZE):
            raise ViewError(f"size {self.size} is not a whole number from 1 to {LARGEST_SIZE}")


def resample(frame: F32, size: int | None) -> F32:
    """Return a frame (H, W, 4) whose longest side is `size`; its mean is kept when it shrinks."""
    height, width, _ = frame.shape
    longest = max(height, width)
    if size is None or size == longest:
        return frame
    shape = (max(1, round(width * size / longest)), max(1, round(height * size / longest)))
    method = cv2.INTER_AREA if size < longest else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, shape, interpolation=method), np.float32)


def _is_finite(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _finite_triple(name: str, values: tuple[float, float, float]) -> tuple[float, float, float]:
    if len(values) != 3 or not all(_is_finite(value) for value in values):
        raise ViewError(f"{name} {values} is not three finite numbers")
    first, second, third = values
    return float(first), float(second), float(third)
