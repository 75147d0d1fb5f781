"""The symmetry of a cut stone, found in its photos: turns and mirrors about the camera's axis that map it onto itself.

How a texel answers to lights is put into a few numbers that a turn changes in a known way: the level and the curvature
of what it shows, which stay; its slope over the sphere of lights, a vector; and its lengthwise part, which turns twice
as fast. A symmetry is a move of the picture after which these fields meet themselves. Smooth shading is taken out
first, for any dome is alike on all sides; the outlines of facets and where they flash are not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import fft2, ifft2
from scipy.optimize import minimize
from scipy.spatial import KDTree

from geodfx.arrays import F64
from geodfx.capture.coarse import CoarseStack
from geodfx.capture.photos import RadianceStack
from geodfx.constants import DISPLAY_GAMMA
from geodfx.jit import run_each

__all__ = ["Symmetry", "few_moves", "find_symmetry", "move_back", "symmetry_moves"]

C64 = npt.NDArray[np.complex64]

ORDERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16)  # of the turns that are looked for
MIRRORS = 180  # axes that are tried at first, a degree apart
ALIKE = 0.25  # correlation of the fields with themselves from which a move is taken; by chance it stays below 0.15
NEARLY = 0.9  # of the highest correlation of a turn: one that meets the picture's texels worse tells less
BESIDE = 0.6  # of the highest correlation of a mirror, which a turn of the same stone has at least; and the reverse
COARSE, FINE = 128, 256  # texels a side of the fields while moves are looked for, and while their axis is refined
BLUR = 1.0  # texels
SMOOTH = 1 / 40  # of the picture: shading that changes over more than this says nothing
FURTHEST = 0.12  # of the picture: how far the stone's axis may lie from the middle of its outline
RIDGE = 1e-3
SPIN = (0, 0, 1, 2)  # how often each field's phase turns with the picture
CHUNK = 4096
SAME_LIGHT = 0.1  # of a light's radius: a light as near to another tells what that does
MOST_SIDE = 512  # texels: of a larger picture, blocks of texels are looked at together


class Symmetry(NamedTuple):
    """The moves of a stone onto itself: about one point, turns and mirrors."""

    centre: F64  # (2,) column and row
    moves: F64  # (G, 2, 2) of (right, up), in the picture and of directions alike; the identity first
    start: float  # angle from the right, radians, at which a sector begins that the moves spread over the whole
    sector: float  # its width, radians, at most pi

    @property
    def name(self) -> str:
        """Return its name by Schoenflies: C for turns alone, D where mirrors are with them, and the order."""
        mirrored = bool((np.linalg.det(self.moves) < 0).any())
        return f"{'D' if mirrored else 'C'}{len(self.moves) // (2 if mirrored else 1)}"


def find_symmetry(stack: RadianceStack | CoarseStack, directions: F64, gain: float) -> Symmetry | None:
    """Return the symmetry of a stone in its photos under lights (L, 3), displayed at a gain; None if it has none.

    It is what the photos look like, and no proof: an opaque pebble may have the outline of an ellipse.
    """
    terms = _terms(directions)
    if np.linalg.matrix_rank(terms) < terms.shape[1]:
        return None
    solve = np.linalg.solve(terms.T @ terms + RIDGE * len(terms) * np.eye(terms.shape[1]), terms.T)
    width, height = stack.size
    block = max(1, math.ceil(max(width, height) / MOST_SIDE))
    pictures = np.zeros((terms.shape[1] + 1, -(-height // block), -(-width // block)))
    for begin in range(0, len(stack.texels), CHUNK):
        some = slice(begin, begin + CHUNK)
        shown = np.clip(stack.at(some)[0] * np.float32(gain), 0, 1).mean(axis=2) ** np.float32(1 / DISPLAY_GAMMA)
        place = (stack.texels[some] // width // block, stack.texels[some] % width // block)
        for picture, values in zip(pictures, np.einsum("nl,jl->jn", shown.astype(np.float64), solve), strict=False):
            np.add.at(picture, place, values / block**2)
        np.add.at(pictures[-1], place, 1 / block**2)
    columns, rows = stack.texels % width, stack.texels // width
    middle = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    middle = (middle + 0.5) / block - 0.5

    fields, scale = _fields(pictures, COARSE)
    order, axis, centre = _look_for_moves(fields, (middle + 0.5) * scale - 0.5)
    if order == 1 and axis is None:
        return None
    centre = (centre + 0.5) / scale - 0.5
    fields, scale = _fields(pictures, FINE)
    centre, axis = _refine(fields, order, axis, (centre + 0.5) * scale - 0.5)
    moves = symmetry_moves(order, axis)
    sector = 2 * math.pi / len(moves)
    return Symmetry((centre + 0.5) * block / scale - 0.5, moves, 0.0 if axis is None else axis, min(sector, math.pi))


def symmetry_moves(order: int, axis: float | None) -> F64:
    """Return the moves (G, 2, 2) of so many turns, and of as many mirrors if there is an axis, radians from x."""
    turns = [_turn(2 * math.pi * k / order) for k in range(order)]
    return np.stack(turns if axis is None else turns + [turn @ _mirror(axis) for turn in turns])


def few_moves(moves: F64, most: int, directions: F64, radius_rad: float) -> F64:
    """Return at most so many of the moves (G, 2, 2), evenly, the first with them.

    Only those count after which lights (L, 3) of a radius stand where none stood: the turns that take a ring of lights
    onto itself show a texel's copy what they showed the texel.
    """
    newly = [moves[0]]
    for move in moves[1:]:
        known = np.concatenate([move_back(directions, before) for before in newly])
        nearest = KDTree(known).query(move_back(directions, move))[0]
        if float(nearest.mean()) > SAME_LIGHT * radius_rad:
            newly.append(move)
    return np.stack(newly)[np.unique(np.arange(most) * len(newly) // most)]


def move_back(directions: F64, move: F64) -> F64:
    """Return directions (L, 3) before a move (2, 2): a copy's light, as it stands to what the copy is of."""
    moved = directions.copy()
    moved[:, :2] = directions[:, :2] @ move
    return moved


