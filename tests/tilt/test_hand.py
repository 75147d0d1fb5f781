"""A hand made up: its bands, its rates, and the way from poses to what a device tells."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from geodfx.errors import ViewError
from geodfx.tilt import Hand, hold
from geodfx.tilt.hand import device_angles
from geodfx.tilt.quaternion import Quaternion, from_device_angles


def test_a_pose_is_told_as_angles_in_their_ranges():
    for seed in range(200):
        turn = Rotation.random(rng=seed)
        x, y, z, w = turn.as_quat().tolist()
        alpha, beta, gamma = device_angles(Quaternion(w, x, y, z))
        assert 0 <= alpha < 2 * math.pi
        assert abs(beta) <= math.pi
        assert abs(gamma) <= math.pi / 2
        back = Rotation.from_euler("ZXY", (alpha, beta, gamma))
        np.testing.assert_allclose(back.as_matrix(), turn.as_matrix(), atol=1e-9)


@pytest.mark.parametrize("beta", [-math.pi / 2, math.pi / 2])
def test_an_upright_pose_is_told_as_well(beta):
    pose = from_device_angles(1.0, beta, 0.4)
    alpha, told, gamma = device_angles(pose)
    assert (told, gamma) == (pytest.approx(beta), 0)
    np.testing.assert_allclose(np.abs(np.dot(from_device_angles(alpha, told, gamma), pose)), 1, atol=1e-12)


def test_a_hand_trembles_and_sways_as_told():
    hand = Hand(seed=2, tremor_rad=0.004, sway_rad=0.03)
    time = np.arange(60 * 100) / 100
    turned = hand.rotation_vectors(time)
    power = np.abs(np.fft.rfft(turned * np.hanning(len(time))[:, None], axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(time), 0.01)
    fast, slow = (frequency > 7.9) & (frequency < 12.1), frequency < 0.6
    assert power[~fast & ~slow].sum() < 1e-3 * power[fast].sum()
    share = power[fast].sum(axis=0) / power[slow].sum(axis=0)
    np.testing.assert_allclose(share, (0.004 / 0.03) ** 2, rtol=0.5)
    np.testing.assert_allclose(turned.std(axis=0), 0.03, rtol=0.3)


def test_one_hand_is_one_motion_at_any_rate():
    slow, fast = hold(Hand(seed=5), 2, 30), hold(Hand(seed=5), 2, 120)
    np.testing.assert_allclose(fast.device_rad[::4], slow.device_rad, atol=1e-9)
    assert np.abs(hold(Hand(seed=6), 2, 30).device_rad - slow.device_rad).max() > 0.01


def test_steps_are_as_large_as_told():
    told = np.degrees(hold(Hand(), 1, 60, 0.1).device_rad)
    np.testing.assert_allclose(told * 10, np.round(told * 10), atol=1e-9)
    assert 0.04 < np.abs(np.degrees(hold(Hand(), 1, 60).device_rad) - told).max() <= 0.0501


@pytest.mark.parametrize("told", [(0, 60, 0), (1, 5, 0), (1, 60, -1), (1, math.nan, 0), (math.inf, 60, 0)])
def test_what_cannot_be_held_is_refused(told):
    with pytest.raises(ViewError, match="cannot be held; give up to 3600 s"):
        hold(Hand(), *told)


@pytest.mark.parametrize("told", [{"tremor_rad": -0.1}, {"sway_rad": math.nan}, {"tremor_rad": 3.0}])
def test_a_hand_that_is_not_steady_enough_is_refused(told):
    with pytest.raises(ViewError, match="is not within 0 and pi/6; give radians"):
        Hand(**told)
