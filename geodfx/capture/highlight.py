"""The highlight on a chrome sphere, and the direction of the light that it mirrors.

A mirror ball seen from afar shows the light of direction d where its normal is half way between d and the view. The
map has a property that the averaging here rests on: equal areas of the picture show equal solid angles (4 / R^2
steradians a pixel), so that the mean direction of a light of any size is the plain mean over its highlight's pixels.
The mean in the picture is not: a light near the horizon would be drawn to the middle.

Directions are unit vectors (x right, y up, z to the camera). The camera is taken as distant: one at D sphere radii
shifts a light at angle a from the view by a / D or so. Photos are (H, W) float32, grey, linear, 0..1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64, Bool
from geodfx.capture.sphere_edges import Circle
from geodfx.errors import CalibrationError

__all__ = ["Spot", "angle_between", "find_highlight", "find_spot", "light_from_highlight"]

HORIZON = 0.7071  # of the radius: lights on the horizon are mirrored there, n.z = cos(45 degrees)
RIM = 0.98  # of the radius: beyond, the outline's own blur is seen
CLIPPED = 0.95  # of full scale, at and above which a photo cannot tell radiance: JPEG rings by a few codes
MIN_CLIPPED = 30  # pixels: a smaller flat top tells less of its middle than the slopes around it
SPOT_LEVEL = 0.5  # of the highlight's peak: pixels above belong to it
MIN_PIXELS = 50  # within the mirrored horizon: a radius of 6 pixels, or half of that where the frame cuts
MIN_PEAK = 0.02  # of full scale: darker is no mirror image of a light
MIN_CONTRAST = 3.0  # times the sphere's median: a matt ball has 2
MIN_NOISE = 12.0  # times the noise
SATIN_AREA = 0.03  # of the disc, a light of 20 degrees radius: a larger spot without a sharp edge is a satin sphere's
SATIN_LEVEL, SATIN_SHARE = 0.9, 0.7  # edge of a spot: less than this share of it is above this level of the peak
MAX_AREA = 0.3  # of the disc: a larger spot is not the mirror image of a light
FAINT_INSIDE = 0.2  # of a highlight beyond the horizon: what is fainter within it is a reflection of that


class Spot(NamedTuple):
    """Mirror directions of a highlight: over its core, where it is brightest, and over all that is above SPOT_LEVEL."""

    core: F64  # (3,) unit
    whole: F64  # (3,) unit


def find_highlight(photo: F32, circle: Circle, still: F32 | None = None) -> tuple[float, float]:
    """Return the point (x, y) of a photo where a sphere mirrors the middle of the light, in pixels, as Circle has them.

    still: (H, W), what is there under every light, such as windows and lamps; it is taken off. Raises CalibrationError
    if there is no highlight, or only one of a light below the horizon.
    """
    half = find_spot(photo, circle, still).core + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    return circle.x + circle.radius * float(half[0]), circle.y - circle.radius * float(half[1])


def light_from_highlight(point: tuple[float, float], circle: Circle) -> F64:
    """Return the direction (3,), unit, that a sphere mirrors at a point (x, y) of its picture, in pixels.

    Raises CalibrationError for a point outside the circle.
    """
    x, y = (point[0] - circle.x) / circle.radius, (circle.y - point[1]) / circle.radius
    if x * x + y * y >= 1:
        raise CalibrationError(
            f"highlight at ({point[0]:.1f}, {point[1]:.1f}) lies outside the sphere (circle x {circle.x:.1f}, "
            f"y {circle.y:.1f}, radius {circle.radius:.1f}); correct circle = [x, y, radius]"
        )
    direction: F64 = _mirrored(np.array([x]), np.array([y]))[0]
    return direction


def find_spot(photo: F32, circle: Circle, still: F32 | None) -> Spot:
    """Return the highlight of the one light above the horizon; see `find_highlight`."""
    height, width = photo.shape
    y, x = np.mgrid[:height, :width]
    x = (x + 0.5 - circle.x) / circle.radius
    y = (circle.y - y - 0.5) / circle.radius
    squared = x * x + y * y
    moving = photo if still is None else np.maximum(photo - still, 0)
    soft = np.asarray(cv2.GaussianBlur(moving, (0, 0), max(0.6, 0.006 * circle.radius)), np.float32)
    disc, inner = squared < RIM**2, squared < HORIZON**2
    if np.count_nonzero(inner) < MIN_PIXELS:
        raise CalibrationError(
            f"the sphere's circle (radius {circle.radius:.1f} pixels) shows too little of it; photograph it nearer, or "
            "correct circle = [x, y, radius]"
        )
    peak = _check_peak(moving, soft, disc, inner)
    spot = _choose(soft, disc & (soft > SPOT_LEVEL * peak), x, y)
    area = np.count_nonzero(spot) / np.count_nonzero(disc)
    if area > MAX_AREA:
        raise CalibrationError(
            f"no highlight on the sphere (its brightest part, {peak:.2f}, covers {100 * area:.0f}% of it, a light's "
            f"mirror image at most {100 * MAX_AREA:.0f}%); use a mirror-bright sphere or a smaller light"
        )
    whole = _mean_direction(x[spot], y[spot], np.maximum(soft[spot] - SPOT_LEVEL * peak, 0))
    if area > SATIN_AREA and np.count_nonzero(soft[spot] > SATIN_LEVEL * peak) < SATIN_SHARE * np.count_nonzero(spot):
        return Spot(_satin_direction(x[spot], y[spot], soft[spot]), whole)
    clipped = spot & (photo >= CLIPPED) & (photo <= 1)
    if np.count_nonzero(clipped) < max(MIN_CLIPPED, np.count_nonzero(spot) / 4):
        return Spot(whole, whole)
    # Clipped pixels are equal, though the light's are far above its glare's: those deep inside count more.
    depth = cv2.distanceTransform(clipped.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return Spot(_mean_direction(x[clipped], y[clipped], depth[clipped]), whole)


def _check_peak(moving: F32, soft: F32, disc: Bool, inner: Bool) -> float:
    """Return the brightest value within the mirrored horizon; raise CalibrationError if it can be no light's."""
    peak = float(soft[inner].max(initial=0))
    noise = 1.4826 * float(np.median(np.abs(moving - soft)[disc]))
    need = max(MIN_PEAK, MIN_CONTRAST * float(np.median(soft[disc])), MIN_NOISE * noise)
    outside = float(soft[disc & ~inner].max(initial=0))
    if outside > need and peak < max(need, FAINT_INSIDE * outside):
        raise _below_horizon(f"brightest {outside:.2f} beyond {HORIZON} of the sphere's radius, {peak:.2f} within")
    if peak < need:
        raise CalibrationError(
            f"no highlight on the sphere (brightest {peak:.2f}, need {need:.2f}); remove the photo, expose it longer, "
            "or correct circle = [x, y, radius]"
        )
    return peak


