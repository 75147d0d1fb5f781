"""A convex stone as half-spaces: closed, without needless planes, brought to the stone frame's place and size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F64, Bool, frozen
from geodfx.errors import RecipeError

__all__ = ["MAX_FACES", "Polyhedron", "close_planes"]

MAX_FACES = 1024  # of one stone: designs have 30 to 300
ON_PLANE = 1e-6  # of the stone's width: a corner this near to a plane lies on it; designs are written with 8 digits
LARGEST = 1e6  # a design whose corners lie further than this many times its inner radius is open


@dataclass(frozen=True)
class Polyhedron:
    """A convex solid. `close_planes` makes it |x| and |y| at most 0.5, its box centred on the origin."""

    planes: F64  # (F, 4) outward unit normal, distance from the origin
    corners: F64  # (V, 3)

    def __post_init__(self) -> None:
        object.__setattr__(self, "planes", frozen("planes", self.planes, np.float64, (None, 4)))
        object.__setattr__(self, "corners", frozen("corners", self.corners, np.float64, (None, 3)))

    def touching(self) -> Bool:
        """Return (F, F) whether two faces share a corner; no face touches itself."""
        on = np.abs(self.corners @ self.planes[:, :3].T - self.planes[:, 3]) < 10 * ON_PLANE
        shared: Bool = (on.T.astype(np.int64) @ on) > 0
        return shared & ~np.eye(len(self.planes), dtype=bool)

    def outlines(self) -> list[npt.NDArray[np.int64]]:
        """Return the corners of each face, in planes' order, against the clock seen from outside."""
        outlines = []
        for plane in self.planes:
            normal = plane[:3]
            on = np.flatnonzero(np.abs(self.corners @ normal - plane[3]) < 10 * ON_PLANE)
            middle = self.corners[on].mean(axis=0)
            across = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
            up = np.cross(normal, across)
            offset = self.corners[on] - middle
            outlines.append(on[np.argsort(np.arctan2(offset @ up, offset @ across))])
        return outlines


def close_planes(planes: F64, told: str, *, scale: float | None = None) -> Polyhedron:
    """Return the solid inside all planes (F, 4), its box centred, its longer side across the view at 1.

    scale: lengths are multiplied by it instead. Planes that touch no face are left out. Raises RecipeError, `told`
    first, if the planes leave nothing or do not close.
    """
    from scipy.spatial import HalfspaceIntersection, QhullError  # noqa: PLC0415  # slow to load, and few need it

    if len(planes) > MAX_FACES:
        raise RecipeError(f"{told}: has {len(planes)} faces, more than {MAX_FACES}; leave out the smallest")
    inside, radius = _deepest_point(planes)
    if not radius > 0:
        raise RecipeError(f"{told}: its planes leave no stone between them; correct angles and distances")
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # a corner at infinity is found below
            corners = HalfspaceIntersection(np.c_[planes[:, :3], -planes[:, 3]], inside).intersections
    except QhullError as error:
        raise RecipeError(f"{told}: its planes do not meet in a stone; correct angles and distances") from error
    if not np.isfinite(corners).all() or np.abs(corners - inside).max() > LARGEST * radius:
        raise RecipeError(f"{told}: its planes do not close; add the girdle or the missing facets")
    low, high = corners.min(axis=0), corners.max(axis=0)
    centre = (low + high) / 2
    size = 1 / (high - low)[:2].max() if scale is None else scale
    corners = _distinct((corners - centre) * size)
    moved = np.c_[planes[:, :3], (planes[:, 3] - planes[:, :3] @ centre) * size]
    touching = (np.abs(corners @ moved[:, :3].T - moved[:, 3]) < 10 * ON_PLANE).sum(axis=0) >= 3
    return Polyhedron(np.ascontiguousarray(moved[touching]), corners)


def _deepest_point(planes: F64) -> tuple[F64, float]:
    """Return the centre and radius of the largest ball inside all planes; the radius is 0 where there is none."""
    from scipy.optimize import linprog  # noqa: PLC0415  # slow to load, and few need it

    found = linprog(
        [0.0, 0.0, 0.0, -1.0],
        A_ub=np.c_[planes[:, :3], np.ones(len(planes))],
        b_ub=planes[:, 3],
        bounds=[(None, None)] * 3 + [(0.0, 1e9)],
    )
    if found.x is None:
        return np.zeros(3), 0.0
    return found.x[:3], float(found.x[3]) if found.x[3] < 1e8 else 0.0


def _distinct(corners: F64) -> F64:
    """Return corners without those that lie on another."""
    keep: list[F64] = []
    for corner in corners:
        if all(np.abs(corner - other).max() > ON_PLANE for other in keep):
            keep.append(corner)
    return np.array(keep)
