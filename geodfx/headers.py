"""What a picture file says of itself, read from its first bytes, and whether all of it is there.

The decoders do not tell: OpenCV shows the missing half of a truncated photo as grey, and its libraries print on the
terminal what should be one clear line. So nothing reaches them before it was looked over here.
"""

from __future__ import annotations

import ast
import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

__all__ = ["BadPictureError", "Header", "check_exr", "png_essentials", "read_header"]

MAX_PIXELS = 1 << 28  # 268 megapixels: beyond any camera; a larger number is a damaged header or a bomb

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
MAX_SEGMENTS = 10_000  # before a JPEG's frame; cameras write some ten
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15; the others are tables
TIFF_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # the whole-number types of TIFF 6.0 and BigTIFF
TIFF_BILEVEL, TIFF_PALETTE, TIFF_YCBCR = 0, 3, 6
EXR_CHUNK_ROWS = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}  # by compression
MAX_EXR_HEADER = 1 << 18  # room for a thumbnail
MAX_HDR_HEADER = 1 << 12
MAX_NPY_HEADER = 10_000  # as NumPy itself
NPY_TYPES = {  # what is read, and bytes a number
    "u1": (np.uint8, 1),
    "u2": (np.uint16, 2),
    "f2": (np.float32, 2),
    "f4": (np.float32, 4),
    "f8": (np.float32, 8),
}
EXR_TILED, EXR_DEEP, EXR_PARTS = 0x200, 0x800, 0x1000


class BadPictureError(ValueError):
    """The reason, as a sentence's end, why a file is no usable picture; the caller adds the file and the remedy."""


@dataclass(frozen=True)
class Header:
    """What a file will decode to."""

    kind: str  # "PNG", "JPEG", "TIFF", "EXR", "HDR" or "NPY"
    width: int
    height: int
    dtype: np.dtype[Any]  # uint8, uint16 or float32


def read_header(file: BinaryIO) -> Header:
    """Return the header of an open picture file, told by its content and not by its name. Raises BadPictureError."""
    head = _take(file, 0, 16)
    for kind, signature, parse in _KINDS:
        if head.startswith(signature):
            with _damage_told(kind):
                width, height, dtype = parse(file)
            if not (width > 0 and height > 0 and width * height <= MAX_PIXELS):
                raise BadPictureError(f"claims to be {width} x {height} pixels")
            return Header(kind, width, height, np.dtype(dtype))
    raise BadPictureError("is empty" if not head else "is no PNG, JPEG, TIFF, EXR, .hdr or .npy picture")


def png_essentials(data: bytes) -> bytes:
    """Return a PNG file without what does not change its colours, after checking each part. Raises BadPictureError.

    What is left out (transparency, profiles, text, a palette that is only suggested) would make a decoder add a
    channel, or complain. ISO/IEC 15948, sections 5.3 and 5.6.
    """
    parts, at, palette = [PNG_SIGNATURE], len(PNG_SIGNATURE), data[25:26] == b"\x03"
    seen = set()
    while b"IEND" not in seen:
        length, name = struct.unpack(">I4s", data[at : at + 8].ljust(8, b"\xff"))
        end = at + 12 + length
        if end > len(data):
            raise BadPictureError("is truncated")
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise BadPictureError(f"is damaged (checksum of part {name.decode('latin-1')!r})")
        if name in (b"IHDR", b"IDAT", b"IEND") or (name == b"PLTE" and palette):
            parts.append(data[at:end])
        elif not name[0] & 0x20 and name != b"PLTE":
            raise BadPictureError(f"holds a part {name.decode('latin-1')!r} that no PNG has")
        seen.add(name)
        at = end
    if b"IDAT" not in seen or (palette and b"PLTE" not in seen):
        raise BadPictureError("is damaged (its pixels or its palette are missing)")
    return b"".join(parts)


