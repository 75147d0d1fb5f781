"""What mirrors at the horizon are worth in a room: cut stones of many crowns, fitted without and with them.

    python benchmarks/mirrors.py ROOM.hdr

Simulates the stones, fits each by `--fast`, and scores frames under the room, untilted, against the light that the
stone's true lobes bring of it. The table is that of docs/FIT.md.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import geodfx
from geodfx.arrays import F32, F64
from geodfx.capture import FAST, capture, fit_lobes
from geodfx.capture.session import read_session
from geodfx.colour import encode_display
from geodfx.render import CpuRenderer, Environment, View
from geodfx.render.environment import environment_lookup
from geodfx.stone import Stone

STONES = [  # cut, material, lean of the lowest crown facets from the table, degrees
    ("step", "topaz", 40.0),
    ("step", "quartz", 41.0),
    ("step", "amethyst", 42.0),
    ("step", "sapphire", 43.0),
    ("step", "tourmaline", 43.5),
    ("step", "sapphire", 44.0),
    ("step", "beryl", 45.0),
    ("step", "ruby", 47.0),
    ("step", "emerald", 48.5),
    ("brilliant", "diamond", 34.5),
    ("brilliant", "demantoid", 36.0),
    ("brilliant", "zircon", 40.0),
]
RECIPE = """
[stone]
cut = "{cut}"
material = "{material}"
crown_deg = {crown}
[camera]
size = [112, 112]
distance = 8.0
[rig]
kind = "dome"
lights = 96
radius_deg = 9.0
lowest_deg = 14.0
"""


def main(room: str) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    environment = Environment.load(room)
    print("| stone | texels | without | with |\n|---|---|---|---|")
    for cut, material, lean in STONES:
        crown = [lean, lean - 7, lean - 16] if cut == "step" else lean
        with tempfile.TemporaryDirectory() as folder:
            recipe, session = Path(folder, "r.toml"), Path(folder, "session")
            recipe.write_text(RECIPE.format(cut=cut, material=material, crown=crown))
            geodfx.simulate(recipe, session)
            stones = [_fit(session, mirrors=mirrors) for mirrors in (False, True)]
            truth = np.load(session / "truth" / "truth.npz")
            shown = _true_light(truth, environment, stones[0].alpha.size)
        stone = stones[1].alpha.ravel() > 0
        gain = 2 / float(np.quantile(shown[stone].max(axis=1), 0.9))
        scores = [_score(its, environment, shown, gain) for its in stones]
        unlit = 100 * float(stones[1].provenance.get("unlit_share", 0.0))
        print(f"| {cut}, crown of {lean}°, {material} | {unlit:.0f} % | {' | '.join(scores)} |", flush=True)


def _fit(session: Path, *, mirrors: bool) -> Stone:
    """Return the stone of a session, with what it mirrors at the horizon or without."""
    add = fit_lobes.add_mirrors
    if not mirrors:
        fit_lobes.add_mirrors = lambda _state, facets, _share, _most_bytes: (facets, 0.0)
    try:
        return capture(read_session(session), settings=FAST).stone
    finally:
        fit_lobes.add_mirrors = add


def _true_light(truth: np.lib.npyio.NpzFile, environment: Environment, texels: int) -> F64:
    """Return the radiance (T, 3) that the true lobes bring of a room, as sharp as the map is."""
    texel = np.repeat(np.arange(texels), np.diff(truth["lobe_first"]))
    direction, weight = truth["lobe_direction"], truth["lobe_weight"]
    direction = np.broadcast_to(direction if direction.ndim == 3 else direction[:, None], (len(texel), 3, 3))
    light = np.zeros((texels, 3))
    for channel in range(3):
        x, y, z = np.moveaxis(direction[:, channel].astype(np.float32), 1, 0)
        up = z > 0  # below lies the stage, which is dark
        seen = [
            environment_lookup(environment.maps, np.float32(0), channel, *to)
            for to in zip(x[up], y[up], z[up], strict=True)
        ]
        light[:, channel] = np.bincount(texel[up], weight[up, channel] * np.array(seen), texels)
    return light


def _score(stone: Stone, environment: Environment, truth: F64, gain: float) -> str:
    """Return dB and flux of a stone's frame, displayed, over its texels."""
    frame: F32 = CpuRenderer(stone).render(View(environment=environment))[..., :3].reshape(-1, 3)
    its = stone.alpha.ravel() > 0
    told, true = encode_display(frame[its], gain), encode_display(truth[its].astype(np.float32), gain)
    error = float(np.mean((told.astype(np.float64) - true) ** 2))
    return f"{-10 * np.log10(error):.2f} / {told.sum() / true.sum():.2f}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
