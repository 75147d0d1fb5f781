"""Where lights stand and how a stone is turned: dome, rings, a hand-held path, a tilt stage, a turntable.

Directions are unit vectors in the world, which is the stone frame while the stone is not tilted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.basis import GOLDEN_TURN

__all__ = [
    "Lights",
    "dome",
    "hand_path",
    "rings",
    "scattered",
    "stage_rotation",
    "tilt_grid",
    "tilts_between",
]


@dataclass(frozen=True)
class Lights:
    """L lights: discs of one angular radius, seen from the origin."""

    direction: F64  # (L, 3) unit, from the stone
    radius_rad: float
    distance: float | None = None  # from the origin, in stone widths; None: far
    intensity: float = 1.0  # 1: a white card facing the light reads 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", frozen("direction", self.direction, np.float64, (None, 3)))


def dome(count: int, lowest_deg: float) -> F64:
    """Return directions (count, 3) that cover the dome above a height evenly: a spiral of equal areas (Vogel 1979)."""
    return _spiral((np.arange(count) + 0.5) / count, lowest_deg)


def scattered(count: int, lowest_deg: float, rng: np.random.Generator) -> F64:
    """Return directions (count, 3) anywhere above a height, none of them in step with a dome's: for scoring."""
    share = (np.arange(count) + rng.uniform(0, 1, count)) / count
    return _turned(share, rng.uniform(0, 2 * math.pi, count), lowest_deg)


def rings(count: int, heights_deg: tuple[float, ...]) -> F64:
    """Return directions (count on each ring, 3), rings of even rows, each turned against the one below."""
    rows = []
    for k, height in enumerate(heights_deg):
        turn = 2 * math.pi * (np.arange(count) + 0.5 * (k % 2)) / count
        rim, up = math.cos(math.radians(height)), math.sin(math.radians(height))
        rows.append(np.stack([rim * np.cos(turn), rim * np.sin(turn), np.full(count, up)], axis=1))
    return np.concatenate(rows)


def hand_path(count: int, lowest_deg: float, turns: float, wobble_deg: float, rng: np.random.Generator) -> F64:
    """Return directions (count, 3) of a light that a hand moves down in a spiral, swaying as it goes."""
    share = (np.arange(count) + 0.5) / count
    sway = math.radians(wobble_deg) * _smooth_noise(count, rng)
    nod = math.radians(wobble_deg) * _smooth_noise(count, rng)
    height = math.pi / 2 - share * (math.pi / 2 - math.radians(lowest_deg)) + nod
    height = np.clip(height, math.radians(lowest_deg), math.pi / 2)
    turn = 2 * math.pi * turns * share + sway / np.maximum(np.cos(height), 0.2)
    rim = np.cos(height)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), np.sin(height)], axis=1)


def tilt_grid(per_side: int, step_deg: float) -> F64:
    """Return tilts (per_side^2, 2), pitch and roll in radians: a square around upright, row by row."""
    axis = np.radians(step_deg) * (np.arange(per_side) - (per_side - 1) / 2)
    grid: F64 = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid


def tilts_between(count: int, limit_rad: tuple[float, float], rng: np.random.Generator) -> F64:
    """Return tilts (count, 2) anywhere within +-limit of pitch and roll: for scoring."""
    tilts: F64 = rng.uniform(-1, 1, (count, 2)) * np.asarray(limit_rad)
    return tilts


def stage_rotation(pitch_rad: float, roll_rad: float) -> F64:
    """Return the matrix (3, 3) from the stone frame to the world: pitch about x, then roll about y."""
    cp, sp, cr, sr = math.cos(pitch_rad), math.sin(pitch_rad), math.cos(roll_rad), math.sin(roll_rad)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cp, -sp], [0.0, sp, cp]])
    about_y = np.array([[cr, 0.0, sr], [0.0, 1.0, 0.0], [-sr, 0.0, cr]])
    turned: F64 = about_y @ about_x
    return turned


def _spiral(share: F64, lowest_deg: float) -> F64:
    return _turned(share, np.arange(len(share), dtype=np.float64) * GOLDEN_TURN, lowest_deg)


def _turned(share: F64, turn: F64, lowest_deg: float) -> F64:
    """Return directions from shares of the area between the zenith and a height."""
    z = 1 - share * (1 - math.sin(math.radians(lowest_deg)))
    rim = np.sqrt(1 - z * z)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], axis=1)


def _smooth_noise(count: int, rng: np.random.Generator) -> F64:
    """Return (count,) values about 0 that change slowly, of rms near 1."""
    steps = np.arange(count) / max(count - 1, 1)
    waves = [rng.normal() * np.sin(2 * math.pi * (k * steps + rng.uniform())) for k in (1, 2, 3, 5, 8)]
    return np.asarray(sum(waves) / math.sqrt(2.5), np.float64)
