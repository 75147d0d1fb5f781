"""Trace files: what is read, what is refused and how, and their replay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geodfx.errors import SessionError
from geodfx.tilt import Hand, StoneTilt, TiltSettings, TiltTracker, from_device_angles, hold, read_trace, replay
from geodfx.tilt.trace import Trace, device_poses, trace_text

HEADER = "time_s,alpha_deg,beta_deg,gamma_deg"


def write(tmp_path, *lines: str, newline: str = "\n"):
    path = tmp_path / "held.csv"
    path.write_bytes(newline.join(lines).encode())
    return path


def test_a_file_is_read_in_radians(tmp_path):
    trace = read_trace(write(tmp_path, HEADER, "1.5,0,90,-45", "", "1.6, 360,180, 90 "))
    np.testing.assert_array_equal(trace.time_s, [1.5, 1.6])
    np.testing.assert_allclose(trace.device_rad, np.radians([[0, 90, -45], [360, 180, 90]]))
    np.testing.assert_array_equal(trace.screen_rad, 0)


def test_a_file_from_another_system_is_read_too(tmp_path):
    lines = ("\ufeffTime_s, alpha_deg, beta_deg, gamma_deg, screen_deg", "0,1,2,3,270", "0,1,2,3,0")
    trace = read_trace(write(tmp_path, *lines, newline="\r\n"))
    np.testing.assert_allclose(trace.screen_rad, [1.5 * math.pi, 0])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "line 1 must be `time_s,alpha_deg,beta_deg,gamma_deg`.*add that header"),
        (["0,1,2,3"], "line 1 must be"),
        ([HEADER + ",roll_deg", "0,1,2,3,4"], "line 1 must be"),
        ([HEADER], "holds no sample; add one line"),
        ([HEADER, "0,1,2"], r"line 2 \('0,1,2'\) is not `time_s.*give 4 numbers"),
        ([HEADER, "0,1,2,3", "", "0,1,2,3,90"], "line 4 .*give 4 numbers"),
        ([HEADER + ",screen_deg", "0,1,2,3"], "line 2 .*give 5 numbers"),
        ([HEADER, "0,1,two,3"], "line 2 .*give 4 numbers"),
        ([HEADER, "0,1,nan,3"], "line 2 .*not finite; remove that sample"),
        ([HEADER, "inf,1,2,3"], "line 2 .*not finite"),
        ([HEADER, "0,-1,2,3"], "line 2 .*alpha_deg -1, not within 0 and 360; give degrees"),
        ([HEADER, "0,1,181,3"], "line 2 .*beta_deg 181, not within -180 and 180"),
        ([HEADER, "0,1,2,-91"], "line 2 .*gamma_deg -91, not within -90 and 90"),
        ([HEADER, "1,1,2,3", "0.9,1,2,3"], "line 3 .*goes back in time from 1 s; sort"),
        ([HEADER + ",screen_deg", "0,1,2,3,45"], "line 2 .*screen_deg 45; give one of 0, 90, 180, 270"),
    ],
)
def test_a_bad_file_is_told_by_name_line_and_remedy(tmp_path, lines, told):
    with pytest.raises(SessionError, match=r"held\.csv: " + told) as error:
        read_trace(write(tmp_path, *lines))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path):
    with pytest.raises(SessionError, match=r"none\.csv: cannot be read"):
        read_trace(tmp_path / "none.csv")
    (tmp_path / "held.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SessionError, match=r"held\.csv: is not UTF-8"):
        read_trace(tmp_path / "held.csv")


def test_a_motion_comes_back_from_its_text(tmp_path):
    trace = hold(Hand(seed=4), 2, 60)
    path = tmp_path / "held.csv"
    path.write_text(trace_text(trace), "utf-8")
    back = read_trace(path)
    np.testing.assert_allclose(back.time_s, trace.time_s, atol=1e-6)
    np.testing.assert_allclose(back.device_rad, trace.device_rad, atol=2e-8)
    np.testing.assert_allclose(replay(back), replay(trace), atol=1e-7)


def test_a_trace_must_have_one_time_a_sample():
    with pytest.raises(TypeError, match="device_rad"):
        Trace(np.zeros(2), np.zeros((3, 3)), np.zeros(2))


def test_replay_is_what_a_tracker_shows_sample_by_sample():
    trace, settings = hold(Hand(seed=1), 3, 60, 0.1), TiltSettings(recentre_s=2.0)
    tracker = TiltTracker(settings)
    shown = [
        tracker.update(t, from_device_angles(*angles))
        for t, angles in zip(trace.time_s.tolist(), trace.device_rad.tolist(), strict=True)
    ]
    assert all(isinstance(tilt, StoneTilt) for tilt in shown)
    np.testing.assert_allclose(replay(trace, settings), shown, atol=1e-14)
    np.testing.assert_array_equal(replay(trace, settings), replay(trace, settings))
    assert replay(Trace(np.zeros(0), np.zeros((0, 3)), np.zeros(0))).shape == (0, 2)


def test_poses_of_a_motion_do_not_jump_in_sign():
    alpha = np.radians(np.arange(720) % 360.0)
    device = np.stack([alpha, np.full(720, 1.0), np.full(720, 0.3)], axis=1)
    poses = np.array(device_poses(Trace(np.arange(720.0), device, np.zeros(720))))
    assert np.abs(np.diff(poses, axis=0)).max() < 0.02
