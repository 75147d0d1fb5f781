"""Films: what players find in them, and what is left where they cannot be written."""

from __future__ import annotations

import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from geodfx.errors import OutputError, ViewError
from geodfx.render.film import FILM_SUFFIXES, write_film
from geodfx.render.picture import Picture, opaque_codes


def patches(height=48, width=64, count=3):
    """Return frames of a grey stone before nothing whose left half changes its colour from frame to frame."""
    frames = np.zeros((count, height, width, 4), np.float32)
    frames[:, 8:-8, :] = 1
    frames[:, 8:-8, :, :3] = 0.3
    for i in range(count):
        frames[i, 8:-8, : width // 2, :3] = np.roll((0.8, 0.1, 0.05), i)
    return frames


def played(path, width, height):
    """Return what ffmpeg tells of a film's stream, and its frames (N, H, W, 3)."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(words, capture_output=True, check=True)
    told = [line for line in done.stderr.decode().splitlines() if "Video: h264" in line]
    return told[0], np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def test_an_mp4_shows_the_frames_before_the_backdrop(tmp_path):
    frames = patches()
    write_film(tmp_path / "a.mp4", frames, fps=25)
    told, got = played(tmp_path / "a.mp4", 64, 48)
    assert "64x48" in told
    assert "25 fps" in told
    assert "yuv420p(tv, bt709/bt709/iec61966-2-1" in told
    expected = np.array([opaque_codes(frame, Picture()) for frame in frames])
    assert got.shape == expected.shape
    for y, x in ((24, 16), (24, 48), (2, 32)):  # either half of the stone, and the backdrop
        np.testing.assert_allclose(got[:, y, x].astype(int), expected[:, y, x], atol=5)


def test_an_mp4_of_odd_sides_repeats_its_last_row_and_column(tmp_path):
    write_film(tmp_path / "a.mp4", patches(47, 63))
    told, got = played(tmp_path / "a.mp4", 64, 48)
    assert "64x48" in told
    assert "20 fps" in told
    assert len(got) == 3
    np.testing.assert_allclose(got[0, 24, 63].astype(int), got[0, 24, 61], atol=3)


def test_an_mp4_tells_that_it_is_display_p3(tmp_path):
    write_film(tmp_path / "a.mp4", patches(), Picture(gamut="p3"))
    assert "bt709/smpte432/iec61966-2-1" in played(tmp_path / "a.mp4", 64, 48)[0]


def test_the_same_frames_give_the_same_mp4(tmp_path):
    for name in ("a", "b"):
        write_film(tmp_path / f"{name}.mp4", patches())
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_an_animation_lasts_as_its_rate_says(tmp_path, suffix):
    for fps, shown_ms in ((20.0, 50), (30.0, 33), (60.0, 17)):
        write_film(tmp_path / f"a{suffix}", patches(), fps=fps)
        with Image.open(tmp_path / f"a{suffix}") as film:
            film.seek(1)
            film.load()
            assert film.info["duration"] == shown_ms


def test_a_missing_ffmpeg_is_told_in_one_line(tmp_path, monkeypatch):
    def missing() -> str:
        raise RuntimeError("No ffmpeg exe could be found.\nInstall it")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(OutputError, match=r"a\.mp4: .*install the package imageio-ffmpeg") as error:
        write_film(tmp_path / "a.mp4", patches())
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", FILM_SUFFIXES)
def test_a_film_that_breaks_off_leaves_what_was_there(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")

    def broken():
        yield patches()[0]
        raise KeyError("the cable")

    with pytest.raises(KeyError):
        write_film(path, broken())
    with pytest.raises(ViewError, match="headroom"):
        write_film(path, patches(), Picture(headroom=3.0))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_suffix_that_is_no_film(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write a film as '\.gif'; name it \.webp, \.png, \.mp4"):
        write_film(tmp_path / "a.gif", patches())


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on file sizes stands in for a full disk on Linux")
def test_an_mp4_on_a_disk_that_fills_up(tmp_path):
    program = """
import resource, sys
from pathlib import Path
import numpy as np
from geodfx.errors import OutputError
from geodfx.render.film import write_film
rng = np.random.default_rng(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    write_film(Path(sys.argv[1]), (rng.random((200, 200, 4)).astype(np.float32) for _ in range(60)))
except OutputError as error:
    print(error)
"""
    path = tmp_path / "film.mp4"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert str(path) in done.stdout
    assert "free some space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
