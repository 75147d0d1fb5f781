"""From a recipe's stone to what the tracers take."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from geodfx.arrays import F64
from geodfx.basis import GOLDEN_TURN
from geodfx.simulate.expose import ClearStone, Stone
from geodfx.simulate.gemcad import read_gemcad
from geodfx.simulate.hits import Solids
from geodfx.simulate.inclusions import Inclusions, join_inclusions, make_clouds, make_feathers, make_needles
from geodfx.simulate.materials import MATERIALS, Material
from geodfx.simulate.polyhedron import Polyhedron, close_planes
from geodfx.simulate.recipe_stones import (
    Brilliant,
    Cabochon,
    Clouds,
    Druse,
    Feathers,
    FlatFaced,
    Gemcad,
    Needles,
    Pebble,
    Point,
    Step,
    StoneRecipe,
)
from geodfx.simulate.rig import stage_rotation
from geodfx.simulate.rough import Rough, make_bumps, make_plates
from geodfx.simulate.solids import brilliant_cut, crystal_point, step_cut
from geodfx.simulate.spectrum import Spectrum
from geodfx.simulate.trace import Glass

__all__ = ["join_solids", "make_glass", "make_stone"]

ROOT_COLOUR = (0.03, 0.026, 0.023)  # of the rock that a druse grows on, dark so that faces show; linear Rec.709
ROOT_Z, ROOT_DEPTH = -0.12, 0.1  # height of that rock's surface, and how thick it is
ROOT_SIDES, ROOT_REACH = 14, (0.44, 0.5)  # of that rock's uneven outline, and how far its sides stand from the middle
CRYSTAL_WIDTH = (0.07, 0.17)  # of a druse's crystals
CRYSTAL_REACH = 0.42  # from the middle of the rock, so that all stand on it
NO_CURVE = np.zeros(7)


def make_stone(recipe: StoneRecipe, spectrum: Spectrum, rng: np.random.Generator) -> Stone:
    """Return the stone of a recipe at the wavelengths of a spectrum. Raises RecipeError for a design that is none."""
    material = MATERIALS[recipe.material]
    slope = math.tan(math.radians(recipe.polish_deg))
    if material.albedo is not None and isinstance(recipe, Pebble | Cabochon):
        return _opaque(recipe, material, spectrum, slope, rng)
    axis: tuple[float, ...] = (0.0, 0.0, 1.0)
    if isinstance(recipe, Druse):
        solids = _druse(recipe, slope, rng)
    elif isinstance(recipe, Cabochon):
        solids = _cabochon(recipe, slope)
    else:
        if isinstance(recipe, Point):
            axis = (0.0, 1.0, 0.0)  # a crystal's own axis
        flat = cast(FlatFaced, recipe)
        solids = join_solids([_lay_down(_cut(recipe, rng), flat, rng)], slope)
        axis = tuple((_tilt(flat) @ np.array(axis)).tolist())
    colour = recipe.colour
    if isinstance(recipe, Druse):
        colour /= sum(CRYSTAL_WIDTH) / 2  # a crystal is as deep in colour as a stone of its own
    glass = make_glass(material, spectrum, colour=colour, axis=recipe.optic_axis or axis, splits=recipe.birefringence)
    return ClearStone(solids, glass, _inclusions(recipe, rng))


def make_glass(
    material: Material,
    spectrum: Spectrum,
    *,
    colour: float = 1.0,
    axis: tuple[float, ...] = (0.0, 0.0, 1.0),
    splits: bool = True,
) -> Glass:
    """Return a clear material's optics; `splits`: a birefringent one sends two rays on."""
    nm = spectrum.wavelength_nm
    two = splits and material.birefringence != 0
    ordinary, extraordinary = material.index(nm), material.index(nm, extraordinary=two)
    rgb = np.array(spectrum.rgb)
    return Glass(ordinary, extraordinary, colour * material.absorbance(nm), rgb, np.array(axis), 2 if two else 1)


