"""CpuRenderer: frames by Numba, band by band; the reference that the GPU is compared with.

The sums are those of lighting.py. Float32 throughout. Light is worked out at the nodes of the facets' cells
(facet_light.py), from which texels gather it (texels.py).
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np

from geodfx.arrays import F32, U8
from geodfx.colour import srgb_codes_by_bits
from geodfx.jit import run_bands
from geodfx.lobe_map import decode_edges, decode_facets, empty_lobes
from geodfx.render.cells import is_fine, make_cells
from geodfx.render.facet_light import Atlas, light_cells, make_atlas
from geodfx.render.flashes import list_flashes
from geodfx.render.lighting import light_stone
from geodfx.render.output import PLAIN, brightened, put_codes, room_for_codes
from geodfx.render.picture import Picture, displayed_codes
from geodfx.render.strips import STRIP, make_strips
from geodfx.render.texels import BaseRow, Gathered, make_covered, shade_rows, show_rows
from geodfx.render.tilted import move_edges, present, way_to_picture
from geodfx.render.tilted_codes import warped_codes
from geodfx.render.view import View
from geodfx.stone import Stone

__all__ = ["CpuRenderer"]


class _Kept(threading.local):
    """What a thread keeps from frame to frame."""

    atlas: Atlas | None = None


class CpuRenderer:
    """Renders one stone on all cores. Safe to use from several threads at once."""

    def __init__(self, stone: Stone) -> None:
        self._stone = stone
        lobes = empty_lobes(stone.alpha.shape) if stone.lobes is None else stone.lobes
        lobes.check()
        self._facets, self._edges = decode_facets(lobes), decode_edges(lobes)
        self._listed = self._facets if lobes.refs.size else self._facets[:0]  # that texels name
        self._cells = make_cells(lobes, self._listed, stone.alpha.shape)
        self._kept = _Kept()
        self._covered = make_covered(stone.covered)
        self._strips = make_strips(lobes, stone.alpha.shape[1])
        self._strip_count = -(-len(stone.alpha) // STRIP)
        self._extents = lobes.rectangles()

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last."""
        return present(self._stone, view, self._shade(view))

    def _shade(self, view: View) -> F32:
        """Return what the stone's texels show (H, W, 4)."""
        base, gathered = self._light(view, exact=True)
        frame = np.empty((*self._stone.alpha.shape, 4), np.float32)

        def shade(first: int, last: int) -> None:
            shade_rows(self._covered, base, gathered, first, last, frame)

        run_bands(shade, self._strip_count)
        return frame

    def show(self, view: View, gain: float, picture: Picture = PLAIN, *, out: U8 | None = None) -> U8:
        """Return what a display shows of a frame times a gain: codes (H, W, 4), straight alpha.

        They are those of `displayed_codes`; of a plain picture in a fraction of the time, within one code but at the
        rims of large lights, which are told from nodes as on a GPU. out: memory for them, which is returned.
        Raises ViewError for a headroom over 1, and for an `out` that they do not fit.
        """
        if view.size is not None or picture != PLAIN:
            return put_codes(displayed_codes(brightened(self.render(view), gain), picture), out)
        stage = self._stone.tilting
        if stage is not None:
            codes = warped_codes(self._shade(view), *way_to_picture(self._stone, stage, view.tilt), gain)
            return put_codes(codes, out)
        codes = room_for_codes((*self._stone.alpha.shape, 4), out)
        words = codes.view("<u4")[..., 0]
        base, gathered = self._light(view, exact=False)

        def shade(first: int, last: int) -> None:
            show_rows(self._covered, base, gathered, np.float32(gain), self._table, first, last, words)

        run_bands(shade, self._strip_count)
        return codes

    @cached_property
    def _table(self) -> U8:
        return srgb_codes_by_bits()

    def _light(self, view: View, exact: bool) -> tuple[BaseRow, Gathered]:
        """Return what the texels of all rows share in a view."""
        lighting = light_stone(self._stone, view)
        base = BaseRow(
            self._stone.base.planes,
            lighting.base_weight,
            lighting.base_offset,
            lighting.base_intensity,
            np.float32(lighting.display_gain),
        )
        exact = exact or is_fine(lighting.lights, self._cells.step)
        if self._kept.atlas is None:
            self._kept.atlas = make_atlas(self._cells)
        light = light_cells(self._listed, self._cells, lighting, exact, self._kept.atlas)
        edges = move_edges(self._edges, self._facets, lighting.point)
        gathered = Gathered(
            self._strips,
            self._facets,
            self._cells.place,
            edges,
            light,
            lighting.lights,
            list_flashes(self._extents, self._facets, edges, lighting.lights),
        )
        return base, gathered

    def close(self) -> None:
        """Do nothing; a GpuRenderer has something to give back."""
