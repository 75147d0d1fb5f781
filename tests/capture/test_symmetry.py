"""Symmetric stones: which moves map them onto themselves, and what the copies of a texel tell of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geodfx.arrays import F64, I64
from geodfx.basis import light_kernel
from geodfx.capture import capture
from geodfx.capture.facet_find import Facets, look_along
from geodfx.capture.fit_lobes import fit_lobes
from geodfx.capture.fit_settings import FAST
from geodfx.capture.fit_state import find_places
from geodfx.capture.fit_symmetric import fit_symmetric
from geodfx.capture.fit_texels import fit_bases, make_state
from geodfx.capture.fold import FoldedStack, fold, unfold
from geodfx.capture.lobe_work import make_lobe_sets
from geodfx.capture.photos import RadianceStack
from geodfx.capture.rig import LightRig
from geodfx.capture.session import read_session
from geodfx.capture.symmetry import Symmetry, find_symmetry
from geodfx.evaluate import evaluate
from tests.capture.test_fit import RADIUS, dome, rig, seen

SAMPLES = Path(__file__).parents[2] / "samples"
SIZE = 72
CENTRE = (36.8, 33.1)
CELL = 12.0  # texels


def moves_of(order: int, axis: float | None) -> F64:
    """Return the moves (G, 2, 2) of right and up."""
    moves = []
    for k in range(order):
        a = 2 * math.pi * k / order
        turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
        moves.append(turn)
        if axis is not None:
            c, s = math.cos(2 * axis), math.sin(2 * axis)
            moves.append(turn @ np.array([[c, s], [s, -c]]))
    return np.array(moves)


def exits_of(order: int, axis: float | None, place: F64) -> F64:
    """Return the exit directions (T, 3) of a stone whose cells, of one sector and at random, its moves repeat."""
    moves = moves_of(order, axis)
    sector = 2 * math.pi / len(moves)
    exits = np.zeros((len(place), 3))
    for move in moves:
        back = place @ move
        angle = (np.arctan2(back[:, 1], back[:, 0]) - (axis or 0.0)) % (2 * math.pi)
        its = angle < sector
        cell = np.floor(back[its] / CELL).astype(np.int64)
        draws = np.random.default_rng(3).normal(scale=0.35, size=(41, 41, 2))
        direction = draws[cell[:, 0] % 41, cell[:, 1] % 41]
        exits[its, :2] = np.clip(direction, -0.65, 0.65) @ move.T
    exits[:, 2] = np.sqrt(np.maximum(1 - (exits**2).sum(axis=1), 0.05))
    return exits


def stone_of(order: int, axis: float | None, lights: F64) -> tuple[RadianceStack, F64]:
    """Return a round symmetric stone's photos and exit directions."""
    row, column = np.divmod(np.arange(SIZE * SIZE), SIZE)
    place = np.stack([column - CENTRE[0], CENTRE[1] - row], axis=1)
    texels = np.flatnonzero(np.hypot(*place.T) < 30)
    exits = exits_of(order, axis, place[texels])
    radiance = light_kernel(RADIUS)[0] * 0.2 * seen(exits, lights, RADIUS) + 0.01
    codes = np.repeat(radiance[..., None], 3, axis=2).astype(np.float32)
    return RadianceStack(codes, None, None, texels, (SIZE, SIZE)), exits


@pytest.mark.parametrize(
    ("order", "axis_deg", "name"), [(1, None, None), (1, 35.0, "D1"), (2, 70.0, "D2"), (3, 17.0, "D3"), (4, None, "C4")]
)
def test_the_moves_of_a_stone_are_found_about_any_point(order: int, axis_deg: float | None, name: str | None):
    lights = dome(64)
    axis = None if axis_deg is None else math.radians(axis_deg)
    stack, _ = stone_of(order, axis, lights)
    found = find_symmetry(stack, lights, 0.3)
    assert (None if found is None else found.name) == name
    if found is None:
        return
    if order > 1:
        assert np.abs(found.centre - CENTRE).max() < 0.6
    wanted = moves_of(order, axis)
    apart = np.abs(found.moves[:, None] - wanted[None]).max(axis=(2, 3)).min(axis=1)
    assert apart.max() < math.radians(1.5) and len(found.moves) == len(wanted)


