"""Turn a view into numbers that every texel shares, once a frame, so that a texel only multiplies and adds.

The colour c of a texel is

    sum over rows b of   intensity_bc level^3 curve(max(0, offset_bc + sum over planes p of   weight_bpc code_p))
    + sum over lobes and lights of   weight_c radiance_c lobe_response(|d_c - l|^2, area, width^2 + blur)
    + sum over lobes of   weight_c gain lobe_horizon_share(z, width) E(R d_c, width)

where E is the environment at that blur. Of a stone that tilts, a lobe is also multiplied by the edge_share of each
edge of its facet. A base in linear space has one row, into which all lights and the environment
are summed, a level, and no curve; one in display space has a row a light, for displayed values do not add, no level,
and its curve is `decode_display`. A lobe's weight is its share of its facet's. Directions are in the stone frame,
exposure is in every intensity, radiance and gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, frozen
from geodfx.basis import (
    TERMS,
    chart_encode,
    disc_averages,
    evaluate,
    even_directions,
    flat_points,
    horizon_share,
    light_kernel,
)
from geodfx.errors import ViewError
from geodfx.jit import kernel
from geodfx.render.environment import Environment, environment_level, environment_lookup
from geodfx.render.tilted import shown_tilt
from geodfx.render.view import DiscLight, View
from geodfx.stone import Stone
from geodfx.tilting import TiltStage, pseudo_directions

__all__ = ["Lighting", "hemisphere_patches", "light_stone"]

LINEAR_PATCHES = 1024  # of an environment, for a base in linear space: summed here, so that they cost little
DISPLAY_PATCHES = 256  # for one in display space: each costs every texel a row
PATCH_BLUR = (
    2.0  # a patch's own spread times this: patches overlap so that a small lamp counts alike wherever it stands
)


@dataclass(frozen=True)
class Lighting:
    """A view as a stone's texels see it."""

    base_weight: F32  # (B, P, 3) at the highest code of each plane but the level
    base_offset: F32  # (B, 3)
    base_intensity: F32  # (B, 3)
    display_gain: float  # of the base's curve; 0: the base is in linear space
    # (L, 9) direction x y z, or for flat facets `basis.chart_point`; area, blur, farthest chord that a lobe of no width
    # sees, radiance r g b
    lights: F32
    point: tuple[float, float]  # on the chart: the one pseudo light of a stone that tilts
    environment: Environment | None
    gain: float  # of the environment
    rotation: F32  # (3, 3) stone to world

    def __post_init__(self) -> None:
        rows, planes, _ = self.base_weight.shape
        object.__setattr__(self, "base_weight", frozen("weight", self.base_weight, np.float32, (rows, planes, 3)))
        object.__setattr__(self, "base_offset", frozen("offset", self.base_offset, np.float32, (rows, 3)))
        object.__setattr__(self, "base_intensity", frozen("intensity", self.base_intensity, np.float32, (rows, 3)))
        object.__setattr__(self, "lights", frozen("lights", self.lights, np.float32, (None, 9)))
        object.__setattr__(self, "rotation", frozen("rotation", self.rotation, np.float32, (3, 3)))


def light_stone(stone: Stone, view: View) -> Lighting:
    """Return the numbers that all texels of a stone share in a view. Raises ViewError for lights that do not fit it."""
    if stone.tilting is not None:
        view = _show_by_tilt(stone, stone.tilting, view)
    elif not view.lights and view.environment is None:
        raise ViewError("the view has no light; give at least one light or an environment")
    rotation = view.tilt.rotation()
    direction = np.array([light.direction for light in view.lights], np.float64).reshape(-1, 3) @ rotation  # R^T world
    intensity = np.array([light.intensity for light in view.lights], np.float64).reshape(-1, 3)
    radius = [light.radius_rad for light in view.lights]
    gain = 2.0**view.exposure_ev
    base = _light_linear_base if stone.base.space == "linear" else _light_display_base
    weight, rows = base(stone, direction, radius, intensity, view.environment, rotation)
    return Lighting(
        base_weight=np.einsum("btc,ptc->bpc", weight, stone.base.mix).astype(np.float32),
        base_offset=(weight * stone.base.offset).sum(axis=1).astype(np.float32),
        base_intensity=(rows * gain).astype(np.float32),
        display_gain=0.0 if stone.base.space == "linear" else stone.display_gain,
        lights=_light_lobes(direction, radius, intensity * gain, flat=stone.lobes is not None and stone.lobes.flat),
        point=(0.0, 0.0) if stone.tilting is None else _only_point(direction),
        environment=view.environment,
        gain=gain,
        rotation=rotation.astype(np.float32),
    )


