"""Photos of a stone that tilts, brought to the texels of one plane of the stone.

What glitters lies on no one plane: facets of the crown, and below them images of the pavilion. The plane at which
neighbouring tilts agree best is the one across which flashes move least.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from geodfx.arrays import F32, F64, U8, U16, Bool
from geodfx.capture.gather import gather
from geodfx.capture.photos import PhotoSet, RadianceStack, are_clear, read_codes, read_radiance, to_radiance
from geodfx.colour import encode_display
from geodfx.constants import WHITE_LEVEL, WHITE_QUANTILE
from geodfx.jit import thread_count
from geodfx.tilting import Camera, TiltStage, plane_to_picture, warp, warp_light

__all__ = ["find_plane", "read_tilted_stack", "rectify_matte"]

HEIGHTS = np.linspace(-0.4, 0.3, 15)  # in stone widths: a stone reaches from about -0.45 to 0.2 around its girdle
PAIRS = 24  # of neighbouring tilts that are compared: more tell no more
PLANE_SIZE = 256  # pixels: to which larger photos are shrunk for it
WARPING = 4  # as many times a photo's light is held, in floats, while it is brought to the plane
SEEN = 128  # of 255: a texel that is covered so far is fitted
HALF_MOST = np.float32(65504.0)  # the largest float16
ALL_CLEAR = 0.999  # of the pixels between which a texel is interpolated
UNCLEAR = 0x8000  # the bit of a code, a float16's sign, that says the radiance is not clear


def find_plane(photos: PhotoSet, camera: Camera, tilt_rad: F64, mask: U8) -> float:
    """Return the height of the plane, in stone widths, in which photos of neighbouring tilts (L, 2) agree best.

    mask: (H, W). By the mean square difference of displayed values, and a parabola through its least three.
    """
    longest = max(camera.size)
    shrink = min(1.0, PLANE_SIZE / longest)
    size = (max(1, round(camera.size[0] * shrink)), max(1, round(camera.size[1] * shrink)))
    small = Camera(size, camera.distance, camera.field_width)
    covered = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0
    pairs = _neighbours(tilt_rad)
    if not pairs:
        return 0.0
    chosen = sorted({i for pair in pairs for i in pair})

    def shrunk(i: int) -> F32:
        return np.asarray(cv2.resize(read_radiance(photos, i), size, interpolation=cv2.INTER_AREA), np.float32)

    with ThreadPoolExecutor(thread_count()) as pool:
        light = dict(zip(chosen, pool.map(shrunk, chosen), strict=True))
    brightest = np.max([picture[covered] for picture in light.values()], axis=0)
    gain = WHITE_LEVEL / max(float(np.quantile(brightest, WHITE_QUANTILE)), 1e-9)

    def difference(height: float) -> float:
        total = 0.0
        for pair in pairs:
            matrices = (plane_to_picture(small, height, (tilt_rad[i, 0], tilt_rad[i, 1])) for i in pair)
            one, other = (warp(encode_display(light[i], gain), m) for i, m in zip(pair, matrices, strict=True))
            total += float(np.mean((one - other)[covered] ** 2))
        return total

    with ThreadPoolExecutor(thread_count()) as pool:
        return _lowest(HEIGHTS, np.array(list(pool.map(difference, HEIGHTS.tolist()))))


def _neighbours(tilt_rad: F64) -> list[tuple[int, int]]:
    """Return pairs of neighbouring tilts of (L, 2), evenly over their order."""
    first = np.unique(np.linspace(0, len(tilt_rad) - 1, PAIRS).round().astype(int))
    apart = ((tilt_rad[first, None] - tilt_rad[None]) ** 2).sum(axis=2)
    apart[apart == 0] = np.inf  # itself, or the same tilt once more
    found = zip(first.tolist(), apart.argmin(axis=1).tolist(), apart.min(axis=1).tolist(), strict=True)
    return [(i, j) for i, j, off in found if off < np.inf]


def _lowest(x: F64, y: F64) -> float:
    """Return where a parabola through the least of y (N,) and its neighbours is lowest; x: (N,), evenly spaced.

    Where the least lies at an end, nothing is told: 0, the plane of the girdle.
    """
    n = int(np.argmin(y))
    if n in (0, len(x) - 1):
        return 0.0
    bend = y[n - 1] - 2 * y[n] + y[n + 1]
    shift = 0.0 if bend <= 0 else 0.5 * (y[n - 1] - y[n + 1]) / bend
    return float(x[n] + shift * (x[1] - x[0]))


def rectify_matte(mask: U8, camera: Camera, stage: TiltStage) -> tuple[U8, Bool]:
    """Return the alpha (H, W) of the stone's outline, and which texels (H, W) are seen at some tilt.

    mask: (H, W), white where the stone is at any tilt. The outline is the widest part of the stone, its girdle, about
    as high as its middle: what lies in the mask wherever it is brought by a tilt. Texels lie on their own plane, and
    more of them come into view than lie in the outline.
    """
    outermost = cv2.convexHull(stage.tilt_rad)[:, 0].tolist()
    picture = mask.astype(np.float32)
    alpha = np.full(mask.shape, 255, np.float32)
    for pitch, roll in [*outermost, (0.0, 0.0)]:
        np.minimum(alpha, warp(picture, plane_to_picture(camera, 0.0, (pitch, roll)), cubic=False), out=alpha)
    seen = alpha > 0
    for pitch, roll in outermost:
        shown = warp(alpha, plane_to_picture(camera, 0.0, (pitch, roll)), back=True, cubic=False)
        seen |= warp(shown, plane_to_picture(camera, stage.plane_height, (pitch, roll)), cubic=False) > SEEN
    return np.rint(alpha).astype(np.uint8), seen


def read_tilted_stack(
    photos: PhotoSet, seen: Bool, camera: Camera, stage: TiltStage, progress: Callable[[int], None] | None = None
) -> RadianceStack:
    """Return what the photos hold at the texels of the stone's plane that are seen (H, W).

    Radiance between pixels needs codes of its own: those of float16. It is not clear where a photo is clipped or does
    not reach. Otherwise as `read_stack`.
    """
    texels = np.flatnonzero(seen)

    def read(i: int) -> U16:
        pitch, roll = stage.tilt_rad[i].tolist()
        matrix = plane_to_picture(camera, stage.plane_height, (pitch, roll))
        picture = read_codes(photos, i)
        light = np.minimum(warp_light(to_radiance(photos, picture), matrix), HALF_MOST).astype(np.float16)
        clear = warp(are_clear(photos, picture).astype(np.float32), matrix, cubic=False) > ALL_CLEAR
        own: U16 = np.where(clear[..., None], 0, UNCLEAR).astype(np.uint16) | light.view(np.uint16)
        return own.reshape(-1, 3)

    photo_bytes = WARPING * 3 * photos.size[0] * photos.size[1] * np.dtype(np.float32).itemsize
    codes = gather(read, len(photos.paths), texels, np.uint16, photo_bytes, progress)
    table = (np.arange(1 << 16) & (UNCLEAR - 1)).astype(np.uint16).view(np.float16).astype(np.float32)
    return RadianceStack(codes, np.nan_to_num(table, posinf=0.0), UNCLEAR, texels, photos.size)
