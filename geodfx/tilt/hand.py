"""A hand that holds a phone, as a motion made up: what the filter is judged by, and a stone shown by.

A hand trembles at 8 to 12 Hz (Elble 2003, physiologic tremor; Lakie et al. 2015 find its peak at 6 to 12 Hz) and sways
slowly. Both are sums of sines with seeded phases, so that one hand is the same motion at whatever rate it is sampled.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64
from geodfx.errors import ViewError
from geodfx.tilt.quaternion import Quaternion, from_device_angles, from_rotation_vector, product
from geodfx.tilt.trace import Trace

__all__ = ["Hand", "device_angles", "hold"]

TREMOR_HZ = (8.0, 12.0)
SWAY_HZ = (0.05, 0.5)
SINES = 16  # of each band about each axis: enough that none stands out
RATES_HZ = (10.0, 1000.0)
HELD = from_device_angles(0.5, math.radians(50), 0.0)  # upright enough to look at, the top leant back
FULL_TURN = 2 * math.pi
LEAST_LEVEL = 1e-9  # below this rounding alone tells alpha from gamma


@dataclass(frozen=True)
class Hand:
    """How a hand moves about a pose. Sizes are root mean squares about each axis. Raises ViewError."""

    seed: int = 0
    tremor_rad: float = math.radians(0.15)
    sway_rad: float = math.radians(1.5)
    pose: Quaternion = HELD

    def __post_init__(self) -> None:
        for name in ("tremor_rad", "sway_rad"):
            if not 0 <= getattr(self, name) <= math.pi / 6:  # NaN is not
                raise ViewError(f"hand's {name} {getattr(self, name)} is not within 0 and pi/6; give radians")

    def rotation_vectors(self, time_s: F64) -> F64:
        """Return how the phone is turned (N, 3) from the pose, in the device's axes, at times (N,)."""
        source = random.Random(self.seed)  # promised to stay the same from one version of Python to the next
        turned = np.zeros((len(time_s), 3))
        for (low, high), size in ((TREMOR_HZ, self.tremor_rad), (SWAY_HZ, self.sway_rad)):
            for axis in range(3):
                for _ in range(SINES):
                    frequency, phase = low + (high - low) * source.random(), 2 * math.pi * source.random()
                    turned[:, axis] += size * math.sqrt(2 / SINES) * np.sin(2 * math.pi * frequency * time_s + phase)
        return turned


def hold(hand: Hand, duration_s: float, rate_hz: float, step_deg: float = 0.0) -> Trace:
    """Return what a phone tells while a hand holds it, from time 0 on.

    step_deg: angles come in steps of this size, 0.1 as of DeviceOrientation; 0: as they are. Raises ViewError.
    """
    if not (RATES_HZ[0] <= rate_hz <= RATES_HZ[1] and 0 < duration_s <= 3600 and 0 <= step_deg <= 10):
        raise ViewError(
            f"{duration_s} s at {rate_hz} Hz in steps of {step_deg} degrees cannot be held; give up to 3600 s, "
            f"{RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz and 0 to 10 degrees"
        )
    time_s = np.arange(round(duration_s * rate_hz), dtype=np.float64) / rate_hz
    turns = hand.rotation_vectors(time_s).tolist()
    angles = np.array([device_angles(product(hand.pose, from_rotation_vector(*turn))) for turn in turns]).reshape(-1, 3)
    if step_deg:
        step_rad = math.radians(step_deg)
        angles = np.round(angles / step_rad) * step_rad
    return Trace(time_s, angles, np.zeros_like(time_s))


def device_angles(pose: Quaternion) -> tuple[float, float, float]:
    """Return alpha (0 to 2 pi), beta and gamma in radians of a pose, as a DeviceOrientation event tells them.

    W3C Device Orientation. Upright, beta = pi / 2, alpha and gamma turn alike, and gamma is told as 0.
    """
    w, x, y, z = pose
    up_x, up_y, up_z = (
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        w * w - x * x - y * y + z * z,
    )  # the earth's, on the device
    level = math.sqrt(up_x * up_x + up_z * up_z)
    if level < LEAST_LEVEL:
        return math.atan2(2 * (x * y + w * z), w * w + x * x - y * y - z * z) % FULL_TURN, math.atan2(up_y, 0.0), 0.0
    side = -1.0 if up_z < 0 else 1.0  # the screen looks down
    alpha = math.atan2(-side * 2 * (x * y - w * z), side * (w * w - x * x + y * y - z * z))
    return alpha % FULL_TURN, math.atan2(up_y, side * level), math.atan2(-side * up_x, side * up_z)
