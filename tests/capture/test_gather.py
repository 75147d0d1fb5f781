"""What photos hold, gathered through a scratch file: the same as in memory, told where it cannot be, and gone after."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import geodfx
from geodfx.__main__ import main
from geodfx.capture import gather as gather_module
from geodfx.capture import photos as photos_module
from geodfx.capture.gather import ScratchCodes, gather
from geodfx.capture.photos import open_photos, read_stack
from geodfx.capture.session import read_session
from geodfx.errors import OutputError, PhotoError
from tests.sessions import HEIGHT, WIDTH, write_session

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Let every session go through a file in a folder of its own, in blocks of which a small one has several."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(gather_module, "IN_MEMORY", 0)
    monkeypatch.setattr(gather_module, "BLOCK", 16)
    return folder


def is_gone(folder: Path) -> bool:
    """Tell whether nothing is in a folder, and no file that was there is still open."""
    opened = Path("/proc/self/fd")
    links = [str(link.readlink()) for link in opened.iterdir() if link.is_symlink()] if opened.is_dir() else []
    return not any(folder.iterdir()) and not any(str(folder) in link for link in links)


def pictures(dtype, texels=100, photos=7):
    """Return flat pictures (L, texels + 30, 3), and texels of them."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 250, (photos, texels + 30, 3)).astype(dtype)
    return values, np.sort(rng.choice(texels + 30, texels, replace=False))


def gathered(values, texels):
    return gather(values.__getitem__, len(values), texels, values.dtype, 1)


@pytest.mark.parametrize("positioned", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_file_is_read_as_memory_is(scratch, monkeypatch, dtype, positioned):
    monkeypatch.setattr(gather_module, "POSITIONED", positioned and gather_module.POSITIONED)
    values, texels = pictures(dtype)
    expected = values[:, texels].transpose(1, 0, 2)
    codes = gathered(values, texels)
    assert isinstance(codes, ScratchCodes)
    assert (codes.shape, codes.dtype) == (expected.shape, expected.dtype)
    for some in (slice(None), slice(3, 40), slice(90, 400), slice(5, 5), slice(9, 5)):
        np.testing.assert_array_equal(codes[some], expected[some])
    rng = np.random.default_rng(4)
    for near in (0, 1 << 14):  # each texel read alone; all together
        monkeypatch.setattr(gather_module, "NEAR", near)
        for some in (rng.integers(0, 100, 300), np.array([99, 0, 0, 50]), np.array([], np.int64)):
            np.testing.assert_array_equal(codes[some], expected[some])
    with pytest.raises(IndexError):
        codes[np.array([3, 100])]
    codes.close()
    assert is_gone(scratch)


def test_a_few_photos_stay_in_memory():
    values, texels = pictures(np.uint8)
    codes = gathered(values, texels)
    np.testing.assert_array_equal(codes, values[:, texels].transpose(1, 0, 2))
    assert isinstance(codes, np.ndarray)


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("model", ["lobes", "hsh"])
def test_a_stone_has_the_same_bytes_through_a_file(tmp_path, monkeypatch, request, model, threads):
    session = write_session(tmp_path / "card")
    geodfx.process(session, model=model).save(tmp_path / "memory.gdfx")
    folder = request.getfixturevalue("scratch")
    monkeypatch.setenv("GEODFX_THREADS", threads)
    made = []
    claim = ScratchCodes._claim
    monkeypatch.setattr(ScratchCodes, "_claim", lambda self, size: (made.append(size), claim(self, size)))
    geodfx.process(session, model=model).save(tmp_path / "scratch.gdfx")
    assert made == [(WIDTH - 2) * (HEIGHT - 2) * 12 * 3 * 2]
    assert (tmp_path / "memory.gdfx").read_bytes() == (tmp_path / "scratch.gdfx").read_bytes()
    assert is_gone(folder)


def test_too_small_a_disk_is_told_before_a_photo_is_read(tmp_path, scratch, monkeypatch, capsys):
    session = write_session(tmp_path / "card")
    monkeypatch.setattr(gather_module, "IN_MEMORY", 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, (1 << 30) - 1001, 1001))
    monkeypatch.setattr(photos_module, "read_image", None)
    assert main(["process", str(session), "-o", str(tmp_path / "s.gdfx")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"geodfx: error: {scratch}: ")
    assert "need 5760 bytes, and the disk has 1001 bytes left" in line
    assert "free some space there, or let TMPDIR name a folder of a larger disk" in line
    assert not list(tmp_path.glob("s.*"))
    assert is_gone(scratch)


def test_a_disk_that_others_fill_is_told_in_one_line(scratch, monkeypatch):
    values, texels = pictures(np.uint8)

    def full(*_):
        raise OSError(28, "No space left on device")

    if hasattr(os, "posix_fallocate"):
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", full)
            with pytest.raises(OutputError, match="No space left on device; free some space"):
                gathered(values, texels)
        assert is_gone(scratch)
    monkeypatch.setattr(gather_module, "POSITIONED", True)
    monkeypatch.setattr(os, "pwritev", full, raising=False)
    with pytest.raises(OutputError, match="No space left on device; free some space"):
        gathered(values, texels)
    assert is_gone(scratch)


@pytest.mark.parametrize("error", [PhotoError, KeyboardInterrupt])
def test_the_file_is_gone_after_an_error_in_a_photo(tmp_path, scratch, monkeypatch, error):
    photos = open_photos(read_session(write_session(tmp_path / "card")))
    read_image = photos_module.read_image

    def spoilt(path):
        if path == photos.paths[5]:
            assert not is_gone(scratch)
            raise error("photo 05")
        return read_image(path)

    monkeypatch.setattr(photos_module, "read_image", spoilt)
    with pytest.raises(error, match="photo 05"):
        read_stack(photos, np.full((HEIGHT, WIDTH), 255, np.uint8))
    assert is_gone(scratch)


def test_the_file_is_gone_after_an_error_in_the_fit(tmp_path, scratch):
    session = write_session(tmp_path / "card")

    def interrupt(stage, _done, _total):
        if stage == "base":
            assert not is_gone(scratch)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        geodfx.process(session, progress=interrupt)
    assert is_gone(scratch)


def test_large_photos_are_read_one_by_one(monkeypatch):
    values, texels = pictures(np.uint8)
    monkeypatch.setattr(gather_module, "AT_ONCE", 10)
    monkeypatch.setenv("GEODFX_THREADS", "8")
    inside, most = 0, 0

    def read(i):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        picture = values[i].copy()
        inside -= 1
        return picture

    gather(read, len(values), texels, np.uint8, 11)
    assert most == 1
