"""How the exits of cut stones gather about the zenith, as `geodfx plan` takes them to, a minute.

    python -m pytest benchmarks/test_exits.py -s

The stones are drawn within what is cut: brilliants and steps of 13 materials, crystals of 5. Each texel's three
strongest lobes count, above the horizon, those within TOGETHER as one; each stone counts alike. OTHERS, as in the table
of docs/PLAN.md, had no part in the choice. Pears are drawn as GemCad designs, cut like brilliants, and told apart.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import geodfx
from geodfx.planning.directions import GATHERED, PEARS_GATHERED
from geodfx.planning.expect import OTHER_LOBES, alone_share
from tests.planning.measure import true_lobes

RECIPE = """
[stone]
material = "{material}"
{stone}
[camera]
size = [48, 48]
samples = 4
distance = 8.0
[rig]
kind = "dome"
lights = 4
"""
CLEAR = ["diamond", "ruby", "sapphire", "emerald", "quartz", "amethyst", "zircon", "demantoid", "spinel", "topaz"]
CLEAR += ["tourmaline", "pyrope", "tsavorite"]
CRYSTALS = ["quartz", "amethyst", "beryl", "tourmaline", "topaz"]
GEMCAD = Path(__file__).resolve().parents[2] / "shared" / "data" / "gemcad"
TURNS = 96  # of a GemCad design's index wheel
OTHERS = [("diamond", 'cut = "brilliant"'), ("ruby", 'cut = "brilliant"'), ("sapphire", 'cut = "step"')]
for design in ("SRB.asc", "Compear125.asc"):
    file = (GEMCAD / design).as_posix()
    OTHERS += [(material, f'cut = "gemcad"\nfile = "{file}"') for material in ("topaz", "quartz", "spinel")]
TOGETHER = math.radians(2.5)  # a quarter of a usual light's radius, as in the comparison with fits
NEAREST_Z = math.cos(math.radians(2))  # nearer to the zenith, a table's glare would count without bound
WITHIN_DEG = (10, 25, 40, 60)  # angles from the zenith that are told
RADII_DEG = (5, 8, 12, 20)


def brilliant(rng):
    """Return the keys of a brilliant: round those that GIA grades well, and beyond."""
    told = f"table = {rng.uniform(0.5, 0.66):.3f}\ncrown_deg = {rng.uniform(30, 40):.2f}\n"
    told += f"pavilion_deg = {rng.uniform(39.5, 43):.2f}\nlower_halves = {rng.uniform(0.68, 0.86):.3f}\n"
    return f'cut = "brilliant"\n{told}stars = {rng.uniform(0.42, 0.65):.3f}'


def step(rng):
    crown, pavilion = (np.array(middle) + rng.uniform(-4, 4, 3) for middle in ([46, 37, 28], [57, 47, 40]))
    told = f"ratio = {rng.uniform(1, 1.8):.3f}\ncorner = {rng.uniform(0.1, 0.3):.3f}\n"
    told += f"table = {rng.uniform(0.5, 0.7):.3f}\n"
    return f'cut = "step"\n{told}crown_deg = {crown.round(2).tolist()}\npavilion_deg = {pavilion.round(2).tolist()}'


def point(rng):
    return f'cut = "point"\nlength = {rng.uniform(1.2, 2.2):.2f}\nunevenness = {rng.uniform(0.1, 0.35):.2f}'


def pear(rng, path):
    """Write a pear's design, 1.25 to 1.65 widths long, cut like a brilliant; return the keys of its recipe.

    Its girdle is half a circle of radius 1 and two arcs that meet in a tip. All facets but the stars and the table
    touch the girdle where their normals point.
    """
    tip, half_girdle, table = rng.uniform(1.5, 2.3), rng.uniform(0.02, 0.04), rng.uniform(0.5, 0.66)
    arc = (tip * tip - 1) / 2  # from the axis to an arc's middle
    pavilion, crown = rng.uniform(40, 43), rng.uniform(32, 40)
    pavilion_breaks, crown_breaks = pavilion + rng.uniform(0.8, 2.5), crown + rng.uniform(4, 9)
    stars = crown - rng.uniform(9, 14)
    top = half_girdle + (1 - table) * math.tan(math.radians(crown))
    lines = ["GemCad 5.0", f"g {TURNS} 0.0", "y 1 y", "I 1.54"]

    def reach(index):
        off = abs(index - TURNS / 2) * 2 * math.pi / TURNS  # from the tip
        if off < math.atan2(arc, tip):
            return tip * math.cos(off)
        return 1 + arc - arc * math.sin(off) if off < math.pi / 2 else 1.0

    def cut(angle_deg, index, reach_there, height):
        angle = math.radians(abs(angle_deg))
        distance = math.sin(angle) * reach_there + math.cos(angle) * height
        lines.append(f"a {angle_deg:.4f} {distance:.6f} {index or TURNS} n f")

    for between, angles in ((3, (-pavilion_breaks, -90, crown_breaks)), (0, (-pavilion, -90, crown))):
        for index in range(between, TURNS, 6 if between else 12):
            for angle in angles:
                cut(angle, index, reach(index), half_girdle)
    for index in range(6, TURNS, 12):
        cut(stars, index, 1.03 * (reach(index) - (1 - table)), top)
    cut(0, 0, 0, top)
    path.write_text("\n".join(lines) + "\n")
    return f'cut = "gemcad"\nfile = "{path.as_posix()}"'


def strongest(folder, material, stone):
    """Return the directions (n, 3) of the three strongest lobes of each texel that has any."""
    (folder / "r.toml").write_text(RECIPE.format(material=material, stone=stone))
    geodfx.simulate(folder / "r.toml", folder / "session")
    texels = true_lobes(folder / "session", TOGETHER)
    return [direction[np.argsort(-weight)[: 1 + OTHER_LOBES]] for _, direction, weight in texels]


@pytest.fixture(scope="module")
def stones(tmp_path_factory):
    """Return the strongest lobes of the stones that the gathering was taken from."""
    rng = np.random.default_rng(7)
    drawn = [(material, cut(rng)) for cut in (brilliant, step) for material in CLEAR]
    drawn += [(material, point(rng)) for material in CRYSTALS]
    return [strongest(tmp_path_factory.mktemp("exits"), *keys) for keys in drawn]


def compare(stones, within, gathered=GATHERED):
    """Print the measured and the told shares, and hold them to each other."""
    heights = [np.clip(np.concatenate(stone)[:, 2], 0, 1) for stone in stones]
    print("\n| from the zenith | measured | told |")
    for angle in WITHIN_DEG:
        near = math.cos(math.radians(angle))
        measured, told = np.mean([(z >= near).mean() for z in heights]), (1 - near) ** gathered
        print(f"| {angle}° | {measured:.2f} | {told:.2f} |")
        assert told == pytest.approx(measured, abs=within)
    likely = 1 / np.mean([-np.log(1 - np.minimum(z, NEAREST_Z)).mean() for z in heights])
    print(f"likeliest power {likely:.3f}")
    return likely


def test_exits_gather_as_they_are_taken_to(stones):
    assert pytest.approx(compare(stones, 0.1), abs=0.01) == GATHERED


def test_so_do_those_of_other_stones(tmp_path_factory):
    if not GEMCAD.is_dir():
        pytest.skip("the GemCad designs (../shared/data/gemcad) are not beside this checkout")
    others = [strongest(tmp_path_factory.mktemp("exits"), *keys) for keys in OTHERS]
    assert pytest.approx(compare(others, 0.1), abs=0.05) == GATHERED


def test_pears_gather_as_one_mirror_tells(tmp_path_factory):
    rng, pears = np.random.default_rng(7), []
    for material in CLEAR:
        folder = tmp_path_factory.mktemp("pear")
        pears.append(strongest(folder, material, pear(rng, folder / "pear.asc")))
    assert pytest.approx(compare(pears, 0.1, PEARS_GATHERED), abs=0.01) == PEARS_GATHERED


def test_so_do_those_of_another_design(tmp_path_factory):
    if not GEMCAD.is_dir():
        pytest.skip("the GemCad designs (../shared/data/gemcad) are not beside this checkout")
    others = [strongest(tmp_path_factory.mktemp("exits"), *keys) for keys in OTHERS if "pear" in keys[1]]
    assert len(others) == 3
    assert pytest.approx(compare(others, 0.1, PEARS_GATHERED), abs=0.05) == PEARS_GATHERED


@pytest.mark.parametrize("radius_deg", RADII_DEG)
def test_as_many_lobes_are_alone_as_is_told(stones, radius_deg):
    apart = 2 * math.sin(math.radians(1.12 * radius_deg))
    shares = []
    for stone in stones:
        alone = []
        for texel in stone:
            off = np.linalg.norm(texel[:, None] - texel, axis=2) + 2 * np.eye(len(texel))
            alone.append((off >= apart).all(axis=1))
        shares.append(np.concatenate(alone).mean())
    told = alone_share(math.radians(radius_deg))
    print(f"\nalone under lights of {radius_deg}°: {np.mean(shares):.2f} measured, {told:.2f} told")
    assert told == pytest.approx(np.mean(shares), rel=0.3)
