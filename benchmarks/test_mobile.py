"""What frames cost on the GPUs of phones, told without one: seconds, after a fit of some minutes that is kept.

    python -m pytest benchmarks/test_mobile.py -s

The shaders that ship are compiled by Mesa's own compilers for these GPUs and held to budgets.toml. docs/MOBILE.md tells
the tool, the formula and how far to trust it. GEODFX_BUDGETS=new.toml writes what is measured as new budgets.
"""

from __future__ import annotations

import hashlib
import math
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

import geodfx
from benchmarks.gpucost import FETCHES, MISSING, REGISTERS, THREADS, Tool, find_tool
from benchmarks.mobile_frame import SHARE, SIZE, frame_ms, light_scene
from benchmarks.mobile_passes import PARTS, TOLD, Pass, measure_pass, measure_vertices, repeat_loop
from geodfx.bench.enlarge import enlarge
from geodfx.render import DiscLight, Environment, Tilt, View
from geodfx.render.gpu_programs import (
    BASE,
    CELLS,
    CORNERS,
    FINE,
    FLASH,
    NODES,
    PATCH,
    RIM,
    RIMS,
    picture_texts,
    shader_texts,
)
from tests.render.stones import random_directions, random_stone
from tests.render.test_tilted import edged_stone

ROOT = Path(__file__).resolve().parent.parent
BUDGETS = tomllib.loads((ROOT / "benchmarks" / "budgets.toml").read_text("utf-8"))
DEVICES = BUDGETS["devices"]  # the phone that stands for each GPU
GPUS = tuple(DEVICES)
NAMES = {
    (RIMS, ""): "rims",
    (CELLS, ""): "cells",
    (BASE, ""): "base",
    (PATCH, CORNERS): "patch-corners",  # by an environment, which a rectangle's corners tell
    (PATCH, NODES): "patch",  # by one that they do not
    (PATCH, RIM): "patch-rim",  # by lights
    (PATCH, FINE): "patch-fine",  # by small ones
    (FLASH, ""): "flash",  # of a stone that tilts
}
AIMED = ("light", "environment", "tilt")
CROWDS = (1, 4, 16, 64)  # stones that share a frame
DIRECTIONS = 16  # of lights, over which the share of rims is averaged
LARGE, SMALL = math.radians(10), math.radians(0.5)
TIMES, TILT_TIMES = 8, 12  # of 144 and 96 texels: a frame's 1080, and a little more
HEAD = "# As measured, cycles a pixel with each loop once: what is worse by more than the margin fails. docs/MOBILE.md"
WRITTEN = os.environ.get("GEODFX_BUDGETS")


@pytest.fixture(scope="session")
def tool():
    path = find_tool()
    if path is None:
        pytest.skip(MISSING)
    return Tool(path)


