"""The sphere of lights as a picture: which exits are seen, how well they are told, and where the gaps are.

The camera looks down on the stone. The map keeps areas (Lambert): a plain view from above would squeeze the rim, where
gaps are widest, into a line. The shares beside it are of exits, which gather about the zenith.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from geodfx.arrays import F64
from geodfx.planning import Plan
from geodfx.planning.drawing import Dot, Line, Word, write_drawing

__all__ = ["write_picture"]

MIDDLE, RIM = 320.0, 280.0  # of the drawn half sphere, in units of the drawing
WIDTH, HEIGHT = 960, 640
LEGEND_X = 640.0
HEIGHTS_DEG = (30, 60)  # rings that help to read a height
INK, SOFT, GAP, ADDED = "#1b1e23", "#6a707a", "#d1603d", "#1a7f4b"
UNSEEN = "#e9c9bd"
CLASSES = ((0.5, "#0b3c6f"), (1.0, "#2f6ea8"), (2.0, "#6a9fd0"), (4.0, "#a6c8e6"), (180.0, "#d6e5f3"))  # degrees
CORNERS = 72  # of a circle that is drawn as a line


def write_picture(plan: Plan, path: Path) -> None:
    """Write a plan's sphere of lights as .png or .svg, atomically. Raises OutputError."""
    shapes: list[Dot | Line | Word] = [*_map(plan), *_rims(plan), *_grid(), *_marks(plan), *_legend(plan)]
    write_drawing(path, shapes, WIDTH, HEIGHT)


def _place(direction: F64) -> tuple[float, float]:
    """Return where a unit direction (3,) lies on the drawing; the horizon at RIM from the middle."""
    x, y, z = direction.tolist()
    scale = RIM / math.sqrt(max(1 + z, 1e-9))
    return MIDDLE + x * scale, MIDDLE - y * scale


def _map(plan: Plan) -> list[Dot | Line]:
    """Return dots for each direction, coloured by how well it is told: large ones that close up, small ones on top."""
    size = RIM / math.sqrt(len(plan.direction))  # of a dot with a direction's share of the disc
    places = [_place(direction) for direction in plan.direction]
    colours = [
        UNSEEN if math.isnan(error) else next(colour for limit, colour in CLASSES if error <= limit)
        for error in np.degrees(plan.error_rad).tolist()
    ]
    told = list(zip(places, colours, strict=True))
    dots = [Dot(x, y, share * size, colour) for share in (1.35, 0.85) for (x, y), colour in told]
    turn = np.linspace(0, 2 * math.pi, 2 * CORNERS + 1)
    beyond = RIM + 2 * size
    outside = Line([(MIDDLE + beyond * math.cos(t), MIDDLE + beyond * math.sin(t)) for t in turn], 4 * size, "#ffffff")
    return [*dots, outside]


def _rims(plan: Plan) -> list[Dot | Line]:
    """Return each light's middle and, where it stands above the horizon, its rim."""
    shapes: list[Dot | Line] = []
    for light in plan.light_direction:
        shapes.append(Dot(*_place(light), 1.8, INK))
        shapes += _circle(light, plan.light_radius_rad, 0.6, INK)
    return shapes


