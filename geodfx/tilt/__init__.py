"""From a phone's motion to the stone's tilt, in steps that a page takes likewise: numbers in, numbers out, no clock."""

from __future__ import annotations

from geodfx.tilt.quaternion import Quaternion, from_device_angles, from_matrix

__all__ = ["Quaternion", "from_device_angles", "from_matrix"]
