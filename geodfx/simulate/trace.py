"""Ray chains through clear convex stones: one camera ray in, all its exits out.

At the entry surface glare splits off. Inside, at each face the part that passes is an exit and the rest is reflected
on, until less than MIN_WEIGHT is left. In a convex stone an exit meets no other face. Light is taken as
unpolarised at every face, as most renderers do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from geodfx.arrays import F64
from geodfx.jit import kernel
from geodfx.rays.optics import fresnel, reflect, refract
from geodfx.simulate.exits import (
    GLARE_PATH,
    MAX_ASIDE,
    MAX_BOUNCES,
    MAX_CHAINS,
    MAX_EXITS,
    Exits,
    extend_path,
    jitter_normal,
    put_exit,
)
from geodfx.simulate.hits import CURVED_FACE, EDGE, Solids, enter_solids, leave_solid, leaves_at, normal_at
from geodfx.simulate.inclusions import Inclusions, cross_inclusions, film_normal, meet_film
from geodfx.simulate.uniaxial import (
    enter_uniaxial,
    leave_uniaxial,
    mirror_uniaxial,
    ray_direction,
    reflectance_inside,
)

__all__ = ["Glass", "trace_sample"]

MIN_WEIGHT = 1e-4  # of the texel's light, over all kinds of ray; what is left then is told as lost
MIN_SPLIT = 1e-3  # of the texel's light; of less a film's part is not split off
MOST_EXITS = MAX_EXITS - (MAX_CHAINS + 1) * (MAX_BOUNCES + 1)  # beyond, what films mirror is told as lost
FEATHERS = 1 << 21  # number of the first feather among the faces of a path
EXTRAORDINARY = 7919  # begins the path of an extraordinary ray, so that both kinds are lobes of their own


class Glass(NamedTuple):
    """Optics of a clear stone at the wavelengths of S samples, B bands each."""

    ordinary: F64  # (S, B) index
    extraordinary: F64  # (S, B) index of a wave across the optic axis; equal to `ordinary` where isotropic
    absorbance: F64  # (S, B) a stone width
    rgb: F64  # (S, B, 3) what a band adds to each channel
    axis: F64  # (3,) unit, the optic axis
    modes: int  # 1: isotropic; 2: an ordinary and an extraordinary ray, half the light each


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
    exits.body[:] = 0.0
    exits.spread[:] = 0.0
    exits.lost[:] = 0.0
    if sample == 0:
        exits.trail[:] = -1
    way, solid, face = enter_solids(solids, ox, oy, oz, dx, dy, dz)
    if solid < 0:
        return False
    x, y, z = ox + way * dx, oy + way * dy, oz + way * dz
    nx, ny, nz = normal_at(solids, face, x, y, z)
    exits.place[0], exits.place[1], exits.place[2] = x, y, z
    exits.normal[0], exits.normal[1], exits.normal[2] = nx, ny, nz
    exits.face[0] = face
    if face != CURVED_FACE and solids.opaque[face] == 1:
        exits.body[:] += solids.root
        return True
    bands, share = glass.ordinary.shape[1], 1.0 / glass.modes
    for band in range(bands):
        no, ne = glass.ordinary[sample, band], glass.extraordinary[sample, band]
        for mode in range(glass.modes):
            draw = (sample * bands + band) * glass.modes + mode  # slopes of its own: a rough polish is less grainy
            mx, my, mz = jitter_normal(nx, ny, nz, solids.slope, seed, draw, 0)
            cos_i = max(-(dx * mx + dy * my + dz * mz), EDGE)
            gx, gy, gz = reflect(dx, dy, dz, mx, my, mz)
            glare, kx, ky, kz = _enter(glass, mode, no, ne, dx, dy, dz, mx, my, mz, cos_i)
            put_exit(exits, x, y, z, gx, gy, gz, share * glare, band, np.uint32(GLARE_PATH))
            path = extend_path(np.uint32(GLARE_PATH), face)
            if mode == 1:
                path = extend_path(path, EXTRAORDINARY)
            exits.aside_filled[0] = 0
            _chain(
                solids, glass, inclusions, exits, solid, sample, band, mode, seed, draw, 0, True, path,
                share * (1.0 - glare), x, y, z, kx, ky, kz,
            )  # fmt: skip
            for i in range(exits.aside_filled[0]):
                weight, px, py, pz, kx, ky, kz, bounce = exits.aside[i]
                if exits.filled[0] > MOST_EXITS:
                    _spread(exits.lost, glass.rgb[sample, band], weight)
                    continue
                _chain(
                    solids, glass, inclusions, exits, solid, sample, band, mode, seed, draw, int(bounce), False,
                    exits.aside_path[i], weight, px, py, pz, kx, ky, kz,
                )  # fmt: skip
    return True


@kernel
def _enter(
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
    cos_i: float,
) -> tuple[float, float, float, float]:
    """Return (reflectance, k) of what enters; k is an ordinary ray's unit direction, else the wave vector."""
    if mode == 0:
        tx, ty, tz = refract(dx, dy, dz, nx, ny, nz, no)
        return fresnel(cos_i, no), tx, ty, tz
    kx, ky, kz = enter_uniaxial(dx, dy, dz, nx, ny, nz, no, ne, glass.axis)
    mx, my, mz = mirror_uniaxial(kx, ky, kz, nx, ny, nz, no, ne, glass.axis)
    return reflectance_inside(kx, ky, kz, mx, my, mz, nx, ny, nz), kx, ky, kz


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
    draw: int,
    bounce: int,
    splits: bool,
    path: np.uint32,
    weight: float,
    x: float,
    y: float,
    z: float,
    kx: float,
    ky: float,
    kz: float,
) -> None:
    """Follow one ray inside until little is left of it; k as `_enter` returns it. The ray itself runs along d.

    bounce: how many it had. splits: what the films of feathers mirror is put aside, else films are passed.
    """
    no, ne = glass.ordinary[sample, band], glass.extraordinary[sample, band]
    absorbance = glass.absorbance[sample, band]
    first, last = solids.first[solid], solids.first[solid + 1]
    while weight * glass.modes >= MIN_WEIGHT and bounce < MAX_BOUNCES:
        bounce += 1
        dx, dy, dz = kx, ky, kz
        if mode == 1:
            dx, dy, dz = ray_direction(kx, ky, kz, no, ne, glass.axis)
        way, face = -1.0, exits.trail[bounce]  # most often the band before left there, and only that is to be checked
        if first <= face < last:
            way = leaves_at(solids, face, x, y, z, dx, dy, dz)
        if way < 0.0:
            way, face = leave_solid(solids.plane, solids.curve, exits.scratch, first, last, x, y, z, dx, dy, dz)
            if face < 0:
                break
            exits.trail[bounce] = face if face != CURVED_FACE else -1
        if inclusions.total > 0:
            if splits:
                weight = _split_at_films(
                    inclusions, exits, mode, no, ne, glass.axis, absorbance, bounce, path, weight, way,
                    x, y, z, dx, dy, dz, kx, ky, kz,
                )  # fmt: skip
            passed, albedo = cross_inclusions(inclusions, x, y, z, dx, dy, dz, way)
            _spread(exits.spread, glass.rgb[sample, band], weight * (1.0 - passed) * albedo)
            weight *= passed
        weight *= math.exp(-absorbance * way)
        x, y, z = x + way * dx, y + way * dy, z + way * dz
        if face != CURVED_FACE and solids.opaque[face] == 1:
            _spread(exits.body, glass.rgb[sample, band] * solids.root, weight)
            return
        nx, ny, nz = normal_at(solids, face, x, y, z)
        nx, ny, nz = jitter_normal(nx, ny, nz, solids.slope, seed, draw, bounce)
        path = extend_path(path, face)
        if mode == 0:
            mx, my, mz = reflect(kx, ky, kz, nx, ny, nz)
            tx, ty, tz = refract(kx, ky, kz, -nx, -ny, -nz, 1.0 / no)
            reflected = fresnel(min(max(kx * nx + ky * ny + kz * nz, EDGE), 1.0), 1.0 / no)
        else:
            mx, my, mz = mirror_uniaxial(kx, ky, kz, nx, ny, nz, no, ne, glass.axis)
            tx, ty, tz = leave_uniaxial(kx, ky, kz, nx, ny, nz)
            reflected = reflectance_inside(kx, ky, kz, mx, my, mz, nx, ny, nz)
        if reflected < 1.0:
            put_exit(exits, x, y, z, tx, ty, tz, weight * (1.0 - reflected), band, path)
        weight *= reflected
        kx, ky, kz = mx, my, mz
    _spread(exits.lost, glass.rgb[sample, band], weight)


