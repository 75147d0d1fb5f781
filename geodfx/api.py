"""The verbs of GeodFx for programs. The command has the same."""

from __future__ import annotations

from pathlib import Path

from geodfx.capture import capture, choose_settings
from geodfx.capture.session import read_session
from geodfx.errors import FitError
from geodfx.evaluate import evaluate
from geodfx.planning import plan
from geodfx.progress import Progress
from geodfx.render import relight
from geodfx.simulate import simulate
from geodfx.stone import MODELS, Stone
from geodfx.stone_file import load_stone

__all__ = ["evaluate", "load", "plan", "process", "relight", "simulate"]


def process(
    session: Path | str,
    *,
    model: str = "lobes",
    fast: bool = False,
    lean: bool = False,
    progress: Progress | None = None,
) -> Stone:
    """Return the stone that the photos of a session folder show; `Stone.save` keeps it.

    model: `lobes`, or the smooth `hsh` or `ptm`. fast: a quick look at `lobes`, in two thirds of the time.
    lean: a stone of `lobes` of at most 12 bytes a texel on a GPU, half as many as else, however small it is; of what
    does not fit, what shows least is left out. Neither changes `hsh` and `ptm`.
    progress: called with (stage, done, total) from this thread. Raises SessionError, PhotoError, CalibrationError,
    FitError, or OutputError where the disk has too little room for what a large session's photos hold.
    """
    if model not in MODELS:
        raise FitError(f"model {model!r} is not known; choose one of {', '.join(MODELS)}")
    return capture(read_session(Path(session)), model, choose_settings(fast=fast, lean=lean), progress).stone


def load(path: Path | str) -> Stone:
    """Return the stone in a .gdfx file. Raises StoneError; also later, where an altered map is first looked at."""
    return load_stone(path)
