"""A rig judged before it is shot, from where its lights stand and how large they are.

source -> lights -> those of copies -> exits located -> expected, gaps -> advice
find_lights, add_copies, find_errors, summarise, find_gaps, advise

docs/PLAN.md tells what each figure means and how near it comes to what fits of simulated stones then do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.basis import even_directions
from geodfx.capture.rig import mean_spacing_rad
from geodfx.errors import CalibrationError
from geodfx.planning.advice import LEAST_RAD, MOST_RAD, Advice, advise, even_spacing
from geodfx.planning.copies import add_copies, read_moves
from geodfx.planning.directions import exit_directions, gathering
from geodfx.planning.expect import NOISE, Expected, expect, find_errors, summarise
from geodfx.planning.gaps import Gap, find_gaps
from geodfx.planning.rigs import find_lights

__all__ = ["Advice", "Expected", "Gap", "Plan", "plan"]

EXITS = 3000  # shares and medians come out to about 2 in 100
EIGHTFOLD, FEWER_EXITS = "D8", 1000  # a symmetry that many cut stones have, and exits that tell of it
MAP = 2000  # directions of the picture, 3.2 degrees apart
AIM_RAD = math.radians(1.0)


@dataclass(frozen=True)
class Plan:
    """What to expect of a rig and what to change. L lights, N directions evenly over the upper half sphere, E exits."""

    source: Path
    symmetry: str | None  # of the stone, by Schoenflies; None: each texel by its own lights
    light_direction: F64  # (L, 3) unit
    light_radius_rad: float
    spacing_rad: float  # mean angle from a light to the nearest other
    even_spacing_rad: float  # what it would be about, were the lights spread evenly above the lowest one's height
    noise: float  # of a full flash, as a share of it
    expected: Expected
    eightfold: Expected  # of a stone of eight turns with mirrors; if a symmetry was named, `expected` once more
    gaps: tuple[Gap, ...]  # the largest first
    advice: Advice
    direction: F64  # (N, 3) unit
    error_rad: F64  # (N,) to which the photos tell an exit in that direction; nan: no light sees it
    exit_error_rad: F64  # (E,) of directions that gather as exits do, of which `expected` tells; nan likewise

    def __post_init__(self) -> None:
        for name in ("light_direction", "direction"):
            object.__setattr__(self, name, frozen(name, getattr(self, name), np.float64, (None, 3)))
        for name in ("error_rad", "exit_error_rad"):
            object.__setattr__(self, name, frozen(name, getattr(self, name), np.float64, (None,)))


def plan(
    source: Path | str,
    *,
    light_radius_rad: float | None = None,
    symmetry: str | None = None,
    aim_rad: float = AIM_RAD,
    noise: float = NOISE,
) -> Plan:
    """Return what photos under a rig will tell of a stone's exit directions, and what would make them tell more.

    source: a session folder, a recipe (.toml) or a light file (.lp). light_radius_rad: in place of what it tells; of
    a light file it must be given. symmetry: of the stone by Schoenflies, as the report of `process` tells it: "D8", a
    round brilliant of eight turns with mirrors; "C3", three turns alone. Then the lights of a texel's copies count as
    well; None is any stone. aim_rad: median error for which lights are counted. noise: standard deviation of a full
    flash, as a share of it, 0.001 to 0.5. Raises SessionError, PhotoError, CalibrationError or RecipeError.
    """
    if not 0.001 <= noise <= 0.5:
        raise CalibrationError(
            f"{source}: noise {noise:g} is not a share of a full flash that can be; give 0.001 to 0.5"
        )
    if not 0 < aim_rad < math.pi:
        raise CalibrationError(
            f"{source}: an error of {math.degrees(aim_rad):g} degrees cannot be aimed at; give 0.1 or more"
        )
    rig = find_lights(Path(source), light_radius_rad)
    lights, radius = rig.direction, rig.radius_rad
    if not LEAST_RAD <= radius <= MOST_RAD:
        raise CalibrationError(
            f"{source}: lights of radius {math.degrees(radius):g} degrees cannot be judged; give 0.1 to 60"
        )
    moves, gathered = read_moves(symmetry), gathering(symmetry)
    every = add_copies(lights, radius, moves)
    direction = even_directions(MAP)
    located = find_errors(exit_directions(EXITS, gathered), every, radius, noise)
    expected = eightfold = summarise(located, radius, gathered)
    if symmetry is None:
        eightfold = expect(add_copies(lights, radius, read_moves(EIGHTFOLD)), radius, noise, FEWER_EXITS)
    return Plan(
        source=Path(source),
        symmetry=symmetry,
        light_direction=lights,
        light_radius_rad=radius,
        spacing_rad=mean_spacing_rad(lights),
        even_spacing_rad=even_spacing(lights),
        noise=noise,
        expected=expected,
        eightfold=eightfold,
        gaps=find_gaps(every, radius),
        advice=advise(lights, radius, noise, expected, aim_rad, moves, gathered),
        direction=direction,
        error_rad=find_errors(direction, every, radius, noise).error_rad,
        exit_error_rad=located.error_rad,
    )
