"""The shaders of a stone's passes on a GPU, in the order in which they are drawn.

shaders/rims.glsl, a facet a pixel; cells.glsl, a grid of nodes of each facet that sees light; base.glsl, a texel; and
patch.glsl, rectangles of the texels of facets that see light, which adds what they show (corners.glsl, where corners
tell their light). Of a stone whose facets are flat, which tilts under one pseudo light, base.glsl, and flash.glsl in
place of all others.
"""

from __future__ import annotations

import math

from geodfx.render.shader_text import FUNCTIONS, assemble
from geodfx.stone import Stone

__all__ = [
    "ADDED",
    "BASE",
    "CELLS",
    "CORNERS",
    "FINE",
    "FLASH",
    "NODES",
    "PATCH",
    "PICTURE",
    "RIM",
    "RIMS",
    "VERTEX_TEXTS",
    "Step",
    "alpha_is_behind",
    "has_flashes",
    "layer_columns",
    "layers",
    "picture_texts",
    "shader_texts",
]

Step = tuple[str, str]  # a body of shaders/, and of PATCH its kind
# Rectangles tell light at their corners; texels read it between nodes; at rims how much of it; or look themselves.
CORNERS, NODES, RIM, FINE = "corners", "nodes", "rim", "fine"
RIMS, CELLS, BASE, PATCH, FLASH, PICTURE = "rims", "cells", "base", "patch", "flash", "picture"
VERTEX_TEXTS = {  # of passes that draw some of their target
    CELLS: ("cells_vertex",),
    PATCH: ("rectangle", "patch_vertex"),
    FLASH: ("rectangle", "flash_vertex"),
}
ADDED = (PATCH, FLASH)  # that add to it


def shader_texts(stone: Stone, version: str, *, wide: bool) -> dict[Step, tuple[str, str]]:
    """Return the vertex and fragment shaders of a stone's passes, in their order, the last in variants for lights.

    wide: its rectangles take three words each, see `patches.is_wide`.
    """
    deep = layers(stone)
    has_lobes = stone.lobes is not None and stone.lobes.seen > 0
    constants: dict[str, bool | int | tuple[int, int]] = {
        "SIZE": stone.size,
        "WIDE": wide,
        "PLANES": len(stone.base.planes),
        "LAYERS": deep,
        "LAYER_COLUMNS": layer_columns(deep),
        "ALPHA_BEHIND": alpha_is_behind(stone),
        "LINEAR": stone.base.space == "linear",
        "LISTED": stone.lobes is not None and len(stone.lobes.refs) > 0,
    }
    everywhere = assemble(("triangle",), version)
    steps: list[Step] = [(BASE, "")]
    if has_lobes and has_flashes(stone):
        steps = [*steps, (FLASH, "")]
    elif has_lobes:
        steps = [(RIMS, ""), (CELLS, ""), *steps, *((PATCH, kind) for kind in (CORNERS, NODES, RIM, FINE))]
    return {
        (body, kind): (
            assemble((*FUNCTIONS, *VERTEX_TEXTS[body]), version, its) if body in VERTEX_TEXTS else everywhere,
            assemble((*FUNCTIONS, CORNERS if kind == CORNERS else body), version, its),
        )
        for body, kind in steps
        for its in [constants | {"CORNERS": kind == CORNERS, "RIM": kind in (RIM, FINE), "FINE": kind == FINE}]
    }


def picture_texts(version: str) -> tuple[str, str]:
    """Return the vertex and fragment shaders that make codes of a frame."""
    return assemble(("triangle",), version), assemble(("display", "picture"), version)


def has_flashes(stone: Stone) -> bool:
    """Tell whether facets of a stone are flat: it tilts, sees one pseudo light, and they may end at edges."""
    return stone.lobes is not None and stone.lobes.flat


def layers(stone: Stone) -> int:
    """Return how many layers of four planes the base has."""
    return -(-len(stone.base.planes) // 4)


def alpha_is_behind(stone: Stone) -> bool:
    """Tell whether alpha lies in a channel that the base's last layer leaves free, so that a texel fetches both."""
    return len(stone.base.planes) % 4 > 0


def layer_columns(deep: int) -> int:
    """Return how many layers of the base lie side by side: about as many as one above another; no place is empty."""
    rows = max(rows for rows in range(1, math.isqrt(max(deep, 1)) + 1) if deep % rows == 0)
    return deep // rows
