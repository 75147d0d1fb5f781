"""Bad input through the command: one line that names the file and the remedy, exit code 1, nothing left behind."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import geodfx
from geodfx.cli import main
from geodfx.commands import relight as relight_command
from tests.render.stones import random_stone
from tests.sessions import HEIGHT, WIDTH, light_directions, write_codes, write_listing, write_mask, write_session


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("good") / "card")


@pytest.fixture
def session(good, tmp_path) -> Path:
    """Return a session of its own for each test to spoil."""
    return Path(shutil.copytree(good, tmp_path / "session"))


@pytest.fixture
def stone(tmp_path) -> Path:
    random_stone(shape=(HEIGHT, WIDTH)).save(tmp_path / "stone.gdfx")
    return tmp_path / "stone.gdfx"


def listing(*paths: Path) -> set[Path]:
    return {path for root in paths for path in root.rglob("*")}


def refusal(capsys, root: Path, *words: str | Path) -> str:
    """Return the one line that a command gives that must fail and leave nothing behind."""
    before = listing(root)
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("geodfx: error: ")
    assert listing(root) == before
    return line


def process_refusal(capsys, session: Path, model: str = "ptm") -> str:
    root = session.parent
    return refusal(capsys, root, "process", session, "-o", root / "out.gdfx", "--model", model)


def spoil_missing(session):
    (session / "photo 03.png").unlink()


def spoil_truncated(session):
    path = session / "photo 03.png"
    path.write_bytes(path.read_bytes()[:-60])


def spoil_size(session):
    assert cv2.imwrite(str(session / "photo 03.png"), np.zeros((HEIGHT, WIDTH + 1, 3), np.uint16))


def spoil_unreadable(session):
    (session / "photo 03.png").write_text("this is no picture")


def spoil_duplicate(session):
    shutil.copy(session / "photo 01.png", session / "photo 03.png")


def spoil_unlisted(session):
    write_codes(session / "photo 99.png", np.full((HEIGHT, WIDTH, 3), 0.123))


def spoil_name(session):
    path = session / "lights.lp"
    path.write_text(path.read_text().replace("photo 03.png", "photo 33.png"))


def spoil_count(session):
    path = session / "lights.lp"
    path.write_text(path.read_text().replace("12\n", "13\n", 1))


def spoil_lights(x, y, z):
    def spoil(session):
        directions = light_directions(12).tolist()
        directions[3] = [x, y, z]
        write_listing(session, [f"photo {i:02}.png" for i in range(12)], directions)

    return spoil


def spoil_coplanar(session):
    turn = np.arange(12) * 0.5
    ring = np.stack([0.6 * np.cos(turn), 0.6 * np.sin(turn), np.full(12, 0.8)], axis=1)
    write_listing(session, [f"photo {i:02}.png" for i in range(12)], ring)


def spoil_mask(session):
    write_mask(session / "mask.png", 0)


def spoil_key(session):
    path = session / "session.toml"
    path.write_text(path.read_text().replace("white_value", "white_valeu"))


@pytest.mark.parametrize(
    ("spoil", "file", "remedy"),
    [
        (spoil_missing, "photo 03.png", "put it back"),
        (spoil_truncated, "photo 03.png", "copy it anew"),
        (spoil_size, "photo 03.png", "export it at their size"),
        (spoil_unreadable, "photo 03.png", "export it again"),
        (spoil_duplicate, "photo 03.png", "put the right photo there"),
        (spoil_unlisted, "photo 99.png", "add its line"),
        (spoil_name, "photo 33.png", "correct or remove"),
        (spoil_count, "lights.lp", "correct the number"),
        (spoil_lights(0, 0, 0), "lights.lp", "correct"),
        (spoil_lights(0, float("nan"), 1), "lights.lp", "correct"),
        (spoil_lights(0.6, 0, -0.8), "photo 03.png", "z must be above 0"),
        (spoil_coplanar, "lights.lp", "other heights"),
        (spoil_mask, "mask.png", "paint the stone white"),
        (spoil_key, "session.toml", "did you mean 'white_value'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_session_that_cannot_be_used(session, capsys, spoil, file, remedy):
    spoil(session)
    line = process_refusal(capsys, session)
    assert file in line
    assert remedy in line


@pytest.mark.parametrize(("model", "needed"), [("ptm", 6), ("hsh", 9)])
def test_too_few_photos_for_the_model(tmp_path, capsys, model, needed):
    session = write_session(tmp_path / "few", count=needed - 1)
    line = process_refusal(capsys, session, model)
    assert str(session) in line
    assert f"needs {needed}" in line


def test_a_session_that_is_not_there(tmp_path, capsys):
    line = refusal(capsys, tmp_path, "process", tmp_path / "nowhere", "-o", tmp_path / "a.gdfx")
    assert str(tmp_path / "nowhere") in line


def test_an_output_folder_that_is_absent(session, stone, tmp_path, capsys):
    place = tmp_path / "absent"
    (tmp_path / "tilts.csv").write_text("file,pitch_deg,roll_deg\na,0,0\nb,1,0\n")
    tilted = ["--light", "0,0,1", "--tilts", tmp_path / "tilts.csv"]
    for words in (
        ["process", session, "-o", place / "a.gdfx", "--model", "ptm"],
        ["relight", stone, "-o", place / "a.png", "--light", "0,0,1"],
        ["relight", stone, "-o", place / "a.webp", *tilted],
        ["relight", stone, "-o", place / "frames", *tilted],
    ):
        line = refusal(capsys, tmp_path, *words)
        assert str(place) in line
        assert "make it first" in line


def test_it_is_told_before_the_long_work(session, tmp_path, capsys):
    (session / "photo 03.png").unlink()
    line = refusal(capsys, tmp_path, "process", session, "-o", tmp_path / "absent" / "a.gdfx")
    assert "make it first" in line


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that nobody can write to on Linux")
def test_an_output_folder_that_is_not_writable(session, stone, tmp_path, capsys):
    for words in (
        ["process", session, "-o", "/proc/a.gdfx", "--model", "ptm"],
        ["relight", stone, "-o", "/proc/a.npy", "--light", "0,0,1"],
        ["relight", stone, "-o", "/proc/frames", "--lights", session / "lights.lp"],
    ):
        line = refusal(capsys, tmp_path, *words)
        assert "/proc/" in line
        assert "make the folder writable" in line


def test_a_report_that_cannot_be_written_is_told_at_once(session, tmp_path, capsys):
    (tmp_path / "out.html").mkdir()
    line = process_refusal(capsys, session)
    assert "out.html" in line


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on file sizes stands in for a full disk on Linux")
@pytest.mark.parametrize("command", ["process", "frames", "film", "pictures"])
def test_a_disk_that_fills_up(session, stone, tmp_path, capsys, command):
    import resource

    (tmp_path / "tilts.csv").write_text("file,pitch_deg,roll_deg\na,0,0\nb,1,0\n")
    film = ["--light", "0,0,1", "--tilts", tmp_path / "tilts.csv", "--size", "200"]
    words = {
        "process": ["process", session, "-o", tmp_path / "out.gdfx", "--model", "ptm"],
        "frames": ["relight", stone, "-o", tmp_path / "out", "--lights", session / "lights.lp", "--size", "200"],
        "film": ["relight", stone, "-o", tmp_path / "out.png", *film],
        "pictures": ["evaluate", stone, session, "--pictures", tmp_path / "out"],
    }[command]
    rehearsal = [tmp_path / "rehearsal.gdfx" if word == tmp_path / "out.gdfx" else word for word in words]
    assert main([str(word) for word in rehearsal]) == 0  # what is compiled is cached now, which needs files too
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    (tmp_path / "out.png").unlink(missing_ok=True)
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
    try:
        line = refusal(capsys, tmp_path, *words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path / "out") in line
    assert ".part" not in line
    assert "free some space" in line


def test_a_failure_among_the_frames_keeps_the_old_ones(session, stone, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    words = ["relight", stone, "-o", out, "--lights", session / "lights.lp"]
    assert main([str(word) for word in words]) == 0
    capsys.readouterr()
    old = {path: path.read_bytes() for path in out.iterdir()}
    write = relight_command.write_frame

    def fail_late(path, *rest):
        if path.name == "photo 05.png":
            raise geodfx.OutputError(f"{path}: the cable was pulled")
        write(path, *rest)

    monkeypatch.setattr(relight_command, "write_frame", fail_late)
    line = refusal(capsys, tmp_path, *words, "--exposure", "1")
    assert line.endswith(f"{out / 'photo 05.png'}: the cable was pulled")
    assert {path: path.read_bytes() for path in out.iterdir()} == old


def test_frames_that_would_have_the_same_name(stone, tmp_path, capsys):
    (tmp_path / "dome.lp").write_text("2\na/one.jpg 0 0 1\nb/One.png 0.1 0 1\n")
    line = refusal(capsys, tmp_path, "relight", stone, "-o", tmp_path / "out", "--lights", tmp_path / "dome.lp")
    assert "dome.lp" in line
    assert "rename one of them" in line


@pytest.mark.parametrize(
    ("light", "told"),
    [("0,0,0", "no length"), ("0,0,1,-3", "radius"), ("0,0,1,200", "radius"), ("0,0,1,3,-1", "negative")],
)
def test_a_light_that_cannot_be(stone, tmp_path, capsys, light, told):
    assert told in refusal(capsys, tmp_path, "relight", stone, "-o", tmp_path / "a.png", "--light", light)


def test_a_stone_that_is_truncated(stone, tmp_path, capsys):
    stone.write_bytes(stone.read_bytes()[:-100])
    for words in (
        ["info", stone],
        ["relight", stone, "-o", tmp_path / "a.png", "--light", "0,0,1"],
        ["evaluate", stone, tmp_path],
    ):
        assert str(stone) in refusal(capsys, tmp_path, *words)


def test_a_stone_that_was_altered(stone, tmp_path, capsys):
    data = bytearray(stone.read_bytes())
    at = data.index(b"base_planes.npy") + 400
    data[at] ^= 1
    stone.write_bytes(data)
    line = refusal(capsys, tmp_path, "relight", stone, "-o", tmp_path / "a.png", "--light", "0,0,1")
    assert str(stone) in line
    assert "checksum" in line


def test_photos_that_do_not_belong_to_the_stone(session, tmp_path, capsys):
    random_stone(shape=(HEIGHT, WIDTH + 2)).save(tmp_path / "other.gdfx")
    line = refusal(capsys, tmp_path, "evaluate", tmp_path / "other.gdfx", session)
    assert str(session) in line
    assert f"{WIDTH} x {HEIGHT}" in line
    assert f"{WIDTH + 2} x {HEIGHT}" in line


def test_photos_of_another_domain(session, stone, tmp_path, capsys):
    rows = [f"photo {i:02}.png,{i},0" for i in range(12)]
    (session / "tilts.csv").write_text("\n".join(["file,pitch_deg,roll_deg", *rows]) + "\n")
    (session / "session.toml").write_text('domain = "tilt"\ntilts = "tilts.csv"\nmask = "mask.png"\n')
    line = refusal(capsys, tmp_path, "evaluate", stone, session)
    assert str(session) in line
    assert "'tilt'" in line


def test_photos_that_are_black(session, stone, tmp_path, capsys):
    for i in range(12):
        radiance = np.zeros((HEIGHT, WIDTH, 3))
        radiance[0, i] = 0.5  # outside the mask, so that no two photos are the same
        write_codes(session / f"photo {i:02}.png", radiance)
    line = refusal(capsys, tmp_path, "evaluate", stone, session)
    assert str(session) in line
    assert "black" in line
