"""`geodfx bench`: what frames of a stone cost on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from geodfx.api import load
from geodfx.bench.frames import FrameTime, time_crowds, time_frames
from geodfx.bench.gpu_passes import GpuTimes, time_passes
from geodfx.bench.made import made_stone
from geodfx.commands.terminal import print_json
from geodfx.errors import BackendError
from geodfx.stone import Stone

__all__ = ["add_to"]

SIDES = (512, 1024, 2048)
GPU_SIDE = 1024


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="what a frame costs on this machine",
        description="Time frames of a stone, and of many in one frame, on the CPU, beside a copy of the bytes that a "
        "frame must touch, and on the GPU, beside a shader that reads one texture and one of a polynomial texture map. "
        "docs/SPEED.md tells what the figures mean.",
        allow_abbrev=False,
    )
    parser.add_argument("stone", type=Path, nargs="?", metavar="STONE.gdfx", help="(default: one that is made up)")
    parser.add_argument(
        "--sides",
        type=_sides,
        default=SIDES,
        metavar="N,...",
        help="texels of the longest side, to which the stone's are split (default: 512,1024,2048)",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    stone = made_stone() if options.stone is None else load(options.stone)
    frames = [time for side in options.sides for time in time_frames(stone, side)] + time_crowds(stone)
    gpu, missing = _gpu_times(stone)
    if options.json:
        values: dict[str, object] = {
            "stone": stone.name,
            "texel_bytes": round(stone.texel_bytes, 3),
            "cpu": [asdict(time) | {"copies": round(time.copies, 3)} for time in frames],
            "gpu": None if gpu is None else asdict(gpu),
            "gpu_missing": missing,
        }
        print_json(values)
        return
    print(f"{stone.name}: {stone.texel_bytes:.1f} bytes a texel, {stone.lobes_per_texel:.1f} lobes a covered texel")
    print(f"{'CPU, ' + str(frames[0].threads) + ' threads':22}{'texels':>13}{'ms':>9}{'frames/s':>10}{'copies':>8}")
    for time in frames:
        print(_frame_line(time))
    if gpu is None:
        print(f"GPU: {missing}")
        return
    print(f"GPU: {gpu.name}")
    for view, passes in gpu.views.items():
        parts = ", ".join(f"{name} {seconds * 1e3:.2f}" for name, seconds in passes.items())
        total = sum(passes.values())
        print(
            f"{view:22}{_texels(gpu.size):>13}{total * 1e3:9.2f}{1 / total:10.0f}"
            f"   {total / gpu.sample_seconds:.1f} x one texture, {total / gpu.ptm_seconds:.1f} x PTM  ({parts})"
        )


def _gpu_times(stone: Stone) -> tuple[GpuTimes | None, str]:
    """Return the times on the GPU, or None and why there are none."""
    try:
        return time_passes(stone, GPU_SIDE), ""
    except BackendError as error:
        return None, str(error)


def _frame_line(time: FrameTime) -> str:
    milliseconds = time.seconds * 1e3
    what = time.view if time.stones == 1 else f"{time.view}, {time.stones} stones"
    return f"{what:22}{_texels(time.size):>13}{milliseconds:9.2f}{1 / time.seconds:10.0f}{time.copies:8.1f}"


def _texels(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _sides(text: str) -> tuple[int, ...]:
    try:
        sides = tuple(int(word) for word in text.split(","))
    except ValueError:
        sides = ()
    if not sides or not all(1 <= side <= 16384 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers from 1 to 16384")
    return sides
