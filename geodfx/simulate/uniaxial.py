"""The extraordinary wave of a uniaxial crystal at a border, in closed form, as scalar kernels.

A wave is told by its wave vector k, in units of that in a vacuum: the unit normal times the index that it meets. Its
tip lies on an ellipsoid, k . M k = 1 with M = 1 / n_e^2 + (1 / n_o^2 - 1 / n_e^2) c c, c being the optic axis. Light
runs along that surface's normal, M k, and not along k: away from it by the walk-off angle, towards the axis where
n_e > n_o. Born & Wolf 1999, 15.2 and 15.3. At a border the part of k along it is kept; the rest solves a quadratic.

Reflectances are those of a glass: its wave vector has the same part along the border, and across it the mean of the
incident and the mirrored wave's. So light that goes back the same way is reflected and passed on alike.
"""

from __future__ import annotations

import math

from geodfx.arrays import F64
from geodfx.jit import kernel
from geodfx.rays.optics import Vector, fresnel

__all__ = ["enter_uniaxial", "leave_uniaxial", "mirror_uniaxial", "ray_direction", "reflectance_inside"]


@kernel
def _stretch(x: float, y: float, z: float, no: float, ne: float, axis: F64) -> Vector:
    """Return M times a vector; `axis` (3,) is unit."""
    across = 1.0 / (ne * ne)
    along = (x * axis[0] + y * axis[1] + z * axis[2]) * (1.0 / (no * no) - across)
    return across * x + along * axis[0], across * y + along * axis[1], across * z + along * axis[2]


@kernel
def ray_direction(kx: float, ky: float, kz: float, no: float, ne: float, axis: F64) -> Vector:
    """Return the unit direction in which the light of a wave runs."""
    sx, sy, sz = _stretch(kx, ky, kz, no, ne, axis)
    size = math.sqrt(sx * sx + sy * sy + sz * sz)
    return sx / size, sy / size, sz / size


@kernel
def enter_uniaxial(
    dx: float, dy: float, dz: float, nx: float, ny: float, nz: float, no: float, ne: float, axis: F64
) -> Vector:
    """Return the wave vector inside of light from air along d; the normal n points against it."""
    along = dx * nx + dy * ny + dz * nz
    tx, ty, tz = dx - along * nx, dy - along * ny, dz - along * nz
    ux, uy, uz = _stretch(nx, ny, nz, no, ne, axis)
    vx, vy, vz = _stretch(tx, ty, tz, no, ne, axis)
    a, b = nx * ux + ny * uy + nz * uz, tx * ux + ty * uy + tz * uz
    squared = b * b - a * (tx * vx + ty * vy + tz * vz - 1.0)
    q = (-b - math.sqrt(max(squared, 0.0))) / a  # of both roots the one whose ray runs inwards
    return tx + q * nx, ty + q * ny, tz + q * nz


@kernel
def mirror_uniaxial(
    kx: float, ky: float, kz: float, nx: float, ny: float, nz: float, no: float, ne: float, axis: F64
) -> Vector:
    """Return the wave vector k - 2 (n . M k) / (n . M n) n of the mirrored extraordinary wave: the other root."""
    ux, uy, uz = _stretch(nx, ny, nz, no, ne, axis)
    twice = 2.0 * (kx * ux + ky * uy + kz * uz) / (nx * ux + ny * uy + nz * uz)
    return kx - twice * nx, ky - twice * ny, kz - twice * nz


@kernel
def leave_uniaxial(kx: float, ky: float, kz: float, nx: float, ny: float, nz: float) -> Vector:
    """Return the direction in air, unit where there is one, of a wave k that passes a face; its normal is outward."""
    along = kx * nx + ky * ny + kz * nz
    tx, ty, tz = kx - along * nx, ky - along * ny, kz - along * nz
    out = math.sqrt(max(1.0 - (tx * tx + ty * ty + tz * tz), 0.0))
    return tx + out * nx, ty + out * ny, tz + out * nz


@kernel
def reflectance_inside(
    kx: float, ky: float, kz: float, mx: float, my: float, mz: float, nx: float, ny: float, nz: float
) -> float:
    """Return the reflectance of a face towards air, 0..1, for a wave k and its mirrored wave m, in either order."""
    across = 0.5 * abs((kx - mx) * nx + (ky - my) * ny + (kz - mz) * nz)
    along = kx * nx + ky * ny + kz * nz
    tx, ty, tz = kx - along * nx, ky - along * ny, kz - along * nz
    index = math.sqrt(tx * tx + ty * ty + tz * tz + across * across)
    return fresnel(across / index, 1.0 / index)
