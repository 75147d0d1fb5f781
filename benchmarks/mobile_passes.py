"""A pass as what it costs once and what each trip of its loops and branches adds, told from variants of its text.

Vertices are told as if their shader were a fragment's, which is all that each of the compilers counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.gpucost import Cycles, Shader, Tool
from geodfx.render.gpu_programs import BASE, CELLS, CORNERS, FINE, FLASH, NODES, PATCH, RIM, RIMS, Step

FIXED = "once"


class Part(NamedTuple):
    """A loop, told by its head, which stands once in the text, or a branch, told by its condition."""

    name: str
    text: str
    within: str = FIXED
    is_loop: bool = True
    instead: str = ""  # what stands for a branch that is left out, if without it more would be dead


RIM_BRANCH = Part("rim", "if (RIM && flash != vec3(0.0))", is_loop=False)
PARTS: dict[Step, tuple[Part, ...]] = {
    (RIMS, ""): (Part("light", "for (int i = 0; i < last;"),),
    (CELLS, ""): (
        Part("light", "for (int i = 0; i < light_count;"),
        Part("rim", "if (brightest >= 0)", is_loop=False),
        Part("environment", "if (has_environment)", is_loop=False),
    ),
    (BASE, ""): (),
    (FLASH, ""): (),
    (PATCH, CORNERS): (),
    (PATCH, NODES): (),
    (PATCH, RIM): (RIM_BRANCH,),
    (PATCH, FINE): (RIM_BRANCH, Part("light", "for (int i = 0; i < last;", "rim")),
}


# What fragments read of what vertices tell.
TOLD: dict[Step, tuple[str, ...]] = {
    (CELLS, ""): ("away", "owner", "rim"),
    (FLASH, ""): ("away", "shown", "outside", "others"),
    (PATCH, CORNERS): ("flash", "spot"),
    (PATCH, NODES): ("spot", "node"),
    (PATCH, RIM): ("flash", "spot", "node"),
    (PATCH, FINE): ("flash", "spot", "node", "owner"),
}


class Pass(NamedTuple):
    """A pass on a GPU: `cost` tells the cycles of what is done once a pixel, and of one trip of each part."""

    shader: Shader
    cost: dict[str, Cycles]
    vertex: float = 0.0  # cycles of one

    def cycles(self, trips: Mapping[str, float]) -> float:
        """Return the cycles a pixel of the pipe that bounds it, by the mean trips of parts; none of those not named."""
        wide = {FIXED: 1.0, **trips}
        sums = [sum(wide.get(name, 0) * cost[pipe] for name, cost in self.cost.items()) for pipe in self.shader.cycles]
        return max(sums)


def repeat_loop(text: str, head: str, times: int = 2) -> str:
    """Return a text in which the loop with this head is run several times, one after the other."""
    begin, end = _statement(text, head)
    return text[:end] + text[begin:end] * (times - 1) + text[end:]


def leave_out(text: str, condition: str, instead: str = "") -> str:
    """Return a text with something instead of what a condition leads to; with nothing, the condition is gone, too."""
    begin, end = _statement(text, condition)
    return f"{text[:begin]}{condition} {{ {instead} }}{text[end:]}"


def as_fragment(vertex: str, told: Sequence[str]) -> str:
    """Return a vertex shader as a fragment's, which sums up what it tells."""
    text = re.sub(r"^in uvec3 words;", "uvec3 words;", vertex, flags=re.MULTILINE)
    text = re.sub(r"^in uvec2 words;", "uvec2 words;", text, flags=re.MULTILINE)
    outs = re.findall(r"^out (?:mediump )?\w+?([234]?) (\w+);", text, flags=re.MULTILINE)
    parts = {name: "xyzw"[: int(wide or 1)] for wide, name in outs}
    text = re.sub(r"^out ((?:mediump )?\w+ \w+;)", r"\1", text, flags=re.MULTILINE)
    for name, instead in (("gl_VertexID", "own_id"), ("gl_Position", "own_position")):
        text = text.replace(name, instead)
    text = text.replace("void main()", "void told()")
    begin = text.index("\nconst")
    sums = "".join(f"    result.{parts[name]} += {name};\n" for name in told)
    words = "words = floatBitsToUint(gl_FragCoord.xyz)" + (".xy" if "\nuvec2 words;" in text else "")
    begun = f"    {words};\n    own_id = int(gl_FragCoord.w);\n    told();\n    result = own_position;\n"
    main = f"void main() {{\n{begun}{sums}}}\n"
    return f"{text[:begin]}\nint own_id;\nvec4 own_position;{text[begin:]}\nout vec4 result;\n{main}"


def measure_vertices(tool: Tool, everywhere: str, vertex: str, step: Step, gpus: Sequence[str]) -> dict[str, float]:
    """Return the cycles on each GPU of a vertex. everywhere: the vertex shader of what draws all."""
    shaders = tool.compile(everywhere, as_fragment(vertex, TOLD[step]), gpus)
    return {gpu: its.cycles[its.bound] for gpu, its in shaders.items()}


def measure_pass(tool: Tool, vertex: str, text: str, parts: Sequence[Part], gpus: Sequence[str]) -> dict[str, Pass]:
    """Return a pass on each GPU: what a loop, run once more, adds to the static count, and what a branch takes of it.

    parts: what is within another comes after it.
    """
    compiled: dict[str, dict[str, Shader]] = {}

    def cycles(variant: str, gpu: str, pipe: str) -> float:
        if variant not in compiled:
            compiled[variant] = tool.compile(vertex, variant, gpus)
        return compiled[variant][gpu].cycles[pipe]

    passes, by_name = {}, {part.name: part for part in parts}
    for gpu, shader in tool.compile(vertex, text, gpus).items():
        cost: dict[str, Cycles] = {name: {} for name in (FIXED, *by_name)}
        for pipe, whole in shader.cycles.items():
            gross = {FIXED: whole}
            for part in parts:
                around = by_name.get(part.within)
                if part.is_loop:
                    gross[part.name] = cycles(repeat_loop(text, part.text), gpu, pipe) - whole
                else:
                    without = leave_out(text, part.text, part.instead)
                    gross[part.name] = whole - cycles(without, gpu, pipe)
                    if (
                        around is not None and around.is_loop
                    ):  # a trip with it less one without: other registers are held
                        shorter = cycles(repeat_loop(without, around.text), gpu, pipe) - cycles(without, gpu, pipe)
                        gross[part.name] = gross[around.name] - shorter
            for name, own in cost.items():
                own[pipe] = gross[name] - sum(gross[part.name] for part in parts if part.within == name)
        passes[gpu] = Pass(shader, cost)
    return passes


def _statement(text: str, head: str) -> tuple[int, int]:
    """Return where the loop or branch with this head begins and ends."""
    if text.count(head) != 1:
        raise ValueError(f"{head!r} stands {text.count(head)} times in the shader, not once: tell its parts anew")
    begin = text.index(head)
    end, depth = begin, 0
    while True:
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(text[end], 0)
        end += 1
        if depth == 0 and text[end - 1] in "};":
            return begin, end
