"""The angular functions of the model: PTM, HSH and dome terms, the lobe kernel, directions on a chart.

Directions are unit vectors in the stone frame (x right, y up, z to the camera) that point away from the stone.

Angles between directions are measured as squared chords, q = |a - b|^2 = 2 (1 - cos). The map from the sphere to
chords keeps areas (Lambert's azimuthal projection): a disc of angular radius r covers pi q_r there and
2 pi (1 - cos r) = pi q_r on the sphere. So a kernel whose integral over q is kept, keeps energy, with no trigonometry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from geodfx.arrays import F64, I64
from geodfx.constants import DOME_SIDE, HSH_HORIZON_RAD, LIGHT_EDGE, MIN_LIGHT_RADIUS_RAD
from geodfx.jit import kernel

__all__ = [
    "GOLDEN_TURN",
    "TERMS",
    "chart_decode",
    "chart_encode",
    "chart_point",
    "disc_averages",
    "dome_nodes",
    "edge_share",
    "evaluate",
    "even_directions",
    "flat_points",
    "formed_chord",
    "horizon_share",
    "light_kernel",
    "lobe_ramp",
    "lobe_reach",
    "lobe_response",
    "ramp_line",
    "spiral_directions",
]


def _dome_places() -> I64:
    """Return column and row (T, 2) on the chart's grid of the nodes that directions above the horizon look at."""
    away = np.abs(np.arange(DOME_SIDE) - (DOME_SIDE - 1) / 2) - 2
    near = np.maximum(away * DOME_STEP, 0) ** 2
    rows, columns = np.nonzero(near[:, None] + near < 2)
    return np.stack([columns, rows], axis=1)


GOLDEN_TURN = math.pi * (3 - math.sqrt(5))
DISC_POINTS = 256  # at which a disc light is averaged
DOME_STEP = 2 * math.sqrt(2) / (DOME_SIDE - 3)  # between nodes on the chart: 9 degrees at the zenith
_DOME = _dome_places()
TERMS = {"ptm": 6, "hsh": 9, "dome": len(_DOME)}  # how many functions each basis has


def evaluate(basis: str, directions: F64) -> F64:
    """Return the terms of a basis, (L, T), at unit directions (L, 3); z below the horizon counts as on it.

    ptm: x^2, y^2, xy, x, y, 1 (Malzbender 2001). hsh: nine hemispherical harmonics (Gautron 2004), in the scaling and
    order of .rti files. dome: what each node of a grid on the chart adds to the value between them, by the cubics of
    Catmull and Rom (1974); they sum to 1.
    """
    if basis == "dome":
        return _between_nodes(chart_encode(directions))
    x, y, z = np.asarray(directions, np.float64).T
    if basis == "ptm":
        return np.stack([x * x, y * y, x * y, x, y, np.ones_like(x)], axis=1)
    if basis != "hsh":
        raise ValueError(f"basis {basis!r} is not one of {sorted(TERMS)}")
    c = np.clip(z, math.sin(HSH_HORIZON_RAD), 1.0)  # cos(theta)
    s = np.sqrt(np.maximum(c - c * c, 0.0))
    rim = np.hypot(x, y)
    cos_p = np.divide(x, rim, out=np.ones_like(x), where=rim > 0)
    sin_p = np.divide(y, rim, out=np.zeros_like(x), where=rim > 0)
    cos_2p, sin_2p = cos_p * cos_p - sin_p * sin_p, 2 * sin_p * cos_p
    pi = math.pi
    return np.stack(
        [
            np.full_like(x, 1 / math.sqrt(2 * pi)),
            math.sqrt(6 / pi) * cos_p * s,
            math.sqrt(3 / (2 * pi)) * (2 * c - 1),
            math.sqrt(6 / pi) * sin_p * s,
            math.sqrt(30 / pi) * cos_2p * (c * c - c),
            math.sqrt(30 / pi) * cos_p * (2 * c - 1) * s,
            math.sqrt(5 / (2 * pi)) * (1 - 6 * c + 6 * c * c),
            math.sqrt(30 / pi) * sin_p * (2 * c - 1) * s,
            math.sqrt(30 / pi) * sin_2p * (c * c - c),
        ],
        axis=1,
    )


@cache
def dome_nodes() -> F64:
    """Return the directions (T, 3) at which a dome's terms are what is seen; nodes beyond the horizon stand on it."""
    points = ((_DOME - (DOME_SIDE - 1) / 2) * DOME_STEP).astype(np.float32)
    return np.array([chart_decode(a, b) for a, b in points], np.float64)


