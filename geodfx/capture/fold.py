"""A symmetric stone folded up: one sector of it, seen in the photos of all its copies, each under lights of its own.

What a stone's copy of a texel shows under a light, the texel would show under that light moved back. So a sector has
several times as many photos as the stone, of several times fewer texels: lights stand closer, and what lies between
the lights of one texel, those of its copies tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, I64, Bool
from geodfx.capture.coarse import CoarseStack
from geodfx.capture.facet_find import Facets, Places, join_facets
from geodfx.capture.hidden import HiddenStack
from geodfx.capture.lobe_work import LobeSets
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.symmetry import Symmetry, few_moves, move_back

__all__ = ["MOST_COPIES", "Copies", "FoldedStack", "fold", "unfold"]


MOST_COPIES = 8  # that are looked at: with more lights than these have, a lobe is no surer
FEWER_COPIES, MANY = 4, 1 << 24  # of a stone of more texels times photos, whose facets are large
MARGIN = 2.0  # texels beyond a sector's rim that are fitted with it, so that facets do not end there


@dataclass(frozen=True)
class FoldedStack:
    """The photos of some texels and of their copies, as `RadianceStack` has them; T texels, C copies, C L photos."""

    whole: RadianceStack | CoarseStack | HiddenStack
    source: I64  # (T, C) which of the stone's texels a copy is; -1: there is none
    texels: I64  # (T,) indices into the flat picture, rising

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.whole.size

    def part(self, texels: I64) -> FoldedStack:
        """Return some of the texels alone."""
        return FoldedStack(self.whole, self.source[texels], self.texels[texels])

    def at(self, texels: slice | I64) -> tuple[F32, F32]:
        """Return radiance (n, C L, 3) and weight (n, C L) of some texels: 0 for clipped photos and missing copies."""
        source = self.source[texels]
        radiance, clear = self.whole.at(np.maximum(source, 0).ravel())
        clear = clear.reshape(*source.shape, -1)
        clear[source < 0] = 0
        radiance = radiance.reshape(*source.shape, *radiance.shape[1:])
        # Dark where there is none: clipped photos say "at least", and no texel is darker.
        radiance[source < 0] = 0
        return radiance.reshape(len(source), -1, 3), clear.reshape(len(source), -1)


@dataclass(frozen=True)
class Copies:
    """How a stone of T texels and its sector belong together."""

    symmetry: Symmetry
    move: I64  # (T,) by which of the moves a texel comes from the sector
    texel: I64  # (T,) from which of the sector's texels; -1: none


def fold(
    stack: RadianceStack | CoarseStack, rig: LightRig, places: Places, symmetry: Symmetry
) -> tuple[FoldedStack, LightRig, Copies]:
    """Return a sector's photos, the lights of all of them, and which of its texels each of the stone's texels is."""
    place = np.stack([places.column - symmetry.centre[0], symmetry.centre[1] - places.row], axis=1)
    sector = np.flatnonzero(_within(place, symmetry, MARGIN))
    most = MOST_COPIES if len(stack.texels) * len(rig.direction) <= MANY else FEWER_COPIES
    moves = few_moves(symmetry.moves, most, rig.direction, rig.radius_rad)
    source = np.stack([_texel_at(place[sector] @ move.T, places, symmetry) for move in moves], axis=1)
    folded = FoldedStack(stack, source, stack.texels[sector])
    direction = np.concatenate([move_back(rig.direction, move) for move in moves])
    copies = len(moves)
    lights = LightRig(
        direction, rig.radius_rad, np.tile(rig.irradiance, (copies, 1)), np.tile(rig.residual_rad, copies)
    )
    number = np.full(len(places.row), -1, np.int64)
    number[sector] = np.arange(len(sector))
    its_move, its_texel = np.zeros(len(place), np.int64), np.full(len(place), -1, np.int64)
    for j in reversed(range(len(symmetry.moves))):
        back = place @ symmetry.moves[j]
        there = np.flatnonzero(_within(back, symmetry, 1e-6))
        own = _texel_at(back[there], places, symmetry)
        its_move[there], its_texel[there] = j, np.where(own < 0, -1, number[own])
    return folded, lights, Copies(symmetry, its_move, its_texel)


def unfold(copies: Copies, sets: LobeSets, facets: Facets, goal: LobeSets) -> Facets:
    """Write the lobes of a sector to all of its copies, into goal, and return their facets, each copy's its own.

    Every lobe has a facet.
    """
    moves, count = copies.symmetry.moves, len(facets.width)
    flip = np.diag([1.0, -1.0])
    parts = []
    for j, move in enumerate(moves):
        its = np.flatnonzero(copies.move == j)
        source = np.maximum(copies.texel[its], 0)
        goal.number[its] = np.where(copies.texel[its] < 0, 0, sets.number[source])
        goal.width[its] = sets.width[source]
        goal.amplitude[its] = sets.amplitude[source]
        goal.facet[its] = np.where(sets.facet[source] < 0, -1, sets.facet[source] + count * j)
        direction = sets.direction[source]
        direction[..., :2] = np.einsum("tka,ba->tkb", direction[..., :2], move.astype(np.float32))
        goal.direction[its] = direction
        over = flip @ move @ flip  # of columns and rows
        plane = facets.plane.copy()
        plane[:, 1:] = np.einsum("ab,fbj->faj", over, facets.plane[:, 1:])
        plane[:, :, :2] = plane[:, :, :2] @ move.T
        fire = facets.fire.copy()
        fire[:, :, :2] = fire[:, :, :2] @ move.T
        centre = (facets.centre - copies.symmetry.centre) @ over.T + copies.symmetry.centre
        parts.append(facets._replace(centre=centre, plane=plane, fire=fire))
    return join_facets(parts)


def _within(place: F64, symmetry: Symmetry, margin: float) -> Bool:
    """Tell which places (T, 2) right of and above the centre lie in the sector, or within a margin of it."""
    begin, end = symmetry.start, symmetry.start + symmetry.sector
    left_of_begin = place[:, 1] * np.cos(begin) - place[:, 0] * np.sin(begin)
    right_of_end = place[:, 0] * np.sin(end) - place[:, 1] * np.cos(end)
    within: Bool = (left_of_begin >= -margin) & (right_of_end >= -margin)
    return within


def _texel_at(place: F64, places: Places, symmetry: Symmetry) -> I64:
    """Return the texels (N,) nearest to places (N, 2) right of and above the centre; -1 where the stone is not."""
    height, width = places.texel.shape
    column = np.rint(symmetry.centre[0] + place[:, 0]).astype(np.int64)
    row = np.rint(symmetry.centre[1] - place[:, 1]).astype(np.int64)
    there = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    found = places.texel[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return np.where(there, found, -1).astype(np.int64)
