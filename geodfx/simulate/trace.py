"""Ray chains through clear convex stones: one camera ray in, all its exits out.

At the entry surface glare splits off. Inside, at each face the part that passes is an exit and the rest is reflected
on, until less than MIN_WEIGHT is left. In a convex stone an exit meets no other face. Light is taken as
unpolarised at every face, as most renderers do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64, I64, U8
from geodfx.jit import kernel
from geodfx.simulate.exits import GLARE_PATH, MAX_BOUNCES, Exits, extend_path, jitter_normal, put_exit
from geodfx.simulate.inclusions import Inclusions, cross_inclusions
from geodfx.simulate.optics import fresnel, reflect, refract

__all__ = [
    "CURVED_FACE",
    "Glass",
    "Solids",
    "cross_curve",
    "enter_solids",
    "index_along",
    "trace_sample",
]

MIN_WEIGHT = 1e-4  # of the texel's light; what is left then is told as lost
CURVED_FACE = 1 << 20  # number of the curved surface among the faces
EDGE = 1e-12  # cosines and lengths below this count as none
INDEX_STEPS = 4  # fixed-point steps for the direction of an extraordinary ray; each gains a digit and a half
EXTRAORDINARY = 7919  # begins the path of an extraordinary ray, so that both kinds are lobes of their own


class Solids(NamedTuple):
    """One or more convex stones, stone frame; S solids with F planes together."""

    plane: F64  # (4, F) outward unit normal and distance from the origin, one coordinate a row
    first: I64  # (S + 1,) each solid's planes
    bound: F64  # (S, 4) centre and radius of a sphere around each
    beside: I64  # (N,) the faces that touch each face
    beside_first: I64  # (F + 1,) each face's part of it; nothing where they are not known
    opaque: U8  # (F,) 1: a face that takes in all light, a crystal's root
    curve: F64  # (7,) an ellipsoid that also bounds solid 0: centre, 1 / semi-axis^2, 1 if it is there or 0
    slope: float  # rms slope of the polish; 0: mirror
    root: F64  # (3,) colour of opaque faces


class Glass(NamedTuple):
    """Optics of a clear stone at the wavelengths of S samples, B bands each."""

    ordinary: F64  # (S, B) index
    extraordinary: F64  # (S, B) index of a wave across the optic axis; equal to `ordinary` where isotropic
    absorbance: F64  # (S, B) a stone width
    rgb: F64  # (S, B, 3) what a band adds to each channel
    axis: F64  # (3,) unit, the optic axis
    modes: int  # 1: isotropic; 2: an ordinary and an extraordinary ray, half the light each


@kernel
def index_along(ordinary: float, extraordinary: float, cosine: float) -> float:
    """Return the index of an extraordinary wave at a cosine to the optic axis. Born & Wolf 1999, 15.3.

    1 / n^2 = cos^2 / n_o^2 + sin^2 / n_e^2. The ray is taken along the wave's normal: off by 0.3 degrees in quartz,
    1.8 at most in zircon.
    """
    along = cosine * cosine
    return 1.0 / math.sqrt(along / (ordinary * ordinary) + (1.0 - along) / (extraordinary * extraordinary))


@kernel
def enter_solids(
    solids: Solids, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[float, int, int]:
    """Return (way, solid, face) of the first surface on a ray from outside; the solid is -1 if it meets none."""
    best, best_solid, best_face = math.inf, -1, -1
    for s in range(len(solids.first) - 1):
        cx, cy, cz = solids.bound[s, 0] - ox, solids.bound[s, 1] - oy, solids.bound[s, 2] - oz
        along = cx * dx + cy * dy + cz * dz
        if cx * cx + cy * cy + cz * cz - along * along > solids.bound[s, 3] * solids.bound[s, 3]:
            continue
        near, far, face = -math.inf, math.inf, -1
        for f in range(solids.first[s], solids.first[s + 1]):
            a, b, c = solids.plane[0, f], solids.plane[1, f], solids.plane[2, f]
            fall = a * dx + b * dy + c * dz
            gap = solids.plane[3, f] - (a * ox + b * oy + c * oz)
            if abs(fall) < EDGE:
                if gap < 0.0:
                    far = -math.inf
            elif fall < 0.0:
                if gap / fall > near:
                    near, face = gap / fall, f
            else:
                far = min(far, gap / fall)
        if s == 0 and solids.curve[6] > 0.0:
            curve_near, curve_far = cross_curve(solids.curve, ox, oy, oz, dx, dy, dz)
            if curve_near > near:
                near, face = curve_near, CURVED_FACE
            far = min(far, curve_far)
        if near < far - EDGE and 0.0 < near < best:
            best, best_solid, best_face = near, s, face
    return best, best_solid, best_face


@kernel
def cross_curve(curve: F64, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, float]:
    """Return where a ray enters and leaves the ellipsoid; (inf, -inf) if it misses."""
    x, y, z = ox - curve[0], oy - curve[1], oz - curve[2]
    a = dx * dx * curve[3] + dy * dy * curve[4] + dz * dz * curve[5]
    half = dx * x * curve[3] + dy * y * curve[4] + dz * z * curve[5]
    c = x * x * curve[3] + y * y * curve[4] + z * z * curve[5] - 1.0
    squared = half * half - a * c
    if squared <= 0.0:
        return math.inf, -math.inf
    root = math.sqrt(squared)
    return (-half - root) / a, (-half + root) / a


@kernel
def _leave(
    solids: Solids, exits: Exits, solid: int, x: float, y: float, z: float, dx: float, dy: float, dz: float
) -> tuple[float, int]:
    """Return (way, face) from inside a solid to its border."""
    first, last = solids.first[solid], solids.first[solid + 1]
    a, b, c = solids.plane[0, first:last], solids.plane[1, first:last], solids.plane[2, first:last]
    distance, ways = solids.plane[3, first:last], exits.scratch[: last - first]
    for f in range(len(a)):  # no branch in here, so that the compiler takes several planes at a time
        rise = a[f] * dx + b[f] * dy + c[f] * dz
        gap = distance[f] - (a[f] * x + b[f] * y + c[f] * z)
        ways[f] = gap / rise if rise > EDGE else math.inf
    best, face = math.inf, -1
    for f in range(len(ways)):
        if ways[f] < best:
            best, face = ways[f], first + f
    if solid == 0 and solids.curve[6] > 0.0:
        _, way = cross_curve(solids.curve, x, y, z, dx, dy, dz)
        if way < best:
            best, face = max(way, 0.0), CURVED_FACE
    return max(best, 0.0), face


@kernel
def _leaves_at(solids: Solids, face: int, x: float, y: float, z: float, dx: float, dy: float, dz: float) -> float:
    """Return the way to a face if the ray leaves there, else -1: the point must lie inside all faces that touch it."""
    rise = solids.plane[0, face] * dx + solids.plane[1, face] * dy + solids.plane[2, face] * dz
    first, last = solids.beside_first[face], solids.beside_first[face + 1]
    if rise <= EDGE or first == last:
        return -1.0
    gap = solids.plane[0, face] * x + solids.plane[1, face] * y + solids.plane[2, face] * z
    way: float = (solids.plane[3, face] - gap) / rise
    x, y, z = x + way * dx, y + way * dy, z + way * dz
    for k in range(first, last):
        f = solids.beside[k]
        if solids.plane[0, f] * x + solids.plane[1, f] * y + solids.plane[2, f] * z > solids.plane[3, f]:
            return -1.0
    return max(way, 0.0)


@kernel
def _normal(solids: Solids, face: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the outward unit normal of a face at a point."""
    if face != CURVED_FACE:
        return solids.plane[0, face], solids.plane[1, face], solids.plane[2, face]
    a = (x - solids.curve[0]) * solids.curve[3]
    b = (y - solids.curve[1]) * solids.curve[4]
    c = (z - solids.curve[2]) * solids.curve[5]
    size = math.sqrt(a * a + b * b + c * c)
    return a / size, b / size, c / size


