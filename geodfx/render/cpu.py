"""CpuRenderer: frames by Numba, band by band; the reference that the GPU is compared with.

The sums are those of lighting.py. Float32 throughout, in the order of the shaders.
"""

from __future__ import annotations

import numpy as np

from geodfx.arrays import F32, U8, U16, U32, frozen
from geodfx.basis import hemioct_decode, lobe_response
from geodfx.constants import DISPLAY_GAMMA, LOBE_OFFSET_STEP
from geodfx.jit import kernel, run_bands
from geodfx.render.environment import environment_level, environment_lookup, lobe_horizon_share
from geodfx.render.lighting import light_stone
from geodfx.render.view import View, resample
from geodfx.stone import Stone, rgb9e5_decode, unpack_direction, unpack_green, unpack_width

__all__ = ["CpuRenderer", "decode_display"]


class CpuRenderer:
    """Renders one stone on all cores. Safe to use from several threads at once."""

    def __init__(self, stone: Stone) -> None:
        self._stone = stone
        if stone.lobes is None:
            self._start = frozen("start", np.zeros(1, np.uint32), np.uint32, (None,))
            self._words = frozen("words", np.zeros((0, 4), np.uint32), np.uint32, (0, 4))
        else:
            self._start, self._words = stone.lobes.start, stone.lobes.words
        self._no_maps = frozen("maps", np.zeros((0, 3), np.float32), np.float32, (0, 3))

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last."""
        stone, lighting = self._stone, light_stone(self._stone, view)
        frame = np.empty((*stone.alpha.shape, 4), np.float32)
        shared = (
            stone.alpha,
            stone.base.codes,
            lighting.base_weight,
            lighting.base_offset,
            lighting.base_intensity,
            np.float32(lighting.display_gain),
            self._start,
            self._words,
            lighting.lights,
            self._no_maps if lighting.environment is None else lighting.environment.maps,
            lighting.rotation,
            np.float32(lighting.gain),
        )

        def shade(first: int, last: int) -> None:
            _shade_rows(*shared, first, last, frame)

        run_bands(shade, len(frame))
        return resample(frame, view.size)

    def close(self) -> None:
        """Do nothing; a GpuRenderer has something to give back."""


@kernel
def decode_display(shown: np.float32, gain: np.float32) -> np.float32:
    """Return linear light of a displayed value. `geodfx.colour.decode_display`, of one number."""
    return max(shown, np.float32(0.0)) ** np.float32(DISPLAY_GAMMA) / gain


@kernel
def _shade_rows(
    alpha: U8,
    codes: U16,
    weight: F32,
    offset: F32,
    intensity: F32,
    display_gain: np.float32,
    start: U32,
    words: U32,
    lights: F32,
    maps: F32,
    rotation: F32,
    gain: np.float32,
    first: int,
    last: int,
    frame: F32,
) -> None:
    """Write rows first to last of the frame."""
    width = alpha.shape[1]
    values = np.empty((width, 3), np.float32)
    for row in range(first, last):
        pixels = frame[row]
        pixels[:] = np.float32(0.0)
        left, right = _span(alpha[row])
        smooth = (codes[:, row, left:right], weight, offset, intensity, display_gain)
        _add_base_row(*smooth, values[left:right], pixels[left:right])
        if words.shape[0] > 0:
            starts = start[row * width : (row + 1) * width + 1]
            _add_lights_row(starts, words, lights, pixels)
            if maps.shape[0] > 0:
                _add_environment_row(starts, words, maps, rotation, gain, pixels)
        for column in range(width):
            pixels[column, 3] = np.float32(alpha[row, column]) / np.float32(255.0)
            if alpha[row, column] == 0:
                for channel in range(3):
                    pixels[column, channel] = np.float32(0.0)


@kernel
def _span(row: U8) -> tuple[int, int]:
    """Return where the texels of a row that the stone covers start and end."""
    left = 0
    right = row.shape[0]
    while left < right and row[left] == 0:
        left += 1
    while right > left and row[right - 1] == 0:
        right -= 1
    return left, right


@kernel
def _add_base_row(
    codes: U16, weight: F32, offset: F32, intensity: F32, display_gain: np.float32, values: F32, pixels: F32
) -> None:
    """Add the smooth part of a row, codes (T, W, 3), to pixels (W, 4), term by term; `values` (W, 3) is for its use."""
    for light in range(weight.shape[0]):
        values[:] = offset[light]
        for term in range(weight.shape[1]):
            red, green, blue = weight[light, term, 0], weight[light, term, 1], weight[light, term, 2]
            for column in range(values.shape[0]):
                values[column, 0] += np.float32(codes[term, column, 0]) * red
                values[column, 1] += np.float32(codes[term, column, 1]) * green
                values[column, 2] += np.float32(codes[term, column, 2]) * blue
        for column in range(values.shape[0]):
            for channel in range(3):
                value = max(values[column, channel], np.float32(0.0))
                if display_gain > np.float32(0.0):
                    value = decode_display(value, display_gain)
                pixels[column, channel] += intensity[light, channel] * value


@kernel
def _add_lights_row(starts: U32, words: U32, lights: F32, pixels: F32) -> None:
    """Add what a row's lobes see of the disc lights. Most pairs are apart, and end at the first test."""
    for column in range(pixels.shape[0]):
        sum_r = sum_g = sum_b = np.float32(0.0)
        for lobe in range(np.int64(starts[column]), np.int64(starts[column + 1])):
            u, v = unpack_green(words[lobe, 0])
            green = hemioct_decode(u, v)
            width = unpack_width(words[lobe, 2])
            slack = np.sqrt(np.float32(6.0)) * width + _offset_chord(words[lobe, 2], words[lobe, 3])
            for i in range(lights.shape[0]):
                light = (lights[i, 0], lights[i, 1], lights[i, 2])
                farthest = lights[i, 5] + slack
                q = _squared_chord(green, light)
                if q > farthest * farthest:
                    continue
                area = lights[i, 3]
                variance = width * width + lights[i, 4]
                red = _squared_chord(unpack_direction(u, v, words[lobe, 2]), light)
                blue = _squared_chord(unpack_direction(u, v, words[lobe, 3]), light)
                weight = rgb9e5_decode(words[lobe, 1])
                sum_r += weight[0] * lights[i, 6] * lobe_response(red, area, variance)
                sum_g += weight[1] * lights[i, 7] * lobe_response(q, area, variance)
                sum_b += weight[2] * lights[i, 8] * lobe_response(blue, area, variance)
        pixels[column, 0] += sum_r
        pixels[column, 1] += sum_g
        pixels[column, 2] += sum_b


