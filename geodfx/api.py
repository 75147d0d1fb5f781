"""The verbs of GeodFx for programs. The command has the same."""

from __future__ import annotations

from pathlib import Path

from geodfx.capture import FAST, THOROUGH, capture
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
    session: Path | str, *, model: str = "lobes", fast: bool = False, progress: Progress | None = None
) -> Stone:
    """Return the stone that the photos of a session folder show; `Stone.save` keeps it.

    model: `lobes`, or the smooth `hsh` or `ptm`. fast: a quick look at `lobes`, in half the time.
    progress: called with (stage, done, total) from this thread. Raises SessionError, PhotoError, CalibrationError or
    FitError.
    """
    if model not in MODELS:
        raise FitError(f"model {model!r} is not known; choose one of {', '.join(MODELS)}")
    return capture(read_session(Path(session)), model, FAST if fast else THOROUGH, progress).stone


def load(path: Path | str) -> Stone:
    """Return the stone in a .gdfx file. Raises StoneError; also later, where an altered map is first looked at."""
    return load_stone(path)
