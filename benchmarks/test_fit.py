"""How the time of `geodfx process` grows with texels and with photos, beside that of only decoding them.

    python -m pytest benchmarks/test_fit.py -s

A simulated brilliant; kernels are compiled before. Time must not grow faster than the work does.
"""

from __future__ import annotations

import time
import warnings

import pytest

import geodfx
from geodfx.capture import capture
from geodfx.capture.matte import read_matte
from geodfx.capture.photos import open_photos, read_stack
from geodfx.capture.session import read_session

RECIPE = """
[stone]
cut = "brilliant"
material = "diamond"
[camera]
size = [{size}, {size}]
distance = 8.0
[rig]
kind = "dome"
lights = {lights}
radius_deg = 10
"""
SIZES, LIGHTS = (64, 96, 128, 192), (48, 72, 96, 144)
SLACK = 1.4  # machines are noisy; a square would show 2 to 3


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """Return what tells CPU and wall seconds of a fit, and seconds of decoding, for a size and a count of lights."""
    warnings.simplefilter("ignore")
    known = {}

    def measure(size, lights):
        if (size, lights) not in known:
            folder = tmp_path_factory.mktemp("fit")
            (folder / "r.toml").write_text(RECIPE.format(size=size, lights=lights))
            geodfx.simulate(folder / "r.toml", folder / "session")
            session = read_session(folder / "session")
            photos = open_photos(session)
            begin = time.perf_counter()
            read_stack(photos, read_matte(session, photos.size))
            decoding = time.perf_counter() - begin
            cpu, wall = time.process_time(), time.perf_counter()
            capture(session)
            known[size, lights] = time.process_time() - cpu, time.perf_counter() - wall, decoding
            told = "{:.1f} s CPU, {:.1f} s wall, {:.2f} s to decode".format(*known[size, lights])
            print(f"\n{size} x {size}, {lights} photos: {told}", end="")
        return known[size, lights]

    measure(48, 48)  # compiles
    return measure


def test_time_is_linear_in_texels(spent):
    first, last = spent(SIZES[0], 96)[0], [spent(size, 96)[0] for size in SIZES][-1]
    assert last / first <= SLACK * (SIZES[-1] / SIZES[0]) ** 2


def test_time_is_linear_in_photos(spent):
    first, last = spent(96, LIGHTS[0])[0], [spent(96, lights)[0] for lights in LIGHTS][-1]
    assert last / first <= SLACK * LIGHTS[-1] / LIGHTS[0]
