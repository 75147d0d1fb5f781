"""Films that loop: animated PNG and WebP, one frame in memory at a time.

Each frame is encoded by Pillow as a picture of its own, and its data wrapped anew. Pillow's own film writers hold all
frames until the end.

APNG: Portable Network Graphics 3rd edition (W3C 2025), sections 5.3 and 11.3.6. WebP: RFC 9649, section 2.7.
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from geodfx.arrays import F32, U8
from geodfx.errors import OutputError
from geodfx.headers import PNG_SIGNATURE
from geodfx.images import SOFTWARE, WEBP_MAX, WEBP_QUALITY, atomic_write, display_codes

__all__ = ["FILM_SUFFIXES", "FRAME_MS", "write_film"]

FILM_SUFFIXES = (".webp", ".png")
FRAME_MS = 50  # how long a frame is shown: 20 a second, so that a turn of 40 tilts takes two
ALPHA_FLAG, ANIMATION_FLAG = 0x10, 0x02  # of VP8X
NO_BLENDING = 0x02  # of ANMF: a frame replaces the last one
REPLACE = 0  # of fcTL, both how a frame is put away and how it is blended


def write_film(path: Path, frames: Iterable[F32], count: int) -> None:
    """Write `count` frames (H, W, 4) of one size, display-exposed linear, premultiplied, as an endless film.

    The frames are asked for one at a time. Atomic; raises OutputError for another suffix than .png and .webp.
    """
    suffix = path.suffix.lower()
    if suffix not in FILM_SUFFIXES:
        raise OutputError(f"{path}: cannot write a film as '{path.suffix}'; name it .webp or .png")
    codes = (display_codes(frame) for frame in frames)
    first = next(codes)
    height, width, _ = first.shape
    if suffix == ".webp" and max(width, height) > WEBP_MAX:
        raise OutputError(f"{path}: a WebP film is at most {WEBP_MAX} pixels wide and high; name it .png")
    with atomic_write(path) as file:
        (_write_png if suffix == ".png" else _write_webp)(file, itertools.chain([first], codes), count, (width, height))


def _write_png(file: BinaryIO, frames: Iterable[U8], count: int, size: tuple[int, int]) -> None:
    width, height = size
    file.write(PNG_SIGNATURE)
    _put_png(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    _put_png(file, b"sRGB", b"\0")
    _put_png(file, b"tEXt", b"Software\0" + SOFTWARE.encode())
    _put_png(file, b"acTL", struct.pack(">II", count, 0))
    number = 0
    for index, codes in enumerate(frames):
        control = (number, width, height, 0, 0, FRAME_MS, 1000, REPLACE, REPLACE)
        _put_png(file, b"fcTL", struct.pack(">IIIIIHHBB", *control))
        number += 1
        for name, data in _png_chunks(_encoded(codes, "PNG")):
            if name == b"IDAT" and index == 0:  # what a program that knows no films shows
                _put_png(file, b"IDAT", data)
            elif name == b"IDAT":
                _put_png(file, b"fdAT", struct.pack(">I", number) + data)
                number += 1
    _put_png(file, b"IEND", b"")


def _write_webp(file: BinaryIO, frames: Iterable[U8], count: int, size: tuple[int, int]) -> None:
    del count  # the format does not tell it
    width, height = size
    file.write(b"RIFF\0\0\0\0WEBP")
    _put_riff(file, b"VP8X", bytes([ALPHA_FLAG | ANIMATION_FLAG, 0, 0, 0]) + _three(width - 1) + _three(height - 1))
    _put_riff(file, b"ANIM", struct.pack("<IH", 0, 0))  # no background, no end
    for codes in frames:
        picture = io.BytesIO()
        for name, data in _riff_chunks(_encoded(codes, "WEBP", quality=WEBP_QUALITY, method=4)):
            if name in (b"ALPH", b"VP8 ", b"VP8L"):
                _put_riff(picture, name, data)
        place = _three(0) + _three(0) + _three(width - 1) + _three(height - 1)
        _put_riff(file, b"ANMF", place + _three(FRAME_MS) + bytes([NO_BLENDING]) + picture.getvalue())
    length = file.tell() - 8
    file.seek(4)
    file.write(struct.pack("<I", length))
    file.seek(0, io.SEEK_END)


def _encoded(codes: U8, kind: str, **options: int) -> bytes:
    """Return the bytes of one picture of RGBA codes (H, W, 4)."""
    out = io.BytesIO()
    Image.fromarray(codes).save(out, kind, **options)
    return out.getvalue()


def _put_png(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


def _png_chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_SIGNATURE)
    while at < len(picture):
        length, name = struct.unpack_from(">I4s", picture, at)
        yield name, picture[at + 8 : at + 8 + length]
        at += length + 12


def _put_riff(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))


def _riff_chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12  # after "RIFF", a length and "WEBP"
    while at < len(picture):
        name, length = struct.unpack_from("<4sI", picture, at)
        yield name, picture[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
