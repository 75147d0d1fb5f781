"""Simulated stones and rays for the tests, and one place where a ray is traced from Python."""

from __future__ import annotations

import math

import numpy as np

from geodfx.simulate.exits import Exits, make_exits
from geodfx.simulate.hits import Solids
from geodfx.simulate.inclusions import join_inclusions
from geodfx.simulate.materials import Material
from geodfx.simulate.polyhedron import Polyhedron, close_planes
from geodfx.simulate.solids import brilliant_cut
from geodfx.simulate.spectrum import Spectrum, make_spectrum
from geodfx.simulate.stones import join_solids, make_glass
from geodfx.simulate.trace import Glass, trace_sample

CLEAN = join_inclusions([], [], [])
SPECTRUM = make_spectrum(1)


def glass(index: float, *, absorbance: float = 0.0, spectrum: Spectrum = SPECTRUM) -> Glass:
    """Return an isotropic glass of one index at all wavelengths."""
    clear = make_glass(Material("glass", cauchy=(index, 0.0)), spectrum)
    return clear._replace(absorbance=np.full_like(clear.absorbance, absorbance))


def brilliant() -> Polyhedron:
    return brilliant_cut(0.56, 34.5, 40.8, 0.78, 0.5, 0.03)


def slab(thickness: float) -> Polyhedron:
    """Return a plate of side 1, its faces across z."""
    sides = [[1, 0, 0, 0.5], [-1, 0, 0, 0.5], [0, 1, 0, 0.5], [0, -1, 0, 0.5]]
    return close_planes(np.array([*sides, [0, 0, 1, thickness / 2], [0, 0, -1, thickness / 2]], float), "slab")


def wedge(apex: float) -> Polyhedron:
    """Return a long prism, its edge along y at the top: two faces at `apex` radians to one another, and a base."""
    rim, up = math.cos(apex / 2), math.sin(apex / 2)
    faces = [[rim, 0, up, 0.3], [-rim, 0, up, 0.3], [0, 0, -1, 0.3], [0, 1, 0, 0.5], [0, -1, 0, 0.5]]
    return close_planes(np.array(faces, float), "wedge")


def trace(
    stone: Polyhedron | Solids, material: Glass, origin, direction, *, sample: int = 0, inclusions=CLEAN
) -> Exits | None:
    """Return the exits of one ray, cut to those that hold; None if it misses."""
    solids = stone if isinstance(stone, Solids) else join_solids([stone])
    exits = make_exits()
    unit = np.asarray(direction, float) / np.linalg.norm(direction)
    if not trace_sample(solids, material, inclusions, exits, sample, np.uint32(1), *map(float, origin), *unit):
        return None
    n = exits.filled[0]
    return exits._replace(
        direction=exits.direction[:n],
        position=exits.position[:n],
        weight=exits.weight[:n],
        band=exits.band[:n],
        path=exits.path[:n],
    )
