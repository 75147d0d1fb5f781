"""Drawings for the report, as SVG text to stand in a page: where the lights stood, and bars, one a photo.

Colours come from the page's CSS: `ink`, `faint`, `light`, `worst` are its classes.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Sequence

from geodfx.arrays import F64

__all__ = ["bar_chart", "light_layout"]

DOME = 200.0  # radius of the drawn hemisphere, in units of the drawing
HEIGHTS_DEG = (30, 60)  # rings that help to read the height of a light
CHART_WIDTH, CHART_HEIGHT, CHART_LEFT = 900.0, 180.0, 60.0


def light_layout(directions: F64, radius_rad: float, names: Sequence[str], marked: Collection[int]) -> str:
    """Return the lights (L, 3) as the camera sees them from above the stone, discs of their own radius.

    A disc is a small circle on the unit sphere: from above, an ellipse around cos(r) times its direction, with the half
    axes sin(r) and, towards the middle, z sin(r). Those in `marked` are drawn
    on top, as the worst.
    """
    view = DOME * 1.15
    parts = [f'<svg viewBox="{-view:g} {-view:g} {2 * view:g} {2 * view:g}" role="img" aria-label="light layout">']
    cosine, sine = math.cos(radius_rad), math.sin(radius_rad)
    lights = directions.tolist()
    for i in sorted(range(len(lights)), key=lambda i: i in marked):
        x, y, z = lights[i]
        turn = math.degrees(math.atan2(-y, x))
        place = f"translate({DOME * cosine * x:.1f} {-DOME * cosine * y:.1f}) rotate({turn:.1f})"
        kind = "worst" if i in marked else "light"
        parts.append(
            f'<ellipse transform="{place}" rx="{DOME * sine * abs(z):.1f}" ry="{DOME * sine:.1f}" class="{kind}">'
            f"<title>{html.escape(names[i])}: {x:.3f} {y:.3f} {z:.3f}</title></ellipse>"
        )
    parts += [f'<circle cx="{DOME * x:.1f}" cy="{-DOME * y:.1f}" r="1.5" class="ink"/>' for x, y, _ in lights]
    parts.append(f'<circle r="{DOME:g}" class="faint"/>')
    for height in HEIGHTS_DEG:
        across = DOME * math.cos(math.radians(height))
        parts.append(f'<circle r="{across:.1f}" class="faint dashed"/>')
        parts.append(f'<text x="0" y="{across - 4:.1f}" class="small" text-anchor="middle">{height}°</text>')
    for text, x, y in (("right, x", DOME * 1.02, 4), ("up, y", -18, -DOME * 1.04)):
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="small">{text}</text>')
    return "".join([*parts, "</svg>"])


def bar_chart(values: F64, names: Sequence[str], marked: Collection[int]) -> str:
    """Return a bar for each of L values >= 0, in per cent, with their mean as a line. Those in `marked` stand out."""
    top = _round_up(100 * float(values.max()))
    mean = 100 * float(values.mean())
    step = (CHART_WIDTH - CHART_LEFT) / len(values)
    parts = [f'<svg viewBox="0 -10 {CHART_WIDTH:g} {CHART_HEIGHT + 20:g}" role="img" aria-label="bar chart">']
    for tick in (0.0, top / 2, top):
        y = CHART_HEIGHT * (1 - tick / top)
        parts.append(f'<line x1="{CHART_LEFT:g}" x2="{CHART_WIDTH:g}" y1="{y:.1f}" y2="{y:.1f}" class="faint"/>')
        parts.append(f'<text x="{CHART_LEFT - 6:g}" y="{y + 4:.1f}" class="small" text-anchor="end">{tick:g} %</text>')
    for i, value in enumerate(values.tolist()):
        height = CHART_HEIGHT * 100 * value / top
        kind = "worst" if i in marked else "light"
        parts.append(
            f'<rect x="{CHART_LEFT + i * step:.2f}" y="{CHART_HEIGHT - height:.2f}" width="{step * 0.8:.2f}" '
            f'height="{height:.2f}" class="{kind}"><title>{html.escape(names[i])}: {100 * value:.2f} %</title></rect>'
        )
    y = CHART_HEIGHT * (1 - mean / top)
    parts.append(f'<line x1="{CHART_LEFT:g}" x2="{CHART_WIDTH:g}" y1="{y:.1f}" y2="{y:.1f}" class="ink dashed"/>')
    return "".join([*parts, "</svg>"])


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 6, 8, 10 times a power of ten, so that a half of it is a short number too."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value * (1 - 1e-9))
