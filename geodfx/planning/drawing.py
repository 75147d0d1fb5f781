"""A drawing of dots, lines and words on white, written as SVG or as PNG."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from geodfx.errors import OutputError
from geodfx.images import atomic_write

__all__ = ["DRAWING_SUFFIXES", "Dot", "Line", "Word", "write_drawing"]

DRAWING_SUFFIXES = (".png", ".svg")
FINENESS = 2  # pixels of a PNG a unit of the drawing
COLOURS = 256  # of a PNG: a few and the blends between them
SMOOTHING = 3  # it is drawn this much larger, so that edges come out soft


@dataclass(frozen=True)
class Dot:
    """A filled disc."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True)
class Line:
    """A line through some points."""

    points: Sequence[tuple[float, float]]
    width: float
    colour: str


@dataclass(frozen=True)
class Word:
    """Text whose baseline begins at a place."""

    x: float
    y: float
    text: str
    size: float
    colour: str


def write_drawing(path: Path, shapes: Sequence[Dot | Line | Word], width: int, height: int) -> None:
    """Write shapes, the last on top, from (0, 0) at the top left to (width, height), atomically. Raises OutputError."""
    if path.suffix.lower() not in DRAWING_SUFFIXES:
        raise OutputError(f"{path}: a drawing's file must end in {' or '.join(DRAWING_SUFFIXES)}")
    data = _svg(shapes, width, height) if path.suffix.lower() == ".svg" else _png(shapes, width, height)
    with atomic_write(path) as out:
        out.write(data)


def _svg(shapes: Sequence[Dot | Line | Word], width: int, height: int) -> bytes:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">']
    parts.append('<rect width="100%" height="100%" fill="#ffffff"/>')
    for shape in shapes:
        if isinstance(shape, Dot):
            parts.append(
                f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:.1f}" fill="{shape.colour}"/>'
            )
        elif isinstance(shape, Line):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
            style = f'fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"'
            parts.append(f'<polyline points="{points}" {style}/>')
        else:
            place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" fill="{shape.colour}"'
            parts.append(f"<text {place}>{html.escape(shape.text)}</text>")
    return ("\n".join([*parts, "</svg>"]) + "\n").encode()


def _png(shapes: Sequence[Dot | Line | Word], width: int, height: int) -> bytes:
    scale = FINENESS * SMOOTHING
    picture = Image.new("RGB", (width * scale, height * scale), "#ffffff")
    draw = ImageDraw.Draw(picture)
    for shape in shapes:
        if isinstance(shape, Dot):
            x, y, r = shape.x * scale, shape.y * scale, shape.radius * scale
            draw.ellipse((x - r, y - r, x + r, y + r), fill=shape.colour)
        elif isinstance(shape, Line):
            points = [(x * scale, y * scale) for x, y in shape.points]
            draw.line(points, shape.colour, max(1, round(shape.width * scale)), joint="curve")
        else:
            font = ImageFont.load_default(shape.size * scale)
            draw.text((shape.x * scale, shape.y * scale), shape.text, shape.colour, font, anchor="ls")
    out = io.BytesIO()
    small = picture.resize((width * FINENESS, height * FINENESS), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
