"""The command: what it writes, prints and returns."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

import geodfx
from geodfx.capture.session import read_session
from geodfx.cli import main
from geodfx.colour import encode_srgb
from geodfx.commands import process as process_command
from geodfx.render.output import brightened, white_gain
from geodfx.render.picture import Picture, displayed_codes
from tests.render.stones import random_stone
from tests.sessions import write_environment, write_session

RADIUS = math.radians(10)  # of the stones made here


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    return write_session(tmp_path_factory.mktemp("sessions") / "card")


@pytest.fixture(scope="module")
def made(session, tmp_path_factory) -> Path:
    """Return a folder with a stone made by the command, its preview and its report."""
    folder = tmp_path_factory.mktemp("made")
    assert main(["process", str(session), "-o", str(folder / "card.gdfx"), "--model", "ptm"]) == 0
    return folder


@pytest.fixture(scope="module")
def stone_path(tmp_path_factory) -> Path:
    """Return a stone with lobes."""
    path = tmp_path_factory.mktemp("stone") / "lobes.gdfx"
    random_stone(shape=(20, 30)).save(path)
    return path


@pytest.fixture
def lit(stone_path, tmp_path):
    """Return a function that relights the stone with some words of the command line and reads a .npy."""

    def relight(*words: str) -> np.ndarray:
        path = tmp_path / "frame.npy"
        assert main(["relight", str(stone_path), "-o", str(path), *words]) == 0
        return np.load(path)

    return relight


def frame_of(stone_path, *lights, tilt=(0.0, 0.0), **options) -> np.ndarray:
    """Return the frame of (direction, radius, intensity) lights by the importable API; tilt in degrees."""
    discs = tuple(geodfx.DiscLight(direction, radius, (power,) * 3) for direction, radius, power in lights)
    view = geodfx.View(discs, tilt=geodfx.Tilt(*map(math.radians, tilt)), **options)
    return geodfx.relight(geodfx.load(stone_path), view)


def printed_json(capsys) -> dict:
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"geodfx {geodfx.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "polish a.gdfx",
        "process s",
        "process s -o s.zip",
        "process s -o s.gdfx --model rbf",
        "relight s.gdfx -o a.png",
        "relight s.gdfx -o a.png --light 1,2",
        "relight s.gdfx -o a.png --light 1,2,nan",
        "relight s.gdfx -o a.png --light 1,2,3,4,5,6",
        "relight s.gdfx -o a.jpg --light 0,0,1",
        "relight s.gdfx -o folder --light 0,0,1",
        "relight s.gdfx -o a.png --light 0,0,1 --frame-suffix .png",
        "relight s.gdfx -o a.png --light 0,0,1 --light-radius 4",
        "relight s.gdfx -o a --lights l.lp --light 0,0,1",
        "relight s.gdfx -o a --lights l.lp --tilts t.csv",
        "relight s.gdfx -o a --light 0,0,1 --tilt 1,2 --tilts t.csv",
        "relight s.gdfx -o a.npy --lights l.lp",
        "relight s.gdfx -o a.webp --lights l.lp --frame-suffix .png",
        "relight s.gdfx -o a.png --light 0,0,1 --tilt 3",
        "relight s.gdfx -o a.png --light 0,0,1 --preset sun",
        "relight s.gdfx -o a.mp4 --light 0,0,1",
        "relight s.gdfx -o a.png --light 0,0,1 --fps 30",
        "relight s.gdfx -o a --lights l.lp --fps 30",
        "relight s.gdfx -o a.mp4 --lights l.lp --fps 0",
        "relight s.gdfx -o a --lights l.lp --preset sun",
        "relight s.gdfx -o a.png --environment e.hdr --preset sun",
        "relight s.gdfx -o a.png --light 0,0,1 --tone aces",
        "relight s.gdfx -o a.png --light 0,0,1 --bloom 1.1",
        "relight s.gdfx -o a.png --light 0,0,1 --gamut rec2020",
        "relight s.gdfx -o a.npy --light 0,0,1 --tone plain",
        "relight s.gdfx -o a.exr --light 0,0,1 --bloom 0",
        "relight s.gdfx -o a --lights l.lp --frame-suffix .npy --gamut p3",
        "evaluate s.gdfx",
        "info",
    ],
)
def test_wrong_usage_exits_with_2(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(words.split())
    assert exit_.value.code == 2
    assert "usage: geodfx" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_process_writes_stone_preview_and_report(made):
    assert sorted(path.name for path in made.iterdir()) == ["card.gdfx", "card.html", "card.png"]
    preview = cv2.imread(str(made / "card.png"))
    assert preview.shape == (10, 36, 3)
    assert preview.max() > 150
    stone = geodfx.load(made / "card.gdfx")
    assert (stone.name, stone.model, stone.size) == ("matte <&> card", "ptm", (12, 10))


def test_process_can_do_without_a_report(session, tmp_path, capsys):
    out = tmp_path / "a.gdfx"
    assert main(["process", str(session), "-o", str(out), "--model", "ptm", "--no-report", "--json"]) == 0
    said = printed_json(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gdfx"]
    assert said["stone"] == str(out)
    assert said["file_bytes"] == out.stat().st_size
    assert (said["model"], said["photos"], said["warnings"]) == ("ptm", 12, [])
    assert said["residual"] < 0.02  # PTM holds cos(theta) displayed, but for the gamma


def test_the_command_and_the_api_make_the_same_bytes(session, made, tmp_path):
    geodfx.process(session, model="ptm").save(tmp_path / "a.gdfx")
    assert (tmp_path / "a.gdfx").read_bytes() == (made / "card.gdfx").read_bytes()


def test_a_lean_quick_stone_says_so(session, tmp_path, capsys):
    out = tmp_path / "a.gdfx"
    assert main(["process", str(session), "-o", str(out), "--fast", "--lean"]) == 0
    geodfx.process(session, fast=True, lean=True).save(tmp_path / "b.gdfx")
    assert out.read_bytes() == (tmp_path / "b.gdfx").read_bytes()
    assert "<td>lobes, fast, lean</td>" in (tmp_path / "a.html").read_text("utf-8")
    capsys.readouterr()
    assert main(["info", str(out), "--json"]) == 0
    said = printed_json(capsys)
    assert (said["provenance"]["effort"], said["provenance"]["asset"]) == ("fast", "lean")
    assert said["texel_bytes"] <= 12


def test_a_pipe_sees_no_progress_and_one_line_a_result(session, tmp_path, capsys):
    assert main(["process", str(session), "-o", str(tmp_path / "a.gdfx"), "--model", "ptm"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split(": ")[0].rpartition(".")[2] for line in said.out.splitlines()] == ["gdfx", "png", "html"]


def test_a_terminal_sees_each_stage(session, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["process", str(session), "-o", str(tmp_path / "a.gdfx"), "--model", "ptm"]) == 0
    assert "read: 100%" in terminal.getvalue()
    assert "fit: 100%" in terminal.getvalue()


def test_a_warning_is_one_line_and_stands_in_the_report(tmp_path, capsys):
    folder = write_session(tmp_path / "s", extra="")
    assert main(["process", str(folder), "-o", str(tmp_path / "a.gdfx"), "--model", "ptm"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("geodfx: warning: ")
    assert "light_radius_deg" in line
    assert "light_radius_deg" in (tmp_path / "a.html").read_text("utf-8")


def test_info_of_a_stone(made, session, capsys):
    assert main(["info", str(made / "card.gdfx"), "--json"]) == 0
    said = printed_json(capsys)
    keys = {"model", "domain", "size", "file_bytes", "texel_bytes", "lobes_per_texel", "lights"}
    assert keys <= set(said)
    assert (said["model"], said["domain"], said["size"]) == ("ptm", "light", [12, 10])
    assert said["file_bytes"] == (made / "card.gdfx").stat().st_size
    assert said["texel_bytes"] == 6 * 3 + 1  # six terms of three channels, and alpha
    assert said["lobes_per_texel"] == 0
    np.testing.assert_allclose(said["lights"], read_session(session).light_direction, atol=1e-5)  # in photo order


def test_info_of_a_session(session, capsys):
    assert main(["info", str(session), "--json"]) == 0
    said = printed_json(capsys)
    assert (said["kind"], said["domain"], said["size"], said["type"]) == ("session", "light", [12, 10], "uint16")
    assert said["photos"] == [f"photo {i:02}.png" for i in range(12)]
    assert said["light_radius_deg"] == pytest.approx(8)
    assert len(said["lights"]) == 12


def test_info_without_json_is_for_people(made, capsys):
    assert main(["info", str(made / "card.gdfx")]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["size"] == "12 x 10"
    assert lines["lights"].startswith("12: [")


def test_a_light_has_the_captures_radius_and_intensity_1_unless_given(lit, stone_path):
    direction = (0.3, 0.2, 0.9)
    np.testing.assert_array_equal(lit("--light", "0.3,0.2,0.9"), frame_of(stone_path, (direction, RADIUS, 1.0)))
    expected = frame_of(stone_path, (direction, math.radians(4), 1.0))
    np.testing.assert_array_equal(lit("--light", "0.3,0.2,0.9,4"), expected)
    expected = frame_of(stone_path, (direction, math.radians(4), 2.5))
    np.testing.assert_array_equal(lit("--light", "0.3,0.2,0.9,4,2.5"), expected)


def test_several_lights_tilt_exposure_and_size(lit, stone_path):
    lights = [((-0.3, 0.2, 0.9), RADIUS, 1.0), ((-0.5, -0.5, 0.7), math.radians(3), 0.5)]
    words = ["--light", "-0.3,0.2,0.9", "--light=-0.5,-0.5,0.7,3,0.5", "--tilt", "-4,-2.5", "--exposure", "-1"]
    expected = frame_of(stone_path, *lights, tilt=(-4, -2.5), exposure_ev=-1.0, size=15)
    got = lit(*words, "--size", "15")
    assert got.shape == (10, 15, 4)
    np.testing.assert_array_equal(got, expected)


def test_one_frame_for_each_line_of_a_light_file(stone_path, tmp_path, capsys):
    listing = tmp_path / "dome.lp"
    listing.write_text("3\nset a/one two.jpg 0.1 0.2 0.9\nb.c.png -0.3 0.1 0.8\nlast 0 0 1\n")
    words = ["relight", str(stone_path), "-o", str(tmp_path / "out"), "--lights", str(listing)]
    assert main([*words, "--frame-suffix", ".npy", "--light-radius", "5", "--json"]) == 0
    names = ["one two.npy", "b.c.npy", "last.npy"]
    assert printed_json(capsys)["files"] == [str(tmp_path / "out" / name) for name in names]
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(names)
    expected = frame_of(stone_path, ((-0.3, 0.1, 0.8), math.radians(5), 1.0))
    np.testing.assert_allclose(np.load(tmp_path / "out" / "b.c.npy"), expected, rtol=1e-4, atol=1e-5)


def test_frames_join_what_a_folder_holds(stone_path, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "note.txt").write_text("mine")
    (out / "a.png").write_text("old")
    (tmp_path / "t.csv").write_text("file,pitch_deg,roll_deg\na.png,1,0\nb.png,0,1\n")
    words = ["relight", str(stone_path), "-o", str(out), "--light", "0,0,1", "--tilts", str(tmp_path / "t.csv")]
    assert main(words) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png", "note.txt"]
    assert cv2.imread(str(out / "a.png")).shape == (20, 30, 3)


def write_tilts(path: Path, count: int) -> Path:
    rows = [f"turn_{i}.png,{3 * math.cos(i):.3f},{3 * math.sin(i):.3f}" for i in range(count)]
    path.write_text("\n".join(["file,pitch_deg,roll_deg", *rows]) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_tilts_become_a_film(stone_path, tmp_path, suffix):
    tilts = write_tilts(tmp_path / "tilts.csv", 5)
    words = ["relight", str(stone_path), "--light", "0.2,0.1,0.9", "--tilts", str(tilts), "-o"]
    assert main([*words, str(tmp_path / f"film{suffix}")]) == 0
    assert main([*words, str(tmp_path / "frames"), "--frame-suffix", suffix]) == 0
    with Image.open(tmp_path / f"film{suffix}") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (5, (30, 20), 0)
        for i in range(5):
            film.seek(i)
            with Image.open(tmp_path / "frames" / f"turn_{i}{suffix}") as still:
                off = np.abs(np.asarray(film.convert("RGBA"), int) - np.asarray(still.convert("RGBA"), int))
            # A WebP film loses a little more than its stills: it codes what changed.
            assert off.max() == 0 if suffix == ".png" else off.mean() < 8
            assert film.info["duration"] == 50


def test_tilts_become_an_mp4_of_a_chosen_rate(stone_path, tmp_path):
    tilts = write_tilts(tmp_path / "tilts.csv", 5)
    words = ["relight", str(stone_path), "--light", "0.2,0.1,0.9", "--tilts", str(tilts), "--fps", "30"]
    assert main([*words, "-o", str(tmp_path / "film.mp4")]) == 0
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert (frames, seconds) == (5, pytest.approx(5 / 30, abs=0.01))


def test_lights_alone_are_displayed_at_the_stones_own_gain(stone_path, lit, tmp_path):
    path = tmp_path / "frame.png"
    words = ["--light", "0.3,0.2,0.9"]
    assert main(["relight", str(stone_path), "-o", str(path), *words, "--exposure", "-2"]) == 0
    linear = lit(*words)
    full = linear[..., 3] == 1
    shown = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]]
    gain = geodfx.load(stone_path).display_gain / 4
    expected = encode_srgb((linear[full][:, :3] * gain).astype(np.float32)) * 255
    np.testing.assert_allclose(shown[full][:, :3], expected, atol=0.51)
    np.testing.assert_allclose(shown[..., 3], linear[..., 3] * 255, atol=0.51)


def test_an_environment_is_exposed_for_the_untilted_stone(stone_path, tmp_path):
    environment = str(write_environment(tmp_path / "sky.hdr", 0.02))
    tilts = tmp_path / "tilts.csv"
    tilts.write_text("file,pitch_deg,roll_deg\nlevel,0,0\nsteep,30,0\n")
    words = ["relight", str(stone_path), "--environment", environment, "--tilts", str(tilts), "-o"]
    assert main([*words, str(tmp_path / "shown")]) == 0
    assert main([*words, str(tmp_path / "linear"), "--frame-suffix", ".npy"]) == 0
    level, steep = (np.load(tmp_path / "linear" / f"{name}.npy") for name in ("level", "steep"))
    covered = level[..., 3] > 0
    half, most = np.quantile(level[covered][:, :3].max(axis=1), (0.5, 0.9))
    white = max(most, half / 0.4)  # nine tenths of the texels are below white, and half of them below two thirds
    assert white < 0.25  # the map is dim: the gain has something to do
    for name, frame in (("level", level), ("steep", steep)):
        shown = cv2.imread(str(tmp_path / "shown" / f"{name}.png"), cv2.IMREAD_UNCHANGED)[..., [2, 1, 0, 3]]
        full = frame[..., 3] == 1
        expected = encode_srgb((frame[full][:, :3] / white).astype(np.float32)) * 255
        np.testing.assert_allclose(shown[full][:, :3], expected, atol=0.51)


@pytest.mark.parametrize("suffix", [".npy", ".exr"])
def test_linear_files_hold_the_frame_itself(stone_path, tmp_path, suffix):
    path = tmp_path / f"frame{suffix}"
    assert main(["relight", str(stone_path), "-o", str(path), "--light", "0,0,1"]) == 0
    expected = frame_of(stone_path, ((0, 0, 1), RADIUS, 1.0))
    if suffix == ".npy":
        np.testing.assert_array_equal(np.load(path), expected)
    else:
        np.testing.assert_array_equal(geodfx.images.read_image(path), expected[..., :3])


def test_tone_bloom_and_gamut_reach_the_picture(stone_path, lit, tmp_path):
    path = tmp_path / "frame.png"
    light = ["--light", "0.3,0.2,0.9", "--exposure", "3"]
    told = ["--tone", "filmic", "--bloom", "0.3", "--gamut", "p3"]
    assert main(["relight", str(stone_path), "-o", str(path), *light, *told]) == 0
    frame = brightened(lit(*light), geodfx.load(stone_path).display_gain)
    expected = displayed_codes(frame, Picture("filmic", 0.3, gamut="p3"))
    assert (expected != displayed_codes(frame, Picture())).any()
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)
        assert picture.info["icc_profile"] == Picture(gamut="p3").profile


def test_a_preset_is_exposed_for_the_untilted_stone(stone_path, lit, tmp_path):
    place = tmp_path / "shop.toml"
    place.write_text(
        "exposure_ev = -1\n[[lamps]]\ndirections = [[0.3, 0.2, 0.9]]\nradius_deg = 20\nrgb = [1, 0.9, 0.7]\n"
    )
    told = ["--preset", str(place)]
    level = lit(*told)
    view = geodfx.View(geodfx.preset(place).lights)
    np.testing.assert_array_equal(level, geodfx.relight(geodfx.load(stone_path), view))
    path = tmp_path / "frame.png"
    assert main(["relight", str(stone_path), "-o", str(path), *told, "--tilt", "5,3"]) == 0
    expected = displayed_codes(brightened(lit(*told, "--tilt", "5,3"), 0.5 * white_gain(level)), Picture())
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)


def test_a_preset_that_is_not_known_is_told_with_those_that_are(stone_path, tmp_path, capsys):
    assert main(["relight", str(stone_path), "-o", str(tmp_path / "a.png"), "--preset", "moon"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "'moon' is not known; choose one of box, candle, counter, sun, window" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gpu
def test_the_gpu_shows_the_same(lit):
    words = ["--light", "0.3,0.2,0.9", "--tilt", "3,2"]
    np.testing.assert_allclose(lit(*words, "--backend", "gpu"), lit(*words), rtol=1e-3, atol=2e-3)


def test_evaluate_prints_the_score(made, tmp_path, capsys):
    heldout = write_session(tmp_path / "heldout", count=4, seed=8)
    words = ["evaluate", str(made / "card.gdfx"), str(heldout)]
    assert main([*words, "--json", "--pictures", str(tmp_path / "pictures")]) == 0
    said = printed_json(capsys)
    assert set(said) == {"psnr_db", "flux", "flash_f1", "photos"}
    assert [set(photo) for photo in said["photos"]] == [{"name", "psnr_db", "flux", "flash_f1"}] * 4
    assert [photo["name"] for photo in said["photos"]] == [f"photo {i:02}.png" for i in range(4)]
    assert said["psnr_db"] > 25
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(f"psnr_db {said['psnr_db']:.2f} ")
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in pictures] == [f"photo {i:02}.png" for i in range(4)]
    assert cv2.imread(str(pictures[0])).shape == (10, 36, 3)


def test_an_interrupt_leaves_nothing_and_no_traceback(session, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(process_command, "capture", interrupted)
    assert main(["process", str(session), "-o", str(tmp_path / "a.gdfx")]) == 130
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_it_runs_as_a_module(stone_path):
    done = subprocess.run(
        [sys.executable, "-m", "geodfx", "info", str(stone_path), "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["model"] == "lobes"
    assert done.stderr == ""


def test_a_reader_that_stops_reading_is_no_error(stone_path):
    with subprocess.Popen(
        [sys.executable, "-m", "geodfx", "info", str(stone_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.wait(timeout=120) == 141
        assert run.stderr is not None
        assert run.stderr.read() == b""


def test_info_tells_how_far_a_stones_directions_are_left_open(stone_path, capsys):
    assert main(["info", str(stone_path), "--json"]) == 0
    said = printed_json(capsys)
    assert said["facets"] == len(geodfx.load(stone_path).lobes.facets)
    assert said["doubt_deg"] == {"median": 0.0, "nine_tenths": 0.0}


LONG = "a" * 300  # longer than a file's name can be


@pytest.mark.parametrize(
    "words",
    [
        ["info", LONG],
        ["process", LONG, "-o", "stone.gdfx"],
        ["process", "SESSION", "-o", LONG + ".gdfx"],
        ["process", "SESSION", "-o", LONG + "/stone.gdfx"],
        ["plan", LONG],
        ["plan", LONG + ".lp", "--light-radius", "5"],
        ["plan", "SESSION", "-o", LONG + ".svg"],
        ["simulate", LONG + ".toml", "-o", "out"],
        ["relight", LONG + ".gdfx", "-o", "frame.png", "--light", "0,0,1"],
        ["relight", "STONE", "-o", LONG + ".png", "--light", "0,0,1"],
        ["relight", "STONE", "-o", LONG, "--lights", "SESSION/lights.lp", "--light-radius", "5"],
        ["relight", "STONE", "-o", "frame.png", "--environment", LONG + ".hdr"],
        ["evaluate", "MADE", "SESSION", "--pictures", LONG],
    ],
)
def test_a_name_that_is_too_long_is_told(words, session, stone_path, made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    places = {"SESSION": session, "STONE": stone_path, "MADE": made / "card.gdfx"}
    for name, place in places.items():
        words = [word.replace(name, str(place)) for word in words]
    assert main(words) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert told[-1].startswith("geodfx: error: ") and LONG in told[-1]
    assert list(tmp_path.iterdir()) == []