@kernel
def trace_sample(
    solids: Solids,
    glass: Glass,
    inclusions: Inclusions,
    exits: Exits,
    sample: int,
    seed: np.uint32,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> bool:
    """Trace one camera ray at all bands of a sample into `exits`; tell whether it met a stone. `seed` is the texel's.

    The samples of a texel must come in order: faces of the sample before are where those of the next are looked for.
    """
    exits.filled[0] = 0
    exits.spread[:] = 0.0
    exits.lost[:] = 0.0
    if sample == 0:
        exits.trail[:] = -1
    way, solid, face = enter_solids(solids, ox, oy, oz, dx, dy, dz)
    if solid < 0:
        return False
    x, y, z = ox + way * dx, oy + way * dy, oz + way * dz
    nx, ny, nz = _normal(solids, face, x, y, z)
    exits.normal[0], exits.normal[1], exits.normal[2] = nx, ny, nz
    exits.face[0] = face
    if face != CURVED_FACE and solids.opaque[face] == 1:
        exits.spread[:] += solids.root
        return True
    nx, ny, nz = jitter_normal(nx, ny, nz, solids.slope, seed, sample, 0)
    cos_i = max(-(dx * nx + dy * ny + dz * nz), EDGE)
    gx, gy, gz = reflect(dx, dy, dz, nx, ny, nz)
    for band in range(glass.ordinary.shape[1]):
        no, ne = glass.ordinary[sample, band], glass.extraordinary[sample, band]
        for mode in range(glass.modes):
            share = 1.0 / glass.modes
            index, tx, ty, tz = _enter_crystal(glass, mode, no, ne, dx, dy, dz, nx, ny, nz)
            glare = fresnel(cos_i, index)
            put_exit(exits, x, y, z, gx, gy, gz, share * glare, band, np.uint32(GLARE_PATH))
            path = extend_path(np.uint32(GLARE_PATH), face)
            if mode == 1:
                path = extend_path(path, EXTRAORDINARY)
            _chain(
                solids, glass, inclusions, exits, solid, sample, band, mode, seed, path, share * (1.0 - glare),
                x, y, z, tx, ty, tz,
            )  # fmt: skip
    return True


@kernel
def _enter_crystal(
    glass: Glass,
    mode: int,
    no: float,
    ne: float,
    dx: float,
    dy: float,
    dz: float,
    nx: float,
    ny: float,
    nz: float,
) -> tuple[float, float, float, float]:
    """Return (index, direction) of the ray inside; the extraordinary index depends on the direction it leads to."""
    index = no
    tx, ty, tz = refract(dx, dy, dz, nx, ny, nz, index)
    if mode == 1:
        for _ in range(INDEX_STEPS):
            cosine = tx * glass.axis[0] + ty * glass.axis[1] + tz * glass.axis[2]
            index = index_along(no, ne, cosine)
            tx, ty, tz = refract(dx, dy, dz, nx, ny, nz, index)
    return index, tx, ty, tz


@kernel
def _chain(
    solids: Solids,
    glass: Glass,
    inclusions: Inclusions,
    exits: Exits,
    solid: int,
    sample: int,
    band: int,
    mode: int,
    seed: np.uint32,
    path: np.uint32,
    weight: float,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
) -> None:
    """Follow one ray inside until little is left of it."""
    no, ne = glass.ordinary[sample, band], glass.extraordinary[sample, band]
    absorbance = glass.absorbance[sample, band]
    index = no
    for bounce in range(1, MAX_BOUNCES + 1):
        way, face = -1.0, exits.trail[bounce]  # most often the band before left there, and only that is to be checked
        if solids.first[solid] <= face < solids.first[solid + 1]:
            way = _leaves_at(solids, face, x, y, z, dx, dy, dz)
        if way < 0.0:
            way, face = _leave(solids, exits, solid, x, y, z, dx, dy, dz)
            if face < 0:
                break
            exits.trail[bounce] = face if face != CURVED_FACE else -1
        scattered = 0.0
        if inclusions.total > 0:
            passed, albedo = cross_inclusions(inclusions, x, y, z, dx, dy, dz, way)
            scattered = weight * (1.0 - passed) * albedo
            weight *= passed
        weight *= math.exp(-absorbance * way)
        x, y, z = x + way * dx, y + way * dy, z + way * dz
        opaque = face != CURVED_FACE and solids.opaque[face] == 1
        for c in range(3):
            rgb = glass.rgb[sample, band, c]
            exits.spread[c] += rgb * (scattered + (weight * solids.root[c] if opaque else 0.0))
        if opaque:
            return
        nx, ny, nz = _normal(solids, face, x, y, z)
        nx, ny, nz = jitter_normal(nx, ny, nz, solids.slope, seed, sample, bounce)
        if mode == 1:
            index = index_along(no, ne, dx * glass.axis[0] + dy * glass.axis[1] + dz * glass.axis[2])
        cos_i = min(max(dx * nx + dy * ny + dz * nz, EDGE), 1.0)
        reflected = fresnel(cos_i, 1.0 / index)
        path = extend_path(path, face)
        if reflected < 1.0:
            tx, ty, tz = refract(dx, dy, dz, -nx, -ny, -nz, 1.0 / index)
            put_exit(exits, x, y, z, tx, ty, tz, weight * (1.0 - reflected), band, path)
        weight *= reflected
        if weight < MIN_WEIGHT:
            break
        dx, dy, dz = reflect(dx, dy, dz, nx, ny, nz)
    for c in range(3):
        exits.lost[c] += glass.rgb[sample, band, c] * weight
