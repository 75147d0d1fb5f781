"""`geodfx simulate`: a recipe to a session with known truth."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from geodfx.commands.terminal import print_json, shown_progress
from geodfx.simulate import read_recipe, simulate

__all__ = ["add_to"]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "simulate",
        help="make a session of a stone that is only described",
        description="Trace the stone, lights and camera that a recipe describes, and write the session that such a rig "
        "would give, with the truth beside it. docs/SIMULATE.md tells the recipe's keys.",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="SESSION", help="a new folder")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    begin = time.perf_counter()
    recipe = read_recipe(options.recipe)
    with shown_progress() as progress:
        folders = simulate(recipe, options.output, progress=progress)
    seconds = round(time.perf_counter() - begin, 2)
    if options.json:
        told = {"recipe": str(options.recipe), "name": recipe.name, "sessions": [str(path) for path in folders]}
        print_json(told | {"size": [int(side) for side in recipe.camera.size], "seconds": seconds})
        return
    for folder in folders:
        print(f"{folder}: session of {recipe.name}")
    print(f"{seconds} s")
