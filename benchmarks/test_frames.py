"""What a frame costs here: on the CPU beside a copy of its bytes, on the GPU beside two shaders that any phone draws.

    python -m pytest benchmarks/test_frames.py -s

The stone is made up (geodfx/bench/made.py): 576 facets, three lobes a texel. `geodfx bench STONE.gdfx` tells the same
of another. What phones are estimated to take is test_mobile.py's.
"""

from __future__ import annotations

import pytest

from geodfx.bench.frames import bench_views, time_frames
from geodfx.bench.gpu_passes import time_passes
from geodfx.bench.made import made_stone
from geodfx.errors import BackendError
from geodfx.render import CpuRenderer

# Copies that a frame may take at 1024 x 1024, about twice what was measured on a quiet machine: machines are shared.
MOST_COPIES = {"one light": 8.0, "eight spots": 12.0, "a room": 24.0}


@pytest.fixture(scope="module")
def stone():
    return made_stone()


@pytest.mark.parametrize("side", [512, 1024, 2048])
def test_cpu_frames_beside_a_copy_of_their_bytes(stone, side):
    for time in time_frames(stone, side):
        print(
            f"\nCPU, {time.view}, {time.size[0]} x {time.size[1]}: {time.seconds * 1e3:.1f} ms, "
            f"{time.megapixels_per_second:.0f} Mpixel/s, {time.copies:.1f} copies",
            end="",
        )
        if side == 1024:
            assert time.copies < MOST_COPIES[time.view]


@pytest.mark.parametrize("view", ["one light", "eight spots", "a room"])
def test_a_frame(benchmark, stone, view):
    """For `--benchmark-compare`: the stone as it is, 256 x 256."""
    renderer = CpuRenderer(stone)
    asked = bench_views(stone)[view]
    shown = benchmark(renderer.show, asked, stone.display_gain)
    assert shown.shape == (256, 256, 4)
    assert shown[..., :3].max() > 100


def test_gpu_passes_beside_one_texture_and_a_ptm(stone):
    try:
        times = time_passes(stone, 1024)
    except BackendError as error:
        pytest.skip(str(error))
    print(f"\nGPU: {times.name}; one texture {times.sample_seconds * 1e3:.2f} ms, PTM {times.ptm_seconds * 1e3:.2f} ms")
    for view, passes in times.views.items():
        total = sum(passes.values())
        parts = ", ".join(f"{name} {seconds * 1e3:.2f}" for name, seconds in passes.items())
        print(f"{view}: {total * 1e3:.2f} ms, {total / times.ptm_seconds:.2f} x PTM ({parts})")
        assert set(passes) == {"rims", "cells", "base", "patch"}
        assert min(passes.values()) > 0
