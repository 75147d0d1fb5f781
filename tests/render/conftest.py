"""Fixtures for rendering: an environment that is prefiltered once, and a GPU that runs single GLSL functions."""

from __future__ import annotations

import sys

import moderngl
import numpy as np
import pytest

from geodfx.render import Environment
from geodfx.render.gpu import SOFTWARE
from geodfx.render.gpu_layout import lay_maps
from geodfx.render.shader_text import FUNCTIONS, VERSIONS, assemble


@pytest.fixture(scope="session")
def uneven_environment() -> Environment:
    """Return an environment of dim noise with a few lamps."""
    rng = np.random.default_rng(7)
    radiance = rng.random((32, 64, 3)).astype(np.float32)
    radiance[rng.integers(0, 32, 5), rng.integers(0, 64, 5)] = 40
    return Environment.from_radiance(radiance)


class GlslBench:
    """Runs an expression of the shaders' functions over rows of cases, in a context of its own."""

    def __init__(self) -> None:
        options = {"backend": "egl"} if sys.platform.startswith("linux") else {}
        self._context = moderngl.create_context(require=330, standalone=True, **options)
        self.is_software = any(name in self._context.info["GL_RENDERER"] for name in SOFTWARE)

    def run(self, version, expression, floats=None, words=None, maps=None, more=(), **constants):
        """Return (N, 4) of a vec4 expression in `a` (vec4 of floats), `w` (uvec4 of words) and `maps` (a sampler).

        floats: (N, 1 to 4) float32. words: (N, 1 to 4) uint32. maps: (M, 3) float32, of an Environment.
        more: bodies whose functions it needs, too, with their constants.
        """
        count = len(floats if floats is not None else words)
        text = f"""
            uniform sampler2D floats; uniform usampler2D words; uniform sampler2D maps; out vec4 result;
            void main() {{
                ivec2 row = ivec2(0, int(gl_FragCoord.y));
                vec4 a = texelFetch(floats, row, 0);
                uvec4 w = texelFetch(words, row, 0);
                result = {expression};
            }}"""
        program = self._context.program(
            vertex_shader=assemble(("triangle",), version),
            fragment_shader=assemble((*FUNCTIONS, *more), version, constants) + text,
        )
        cases = {
            "floats": _four_wide(floats, count, np.float32),
            "words": _four_wide(words, count, np.uint32),
            "maps": np.zeros((1, 1, 3), np.float32) if maps is None else lay_maps(maps),
        }
        for unit, (name, data) in enumerate(cases.items()):
            size, dtype = data.shape[1::-1], "u4" if name == "words" else "f4"
            texture = self._context.texture(size, data.shape[2], data.tobytes(), dtype=dtype, alignment=1)
            texture.filter = (moderngl.LINEAR,) * 2 if name == "maps" else (moderngl.NEAREST,) * 2
            texture.use(unit)
            if name in program:
                program[name] = unit
        buffer = self._context.framebuffer([self._context.texture((1, count), 4, dtype="f4")])
        buffer.use()
        self._context.vertex_array(program, []).render(moderngl.TRIANGLES, vertices=3)
        return np.frombuffer(buffer.read(components=4, dtype="f4"), np.float32).reshape(count, 4)

    def close(self) -> None:
        self._context.release()


def _four_wide(values, count, dtype):
    wide = np.zeros((count, 1, 4), dtype)
    if values is not None:
        wide[:, 0, : values.shape[1]] = values
    return wide


@pytest.fixture(scope="session")
def glsl_bench():
    """Return the bench; a test that asks for it fails where there is no OpenGL."""
    bench = GlslBench()
    yield bench
    bench.close()


@pytest.fixture(params=sorted(VERSIONS))
def glsl_version(request) -> str:
    return request.param
