"""What is seen beside the stone: the stage, a white card, a chart of 24 patches, chrome spheres.

They lie in the plane z = 0 of the stone frame and cast no shadows. On a tilt stage they tilt with the stone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geodfx.arrays import F32, F64, frozen
from geodfx.colour import decode_srgb
from geodfx.jit import kernel, run_bands
from geodfx.simulate.camera import Camera, camera_ray
from geodfx.simulate.recipe import CHART_COLUMNS, CHART_ROWS, FrameRecipe
from geodfx.simulate.sky import CELLS, Sky, add_lambert, light_seen

__all__ = ["Surround", "expose_surround", "make_alone", "make_surround", "surround_photo"]

CHROME = (0.55, 0.556, 0.554)  # normal reflectance of chromium; taken as the same at all angles
CHART_GAP = 0.15  # share of a patch that is black border
# The 24 patches, sRGB, row by row: published by the chart's maker (X-Rite, "ColorChecker Classic sRGB values").
CHART_SRGB = (
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
    (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
    (243, 243, 242), (200, 200, 200), (160, 160, 160), (122, 122, 121), (85, 85, 85), (52, 52, 52),
)  # fmt: skip


@dataclass(frozen=True)
class Surround:
    """What lies beside the stone."""

    card: F64  # (N, 7) matte rectangles: x and y of the middle, half sides, linear Rec.709; the first met counts
    sphere: F64  # (M, 3) x and y of the centre, radius
    white_stage: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "card", frozen("card", self.card, np.float64, (None, 7)))
        object.__setattr__(self, "sphere", frozen("sphere", self.sphere, np.float64, (None, 3)))

    @property
    def reach(self) -> float:
        """How far from the origin a sphere mirrors lights."""
        return float((np.hypot(self.sphere[:, 0], self.sphere[:, 1]) + self.sphere[:, 2]).max(initial=0.0))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be seen."""
        return not (self.white_stage or len(self.card) or len(self.sphere))


def make_surround(recipe: FrameRecipe, *, white_stage: bool) -> Surround:
    """Return what a recipe lays beside the stone, in the stone's photos."""
    cards: list[list[float]] = []
    if recipe.white_card is not None and len(recipe.white_card) == 4:
        cards += _white_card(*recipe.white_card)
    if recipe.chart is not None and len(recipe.chart) == 3:
        cards += _chart(*recipe.chart)
    spheres = [[*sphere.at, sphere.radius] for sphere in recipe.spheres if sphere.at is not None]
    return Surround(np.array(cards).reshape(-1, 7), np.array(spheres).reshape(-1, 3), white_stage)


def make_alone(recipe: FrameRecipe, *, white_stage: bool) -> dict[str, Surround]:
    """Return the card and the chart that stand in the stone's place, for photos of their own, by their keys."""
    cards: dict[str, list[list[float]]] = {}
    if recipe.white_card is not None and len(recipe.white_card) == 2:
        cards["white_card"] = _white_card(0.0, 0.0, *recipe.white_card)
    if recipe.chart is not None and len(recipe.chart) == 1:
        cards["chart"] = _chart(0.0, 0.0, *recipe.chart)
    return {key: Surround(np.array(rows), np.zeros((0, 3)), white_stage) for key, rows in cards.items()}


def _white_card(x: float, y: float, width: float, height: float) -> list[list[float]]:
    return [[x, y, width / 2, height / 2, 1.0, 1.0, 1.0]]


def _chart(x: float, y: float, width: float) -> list[list[float]]:
    step = width / CHART_COLUMNS
    half = (1 - CHART_GAP) * step / 2
    rows = []
    for k, colour in enumerate(decode_srgb((np.array(CHART_SRGB) / 255).astype(np.float32)).tolist()):
        right, down = k % CHART_COLUMNS - (CHART_COLUMNS - 1) / 2, k // CHART_COLUMNS - (CHART_ROWS - 1) / 2
        rows.append([x + right * step, y - down * step, half, half, *colour])
    return rows


def surround_photo(surround: Surround, camera: Camera, sky: Sky) -> F32:
    """Return one photo (H, W, 3) of a surround without a stone, made on this thread; the sky's lights share it."""
    photo = np.zeros((1, camera.height, camera.width, 3), np.float32)
    nothing = np.zeros((camera.height, camera.width), np.float32)
    card, sphere = np.array(surround.card), np.array(surround.sphere)
    _expose_rows(0, camera.height, card, sphere, surround.white_stage, camera, sky, photo, nothing)
    return photo.reshape(photo.shape[1:])