@kernel
def _split_at_films(
    inclusions: Inclusions,
    exits: Exits,
    mode: int,
    no: float,
    ne: float,
    axis: F64,
    absorbance: float,
    bounce: int,
    path: np.uint32,
    weight: float,
    way: float,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
    kx: float,
    ky: float,
    kz: float,
) -> float:
    """Put aside what films mirror of a ray within `way`, and return the weight that is left. What is little passes."""
    for i in range(len(inclusions.feather)):
        at, reflected = meet_film(inclusions, i, x, y, z, dx, dy, dz, no)
        part, n = weight * reflected, exits.aside_filled[0]
        if part < MIN_SPLIT or at >= way or n == MAX_ASIDE:
            continue
        px, py, pz = x + at * dx, y + at * dy, z + at * dz
        nx, ny, nz = film_normal(inclusions, i, px, py, pz)
        if mode == 0:
            mx, my, mz = reflect(kx, ky, kz, nx, ny, nz)
        else:
            mx, my, mz = mirror_uniaxial(kx, ky, kz, nx, ny, nz, no, ne, axis)
        row = exits.aside[n]
        row[0], row[1], row[2], row[3] = part * math.exp(-absorbance * at), px, py, pz
        row[4], row[5], row[6], row[7] = mx, my, mz, bounce
        exits.aside_path[n] = extend_path(path, FEATHERS + i)
        exits.aside_filled[0] = n + 1
        weight -= part
    return weight


@kernel
def _spread(total: F64, rgb: F64, weight: float) -> None:
    """Add light of one band to a colour (3,)."""
    for c in range(3):
        total[c] += rgb[c] * weight
