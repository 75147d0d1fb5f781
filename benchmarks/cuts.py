"""Which cut is found behind photos over tilts, and how well its traced rays meet them, stage by stage.

    python -m benchmarks.cuts SESSION [SESSION ...]

What it prints is told in docs/FIT.md; `geodfx.capture.cut_find` tells how a cut is found.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np

from geodfx.capture import find_stage
from geodfx.capture.cut import gather_evidence, trace_cut
from geodfx.capture.fit import display_gain
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos
from geodfx.capture.rectify import find_plane, read_tilted_stack, rectify_matte
from geodfx.capture.session import Session, read_session
from geodfx.errors import SessionError
from geodfx.tilting import make_camera


def look_for_cut(session: Session) -> None:
    """Print what is found. Raises SessionError for a session that does not tell enough to trace rays."""
    if session.tilt_rad is None or session.rig_lights is None or session.field_width is None:
        told = 'a cut is found in photos of domain = "tilt" whose rig_lights, camera_distance and field_width are told'
        raise SessionError(f"{session.folder}: {told}; write them into session.toml, or name another session")
    photos = open_photos(session)
    camera = make_camera(photos.size, session.camera_distance, session.field_width)
    mask = read_matte(session, photos.size)
    stage, rig = find_stage(session, session.tilt_rad, find_plane(photos, camera, session.tilt_rad, mask))
    alpha, seen = rectify_matte(mask, camera, stage)
    stack = read_tilted_stack(photos, seen, camera, stage)
    gain = display_gain(stack)
    evidence = None if gain is None else gather_evidence(session, stack, stage, rig.radius_rad, gain)
    if evidence is None:
        raise SessionError(f"{session.folder}: black photos, or a camera that is not near; name another session")
    dark = -10 * np.log10(float(np.mean(evidence.shown**2)))
    print(f"{session.folder}: {len(photos.paths)} tilts; black {dark:.2f} dB")
    since = time.perf_counter()

    def told(stage: str, met_db: float) -> None:
        print(f"  {stage:22} {met_db:6.2f} dB {time.perf_counter() - since:5.0f} s", flush=True)

    traced = trace_cut(evidence, alpha, session.field_width / photos.size[0], session.stone, told)
    print(f"  {'no cut' if traced is None else traced.told}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[1:]:
        look_for_cut(read_session(Path(name)))