def _between_nodes(points: F64) -> F64:
    """Return the dome's terms (L, T) at points (L, 2) of the chart."""
    place = points / DOME_STEP + (DOME_SIDE - 1) / 2
    first = np.clip(np.floor(place), 1, DOME_SIDE - 3)
    t = (place - first)[..., None]
    cubics = np.array([[0, -0.5, 1, -0.5], [1, 0, -2.5, 1.5], [0, 0.5, 2, -1.5], [0, 0, -0.5, 0.5]])
    along = np.concatenate([np.ones_like(t), t, t * t, t * t * t], axis=-1) @ cubics.T
    squares = np.zeros((len(points), DOME_SIDE, DOME_SIDE))
    near = first.astype(np.int64)[..., None] + np.arange(-1, 3)
    every = np.arange(len(points))[:, None, None]
    squares[every, near[:, 1, :, None], near[:, 0, None, :]] = along[:, 1, :, None] * along[:, 0, None, :]
    return squares[:, _DOME[:, 1], _DOME[:, 0]]


def light_kernel(radius_rad: float) -> tuple[float, float, float]:
    """Return (radiance, area, blur) of a disc light of intensity 1, as `lobe_response` takes them.

    radiance: at the disc's middle, in white-card units, 1 / (2 (1 - cos r)).
    area: squared chord at which the edge's ramp is at half, 2 - cos(r (1 - e)) - cos(r (1 + e)).
    blur: variance a coordinate of a sharp lobe that would soften the edge as much as the ramp does.
    """
    r = min(max(radius_rad, MIN_LIGHT_RADIUS_RAD), math.pi / (1 + LIGHT_EDGE))
    inner, outer = math.cos(r * (1 - LIGHT_EDGE)), math.cos(r * (1 + LIGHT_EDGE))
    area = 2 - inner - outer
    ramp = inner - outer  # half the ramp's width in the squared chord
    return 0.5 / (1 - math.cos(r)), area, ramp * ramp / (12 * area)


@kernel
def lobe_response(q: np.float32, area: np.float32, variance: np.float32) -> np.float32:
    """Share of a disc light's radiance that a lobe sees, 0..1; over the sphere it sums to pi area at any width.

    q: squared chord from the lobe's direction to the light's. area: of `light_kernel`. variance: of the lobe and the
    light's blur, added, in squared chords a coordinate. A disc blurred so is told by two moments: the integral over q
    and that of q times it, area^2 / 2 + 2 area variance. A linear ramp around `area` keeps both while the blur is
    less than the disc; a cone in q (Epanechnikov's kernel) keeps both beyond.
    """
    spread = np.float32(12.0) * variance
    if spread <= area:
        half = np.sqrt(area * spread)
        if q <= area - half:
            return np.float32(1.0)
        return max(np.float32(0.0), np.float32(0.5) * (area + half - q) / half)
    reach = np.float32(1.5) * area + np.float32(0.5) * spread
    return max(np.float32(0.0), np.float32(2.0) * area / reach * (np.float32(1.0) - q / reach))


@kernel
def lobe_reach(area: np.float32, variance: np.float32) -> np.float32:
    """Return the chord from a round lobe beyond which its `lobe_response` to a light is 0."""
    spread = np.float32(12.0) * variance
    disc, cone = area + np.sqrt(area * spread), np.float32(1.5) * area + np.float32(0.5) * spread
    chord: np.float32 = np.sqrt(disc if spread <= area else cone)
    return chord


@kernel
def lobe_ramp(q: np.float32, area: np.float32, variance: np.float32) -> np.float32:
    """Return what `lobe_response` is where it is within 0 and 1, and beyond: it is linear in q."""
    spread = np.float32(12.0) * variance
    half = np.sqrt(area * spread)
    reach = np.float32(1.5) * area + np.float32(0.5) * spread
    ramp = np.float32(0.5) * (area + half - q) / half
    cone = np.float32(2.0) * area / reach * (np.float32(1.0) - q / reach)
    response: np.float32 = ramp if spread <= area else cone
    return response


@kernel
def ramp_line(area: np.float32, variance: np.float32) -> tuple[np.float32, np.float32]:
    """Return what `lobe_ramp` is at a squared chord of 0, and by how much it falls for one of 1."""
    most = lobe_ramp(np.float32(0.0), area, variance)
    return most, (most - lobe_ramp(area, area, variance)) / area


@kernel
def formed_chord(dx: np.float32, dy: np.float32, dz: np.float32, form_x: np.float32, form_y: np.float32) -> np.float32:
    """Return the squared chord that a lobe counts for a step (dx, dy, dz) from its direction to a light's.

    form: a vector s in the plane of x and y, shorter than 1, along which the lobe is 1 / sqrt(1 - s^2) times as long as
    across; (0, 0) for a round one.
    """
    along = dx * form_x + dy * form_y
    return dx * dx + dy * dy + dz * dz - along * along


@kernel
def edge_share(inside: np.float32) -> np.float32:
    """Return the share of a flash, 0..1, that an edge of its facet lets through; a logistic, half of it at the edge."""
    share: np.float32 = np.float32(1.0) / (np.float32(1.0) + np.exp(-max(inside, np.float32(-40.0))))
    return share


