"""Rays that are followed by the faces that they met before."""

from __future__ import annotations

import numpy as np

from geodfx.capture.cut_paths import list_rays, show_each
from geodfx.capture.cut_view import show_planes
from tests.capture.test_cut import CUT, INDEX, NUMBERS, SCENE, TILTS


def test_rays_by_their_paths_show_what_all_planes_show():
    place = SCENE.place(*(each.ravel() for each in np.mgrid[4:60:3, 4:60:3]))
    tilts = np.arange(0, len(TILTS), 3)
    rays = list_rays(SCENE, place, tilts)
    trials = [NUMBERS]
    for j in range(len(NUMBERS)):
        trials += [CUT.moved(NUMBERS, j, way * CUT.step[j]) for way in (1, -1)]
    trials.append(NUMBERS)  # nothing moves
    cuts = [(CUT.planes(numbers), float(numbers[0]), 0.5 + float(numbers[1])) for numbers in trials]
    by_path = show_each(SCENE, cuts, rays, 1.0)
    first = show_planes(SCENE, *cuts[0], place, tilts)
    changed = wrong = 0.0
    for e, cut in enumerate(cuts):
        shown = show_planes(SCENE, *cut, place, tilts)
        changed += np.sum((shown - first) ** 2)
        wrong += np.sum((by_path.of(e) - shown) ** 2)
    assert first.max() > 0.3 and (first[:5] == 0).any()
    assert wrong < 0.05 * changed  # some meet a third plane
    np.testing.assert_allclose(by_path.of(0), first, atol=1e-4)
    np.testing.assert_array_equal(by_path.of(len(cuts) - 1), by_path.of(0))


def test_rays_that_change_their_paths_show_the_new_ones():
    # Steps so large that many rays meet other faces, or the rim, which they passed by.
    place = SCENE.place(*(each.ravel() for each in np.mgrid[2:62:2, 2:62:2]))
    tilts = np.arange(0, len(TILTS), 4)
    sides = range(6, 6 + len(CUT.turns))
    moved = [NUMBERS, *(CUT.moved(NUMBERS, j, 0.01) for j in (2, *sides, *CUT.distances))]
    cuts = [(CUT.planes(numbers), INDEX, 0.0) for numbers in moved]
    by_path = show_each(SCENE, cuts, list_rays(SCENE, place, tilts), 1.0)
    shown = np.array([show_planes(SCENE, *cut, place, tilts) for cut in cuts])
    changed = shown - shown[0]
    assert (np.abs(changed) > 0.01).mean() > 0.01
    off = np.array([by_path.of(e) for e in range(len(cuts))]) - shown
    assert np.sum(off**2) < 0.1 * np.sum(changed**2)


def test_places_that_no_ray_meets_the_stone_through_are_dark():
    place = np.array([[2.0, 0.0], [0.0, -2.0]])
    cuts = [(CUT.planes(NUMBERS), INDEX, 0.0)] * 2
    shown = show_each(SCENE, cuts, list_rays(SCENE, place, np.arange(3)), 1.0)
    assert shown.of(1).shape == (2, 3) and (shown.of(1) == 0).all()
