"""A frame of a stone on a phone: which passes run, over how many pixels, with how many trips, over how many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.gpucost import Device
from benchmarks.mobile_passes import Pass
from geodfx.arrays import Bool
from geodfx.codes import BLOCK, MOST_FACETS, MOST_LOBES
from geodfx.constants import FINE_LIGHTS
from geodfx.lobe_map import decode_facets
from geodfx.render.cells import is_fine, make_cells
from geodfx.render.facet_light import AT_LIGHTS, light_cells
from geodfx.render.gpu import Step
from geodfx.render.lighting import light_stone
from geodfx.render.view import View
from geodfx.stone import Stone

SIZE = (1080, 1080)
WRITTEN = 4  # bytes a pixel of the picture
NODE_LIGHT = 16  # bytes a node: two targets of four halves
FACET_LIGHT = 8  # bytes a facet: one of four halves
OWN_TABLES = 4 + 16  # bytes a facet that are not in Lobes.nbytes: how far it spreads, where texels read
NODE_OWNER = 4  # bytes a node


class Scene(NamedTuple):
    """A stone under some light. Shares and trips are means."""

    stone_step: Step
    coverage: float  # share of the stone's picture that it covers
    texels: float  # bytes of a covered texel: alpha, base, index, lobes
    facets: int
    nodes: int
    tables: int  # bytes of what texels share
    lights: int
    surrounded: bool  # by an environment
    lit_nodes: float  # share whose facet sees any light
    rim_nodes: float  # share whose facet a light's rim crosses
    lobes: float  # of a covered texel
    lit: float  # of them, of facets that see any light
    rims: float  # of them, of facets that a light's rim crosses

    def passes(self, stones: int, covered: float) -> dict[Step, tuple[float, dict[str, float]]]:
        """Return of each pass the pixels and the trips, of so many stones that share SIZE.

        covered: share of the picture.
        """
        node = {"light": self.lights, "rim": self.rim_nodes, "environment": float(self.surrounded)}
        lobe = {"lobe": self.lobes, "lit": self.lit, "rim": self.rims, "light": self.rims * self.lights}
        return {
            ("rims", False, False): (stones * self.facets, {"light": self.lights}),
            ("cells", False, False): (stones * self.nodes * self.lit_nodes, node),
            self.stone_step: (covered * SIZE[0] * SIZE[1], lobe),
        }

    def bytes(self, stones: int, covered: float) -> float:
        """Return what a frame reads and writes: each texel and table once, the light of facets and nodes both ways."""
        light = 2 * (self.nodes * NODE_LIGHT + self.facets * FACET_LIGHT)
        return SIZE[0] * SIZE[1] * (covered * self.texels + (1 - covered) + WRITTEN) + stones * (self.tables + light)


def light_scene(stone: Stone, views: list[View], step: int = 1) -> Scene:
    """Return a stone under views of one kind.

    step: how many texels a side run together: as many trips as the longest, a branch as soon as one takes it.
    """
    assert stone.lobes is not None
    facets = decode_facets(stone.lobes)
    cells = make_cells(stone.lobes, facets, stone.alpha.shape)
    count, lighting = cells.nodes.prod(axis=1), light_stone(stone, views[0])
    surrounded = lighting.environment is not None
    sparse = not surrounded and len(lighting.lights) <= FINE_LIGHTS
    seen = [light_cells(facets, cells, light_stone(stone, view), exact=True).sees for view in views]
    lit = [(sees > 0) | (not sparse) for sees in seen]
    crossed = [(sees & AT_LIGHTS) > 0 for sees in seen]
    trips = _Trips(stone, step)
    nodes = int(count.sum())
    tables = stone.lobes.nbytes - stone.lobes.refs.nbytes - stone.lobes.index.nbytes
    return Scene(
        stone_step=("stone", is_fine(lighting.lights, cells.step), sparse),
        coverage=float(np.mean(stone.alpha > 0)),
        texels=1 + len(stone.base.planes) + 1 + 4 * stone.lobes_per_texel,
        facets=len(facets),
        nodes=nodes,
        tables=tables + len(facets) * OWN_TABLES + nodes * NODE_OWNER,
        lights=len(lighting.lights),
        surrounded=surrounded,
        lit_nodes=float(np.mean([np.repeat(some, count).mean() for some in lit])),
        rim_nodes=float(np.mean([np.repeat(some, count).mean() for some in crossed])),
        lobes=trips.of(np.ones(len(facets), np.bool_)),
        lit=float(np.mean([trips.of(some) for some in lit])),
        rims=float(np.mean([trips.of(some) for some in crossed])),
    )


class _Trips:
    """Tells how many lobes a covered texel, or a square of texels one of which is, has in turn."""

    def __init__(self, stone: Stone, step: int) -> None:
        assert stone.lobes is not None
        width, height = stone.size
        count = np.stack([stone.lobes.index[..., 1] >> np.uint32(4 * k) & np.uint32(15) for k in range(BLOCK)], axis=2)
        count = count.reshape(height, -1)[:, :width].ravel().astype(np.int64)
        first = np.cumsum(count) - count
        texel = np.repeat(np.arange(len(count)), count)
        turn = np.arange(len(texel)) - first[texel]
        columns = -(-width // step)
        square = np.arange(height)[:, None] // step * columns + np.arange(width) // step
        self._facet = stone.lobes.refs & np.uint32(MOST_FACETS - 1)
        self._place = square.ravel()[texel] * MOST_LOBES + turn
        self._covered = len(np.unique(square[stone.alpha > 0]))
        self._has = np.zeros(-(-height // step) * columns * MOST_LOBES, np.bool_)

    def of(self, facets: Bool) -> float:
        """Return the mean number of those of some facets (F,)."""
        self._has[:] = False
        self._has[self._place[facets[self._facet]]] = True
        return float(np.count_nonzero(self._has) / self._covered)


def frame_ms(
    scene: Scene, device: Device, passes: Mapping[Step, Pass], stones: int = 1, covered: float = 1.0
) -> tuple[dict[str, float], float, float]:
    """Return the milliseconds of each pass, those that memory takes at least, and the frame's."""
    spent = {
        step[0]: device.compute_ms(pixels * passes[step].cycles(trips))
        for step, (pixels, trips) in scene.passes(stones, covered).items()
    }
    floor = device.memory_ms(scene.bytes(stones, covered))
    return spent, floor, max(sum(spent.values()), floor)