def join_solids(
    stones: list[Polyhedron], slope: float = 0.0, *, curve: F64 = NO_CURVE, root: F64 | None = None
) -> Solids:
    """Return convex solids as the tracer takes them.

    curve: an ellipsoid that also bounds the first. root: the colour of a rock; then the first solid is that rock and
    each other has, as its last plane, its opaque root.
    """
    bounds, opaque = [], []
    for k, stone in enumerate(stones):
        middle = (stone.corners.min(axis=0) + stone.corners.max(axis=0)) / 2
        bounds.append([*middle, np.linalg.norm(stone.corners - middle, axis=1).max() + 1e-6])
        flags = np.zeros(len(stone.planes), np.uint8)
        if root is not None:
            flags[-1 if k else slice(None)] = 1
        opaque.append(flags)
    known = [np.zeros((len(flags),) * 2, bool) for flags in opaque]
    if root is None and not np.any(curve):  # else the corners are not those of the faces
        known = [stone.touching() for stone in stones]
    starts = np.cumsum([0, *(len(stone.planes) for stone in stones)]).astype(np.int64)
    beside = [start + np.flatnonzero(row) for start, rows in zip(starts, known, strict=False) for row in rows]
    return Solids(
        np.ascontiguousarray(np.concatenate([stone.planes for stone in stones]).T),
        starts,
        np.array(bounds),
        np.concatenate(beside).astype(np.int64),
        np.cumsum([0, *(len(faces) for faces in beside)]).astype(np.int64),
        np.concatenate(opaque),
        np.array(curve),
        slope,
        np.zeros(3) if root is None else np.array(root),
    )


def _cut(recipe: StoneRecipe, rng: np.random.Generator) -> Polyhedron:
    """Return the solid of a cut with flat faces."""
    if isinstance(recipe, Brilliant):
        shape = recipe.table, recipe.crown_deg, recipe.pavilion_deg, recipe.lower_halves, recipe.stars, recipe.girdle
        return brilliant_cut(*shape)
    if isinstance(recipe, Step):
        return step_cut(recipe.ratio, recipe.corner, recipe.table, recipe.crown_deg, recipe.pavilion_deg, recipe.girdle)
    if isinstance(recipe, Gemcad):
        return close_planes(read_gemcad(recipe.file), str(recipe.file))
    point = cast(Point, recipe)
    return crystal_point(point.length, point.unevenness, rng)


def _tilt(recipe: FlatFaced) -> F64:
    """Return the rotation (3, 3) by which a stone lies askew."""
    return stage_rotation(*np.radians(recipe.tilt_deg).tolist())


def _lay_down(cut: Polyhedron, recipe: FlatFaced, rng: np.random.Generator) -> Polyhedron:
    """Return a solid cut as unevenly, and lying as askew and as far aside, as its recipe says."""
    if recipe.uneven_deg > 0:
        turned = cut.planes[:, :3] + math.radians(recipe.uneven_deg) * rng.normal(size=(len(cut.planes), 3))
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        middle = np.stack([cut.corners[its].mean(axis=0) for its in cut.outlines()])
        planes = np.c_[turned, (turned * middle).sum(axis=1)]
        cut = close_planes(planes, "uneven cut", scale=1.0)
    if not (any(recipe.tilt_deg) or any(recipe.at)):
        return cut
    rotation = _tilt(recipe)
    aside = np.array([*recipe.at, 0.0])
    normals = cut.planes[:, :3] @ rotation.T
    return Polyhedron(np.c_[normals, cut.planes[:, 3] + normals @ aside], cut.corners @ rotation.T + aside)


def _cabochon(recipe: Cabochon, slope: float) -> Solids:
    """Return a clear dome: half an ellipsoid on a flat base."""
    curve = _dome_curve(recipe.ratio, recipe.height)
    z = float(curve[2])
    width = 0.5 / recipe.ratio
    box = np.array([[0, 0, -1, -z], [0, 0, 1, z + recipe.height], [1, 0, 0, width], [-1, 0, 0, width]], np.float64)
    ends = np.array([[0, 1, 0, 0.5], [0, -1, 0, 0.5]], np.float64)
    corners = np.array(
        [[sx * width, sy * 0.5, sz] for sx in (-1, 1) for sy in (-1, 1) for sz in (z, z + recipe.height)]
    )
    return join_solids([Polyhedron(np.concatenate([box[:1], box[1:], ends]), corners)], slope, curve=curve)


def _dome_curve(ratio: float, height: float) -> F64:
    """Return the ellipsoid of a dome that is centred in height: length along y."""
    semi = np.array([0.5 / ratio, 0.5, height])
    return np.array([0.0, 0.0, -height / 2, *(1 / semi**2), 1.0])


