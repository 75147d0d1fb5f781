"""What a frame draws in instances: the grids and rectangles of all facets, or of those alone that a few lights reach.

Few lights reach few facets. Which, a CPU tells in less time than a GPU takes to leave the others out, vertex by vertex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import moderngl
import numpy as np

from geodfx.arrays import F32, I64, U32, Bool
from geodfx.constants import FINE_LIGHTS
from geodfx.jit import kernel
from geodfx.lobe_map import Lobes, decode_edges
from geodfx.patches import Patches, pack_rectangles
from geodfx.render.cells import Cells, are_between_nodes, pack_grids
from geodfx.render.facet_light import are_facets_reached
from geodfx.render.flashes import are_reached, list_flashes
from geodfx.render.gpu_programs import CELLS, CORNERS, FINE, FLASH, NODES, PATCH, RIM, Step
from geodfx.render.lighting import Lighting

__all__ = ["FacetLists", "FlashLists", "Instances", "has_few_lights"]

Drawn = Mapping[Step, Sequence["Instances"]]


class Instances:
    """Instances of four vertices each, whose words lie in a buffer."""

    def __init__(self, context: Any, words: U32) -> None:
        """Hold words (N, 2 or 3) of N instances."""
        self._context, self._kind, self._count = context, f"{words.shape[1]}u4/i", len(words)
        self._vertices: dict[int, Any] = {}  # by the program that draws them
        self._buffer = context.buffer(words.tobytes()) if len(words) else None

    def hold(self, words: U32) -> None:
        """Hold other words in place of those before."""
        self._count = len(words)
        if len(words) == 0:
            return
        if self._buffer is None or self._buffer.size < words.nbytes:
            self._release()
            self._buffer = self._context.buffer(reserve=1 << (words.nbytes - 1).bit_length(), dynamic=True)
        self._buffer.orphan()
        self._buffer.write(words.tobytes())

    def render(self, program: Any) -> None:
        """Draw all of them."""
        if self._count == 0:
            return
        if program.glo not in self._vertices:
            its = self._context.vertex_array(program, [(self._buffer, self._kind, "words")])
            self._vertices[program.glo] = its
        self._vertices[program.glo].render(moderngl.TRIANGLE_STRIP, vertices=4, instances=self._count)

    def _release(self) -> None:
        for each in self._vertices.values():
            each.release()
        self._vertices = {}
        if self._buffer is not None:
            self._buffer.release()


class FacetLists:
    """The grids and rectangles of facets under any light."""

    def __init__(self, context: Any, cells: Cells, patches: Patches) -> None:
        """Hold those of facets with their cells and patches."""
        self._cells = cells
        self._first = np.searchsorted(patches.facet, np.arange(len(cells.reach) + 1))
        self._grids, self._words = pack_grids(cells), pack_rectangles(patches)
        between = are_between_nodes(cells, patches)
        grids, corners, nodes = (
            [Instances(context, words)] for words in (self._grids, self._words[between], self._words[~between])
        )
        both = corners + nodes
        self._all: Drawn = {
            (CELLS, ""): grids,
            (PATCH, CORNERS): corners,
            (PATCH, NODES): nodes,
            (PATCH, RIM): both,
            (PATCH, FINE): both,
        }
        self._few_grids, self._few = Instances(context, self._grids[:0]), Instances(context, self._words[:0])
        self._room = np.empty_like(self._words)

    def draw(self, lighting: Lighting) -> Drawn:
        """Return what each pass draws."""
        if not has_few_lights(lighting):
            return self._all
        reached = are_facets_reached(self._cells, lighting.lights)
        self._few_grids.hold(self._grids[reached])
        count = _pick(self._words, self._first, reached, self._room)
        self._few.hold(self._room[:count])
        return {(CELLS, ""): [self._few_grids], (PATCH, RIM): [self._few], (PATCH, FINE): [self._few]}


class FlashLists:
    """The rectangles of flashes: facets of a stone that tilts."""

    def __init__(self, context: Any, facets: F32, lobes: Lobes, patches: Patches) -> None:
        """Hold those of facets, `decode_facets`, with their patches."""
        self._facets, self._facet, self._words = facets, patches.facet, pack_rectangles(patches)
        self._extents, self._edges = lobes.rectangles(), decode_edges(lobes)[..., :3]
        half = (patches.sides - 1) / 2
        self._half, self._middle = half, patches.corner + half
        self._few = Instances(context, self._words[:0])

    def draw(self, lighting: Lighting) -> Drawn:
        """Return what each pass draws."""
        self._few.hold(self._words[self._are_reached(lighting.lights)])
        return {(FLASH, ""): [self._few]}

    def _are_reached(self, lights: F32) -> Bool:
        """Tell of each rectangle (P,) whether the light reaches it; of lobes, that it does."""
        reached = np.full(len(self._facet), len(lights) > 0)
        its = self._facet < len(self._extents)
        if its.any() and len(lights):
            flashes = list_flashes(self._extents, self._facets, self._edges, lights)
            reached[its] = are_reached(flashes, self._facet[its], self._middle[its], self._half[its])
        return reached


@kernel
def _pick(words: U32, first: I64, reached: Bool, room: U32) -> int:
    """Write words of the facets that are reached, each words[first[f]:first[f + 1]]; returns how many there are."""
    count = 0
    for f in range(len(reached)):
        if reached[f]:
            for k in range(first[f], first[f + 1]):
                room[count] = words[k]
                count += 1
    return count


def has_few_lights(lighting: Lighting) -> bool:
    """Tell whether there is no light but some few, so that most facets see none."""
    return lighting.environment is None and len(lighting.lights) <= FINE_LIGHTS
