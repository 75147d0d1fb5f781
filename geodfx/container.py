"""The `.gdfx` file: named arrays and a manifest in one ZIP of stored members, checked and mapped into memory.

docs/FORMAT.md tells the layout. This module knows arrays and text only; `stone_file` makes a stone of them.

The last bytes of the file, its ZIP comment, say where the manifest stands and give a SHA-256 over everything but
the arrays' data; the manifest gives a CRC-32 of each array's data. So every byte is checked: the first kind when the
file is opened, the second when an array is first read. The ZIP directory serves other tools and is not trusted here.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import mmap
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from geodfx.arrays import Deferred
from geodfx.errors import StoneError
from geodfx.images import atomic_write
from geodfx.paths import is_file, is_folder

__all__ = ["FORMAT", "Container", "Part", "read_container", "write_container"]

FORMAT = (5, 0)  # a major number is raised when an older reader would go wrong, a minor one when it need not care

MANIFEST = "stone.json"
MAX_MANIFEST_BYTES = 1 << 24  # a manifest has some kilobytes; what claims more is not read
MAX_AXES, MAX_EXTENT = 8, 1 << 32  # of a part, and of one axis
DTYPES = {"|u1": np.uint8, "<u2": np.uint16, "<u4": np.uint32, "<f4": np.float32}

ALIGNMENT = 64  # bytes: a cache line, and what .npy pads its header to
ALIGNMENT_FIELD = 0xD935  # id of the extra field that Android's zipalign pads with: alignment, then zeros
LARGE_PART_BYTES = 1 << 30  # from here on a member gets ZIP64 sizes, which zipfile demands a little below 2 GiB
LOCAL_HEADER_BYTES, ZIP64_FIELD_BYTES = 30, 20  # APPNOTE 4.3.7, 4.5.3
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a ZIP: the same stone gives the same bytes on any day

TRAILER = re.compile(rb"gdfx ([0-9]{1,4})\.([0-9]{1,4}) manifest ([0-9]{1,15})\+([0-9]{1,8}) sha256 ([0-9a-f]{64})\Z")
TRAILER_BYTES = 128  # at most
DIGEST_BYTES = 64


@dataclass(frozen=True)
class Part(Deferred):
    """One array of a file, mapped and not yet checked."""

    path: Path
    name: str
    crc32: int
    mapped: npt.NDArray[Any]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.mapped.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.mapped.shape

    def read(self) -> npt.NDArray[Any]:
        """Return the array, read-only, in the file's own memory. Raises StoneError if it was altered."""
        if zlib.crc32(_bytes_of(self.mapped)) != self.crc32:
            raise _damaged(self.path, f"its part {self.name!r} does not match its checksum")
        return self.mapped


@dataclass(frozen=True)
class Container:
    """An open file: its manifest checked, its parts not read."""

    path: Path
    version: tuple[int, int]
    about: dict[str, Any]  # the manifest's "stone"
    _entries: dict[str, dict[str, Any]]
    _data: mmap.mmap

    def has_part(self, name: str) -> bool:
        """Tell whether there is a part of a name."""
        return name in self._entries

    def part(self, name: str) -> Part:
        """Return a part by its name, unread. Raises StoneError if it is missing or of an unknown type."""
        entry = self._entries.get(name)
        if entry is None:
            raise _damaged(self.path, f"it has no part {name!r}")
        shape, dtype = entry.get("shape"), DTYPES.get(str(entry.get("dtype")))
        if dtype is None:
            raise _damaged(self.path, f"part {name!r} is of the unknown type {entry.get('dtype')!r}")
        if not (isinstance(shape, list) and len(shape) <= MAX_AXES and all(_is_whole(n, MAX_EXTENT) for n in shape)):
            raise _damaged(self.path, f"part {name!r} has the impossible shape {shape!s:.60}")
        if math.prod(shape) * np.dtype(dtype).itemsize != entry["bytes"]:
            raise _damaged(self.path, f"part {name!r} of shape {shape!s:.60} cannot have {entry['bytes']} bytes")
        mapped = np.frombuffer(self._data, dtype, math.prod(shape), entry["offset"]).reshape(shape)
        return Part(self.path, name, entry["crc32"], mapped)


