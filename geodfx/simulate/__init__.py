"""The virtual rig: a recipe in, a session like a real rig's out, with the truth beside it.

recipe -> series, stone, surround -> light before the sensor -> photos, light file, mask, truth
read_recipe, plan_series, make_stone, make_surround, shoot, write_session, write_truth
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geodfx.errors import OutputError
from geodfx.progress import Progress, counter
from geodfx.simulate.expose import Stone
from geodfx.simulate.recipe import Recipe, read_recipe
from geodfx.simulate.series import Series, plan_series
from geodfx.simulate.session_writer import display_gain, write_session
from geodfx.simulate.shoot import photo_store, shoot
from geodfx.simulate.spectrum import make_spectrum
from geodfx.simulate.stones import make_stone
from geodfx.simulate.surround import Surround, make_alone, make_surround
from geodfx.simulate.truth import write_truth
from geodfx.staging import staged

__all__ = ["Recipe", "planned_series", "read_recipe", "simulate"]

TRUTH_FOLDER, PHOTO_STORE = "truth", "photos.npy"
GROWTH, RIG = 0, 1  # streams of random numbers: what the stone is, and where lights stand, do not disturb each other


def simulate(recipe: Recipe | Path | str, out: Path | str, *, progress: Progress | None = None) -> tuple[Path, ...]:
    """Write the session of a recipe to a new folder `out`, and return the folders of its sessions.

    With held-out photos these are out/train and out/heldout, else `out` itself. The same recipe gives the same bytes,
    whatever the number of threads. progress: called with (stage, done, total) from this thread. Raises RecipeError;
    SessionError or CalibrationError for a light file that it names; OutputError if `out` holds something already or
    cannot be written.
    """
    wanted = recipe if isinstance(recipe, Recipe) else read_recipe(Path(recipe))
    out = Path(out)
    try:
        taken = out.is_dir() and any(out.iterdir())
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {error.strerror}; choose another place") from error
    if taken:
        raise OutputError(f"{out}: is a folder that is not empty; name a new one, or empty it")
    planned = planned_series(wanted)
    stone = make_stone(wanted.stone, make_spectrum(wanted.camera.samples), np.random.default_rng([wanted.seed, GROWTH]))
    surround = make_surround(wanted.frame, white_stage=wanted.stage.white)
    gain: float | None = None
    folders = []
    with staged(out) as temporary:
        for series in planned:
            (temporary / series.folder / TRUTH_FOLDER).mkdir(parents=True)
            gain = _make_session(temporary / series.folder, wanted, series, stone, surround, gain, progress)
            folders.append(out / series.folder)
    return tuple(folders)


def planned_series(recipe: Recipe) -> tuple[Series, ...]:
    """Return the series that `simulate` makes of a recipe; the first is to be fitted. Errors as of `simulate`."""
    return plan_series(recipe, np.random.default_rng([recipe.seed, RIG]))


def _make_session(
    folder: Path,
    recipe: Recipe,
    series: Series,
    stone: Stone,
    surround: Surround,
    gain: float | None,
    progress: Progress | None,
) -> float | None:
    """Write one series and return the exposure at which its stone is to be compared, or `gain` if that is known."""
    width, height = int(recipe.camera.size[0]), int(recipe.camera.size[1])
    count = len(series.names)
    rows = height * (1 if series.tilts is None else count + 1)
    title = series.folder or "session"
    traced = None if progress is None else counter(progress, f"{title}: trace", rows)
    alone = make_alone(recipe.frame, white_stage=recipe.stage.white)
    total = count * (1 + len(alone)) * len(recipe.sensor.exposures_ev)
    written = None if progress is None else counter(progress, f"{title}: write", total)
    truth = folder / TRUTH_FOLDER
    with photo_store((count, height, width, 3), truth / PHOTO_STORE, keep=recipe.truth.photos) as photos:
        shots = shoot(recipe, series, stone, surround, photos, traced)
        gain = display_gain(shots) if gain is None else gain
        write_session(folder, recipe, series, shots, gain, written)
        write_truth(truth, shots.truth, stone)
    return gain
