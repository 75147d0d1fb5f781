"""Stones against Mitsuba 3, a renderer of other hands: the same solid, index and lights, wavelength by wavelength.

Mitsuba is the test extra `mitsuba`; without it this file is skipped. Its scalar variants need no LLVM.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from geodfx.simulate.camera import camera_ray, make_camera
from geodfx.simulate.exits import make_exits
from geodfx.simulate.materials import MATERIALS
from geodfx.simulate.polyhedron import Polyhedron
from geodfx.simulate.solids import crystal_point, step_cut
from geodfx.simulate.spectrum import Spectrum
from geodfx.simulate.stones import join_solids, make_glass
from geodfx.simulate.trace import trace_sample
from tests.simulate.stones import CLEAN, brilliant

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mi = pytest.importorskip("mitsuba", reason="Mitsuba is not installed: pip install 'geodfx[mitsuba]'")

SIZE = 20  # texels a side
FIELD = 1.1  # of the picture, in stone widths
SAMPLES = 144  # a texel and seed
SEEDS = 4
OURS = 90  # a texel; no square number, so that `make_camera` spreads them off the axes
LAMP_DISTANCE = 12.0
# Balls of light about the stone, above and below: direction, angular radius in degrees, radiance.
LAMPS = (
    ((0.35, 0.2, 0.9), 17.0, 6.0),
    ((-0.7, 0.1, 0.6), 14.0, 9.0),
    ((0.1, -0.8, 0.45), 20.0, 4.0),
    ((0.75, 0.45, 0.3), 16.0, 7.0),
    ((-0.2, 0.3, -0.9), 25.0, 3.0),
)


def lamp_balls() -> list[tuple[np.ndarray, float, float]]:
    """Return (centre, radius, radiance) of each lamp."""
    balls = []
    for direction, radius_deg, radiance in LAMPS:
        unit = np.array(direction) / np.linalg.norm(direction)
        balls.append((unit * LAMP_DISTANCE, LAMP_DISTANCE * math.sin(math.radians(radius_deg)), radiance))
    return balls


def lamps_seen(position: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the radiance (N,) that rays (N, 3) meet outside the stone."""
    seen = np.zeros(len(direction))
    for centre, radius, radiance in lamp_balls():
        way = centre - position
        along = (way * direction).sum(axis=1)
        apart = (way * way).sum(axis=1) - along**2
        seen += radiance * ((apart < radius**2) & (along > 0))
    return seen


def ours(stone: Polyhedron, material: str, nm: float) -> np.ndarray:
    """Return the pictures (2, SIZE, SIZE) by our ray chains, of every other sample and of the rest."""
    glass = make_glass(MATERIALS[material], Spectrum(np.array([[nm]]), np.ones((1, 1, 3))), splits=False)
    glass = glass._replace(absorbance=np.zeros((1, 1)))
    solids, exits = join_solids([stone]), make_exits()
    camera = make_camera((SIZE, SIZE), None, FIELD, OURS)
    pictures = np.zeros((2, SIZE, SIZE))
    for row in range(SIZE):
        for column in range(SIZE):
            for sample in range(OURS):
                ray = camera_ray(camera, column, row, sample)
                if trace_sample(solids, glass, CLEAN, exits, 0, np.uint32(0), *ray):
                    n = exits.filled[0]
                    shown = exits.weight[:n] @ lamps_seen(exits.position[:n], exits.direction[:n])
                else:
                    shown = lamps_seen(np.array([ray[:3]]), np.array([ray[3:]]))[0]
                pictures[sample % 2, row, column] += shown
    return pictures / (OURS / 2)


def write_mesh(stone: Polyhedron, path) -> None:
    """Write an OBJ of the stone's faces, outward."""
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in stone.corners]
    for plane, outline in zip(stone.planes, stone.outlines(), strict=True):
        a, b, c = stone.corners[outline[:3]]
        turn = outline if np.cross(b - a, c - b) @ plane[:3] > 0 else outline[::-1]
        lines += [f"f {turn[0] + 1} {turn[k] + 1} {turn[k + 1] + 1}" for k in range(1, len(turn) - 1)]
    path.write_text("\n".join(lines) + "\n")


def theirs(mesh, index: float, seed: int) -> np.ndarray:
    """Return the picture (SIZE, SIZE) by Mitsuba."""
    mi.set_variant("scalar_rgb")
    to_world = mi.ScalarTransform4f().look_at(origin=[0, 0, 5], target=[0, 0, 0], up=[0, 1, 0])
    scene = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 256, "rr_depth": 64},
        "sensor": {
            "type": "orthographic",
            "to_world": to_world @ mi.ScalarTransform4f().scale([FIELD / 2, FIELD / 2, 1]),
            "film": {"type": "hdrfilm", "width": SIZE, "height": SIZE, "rfilter": {"type": "box"}},
            "sampler": {"type": "independent", "sample_count": SAMPLES},
        },
        "stone": {
            "type": "obj",
            "filename": str(mesh),
            "face_normals": True,
            "bsdf": {"type": "dielectric", "int_ior": index, "ext_ior": 1.0},
        },
    }
    for k, (centre, radius, radiance) in enumerate(lamp_balls()):
        emitter = {"type": "area", "radiance": {"type": "rgb", "value": radiance}}
        scene[f"lamp_{k}"] = {"type": "sphere", "center": centre.tolist(), "radius": radius, "emitter": emitter}
    return np.array(mi.render(mi.load_dict(scene), seed=seed))[..., 1].astype(float)


@pytest.mark.parametrize(
    ("stone", "material", "nm"),
    [
        (brilliant(), "diamond", 440.0),
        (brilliant(), "diamond", 660.0),
        (step_cut(1.4, 0.22, 0.6, (46, 37, 28), (57, 47, 40), 0.03), "sapphire", 540.0),
        (crystal_point(1.5, 0.25, np.random.default_rng(2)), "quartz", 620.0),
    ],
    ids=["diamond brilliant, blue", "diamond brilliant, red", "sapphire step", "quartz point"],
)
@pytest.mark.filterwarnings("ignore")  # Mitsuba's own
def test_another_renderer_sees_the_same_stone(tmp_path, stone, material, nm):
    write_mesh(stone, tmp_path / "stone.obj")
    index = float(MATERIALS[material].index(np.array([nm]))[0])
    renders = np.stack([theirs(tmp_path / "stone.obj", index, seed) for seed in range(SEEDS)])
    halves = ours(stone, material, nm)
    off = halves.mean(axis=0) - renders.mean(axis=0)
    # What chance allows: the spread of the seeds, and that of our own samples where a facet's edge cuts a texel.
    chance = math.sqrt(np.mean(renders.var(axis=0, ddof=1) / SEEDS) + np.mean((halves[0] - halves[1]) ** 2) / 4)
    told = (renders.mean(), off.mean(), math.sqrt(np.mean(off**2)), chance)
    assert abs(off.mean()) < 3 * chance / SIZE, told
    assert math.sqrt(np.mean(off**2)) < 1.3 * chance, told
    assert chance < 0.06 * renders.mean(), told  # else the test would see nothing
