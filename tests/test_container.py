"""The .gdfx container: every byte is covered, ordinary tools open it, and what is not sound is refused in words.

`resealed` builds files that are wrong in one way but carry right checksums, following docs/FORMAT.md and not the code.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geodfx import container
from geodfx.container import read_container, write_container
from geodfx.errors import OutputError, StoneError

PARTS = {
    "bytes": np.arange(70, dtype=np.uint8).reshape(7, 10),
    "empty": np.zeros((0, 4), np.uint32),
    "numbers": np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 3, 2),
    "words": np.arange(9, dtype=np.uint16) * 7000,
}
ABOUT = {"name": "tëst \udc80", "list": [1, 2.5, None]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.gdfx"
    write_container(path, ABOUT, PARTS)
    return path


def read_everything(path: Path) -> dict[str, np.ndarray]:
    opened = read_container(path)
    return {name: opened.part(name).read() for name in PARTS}


def manifest_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("stone.json"))


def resealed(path: Path, change: Callable[[dict[str, Any]], object], version: str = "1.0") -> Path:
    """Rewrite a file with a changed manifest and the checksum that it should then have."""
    raw = path.read_bytes()
    start = int(re.search(rb"manifest (\d+)\+", raw[-128:])[1])
    manifest = manifest_of(path)
    holes = sorted((entry["offset"], entry["bytes"]) for entry in manifest["parts"].values())
    manifest["format"] = version
    change(manifest)
    return resealed_text(path, raw[:start], json.dumps(manifest).encode(), version, holes)


def resealed_text(path: Path, body: bytes, text: bytes, version: str, holes: list[tuple[int, int]]) -> Path:
    frame = body + text + f"gdfx {version} manifest {len(body)}+{len(text)} sha256 ".encode()
    digest, position = hashlib.sha256(), 0
    for offset, size in holes:
        digest.update(frame[position:offset])
        position = offset + size
    digest.update(frame[position:])
    path.write_bytes(frame + digest.hexdigest().encode())
    return path


def test_parts_and_text_come_back(file):
    opened = read_container(file)
    assert opened.about == ABOUT
    for name, array in PARTS.items():
        part = opened.part(name)
        assert (part.dtype, part.shape, part.nbytes) == (array.dtype, array.shape, array.nbytes)
        np.testing.assert_array_equal(part.read(), array)
        with pytest.raises(ValueError, match="read-only"):
            part.read()[...] = 0


def test_ordinary_tools_open_it(file):
    with zipfile.ZipFile(file) as archive, np.load(file, allow_pickle=False) as arrays:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        for name, array in PARTS.items():
            np.testing.assert_array_equal(arrays[name], array)


def test_the_manifest_alone_finds_the_aligned_data(file):
    raw = file.read_bytes()
    for name, entry in manifest_of(file)["parts"].items():
        data = raw[entry["offset"] : entry["offset"] + entry["bytes"]]
        assert entry["offset"] % 64 == 0
        assert zlib.crc32(data) == entry["crc32"]
        np.testing.assert_array_equal(np.frombuffer(data, entry["dtype"]).reshape(entry["shape"]), PARTS[name])


def test_members_too_large_for_plain_zip_stay_aligned(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "LARGE_PART_BYTES", 1)
    write_container(tmp_path / "large.gdfx", ABOUT, PARTS)
    test_the_manifest_alone_finds_the_aligned_data(tmp_path / "large.gdfx")
    test_ordinary_tools_open_it(tmp_path / "large.gdfx")


def test_same_content_gives_the_same_bytes(file, tmp_path):
    fortran = {name: np.asfortranarray(array) for name, array in PARTS.items()}
    write_container(tmp_path / "again.gdfx", dict(reversed(ABOUT.items())), fortran)
    assert (tmp_path / "again.gdfx").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF])
def test_every_altered_byte_is_found(file, mask):
    raw = file.read_bytes()
    with file.open("r+b", buffering=0) as handle:
        for position, byte in enumerate(raw):
            handle.seek(position)
            handle.write(bytes([byte ^ mask]))
            with pytest.raises(StoneError, match=r"small\.gdfx"):
                read_everything(file)
            handle.seek(position)
            handle.write(bytes([byte]))
    assert read_everything(file).keys() == PARTS.keys()


def test_every_truncation_is_found(file):
    with file.open("r+b") as handle:
        for length in reversed(range(file.stat().st_size)):
            handle.truncate(length)
            with pytest.raises(StoneError, match=r"small\.gdfx"):
                read_everything(file)


@pytest.mark.parametrize("tail", [b"\0", b"gdfx", b"\n" * 200])
def test_appended_bytes_are_found(file, tail):
    file.write_bytes(file.read_bytes() + tail)
    with pytest.raises(StoneError, match="cut short"):
        read_container(file)


def test_a_member_added_by_another_tool_is_found(file):
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("words.npy", b"another")
    with pytest.raises(StoneError, match="checksum"):
        read_container(file)


def test_a_newer_major_version_asks_for_an_update(file):
    newer = container.FORMAT[0] + 1
    with pytest.raises(StoneError, match=rf"format is {newer}\.0.*update geodfx"):
        read_container(resealed(file, dict.copy, f"{newer}.0"))


def test_a_newer_minor_version_is_read_without_what_is_new(file):
    def change(manifest):
        manifest["novelty"] = {"x": [1]}
        manifest["parts"]["empty"] |= {"dtype": "<f2", "unit": "m"}

    opened = read_container(resealed(file, change, "1.7"))
    assert opened.version == (1, 7)
    np.testing.assert_array_equal(opened.part("words").read(), PARTS["words"])
    with pytest.raises(StoneError, match="unknown type"):
        opened.part("empty")


def test_the_two_places_of_the_version_must_agree(file):
    with pytest.raises(StoneError, match="checksum"):
        read_container(resealed(file, lambda manifest: manifest.update(format="1.3")))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [1 << 31, 1 << 31]}, "cannot have"),
        ({"shape": [1 << 40]}, "impossible shape"),
        ({"shape": [1] * 70}, "impossible shape"),
        ({"shape": [-9]}, "impossible shape"),
        ({"shape": [9.0]}, "impossible shape"),
        ({"shape": 9}, "impossible shape"),
        ({"shape": [3]}, "cannot have"),
        ({"dtype": "|O"}, "unknown type"),
        ({"dtype": ["<u2"]}, "unknown type"),
        ({"bytes": 1 << 60}, "claims more"),
        ({"bytes": 10**400}, "claims more"),
        ({"bytes": True}, "claims more"),
        ({"offset": -64}, "claims more"),
        ({"offset": 0}, "not match"),
        ({"offset": 1}, "not aligned"),
        ({"crc32": None}, "no checksum"),
        ({"crc32": 1 << 33}, "no checksum"),
    ],
)
def test_a_part_that_cannot_be_is_refused(file, change, told):
    def apply(manifest):
        manifest["parts"]["words"] |= change

    with pytest.raises(StoneError, match=told):
        read_container(resealed(file, apply)).part("words")


def test_overlapping_parts_are_refused(file):
    def overlap(manifest):
        manifest["parts"]["other"] = dict(manifest["parts"]["bytes"])

    with pytest.raises(StoneError, match="overlaps"):
        read_container(resealed(file, overlap))


def test_a_missing_part_is_named(file):
    with pytest.raises(StoneError, match="no part 'colour'"):
        read_container(file).part("colour")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"parts": {}, "stone": 1}',
        b'{"parts": {"a": 1}, "stone": {}}',
        b'{"parts": {}, "parts": {}, "stone": {}}',
        b'{"parts": {}, "stone": {"gain": NaN}}',
        b'{"parts": {}, "stone": {"gain": ' + b"9" * 5000 + b"}}",
        b"[" * 200_000,
        b"\xff\xfe",
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(StoneError, match=r"its (manifest|part)"):
        read_container(resealed_text(tmp_path / "odd.gdfx", b"PK", text, "1.0", []))


def test_an_absurd_manifest_is_refused_unread(tmp_path):
    path = tmp_path / "absurd.gdfx"
    path.write_bytes(b"gdfx 1.0 manifest 0+99999999 sha256 " + b"0" * 64)
    with pytest.raises(StoneError, match="claims 99999999 bytes"):
        read_container(path)


def test_what_is_no_file_is_told_apart(tmp_path):
    (tmp_path / "empty.gdfx").touch()
    (tmp_path / "photo.gdfx").write_bytes(b"\xff\xd8\xff" + bytes(500))
    for name, told in [("empty", "empty"), ("photo", r"no \.gdfx file"), ("absent", "no such file")]:
        with pytest.raises(StoneError, match=told):
            read_container(tmp_path / f"{name}.gdfx")
    with pytest.raises(StoneError, match="not a file"):
        read_container(tmp_path)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(file):
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of a file")
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OutputError, match=r"small\.gdfx"):
            write_container(file, ABOUT, {"words": np.zeros(50_000, np.uint16)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_type_that_the_format_lacks_is_the_callers_fault(tmp_path):
    with pytest.raises(TypeError, match="float64"):
        write_container(tmp_path / "x.gdfx", ABOUT, {"a": np.zeros(3)})
    assert list(tmp_path.iterdir()) == []