@kernel
def _add_environment_row(starts: U32, words: U32, maps: F32, rotation: F32, gain: np.float32, pixels: F32) -> None:
    """Add what a row's lobes see of the environment."""
    for column in range(pixels.shape[0]):
        for lobe in range(np.int64(starts[column]), np.int64(starts[column + 1])):
            u, v = unpack_green(words[lobe, 0])
            width = unpack_width(words[lobe, 2])
            weight = rgb9e5_decode(words[lobe, 1])
            red = unpack_direction(u, v, words[lobe, 2])
            blue = unpack_direction(u, v, words[lobe, 3])
            level = environment_level(width)
            pixels[column, 0] += gain * weight[0] * _see_channel(red, width, level, 0, maps, rotation)
            pixels[column, 1] += gain * weight[1] * _see_channel(hemioct_decode(u, v), width, level, 1, maps, rotation)
            pixels[column, 2] += gain * weight[2] * _see_channel(blue, width, level, 2, maps, rotation)


@kernel
def _see_channel(
    direction: tuple[np.float32, np.float32, np.float32],
    width: np.float32,
    level: np.float32,
    channel: int,
    maps: F32,
    rotation: F32,
) -> np.float32:
    """Return the radiance that a lobe sees of the environment in one channel; direction in the stone frame."""
    x, y, z = direction
    world_x = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z
    world_y = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z
    world_z = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z
    return lobe_horizon_share(z, width) * environment_lookup(maps, level, channel, world_x, world_y, world_z)


@kernel
def _squared_chord(
    a: tuple[np.float32, np.float32, np.float32], b: tuple[np.float32, np.float32, np.float32]
) -> np.float32:
    """Return |a - b|^2; from differences, for 2 - 2 a.b loses all digits where a light is small."""
    x = a[0] - b[0]
    y = a[1] - b[1]
    z = a[2] - b[2]
    return x * x + y * y + z * z


@kernel
def _offset_chord(word_2: np.uint32, word_3: np.uint32) -> np.float32:
    """Return a bound on the chord from green's direction to red's and blue's.

    With m the largest offset in u or v, a point's (x, y) moves by m at most, its place on the octahedron by sqrt(3) m,
    and the unit direction sqrt(3) times as far, for no point of the octahedron is nearer than 1 / sqrt(3).
    """
    mask = np.uint32(4095)
    middle = np.int32(2048)
    largest = np.int32(0)
    for word in (word_2, word_3):
        largest = max(largest, abs(np.int32(word & mask) - middle))
        largest = max(largest, abs(np.int32((word >> np.uint32(12)) & mask) - middle))
    return np.float32(3.0 * LOBE_OFFSET_STEP) * np.float32(largest)
