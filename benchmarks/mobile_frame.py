"""A frame of a stone on a phone: which passes run, over how many pixels, with how many trips, over how many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmarks.gpucost import Device
from benchmarks.mobile_passes import Pass
from geodfx.lobe_map import Lobes, decode_edges, decode_facets
from geodfx.patches import Patches, make_patches, pack_rectangles
from geodfx.render.cells import are_between_nodes, is_fine, make_cells
from geodfx.render.facet_light import AT_LIGHTS, are_facets_reached, light_cells, make_atlas
from geodfx.render.flashes import are_reached, list_flashes
from geodfx.render.gpu import GpuRenderer
from geodfx.render.gpu_lists import has_few_lights
from geodfx.render.gpu_programs import BASE, CELLS, CORNERS, FINE, FLASH, NODES, PATCH, RIM, RIMS, Step, has_flashes
from geodfx.render.lighting import light_stone
from geodfx.render.view import View
from geodfx.stone import Stone

SIZE = (1080, 1080)
WRITTEN = 4  # bytes a pixel of the picture
SHARE = 2  # bytes of a texel of the sheet
NODE_LIGHT = 16  # bytes a node: two targets of four halves
FACET_LIGHT = 8  # bytes a facet: one of four halves
OWN_TABLES = 4 + 16 + 8  # bytes a facet that are not in Lobes.nbytes: how far it spreads, where texels read, its grid


class Scene(NamedTuple):
    """A stone under some light. Shares are means."""

    kind: str  # of its patches; FLASH: it tilts, and has no light but at its facets
    coverage: float  # share of the stone's picture that it covers
    texels: float  # bytes of a covered texel: alpha, base
    facets: int
    nodes: int
    rectangles: int
    words: int  # bytes of them
    tables: int  # bytes of what texels share
    lights: int
    surrounded: bool  # by an environment
    lit_nodes: float  # share that is drawn
    rim_nodes: float  # share whose facet a light's rim crosses
    lobes: float  # of a covered texel
    area: float  # of all rectangles, covered texels
    lit: float  # of them, of facets that see any light
    rims: float  # of them, of facets that a light's rim crosses
    is_few: bool  # lights, so that what they reach is listed for each frame
    listed: float  # share of rectangles
    listed_grids: float  # share of facets whose nodes are drawn
    cornered: float  # share of rectangles whose corners tell their light where there is an environment alone
    corners: float  # of all, of rectangles whose corners tell their light where there is an environment alone

    def passes(self, stones: int, covered: float) -> dict[Step, tuple[float, dict[str, float]]]:
        """Return of each pass the pixels and the trips, of so many stones that share SIZE.

        covered: share of the picture.
        """
        if self.kind == FLASH:
            whole = covered * SIZE[0] * SIZE[1]
            return {(BASE, ""): (whole, {}), (FLASH, ""): (whole * self.lit, {})}
        node = {"light": self.lights, "rim": self.rim_nodes, "environment": float(self.surrounded)}
        at_rim, pixels = self.rims / max(self.lit, 1e-9), covered * SIZE[0] * SIZE[1]
        patches: dict[Step, tuple[float, dict[str, float]]] = {
            (PATCH, self.kind): (pixels * self.lit, {"rim": at_rim, "light": at_rim * self.lights})
        }
        if self.kind == NODES:
            apart = self.lit - self.corners
            patches = {(PATCH, CORNERS): (pixels * self.corners, {}), (PATCH, NODES): (pixels * apart, {})}
        return {
            (RIMS, ""): (stones * self.facets, {"light": self.lights}),
            (CELLS, ""): (stones * self.nodes * self.lit_nodes, node),
            (BASE, ""): (pixels, {}),
            **patches,
        }

    def vertices(self, stones: int) -> dict[Step, float]:
        """Return of each pass the vertices: four a rectangle that is listed, and a facet's grid."""
        step = (FLASH, "") if self.kind == FLASH else (PATCH, self.kind)
        count: dict[Step, float] = {step: self.rectangles * self.listed}
        if self.kind != FLASH:
            count[CELLS, ""] = stones * self.facets * self.listed_grids
        if self.kind == NODES:
            cornered = self.rectangles * self.cornered
            count |= {(PATCH, CORNERS): cornered, (PATCH, NODES): self.rectangles - cornered}
        return {step: 4 * its for step, its in count.items()}

    def bytes(self, stones: int, covered: float) -> float:
        """Return what a frame reads and writes: each texel and table once, the light of facets and nodes both ways."""
        light = 2 * (self.nodes * self.lit_nodes * NODE_LIGHT + (self.kind != FLASH) * self.facets * FACET_LIGHT)
        stone = covered * (self.texels + SHARE * self.lit) + (1 - covered)
        words = self.words * self.listed * (2 if self.is_few else 1)  # a list is written, too
        return SIZE[0] * SIZE[1] * (stone + WRITTEN) + words + stones * (self.tables + light)


def _tables(lobes: Lobes) -> int:
    """Return the bytes of facets, slopes and edges: rectangles stand for lobes and extents."""
    return lobes.facets.nbytes + lobes.slopes.nbytes + lobes.edges.nbytes