def check_exr(file: BinaryIO) -> None:
    """Raise BadPictureError if an EXR file of scan lines is truncated or was not written to its end.

    The table after the header holds the place of each chunk: a row number, a size, the data (0: never written).
    """
    with _damage_told("EXR"):
        end, attributes = _exr_attributes(file)
        rows = EXR_CHUNK_ROWS.get(attributes["compression"][0])
        if rows is None or _exr_flags(file) & EXR_TILED:
            return  # laid out otherwise: left to the library
        _, low, _, high = struct.unpack("<4i", attributes["dataWindow"])
        count = -(-(high - low + 1) // rows)
        table = struct.unpack(f"<{count}Q", _take(file, end, 8 * count))
        size = file.seek(0, io.SEEK_END)
        for place in table:
            length = int(struct.unpack("<4xi", _take(file, place, 8))[0])
            if place == 0 or length < 0 or place + 8 + length > size:
                raise BadPictureError("is truncated")


@contextmanager
def _damage_told(kind: str) -> Iterator[None]:
    """Turn what parsing nonsense raises into BadPictureError."""
    try:
        yield
    except BadPictureError:
        raise
    except (struct.error, IndexError, KeyError, ValueError, OverflowError, MemoryError) as error:
        raise BadPictureError(f"has a damaged {kind} header, or is truncated") from error


def _take(file: BinaryIO, offset: int, count: int) -> bytes:
    """Return up to `count` bytes from `offset` on."""
    file.seek(offset)
    return file.read(count)


def _parse_png(file: BinaryIO) -> tuple[int, int, type]:
    """ISO/IEC 15948, section 11.2.2."""
    data = _take(file, 8, 25)
    length, name, width, height, depth, colour, deflate, filters, interlace, crc = struct.unpack(">I4sIIBBBBBI", data)
    if (length, name) != (13, b"IHDR") or zlib.crc32(data[4:21]) != crc:
        raise BadPictureError("has a damaged PNG header")
    if depth not in PNG_DEPTHS[colour] or deflate or filters or interlace > 1:
        raise BadPictureError(f"is a PNG of {depth} bits and colour type {colour}, which does not exist")
    return width, height, np.uint16 if depth == 16 else np.uint8


def _parse_jpeg(file: BinaryIO) -> tuple[int, int, type]:
    """ITU T.81, B.2: the segments up to the frame header."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        marker = _take(file, at, 10)
        if marker[0] != 0xFF:
            break
        if marker[1] in JPEG_FRAMES:
            bits, height, width, channels = struct.unpack(">BHHB", marker[4:10])
            if bits != 8 or channels not in (1, 3):
                raise BadPictureError(f"is a JPEG of {channels} channels and {bits} bits, not of grey or RGB in 8 bits")
            return width, height, np.uint8
        at += 1 if marker[1] == 0xFF else 2 + int(struct.unpack(">H", marker[2:4])[0])  # 0xFF: a fill byte
    raise BadPictureError("has a damaged JPEG header")


def _parse_tiff(file: BinaryIO) -> tuple[int, int, type]:
    """TIFF 6.0, sections 2 to 8 and 15, and BigTIFF: the first directory, and that its data lies in the file."""
    tags = _tiff_tags(file)
    size = file.seek(0, io.SEEK_END)
    places, counts = (tags.get(273, ()) + tags.get(324, ()), tags.get(279, ()) + tags.get(325, ()))
    if not places or len(places) != len(counts) or max(map(sum, zip(places, counts, strict=True))) > size:
        raise BadPictureError("is truncated")
    bits, channels, colours = tags.get(258, (1,)), tags.get(277, (1,))[0], tags[262][0]
    depth, sample = bits[0], tags.get(339, (1,))[0]
    dtype = {(1, 1): np.uint8, (8, 1): np.uint8, (16, 1): np.uint16, (32, 3): np.float32}.get((depth, sample))
    plain = colours <= TIFF_PALETTE or colours == TIFF_YCBCR
    # OpenCV leaves 16-bit pictures whose white is 0 as they are, and mixes up those kept as one plane a channel.
    odd = dtype is not np.uint8 and (colours == TIFF_BILEVEL or (tags.get(284, (1,))[0] == 2 and channels > 1))
    if dtype is None or not plain or odd or len(set(bits)) > 1:
        raise BadPictureError(f"is a TIFF of {depth} bits in an unusual layout (colour space {colours})")
    return tags[256][0], tags[257][0], dtype


def _tiff_tags(file: BinaryIO) -> dict[int, tuple[int, ...]]:
    """Return the whole-number tags of the first directory."""
    head = _take(file, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    offset, entry, word = (8, "HHQ8s", "Q") if big else (4, "HHI4s", "I")
    start = struct.unpack_from(order + word, head, offset)[0]
    counter = "Q" if big else "H"
    count = struct.unpack(order + counter, _take(file, start, struct.calcsize(counter)))[0]
    step = struct.calcsize("=" + entry)
    tags: dict[int, tuple[int, ...]] = {}
    directory = _take(file, start + struct.calcsize(counter), step * min(count, 4096))
    for tag, kind, number, inline in struct.iter_unpack(order + entry, directory):
        if kind not in TIFF_TYPES or number > MAX_PIXELS:
            continue
        form = f"{order}{number}{TIFF_TYPES[kind]}"
        length = struct.calcsize(form)
        place = struct.unpack(order + word, inline)[0]
        tags[tag] = struct.unpack(form, inline[:length] if length <= len(inline) else _take(file, place, length))
    return tags


def _parse_exr(file: BinaryIO) -> tuple[int, int, type]:
    """OpenEXR's file layout: of a flat picture, the window that holds data."""
    if _exr_flags(file) & (EXR_DEEP | EXR_PARTS):
        raise BadPictureError("is an EXR of several parts, or a deep one, not of a single flat picture")
    _, attributes = _exr_attributes(file)
    left, low, right, high = struct.unpack("<4i", attributes["dataWindow"])
    return right - left + 1, high - low + 1, np.float32


def _exr_flags(file: BinaryIO) -> int:
    return int(struct.unpack("<I", _take(file, 4, 4))[0])


def _exr_attributes(file: BinaryIO) -> tuple[int, dict[str, bytes]]:
    """Return where the header ends, and its attributes by name."""
    head = _take(file, 8, MAX_EXR_HEADER)
    at = 0
    attributes: dict[str, bytes] = {}
    while head[at] != 0:
        name_end = head.index(b"\0", at)
        kind_end = head.index(b"\0", name_end + 1)
        length = int(struct.unpack_from("<i", head, kind_end + 1)[0])
        if length < 0:
            raise BadPictureError("has a damaged EXR header")
        data = kind_end + 5
        attributes[head[at:name_end].decode("latin-1")] = head[data : data + length]
        at = data + length
    return 8 + at + 1, attributes


def _parse_hdr(file: BinaryIO) -> tuple[int, int, type]:
    """Radiance's picture format: lines of text, an empty one, then `-Y height +X width`."""
    head = _take(file, 0, MAX_HDR_HEADER)
    line = head[head.index(b"\n\n") + 2 :].split(b"\n", 1)[0].split()
    if len(line) != 4 or line[0] != b"-Y" or line[2] != b"+X" or not (line[1] + line[3]).isdigit():
        raise BadPictureError("is a Radiance picture whose rows do not run from the top left")
    return int(line[3]), int(line[1]), np.float32


def _parse_npy(file: BinaryIO) -> tuple[int, int, type]:
    """NumPy's .npy, versions 1 and 2: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) numbers, all of them there."""
    start, form = (10, "<H") if _take(file, 6, 1) == b"\1" else (12, "<I")
    (length,) = struct.unpack(form, _take(file, 8, start - 8))
    if length > MAX_NPY_HEADER:
        raise BadPictureError("has a damaged NPY header")
    try:
        header = ast.literal_eval(_take(file, start, length).decode("latin-1").strip())
        descr, shape = header["descr"], tuple(int(n) for n in header["shape"])
    except (SyntaxError, TypeError, RecursionError) as error:
        raise BadPictureError("has a damaged NPY header") from error
    dtype, size = NPY_TYPES.get(descr[1:], (None, 0)) if isinstance(descr, str) else (None, 0)
    if dtype is None or len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,), (4,)) or min(shape) < 0:
        raise BadPictureError(f"holds an array {shape} of {str(descr)[:40]!r}, which is no picture (H, W, 3)")
    if start + length + math.prod(shape) * size > file.seek(0, io.SEEK_END):
        raise BadPictureError("is truncated")
    return shape[1], shape[0], dtype


_KINDS: tuple[tuple[str, bytes, Callable[[BinaryIO], tuple[int, int, type]]], ...] = (
    ("PNG", PNG_SIGNATURE, _parse_png),
    ("JPEG", b"\xff\xd8", _parse_jpeg),
    ("TIFF", b"II*\0", _parse_tiff),
    ("TIFF", b"MM\0*", _parse_tiff),
    ("TIFF", b"II+\0", _parse_tiff),
    ("TIFF", b"MM\0+", _parse_tiff),
    ("EXR", b"v/1\x01", _parse_exr),
    ("HDR", b"#?", _parse_hdr),
    ("NPY", b"\x93NUMPY", _parse_npy),
)