def test_lights_that_tell_too_little_tell_of_no_symmetry():
    lights = dome(64)[[0, 5, 9, 14, 20]]
    assert find_symmetry(stone_of(2, 0.3, lights)[0], lights, 0.3) is None


def found_as(order: int, axis: float) -> Symmetry:
    moves = moves_of(order, axis)
    first = [int(np.abs(moves - np.eye(2)).max(axis=(1, 2)).argmin())]
    return Symmetry(
        np.array(CENTRE), moves[first + [j for j in range(len(moves)) if j not in first]], axis, math.pi / order
    )


def test_a_sector_has_the_photos_of_all_copies_and_their_lights():
    """Each texel of a sector answers to the lights of its copies as its own exit direction would."""
    lights, symmetry = dome(48), found_as(3, 0.3)
    stack, exits = stone_of(3, 0.3, lights)
    folded, its_lights, copies = fold(stack, rig(lights), find_places(stack), symmetry)
    assert folded.size == stack.size and len(its_lights.direction) == folded.source.shape[1] * len(lights)
    assert len(stack.texels) / 6 <= len(folded.texels) < len(stack.texels) / 4  # a sector and its rim
    radiance, clear = folded.at(slice(0, len(folded.texels)))
    own = np.searchsorted(stack.texels, folded.texels)
    wanted = light_kernel(RADIUS)[0] * 0.2 * seen(exits[own], its_lights.direction, RADIUS) + 0.01
    there = clear > 0
    alike = np.abs(radiance[..., 0] - wanted)[there] < 1e-3 * wanted.max()
    assert alike.mean() > 0.9  # the rest: copies whose nearest texel lies in another cell
    assert (radiance[~there] == 0).all()
    assert (copies.texel >= 0).mean() > 0.98
    part = folded.part(np.array([3, 5]))
    np.testing.assert_array_equal(part.at(slice(0, 2))[0], radiance[[3, 5]])


def test_what_a_sector_has_comes_back_in_every_copy():
    lights, symmetry = dome(48), found_as(3, 0.3)
    stack, exits = stone_of(3, 0.3, lights)
    places = find_places(stack)
    folded, _, copies = fold(stack, rig(lights), places, symmetry)
    own = np.searchsorted(stack.texels, folded.texels)
    sector, whole = make_lobe_sets(len(own)), make_lobe_sets(len(stack.texels))
    count = len(own)
    sector.number[:], sector.facet[:, 0] = 1, np.arange(count)
    sector.direction[:, 0], sector.amplitude[:, 0] = exits[own], 0.5
    slope = np.random.default_rng(0).normal(scale=0.003, size=(count, 2, 3))
    plane = np.concatenate([exits[own][:, None], slope], axis=1)
    centre = np.stack([places.column[own], places.row[own]], axis=1).astype(np.float64)
    fire = np.zeros((count, 3, 3))
    facets = Facets(centre, plane, fire, np.zeros(count, np.float32), np.zeros((count, 2)), np.zeros(count))
    unfolded = unfold(copies, sector, facets, whole)
    assert len(unfolded.width) == 6 * count and (whole.number == (copies.texel >= 0)).all()
    shown = np.flatnonzero(whole.number)
    apart = np.linalg.norm(whole.direction[shown, 0] - exits[shown], axis=1)
    assert np.mean(apart < 1e-3) > 0.9
    facet: I64 = whole.facet[shown, 0].astype(np.int64)
    seen_there = look_along(unfolded, facet, places.column[shown], places.row[shown])[:, 0]
    # A copy's texel lies up to 0.7 texels from where its facet is centred.
    assert np.mean(np.linalg.norm(seen_there - exits[shown], axis=1) < 0.02) > 0.9
    far = look_along(unfolded, facet, unfolded.centre[facet, 0] + 1, unfolded.centre[facet, 1])[:, 0]
    moves = symmetry.moves[copies.move[shown]]
    flip = np.diag([1.0, -1.0])
    steps = np.einsum("ij,njk,kl->nil", flip, moves, flip).transpose(0, 2, 1) @ np.array([1.0, 0.0])
    source = copies.texel[shown]
    first = look_along(facets, source, centre[source, 0] + steps[:, 0], centre[source, 1] + steps[:, 1])[:, 0]
    first[:, :2] = np.einsum("nij,nj->ni", moves, first[:, :2])
    np.testing.assert_allclose(far, first, atol=1e-6)


