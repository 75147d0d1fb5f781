"""A pass as what it costs once and what each trip of its loops and branches adds, told from variants of its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.gpucost import Cycles, Shader, Tool

FIXED = "once"


class Part(NamedTuple):
    """A loop, told by its head, which stands once in the text, or a branch, told by its condition."""

    name: str
    text: str
    within: str = FIXED
    is_loop: bool = True


LOBE = Part("lobe", "for (ivec2 lobe = first;")
PARTS = {
    ("rims", False): (Part("light", "for (int i = 0; i < last;"),),
    ("cells", False): (
        Part("light", "for (int i = 0; i < light_count;"),
        Part("rim", "if (brightest >= 0)", is_loop=False),
        Part("environment", "if (has_environment)", is_loop=False),
    ),
    ("stone", False): (LOBE, Part("rim", "if (glow.a > 0.0)", "lobe", is_loop=False)),
    ("stone", True): (
        LOBE,
        Part("rim", "if (glow.a > 0.0)", "lobe", is_loop=False),
        Part("light", "for (int i = 0; i < last;", "rim"),
    ),
}


class Pass(NamedTuple):
    """A pass on a GPU: `cost` tells the cycles of what is done once a pixel, and of one trip of each part."""

    shader: Shader
    cost: dict[str, Cycles]

    def cycles(self, trips: Mapping[str, float]) -> float:
        """Return the cycles a pixel of the pipe that bounds it, by the mean trips of parts; none of those not named."""
        wide = {FIXED: 1.0, **trips}
        sums = [sum(wide.get(name, 0) * cost[pipe] for name, cost in self.cost.items()) for pipe in self.shader.cycles]
        return max(sums)


def repeat_loop(text: str, head: str, times: int = 2) -> str:
    """Return a text in which the loop with this head is run several times, one after the other."""
    begin = _place(text, head)
    end, depth = begin + text[begin:].index(")") + 1, 0
    while True:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
        if depth == 0 and text[end - 1] in "};":
            return text[:end] + text[begin:end] * (times - 1) + text[end:]


def leave_out(text: str, condition: str) -> str:
    """Return a text without the branch of a condition."""
    begin = _place(text, condition)
    return f"{text[:begin]}if (false){text[begin + len(condition) :]}"


def measure_pass(tool: Tool, vertex: str, text: str, parts: Sequence[Part], gpus: Sequence[str]) -> dict[str, Pass]:
    """Return a pass on each GPU. A trip is what the loop, run once more, adds to the static count."""
    whole = tool.compile(vertex, text, gpus)
    gross = {}
    for part in parts:
        variant = repeat_loop(text, part.text) if part.is_loop else leave_out(text, part.text)
        other, sign = tool.compile(vertex, variant, gpus), 1 if part.is_loop else -1
        for gpu in gpus:
            gross[gpu, part.name] = {
                pipe: sign * (other[gpu].cycles[pipe] - cycles) for pipe, cycles in whole[gpu].cycles.items()
            }
    passes = {}
    for gpu in gpus:
        cost = {FIXED: dict(whole[gpu].cycles), **{part.name: dict(gross[gpu, part.name]) for part in parts}}
        for part in parts:
            for pipe, cycles in gross[gpu, part.name].items():
                cost[part.within][pipe] -= cycles
        passes[gpu] = Pass(whole[gpu], cost)
    return passes


def _place(text: str, part: str) -> int:
    if text.count(part) != 1:
        raise ValueError(f"{part!r} stands {text.count(part)} times in the shader, not once: tell its parts anew")
    return text.index(part)