def _show_by_tilt(stone: Stone, stage: TiltStage, view: View) -> View:
    """Return the view of the one pseudo light that a tilt is to a stone captured by its tilt. Raises ViewError."""
    if view.lights or view.environment is not None:
        told = f"the stone {stone.name!r} was captured by its tilt, under lights that stayed"
        raise ViewError(f"{told}; show it by --tilt or --tilts alone, without --light, --lights and --environment")
    tilt = shown_tilt(stage, view.tilt)
    ((x, y, z),) = pseudo_directions(np.array([[tilt.pitch_rad, tilt.roll_rad]]), stage.stretch).tolist()
    return View((DiscLight((x, y, z), stone.light_radius_rad),), exposure_ev=view.exposure_ev)


def _only_point(direction: F64) -> tuple[float, float]:
    """Return where the only one of some directions (1, 3) lies on the chart."""
    ((a, b),) = chart_encode(direction).tolist()
    return a, b


def hemisphere_patches(environment: Environment, rotation: F64, count: int) -> tuple[F64, F64]:
    """Return directions (N, 3) of patches of equal solid angle above the stone, and their intensities (N, 3).

    A patch of solid angle W and radiance L lights the stone as a light of intensity L W / pi.
    """
    direction = even_directions(count)
    width = PATCH_BLUR * math.sqrt(0.5 / count)  # a disc of solid angle 2 pi / count has variance 0.5 / count
    world = (direction @ rotation.T).astype(np.float32)
    radiance = _look_up(environment.maps, np.float32(width), world)
    return direction, radiance.astype(np.float64) * (2 / count)


def _light_linear_base(
    stone: Stone, direction: F64, radius: list[float], intensity: F64, environment: Environment | None, rotation: F64
) -> tuple[F64, F64]:
    """Return the one row's weights (1, T, 3) a unit of coefficient, and its intensity (1, 3)."""
    base = stone.base
    weight = np.zeros((TERMS[base.basis], 3))
    # Their averages fade lights at the horizon by themselves, point by point, and need no `horizon_share`.
    for terms, colour in zip(
        disc_averages(base.basis, direction, radius, stone.light_radius_rad), intensity, strict=True
    ):
        weight += np.outer(terms, colour)
    if environment is not None:
        patch, colours = hemisphere_patches(environment, rotation, LINEAR_PATCHES)
        weight += evaluate(base.basis, patch).T @ colours
    return weight[None], np.ones((1, 3))


def _light_display_base(
    stone: Stone, direction: F64, radius: list[float], intensity: F64, environment: Environment | None, rotation: F64
) -> tuple[F64, F64]:
    """Return weights (B, T, 3) a unit of coefficient and intensities (B, 3), a row a light."""
    share = np.array([horizon_share(towards[2], size) for towards, size in zip(direction, radius, strict=True)])
    rows = intensity * share.reshape(-1, 1)
    if environment is not None:
        patch, colours = hemisphere_patches(environment, rotation, DISPLAY_PATCHES)
        direction, rows = np.concatenate([direction, patch]), np.concatenate([rows, colours])
    lit = rows.any(axis=1)  # each row costs every texel
    direction, rows = direction[lit], rows[lit]
    terms = evaluate(stone.base.basis, direction)
    return np.repeat(terms[:, :, None], 3, axis=2), rows


def _light_lobes(direction: F64, radius: list[float], intensity: F64, *, flat: bool) -> F32:
    """Return the rows (L, 9) of `Lighting.lights` for lights that stand above the horizon, if only in part."""
    rows = []
    points = flat_points(direction) if flat else direction
    for towards, point, radius_rad, colour in zip(direction, points, radius, intensity, strict=True):
        if horizon_share(towards[2], radius_rad) > 0:  # a lobe points above the horizon, and sees what is there whole
            radiance, area, blur = light_kernel(radius_rad)
            # `lobe_response` ends at area + sqrt(area spread) or further out, never beyond 1.5 area + 0.5 spread.
            farthest = math.sqrt(1.5 * area + 6 * blur)
            rows.append([*point, area, blur, farthest, *(colour * radiance)])
    return np.array(rows, np.float32).reshape(-1, 9)


@kernel
def _look_up(maps: F32, width: np.float32, directions: F32) -> F32:
    """Return the environment (N, 3) at world directions (N, 3), blurred by a width."""
    level = environment_level(width)
    found = np.empty(directions.shape, np.float32)
    for i in range(directions.shape[0]):
        for channel in range(3):
            x, y, z = directions[i, 0], directions[i, 1], directions[i, 2]
            found[i, channel] = environment_lookup(maps, level, channel, x, y, z)
    return found