def _druse(recipe: Druse, slope: float, rng: np.random.Generator) -> Solids:
    """Return a slab of rock with crystals that lean this way and that; the optic axis is taken as upright for all."""
    stones = [_rock(rng)]
    for k in range(recipe.crystals):
        width = rng.uniform(*CRYSTAL_WIDTH)
        crystal = crystal_point(rng.uniform(0.5, 1.3), recipe.unevenness, rng, scale=width)
        reach, turn = CRYSTAL_REACH * math.sqrt((k + rng.uniform()) / recipe.crystals), k * GOLDEN_TURN
        place = reach * np.array([math.cos(turn), math.sin(turn)])  # evenly over a disc (Vogel 1979)
        stones.append(_planted(crystal, place, math.radians(recipe.lean_deg), rng))
    return join_solids(stones, slope, root=np.array(ROOT_COLOUR))


def _rock(rng: np.random.Generator) -> Polyhedron:
    """Return the slab that a druse grows on, its outline uneven, its top at ROOT_Z."""
    turn = 2 * math.pi * np.arange(ROOT_SIDES) / ROOT_SIDES
    sides = np.stack([np.cos(turn), np.sin(turn), 0 * turn, rng.uniform(*ROOT_REACH, ROOT_SIDES)], axis=1)
    half = ROOT_DEPTH / 2
    rock = close_planes(np.array([[0, 0, 1, half], [0, 0, -1, half], *sides]), "rock", scale=1.0)
    sunk = np.array([0.0, 0.0, ROOT_Z - half])
    planes = np.c_[rock.planes[:, :3], rock.planes[:, 3] + rock.planes[:, :3] @ sunk]
    return Polyhedron(planes, rock.corners + sunk)


def _planted(crystal: Polyhedron, place: F64, lean: float, rng: np.random.Generator) -> Polyhedron:
    """Return a crystal stood on the rock at a place, leaning, its root cut off opaque."""
    up = np.array([*(math.tan(lean) * rng.normal(size=2) / math.sqrt(2)), 1.0])
    up /= np.linalg.norm(up)
    turn = rng.uniform(0, 2 * math.pi)
    across = np.cross(up, [math.cos(turn), math.sin(turn), 0.0])
    across /= np.linalg.norm(across)
    rotation = np.stack([across, up, np.cross(across, up)], axis=1)
    half = crystal.corners[:, 1].max()
    centre = np.array([*place, ROOT_Z]) + up * 0.8 * half
    corners = crystal.corners @ rotation.T + centre
    normals = crystal.planes[:, :3] @ rotation.T
    planes = np.c_[normals, crystal.planes[:, 3] + normals @ centre]
    return Polyhedron(np.concatenate([planes, [[0.0, 0.0, -1.0, -ROOT_Z]]]), corners)


def _inclusions(recipe: StoneRecipe, rng: np.random.Generator) -> Inclusions:
    needles, feathers, clouds = [], [], []
    for each in recipe.inclusions:
        if isinstance(each, Needles):
            needles.append(make_needles(rng, each.count, each.length, each.radius, each.opacity, each.albedo))
        elif isinstance(each, Feathers):
            feathers.append(make_feathers(rng, each.count, each.radius, each.opacity, each.albedo, each.sheen))
        elif isinstance(each, Clouds):
            clouds.append(make_clouds(rng, each.count, each.radius, each.extinction, each.albedo))
    return join_inclusions(needles, feathers, clouds)


def _opaque(
    recipe: Pebble | Cabochon, material: Material, spectrum: Spectrum, slope: float, rng: np.random.Generator
) -> Rough:
    """Return an opaque stone: a pebble has bumps, a cabochon is smooth."""
    curve = _dome_curve(recipe.ratio, recipe.height)
    bump = make_bumps(rng, recipe.bump, recipe.bump_size) if isinstance(recipe, Pebble) else np.zeros((0, 4))
    plates = material.plates
    plate = np.zeros((1, 1, 7)) if plates is None else make_plates(rng, plates, recipe.plates, recipe.plate_size)
    return Rough(
        curve,
        float(curve[2]),
        bump,
        plate,
        0.0 if plates is None else plates.reflectance,
        material.index(spectrum.wavelength_nm),
        np.array(spectrum.wavelength_nm),
        np.array(spectrum.rgb),
        np.array(material.albedo),
        slope,
        0.0 if plates is None else math.tan(math.radians(plates.mosaic_deg)),
    )