def _circle(middle: F64, radius_rad: float, width: float, colour: str) -> list[Line]:
    """Return a circle on the sphere as lines, without what lies below the horizon."""
    across = np.array([1.0, 0.0, 0.0]) if abs(middle[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    u = np.cross(middle, across)
    u /= np.linalg.norm(u)
    v = np.cross(middle, u)
    turn = np.linspace(0, 2 * math.pi, CORNERS + 1)[:, None]
    points = math.cos(radius_rad) * middle + math.sin(radius_rad) * (np.cos(turn) * u + np.sin(turn) * v)
    lines: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point[2] >= 0:
            lines[-1].append(_place(point))
        elif lines[-1]:
            lines.append([])
    return [Line(line, width, colour) for line in lines if len(line) > 1]


def _grid() -> list[Dot | Line | Word]:
    up = np.array([0.0, 0.0, 1.0])
    shapes: list[Dot | Line | Word] = [*_circle(up, math.pi / 2 - 1e-6, 1.2, SOFT)]
    for height in HEIGHTS_DEG:
        shapes += _circle(up, math.radians(90 - height), 0.8, SOFT)
        x, y = _place(np.array([0.0, -math.cos(math.radians(height)), math.sin(math.radians(height))]))
        shapes.append(Word(x + 3, y - 3, f"{height}°", 12, SOFT))
    shapes.append(Word(MIDDLE + RIM + 6, MIDDLE + 4, "x", 12, SOFT))
    shapes.append(Word(MIDDLE - 3, MIDDLE - RIM - 8, "y", 12, SOFT))
    return shapes


def _marks(plan: Plan) -> list[Line | Word | Dot]:
    """Return the gaps, numbered, and the places for more lights as green crosses."""
    shapes: list[Line | Word | Dot] = []
    for number, gap in enumerate(plan.gaps, 1):
        shapes += _circle(gap.direction, gap.radius_rad, 2.0, GAP)
        x, y = _place(gap.direction)
        inwards = min(1.0, (RIM - 10) / max(math.hypot(x - MIDDLE, y - MIDDLE), 1.0))
        x, y = MIDDLE + inwards * (x - MIDDLE), MIDDLE + inwards * (y - MIDDLE)
        shapes.append(Word(x - 4, y + 5, str(number), 15, GAP))
    for light in plan.advice.added:
        x, y = _place(light)
        shapes += [Line([(x - 5, y), (x + 5, y)], 2.2, ADDED), Line([(x, y - 5), (x, y + 5)], 2.2, ADDED)]
    return shapes


def _legend(plan: Plan) -> list[Line | Word | Dot]:
    error = np.degrees(plan.exit_error_rad)
    shares = [float((error <= limit).sum()) / len(error) for limit, _ in CLASSES]
    told = ["told to 0.5°", "to 1°", "to 2°", "to 4°", "seen, but told worse"]
    shapes: list[Line | Word | Dot] = [Word(LEGEND_X, 70, "exit directions", 15, INK)]
    y = 98.0
    for (_, colour), text, share, before in zip(CLASSES, told, shares, [0.0, *shares], strict=False):
        shapes += [
            Dot(LEGEND_X + 8, y - 5, 8, colour),
            Word(LEGEND_X + 26, y, f"{text}: {share - before:.0%}", 14, INK),
        ]
        y += 26
    unseen = f"no light sees them: {1 - plan.expected.seen_share:.0%}"
    shapes += [Dot(LEGEND_X + 8, y - 5, 8, UNSEEN), Word(LEGEND_X + 26, y, unseen, 14, INK)]
    y += 46
    radius = f"{len(plan.light_direction)} lights, radius {math.degrees(plan.light_radius_rad):.1f}°"
    shapes += [Dot(LEGEND_X + 8, y - 5, 3, INK), Word(LEGEND_X + 26, y, radius, 14, INK)]
    if plan.gaps:
        y += 26
        shapes += [Line([(LEGEND_X, y - 5), (LEGEND_X + 16, y - 5)], 2.0, GAP)]
        shapes += [Word(LEGEND_X + 26, y, "gaps, the widest is 1", 14, GAP)]
    if len(plan.advice.added):
        y += 26
        shapes += [Line([(LEGEND_X + 3, y - 5), (LEGEND_X + 13, y - 5)], 2.2, ADDED)]
        shapes += [Line([(LEGEND_X + 8, y - 10), (LEGEND_X + 8, y)], 2.2, ADDED)]
        shapes += [Word(LEGEND_X + 26, y, "where more lights show most", 14, ADDED)]
    shapes += [Word(LEGEND_X, HEIGHT - 60, "As the camera sees it from above the stone,", 12, SOFT)]
    shapes += [Word(LEGEND_X, HEIGHT - 44, "horizon at the rim; areas are kept.", 12, SOFT)]
    shapes += [Word(LEGEND_X, HEIGHT - 28, "Shares are of exits, most near the zenith.", 12, SOFT)]
    return shapes