def write_container(path: Path, about: Mapping[str, object], parts: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a file, whole or not at all; the same content gives the same bytes. Raises OutputError.

    about: what JSON can say, no NaN. parts: arrays of the types in DTYPES, by name, in the order of the file.
    """
    with atomic_write(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            entries = {name: _write_part(archive, file, name, array) for name, array in parts.items()}
            manifest = {"format": f"{FORMAT[0]}.{FORMAT[1]}", "stone": about, "parts": entries}
            text = json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False).encode()
            start, _ = _write_member(archive, file, MANIFEST, text)
            place = f"gdfx {manifest['format']} manifest {start}+{len(text)} sha256 "
            archive.comment = place.encode() + b"0" * DIGEST_BYTES
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            digest = _frame_digest(data, entries)
        file.seek(-DIGEST_BYTES, io.SEEK_END)
        file.write(digest.encode())


def read_container(path: Path) -> Container:
    """Open a file and check everything but its parts' data. Raises StoneError."""
    data = _map(path)
    trailer = TRAILER.search(data, max(0, len(data) - TRAILER_BYTES))
    if trailer is None:
        raise _damaged(path, "it is cut short or no .gdfx file")
    major, minor, start, size = (int(number) for number in trailer.groups()[:4])
    if major > FORMAT[0]:
        raise StoneError(
            f"{path}: its format is {major}.{minor} and this geodfx reads up to {FORMAT[0]}; update geodfx"
        )
    if size > MAX_MANIFEST_BYTES or start + size > len(data):
        raise _damaged(path, f"its manifest claims {size} bytes at {start}")
    manifest = _parse_manifest(path, data[start : start + size])
    entries = _checked_entries(path, manifest["parts"], start)
    if _frame_digest(data, entries).encode() != trailer[5] or manifest.get("format") != f"{major}.{minor}":
        raise _damaged(path, "it does not match its checksum")
    return Container(path, (major, minor), manifest["stone"], entries, data)


def _write_part(archive: zipfile.ZipFile, file: BinaryIO, name: str, array: npt.NDArray[Any]) -> dict[str, Any]:
    """Write an array as a .npy member and return its entry in the manifest."""
    descr = array.dtype.newbyteorder("<").str
    if descr not in DTYPES:
        raise TypeError(f"part {name!r} is of type {array.dtype}, not one of {sorted(DTYPES)}")
    values = np.ascontiguousarray(array, descr)
    header = io.BytesIO()
    shape = {"descr": descr, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(header, shape)
    raw = _bytes_of(values)
    start, crc32 = _write_member(archive, file, f"{name}.npy", raw, header.getvalue())
    return {"dtype": descr, "shape": list(array.shape), "offset": start, "bytes": len(raw), "crc32": crc32}


def _write_member(
    archive: zipfile.ZipFile, file: BinaryIO, name: str, raw: bytes | memoryview, header: bytes = b""
) -> tuple[int, int]:
    """Write a stored member, its first byte aligned; return where `raw` begins in the file, and its CRC-32."""
    member = zipfile.ZipInfo(name, EPOCH)
    member.create_system = 3  # Unix, on every system
    member.external_attr = 0o644 << 16
    large = len(raw) >= LARGE_PART_BYTES
    fixed = LOCAL_HEADER_BYTES + len(name.encode()) + (ZIP64_FIELD_BYTES if large else 0) + 6
    padding = -(file.tell() + fixed) % ALIGNMENT
    field = (ALIGNMENT_FIELD, 2 + padding, ALIGNMENT)
    member.extra = b"".join(number.to_bytes(2, "little") for number in field) + bytes(padding)
    with archive.open(member, "w", force_zip64=large) as stream:
        start = file.tell() + len(header)
        stream.write(header)
        stream.write(raw)
    return start, zlib.crc32(raw)


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """Return the memory of a contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8).data


def _frame_digest(data: mmap.mmap, entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the SHA-256 in hex of all that precedes the digest itself, the parts' data left out."""
    digest, position = hashlib.sha256(), 0
    with memoryview(data) as view:
        for start, size in sorted((entry["offset"], entry["bytes"]) for entry in entries.values()):
            digest.update(view[position:start])
            position = start + size
        digest.update(view[position : len(view) - DIGEST_BYTES])
    return digest.hexdigest()


def _map(path: Path) -> mmap.mmap:
    """Map a file into memory."""
    if is_folder(path):
        raise StoneError(f"{path}: not a file; give the path of a .gdfx file")
    if not is_file(path):
        raise StoneError(f"{path}: no such file; `geodfx process SESSION -o {path.name}` makes one")
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:  # mmap's word for an empty file
        raise _damaged(path, "it is empty") from error
    except OSError as error:
        raise StoneError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _parse_manifest(path: Path, text: bytes) -> dict[str, Any]:
    """Parse the manifest; refuse what JSON leaves open (a key twice, NaN)."""
    try:
        manifest = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its manifest cannot be parsed") from error
    if not isinstance(manifest, dict) or not all(isinstance(manifest.get(key), dict) for key in ("parts", "stone")):
        raise _damaged(path, "its manifest lacks 'parts' or 'stone'")
    return manifest


def _checked_entries(path: Path, entries: dict[str, Any], end: int) -> dict[str, dict[str, Any]]:
    """Return the parts' entries in the order of the file, if they lie apart and before `end`."""
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not all(_is_whole(entry.get(key), end + 1) for key in ("offset", "bytes")):
            raise _damaged(path, f"its part {name:.60} claims more than the file holds")
        if not _is_whole(entry.get("crc32"), 1 << 32) or entry["offset"] % ALIGNMENT:
            raise _damaged(path, f"its part {name:.60} has no checksum or is not aligned")
    ordered = sorted(entries.items(), key=lambda item: (item[1]["offset"], item[1]["bytes"]))
    position = 0
    for name, entry in ordered:
        if entry["offset"] < position or entry["offset"] + entry["bytes"] > end:
            raise _damaged(path, f"its part {name:.60} overlaps another or the file's end")
        position = entry["offset"] + entry["bytes"]
    return dict(ordered)


def _is_whole(value: object, limit: int) -> bool:
    return type(value) is int and 0 <= value < limit


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands twice")
    return content


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _damaged(path: Path, what: str) -> StoneError:
    return StoneError(f"{path}: not a sound .gdfx file: {what}; copy it anew or make it again with `geodfx process`")