def _terms(directions: F64) -> F64:
    """Return constant, slopes, lengthwise part and curvature (L, 6) of what a texel shows over lights (L, 3)."""
    x, y = directions[:, 0], directions[:, 1]
    return np.stack([np.ones(len(x)), x * x + y * y, x, y, x * x - y * y, 2 * x * y], axis=1)


def _fields(maps: F64, most: int) -> tuple[C64, float]:
    """Return fields (4, H, W) of maps (7, H, W), the last of them the outline, and how much smaller they are."""
    scale = min(1.0, most / max(maps.shape[1:]))
    size = (max(1, round(maps.shape[2] * scale)), max(1, round(maps.shape[1] * scale)))
    small = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in maps])
    there = small[-1]
    sigma = SMOOTH * max(size)
    around = np.maximum(cv2.GaussianBlur(there, (0, 0), sigma), 1e-6)
    level, bend, right, up, long, skew = (
        each - there * cv2.GaussianBlur(each, (0, 0), sigma) / around for each in small[:-1]
    )
    fields = np.stack([level + 0j, bend + 0j, right + 1j * up, long + 1j * skew])
    power = np.sqrt((np.abs(fields) ** 2).sum(axis=(1, 2), keepdims=True))
    return (fields / np.maximum(power, 1e-12)).astype(np.complex64), scale


def _turn(angle: float) -> F64:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _mirror(axis: float) -> F64:
    """Return the mirror that leaves the axis at an angle where it is."""
    return np.array([[math.cos(2 * axis), math.sin(2 * axis)], [math.sin(2 * axis), -math.cos(2 * axis)]])