def test_a_copy_that_is_not_there_counts_for_nothing():
    lights, symmetry = dome(48), found_as(2, 0.0)
    stack, _ = stone_of(2, 0.0, lights)
    half = stack.texels % SIZE > CENTRE[0]
    part = RadianceStack(np.asarray(stack.codes)[half], None, None, stack.texels[half], stack.size)
    folded, _, _ = fold(part, rig(lights), find_places(part), symmetry)
    radiance, clear = folded.at(slice(0, len(folded.texels)))
    missing = np.repeat(folded.source < 0, len(lights), axis=1)
    assert missing.any() and not clear[missing].any() and not radiance[missing].any()


@pytest.mark.parametrize("sample", ["emerald", "aventurine"])
def test_symmetry_is_believed_where_photos_bear_it_out(sample: str):
    """A step cut is told better by its copies; a pebble's outline is as even, and its flakes are not."""
    folder = SAMPLES / sample
    stone = capture(read_session(folder / "train"), settings=FAST).stone
    if sample == "aventurine":
        assert "symmetry" not in stone.provenance
        return
    alone = capture(read_session(folder / "train"), settings=replace(FAST, symmetry=False, cut=False)).stone
    assert stone.provenance["symmetry"] == "D2" and "symmetry" not in alone.provenance
    heldout = read_session(folder / "heldout")
    assert evaluate(stone, heldout).psnr_db > evaluate(alone, heldout).psnr_db + 1.5


def test_a_stone_that_is_like_its_copies_only_in_part_is_fitted_alone_there():
    """A part of a symmetric stone is exchanged: lobes there come from its own photos."""
    lights = dome(64)
    stack, exits = stone_of(2, 0.2, lights)
    assert isinstance(stack, RadianceStack) and not isinstance(stack, FoldedStack)
    row, column = np.divmod(stack.texels, SIZE)
    odd = (column - CENTRE[0] > 12) & (CENTRE[1] - row > 12)
    other, other_exits = stone_of(1, None, lights)
    codes = np.where(odd[:, None, None], np.roll(np.asarray(other.codes), 5, axis=0), np.asarray(stack.codes))
    exits = np.where(odd[:, None], np.roll(other_exits, 5, axis=0), exits)
    mixed = RadianceStack(codes, None, None, stack.texels, stack.size)
    model = fit_lobes(mixed, LightRig(lights, RADIUS, np.ones((64, 3), np.float32), np.zeros(64)), 0.3, 0.0, 1 << 20)
    assert model.symmetry == "D2"
    light = model.light(0, len(codes))
    error = np.abs(np.minimum(light * 0.3, 1) - np.minimum(codes * 0.3, 1)).mean(axis=(1, 2))
    assert error[odd].mean() < 2 * error[~odd].mean() + 2e-3


def test_a_large_picture_is_looked_at_in_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("geodfx.capture.symmetry.MOST_SIDE", SIZE // 2)
    lights = dome(64)
    found = find_symmetry(stone_of(3, 0.3, lights)[0], lights, 0.3)
    assert found is not None and found.name == "D3"
    assert np.abs(found.centre - CENTRE).max() < 1.0


def test_smooth_texels_are_left_without_lobes_and_a_smooth_stone_alone():
    lights = dome(64)
    stack, _ = stone_of(2, 0.2, lights)
    state = make_state(stack, rig(lights), 0.3, FAST, None, formed=False)
    fit_bases(state)
    state.smooth[:] = True
    assert fit_symmetric(state, rig(lights), 0.0) is None
    state.smooth[:] = False
    state.smooth[::7] = True
    found = fit_symmetric(state, rig(lights), 0.0)
    assert found is not None and found.symmetry == "D2"
    assert state.sets.number[::7].max() == 0 < state.sets.number.mean()
