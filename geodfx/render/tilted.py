"""From a stone's texels to the picture: in a stone captured by its tilt the stone moves in it as photographed.

Texels lie on one plane, the outline, alpha, on that of the stone's middle: more texels are seen than lie in it.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from geodfx.arrays import F32, F64
from geodfx.basis import edge_share
from geodfx.errors import GeodfxWarning
from geodfx.jit import kernel
from geodfx.lobe_map import PLACE
from geodfx.render.view import Tilt, View, resample
from geodfx.stone import Stone
from geodfx.tilting import TiltStage, clamp_tilt, plane_to_picture, warp, warp_light

__all__ = ["inside_edges", "move_edges", "present", "shown_tilt", "way_to_picture"]

NOT_CLAMPED_RAD = math.radians(0.01)  # what a file's rounding moves a tilt by needs no warning


def shown_tilt(stage: TiltStage, tilt: Tilt) -> Tilt:
    """Return a tilt, or the nearest within those captured, with a GeodfxWarning."""
    pitch, roll = clamp_tilt((tilt.pitch_rad, tilt.roll_rad), stage.tilt_rad)
    if math.hypot(pitch - tilt.pitch_rad, roll - tilt.roll_rad) > NOT_CLAMPED_RAD:
        asked = f"tilt {math.degrees(tilt.pitch_rad):.2f}, {math.degrees(tilt.roll_rad):.2f} was not captured"
        shown = f"the nearest that was, {math.degrees(pitch):.2f}, {math.degrees(roll):.2f} degrees, is shown"
        warnings.warn(f"{asked}; {shown}", GeodfxWarning, stacklevel=2)
    return Tilt(pitch, roll)


def present(stone: Stone, view: View, texels: F32) -> F32:
    """Return the frame that a view asks for from the stone's texels (H, W, 4), linear, premultiplied."""
    if stone.tilting is not None:
        matrix, alpha = way_to_picture(stone, stone.tilting, view.tilt)
        light = warp_light(texels[..., :3], matrix, back=True)
        texels = np.dstack([np.where(alpha[..., None] > 0, light, 0), alpha])
    return resample(texels, view.size)


def way_to_picture(stone: Stone, stage: TiltStage, asked: Tilt) -> tuple[F64, F32]:
    """Return the homography between texels and picture at a tilt, or the nearest captured, and alpha (H, W) there."""
    tilt = clamp_tilt((asked.pitch_rad, asked.roll_rad), stage.tilt_rad)
    cover = np.multiply(stone.alpha, np.float32(1 / 255), dtype=np.float32)
    alpha: F32 = np.minimum(warp(cover, plane_to_picture(stone.camera, 0.0, tilt), back=True), np.float32(1))
    return plane_to_picture(stone.camera, stage.plane_height, tilt), alpha


def move_edges(edges: F32, facets: F32, point: tuple[float, float]) -> F32:
    """Return the edges (S, EDGES, 3) of facets under a pseudo light: offset, turn to the right and down."""
    away = np.array(point, np.float32) - facets[: len(edges), PLACE : PLACE + 2]
    moved = edges[..., :3].copy()
    moved[..., 0] += np.einsum("fek,fk->fe", edges[..., 3:], away)
    return moved


@kernel
def inside_edges(edges: F32, right: np.float32, down: np.float32) -> np.float32:
    """Return the share of a flash that a facet's edges (EDGES, 3) let through at a texel."""
    share = np.float32(1.0)
    for e in range(edges.shape[0]):
        share *= edge_share(edges[e, 0] + edges[e, 1] * right + edges[e, 2] * down)
    return share