def kept(request, name):
    """Return a sample's stone, fitted once and kept while neither its photos nor the fit change."""
    session = ROOT / "samples" / name / "train"
    made_from = [*sorted(session.iterdir()), *sorted((ROOT / "geodfx" / "capture").glob("*.py"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_from if path.is_file())).hexdigest()[:12]
    path = request.config.cache.mkdir("mobile") / f"{name}-{digest}.gdfx"
    if not path.exists():
        geodfx.process(session, fast=True).save(path)
    return geodfx.load(path)


@pytest.fixture(scope="session")
def diamond(request):
    """Return the sample diamond with as many texels as a frame has pixels."""
    return enlarge(kept(request, "diamond"), TIMES)


@pytest.fixture(scope="session")
def tilted(request):
    """Return the sample that tilts, likewise."""
    return enlarge(kept(request, "sapphire_tilt"), TILT_TIMES)


@pytest.fixture(scope="session")
def passes(tool, diamond):
    """Return what each pass of the diamond costs on each GPU."""
    return measured(tool, diamond)


@pytest.fixture(scope="session")
def tilt_passes(tool, tilted):
    """Return the same of the stone that tilts."""
    return measured(tool, tilted)


def measured(tool, stone):
    texts = shader_texts(stone, "300 es", wide=True)
    passes = {step: measure_pass(tool, *both, PARTS[step], GPUS) for step, both in texts.items()}
    for step in passes.keys() & TOLD.keys():
        vertices = measure_vertices(tool, texts[BASE, ""][0], texts[step][0], step, GPUS)
        for gpu, cycles in vertices.items():
            passes[step][gpu] = passes[step][gpu]._replace(vertex=cycles)
    return passes


@pytest.fixture(scope="session")
def named(tool, passes, tilt_passes):
    """Return the passes by the names that budgets have, and the one that makes codes of a frame."""
    of_tilt = {f"{NAMES[step]}-tilt" if step in passes else NAMES[step]: each for step, each in tilt_passes.items()}
    picture = {"picture": measure_pass(tool, *picture_texts("300 es"), (), GPUS)}
    return {NAMES[step]: each for step, each in passes.items()} | of_tilt | picture


@pytest.fixture(scope="session")
def scenes(diamond, tilted, passes, tilt_passes):
    """Return the diamond under one light, a small one, and an environment, and the stone that tilts; with passes."""
    towards = random_directions(np.random.default_rng(1), DIRECTIONS, 0.5).tolist()
    radiance = np.random.default_rng(2).random((16, 32, 3)).astype(np.float32)
    large, small = ([View((DiscLight(tuple(xyz), radius_rad),)) for xyz in towards] for radius_rad in (LARGE, SMALL))
    around = [View(environment=Environment.from_radiance(radiance))]
    views = {"light": large, "small light": small, "environment": around}
    told = {kind: (light_scene(diamond, some), passes) for kind, some in views.items()}
    tilts = [View(tilt=Tilt(*tilt)) for tilt in tilted.tilting.tilt_rad.tolist()]
    return told | {"tilt": (light_scene(tilted, tilts), tilt_passes)}


def corners(scene):
    """Return the area of a scene's rectangles that tell light at their corners."""
    return scene.corners if scene.kind == NODES else 0.0


def row(*cells):
    print(f"| {' | '.join(str(cell) for cell in cells)} |")


def heading(*cells):
    print()
    row(*cells)
    print("|---" * len(cells) + "|")


def counts(each: Pass) -> dict[str, float]:
    """Return what a budget holds."""
    shader = each.shader
    return {
        "cycles": round(shader.cycles[shader.bound], 2),
        "vertex": round(each.vertex, 2),
        "fetches": shader.read(FETCHES),
        "registers": shader.read(REGISTERS),
        "threads": shader.read(THREADS),
    }


def on(gpu, passes):
    """Return passes on one GPU."""
    return {step: by_gpu[gpu] for step, by_gpu in passes.items()}


def show(cycles) -> str:
    return ", ".join(f"{pipe} {count:.2f}" for pipe, count in cycles.items() if round(count, 2))


def over(key: str, measured: float, budget: float) -> bool:
    """Tell whether a figure is worse than its budget allows; of threads, fewer are worse."""
    if key == "threads":
        return measured < budget
    return measured > budget * (1 + BUDGETS["margin"])


def test_each_pass_keeps_its_budget(named):
    heading("pass", "GPU", "instructions", "cycles", "registers", "threads", "spills", "fetches", "of budget")
    broken = []
    for name, by_gpu in named.items():
        for gpu, measured in by_gpu.items():
            shader = measured.shader
            told = counts(measured)
            budget = told if WRITTEN else BUDGETS["passes"][gpu][name]
            share = " / ".join(f"{told[key] / (budget[key] or 1):.0%}" for key in told)
            spent = (told["registers"], told["threads"], shader.spills, told["fetches"])
            row(name, gpu, shader.read(("inst",)), show(shader.cycles), *spent, share)
            broken += [f"{gpu} {name}: {key} {told[key]}" for key in told if over(key, told[key], budget[key])]
            broken += [f"{gpu} {name}: {shader.spills} spills"] * (shader.spills > 0)
    heading("vertices of", *GPUS)
    for name, by_gpu in named.items():
        if all(each.vertex for each in by_gpu.values()):
            row(name, *(f"{by_gpu[gpu].vertex:.2f}" for gpu in GPUS))
    heading("pass", "GPU", *("part", "cycles a pixel or a trip"))
    for name, by_gpu in named.items():
        for gpu, measured in by_gpu.items():
            for part, cycles in measured.cost.items():
                row(name, gpu, part, show(cycles))
    assert WRITTEN or broken == []


def test_each_frame_keeps_its_budget(tool, diamond, scenes):
    (lit, passes), texts = scenes["light"], shader_texts(diamond, "300 es", wide=True)
    for name, (scene, _) in scenes.items():
        counts = f"{scene.facets} facets, {scene.nodes} nodes, {scene.rectangles} rectangles"
        print(f"\n{name}: {scene.lobes:.2f} lobes a covered texel, {counts}", end="")
    heading("scene", "pass", "area of rectangles, covered texels", "lit", "told at corners", "at a rim", "nodes lit")
    for name, (scene, _) in scenes.items():
        row(
            name,
            NAMES.get((PATCH, scene.kind), scene.kind),
            *(f"{share:.2f}" for share in (scene.area, scene.lit, corners(scene), scene.rims, scene.lit_nodes)),
        )
    heading(
        "device",
        "GPU",
        "gpucost",
        *scenes,
        "memory alone",
        f"light, {lit.coverage:.0%} covered",
        "of budget",
    )
    broken = []
    for gpu, name in DEVICES.items():
        device, of_gpu = tool.devices[name], on(gpu, passes)
        assert device.gpu == gpu
        told = {kind: frame_ms(scene, device, on(gpu, its)) for kind, (scene, its) in scenes.items()}
        shown = [f"{whole:.2f}" for _, _, whole in told.values()] + [f"{told['light'][1]:.2f}"]
        base, patch = texts[BASE, ""], texts[PATCH, lit.kind]  # each with the 4 bytes that it writes
        planned = tool.planned_ms(*base, name, SIZE, lit.texels)
        planned += lit.lit * tool.planned_ms(*patch, name, SIZE, SHARE)
        part_ms = frame_ms(lit, device, of_gpu, covered=lit.coverage)[2]
        budget = BUDGETS["frames"][name]
        share = " / ".join(f"{told[scene][2] / budget[scene]:.0%}" for scene in told)
        row(name, gpu, f"{planned:.2f}", *shown, f"{part_ms:.2f}", share)
        broken += [f"{name} {key}: {told[key][2]:.2f} ms" for key in told if over(key, told[key][2], budget[key])]
    heading("stones in the frame, under one light", *DEVICES.values())
    for stones in CROWDS:
        spent = []
        for gpu, name in DEVICES.items():
            by_pass, _, whole = frame_ms(lit, tool.devices[name], on(gpu, passes), stones)
            spent.append(f"{whole:.2f} = {' + '.join(f'{ms:.2f}' for ms in by_pass.values())}")
        row(stones, *spent)
    heading("aim", "device", *AIMED)
    for name, aim in BUDGETS["aims"].items():
        device = tool.devices[name]
        aimed = (scenes[kind] for kind in AIMED)
        spent = (frame_ms(scene, device, on(device.gpu, its))[2] for scene, its in aimed)
        row(f"{aim} ms", name, *(f"{ms:.2f} ms" for ms in spent))
    assert WRITTEN or broken == []


def test_no_stone_spills(tool):
    for stone in (random_stone("lobes"), random_stone("hsh"), random_stone("ptm"), edged_stone(flat=True)[0]):
        for step, both in shader_texts(stone, "300 es", wide=True).items():
            for gpu, shader in tool.compile(*both, GPUS).items():
                assert shader.spills == 0, (stone.model, len(stone.base.planes), step, gpu)


@pytest.mark.parametrize("step", [step for step, parts in PARTS.items() if any(part.is_loop for part in parts)])
def test_a_third_trip_costs_what_a_second_does(tool, diamond, passes, step):
    # Else what is told of a trip would not hold for many.
    loop = next(part for part in PARTS[step] if part.is_loop)
    vertex, text = shader_texts(diamond, "300 es", wide=True)[step]
    second = tool.compile(vertex, repeat_loop(text, loop.text), GPUS)
    third = tool.compile(vertex, repeat_loop(text, loop.text, 3), GPUS)
    for gpu in GPUS:
        bound, once = second[gpu].bound, passes[step][gpu].shader.cycles
        trips = third[gpu].cycles[bound] - second[gpu].cycles[bound], second[gpu].cycles[bound] - once[bound]
        assert trips[0] == pytest.approx(trips[1], rel=0.1)


def test_budgets_can_be_written(tool, named, scenes):
    """Write what is measured where GEODFX_BUDGETS says."""
    if not WRITTEN:
        pytest.skip("GEODFX_BUDGETS names no file")
    lines = [
        HEAD,
        f"margin = {BUDGETS['margin']}",
        "",
        "[devices]",
        *(f'{gpu} = "{name}"' for gpu, name in DEVICES.items()),
    ]
    lines += ["", "[aims]", *(f"{name} = {aim}" for name, aim in BUDGETS["aims"].items()), "", "[frames]"]
    for gpu, name in DEVICES.items():
        told = {kind: frame_ms(scene, tool.devices[name], on(gpu, its))[2] for kind, (scene, its) in scenes.items()}
        held = ", ".join(f'"{scene}" = {ms:.2f}' for scene, ms in told.items())
        lines.append(f"{name} = {{ {held} }}")
    for gpu in GPUS:
        lines += ["", f"[passes.{gpu}]"]
        for name, by_gpu in named.items():
            held = ", ".join(f"{key} = {value}" for key, value in counts(by_gpu[gpu]).items())
            lines.append(f"{name} = {{ {held} }}")
    Path(WRITTEN).write_text("\n".join(lines) + "\n", "utf-8")
