"""Finds the outline of a chrome sphere in photos taken under different lights.

The outline is the one edge that stays while highlights, shadows and reflections move, so edges are gathered over the
photos. An edge counts by its axis only: the surroundings may be brighter than the sphere under one light and darker
under the next. The axis is kept as a complex number of doubled angle (Granlund 1978), so that a texture's edges, which
point all ways, cancel along a circle, and those of a circle add up.

Three steps: every circle of a reduced picture is scored (one convolution a radius); the best are laid onto the edges,
and of those the one that is best supported and holds the highlights is the sphere; its outline is then fitted to a
fraction of a pixel. Photos are (L, H, W) float32, grey, linear, 0..1; pixel centres are at +0.5.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from geodfx.arrays import F32
from geodfx.capture.sphere_edges import (
    MIN_SUPPORT,
    Circle,
    Edges,
    compress,
    fit_outline,
    lay_onto_edges,
    seen_share,
    soften,
)
from geodfx.errors import CalibrationError

__all__ = ["find_circle"]

C64 = npt.NDArray[np.complex64]

SEARCH_SIZE = 256  # longest side of the picture in which every circle is tried
CHOICE_SIZE = 640  # longest side of the picture in which the likely circles are compared
MIN_RADIUS = 6.0  # pixels of the search picture: fewer edge pixels make a circle by chance
MAX_RADIUS = 0.75  # of the shorter side: more than half, so that a sphere that is cut off is known as such
CANDIDATES = 16  # likely circles that are compared
SURE_SUPPORT = 0.5  # from here on, the share of the outline that is seen does not matter
MIN_SHARE = 0.7  # of the outline, to show a trace of an edge: a faint sphere has 0.9, the circle in a square 0.6
FRAME_SLACK = 0.01  # of the radius: by so much an outline may pass the frame by an error of the fit
SURROUNDS = 0.04  # of the outer radius: by so much a circle must surround another all around, to be its outline
OUTER_SHARE = 0.55  # of its support, for a larger circle about another to be the outline: mirrored edges lie inside
HORIZON_SHARE = 0.3  # the same, if the inner one is where the horizon is mirrored: that edge may outdo the outline
HORIZON_RATIO = (0.62, 0.78)  # around sqrt(1/2), where n.z = cos(45 degrees)
HIGHLIGHT_REACH = 0.75  # of the radius: mirrored lights above the horizon lie within sqrt(1/2)
HIGHLIGHT_AREA = 0.25  # of the disc: a larger bright region is a bright thing, not the mirror image of a light


def find_circle(stack: F32, avoid: tuple[Circle, ...] = ()) -> Circle:
    """Return the outline of the chrome sphere in photos (L, H, W), grey, linear, 0..1.

    avoid: spheres found in these photos before. The sphere must lie wholly in the frame, and its diameter be a
    twentieth of the frame's longer side or more. Raises CalibrationError if there is none, or if the frame cuts it off.
    """
    height, width = stack.shape[1:]
    medium, scale = _shrink(stack, CHOICE_SIZE)
    small, small_scale = _shrink(medium, SEARCH_SIZE)
    edges = Edges.of(medium, 0.8)
    found: list[tuple[Circle, float]] = []
    for circle in _likely_circles(small):
        slack = max(0.05 * circle.radius, 1.6) / small_scale
        laid, support = lay_onto_edges(edges, _scaled(circle, 1 / small_scale), slack)
        near = any(_distance(laid, other) < 0.02 * other.radius + 1.0 for other, _ in found)
        taken = any(_distance(_scaled(laid, 1 / scale), other) < 0.5 * other.radius for other in avoid)
        if support > 0 and not near and not taken:
            found.append((laid, support * _highlight_share(medium, laid)))
    best = max((score for _, score in found), default=0.0)
    choice = _outline(found)
    remedy = "give its circle = [x, y, radius] in session.toml"
    if choice is None:
        raise CalibrationError(f"no chrome sphere found (best circle scores {best:.2f}, need {MIN_SUPPORT}); {remedy}")
    circle = fit_outline(stack, _scaled(choice, 1 / scale))
    share = seen_share(edges, _scaled(circle, scale))
    if best < SURE_SUPPORT and share < MIN_SHARE:
        told = f"of the best circle's outline {100 * share:.0f}% is seen, need {100 * MIN_SHARE:.0f}%"
        raise CalibrationError(f"no chrome sphere found ({told}); {remedy}")
    over = circle.radius - min(circle.x, circle.y, width - circle.x, height - circle.y)
    if over > max(FRAME_SLACK * circle.radius, 1.0):
        raise CalibrationError(
            f"the sphere is cut off by the frame (x {circle.x:.0f}, y {circle.y:.0f}, radius {circle.radius:.0f}, "
            f"{over:.0f} pixels beyond); photograph it whole, or {remedy}"
        )
    return circle


def _likely_circles(stack: F32) -> list[Circle]:
    """Return circles along which the edges agree, the likeliest first; a partly seen large one beats a small one."""
    axes = _edge_axes(Edges.of(stack, 1.0))
    height, width = axes.shape
    largest = MAX_RADIUS * min(height, width)
    shape = (fft.next_fast_len(int(height + largest) + 4), fft.next_fast_len(int(width + largest) + 4))
    rings = _Rings(shape)
    spectrum = fft.fft2(axes, shape)
    peaks: list[tuple[float, Circle]] = []
    radius = MIN_RADIUS
    while radius < largest:
        # Correlation: the sum over the ring of the real part of axis times conjugate normal.
        product_spectrum = spectrum * np.conj(fft.fft2(rings(radius)))
        agreement = fft.ifft2(product_spectrum)[:height, :width].real.astype(np.float32)
        window = 2 * int(0.15 * radius) + 3
        highest = cv2.dilate(agreement, np.ones((window, window), np.uint8))
        ys, xs = np.nonzero((agreement >= highest) & (agreement > 0.3 * MIN_SUPPORT))
        order = np.argsort(-agreement[ys, xs], kind="stable")[:6]
        for y, x in zip(ys[order], xs[order], strict=True):
            # By chance, the mean over n pixels strays by sqrt(1 / n).
            peaks.append((float(agreement[y, x]) * radius**0.5, Circle(x + 0.5, y + 0.5, radius)))
        radius += max(1.0, 0.02 * radius)
    peaks.sort(key=lambda peak: -peak[0])
    kept: list[Circle] = []
    for _, circle in peaks:
        if all(_distance(circle, other) > 0.06 * other.radius + 1.5 for other in kept):
            kept.append(circle)
        if len(kept) == CANDIDATES:
            break
    return kept


def _edge_axes(edges: Edges) -> C64:
    """Return the axis of the edge at each pixel (H, W): unit length is a sure edge, the angle twice its normal's."""
    total: C64 = np.zeros(edges.rooted.shape[1:], np.complex64)
    for photo, half in zip(edges.rooted, edges.half, strict=True):
        down, right = np.gradient(photo)
        normal = right + 1j * down
        total += normal * normal / (np.abs(normal) ** 2 + half**2)
    axes: C64 = compress(total, len(edges.rooted))
    return axes