@cache
def _disc_spiral() -> tuple[F64, F64, F64]:
    """Return the numbers of DISC_POINTS points of a spiral, and cosine and sine of their turns."""
    i = np.arange(DISC_POINTS, dtype=np.float64)
    turn = i * math.pi * (3 - math.sqrt(5))
    return i + 0.5, np.cos(turn), np.sin(turn)


def even_directions(count: int, lowest_z: float = 0.0) -> F64:
    """Return unit directions (count, 3) spread evenly above a height: a spiral of equal areas (Vogel 1979)."""
    return spiral_directions(1 - (1 - lowest_z) * (np.arange(count) + 0.5) / count)


def spiral_directions(z: F64) -> F64:
    """Return unit directions (N, 3) of heights z (N,), each a golden turn from the one before."""
    turn = np.arange(len(z)) * GOLDEN_TURN
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1)


def disc_averages(basis: str, directions: F64, radius_rad: Sequence[float], measured_rad: float = 0.0) -> F64:
    """Return a basis' terms (N, T), averaged over disc lights; what lies below the horizon adds nothing.

    directions: (N, 3) unit. measured_rad: radius of the light under which a dome's terms were measured: they are light
    that is averaged already, and only what a larger light has more spreads them. The disc is a spiral of points of
    equal area (Vogel 1979).
    """
    own, number, cosine, sine = basis == "dome", *_disc_spiral()
    if len(directions) == 0:
        return np.zeros((0, TERMS[basis]))
    blurs = [math.sqrt(max(radius**2 - measured_rad**2, 0.0)) if own else radius for radius in radius_rad]
    q = np.array([light_kernel(blur)[1] for blur in blurs])[:, None] * number / DISC_POINTS
    across = np.array([_across(*direction) for direction in directions.tolist()])
    rim = np.sqrt(np.maximum(q - q * q / 4, 0.0))
    parts = np.stack([cosine * rim, sine * rim, 1 - q / 2], axis=2)
    u, v, middle = (each[:, None] for each in (across[:, 0], across[:, 1], directions))
    spread = parts[..., :1] * u + parts[..., 1:2] * v + parts[..., 2:] * middle
    terms = evaluate(basis, spread.reshape(-1, 3)).reshape(*spread.shape[:2], -1)
    if own:
        shares = [horizon_share(z, radius) for z, radius in zip(directions[:, 2].tolist(), radius_rad, strict=True)]
        above: F64 = np.array(shares)[:, None, None]
    else:
        above = (spread[..., 2:] > 0).astype(np.float64)
    averages: F64 = (terms * above).mean(axis=1)
    return averages


def _across(x: float, y: float, z: float) -> tuple[list[float], list[float]]:
    """Return two unit vectors across a direction and across each other."""
    u = np.array([0.0, z, -y]) if abs(x) < 0.9 else np.array([-z, 0.0, x])
    a, b, c = (u / np.linalg.norm(u)).tolist()
    return [a, b, c], [y * c - z * b, z * a - x * c, x * b - y * a]


def horizon_share(z: float, radius_rad: float) -> float:
    """Share of a light that counts, 0..1, for z of its direction: all above the horizon, none once its disc has set.

    A photo under a light low above the horizon holds what such a light shows, so that only setting lights fade.
    """
    height = math.sin(min(radius_rad, math.pi / 2)) + MIN_LIGHT_RADIUS_RAD
    return min(max(1 + z / height, 0.0), 1.0)


def chart_encode(directions: F64) -> F64:
    """Return points (..., 2) of directions (..., 3) with z >= 0 on the chart: a disc of radius sqrt(2).

    Lambert's azimuthal map (1772), which keeps areas and, unlike maps to a square, has no creases: what is straight on
    it for a few degrees is so on the sphere. A point's distance from the middle is the chord from the zenith.
    """
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    scale = 1 / np.sqrt(0.5 + 0.5 * np.maximum(z, 0))
    return np.stack([x * scale, y * scale], axis=-1)


def flat_points(directions: F64) -> F64:
    """Return where directions (N, 3) with z >= 0 lie for flat facets, (N, 3). See `chart_point`."""
    return np.concatenate([chart_encode(directions), np.ones((len(directions), 1))], axis=1)


@kernel
def chart_decode(a: np.float32, b: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    """Return the unit direction (x, y, z) of the nearest point of the chart. Inverse of `chart_encode`."""
    one, two = np.float32(1.0), np.float32(2.0)
    q = a * a + b * b
    if q > two:  # beyond the chart
        inside = np.sqrt(two / q)
        a, b, q = a * inside, b * inside, two
    scale = np.sqrt(one - np.float32(0.25) * q)
    return a * scale, b * scale, one - np.float32(0.5) * q


@kernel
def chart_point(a: np.float32, b: np.float32, flat: bool) -> tuple[np.float32, np.float32, np.float32]:
    """Return the point whose chords to others tell how far a direction of the chart lies from theirs.

    It lies on the unit sphere, or for a flat facet on a plane, where it is the chart's own and may lie beyond it.
    """
    if flat:
        return a, b, np.float32(1.0)
    return chart_decode(a, b)
