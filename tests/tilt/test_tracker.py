"""What a stone shows of a phone's motion: signs, gimbals, dropouts, calm and lag."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import geodfx
from geodfx.errors import ViewError
from geodfx.tilt import (
    Hand,
    Quaternion,
    TiltSettings,
    TiltTracker,
    Trace,
    from_device_angles,
    from_matrix,
    hold,
    replay,
)
from geodfx.tilt.filter import soft_limit
from geodfx.tilt.hand import device_angles
from geodfx.tilt.tracker import stone_tilt
from geodfx.tilting import tilt_rotation

STILL = {"recentre_s": math.inf, "limit_rad": 1.5}  # the neutral pose stays, and no limit is near
BARE = TiltSettings(min_cutoff_hz=1000.0, lead_s=0.0, **STILL)  # nor is anything filtered, after a few samples
RATES_HZ = (30, 60, 90, 120)


def degrees_pose(alpha: float, beta: float, gamma: float) -> Quaternion:
    return from_device_angles(math.radians(alpha), math.radians(beta), math.radians(gamma))


def settled(first: Quaternion, then: Quaternion, screen_rad: float = 0.0) -> tuple[float, float]:
    """Return the tilt of a phone taken up in one pose and held in another until the filter has come there.

    The limit of 1.5 shortens it, 10 degrees by 5 in 100000.
    """
    tracker = TiltTracker(BARE)
    tracker.update(0.0, first, screen_rad)
    for i in range(1, 9):
        tilt = tracker.update(i / 60, then, screen_rad)
    return tilt


def along(poses, rate_hz: float = 60.0, settings: TiltSettings = BARE) -> np.ndarray:
    tracker = TiltTracker(settings)
    return np.array([tracker.update(i / rate_hz, pose) for i, pose in enumerate(poses)])


def nodding(rate_hz: float, hz: float, amplitude_deg: float, step_deg: float = 0.1) -> tuple[Trace, np.ndarray]:
    """Return 8 s of a phone that nods by a sine about beta = 50 degrees, and its true pitch."""
    time = np.arange(round(8 * rate_hz)) / rate_hz
    pitch_deg = amplitude_deg * np.sin(2 * np.pi * hz * time)
    device = np.radians([(0, round((50 + pitch) / step_deg) * step_deg, 0) for pitch in pitch_deg.tolist()])
    return Trace(time, device, np.zeros_like(time)), np.radians(pitch_deg)


def lag_s(shown: np.ndarray, truth: np.ndarray, rate_hz: float, hz: float) -> float:
    """Return by how much a sine comes late, from its phase over whole periods of the last 4 s."""
    count = round(4 * rate_hz)
    wave = np.exp(-2j * np.pi * hz * np.arange(count) / rate_hz)
    return float(-np.angle((shown[-count:] @ wave) / (truth[-count:] @ wave)) / (2 * np.pi * hz))


def test_signs_are_those_of_a_stone_that_lies_on_the_screen():
    for first in ((0, 0, 0), (0, 50, 0), (200, 90, 0)):
        pitch, roll = settled(degrees_pose(*first), degrees_pose(first[0], first[1] + 10, 0))
        assert (pitch, roll) == pytest.approx((math.radians(10), 0), abs=1e-5)
    pitch, roll = settled(degrees_pose(0, 50, 0), degrees_pose(0, 50, 10))
    assert (pitch, roll) == pytest.approx((0, math.radians(10)), abs=1e-5)
    assert geodfx.Tilt(pitch, roll).rotation()[2, 0] < 0  # the right edge is away


@pytest.mark.parametrize("screen_deg", [0, 90, 180, 270])
def test_the_viewer_stands_where_the_phones_turn_puts_him(screen_deg):
    # At an angle of 90 degrees the device is turned counterclockwise: the screen's x is the device's -y, its y the x.
    to_device = Rotation.from_euler("z", -screen_deg, degrees=True)
    np.testing.assert_allclose(
        to_device.apply([1, 0, 0]),
        {0: [1, 0, 0], 90: [0, -1, 0], 180: [-1, 0, 0], 270: [0, 1, 0]}[screen_deg],
        atol=1e-12,
    )
    for seed in range(20):
        first = Rotation.random(rng=seed)
        turn = Rotation.from_rotvec(np.random.default_rng(seed).uniform(-0.7, 0.7, 3))  # in the device's axes
        poses = [from_matrix(pose.as_matrix().tolist()) for pose in (first, first * turn)]
        tilt = settled(*poses, math.radians(screen_deg))
        x, y, z = to_device.inv().apply(turn.inv().apply([0, 0, 1]))
        limited, _ = soft_limit((math.acos(z), 0.0), 1.5)
        seen = [math.sin(limited) * x / math.hypot(x, y), math.sin(limited) * y / math.hypot(x, y), math.cos(limited)]
        np.testing.assert_allclose(tilt_rotation(*tilt).T @ [0, 0, 1], seen, atol=1e-9)


def test_a_twist_about_the_view_axis_tilts_nothing():
    held = Rotation.from_euler("ZXY", [20, 70, 5], degrees=True)
    for angle in (10, 90, 179, -120):
        twisted = held * Rotation.from_euler("z", angle, degrees=True)
        assert settled(*(from_matrix(r.as_matrix().tolist()) for r in (held, twisted))) == pytest.approx(
            (0, 0), abs=1e-9
        )


def test_the_edge_that_the_screen_shows_on_the_right_goes_away():
    upright = degrees_pose(0, 90, 0)
    right_down = degrees_pose(0, 100, 0)  # the device's top, which at 270 degrees is the screen's right, comes nearer
    assert settled(upright, right_down, math.radians(270)) == pytest.approx((0, math.radians(-10)), abs=1e-5)
    assert settled(upright, right_down, math.radians(90)) == pytest.approx((0, math.radians(10)), abs=1e-5)
    assert settled(upright, right_down, math.radians(180)) == pytest.approx((math.radians(-10), 0), abs=1e-5)


def test_when_the_screen_turns_what_is_shown_turns_with_it_at_once():
    tracker = TiltTracker()
    for i in range(60):
        tilt = tracker.update(i / 60, degrees_pose(0, 50 + 0.2 * i, 0))
    turned = tracker.update(59 / 60, degrees_pose(0, 50 + 0.2 * 59, 0), math.radians(90))
    assert tilt.pitch_rad > 0.1
    assert turned == pytest.approx((0, tilt.pitch_rad), abs=2e-3)


def test_upright_a_small_motion_stays_small_though_alpha_and_gamma_jump():
    turns = Hand(seed=3, tremor_rad=0.002, sway_rad=0.01).rotation_vectors(np.arange(600) / 60)
    upright = Rotation.from_euler("ZXY", [40, 90, 0], degrees=True)
    matrices = (upright * Rotation.from_rotvec(turns)).as_matrix().tolist()
    angles = np.array([device_angles(from_matrix(rows)) for rows in matrices])
    assert np.degrees(np.abs(np.diff(angles[:, 2]))).max() > 30  # what the device tells
    tilts = along([from_device_angles(*row) for row in angles.tolist()])
    assert np.abs(np.diff(tilts, axis=0)).max() < 1.1 * np.abs(np.diff(turns[:, :2], axis=0)).max()
    seen = (Rotation.from_rotvec(turns).inv() * Rotation.from_rotvec(turns[0])).apply([0, 0, 1])
    np.testing.assert_allclose(tilts, np.stack([seen[:, 1], -seen[:, 0]], axis=1), atol=1e-4)


@pytest.mark.parametrize(
    ("axis", "start"),
    [
        ([1, 0, 0], [0, 80, 30]),  # beta through 90
        ([0, 1, 0], [0, 20, 80]),  # gamma through 90: beta and alpha jump by 180
        ([1, 0, 0], [10, 170, 0]),  # beta from 180 to -180
        ([0, 0, 1], [355, 5, 0]),  # alpha from 359.9 to 0.1
        ([0.6, 0.8, 0], [355, 85, 5]),
    ],
)
def test_angles_that_wrap_or_jump_leave_the_tilt_smooth(axis, start):
    first = Rotation.from_euler("ZXY", start, degrees=True)
    turns = np.radians(np.arange(0, 20, 0.1))[:, None] * np.array(axis)
    poses = (first * Rotation.from_rotvec(turns)).as_matrix().tolist()
    told = [device_angles(from_matrix(rows)) for rows in poses]
    tilts = along([from_device_angles(*angles) for angles in told])
    assert np.abs(np.diff(tilts, axis=0)).max() < math.radians(0.11)
    size = np.radians(19.9) * np.hypot(axis[0], axis[1])
    assert np.hypot(*tilts[-1]) == pytest.approx(size, abs=math.radians(0.3))


def test_both_signs_of_a_quaternion_are_one_pose():
    pose = degrees_pose(0, 60, 0)
    assert settled(degrees_pose(0, 50, 0), Quaternion(*(-value for value in pose)))[0] == pytest.approx(
        math.radians(10), abs=1e-5
    )


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("tremor_deg", [0.1, 0.3])
def test_a_trembling_hand_is_calmed_at_0_1_degree_steps(rate_hz, tremor_deg):
    # Measured: 3.7 to 5.0 times less jitter, 0.02 and 0.07 to 0.08 degrees of it.
    settings = TiltSettings(**STILL)
    calm = hold(Hand(seed=3, tremor_rad=0), 10, rate_hz)
    shaken = hold(Hand(seed=3, tremor_rad=math.radians(tremor_deg)), 10, rate_hz, 0.1)

    def jitter_deg(settings: TiltSettings) -> float:
        apart = np.degrees(replay(shaken, settings) - replay(calm, settings))[2 * rate_hz :]
        return float(apart.std(axis=0).mean())

    told, shown = jitter_deg(BARE), jitter_deg(settings)
    assert told == pytest.approx(tremor_deg, rel=0.15)
    assert shown < told / 3.5
    smooth = [np.diff(replay(shaken, used)[2 * rate_hz :], 2, axis=0).std() for used in (BARE, settings)]
    assert smooth[1] < smooth[0] / 3.8


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize(("hz", "amplitude_deg", "most_ms"), [(0.25, 5, 90), (0.5, 10, 45), (1, 10, 40), (2, 5, 50)])
def test_a_motion_that_is_meant_is_followed_soon(rate_hz, hz, amplitude_deg, most_ms):
    # Measured: 80, 38, 32 and 39 to 43 ms; a slope of 0.1 Hz for a radian a second would be 125 ms late.
    trace, truth = nodding(rate_hz, hz, amplitude_deg)
    shown = replay(trace, TiltSettings(**STILL))[:, 0]
    late = 1000 * lag_s(shown, truth, rate_hz, hz)
    assert 0 < late < most_ms
    assert np.ptp(shown[-4 * rate_hz :]) == pytest.approx(math.radians(2 * amplitude_deg), rel=0.2)


def test_every_rate_shows_the_same():
    shown = {}
    for rate_hz in RATES_HZ:
        trace, _ = nodding(rate_hz, 0.5, 10, step_deg=1e-9)
        shown[rate_hz] = replay(trace, TiltSettings())[:: rate_hz // 30, 0]
    for rate_hz in RATES_HZ[:-1]:
        assert np.degrees(np.abs(shown[rate_hz] - shown[120])[30:]).max() < 0.15  # of 20
        assert np.degrees(np.abs(shown[rate_hz] - shown[120])).max() < 0.2


@pytest.mark.parametrize("hz", [0.25, 0.5, 1, 2])
def test_looking_a_frame_ahead_brings_it_nearer(hz):
    trace, truth = nodding(60, hz, 8)
    errors = []
    for lead_s in (0.0, 1 / 60):
        shown = replay(trace, TiltSettings(lead_s=lead_s, **STILL))[:, 0]
        errors.append((lag_s(shown, truth, 60, hz), (shown - truth)[240:].std()))
    assert errors[1][0] < errors[0][0] - 0.005  # measured: 6 to 15 of 17 ms
    assert errors[1][1] < 0.9 * errors[0][1]


def test_what_is_foretold_is_bounded():
    jerk = [degrees_pose(0, 50, 0)] * 10 + [degrees_pose(0, 70, 0)] * 3
    shown = [along(jerk, settings=TiltSettings(lead_s=lead_s, **STILL))[:, 0] for lead_s in (0.0, 0.1)]
    ahead = np.degrees(shown[1] - shown[0])
    assert 1.9 < ahead.max() <= 2.0


def test_samples_at_one_time_change_nothing_until_time_goes_on():
    tracker = TiltTracker(TiltSettings(lead_s=0.0))
    for i in range(30):
        tilt = tracker.update(i / 60, degrees_pose(0, 50 + i / 5, 0))
    assert tracker.update(29 / 60, degrees_pose(0, 60, 0)) == pytest.approx(tilt, abs=1e-12)
    assert tracker.update(30 / 60, degrees_pose(0, 60, 0)).pitch_rad > tilt.pitch_rad


@pytest.mark.parametrize("jump_s", [0.6, 3600.0, -5.0])
def test_after_a_dropout_the_pose_then_held_is_neutral_and_the_stone_glides_there(jump_s):
    settings = TiltSettings()
    tracker = TiltTracker(settings)
    for i in range(90):
        before = tracker.update(i / 60, degrees_pose(0, 50 + i / 6, 0))
    elsewhere, start = degrees_pose(120, 20, -30), 89 / 60 + jump_s
    after = [tracker.update(start + i / 60, elsewhere) for i in range(120)]
    assert before.pitch_rad > 0.15
    assert after[0] == pytest.approx(before, abs=1e-12)  # no jump
    pitch = np.array([tilt.pitch_rad for tilt in after])
    assert (np.diff(pitch) < 0).all()
    assert -np.diff(pitch).min() < 1.2 * pitch[0] / (60 * settings.glide_s)
    assert pitch[-1] < 0.01 * pitch[0]


def test_a_dropout_that_is_shorter_is_bridged():
    tracker = TiltTracker()
    for i in range(60):
        tracker.update(i / 60, degrees_pose(0, 50, 0))
    assert tracker.update(59 / 60 + 0.4, degrees_pose(0, 60, 0)).pitch_rad > math.radians(5)


@pytest.mark.parametrize("recentre_s", [2.0, 10.0])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_held_pose_becomes_neutral_in_the_time_told(recentre_s, rate_hz):
    tracker = TiltTracker(TiltSettings(recentre_s=recentre_s, limit_rad=1.2))
    tracker.update(0.0, degrees_pose(30, 80, 20))
    held = degrees_pose(40, 95, 10)
    pitch, roll = np.array([tracker.update(i / rate_hz, held) for i in range(1, rate_hz * 8)]).T
    time = np.arange(1, rate_hz * 8) / rate_hz
    late = time > 3  # the filter has settled
    slope = np.polyfit(time[late], np.log(np.hypot(pitch, roll))[late], 1)[0]
    assert slope == pytest.approx(-1 / recentre_s, rel=0.02)
    assert roll[-1] / pitch[-1] == pytest.approx(roll[late][0] / pitch[late][0], rel=0.02)  # straight home


def test_recentring_at_a_touch_glides_home_without_a_jump():
    tracker = TiltTracker()
    for i in range(60):
        before = tracker.update(i / 60, degrees_pose(0, 50 + i / 6, 0))
    tracker.recentre()
    pitch = [tracker.update((60 + i) / 60, degrees_pose(0, 50 + 59 / 6, 0)).pitch_rad for i in range(90)]
    assert before.pitch_rad > pitch[0] > 0.9 * before.pitch_rad
    assert (np.diff(pitch) < 0).all()
    assert pitch[-1] < 0.02 * before.pitch_rad
    fresh = TiltTracker()
    fresh.recentre()
    assert fresh.update(0.0, degrees_pose(5, 6, 7)) == pytest.approx((0, 0), abs=1e-12)


def test_the_tilt_stays_within_its_limit_all_the_way_round():
    limit = TiltSettings().limit_rad
    poses = [degrees_pose(0, (50 + i + 180) % 360 - 180, 0) for i in range(0, 720, 3)]
    tilts = along(poses, settings=TiltSettings())
    assert np.hypot(*tilts.T).max() < limit
    assert np.abs(np.diff(tilts, axis=0)).max() < math.radians(3.5)
    assert tilts[-1, 0] > 0.95 * limit


def test_a_phone_turned_far_is_followed_as_soon_as_it_turns_back():
    turns = [*range(0, 150, 2), *range(150, 110, -2)]
    pitch = along([degrees_pose(0, turn - 60, 0) for turn in turns], settings=TiltSettings(recentre_s=math.inf))[:, 0]
    assert pitch[-1] < 0.5 * pitch[74]  # 40 degrees back of 150


def test_a_swing_becomes_the_tilt_that_sees_the_viewer_there():
    for size in (0.0, 1e-9, 9e-5, 1.1e-4, 0.3, 1.5):
        for turn in np.arange(0, 2 * math.pi, 0.7):
            x, y = size * math.cos(turn), size * math.sin(turn)
            seen = Rotation.from_rotvec([x, y, 0]).inv().apply([0, 0, 1])
            np.testing.assert_allclose(tilt_rotation(*stone_tilt((x, y))).T @ [0, 0, 1], seen, atol=1e-12)


@pytest.mark.parametrize(
    "told",
    [
        {"min_cutoff_hz": 0.0},
        {"beta": -1.0},
        {"rate_cutoff_hz": math.nan},
        {"recentre_s": 0.0},
        {"gap_s": math.inf},
        {"glide_s": -0.1},
        {"lead_s": 0.2},
        {"lead_limit_rad": 0.0},
        {"limit_rad": math.pi / 2},
        {"limit_rad": "20"},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(told):
    (name,) = told
    with pytest.raises(ViewError, match=f"tilt setting {name} .* is not a number from .* to .*; give one"):
        TiltSettings(**told)


def test_a_sample_that_is_no_pose_is_refused_and_changes_nothing():
    tracker, other = TiltTracker(), TiltTracker()
    bad = [
        (math.nan, degrees_pose(0, 1, 2), 0.0),
        (0.5, degrees_pose(0, math.nan, 0), 0.0),
        (0.5, degrees_pose(0, 1, 2), math.inf),
    ]
    for each in (tracker, other):
        each.update(0.1, degrees_pose(0, 50, 0))
    for sample in bad:
        with pytest.raises(ViewError):
            tracker.update(*sample)
    assert tracker.update(0.2, degrees_pose(0, 55, 0)) == other.update(0.2, degrees_pose(0, 55, 0))
