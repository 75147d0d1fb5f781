"""What a shader costs on mobile GPUs, by the offline compilers behind `gpucost`; docs/MOBILE.md tells how to get it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "tools" / "gpucost" / "gpucost"
MISSING = "gpucost is not here: build it as docs/MOBILE.md tells and set GEODFX_GPUCOST to its path"
# By the names that Mesa's compilers give: Mali and Apple, then Adreno.
REGISTERS, THREADS, FETCHES = ("regs", "full"), ("threads", "waves"), ("n_tex", "cat5")
SPILLS = ("spills", "fills", "scratch", "stp", "ldp")
EFFICIENCY = BANDWIDTH_EFFICIENCY = 0.5  # of peak rates: gpucost's own defaults, a guess

Cycles = dict[str, float]  # of each pipe of a core, Adreno: of the GPU


class Shader(NamedTuple):
    """A fragment shader on a GPU. Counts are static: of a loop one trip, of a branch both sides."""

    stats: dict[str, float]
    cycles: Cycles

    @property
    def bound(self) -> str:
        return max(self.cycles, key=self.cycles.__getitem__)

    def read(self, names: Sequence[str]) -> int:
        """Return the statistic that goes by one of some names."""
        return int(next(self.stats[name] for name in names if name in self.stats))

    @property
    def spills(self) -> int:
        return int(sum(self.stats.get(name, 0) for name in SPILLS))


class Device(NamedTuple):
    """A phone; its figures are public ones from memory."""

    gpu: str
    cores: int
    mhz: float
    gbs: float

    def compute_ms(self, cycles: float) -> float:
        """Return the time of so many cycles of one pipe, spread evenly over the cores."""
        return cycles / (self.cores * self.mhz * 1e3) / EFFICIENCY

    def memory_ms(self, count: float) -> float:
        """Return the time of so many bytes."""
        return count / (self.gbs * 1e6) / BANDWIDTH_EFFICIENCY


class Tool:
    """gpucost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.devices = {
            name: Device(told["gpu"], told["cores"], told["mhz"], told["gbs"])
            for name, told in self._run("--list")["devices"].items()
        }

    def compile(self, vertex: str, fragment: str, gpus: Sequence[str]) -> dict[str, Shader]:
        """Return a program's fragment shader on each GPU."""
        results = self._compile(vertex, fragment, "--gpu", ",".join(gpus))["results"]
        return {told["gpu"]: Shader(told["stages"]["fragment"], _pipes(told)) for told in results}

    def planned_ms(self, vertex: str, fragment: str, device: str, size: tuple[int, int], texel_bytes: float) -> float:
        """Return gpucost's own estimate of a program drawn once over a picture, each loop once."""
        told = ["--device", device, "--size", f"{size[0]}x{size[1]}", "--bytes-per-pixel", f"{texel_bytes:.2f}"]
        (estimate,) = self._compile(vertex, fragment, *told)["estimates"]
        return float(estimate["ms_planned"])

    def _compile(self, vertex: str, fragment: str, *told: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder, "a.vert"), Path(folder, "a.frag")
            for path, text in zip(texts, (vertex, fragment), strict=True):
                path.write_text(text, "utf-8")
            return self._run(*told, "--brief", *map(str, texts))

    def _run(self, *told: str) -> dict[str, Any]:
        done = subprocess.run([sys.executable, self._path, *told], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"gpucost {' '.join(told)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def find_tool() -> Path | None:
    """Return where gpucost is, or None."""
    path = Path(os.environ.get("GEODFX_GPUCOST") or BESIDE)
    return path if path.is_file() else None


def _pipes(told: dict[str, Any]) -> Cycles:
    return {name: cycles for name, cycles in told["fragment_cycles"].items() if name not in ("bound", "max")}