class _Rings:
    """Makes rings of doubled normals around the origin of a periodic grid, their lengths adding up to 1."""

    def __init__(self, shape: tuple[int, int]) -> None:
        y = fft.fftfreq(shape[0], 1 / shape[0])[:, None].astype(np.float32)
        x = fft.fftfreq(shape[1], 1 / shape[1])[None, :].astype(np.float32)
        self._distance = np.hypot(x, y)
        self._doubled = ((x + 1j * y) / np.maximum(self._distance, 1)) ** 2

    def __call__(self, radius: float) -> C64:
        weight = np.exp(-0.5 * np.minimum(np.abs(self._distance - radius) / max(0.8, 0.01 * radius), 9) ** 2)
        ring: C64 = (weight / weight.sum() * self._doubled).astype(np.complex64)
        return ring


def _highlight_share(stack: F32, circle: Circle) -> float:
    """Return how the brightest moving spot in a circle compares with that of the frame, 0..1, mean over the photos."""
    height, width = stack.shape[1:]
    y, x = np.ogrid[:height, :width]
    squared = (x + 0.5 - circle.x) ** 2 + (y + 0.5 - circle.y) ** 2
    inner, disc = squared < (HIGHLIGHT_REACH * circle.radius) ** 2, squared < circle.radius**2
    if not inner.any():
        return 0.0
    still = stack.min(axis=0) if len(stack) > 1 else np.float32(0)
    shares = []
    for photo in stack:
        moving = soften(photo - still, 0.7)
        peak = float(moving[inner].max())
        spot = float((moving[disc] > 0.5 * peak).mean())
        shares.append(peak / max(float(moving.max()), 1e-6) if spot < HIGHLIGHT_AREA else 0.0)
    return float(np.mean(shares))


def _outline(found: list[tuple[Circle, float]]) -> Circle | None:
    """Return the best scored circle, or a larger one about the same centre, where the smaller may be a mirror image."""
    if not found:
        return None
    circle, score = max(found, key=lambda one: one[1])
    if score < MIN_SUPPORT:
        return None
    for outer, support in sorted(found, key=lambda one: one[0].radius):
        apart = float(np.hypot(outer.x - circle.x, outer.y - circle.y))
        if outer.radius - circle.radius < apart + SURROUNDS * outer.radius:
            continue
        horizon = HORIZON_RATIO[0] < circle.radius / outer.radius < HORIZON_RATIO[1]
        if support > score * (HORIZON_SHARE if horizon else OUTER_SHARE):
            circle, score = outer, max(score, support)
    return circle


def _shrink(stack: F32, longest: int) -> tuple[F32, float]:
    """Return the photos with a longest side of at most `longest`, and the scale (new pixels in an old one)."""
    height, width = stack.shape[1:]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return stack, 1.0
    matrix = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5]])
    size = (int(width * scale), int(height * scale))
    reduced = []
    for photo in stack:
        soft = soften(photo, 0.4 / scale)  # keeps what the new grid can hold
        reduced.append(cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    return np.stack(reduced).astype(np.float32), scale


def _scaled(circle: Circle, scale: float) -> Circle:
    """Return a circle on a grid with `scale` of its pixels in one of this."""
    return Circle(*(scale * value for value in circle))


def _distance(a: Circle, b: Circle) -> float:
    """Return how far two circles are apart, in pixels of centre and of radius together."""
    return float(np.hypot(a.x - b.x, a.y - b.y) + abs(a.radius - b.radius))
