"""The wheel: what it holds, what it says of itself, and that it runs away from this tree."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path

import numpy as np
import pytest

from geodfx.render.presets import preset_names
from geodfx.stone import Stone
from tests.render.stones import base_of

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command with nothing of this tree on Python's path; return what it prints."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel with the backend that is installed here, so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("geodfx-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_it_holds_every_file_of_the_package(wheel):
    source = ROOT / "geodfx"
    wanted = {
        path.relative_to(ROOT).as_posix() for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {name for name in held if name.startswith("geodfx/")} == wanted
    assert "geodfx/py.typed" in held
    assert any(name.startswith("geodfx/shaders/") and name.endswith(".glsl") for name in held)
    assert {f"geodfx/presets/{name}.toml" for name in preset_names()} <= held
    licences = {name.rpartition("/")[2] for name in held if "/licenses/" in name}
    assert licences >= {"LICENSE", "NOTICE"}


def test_its_metadata_say_where_it_runs(metadata):
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Version"].count(".") == 2
    versions = {">=3.11", "<3.14"}
    assert set(metadata["Requires-Python"].split(",")) == versions
    classifiers = metadata.get_all("Classifier")
    for ending in ("POSIX :: Linux", "MacOS", "Microsoft :: Windows", "3.11", "3.12", "3.13", "Typed"):
        assert any(line.endswith(f":: {ending}") for line in classifiers), ending


def test_its_licence_is_the_whole_apache_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        text = archive.read(name).decode()
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Install the wheel alone into an empty folder, with a stone beside it."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder / "lib", wheel)
    lights = np.array([[0, 0, 1]], np.float32)
    white = np.zeros((6, 4, 5, 3), np.float32)
    white[5] = 0.25  # PTM's constant term
    base = base_of("ptm", "linear", white)
    Stone("white", "ptm", "light", np.full((4, 5), 255, np.uint8), base, None, lights, 0.1, 1.0).save(folder / "w.gdfx")
    return folder


SCRIPT = """
import sys
import geodfx
from geodfx.render.view import DiscLight, Tilt, View
light = DiscLight((0.0, 0.0, 1.0), 0.1, (1.0, 1.0, 1.0))
frame = geodfx.relight(geodfx.load("w.gdfx"), View((light,), None, Tilt(0.0, 0.0)), backend=sys.argv[1])
print(geodfx.__file__)
print(frame.shape, frame[2, 2].round(3).tolist())
"""


@pytest.mark.parametrize("backend", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_it_relights_a_stone_outside_the_tree(installed, backend):
    said = run(sys.executable, "-P", "-c", SCRIPT, backend, cwd=installed, PYTHONPATH=str(installed / "lib"))
    place, frame = said.splitlines()
    assert Path(place).is_relative_to(installed)
    assert frame == "(4, 5, 4) [0.25, 0.25, 0.25, 1.0]"


def test_its_command_runs_outside_the_tree(installed):
    said = run(sys.executable, "-P", "-m", "geodfx", "info", "w.gdfx", cwd=installed, PYTHONPATH=str(installed / "lib"))
    assert "ptm" in said
