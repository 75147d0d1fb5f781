"""From a phone's poses, one a frame, to the stone's tilt: relative to how it is held, calm, and within a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from geodfx.errors import ViewError
from geodfx.tilt.filter import OneEuroFilter, Vector2, scaled, soft_limit
from geodfx.tilt.quaternion import Quaternion, conjugate, from_rotation_vector, product, swing, unit

__all__ = ["StoneTilt", "TiltSettings", "TiltTracker", "stone_tilt", "turn_to_screen"]

LEASH = 2.0  # limits: the neutral pose is never farther away, so that a phone turned far is followed when it turns back


class StoneTilt(NamedTuple):
    """Pitch about x, then roll about y, as of `geodfx.Tilt`."""

    pitch_rad: float  # above 0 tips the top edge towards the viewer
    roll_rad: float  # above 0 tips the right edge away


@dataclass(frozen=True)
class TiltSettings:
    """How a stone follows a phone. Raises ViewError for a value out of its range."""

    min_cutoff_hz: float = 1.0  # of the 1-euro filter at rest: lower is calmer and later
    beta: float = 0.1 * 180 / math.pi  # the cutoff rises by so many Hz for a radian a second: 0.1 Hz for a degree
    rate_cutoff_hz: float = 1.0  # of the speed that tells it
    recentre_s: float = 10.0  # time constant in which the pose that is held becomes the neutral one; inf: never
    gap_s: float = 0.5  # after a longer one without a sample the pose then held is the neutral one
    glide_s: float = 0.3  # time constant in which the stone then goes there
    lead_s: float = 1 / 60  # how far ahead a tilt is foretold: a frame, for it is seen by its end
    lead_limit_rad: float = math.radians(2)  # and by how much at most, softly
    limit_rad: float = math.radians(20)  # of the tilt, softly

    def __post_init__(self) -> None:
        for field in fields(self):
            value: object = getattr(self, field.name)
            low, high = RANGES.get(field.name, (SHORTEST, LONGEST))
            if not (isinstance(value, float | int) and low <= value <= high):  # NaN is not
                raise ViewError(
                    f"tilt setting {field.name} {value!r} is not a number from {low:g} to {high:g}; give one"
                )


SHORTEST, LONGEST = 1e-3, 1e3  # seconds and Hz that mean something to a hand
RANGES = {
    "beta": (0.0, LONGEST),
    "recentre_s": (SHORTEST, math.inf),
    "lead_s": (0.0, 0.1),
    "lead_limit_rad": (1e-6, math.pi / 4),
    "limit_rad": (1e-6, math.pi / 2 - 1e-6),  # so that the leash ends before half a turn, where the axis is open
}


class TiltTracker:
    """Follows one phone. It has no clock: time comes with the samples, so that a trace replayed gives the same tilts.

    Give it the newest pose once a frame, also where it has not changed: a device may tell only of a change by a degree.
    """

    def __init__(self, settings: TiltSettings | None = None) -> None:
        self.settings = settings = settings or TiltSettings()
        self._filter = OneEuroFilter(settings.min_cutoff_hz, settings.beta, settings.rate_cutoff_hz)
        self._time_s: float | None = None
        self._pose = self._neutral = Quaternion(1.0, 0.0, 0.0, 0.0)
        self._shown: Vector2 = (0.0, 0.0)  # what was last shown, before the limit, in the device's axes
        self._glide: Vector2 = (0.0, 0.0)  # what is left of it since the last restart

    def update(self, time_s: float, pose: Quaternion, screen_rad: float = 0.0) -> StoneTilt:
        """Return the tilt to show for a pose. Times are in seconds from anywhere; one that goes back counts as a gap.

        pose: device axes to the earth's. screen_rad: `screen.orientation.angle`. Raises ViewError for what is not
        finite, and then keeps what it had.
        """
        if not (math.isfinite(time_s) and math.isfinite(screen_rad)):
            raise ViewError(f"time {time_s} s or screen angle {screen_rad} rad is not finite; leave that sample out")
        self._pose = unit(pose)
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        if self._time_s is None or not 0 <= step_s <= self.settings.gap_s:
            self.recentre()
            step_s = 0.0
        self._time_s = time_s
        value, rate = self._filter.update(step_s, self._follow(step_s))
        lead = soft_limit(scaled(rate, self.settings.lead_s), self.settings.lead_limit_rad)
        self._glide = scaled(self._glide, math.exp(-step_s / self.settings.glide_s))
        self._shown = (value[0] + lead[0] + self._glide[0], value[1] + lead[1] + self._glide[1])
        return stone_tilt(turn_to_screen(soft_limit(self._shown, self.settings.limit_rad), screen_rad))

    def recentre(self) -> None:
        """Take the pose that is held as the neutral one. What is shown goes there gently, from where it is."""
        self._neutral = self._pose
        self._glide = self._shown
        self._filter.restart()

    def _follow(self, step_s: float) -> Vector2:
        """Return how far the phone is swung from its neutral pose, which is drawn after it by a step of time."""
        x, y = swing(product(conjugate(self._neutral), self._pose))
        keep = math.exp(-step_s / self.settings.recentre_s)
        angle, leash = math.sqrt(x * x + y * y), LEASH * self.settings.limit_rad
        if angle > leash:
            keep *= leash / angle
        x, y = x * keep, y * keep
        self._neutral = unit(product(self._pose, from_rotation_vector(-x, -y, 0.0)))  # its twist goes: no tilt needs it
        return x, y


def turn_to_screen(vector: Vector2, screen_rad: float) -> Vector2:
    """Return a vector along the device's x and y as one along the screen's, x right and y up as it is held.

    W3C Screen Orientation: the angle tells how far the device is turned counterclockwise from its natural orientation.
    """
    cos_s, sin_s = math.cos(screen_rad), math.sin(screen_rad)
    return cos_s * vector[0] - sin_s * vector[1], sin_s * vector[0] + cos_s * vector[1]


def stone_tilt(swung: Vector2) -> StoneTilt:
    """Return the tilt at which a stone sees its viewer where a swing (x, y) of the screen, below pi / 2, puts it.

    R_roll R_pitch and the swing then differ by a twist about the view axis alone, so that a light at the zenith
    stands in the stone frame where it would.
    """
    x, y = swung
    angle = math.sqrt(x * x + y * y)
    share = 1 - angle * angle / 6 if angle < 1e-4 else math.sin(angle) / angle  # the rest of the series is below 1e-18
    return StoneTilt(math.atan2(share * x, math.cos(angle)), math.asin(share * y))
