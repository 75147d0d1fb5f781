"""Whole frames, CPU beside GPU, in both versions of the shader text.

A lobe's answer is continuous, but a display's curve is vertical at 0: within some 1e-5 of the edge of a disc's ramp, a
rounding of the squared chord shows as more than 1/255. Such texels, one in a thousand at most, are the band.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import moderngl
import numpy as np
import pytest

from geodfx.colour import encode_display
from geodfx.errors import BackendError
from geodfx.lobe_map import empty_lobes
from geodfx.render import CpuRenderer, DiscLight, GpuRenderer, Renderer, Tilt, View, gpu_programs
from tests.render.stones import make_stone, random_stone, single_lobe

LIGHTS = (
    DiscLight((0.3, 0.2, 0.9), math.radians(10)),
    DiscLight((-0.5, 0.4, 0.7), math.radians(2), (0.2, 0.5, 1.5)),
    DiscLight((0.7, 0.7, 0.05), math.radians(25), (1.0, 0.6, 0.3)),
)
BAND = 1e-3  # texels that may differ by more


def _views(environment):
    return {
        "one light": View(LIGHTS[:1]),
        "a small light": View((DiscLight((0.1, 0.3, 0.9), math.radians(0.5)),)),
        "three lights, tilted": View(LIGHTS, tilt=Tilt(0.2, -0.3), exposure_ev=-1),
        "environment": View(environment=environment, tilt=Tilt(-0.15, 0.1)),
        "all": View(LIGHTS, environment, Tilt(0.1, 0.1), exposure_ev=0.5),
    }


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["lobes", "hsh", "ptm"])
def test_cpu_and_gpu_agree(model, glsl_version, uneven_environment):
    stone = random_stone(model)
    cpu, on_gpu = CpuRenderer(stone), GpuRenderer(stone, glsl_version)
    for name, view in _views(uneven_environment).items():
        ours, theirs = cpu.render(view), on_gpu.render(view)
        np.testing.assert_array_equal(ours[..., 3], theirs[..., 3])
        apart = np.abs(encode_display(ours, stone.display_gain) - encode_display(theirs, stone.display_gain))
        flips = (apart.max(axis=-1) > 1 / 255).mean()
        print(f"{model}, {glsl_version}, {name}: {flips:.2e} of texels in the band, else {np.median(apart):.1e}")
        assert flips <= BAND, f"{name}: {flips:.2e} of texels differ by more than 1/255"
        assert ours[..., :3].max() > 0.03
    on_gpu.close()


@pytest.mark.gpu
@pytest.mark.parametrize("planes", [1, 2, 3])
def test_cpu_and_gpu_agree_on_a_base_of_few_planes(planes):
    """Fewer than four are held as so many channels."""
    stone = random_stone("lobes")
    base = dataclasses.replace(stone.base, planes=stone.base.planes[:planes], mix=stone.base.mix[: planes - 1])
    stone = dataclasses.replace(stone, base=base, lobes=empty_lobes(stone.alpha.shape))
    with Renderer(stone, "gpu") as renderer:
        ours = CpuRenderer(stone).render(View(LIGHTS))
        np.testing.assert_allclose(renderer.render(View(LIGHTS)), ours, rtol=1e-4, atol=1e-5)
    assert ours[..., :3].max() > 0.03


@pytest.mark.gpu
def test_a_frame_after_another_is_the_same(uneven_environment):
    views = list(_views(uneven_environment).values())
    with Renderer(random_stone(), "gpu") as renderer:
        first = [renderer.render(view) for view in views]
        for view, frame in zip(reversed(views), reversed(first), strict=True):
            np.testing.assert_array_equal(renderer.render(view), frame)


@pytest.mark.gpu
def test_a_stone_without_a_single_lobe_and_one_without_base():
    empty = make_stone(np.ones((9, 3, 5, 3)), empty_lobes((3, 5)))
    for stone in (empty, single_lobe((0.3, 0.2, 0.9))):
        with Renderer(stone, "gpu") as renderer:
            np.testing.assert_allclose(
                renderer.render(View(LIGHTS)), CpuRenderer(stone).render(View(LIGHTS)), rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_threads_may_share_a_renderer(backend):
    stone = random_stone()
    views = [View((DiscLight((x, 0.2, 0.9), 0.2),)) for x in np.linspace(-1, 1, 12)]
    with Renderer(stone, backend) as renderer:
        alone = [renderer.render(view) for view in views]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(renderer.render, views))
    np.testing.assert_array_equal(together, alone)


@pytest.mark.gpu
def test_renderers_live_side_by_side_and_end_with_their_threads():
    before = threading.active_count()
    stones = [random_stone(seed=seed) for seed in (1, 2)]
    renderers = [GpuRenderer(stone) for stone in stones]
    for _ in range(2):
        for stone, renderer in zip(stones, renderers, strict=True):
            np.testing.assert_allclose(
                renderer.render(View(LIGHTS)), CpuRenderer(stone).render(View(LIGHTS)), rtol=1e-3, atol=1e-3
            )
    for renderer in renderers:
        renderer.close()
        renderer.close()
    assert threading.active_count() == before
    with pytest.raises(BackendError, match="closed"):
        renderers[0].render(View(LIGHTS))


@pytest.mark.gpu
def test_lobes_where_nothing_is_covered_show_nothing():
    stone = random_stone("lobes")
    hidden = dataclasses.replace(stone, alpha=np.zeros_like(stone.alpha))
    with Renderer(hidden, "gpu") as renderer:
        assert not renderer.render(View(LIGHTS)).any()


@pytest.mark.gpu
def test_a_picture_too_large_for_the_gpu_is_told():
    wide = make_stone(np.ones((6, 1, 40000, 3)), model="ptm")
    with pytest.raises(BackendError, match=r"40000 x 1.*backend='cpu'"):
        GpuRenderer(wide)


@pytest.mark.gpu
def test_a_shader_that_does_not_compile_is_told(monkeypatch):
    monkeypatch.setattr(
        gpu_programs, "assemble", lambda bodies, version, *_: f"#version {version}\nvoid main() {{ {bodies[-1]} }}"
    )
    with pytest.raises(BackendError, match="backend='cpu'"):
        GpuRenderer(random_stone())


def test_a_machine_without_opengl_is_told(monkeypatch):
    def refuse(**_):
        raise Exception("libEGL.so not found")  # as glcontext does

    monkeypatch.setattr(moderngl, "create_context", refuse)
    before = threading.active_count()
    with pytest.raises(BackendError, match=r"libEGL.so not found.*libegl1.*backend='cpu'"):
        GpuRenderer(random_stone())
    assert threading.active_count() == before


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["lobes", "ptm"])
def test_a_light_behind_the_stage_leaves_a_gpu_frame_dark(model):
    stone = random_stone(model)
    with Renderer(stone, "gpu") as renderer:
        frame = renderer.render(View((DiscLight((0, 0.3, -1), 0.1),)))
    assert not frame[..., :3].any()
    np.testing.assert_array_equal(frame[..., 3] > 0, stone.alpha > 0)
