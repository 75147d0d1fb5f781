"""Large pictures: lobes are found in a small one, and each texel chooses among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import geodfx
from geodfx.capture import coarse
from geodfx.capture.coarse import CoarseStack, coarse_stack, refine, scale_of
from geodfx.capture.facet_find import Facets, look_along
from geodfx.capture.fit_state import find_places
from geodfx.capture.lobe_work import make_lobe_sets
from geodfx.capture.photos import RadianceStack

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "diamond"
LIGHTS = 5
SCALE = 3


def picture(shape=(13, 17), seed=0):
    """Return a stack of random codes of a ragged stone, some clipped."""
    rng = np.random.default_rng(seed)
    texels = np.flatnonzero(rng.random(shape[0] * shape[1]) < 0.7).astype(np.int64)
    codes = rng.integers(0, 256, (len(texels), LIGHTS, 3), np.uint8)
    return RadianceStack(codes, np.linspace(0, 2, 256).astype(np.float32), 250, texels, shape[::-1])


def test_a_stone_of_a_small_picture_is_fitted_as_it_is():
    assert [scale_of(count) for count in (1, 33_716, 131_071, 131_072, 539_456, 4_000_000)] == [1, 1, 1, 2, 4, 11]


def test_a_square_shows_the_mean_of_its_texels_and_is_clear_where_all_are():
    stack = picture()
    places = find_places(stack)
    small = coarse_stack(stack, places, SCALE)
    assert small.size == (6, 5)
    assert (np.diff(small.texels) > 0).all()
    radiance, clear = stack.at(slice(None))
    small_radiance, small_clear = small.at(slice(None))
    for k, square in enumerate(small.texels):
        row, column = divmod(int(square), 6)
        its = np.flatnonzero((places.row // SCALE == row) & (places.column // SCALE == column))
        assert len(its) > 0
        np.testing.assert_array_equal(np.flatnonzero(small.its == k), its)
        np.testing.assert_allclose(small_radiance[k], radiance[its].mean(axis=0), rtol=1e-5)
        np.testing.assert_array_equal(small_clear[k], clear[its].min(axis=0))
    assert 0 < small_clear.mean() < 1


def test_a_facet_looks_the_same_way_from_the_texels_of_a_square_as_from_the_square():
    stack = picture()
    places = find_places(stack)
    small = coarse_stack(stack, places, SCALE)
    sets, goal, near = make_lobe_sets(len(small.texels)), make_lobe_sets(len(stack.texels)), find_places(small)
    rng = np.random.default_rng(1)
    plane = rng.normal(size=(4, 3, 3)) * 0.01
    plane[:, 0] += [0.1, 0.2, 0.9]
    nothing = np.zeros((4, 2))
    facets = Facets(
        rng.random((4, 2)) * 5,
        plane,
        plane[:, :1] * 0.01 + np.zeros((4, 3, 3)),
        np.full(4, 0.1, np.float32),
        nothing,
        nothing[:, 0],
    )
    sets.number[:] = 1 + np.arange(len(sets.number)) % 2
    sets.facet[:, 0] = np.arange(len(sets.number)) % 4
    sets.facet[:, 1] = -1
    sets.direction[:, 1] = [0.6, 0.0, 0.8]
    sets.amplitude[:] = rng.random(sets.amplitude.shape)
    fine = refine(small, sets, facets, places, SCALE, goal)
    np.testing.assert_array_equal(goal.facet, sets.facet[small.its])
    np.testing.assert_array_equal(goal.amplitude, sets.amplitude[small.its])
    np.testing.assert_array_equal(
        goal.direction[goal.number == 2, 1], np.full((np.sum(goal.number == 2), 3), [0.6, 0, 0.8], np.float32)
    )
    facet = sets.facet[:, 0].astype(np.int64)
    of_square = look_along(facets, facet, near.column, near.row)
    middle = SCALE * np.stack([near.column, near.row], axis=1) + (SCALE - 1) / 2
    np.testing.assert_allclose(look_along(fine, facet, middle[:, 0], middle[:, 1]), of_square, atol=1e-12)
    plain = fine._replace(fire=np.zeros_like(fine.fire))
    own = look_along(plain, goal.facet[:, 0].astype(np.int64), places.column, places.row)[:, 1]
    np.testing.assert_allclose(goal.direction[:, 0], own, atol=1e-6)
    assert np.abs(goal.direction[:, 0] - of_square[small.its, 1]).max() > 1e-3


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_picture_fitted_in_squares_meets_lights_that_were_not_photographed(
    symmetric, monkeypatch: pytest.MonkeyPatch
):
    made: list[CoarseStack] = []

    def remember(*args):
        made.append(coarse_stack(*args))
        return made[-1]

    monkeypatch.setattr(coarse, "FEWEST", 2000)
    monkeypatch.setattr("geodfx.capture.fit_large.coarse_stack", remember)
    if not symmetric:
        monkeypatch.setattr("geodfx.capture.fit_symmetric.find_symmetry", lambda *_: None)
    stone = geodfx.process(SAMPLE / "train", fast=True)
    score = geodfx.evaluate(stone, SAMPLE / "heldout")
    print(f"{score.psnr_db:.2f} / {score.flux:.3f} / {score.flash_f1:.3f}")
    assert len(made) == 1 and made[0].size == (72, 72)
    assert ("symmetry" in stone.provenance) == symmetric
    assert score.psnr_db > 22
    assert 0.9 < score.flux < 1.1
