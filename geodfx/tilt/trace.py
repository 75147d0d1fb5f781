"""Recorded motion: CSV files of what a phone told while it was held, and the tilts that a stone then shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.errors import SessionError
from geodfx.light_files import read_text
from geodfx.tilt.quaternion import Quaternion, from_device_angles, nearest_sign
from geodfx.tilt.tracker import TiltSettings, TiltTracker

__all__ = ["Trace", "device_poses", "read_trace", "replay", "trace_text"]

COLUMNS = ("time_s", "alpha_deg", "beta_deg", "gamma_deg", "screen_deg")  # the last may be left out
HEADER = ",".join(COLUMNS[:-1])
RANGES_DEG = {"alpha_deg": (0, 360), "beta_deg": (-180, 180), "gamma_deg": (-90, 90)}  # W3C Device Orientation
SCREEN_DEG = (0, 90, 180, 270)


@dataclass(frozen=True)
class Trace:
    """What a phone told over time, N samples."""

    time_s: F64  # (N,) from anywhere; never falls
    device_rad: F64  # (N, 3) alpha, beta and gamma of DeviceOrientation
    screen_rad: F64  # (N,) `screen.orientation.angle`

    def __post_init__(self) -> None:
        count = len(self.time_s)
        for name, shape in (("time_s", (count,)), ("device_rad", (count, 3)), ("screen_rad", (count,))):
            object.__setattr__(self, name, frozen(name, getattr(self, name), np.float64, shape))


def read_trace(path: Path) -> Trace:
    """Return the motion in a CSV file with the header `time_s,alpha_deg,beta_deg,gamma_deg[,screen_deg]`.

    Empty lines do not count. Raises SessionError, telling the line, for one that does not read so, for a time that goes
    back and for an angle that no device tells.
    """
    lines = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    header = lines[0][1].replace(" ", "").lower().split(",") if lines else []
    if tuple(header) not in (COLUMNS, COLUMNS[:-1]):
        raise SessionError(f"{path}: line 1 must be `{HEADER}`, and `,{COLUMNS[-1]}` if told; add that header")
    rows: list[list[float]] = []
    for number, line in lines[1:]:
        try:
            rows.append(_read_row(line, header, rows[-1][0] if rows else -math.inf))
        except ValueError as error:
            raise SessionError(f"{path}: line {number} ({line[:60]!r}) {error}") from None
    if not rows:
        raise SessionError(f"{path}: holds no sample; add one line `{','.join(header)}` for each")
    values = np.array(rows)
    return Trace(values[:, 0], np.radians(values[:, 1:4]), np.radians(values[:, 4]))


def trace_text(trace: Trace) -> str:
    """Return a motion as the text of a file that `read_trace` reads; it keeps microseconds and 1e-6 degrees."""
    columns = (trace.time_s, *np.degrees(trace.device_rad).T, np.degrees(trace.screen_rad))
    rows = (",".join(f"{value:.6f}" for value in row) for row in zip(*columns, strict=True))
    return "\n".join((",".join(COLUMNS), *rows, ""))


def device_poses(trace: Trace) -> tuple[Quaternion, ...]:
    """Return the N poses of a motion, device axes to the earth's, without jumps in sign."""
    poses: list[Quaternion] = []
    for alpha, beta, gamma in trace.device_rad.tolist():
        pose = from_device_angles(alpha, beta, gamma)
        poses.append(nearest_sign(pose, poses[-1]) if poses else pose)
    return tuple(poses)


def replay(trace: Trace, settings: TiltSettings | None = None) -> F64:
    """Return the tilts (N, 2), pitch and roll in radians, that a stone shows along a motion."""
    tracker = TiltTracker(settings)
    samples = zip(trace.time_s.tolist(), device_poses(trace), trace.screen_rad.tolist(), strict=True)
    return np.array([tracker.update(*sample) for sample in samples], np.float64).reshape(-1, 2)


def _read_row(line: str, header: list[str], earliest_s: float) -> list[float]:
    """Return the five numbers of a line. Raises ValueError, telling what is wrong and the remedy."""
    try:
        row = dict(zip(header, (float(word) for word in line.split(",")), strict=True))
    except ValueError:
        raise ValueError(f"is not `{','.join(header)}`; give {len(header)} numbers with commas between them") from None
    if not all(math.isfinite(value) for value in row.values()):
        raise ValueError("holds a number that is not finite; remove that sample")
    if row["time_s"] < earliest_s:
        raise ValueError(f"goes back in time from {earliest_s:g} s; sort the lines by time, or correct it")
    for name, (low, high) in RANGES_DEG.items():
        if not low <= row[name] <= high:
            raise ValueError(f"has {name} {row[name]:g}, not within {low} and {high}; give degrees, as the device does")
    screen_deg = row.setdefault("screen_deg", 0.0)
    if screen_deg not in SCREEN_DEG:
        raise ValueError(f"has screen_deg {screen_deg:g}; give one of {', '.join(map(str, SCREEN_DEG))}")
    return [row[name] for name in COLUMNS]
