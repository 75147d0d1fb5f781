"""The edges of a chrome sphere's outline: how sure they are along a circle, and the circle that fits them.

The outline is the one edge that stays while highlights, shadows and reflections move, so edges are gathered over the
photos of a stack (L, H, W), float32, grey, linear, 0..1. Pixel centres are at +0.5.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, F64

__all__ = [
    "ANGLES",
    "MIN_SUPPORT",
    "Circle",
    "Edges",
    "compress",
    "fit_outline",
    "lay_onto_edges",
    "seen_share",
    "soften",
]

DARK = 1e-3  # added before the square root, which evens out shot noise: 8-bit codes below this are mostly noise
EDGE_NOISE = 4.0  # an edge of this multiple of the median gradient counts half
EDGE_FLOOR = 2e-3  # gradient of the root a pixel that counts half at least: rounding to 8 bits makes such steps
EDGE_CEILING = 0.05  # and at most: where everything is textured, a strong edge still counts
ANGLES = 360  # points on a circumference
MIN_SUPPORT = 0.25  # mean agreement of the edges along a true outline; other things reach 0.2 by chance
TRACE = 0.08  # evidence that is more than chance, as a mean over ten degrees of a circle
EDGE_SHARE = 0.3  # of the strongest edge at that angle: fainter ones are not the outline
TRIPLES = 600  # draws of three edge points: with half of them false, one in eight is right


class Circle(NamedTuple):
    """Outline of a sphere in a photo, in pixels; (0, 0) is the outer corner of the first pixel, y runs down."""

    x: float
    y: float
    radius: float


class Edges(NamedTuple):
    """Photos made ready to look for edges: the root of the softened radiance, and what gradient of it counts half."""

    rooted: F32  # (L, H, W)
    half: tuple[float, ...]  # (L,)

    @classmethod
    def of(cls, stack: F32, sigma: float) -> Edges:
        """Make photos (L, H, W) ready, softened by `sigma` pixels."""
        rooted = np.stack([np.sqrt(np.maximum(soften(photo, sigma), 0) + np.float32(DARK)) for photo in stack])
        return cls(rooted, tuple(_half_weight(np.hypot(*np.gradient(photo))) for photo in rooted))


def soften(photo: F32, sigma: float) -> F32:
    """Return a photo (H, W) blurred by a Gaussian of `sigma` pixels."""
    soft: F32 = np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)
    return soft


def compress(total: Any, photos: int) -> Any:
    """Bring evidence summed over photos to -1..1: an edge that stays in a few of them counts nearly as one in all."""
    return total / (np.abs(total) + 0.15 * photos + 0.5)


def _half_weight(gradient: npt.NDArray[np.floating[Any]]) -> float:
    """Return the gradient that counts half in a photo of these gradients' lengths."""
    return min(max(EDGE_NOISE * float(np.median(gradient)), EDGE_FLOOR), EDGE_CEILING)


def lay_onto_edges(edges: Edges, circle: Circle, slack: float) -> tuple[Circle, float]:
    """Return the circle within `slack` pixels (centre and radius) that the edges support best, and its support 0..1."""
    support = 0.0
    for reach, steps in ((max(slack, 2.0), 12), (max(slack / 4, 1.5), 8)):
        step = reach / steps
        offsets = (np.arange(-int(2.5 * steps), int(2.5 * steps) + 1) * step).astype(np.float64)
        evidence = _soften_profiles(_profiles(edges, circle, offsets, steps / 8)[0], 1.0)
        cos, sin = _circumference()
        rows = np.arange(ANGLES)[:, None]
        grow = np.arange(-steps, steps + 1)
        best = (-1.0, 0, 0, 0)
        for right, down in product(range(-steps, steps + 1, 2), repeat=2):
            shift = np.rint(right * cos + down * sin).astype(np.intp)[:, None] + grow + len(offsets) // 2
            means = evidence[rows, np.clip(shift, 0, len(offsets) - 1)].mean(axis=0)
            k = int(np.argmax(means))
            best = max(best, (float(means[k]), right, down, int(grow[k])))
        support = best[0]
        circle = Circle(*(value + step * move for value, move in zip(circle, best[1:], strict=True)))
    return circle, support


def seen_share(edges: Edges, circle: Circle) -> float:
    """Return the share (0..1) of a circle's arcs of ten degrees that show at least a trace of an edge."""
    offsets = np.linspace(-0.02, 0.02, 17) * max(circle.radius, 100.0)
    evidence = _soften_profiles(_profiles(edges, circle, offsets, 1.0)[0], 1.0)
    near = evidence[:, 6:11].max(axis=1)  # the middle third: what the fit may have missed the outline by
    return float(np.mean(near.reshape(-1, 10).mean(axis=1) > TRACE))


