"""Light directions from photos of chrome spheres: reads each photo once, and combines what several spheres tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from geodfx.arrays import F32, F64
from geodfx.capture.highlight import angle_between, find_highlight, find_spot, light_from_highlight
from geodfx.capture.session import SphereSource, Transfer
from geodfx.capture.sphere_edges import Circle
from geodfx.capture.sphere_find import find_circle
from geodfx.colour import decode_srgb
from geodfx.errors import CalibrationError
from geodfx.images import read_image

__all__ = ["Circle", "calibrate", "find_circle", "find_highlight", "light_from_highlight", "read_grey"]

WORKING_SIZE = 2048  # pixels of the longest side in which a sphere is sought; larger photos are binned for it
SAMPLE_PHOTOS = 16  # that many tell the outline and what stays the same; they are held in memory at one time
OUTLINE_ERROR = 0.002  # of the radius, how sure a fitted outline is; a quarter of a pixel at least
MAX_DISAGREEMENT_RAD = 0.26  # 15 degrees from the spheres' mean: one of them shows another light or is misplaced


def calibrate(
    sources: Sequence[SphereSource],
    photos: Sequence[Path],
    transfer: Transfer,
    read: Callable[[Path], F32] | None = None,
) -> tuple[F64, F64]:
    """Return light directions (L, 3), unit, and how sure they are (L,) in radians, from one or more spheres.

    photos: the object's, for spheres that stand in them. read: gives a photo (H, W) as `read_grey` does, the default;
    each is read once, and 16 are held at most.

    Several spheres: directions are averaged, and the residual is the rms angle between the spheres' own and the mean.
    A single sphere: the angle between the directions of the highlight's core and of all of it above half its peak
    (glare, smears and clipping part them), and what a slip of the outline by 0.2% of its radius or a quarter of a
    pixel does, added in squares.

    Raises CalibrationError, naming the photo, if no sphere or no highlight is found, the sphere is cut off by the
    frame, the highlight is that of a light below the horizon, or spheres differ by more than 15 degrees.
    """
    reader = read or (lambda path: read_grey(path, transfer))
    groups: dict[tuple[Path, ...], list[int]] = {}
    for i, source in enumerate(sources):
        groups.setdefault(tuple(photos) if source.photos is None else source.photos, []).append(i)
    if not sources or not all(groups):
        raise CalibrationError("no chrome sphere with photos is given; name one as [[spheres]] in session.toml")
    seen: dict[int, tuple[F64, F64]] = {}
    for paths, members in groups.items():
        circles = [sources[i].circle for i in members]
        lights = _read_spheres(_Reader(paths, reader, WORKING_SIZE if None in circles else None), circles)
        seen.update(zip(members, lights, strict=True))
    if len(seen) == 1:
        return seen[0]
    own = np.stack([seen[i][0] for i in range(len(sources))])  # (spheres, L, 3)
    total = own.sum(axis=0)
    mean = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    apart = angle_between(own, mean)
    if apart.max() > MAX_DISAGREEMENT_RAD:
        sphere, light = np.unravel_index(int(np.argmax(apart)), apart.shape)
        path = (sources[int(sphere)].photos or photos)[int(light)]
        raise CalibrationError(
            f"{path}: sphere {int(sphere) + 1} sees the light {np.degrees(apart.max()):.0f} degrees from where all "
            f"spheres together do (at most {np.degrees(MAX_DISAGREEMENT_RAD):.0f}); check that the spheres' photos are "
            "in the order of the object's, or give each sphere's circle = [x, y, radius]"
        )
    return mean, np.sqrt((apart**2).mean(axis=0))


def read_grey(path: Path, transfer: Transfer) -> F32:
    """Return a photo (H, W), linear, the mean of its channels; integers 0..1, floats as they are."""
    picture = read_image(path)
    if picture.dtype == np.float32:
        return np.asarray(picture.mean(axis=2), np.float32)
    full = np.float32(np.iinfo(picture.dtype).max)
    grey = np.zeros(picture.shape[:2], np.float32)
    for channel in range(3):
        share = picture[..., channel].astype(np.float32) / full
        grey += decode_srgb(share) if transfer == "srgb" else share
    return grey / np.float32(3)


class _Reader:
    """Reads a series of photos, each once, and bins them by whole pixels where `size` asks for fewer."""

    def __init__(self, paths: tuple[Path, ...], read: Callable[[Path], F32], size: int | None) -> None:
        self.paths = paths
        self.bin = 1  # pixels of a photo in a pixel that is handed out
        self._read = read
        self._size = size
        self._shape: tuple[int, ...] | None = None

    def __call__(self, i: int) -> F32:
        photo = self._read(self.paths[i])
        if self._shape is None:
            self._shape = photo.shape
            self.bin = 1 if self._size is None else -(-max(photo.shape) // self._size)
        if photo.shape != self._shape:
            had, has = ("x".join(str(n) for n in shape[::-1]) for shape in (self._shape, photo.shape))
            raise CalibrationError(
                f"{self.paths[i]}: is {has} pixels, {self.paths[0]} is {had}; a sphere's photos must be of one size"
            )
        if self.bin == 1:
            return photo
        height, width = (n // self.bin for n in photo.shape)
        whole = photo[: height * self.bin, : width * self.bin]
        return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _read_spheres(reader: _Reader, given: Sequence[tuple[float, float, float] | None]) -> list[tuple[F64, F64]]:
    """Return directions (L, 3) and their uncertainty (L,) of each sphere in a series of photos."""
    count = len(reader.paths)
    ahead = sorted({round(i * (count - 1) / max(SAMPLE_PHOTOS - 1, 1)) for i in range(SAMPLE_PHOTOS)})
    if None in given:
        held = {i: reader(i) for i in ahead}
        circles = _complete(held, [None if c is None else Circle(*(v / reader.bin for v in c)) for c in given], reader)
        tiles = {i: _tiles(held.pop(i), circles, reader.paths[i]) for i in ahead}
    else:
        circles = [Circle(*circle) for circle in given if circle is not None]
        tiles = {i: _tiles(reader(i), circles, reader.paths[i]) for i in ahead}
    own = [
        circle._replace(x=circle.x - left, y=circle.y - top) for circle in circles for left, top in [_corner(circle)]
    ]
    still = [np.min([tile[s] for tile in tiles.values()], axis=0) if count > 1 else None for s in range(len(circles))]
    direction = np.empty((len(circles), count, 3))
    doubt = np.empty((len(circles), count))
    for i, path in enumerate(reader.paths):
        row = tiles.pop(i) if i in tiles else _tiles(reader(i), circles, path)
        for s, (tile, circle) in enumerate(zip(row, own, strict=True)):
            try:
                spot = find_spot(tile, circle, still[s])
            except CalibrationError as error:
                raise CalibrationError(f"{path}: {error}") from None
            slip = max(0.25 / reader.bin, OUTLINE_ERROR * circle.radius)
            normal_z = np.sqrt(0.5 + 0.5 * spot.core[2])
            direction[s, i] = spot.core
            doubt[s, i] = np.hypot(angle_between(spot.core, spot.whole), 2 * slip / (circle.radius * normal_z))
    return list(zip(direction, doubt, strict=True))


def _complete(held: dict[int, F32], given: Sequence[Circle | None], reader: _Reader) -> list[Circle]:
    """Return the circles, those that are not given found in the photos that are held."""
    known = [circle for circle in given if circle is not None]
    circles = []
    for circle in given:
        if circle is None:
            try:
                found = find_circle(np.stack(list(held.values())), tuple(known))
            except CalibrationError as error:
                raise CalibrationError(f"{reader.paths[0]} and {len(reader.paths) - 1} more: {error}") from None
            known.append(found)
            circles.append(found)
        else:
            circles.append(circle)
    return circles


def _corner(circle: Circle) -> tuple[int, int]:
    """Return left and top of the tile that holds a sphere."""
    return max(0, int(circle.x - circle.radius - 4)), max(0, int(circle.y - circle.radius - 4))


def _tiles(photo: F32, circles: Sequence[Circle], path: Path) -> list[F32]:
    """Return the part of a photo around each sphere, as copies, so that the photo can be let go."""
    tiles = []
    for circle in circles:
        left, top = _corner(circle)
        tile = photo[top : max(0, int(circle.y + circle.radius + 5)), left : max(0, int(circle.x + circle.radius + 5))]
        if min(tile.shape) < 3:
            raise CalibrationError(
                f"{path}: the sphere's circle (x {circle.x:.0f}, y {circle.y:.0f}, radius {circle.radius:.0f}) lies "
                f"outside the photo, {photo.shape[1]}x{photo.shape[0]} pixels; correct circle = [x, y, radius]"
            )
        tiles.append(tile.copy())
    return tiles
