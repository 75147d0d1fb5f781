"""`geodfx evaluate`: the score of a stone against photos that it was not fitted to."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from geodfx.api import evaluate, load
from geodfx.commands.terminal import print_json, shown_progress
from geodfx.evaluate import Score

__all__ = ["add_to"]

WORST = 3  # photos that are named


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="score a stone against held-out photos",
        description="Relight a stone as the photos of a held-out session were lit, and compare what a display shows: "
        "PSNR in dB, flux (light of the frames / of the photos) and the F1 of the texels that flash.",
        allow_abbrev=False,
    )
    parser.add_argument("stone", type=Path, metavar="STONE.gdfx")
    parser.add_argument(
        "heldout", type=Path, metavar="HELDOUT", help="session of the domain of the stone, or of domain environment"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="also write one picture a photo: photo, frame and difference (mid-grey: none, lighter: frame too bright)",
    )
    parser.add_argument("--backend", choices=("cpu", "gpu"), default="cpu", help="what renders (default: cpu)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON, with the score of each photo")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    stone = load(options.stone)
    with shown_progress() as progress:
        score = evaluate(stone, options.heldout, pictures=options.pictures, backend=options.backend, progress=progress)
    if options.json:
        print_json(dataclasses.asdict(score))
    else:
        print(_text(score))


def _text(score: Score) -> str:
    lines = [f"psnr_db {score.psnr_db:.2f}   flux {score.flux:.3f}   flash_f1 {score.flash_f1:.3f}"]
    worst = sorted(score.photos, key=lambda photo: photo.psnr_db)[:WORST]
    lines += ["worst photos:"] + [f"  {photo.psnr_db:6.2f} dB  {photo.name}" for photo in worst]
    return "\n".join(lines)