def _moved(fields: C64, move: F64, centre: F64) -> C64:
    """Return fields (4, H, W) after a move about a centre, as the moved stone would have them."""
    flip = np.diag([1.0, -1.0])
    back = (flip @ move @ flip).T  # of columns and rows
    matrix = np.hstack([back, (centre - back @ centre)[:, None]])
    size = (fields.shape[2], fields.shape[1])
    angle, mirrored = math.atan2(move[1, 0], move[0, 0]), np.linalg.det(move) < 0
    out = np.empty_like(fields)
    for field, spin, to in zip(fields, SPIN, out, strict=True):
        parts = [field.real] if spin == 0 else [field.real, -field.imag if mirrored else field.imag]
        parts = [
            cv2.warpAffine(np.ascontiguousarray(part), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            for part in parts
        ]
        to[:] = parts[0] if spin == 0 else (parts[0] + 1j * parts[1]) * np.exp(1j * spin * angle).astype(np.complex64)
    return out


def _match(fields: C64, others: C64) -> float:
    """Return the correlation of fields (4, H, W) with others, times 4."""
    return float(np.einsum("fhw,fhw->", fields.real, others.real, dtype=np.float64)) + float(
        np.einsum("fhw,fhw->", fields.imag, others.imag, dtype=np.float64)
    )


def _look_for_moves(fields: C64, middle: F64) -> tuple[int, float | None, F64]:
    """Return the order of the turns, an axis of the mirrors or None, and the centre."""
    spectrum = fft2(fields)

    def best(move: F64) -> tuple[float, F64]:
        """Return the highest correlation of a move about any centre, and that centre."""
        moved = fft2(_moved(fields, move, middle))
        match = ifft2((np.conj(moved) * spectrum).sum(axis=0)).real / len(fields)
        reach = max(1, int(FURTHEST * max(match.shape)))
        near = np.roll(match, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
        down, right = np.unravel_index(int(near.argmax()), near.shape)
        shift = np.array([right - reach, down - reach], np.float64)
        flip = np.diag([1.0, -1.0])
        # A move about another centre shifts by what it does to the way there; along a mirror's axis nothing tells it.
        away = np.linalg.lstsq(np.eye(2) - flip @ move @ flip, shift, rcond=1e-6)[0]
        return float(near.max()), middle + away

    moves = [_turn(2 * math.pi / order) for order in ORDERS]
    moves += [_mirror(k * math.pi / MIRRORS) for k in range(MIRRORS)]
    found = run_each(lambda i: best(moves[i]), len(moves))
    turns, mirrors = dict(zip(ORDERS, found, strict=False)), found[len(ORDERS) :]
    k = max(range(MIRRORS), key=lambda i: mirrors[i][0])
    turned, mirrored = max(turns[order][0] for order in ORDERS), mirrors[k][0]
    least = max(ALIKE, NEARLY * turned, BESIDE * mirrored)
    order = max([order for order in ORDERS if turns[order][0] >= least], default=1)
    axis = k * math.pi / MIRRORS if mirrored >= max(ALIKE, BESIDE * turned) else None
    return order, axis, turns[order][1] if order > 1 else mirrors[k][1]


def _refine(fields: C64, order: int, axis: float | None, centre: F64) -> tuple[F64, float | None]:
    """Return the centre, and the mirrors' axis, at which the fields meet themselves best, starting near them."""
    half = order // 2  # a move back tells what the move tells

    def apart(place: F64) -> float:
        moves = symmetry_moves(order, None if axis is None else float(place[2]))
        moves = np.concatenate([moves[1 : half + 1], moves[order:]])
        matches = run_each(lambda i: _match(fields, _moved(fields, moves[i], place[:2])), len(moves))
        return -float(np.mean(matches))

    begin = np.array([*centre, *([] if axis is None else [axis])])
    # What is interpolated is blurred: as blurred before, the stone's axis is not drawn to where texels meet.
    parts = [[cv2.GaussianBlur(np.ascontiguousarray(part), (0, 0), BLUR) for part in (f.real, f.imag)] for f in fields]
    fields = np.stack([real + 1j * imaginary for real, imaginary in parts]).astype(np.complex64)
    steps = np.vstack([np.zeros(len(begin)), np.diag([1.0, 1.0, math.radians(0.5)][: len(begin)])])
    options = {"initial_simplex": begin + steps, "xatol": 0.01, "fatol": 1e-5, "maxfev": 80}
    found = np.asarray(minimize(apart, begin, method="Nelder-Mead", options=options).x, np.float64)
    return found[:2], None if axis is None else float(found[2])
