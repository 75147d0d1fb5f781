"""Times of frames on the CPU, beside that of copying the stone's tables and the frame.

It is what memory sets to a frame that reads all; under a few lights one reads what is lit alone.

All times are the shortest of several, with those of the copy taken between them, so that a machine that is busy with
other work slows both.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from geodfx.bench.enlarge import enlarge
from geodfx.jit import run_bands, thread_count
from geodfx.render import CpuRenderer, DiscLight, Environment, Tilt, View
from geodfx.stone import Stone

__all__ = ["CROWDS", "FrameTime", "bench_views", "copied_bytes", "time_copy", "time_crowds", "time_frames"]

OUTPUT_BYTES = 4  # a texel of a frame in 8 bits
ROUNDS = 9
BANDS = 64
CROWDS = (1, 4, 16, 64)  # stones that share a frame


@dataclass(frozen=True)
class FrameTime:
    """What frames of one view cost."""

    view: str
    size: tuple[int, int]  # width and height of a stone in texels
    seconds: float  # a frame in 8 bits
    copy_seconds: float  # to copy the stones' resident bytes and those of the frame
    threads: int
    stones: int = 1  # in the frame

    @property
    def megapixels_per_second(self) -> float:
        """Texels of the frame a second, in millions."""
        return self.stones * self.size[0] * self.size[1] / self.seconds / 1e6

    @property
    def copies(self) -> float:
        """How many times as long as the copy a frame takes."""
        return self.seconds / self.copy_seconds


def bench_views(stone: Stone) -> dict[str, View]:
    """Return what is timed: one light as in the capture, eight spots of 4 degrees, and a room."""
    if stone.tilting is not None:
        pitch, roll = stone.tilting.tilt_rad[len(stone.tilting.tilt_rad) // 2].tolist()
        return {"one tilt": View(tilt=Tilt(pitch, roll))}
    turns = [2 * math.pi * k / 8 for k in range(8)]
    spots = tuple(DiscLight((0.5 * math.cos(t), 0.5 * math.sin(t), 0.85), math.radians(4)) for t in turns)
    return {
        "one light": View((DiscLight((0.3, 0.2, 0.9), stone.light_radius_rad),)),
        "eight spots": View(spots),
        "a room": View(environment=_room(), tilt=Tilt(0.1, 0.05)),
    }


def _room() -> Environment:
    """Return a grey room with a bright window to the left and a lamp above."""
    radiance = np.full((64, 128, 3), 0.05, np.float32)
    radiance[18:34, 4:24] = 3.0
    radiance[2:5, 80:92] = 12.0
    return Environment.from_radiance(radiance, "room")


def time_frames(stone: Stone, least_side: int) -> list[FrameTime]:
    """Return the times of all views of a stone whose texels are split until its longest side has as many or more."""
    large = enlarge(stone, max(1, math.ceil(least_side / max(stone.size))))
    renderer = CpuRenderer(large)
    found = []
    for name, view in bench_views(stone).items():
        room = renderer.show(view, stone.display_gain)  # compiles
        show = partial(renderer.show, view, stone.display_gain, out=room)
        seconds, copying = _interleaved(show, time_copy(copied_bytes(large)))
        found.append(FrameTime(name, large.size, seconds, copying, thread_count()))
    return found


def time_crowds(stone: Stone, counts: Sequence[int] = CROWDS) -> list[FrameTime]:
    """Return the times of frames of so many stones by one light, each as large as this one and in its own memory."""
    renderers = [CpuRenderer(copy.deepcopy(stone)) for _ in range(max(counts))]
    name, view = next(iter(bench_views(stone).items()))
    rooms = [renderer.show(view, stone.display_gain) for renderer in renderers]  # the first one compiles

    def show(count: int) -> None:
        for renderer, room in zip(renderers[:count], rooms[:count], strict=True):
            renderer.show(view, stone.display_gain, out=room)

    found = []
    for count in counts:
        seconds, copying = _interleaved(partial(show, count), time_copy(count * copied_bytes(stone)))
        found.append(FrameTime(name, stone.size, seconds, copying, thread_count(), count))
    return found


def copied_bytes(stone: Stone) -> int:
    """Return how many bytes are copied: the stone's tables, and the frame's."""
    return round(stone.table_bytes * stone.alpha.size) + OUTPUT_BYTES * stone.alpha.size


def time_copy(count: int) -> Callable[[], object]:
    """Return what copies so many bytes, on all cores."""
    source = np.arange(count, dtype=np.uint32).view(np.uint8)[:count]
    target = np.empty_like(source)
    step = -(-count // BANDS)

    def copy(first: int, last: int) -> None:
        target[first * step : last * step] = source[first * step : last * step]

    return lambda: run_bands(copy, BANDS)


def _interleaved(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Return the shortest times of two, called in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, spent in zip((one, other), times, strict=True):
            begin = time.perf_counter()
            call()
            spent.append(time.perf_counter() - begin)
    return min(times[0]), min(times[1])
