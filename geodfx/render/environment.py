"""Environment: what surrounds the stone, blurred once (prefilter.py) and looked up by direction and width.

The kernels here have twins of the same names in shaders/environment.glsl.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F32, frozen
from geodfx.constants import ENVIRONMENT_LEVELS, ENVIRONMENT_SIZE, LOBE_WIDTH_MAX
from geodfx.errors import ViewError
from geodfx.images import read_image
from geodfx.jit import kernel
from geodfx.render.prefilter import prefilter

__all__ = [
    "Environment",
    "environment_level",
    "environment_lookup",
    "environment_tap",
    "lobe_horizon_share",
    "oct_encode",
]


@dataclass(frozen=True, eq=False)
class Environment:
    """Radiance from every direction of the world, in white-card units, at every width a lobe may have."""

    name: str
    maps: F32  # (N, 3) levels one behind another, each an octahedral map row by row

    def __post_init__(self) -> None:
        count = sum((ENVIRONMENT_SIZE >> level) ** 2 for level in range(ENVIRONMENT_LEVELS))
        object.__setattr__(self, "maps", frozen("environment maps", self.maps, np.float32, (count, 3)))

    @classmethod
    def load(cls, path: Path | str) -> Environment:
        """Return the environment of a latitude-longitude picture, .hdr or .exr. Raises ViewError."""
        return cls.from_radiance(read_image(Path(path), ViewError), str(path))

    @classmethod
    def from_radiance(cls, radiance: F32, name: str = "environment") -> Environment:
        """Return the environment of a latitude-longitude map (H, 2 H, 3). Raises ViewError.

        Top row +y, middle column -z (behind the stone), three quarters along +x.
        """
        if radiance.dtype != np.float32:
            raise ViewError(f"{name}: expected radiance as floating point (.hdr or .exr), got {radiance.dtype}")
        if radiance.ndim != 3 or radiance.shape[2] != 3 or radiance.shape[1] != 2 * radiance.shape[0]:
            shape = " x ".join(str(side) for side in radiance.shape[1::-1])
            raise ViewError(f"{name}: expected a latitude-longitude map, twice as wide as high, got {shape}")
        if not np.isfinite(radiance).all():
            raise ViewError(f"{name}: holds values that are not finite; repair the map")
        if radiance.min() < 0:
            raise ViewError(f"{name}: holds negative radiance, down to {radiance.min():.3g}; clip the map at 0")
        return cls(name, prefilter(radiance))


@kernel
def oct_encode(x: np.float32, y: np.float32, z: np.float32) -> tuple[np.float32, np.float32]:
    """Return the point in [-1, 1]^2 of a direction, not 0. Cigolle 2014, octahedral map."""
    one = np.float32(1.0)
    scale = one / (abs(x) + abs(y) + abs(z))
    u = x * scale
    v = y * scale
    if z >= np.float32(0.0):
        return u, v
    sign_u = one if u >= np.float32(0.0) else -one
    sign_v = one if v >= np.float32(0.0) else -one
    return (one - abs(v)) * sign_u, (one - abs(u)) * sign_v


@kernel
def environment_level(width: np.float32) -> np.float32:
    """Return the level, 0 to ENVIRONMENT_LEVELS - 1, whose blur is nearest to a width; between two, a fraction."""
    top = np.float32(ENVIRONMENT_LEVELS - 1)
    level = top + np.log2(max(width, np.float32(1e-6)) / np.float32(LOBE_WIDTH_MAX))
    return min(max(level, np.float32(0.0)), top)


@kernel
def environment_tap(maps: F32, level: int, channel: int, u: np.float32, v: np.float32) -> np.float32:
    """Return one level's radiance at a point of the square, bilinear."""
    half = np.float32(0.5)
    size = ENVIRONMENT_SIZE >> level
    start = 4 * (ENVIRONMENT_SIZE * ENVIRONMENT_SIZE - size * size) // 3  # of a geometric series of maps
    x = (u * half + half) * np.float32(size - 1)
    y = (v * half + half) * np.float32(size - 1)
    column = min(max(int(x), 0), size - 2)
    row = min(max(int(y), 0), size - 2)
    fx = x - np.float32(column)
    fy = y - np.float32(row)
    i, next_row = np.uint64(start + row * size + column), np.uint64(size)
    j, one, which = i + next_row, np.uint64(1), np.uint64(channel)
    above = maps[i, which] + (maps[i + one, which] - maps[i, which]) * fx
    below = maps[j, which] + (maps[j + one, which] - maps[j, which]) * fx
    radiance: np.float32 = above + (below - above) * fy
    return radiance


@kernel
def environment_lookup(
    maps: F32, level: np.float32, channel: int, x: np.float32, y: np.float32, z: np.float32
) -> np.float32:
    """Return the radiance that a lobe in world direction (x, y, z), of the width of `level`, sees in one channel."""
    u, v = oct_encode(x, y, z)
    low = min(int(level), ENVIRONMENT_LEVELS - 2)
    part = level - np.float32(low)
    fine = environment_tap(maps, low, channel, u, v)
    coarse = environment_tap(maps, low + 1, channel, u, v)
    return fine + (coarse - fine) * part


@kernel
def lobe_horizon_share(z: np.float32, width: np.float32) -> np.float32:
    """Share of a lobe's kernel above the stone's horizon, 0..1, for z of its direction; a linear ramp."""
    half = np.float32(0.5)
    narrowest = np.float32(LOBE_WIDTH_MAX / 2.0 ** (ENVIRONMENT_LEVELS - 1))
    height = np.sqrt(np.float32(6.0)) * max(width, narrowest)
    return min(max(half + half * z / height, np.float32(0.0)), np.float32(1.0))
