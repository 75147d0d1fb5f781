"""Light at the border of two media, for one ray: each formula once, as scalar kernels.

Directions are unit vectors along which light travels. A normal points against the incident ray. `cos_i` is the cosine
between them, 0..1; `eta` is the index beyond the border over the index before it, 1.54 from air into quartz.
"""

from __future__ import annotations

import math
from typing import TypeVar

from geodfx.jit import Packet, kernel

__all__ = [
    "bend",
    "brewster_angle",
    "critical_angle",
    "fresnel",
    "fresnel_polarised",
    "minimum_deviation",
    "reflect",
    "reflected_shares",
    "refract",
]

Vector = tuple[float, float, float]
Number = TypeVar("Number", float, Packet)  # `if` is not asked of either


@kernel
def fresnel_polarised(cos_i: float, eta: float) -> tuple[float, float]:
    """Return the reflectances (s, p) of a smooth border between clear media. Born & Wolf 1999, 1.5.2.

    Beyond the critical angle both are 1.
    """
    squared = eta * eta - 1.0 + cos_i * cos_i  # (eta cos_t)^2
    return (1.0, 1.0) if squared <= 0.0 else reflected_shares(cos_i, math.sqrt(squared), eta)


@kernel
def reflected_shares(cos_i: Number, inner: Number, eta: float) -> tuple[Number, Number]:
    """Return the reflectances (s, p); inner: eta times the refracted ray's cosine, 0 beyond the critical angle."""
    s = (cos_i - inner) / (cos_i + inner)
    p = (eta * eta * cos_i - inner) / (eta * eta * cos_i + inner)
    return s * s, p * p


@kernel
def fresnel(cos_i: float, eta: float) -> float:
    """Return the reflectance for unpolarised light, the mean of s and p. Born & Wolf 1999, 1.5.2."""
    s, p = fresnel_polarised(cos_i, eta)
    return 0.5 * (s + p)


@kernel
def reflect(dx: Number, dy: Number, dz: Number, nx: Number, ny: Number, nz: Number) -> tuple[Number, Number, Number]:
    """Return the direction d - 2 (d . n) n; the sign of n does not matter."""
    twice = 2.0 * (dx * nx + dy * ny + dz * nz)
    return dx - twice * nx, dy - twice * ny, dz - twice * nz


@kernel
def refract(dx: float, dy: float, dz: float, nx: float, ny: float, nz: float, eta: float) -> Vector:
    """Return the refracted direction by Snell's law, or (0, 0, 0) where all is reflected. Glassner 1989, 2.3.

    The tangential part of index times direction is kept: t = d / eta + (cos_i / eta - cos_t) n.
    """
    cos_i = -(dx * nx + dy * ny + dz * nz)
    squared = 1.0 - (1.0 - cos_i * cos_i) / (eta * eta)
    if squared <= 0.0:
        return 0.0, 0.0, 0.0
    return bend(dx, dy, dz, nx, ny, nz, cos_i / eta - math.sqrt(squared), eta)


@kernel
def bend(
    dx: Number, dy: Number, dz: Number, nx: Number, ny: Number, nz: Number, along: Number, eta: float
) -> tuple[Number, Number, Number]:
    """Return d / eta + along n: the refracted direction, where along is cos_i / eta - cos_t."""
    return dx / eta + along * nx, dy / eta + along * ny, dz / eta + along * nz


def critical_angle(index: float) -> float:
    """Return the angle to the normal, in radians, beyond which light inside is wholly reflected: asin(1 / n)."""
    return math.asin(1.0 / index)


def brewster_angle(eta: float) -> float:
    """Return the angle of incidence, in radians, at which p light is not reflected: atan(eta). Born & Wolf 1.5.3."""
    return math.atan(eta)


def minimum_deviation(index: float, apex: float) -> float:
    """Return a prism's least deviation, in radians: 2 asin(n sin(A / 2)) - A. Born & Wolf 1999, 4.7.2."""
    return 2.0 * math.asin(index * math.sin(0.5 * apex)) - apex
