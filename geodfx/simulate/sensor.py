"""From light to files: lens, noise, exposure, and the picture formats.

Each photo has a random generator of its own, seeded by the recipe's seed and the photo's place, so that the bytes do
not depend on the order in which photos are made.
"""

from __future__ import annotations

import io
import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from geodfx.arrays import F32, U8, U16
from geodfx.colour import encode_srgb, to_codes
from geodfx.images import atomic_write, write_image
from geodfx.simulate.recipe import SensorRecipe

__all__ = ["SUFFIXES", "TRANSFERS", "fitting_white", "write_grey", "write_photo"]

SUFFIXES = {"png": ".png", "png8": ".png", "exr": ".exr", "jpeg": ".jpg"}
TRANSFERS = {"png": "linear", "png8": "srgb", "exr": "linear", "jpeg": "srgb"}
HEADROOM = 1.02  # by which the brightest value stays below full scale, so that noise does not clip it
FAST, SMALL = 1, 9  # of PNG: the noise of 16 bits does not compress, more effort would save a few per cent
MOST_ELECTRONS = 1e9  # of one pixel, far beyond any sensor: Poisson numbers stay exact

SHIFT_STREAM, NOISE_STREAM = 0, 1  # so that all exposures of a photo shift alike


def fitting_white(brightest: float) -> float:
    """Return the white value, 1 or less, at which the brightest radiance just fits, cut to four digits."""
    if brightest * HEADROOM <= 1:
        return 1.0
    white = 1 / (brightest * HEADROOM)
    digit = 10.0 ** (math.floor(math.log10(white)) - 3)
    return float(f"{math.floor(white / digit) * digit:.12g}")


def write_photo(
    path: Path,
    radiance: F32,
    recipe: SensorRecipe,
    white_value: float,
    seed: tuple[int, ...],
    exposure: int = 0,
) -> None:
    """Write one photo of radiance (H, W, 3), white card = 1, with the sensor's flaws. Raises OutputError.

    exposure: which of the recipe's; white_value is already that of this exposure. EXR holds radiance times the white
    value and does not clip.
    """
    picture = _through_lens(radiance, recipe, np.random.default_rng([*seed, SHIFT_STREAM]))
    exposed = _noisy(picture * np.float32(white_value), recipe, np.random.default_rng([*seed, NOISE_STREAM, exposure]))
    if recipe.format == "exr":
        write_image(path, exposed)
        return
    levels = (1 << recipe.bits) - 1
    read_out = (np.rint(np.clip(exposed, 0, 1) * levels) / levels).astype(np.float32)
    if recipe.format == "png":
        _write_png(path, np.asarray(to_codes(read_out, np.uint16), np.uint16), FAST)
        return
    codes = np.asarray(to_codes(encode_srgb(read_out), np.uint8), np.uint8)
    if recipe.format == "jpeg":
        _write_jpeg(path, codes, recipe.quality)
    else:
        _write_png(path, codes, SMALL)


def write_grey(path: Path, values: F32) -> None:
    """Write values (H, W), 0..1, as an 8-bit grey PNG."""
    _write_png(path, np.asarray(to_codes(values, np.uint8), np.uint8), SMALL)


def _through_lens(radiance: F32, recipe: SensorRecipe, rng: np.random.Generator) -> F32:
    """Return the picture blurred, shifted and darkened towards its corners."""
    picture = np.array(radiance, np.float32)
    height, width = picture.shape[:2]
    if recipe.blur > 0:
        picture = np.asarray(
            cv2.GaussianBlur(picture, (0, 0), recipe.blur, borderType=cv2.BORDER_REPLICATE), np.float32
        )
    if recipe.shift > 0:
        dx, dy = rng.normal(0, recipe.shift / math.sqrt(2), 2)
        move = np.array([[1, 0, dx], [0, 1, dy]])
        moved = cv2.warpAffine(picture, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        picture = np.asarray(moved, np.float32)
    if recipe.vignette > 0:
        x = (np.arange(width) + 0.5) / width * 2 - 1
        y = (np.arange(height) + 0.5) / height * 2 - 1
        picture *= (1 - recipe.vignette * (x[None, :] ** 2 + y[:, None] ** 2) / 2).astype(np.float32)[..., None]
    return picture


def _noisy(exposed: F32, recipe: SensorRecipe, rng: np.random.Generator) -> F32:
    """Return a picture, as a fraction of full scale, with shot noise and read noise."""
    if recipe.full_well <= 0:
        return exposed
    electrons = np.clip(exposed.astype(np.float64) * recipe.full_well, 0, MOST_ELECTRONS)
    counted = rng.poisson(electrons) + recipe.read_noise * rng.standard_normal(electrons.shape)
    return np.asarray(counted / recipe.full_well, np.float32)


def _write_png(path: Path, codes: U8 | U16, effort: int) -> None:
    done, encoded = cv2.imencode(
        ".png", codes[..., ::-1] if codes.ndim == 3 else codes, [cv2.IMWRITE_PNG_COMPRESSION, effort]
    )
    if not done:
        raise ValueError(f"{path}: OpenCV cannot encode {codes.dtype} {codes.shape} as PNG")
    with atomic_write(path) as out:
        out.write(encoded.tobytes())


def _write_jpeg(path: Path, codes: U8, quality: int) -> None:
    out = io.BytesIO()
    Image.fromarray(codes).save(out, "JPEG", quality=quality, subsampling=0)
    with atomic_write(path) as file:
        file.write(out.getvalue())
