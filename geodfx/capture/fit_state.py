"""What the passes of the `lobes` fit hand on, and the texels and facets that each works on, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, Bool
from geodfx.capture.coarse import CoarseStack
from geodfx.capture.facet_find import Facets, Members, Places, look_along
from geodfx.capture.facet_pool import Samples
from geodfx.capture.fit_base import fit_base, smooth_light
from geodfx.capture.fit_detail import Detail, residuals
from geodfx.capture.fit_settings import LobeSettings
from geodfx.capture.fold import FoldedStack
from geodfx.capture.hidden import HiddenStack
from geodfx.capture.lobe_channels import lobe_light
from geodfx.capture.lobe_search import Search
from geodfx.capture.lobe_work import MAX_LOBES, LobeSets
from geodfx.capture.photos import RadianceStack
from geodfx.progress import Progress, counter

__all__ = ["CHUNK", "FitState", "Stack", "facet_samples", "find_places", "fitted_chunks"]

CHUNK = 512  # texels whose photos are held as floats at a time, by each core

Stack = RadianceStack | FoldedStack | CoarseStack | HiddenStack
Chunk = tuple[int, F32, F32, F32]
FacetChunk = tuple[int, Samples]


@dataclass
class FitState:
    """What the passes hand on; T texels."""

    stack: Stack
    places: Places
    search: Search
    terms: F64  # (L, J)
    prior: F64  # (2, J) of the base's shape
    gain: np.float32
    coefficient: F32  # (T, 3, J)
    sets: LobeSets
    directions: F64  # (L, 3) of the lights
    radius_rad: float
    detail: Detail | None  # of smooth texels
    smooth: Bool  # (T,) texels that have no lobes
    settings: LobeSettings
    progress: Progress | None

    def photos(self, texels: slice | I64) -> tuple[F32, F32]:
        """Return displayed light (n, L, 3) and its clearness (n, L)."""
        radiance, clear = self.stack.at(texels)
        return radiance * self.gain, clear

    def base(self, texels: slice | I64) -> F32:
        """Return the base's displayed light (n, L, 3)."""
        coefficient = self.coefficient[texels]
        light = np.empty((len(coefficient), len(self.terms), 3), np.float32)
        smooth_light(self.terms, coefficient, light)
        return light

    def lobes(self, texels: slice | I64, facets: Facets | None = None) -> F32:
        """Return the lobes' displayed light (n, L, 3): by their own directions, or by those of facets."""
        sets = self.sets
        number, width, form = sets.number[texels], sets.width[texels], sets.form[texels]
        light = np.zeros((len(number), len(self.terms), 3), np.float32)
        if number.any():
            if facets is None:
                direction = np.repeat(sets.direction[texels][:, :, None], 3, axis=2)
            else:
                direction = self.look(facets, texels)
            lobe_light(self.search, number, direction, width, form, sets.amplitude[texels], light)
        return light

    def look(self, facets: Facets, texels: slice | I64) -> F32:
        """Return where the lobes of texels point, (n, K, 3 channels, 3)."""
        if len(facets.width) == 0:
            return np.zeros((len(self.sets.number[texels]), MAX_LOBES, 3, 3), np.float32)
        facet = np.maximum(self.sets.facet[texels], 0).astype(np.int64).ravel()
        column = np.repeat(self.places.column[texels], MAX_LOBES)
        row = np.repeat(self.places.row[texels], MAX_LOBES)
        return look_along(facets, facet, column, row).astype(np.float32).reshape(-1, MAX_LOBES, 3, 3)

    def left(self, texels: slice | I64, facets: Facets | None = None) -> tuple[F32, F32, F32]:
        """Return what base and lobes leave of the photos, the photos and the base's light, (n, L, 3) each."""
        x, clear = self.photos(texels)
        base, residual = self.base(texels), np.empty_like(x)
        residuals(x, clear, base, self.lobes(texels, facets), residual)
        return residual, x, base

    def count(self, stage: str, total: int) -> Callable[[int], None] | None:
        """Return what is to be told of a stage's progress."""
        return None if self.progress is None else counter(self.progress, stage, total)


def fitted_chunks(state: FitState, first: int, last: int, *, robust: bool = False) -> Iterator[Chunk]:
    """Yield texels first to last, some at a time, with the base fitted below the lobes that stand.

    Each as (first of them, displayed light (n, L, 3), clearness (n, L), the base's light (n, L, 3)). robust: there are
    no lobes yet, and flashes are set aside.
    """
    for begin in range(first, last, CHUNK):
        some = slice(begin, min(begin + CHUNK, last))
        x, clear = state.photos(some)
        light, base = np.zeros_like(x) if robust else state.lobes(some), np.empty_like(x)
        fit_base(x, clear, light, state.terms, state.prior, robust, state.coefficient[some], base)
        yield begin, x, clear, base


def facet_samples(state: FitState, facets: Facets, members: Members, first: int, last: int) -> Iterator[FacetChunk]:
    """Yield facets first to last, some at a time, as (first of them, samples of their texels)."""
    size = np.minimum(np.diff(members.start), state.settings.samples)
    begin = first
    while begin < last:
        end = begin + 1
        while end < last and size[begin : end + 1].sum() <= CHUNK:
            end += 1
        start = np.concatenate([[0], np.cumsum(size[begin:end])]).astype(np.int64)
        facet = np.repeat(np.arange(begin, end), size[begin:end])
        i = np.arange(start[-1]) - start[facet - begin]
        chosen = members.start[facet] + i * np.diff(members.start)[facet] // size[facet]
        texel, lobe = members.texel[chosen].astype(np.int64), members.lobe[chosen].astype(np.int64)
        x, clear = state.photos(texel)
        column = state.places.column[texel] - facets.centre[facet, 0]
        row = state.places.row[texel] - facets.centre[facet, 1]
        yield begin, Samples(start, texel, lobe, column, row, x, clear, state.base(texel))
        begin = end


def find_places(stack: Stack) -> Places:
    """Return where the texels lie in the picture."""
    width, height = stack.size
    texel = np.full((height, width), -1, np.int32)
    texel.flat[stack.texels] = np.arange(len(stack.texels), dtype=np.int32)
    return Places((stack.texels % width).astype(np.int32), (stack.texels // width).astype(np.int32), texel)