def _below_horizon(found: str) -> CalibrationError:
    remedy = "remove the photo, or correct circle = [x, y, radius]"
    return CalibrationError(f"highlight outside the mirrored horizon ({found}), of a light below it; {remedy}")


def _choose(soft: F32, bright: Bool, x: F64, y: F64) -> Bool:
    """Return the pixels of the bright spot that holds most light; a disc counts fully, a streak or a ring less."""
    _, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=8)
    label = labels[bright]
    weight = soft[bright].astype(np.float64)
    total = np.bincount(label, weight)
    area = np.maximum(np.bincount(label), 1)
    scale = np.maximum(total, 1e-12)
    mean_x, mean_y = np.bincount(label, weight * x[bright]) / scale, np.bincount(label, weight * y[bright]) / scale
    spread = np.bincount(label, weight * ((x[bright] - mean_x[label]) ** 2 + (y[bright] - mean_y[label]) ** 2)) / scale
    pixel = float(abs(x[0, 1] - x[0, 0])) ** 2
    compact = np.minimum(1, (area + 2) * pixel / (2 * np.pi * np.maximum(spread, pixel / 6)))
    within = mean_x**2 + mean_y**2 < HORIZON**2
    merit = total * compact**2 * within
    if not merit.max() > 0:
        beyond = float(np.hypot(mean_x, mean_y)[np.argmax(total)])
        raise _below_horizon(f"it lies at {beyond:.2f} of the sphere's radius, need {HORIZON}")
    chosen: Bool = labels == int(np.argmax(merit))
    return chosen


def _mean_direction(x: F64, y: F64, weight: npt.NDArray[Any]) -> F64:
    """Return the mean (3,), unit, of the directions mirrored at points of the unit disc."""
    total = weight.astype(np.float64) @ _mirrored(x, y)
    mean: F64 = total / np.linalg.norm(total)
    return mean


def _satin_direction(x: F64, y: F64, weight: F32) -> F64:
    """Return the direction (3,), unit, of the light that makes a broad highlight on a satin sphere.

    The small mirrors of a rough surface scatter about its normal, so the mean is one of normals; seen aslant there are
    more of them a pixel, so radiance is weighted by n.z (Torrance and Sparrow 1967: the off-specular peak). Good to
    about 6 degrees of elevation: what lies beyond the rim or is clipped is missing from the mean.
    """
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    normal = (weight * z) @ np.stack([x, y, z], axis=-1)
    normal /= np.linalg.norm(normal)
    direction: F64 = 2 * normal[2] * normal - np.array([0.0, 0.0, 1.0])
    return direction


def _mirrored(x: F64, y: F64) -> F64:
    """Return the directions (N, 3) mirrored at points of the unit disc, y up: 2 n.z n - z."""
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    return np.stack([2 * z * x, 2 * z * y, 2 * z * z - 1], axis=-1)


def angle_between(a: F64, b: F64) -> F64:
    """Return the angle between unit vectors (..., 3), exact for small ones too."""
    angle: F64 = 2 * np.arcsin(np.minimum(np.linalg.norm(a - b, axis=-1) / 2, 1))
    return angle
