"""Times of a frame's passes on the GPU by its own clock, beside two shaders that any phone draws: the yardsticks.

`sample` reads one RGBA8 texture; `ptm` is a polynomial texture map in LRGB (Malzbender 2001): six coefficients of
luminance and a colour in three RGBA8 textures. All draw to RGBA8 at the same size, in turn, and the shortest times
count.
"""

from __future__ import annotations

from dataclasses import dataclass

from geodfx.bench.enlarge import enlarge
from geodfx.bench.frames import bench_views
from geodfx.render import GpuRenderer
from geodfx.stone import Stone

__all__ = ["GpuTimes", "time_passes"]

ROUNDS = 9
SAMPLE = """
uniform sampler2D first;
out vec4 colour;
void main() { colour = texelFetch(first, ivec2(gl_FragCoord.xy), 0); }
"""
PTM = """
uniform sampler2D first;
uniform sampler2D second;
uniform sampler2D third;
uniform vec2 light;
out vec4 colour;
void main() {
    ivec2 texel = ivec2(gl_FragCoord.xy);
    vec4 a = texelFetch(first, texel, 0);
    vec4 b = texelFetch(second, texel, 0);
    vec4 c = texelFetch(third, texel, 0);
    float u = light.x;
    float v = light.y;
    float luminance = dot(vec3(u * u, v * v, u * v), 4.0 * a.rgb - 2.0) + dot(vec3(u, v, 1.0), 4.0 * b.rgb - 2.0);
    colour = vec4(max(luminance, 0.0) * c.rgb, 1.0);
}
"""


@dataclass(frozen=True)
class GpuTimes:
    """What frames of some views cost on a GPU."""

    name: str  # of the GPU
    size: tuple[int, int]  # width and height in texels
    sample_seconds: float  # one texture
    ptm_seconds: float
    views: dict[str, dict[str, float]]  # seconds of each pass of a frame, by view


def time_passes(stone: Stone, least_side: int) -> GpuTimes:
    """Return the times of all views of a stone, its texels split to a side or more. Raises BackendError."""
    large = enlarge(stone, max(1, -(-least_side // max(stone.size))))
    renderer = GpuRenderer(large)
    try:
        sample, ptm = renderer.time_shader(SAMPLE, ROUNDS), renderer.time_shader(PTM, ROUNDS)
        views = {name: renderer.time(view, ROUNDS) for name, view in bench_views(stone).items()}
        # Once more: what a GPU takes to wake up is nobody's.
        sample, ptm = min(sample, renderer.time_shader(SAMPLE, ROUNDS)), min(ptm, renderer.time_shader(PTM, ROUNDS))
        return GpuTimes(renderer.name, large.size, sample, ptm, views)
    finally:
        renderer.close()
