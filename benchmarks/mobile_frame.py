"""A frame of a stone on a phone: which passes run, over how many pixels, with how many trips, over how many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.gpucost import Device
from benchmarks.mobile_passes import Pass
from geodfx.arrays import Bool
from geodfx.codes import MOST_LOBES
from geodfx.constants import FINE_LIGHTS
from geodfx.lobe_map import decode_facets, unpack_lobes
from geodfx.render.cells import is_fine, make_cells
from geodfx.render.facet_light import light_cells
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
    seen = [light_cells(facets, cells, light_stone(stone, view)) for view in views]
    lit = [told[1] | (not sparse) for told in seen]
    crossed = [np.diff(told[2]) > 0 for told in seen]
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
        lobes=_trips(stone, np.ones(len(facets), np.bool_), step),
        lit=float(np.mean([_trips(stone, some, step) for some in lit])),
        rims=float(np.mean([_trips(stone, some, step) for some in crossed])),
    )


def _trips(stone: Stone, facets: Bool, step: int) -> float:
    """Return how many lobes of some facets (F,) a covered texel, or a square of texels with one, has in turn."""
    assert stone.lobes is not None
    width, height = stone.size
    lobes = unpack_lobes(stone.lobes, width)
    turn = np.arange(len(lobes.texel)) - np.searchsorted(lobes.texel, lobes.texel)
    has = np.zeros((-(-height // step), -(-width // step), MOST_LOBES), np.bool_)
    row, column = np.divmod(lobes.texel, width)
    kept = facets[lobes.facet]
    has[row[kept] // step, column[kept] // step, turn[kept]] = True
    y, x = np.nonzero(stone.alpha)
    covered = np.unique(y // step * has.shape[1] + x // step)
    return float(has.reshape(-1, MOST_LOBES)[covered].sum(axis=1).mean())


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
