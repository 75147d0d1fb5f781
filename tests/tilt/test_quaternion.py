"""Quaternions against SciPy's rotations, which know nothing of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from geodfx.errors import ViewError
from geodfx.tilt.quaternion import (
    Quaternion,
    conjugate,
    from_device_angles,
    from_matrix,
    from_rotation_vector,
    nearest_sign,
    product,
    swing,
    unit,
)


def rotation(q: Quaternion) -> Rotation:
    return Rotation.from_quat([q.x, q.y, q.z, q.w])


def quaternion(turn: Rotation) -> Quaternion:
    x, y, z, w = turn.as_quat().tolist()
    return Quaternion(w, x, y, z)


def assert_same(q: Quaternion, turn: Rotation) -> None:
    assert math.hypot(*q) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(rotation(q).as_matrix(), turn.as_matrix(), atol=1e-12)


def random_rotations(count: int) -> list[Rotation]:
    return [Rotation.random(rng=seed) for seed in range(count)]


@pytest.mark.parametrize("beta_deg", [-180, -90, -30, 0, 89.9, 90, 90.1, 180])
@pytest.mark.parametrize("gamma_deg", [-90, -20, 0, 90])
def test_device_angles_turn_about_z_then_the_new_x_then_the_new_y(beta_deg, gamma_deg):
    for alpha_deg in (0, 33, 180, 359.9):
        angles = (alpha_deg, beta_deg, gamma_deg)
        assert_same(from_device_angles(*np.radians(angles).tolist()), Rotation.from_euler("ZXY", angles, degrees=True))


def test_products_and_ways_back_are_those_of_rotations():
    turns = random_rotations(40)
    for a, b in zip(turns[::2], turns[1::2], strict=True):
        assert_same(product(quaternion(a), quaternion(b)), a * b)
        assert_same(conjugate(quaternion(a)), a.inv())


@pytest.mark.parametrize("axis", np.vstack([np.eye(3), np.ones((1, 3)), -np.eye(3)]).tolist())
@pytest.mark.parametrize("angle", [0.0, 1e-9, 2.0, math.pi - 1e-7, math.pi])
def test_matrices_give_their_rotation_even_at_half_turns(axis, angle):
    turn = Rotation.from_rotvec(angle * np.array(axis) / np.linalg.norm(axis))
    assert_same(from_matrix(turn.as_matrix().tolist()), turn)


@pytest.mark.parametrize(
    "rows",
    [np.diag([1, 1, -1]), np.eye(3) * 1.01, np.full((3, 3), math.nan), np.zeros((3, 3)), np.eye(3)[[1, 0, 2]]],
)
def test_a_matrix_that_is_no_rotation_is_refused(rows):
    with pytest.raises(ViewError, match="is not a rotation"):
        from_matrix(rows.tolist())


@pytest.mark.parametrize("length", [0.0, 1e-13, 1e-6, 0.5, 3.0])
def test_rotation_vectors_turn_about_themselves(length):
    vector = (length * np.array([2, -1, 2]) / 3).tolist()
    assert_same(from_rotation_vector(*vector), Rotation.from_rotvec(vector))


def test_a_swing_is_what_a_twist_leaves():
    for turn in random_rotations(50):
        x, y = swing(quaternion(turn))
        twist = turn * Rotation.from_rotvec([x, y, 0]).inv()
        np.testing.assert_allclose(twist.apply([0, 0, 1]), [0, 0, 1], atol=1e-9)
        assert math.hypot(x, y) == pytest.approx(math.acos(turn.as_matrix()[2, 2]), abs=1e-7)


def test_a_twist_before_the_screens_normal_moves_or_the_sign_changes_no_swing():
    q = quaternion(Rotation.from_rotvec([0.3, -0.2, 0.0]))
    assert swing(q) == pytest.approx((0.3, -0.2))
    assert swing(Quaternion(*(-value for value in q))) == pytest.approx((0.3, -0.2))
    assert swing(product(from_rotation_vector(0, 0, 2.5), q)) == pytest.approx((0.3, -0.2))


def test_half_a_turn_swings_by_pi():
    assert math.hypot(*swing(Quaternion(0.0, 0.6, 0.8, 0.0))) == pytest.approx(math.pi)


def test_alpha_goes_through_360_degrees_without_a_jump_in_sign():
    poses = [from_device_angles(math.radians(alpha % 360), 1.0, 0.2) for alpha in range(300, 420)]
    jumps = [math.dist(a, b) for a, b in pairwise(poses)]
    smooth = poses[:1]
    for pose in poses[1:]:
        smooth.append(nearest_sign(pose, smooth[-1]))
    assert max(jumps) > 1.9
    assert max(math.dist(a, b) for a, b in pairwise(smooth)) < 0.01


@pytest.mark.parametrize("q", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (math.inf, 0, 0, 1)])
def test_what_has_no_direction_is_refused(q):
    with pytest.raises(ViewError, match="is not a rotation; give a unit quaternion"):
        unit(Quaternion(*q))
