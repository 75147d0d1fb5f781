"""Unit quaternions of poses: w first, right-handed; they take a vector in the device's axes to the earth's.

Device axes: x right, y up the screen, z out of it to the viewer, in the device's natural orientation. No step goes
through Euler angles, so that nothing is singular where a phone is upright (beta = 90 degrees).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from geodfx.errors import ViewError

__all__ = [
    "Quaternion",
    "conjugate",
    "from_device_angles",
    "from_matrix",
    "from_rotation_vector",
    "nearest_sign",
    "product",
    "swing",
    "unit",
]

SMALLEST = 1e-12  # below this a length has no direction: far below what a sensor tells, far above rounding
MATRIX_TOLERANCE = 1e-3  # of rows' lengths and angles; a device that tells single precision is within 1e-6


class Quaternion(NamedTuple):
    """Cosine of half the angle, then the axis times the sine of half the angle."""

    w: float
    x: float
    y: float
    z: float


def product(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the rotation b followed by a."""
    return Quaternion(
        a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
        a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
        a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
        a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
    )


def conjugate(q: Quaternion) -> Quaternion:
    """Return the way back, of a unit quaternion."""
    return Quaternion(q.w, -q.x, -q.y, -q.z)


def unit(q: Quaternion) -> Quaternion:
    """Return q at length 1. Raises ViewError for one that has no length or is not finite."""
    length = math.sqrt(q.w * q.w + q.x * q.x + q.y * q.y + q.z * q.z)
    if not SMALLEST < length < math.inf:
        raise ViewError(f"orientation {tuple(q)} is not a rotation; give a unit quaternion, w first")
    return Quaternion(q.w / length, q.x / length, q.y / length, q.z / length)


def nearest_sign(q: Quaternion, reference: Quaternion) -> Quaternion:
    """Return q or -q, the same rotation, whichever is nearer to a reference: so that a series has no jump in sign."""
    if q.w * reference.w + q.x * reference.x + q.y * reference.y + q.z * reference.z < 0:
        return Quaternion(-q.w, -q.x, -q.y, -q.z)
    return q


def from_device_angles(alpha_rad: float, beta_rad: float, gamma_rad: float) -> Quaternion:
    """Return the pose that a DeviceOrientation event tells: turns about z, then the new x, then the new y.

    W3C Device Orientation, intrinsic Z-X'-Y''.
    """
    cos_a, sin_a = math.cos(alpha_rad / 2), math.sin(alpha_rad / 2)
    cos_b, sin_b = math.cos(beta_rad / 2), math.sin(beta_rad / 2)
    cos_c, sin_c = math.cos(gamma_rad / 2), math.sin(gamma_rad / 2)
    return Quaternion(
        cos_a * cos_b * cos_c - sin_a * sin_b * sin_c,
        cos_a * sin_b * cos_c - sin_a * cos_b * sin_c,
        cos_a * cos_b * sin_c + sin_a * sin_b * cos_c,
        sin_a * cos_b * cos_c + cos_a * sin_b * sin_c,
    )


def from_matrix(rows: Sequence[Sequence[float]]) -> Quaternion:
    """Return the pose of a rotation matrix (3, 3), by its largest component (Shepperd 1978). Raises ViewError.

    The columns are the device's axes in the earth's.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = ((float(a), float(b), float(c)) for a, b, c in rows)
    _check_rotation((xx, xy, xz), (yx, yy, yz), (zx, zy, zz))
    trace = xx + yy + zz
    largest = max(trace, xx, yy, zz)
    if largest == trace:
        return unit(Quaternion(1 + trace, zy - yz, xz - zx, yx - xy))
    if largest == xx:
        return unit(Quaternion(zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx))
    if largest == yy:
        return unit(Quaternion(xz - zx, xy + yx, 1 + yy - zz - xx, yz + zy))
    return unit(Quaternion(yx - xy, xz + zx, yz + zy, 1 + zz - xx - yy))


def from_rotation_vector(x: float, y: float, z: float) -> Quaternion:
    """Return the turn about an axis by the vector's length in radians."""
    angle = math.sqrt(x * x + y * y + z * z)
    share = 0.5 if angle < SMALLEST else math.sin(angle / 2) / angle
    return Quaternion(math.cos(angle / 2), share * x, share * y, share * z)


def swing(q: Quaternion) -> tuple[float, float]:
    """Return x and y of the rotation vector, z = 0, that is left of a turn when its twist about z is taken off.

    q = twist swing: the axis lies in the plane of the screen as it is held now, the length is the angle that its
    normal has moved, 0 to pi. At pi the axis is open, and any is returned.
    """
    across, along = math.sqrt(q.x * q.x + q.y * q.y), math.sqrt(q.w * q.w + q.z * q.z)  # sine, cosine of half the angle
    angle = 2 * math.atan2(across, along)
    twist_w, twist_z = (1.0, 0.0) if along < SMALLEST else (q.w / along, q.z / along)
    share = 2.0 if across < SMALLEST else angle / across
    return share * (twist_w * q.x + twist_z * q.y), share * (twist_w * q.y - twist_z * q.x)


def _check_rotation(*rows: tuple[float, float, float]) -> None:
    first, second, third = rows
    turned = (
        first[1] * second[2] - first[2] * second[1],
        first[2] * second[0] - first[0] * second[2],
        first[0] * second[1] - first[1] * second[0],
    )
    lengths = (sum(value * value for value in row) for row in (first, second))
    worst = [abs(length - 1) for length in lengths] + [abs(a - b) for a, b in zip(turned, third, strict=True)]
    if not all(error <= MATRIX_TOLERANCE for error in worst):  # NaN is not
        raise ViewError(f"matrix {[list(row) for row in rows]} is not a rotation; give orthonormal right-handed rows")
