"""Assemble the bodies of geodfx/shaders into a shader for desktop OpenGL 3.3 or for OpenGL ES 3.0 and WebGL 2."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from geodfx.constants import (
    CHART_STEP,
    CROSSTALK,
    DISPLAY_GAMMA,
    EDGE_MOVE_STEP,
    EDGE_OFFSET_STEP,
    EDGE_TURN_STEP,
    EDGES,
    ENVIRONMENT_LEVELS,
    ENVIRONMENT_SIZE,
    FACET_ROW,
    FILMIC_CONTRAST,
    FILMIC_MID,
    FILMIC_WHITE,
    FINE_LIGHTS,
    HUE_KEPT,
    LOBE_OFFSET_STEP,
    LOBE_WIDTH_MAX,
)

__all__ = ["FUNCTIONS", "VERSIONS", "assemble"]

FUNCTIONS = (
    "fold",
    "chart",
    "unpack",
    "lobe",
    "display",
    "environment",
    "facet",
)  # in an order in which each knows its own

_ES_PRECISION = "\n".join(f"precision highp {name};" for name in ("float", "int", "sampler2D", "usampler2D"))
VERSIONS = {"330 core": "", "300 es": _ES_PRECISION}  # what a version needs said first

_CONSTANTS = f"""\
const float CHART_STEP = {CHART_STEP!r};
const float CROSSTALK = {CROSSTALK!r};
const float DISPLAY_GAMMA = {DISPLAY_GAMMA!r};
const float EDGE_MOVE_STEP = {EDGE_MOVE_STEP!r};
const float EDGE_OFFSET_STEP = {EDGE_OFFSET_STEP!r};
const float EDGE_TURN_STEP = {EDGE_TURN_STEP!r};
const int EDGES = {EDGES};
const int ENVIRONMENT_LEVELS = {ENVIRONMENT_LEVELS};
const int ENVIRONMENT_SIZE = {ENVIRONMENT_SIZE};
const uint FACET_ROW = {FACET_ROW}u;
const float FILMIC_CONTRAST = {FILMIC_CONTRAST!r};
const float FILMIC_MID = {FILMIC_MID!r};
const float FILMIC_WHITE = {FILMIC_WHITE!r};
const int FINE_LIGHTS = {FINE_LIGHTS};
const float HUE_KEPT = {HUE_KEPT!r};
const float LOBE_OFFSET_STEP = {LOBE_OFFSET_STEP!r};
const float LOBE_WIDTH_MAX = {LOBE_WIDTH_MAX!r};
"""


def assemble(
    bodies: tuple[str, ...],
    version: str = "330 core",
    constants: Mapping[str, bool | int | tuple[int, int]] | None = None,
) -> str:
    """Return the text of a shader: a version of VERSIONS, the constants shared with Python, then the named bodies.

    constants: more of them, of what the shader is for.
    """
    folder = files("geodfx") / "shaders"
    texts = [(folder / f"{name}.glsl").read_text(encoding="utf-8") for name in bodies]
    own = [
        f"const {kind} {name} = {kind}{str(value).lower() if kind == 'ivec2' else f'({str(value).lower()})'};"
        for name, value in (constants or {}).items()
        for kind in [{bool: "bool", int: "int", tuple: "ivec2"}[type(value)]]
    ]
    return "\n".join([f"#version {version}", VERSIONS[version], _CONSTANTS, *own, *texts])