def tilt_scene(stone: Stone, views: list[View]) -> Scene:
    """Return a stone with flashes at some tilts. Needs OpenGL, which counts what is drawn."""
    assert stone.lobes is not None
    patches, covered = make_patches(stone.lobes, stone.alpha), np.count_nonzero(stone.alpha)
    renderer = GpuRenderer(stone)
    try:
        drawn = [renderer.count(view)[FLASH] for view in views]
    finally:
        renderer.close()
    return Scene(
        kind=FLASH,
        coverage=float(np.mean(stone.alpha > 0)),
        texels=1 + len(stone.base.planes),
        facets=len(stone.lobes.facets),
        nodes=0,
        rectangles=len(patches.facet),
        words=pack_rectangles(patches).nbytes,
        tables=_tables(stone.lobes),
        lights=1,
        surrounded=False,
        lit_nodes=0.0,
        rim_nodes=0.0,
        lobes=stone.lobes.seen / covered,
        area=float(patches.sides.prod(axis=1).sum() / covered),
        lit=float(np.mean(drawn) / covered),
        rims=0.0,
        is_few=True,
        listed=float(np.mean([_listed_flashes(stone, patches, view) for view in views])),
        listed_grids=0.0,
        cornered=0.0,
        corners=0.0,
    )


def _listed_flashes(stone: Stone, patches: Patches, view: View) -> float:
    """Return the share of rectangles of flashes that are listed at a tilt."""
    assert stone.lobes is not None
    lights, facets = light_stone(stone, view).lights, decode_facets(stone.lobes)
    flashes = list_flashes(stone.lobes.rectangles(), facets, decode_edges(stone.lobes)[..., :3], lights)
    if len(flashes.most) == 0:
        return 0.0
    half = (patches.sides - 1) / 2
    return float(are_reached(flashes, patches.facet, patches.corner + half, half).mean())


def light_scene(stone: Stone, views: list[View]) -> Scene:
    """Return a stone under views of one kind."""
    if has_flashes(stone):
        return tilt_scene(stone, views)
    assert stone.lobes is not None
    facets = decode_facets(stone.lobes)
    cells = make_cells(stone.lobes, facets, stone.alpha.shape)
    count, lighting = cells.nodes.prod(axis=1), light_stone(stone, views[0])
    surrounded = lighting.environment is not None
    sparse = has_few_lights(lighting)
    atlas = make_atlas(cells)
    seen = [light_cells(facets, cells, light_stone(stone, view), True, atlas).sees for view in views]
    lit = [(sees > 0) | (not sparse) for sees in seen]
    its = [light_stone(stone, view).lights for view in views]
    listed = [are_facets_reached(cells, lights) | (not sparse) for lights in its]
    crossed = [(sees & AT_LIGHTS) > 0 for sees in seen]
    fine = is_fine(lighting.lights, cells.step)
    from_nodes = [some & ~(at_rim & (fine and sparse)) for some, at_rim in zip(lit, crossed, strict=True)]
    patches, covered = make_patches(stone.lobes, stone.alpha), np.count_nonzero(stone.alpha)
    each = patches.sides.prod(axis=1) / covered
    area = np.bincount(patches.facet, each, len(facets))
    between = are_between_nodes(cells, patches)
    return Scene(
        kind=NODES if len(lighting.lights) == 0 else FINE if fine else RIM,
        coverage=float(np.mean(stone.alpha > 0)),
        texels=1 + len(stone.base.planes),
        facets=len(facets),
        nodes=int(count.sum()),
        rectangles=len(patches.facet),
        words=pack_rectangles(patches).nbytes,
        tables=_tables(stone.lobes) + len(facets) * OWN_TABLES,
        lights=len(lighting.lights),
        surrounded=surrounded,
        lit_nodes=float(np.mean([np.repeat(some, count).mean() for some in from_nodes])),
        rim_nodes=float(np.mean([np.repeat(some, count).mean() for some in crossed])),
        lobes=stone.lobes.seen / covered,
        area=float(area.sum()),
        lit=float(np.mean([area[some].sum() for some in lit])),
        rims=float(np.mean([area[some].sum() for some in crossed])),
        is_few=sparse,
        listed=float(np.mean([some[patches.facet].mean() for some in listed])),
        listed_grids=float(np.mean([some.mean() for some in listed])),
        cornered=float(between.mean()),
        corners=float(each[between].sum()),
    )


def frame_ms(
    scene: Scene, device: Device, passes: Mapping[Step, Pass], stones: int = 1, covered: float = 1.0
) -> tuple[dict[str, float], float, float]:
    """Return the milliseconds of each pass and of all vertices, those that memory takes at least, and the frame's."""
    spent: dict[str, float] = {}
    for step, (pixels, trips) in scene.passes(stones, covered).items():
        spent[step[0]] = spent.get(step[0], 0.0) + device.compute_ms(pixels * passes[step].cycles(trips))
    for step, count in scene.vertices(stones).items():
        spent["vertices"] = spent.get("vertices", 0.0) + device.compute_ms(count * passes[step].vertex)
    floor = device.memory_ms(scene.bytes(stones, covered))
    return spent, floor, max(sum(spent.values()), floor)
