"""`geodfx process`: photos to stone, with a preview and a report beside it."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np

from geodfx.capture import Capture, capture, choose_settings
from geodfx.capture.session import read_session
from geodfx.commands.terminal import print_json, shown_bytes, shown_progress
from geodfx.images import check_writable, write_image
from geodfx.render.preview import draw_preview
from geodfx.report import write_report
from geodfx.staging import staged
from geodfx.stone import MODELS

__all__ = ["add_to"]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "process",
        help="make a stone of photos",
        description="Make a stone of the photos in a session folder. Beside STONE.gdfx a preview STONE.png and a "
        "report STONE.html are written.",
        allow_abbrev=False,
    )
    parser.add_argument("session", type=Path, metavar="SESSION", help="folder of photos with lights.lp or session.toml")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="STONE.gdfx")
    parser.add_argument(
        "--model",
        choices=MODELS,
        default=MODELS[0],
        help="lobes: facets and flakes that flash (default); hsh, ptm: smooth matte objects, small files",
    )
    parser.add_argument(
        "--fast", action="store_true", help="a quick look, in two thirds of the time; over tilts four fifths"
    )
    parser.add_argument("--lean", action="store_true", help="lobes in half the bytes: 12 a texel on a GPU at most")
    parser.add_argument("--no-report", action="store_true", help="write neither preview nor report")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_run, parser=parser)


def _run(options: argparse.Namespace) -> None:
    out: Path = options.output
    if out.suffix != ".gdfx":
        options.parser.error(f"{out}: a stone's file must end in .gdfx")
    begin = time.perf_counter()
    files = {"stone": out}
    if not options.no_report:
        files |= {"preview": out.with_suffix(".png"), "report": out.with_suffix(".html")}
    for path in files.values():
        check_writable(path)
    session = read_session(options.session)
    with shown_progress() as progress:
        captured = capture(session, options.model, choose_settings(fast=options.fast, lean=options.lean), progress)
    with staged(out.parent) as folder:
        captured.stone.save(folder / out.name)
        file_bytes = (folder / out.name).stat().st_size
        if not options.no_report:
            preview = draw_preview(captured.stone)
            write_image(folder / files["preview"].name, preview)
            about = {"preview": preview, "file_bytes": file_bytes, "warnings": options.warnings}
            write_report(folder / files["report"].name, captured, session, **about)
    summary = _summary(captured, file_bytes, time.perf_counter() - begin)
    if options.json:
        print_json({key: str(path) for key, path in files.items()} | summary | {"warnings": options.warnings})
    else:
        width, height = captured.stone.size
        told = f"{options.model}, {width} x {height}, {len(captured.names)} photos, {shown_bytes(file_bytes)}"
        print(f"{out}: {told}, {summary['seconds']} s")
        for kind in [kind for kind in files if kind != "stone"]:
            print(f"{files[kind]}: {kind}")


def _summary(captured: Capture, file_bytes: int, seconds: float) -> dict[str, object]:
    """Return what is worth telling of a capture."""
    worst = int(np.argmax(captured.residual))
    return {
        "model": captured.stone.model,
        "size": list(captured.stone.size),
        "photos": len(captured.names),
        "file_bytes": file_bytes,
        "lobes_per_texel": round(captured.stone.lobes_per_texel, 3),
        "residual": round(math.sqrt(float(np.mean(captured.residual**2))), 5),
        "worst_photo": captured.names[worst],
        "worst_residual": round(float(captured.residual[worst]), 5),
        "clipped": round(float(captured.clipped.mean()), 5),
        "seconds": round(seconds, 2),
        "stage_seconds": {stage: round(spent, 2) for stage, spent in captured.seconds.items()},
    }
