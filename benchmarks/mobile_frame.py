"""A frame of a stone on a phone: which passes run, over how many pixels, with how many trips, over how many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.gpucost import Device
from benchmarks.mobile_passes import Pass
from geodfx.lobe_map import decode_facets
from geodfx.render.cells import is_fine, make_cells
from geodfx.render.facet_light import light_cells
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
    """A stone under some light."""

    fine: bool  # whether texels look at lights themselves
    lobes: float  # of a covered texel
    coverage: float  # share of the stone's picture that it covers
    texels: float  # bytes of a covered texel: alpha, base, index, lobes
    facets: int
    nodes: int
    tables: int  # bytes of what texels share
    lights: int
    surrounded: bool  # by an environment
    rim_nodes: float  # share of the nodes whose facet a light's rim crosses
    rim_lobes: float  # share of the lobes

    def passes(self, stones: int, covered: float = 1.0) -> dict[tuple[str, bool], tuple[float, dict[str, float]]]:
        """Return of each pass the pixels and the mean trips, of so many stones that share SIZE.

        covered: share of the picture.
        """
        rims = self.lobes * self.rim_lobes
        node = {"light": self.lights, "rim": self.rim_nodes, "environment": float(self.surrounded)}
        return {
            ("rims", False): (stones * self.facets, {"light": self.lights}),
            ("cells", False): (stones * self.nodes, node),
            ("stone", self.fine): (
                covered * SIZE[0] * SIZE[1],
                {"lobe": self.lobes, "rim": rims, "light": rims * self.lights},
            ),
        }

    def bytes(self, stones: int, covered: float = 1.0) -> float:
        """Return what a frame reads and writes: each texel and table once, the light of facets and nodes both ways."""
        light = 2 * (self.nodes * NODE_LIGHT + self.facets * FACET_LIGHT)
        return SIZE[0] * SIZE[1] * (covered * self.texels + (1 - covered) + WRITTEN) + stones * (self.tables + light)


def light_scene(stone: Stone, views: list[View]) -> Scene:
    """Return a stone under views of one kind; what of it rims cross is the mean over them."""
    assert stone.lobes is not None
    facets = decode_facets(stone.lobes)
    cells = make_cells(stone.lobes, facets, stone.alpha.shape)
    owner = stone.lobes.refs & np.uint32(65535)
    crossed, lighting = [], light_stone(stone, views[0])
    for view in views:
        first = light_cells(facets, cells, light_stone(stone, view))[2]
        crossed.append(np.diff(first) > 0)
    count = cells.nodes.prod(axis=1)
    nodes = int(count.sum())
    tables = stone.lobes.nbytes - stone.lobes.refs.nbytes - stone.lobes.index.nbytes
    return Scene(
        fine=is_fine(lighting.lights, cells.step),
        lobes=stone.lobes_per_texel,
        coverage=float(np.mean(stone.alpha > 0)),
        texels=1 + len(stone.base.planes) + 1 + 4 * stone.lobes_per_texel,
        facets=len(facets),
        nodes=nodes,
        tables=tables + len(facets) * OWN_TABLES + nodes * NODE_OWNER,
        lights=len(lighting.lights),
        surrounded=lighting.environment is not None,
        rim_nodes=float(np.mean([np.repeat(rims, count).mean() for rims in crossed])),
        rim_lobes=float(np.mean([rims[owner] for rims in crossed])),
    )


def frame_ms(
    scene: Scene, device: Device, passes: Mapping[tuple[str, bool], Pass], stones: int = 1, covered: float = 1.0
) -> tuple[dict[str, float], float, float]:
    """Return the milliseconds of each pass, those that memory takes at least, and the frame's."""
    spent = {
        body: device.compute_ms(pixels * passes[body, fine].cycles(trips))
        for (body, fine), (pixels, trips) in scene.passes(stones, covered).items()
    }
    floor = device.memory_ms(scene.bytes(stones, covered))
    return spent, floor, max(sum(spent.values()), floor)