def expose_surround(surround: Surround, camera: Camera, sky: Sky, photos: F32, alpha: F32) -> None:
    """Add what is seen beside the stone to photos (M, H, W, 3), where alpha (H, W) leaves room."""
    if surround.empty:
        return
    card, sphere = np.array(surround.card), np.array(surround.sphere)

    def work(first: int, last: int) -> None:
        _expose_rows(first, last, card, sphere, surround.white_stage, camera, sky, photos, alpha)

    run_bands(work, camera.height)


@kernel
def _expose_rows(
    first: int,
    last: int,
    card: F64,
    sphere: F64,
    white_stage: bool,
    camera: Camera,
    sky: Sky,
    photos: F32,
    alpha: F32,
) -> None:
    photo = np.zeros((max(sky.photos, 1), 3))
    samples = len(camera.offset)
    for row in range(first, last):
        for column in range(camera.width):
            room = 1.0 - alpha[row, column]
            if room <= 0.0:
                continue
            photo[:] = 0.0
            for sample in range(samples):
                ox, oy, oz, dx, dy, dz = camera_ray(camera, column, row, sample)
                if _add_sphere(sphere, white_stage, sky, photo, ox, oy, oz, dx, dy, dz):
                    continue
                way = -oz / dz
                _add_card(card, white_stage, sky, photo, ox + way * dx, oy + way * dy)
            for m in range(sky.photos):
                for c in range(3):
                    photos[m, row, column, c] += np.float32(room * photo[m, c] / samples)


@kernel
def _add_card(card: F64, white_stage: bool, sky: Sky, photo: F64, x: float, y: float) -> None:
    """Add a matte rectangle, or the stage, at a point of the plane z = 0."""
    for k in range(len(card)):
        if abs(x - card[k, 0]) < card[k, 2] and abs(y - card[k, 1]) < card[k, 3]:
            add_lambert(sky, photo, x, y, 0.0, 0.0, 0.0, 1.0, card[k, 4], card[k, 5], card[k, 6])
            return
    if white_stage:
        add_lambert(sky, photo, x, y, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0)


@kernel
def _add_sphere(
    sphere: F64,
    white_stage: bool,
    sky: Sky,
    photo: F64,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> bool:
    """Add what the nearest chrome sphere mirrors, lights or a white stage; tell whether the ray met one."""
    best, nearest = math.inf, -1
    for k in range(len(sphere)):
        cx, cy, cz = sphere[k, 0] - ox, sphere[k, 1] - oy, -oz
        along = cx * dx + cy * dy + cz * dz
        squared = sphere[k, 2] * sphere[k, 2] - (cx * cx + cy * cy + cz * cz - along * along)
        if squared > 0.0 and along - math.sqrt(squared) < best:
            best, nearest = along - math.sqrt(squared), k
    if nearest < 0:
        return False
    x, y, z = ox + best * dx, oy + best * dy, oz + best * dz
    radius = sphere[nearest, 2]
    nx, ny, nz = (x - sphere[nearest, 0]) / radius, (y - sphere[nearest, 1]) / radius, z / radius
    twice = 2.0 * (dx * nx + dy * ny + dz * nz)
    mx, my, mz = dx - twice * nx, dy - twice * ny, dz - twice * nz
    if mz <= 0.0:
        if white_stage:
            add_lambert(sky, photo, x, y, z, 0.0, 0.0, 1.0, CHROME[0], CHROME[1], CHROME[2])
        return True
    scale = 1.0 / (abs(mx) + abs(my) + mz)
    u = min(int((0.5 + 0.5 * (mx + my) * scale) * CELLS), CELLS - 1)
    v = min(int((0.5 + 0.5 * (mx - my) * scale) * CELLS), CELLS - 1)
    for k in range(sky.first[v * CELLS + u], sky.first[v * CELLS + u + 1]):
        light = sky.near[k]
        seen = light_seen(sky, light, x, y, z, mx, my, mz)
        for c in range(3):
            photo[sky.photo[light], c] += seen * CHROME[c]
    return True
