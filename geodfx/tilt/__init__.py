"""From a phone's motion to the stone's tilt, in steps that a page takes likewise: numbers in, numbers out, no clock.

    DeviceOrientation angles, or a rotation matrix
      -> unit quaternion, device axes to the earth's          quaternion: from_device_angles, from_matrix
      -> turn from the neutral pose, which drifts after       tracker: TiltTracker, quaternion: swing
         the phone, without its twist: (x, y), radians
      -> calm at rest, quick in motion, a frame ahead         filter: OneEuroFilter
      -> below a limit                                        filter: soft_limit
      -> along the screen's axes, as it is held               tracker: turn_to_screen
      -> pitch and roll of the stone                          tracker: stone_tilt

    tracker = TiltTracker()
    tilt = geodfx.Tilt(*tracker.update(time_s, from_device_angles(alpha, beta, gamma), screen_rad))    once a frame
    replay(read_trace("held.csv"))                                                                     (N, 2)

Angles are radians. The stone follows the phone as if it lay on the screen: the top edge towards the viewer is
pitch > 0, the right edge away is roll > 0. `hold` makes up the motion of a hand.
"""

from __future__ import annotations

from geodfx.tilt.hand import Hand, hold
from geodfx.tilt.quaternion import Quaternion, from_device_angles, from_matrix
from geodfx.tilt.trace import Trace, read_trace, replay, trace_text
from geodfx.tilt.tracker import StoneTilt, TiltSettings, TiltTracker

__all__ = [
    "Hand",
    "Quaternion",
    "StoneTilt",
    "TiltSettings",
    "TiltTracker",
    "Trace",
    "from_device_angles",
    "from_matrix",
    "hold",
    "read_trace",
    "replay",
    "trace_text",
]