def fit_outline(stack: F32, circle: Circle) -> Circle:
    """Return the outline near `circle` to a fraction of a pixel.

    By consensus first, against mirrored edges and those of a stand, then by least squares.
    """
    reach = max(2.5, 0.04 * circle.radius)
    margin = circle.radius + 2 * reach + 4
    left, top = (max(0, int(centre - margin)) for centre in circle[:2])
    edges = Edges.of(stack[:, top : int(circle.y + margin) + 1, left : int(circle.x + margin) + 1], 0.5)
    circle = Circle(circle.x - left, circle.y - top, circle.radius)
    width = max(0.3, 0.003 * circle.radius)  # pixels, how far the outline's own edges stray
    for attempt in range(3):
        design, position, weight = _edge_points(edges, circle, reach)
        if len(position) < ANGLES // 12:
            break
        move: F64 = _consensus(design, position, weight, width) if attempt == 0 else np.zeros(3)
        trust = weight * np.exp(-0.5 * ((position - design @ move) / width) ** 2)
        for _ in range(20):
            if np.count_nonzero(trust) < ANGLES // 12:
                break
            root = np.sqrt(trust)
            move = np.asarray(np.linalg.lstsq(design * root[:, None], position * root, rcond=None)[0], np.float64)
            miss = position - design @ move
            trust = weight * np.maximum(0, 1 - (miss / (3 * width)) ** 2) ** 2
        circle = Circle(*(float(value + change) for value, change in zip(circle, move, strict=True)))
        reach = max(2.0, 0.01 * circle.radius)
    return Circle(circle.x + left, circle.y + top, circle.radius)


def _edge_points(edges: Edges, circle: Circle, reach: float) -> tuple[F64, F64, F64]:
    """Return every edge across the radii within `reach` of a circle: design (N, 3), offset (N,) in pixels, weight (N,).

    A circle moved by (dx, dy) and grown by dr passes offset = design @ (dx, dy, dr).
    """
    cos, sin = _circumference()
    design = np.stack([cos, sin, np.ones(ANGLES)], axis=1)
    count = int(np.clip(reach / 0.2, 16, 48))
    offsets = np.linspace(-reach, reach, 2 * count + 1)
    evidence, place = _profiles(edges, circle, offsets, 1.5)
    edge = np.where(evidence > 0, place, 0)
    before, here, after = edge[:, :-2], edge[:, 1:-1], edge[:, 2:]
    strong = here >= np.float32(EDGE_SHARE) * edge.max(axis=1, keepdims=True)
    row, k = np.nonzero((here > before) & (here >= after) & strong & (evidence[:, 1:-1] > MIN_SUPPORT))
    low, peak, high = before[row, k], here[row, k], after[row, k]
    position = offsets[k + 1] + (offsets[1] - offsets[0]) * 0.5 * (low - high) / (low - 2 * peak + high)
    share = peak / edge.max(axis=1)[row]
    return design[row], position.astype(np.float64), (share * evidence[row, k + 1]).astype(np.float64)


def _consensus(design: F64, position: F64, weight: F64, width: float) -> F64:
    """Return the move (dx, dy, dr) that most edge points agree on, of those that three points give. Fischler 1981."""
    draws = np.random.default_rng(0).integers(0, len(position), (TRIPLES, 3))
    triple = design[draws]
    draws = draws[np.abs(np.linalg.det(triple)) > 0.5]  # three points close together tell little
    moves = np.concatenate([np.zeros((1, 3)), np.linalg.solve(design[draws], position[draws][..., None])[..., 0]])
    miss = moves @ design.T - position
    votes = (weight * np.exp(-0.5 * np.minimum(np.abs(miss) / width, 10) ** 2)).sum(axis=1)
    best: F64 = moves[int(np.argmax(votes))]
    return best


def _profiles(edges: Edges, circle: Circle, offsets: F64, sigma: float) -> tuple[F32, F32]:
    """Return evidence of an edge (ANGLES, P) at distances radius + offsets from a circle's centre, and its place.

    The evidence is -1..1, positive for an edge across the radius, negative for one along it, 0 outside the frame. The
    place is high where linear radiance is steepest, which is where a blurred edge truly lies; each photo has one vote.
    sigma: softening along the radius, in steps of `offsets`; along the circle it bends no edge, so it is more there.
    """
    cos, sin = _circumference()
    distance = np.maximum(circle.radius + offsets, 0.5)
    x = (circle.x - 0.5 + np.outer(cos, distance)).astype(np.float32)
    y = (circle.y - 0.5 + np.outer(sin, distance)).astype(np.float32)
    step, arc = offsets[1] - offsets[0], distance * (2 * np.pi / ANGLES)
    evidence = np.zeros(x.shape, np.float32)
    place = np.zeros(x.shape, np.float32)
    for photo, half in zip(edges.rooted, edges.half, strict=True):
        sampled = cv2.remap(photo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(np.nan,))
        soft = _soften_profiles(sampled, sigma)
        across = np.nan_to_num(np.gradient(soft, step, axis=1))
        along = np.nan_to_num((np.roll(soft, -1, 0) - np.roll(soft, 1, 0)) / (2 * arc))
        evidence += (across**2 - along**2) / (across**2 + along**2 + half**2)
        steep = np.abs(np.nan_to_num(np.gradient(soft * soft, step, axis=1)))
        sure = (across**2 / (across**2 + half**2)).max(axis=1, keepdims=True)
        place += sure * steep * steep
    return compress(evidence, len(edges.rooted)), np.sqrt(place)


def _soften_profiles(sampled: Any, sigma: float) -> F32:
    """Return a circle's profiles (ANGLES, P) softened; the circumference wraps around."""
    wrapped = np.concatenate([sampled[-8:], sampled, sampled[:8]])
    soft: F32 = np.asarray(
        cv2.GaussianBlur(wrapped, (0, 0), sigma, sigmaY=1.5, borderType=cv2.BORDER_REPLICATE), np.float32
    )
    return soft[8:-8]


def _circumference() -> tuple[F64, F64]:
    """Return cosine and sine (ANGLES,) around a circle."""
    turn = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    return np.cos(turn), np.sin(turn)
