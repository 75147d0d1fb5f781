"""The one door to picture files: what they hold comes out as RGB arrays, and pictures are written whole or not at all.

Read: PNG and TIFF of 8 and 16 bits, JPEG, EXR (half and float), Radiance .hdr and .npy, grey or colour. Row 0 is the
top. Pictures are taken as they are stored: no profile, gamma or orientation tag is applied, transparency is dropped.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
import OpenEXR
from PIL import Image, JpegImagePlugin, PngImagePlugin

from geodfx.arrays import F32, U8
from geodfx.colour import to_codes
from geodfx.errors import GeodfxError, OutputError, PhotoError, SessionError
from geodfx.headers import BadPictureError, Header, check_exr, png_essentials, read_header
from geodfx.paths import is_folder

__all__ = [
    "PHOTO_SUFFIXES",
    "atomic_path",
    "atomic_write",
    "check_writable",
    "is_own_picture",
    "probe_image",
    "read_image",
    "read_mask",
    "write_image",
]

Picture = npt.NDArray[Any]  # (H, W, 3) uint8, uint16 or float32, RGB

PHOTO_SUFFIXES = frozenset({".exr", ".jpeg", ".jpg", ".npy", ".png", ".tif", ".tiff"})  # in lower case
SOFTWARE = "GeodFx"  # written into the pictures' "Software" field
HALF_MAX = 65504.0  # the largest float16
WEBP_QUALITY = 92
WEBP_MAX = 16383  # pixels a side, a limit of the format


def read_image(path: Path, error: type[GeodfxError] = PhotoError) -> Picture:
    """Return a picture file as (H, W, 3) RGB: uint8, uint16, or float32 where the file holds floats.

    Grey is replicated. Raises `error`, naming the file and the remedy, if it is missing, truncated, damaged, of an odd
    format, or holds values that are not finite.
    """
    with _told_as(path, error), path.open("rb") as file:
        header = read_header(file)
        picture = _decode(path, file, header)
        if picture.shape != (header.height, header.width, 3) or picture.dtype != header.dtype:
            raise BadPictureError(f"cannot be decoded as the {header.kind} that it says it is")
        if header.dtype == np.float32 and not np.isfinite(picture).all():
            raise BadPictureError("holds values that are not finite")
        return picture


def probe_image(path: Path, error: type[GeodfxError] = PhotoError) -> tuple[tuple[int, int], np.dtype[Any]]:
    """Return ((width, height), dtype) of what `read_image` would give, from the file's header alone."""
    with _told_as(path, error), path.open("rb") as file:
        header = read_header(file)
        return (header.width, header.height), header.dtype


def read_mask(path: Path, error: type[GeodfxError] = SessionError) -> U8:
    """Return a picture's luma (H, W), 0..255, Rec. 601 weights; 16 bits and floats (0..1) are brought to 8."""
    picture = read_image(path, error)
    if picture.dtype == np.float32:
        picture = to_codes(picture, np.uint8)
    elif picture.dtype == np.uint16:
        picture = np.rint(picture / 257.0).astype(np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def is_own_picture(path: Path) -> bool:
    """Tell whether `write_image` made this PNG or EXR file. A file that cannot be read is not."""
    try:
        with path.open("rb") as file:
            return SOFTWARE.encode() in file.read(1024)
    except OSError:
        return False


def write_image(path: Path, frame: F32 | U8, *, half: bool = False, profile: bytes | None = None) -> None:
    """Write a frame (H, W, 3 or 4), atomically, as its suffix says.

    .npy, .exr: float32 (float16 in the .exr if `half`, clipped to its range), as given, channels RGB or RGBA.
    .png, .webp: codes, uint8, as given, alpha straight; the file says that they are sRGB, or what `profile` (ICC) says.
    Raises OutputError for another suffix, a place that cannot be written or a disk that is full.
    """
    suffix = path.suffix.lower()
    if suffix == ".exr":
        pixels = np.clip(frame, -HALF_MAX, HALF_MAX).astype(np.float16) if half else frame.astype(np.float32)
        with atomic_path(path) as temporary:
            _write_exr(temporary, pixels)
    elif suffix == ".npy":
        with atomic_write(path) as out:
            np.save(out, frame.astype(np.float32), allow_pickle=False)
    elif suffix in (".png", ".webp"):
        if frame.dtype != np.uint8:
            raise TypeError(f"a {suffix} picture holds codes, uint8, not {frame.dtype}")
        codes = np.asarray(frame, np.uint8)
        if suffix == ".webp" and max(codes.shape) > WEBP_MAX:
            raise OutputError(f"{path}: a WebP picture is at most {WEBP_MAX} pixels wide and high; name it .png")
        encoded = _encode(codes, suffix, profile)
        with atomic_write(path) as out:
            out.write(encoded)
    else:
        raise OutputError(f"{path}: cannot write a picture as '{path.suffix}'; name it .png, .webp, .exr or .npy")


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes `path` once the block ends well; else nothing is left and `path` is as it was.

    What was written can be read back. An OSError in the block becomes an OutputError that names file and remedy.
    """
    with atomic_path(path) as temporary, temporary.open("x+b") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())  # some file systems find only now that the disk is full


def check_writable(path: Path) -> None:
    """Raise OutputError now if `path` could not be written later, after long work. Leaves nothing behind."""
    with atomic_path(path, keep=False) as temporary:
        temporary.touch(exist_ok=False)


@contextmanager
def atomic_path(path: Path, *, keep: bool = True) -> Iterator[Path]:
    """Yield a path beside `path`, and move what was written there to `path` once the block ends well, if `keep`.

    Else nothing is left and `path` is as it was. An OSError in the block becomes an OutputError.
    """
    temporary = path.parent / f".{path.name[:64]}.{secrets.token_hex(6)}.part"
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        yield temporary
        if keep:
            temporary.replace(path)
    except OSError as error:
        if not is_folder(path.parent):
            raise OutputError(f"{path}: cannot be written: there is no folder {path.parent}; make it first") from error
        remedy = "free some space, make the folder writable, or choose another place"
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}; {remedy}") from error
    finally:
        with suppress(OSError):  # where the folder itself is gone, the error above told so
            temporary.unlink(missing_ok=True)


@contextmanager
def _told_as(path: Path, error: type[GeodfxError]) -> Iterator[None]:
    """Turn every way in which a picture cannot be read into one line of class `error`."""
    try:
        yield
    except FileNotFoundError as reason:
        raise error(f"{path}: is missing; put it back, or correct its name where it is listed") from reason
    except BadPictureError as reason:
        raise error(f"{path}: {reason}; copy it anew from where it was made, or export it again") from reason
    except (OSError, ValueError) as reason:  # ValueError: a null character in the name
        told = getattr(reason, "strerror", None) or reason
        raise error(f"{path}: cannot be read ({told}); check that it is a file and may be read") from reason


def _decode(path: Path, file: BinaryIO, header: Header) -> Picture:
    """Return the pixels (H, W, 3) of an open file."""
    if header.kind == "EXR":
        check_exr(file)
        return _decode_exr(path)
    file.seek(0)
    data = file.read()
    if header.kind == "NPY":
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, which the caller refuses
            return _to_rgb(np.load(io.BytesIO(data), allow_pickle=False).astype(header.dtype, copy=False))
    if header.kind == "JPEG":
        return _to_rgb(_decode_jpeg(data))
    try:
        essentials = png_essentials(data) if header.kind == "PNG" else data
        pixels = cv2.imdecode(np.frombuffer(essentials, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadPictureError(f"is a damaged {header.kind}") from error
    if pixels is None:
        raise BadPictureError(f"is damaged, or a kind of {header.kind} that OpenCV does not read")
    if pixels.ndim == 3:
        to_rgb = cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(pixels, to_rgb))
    return _to_rgb(pixels)


def _decode_jpeg(data: bytes) -> U8:
    """Return (H, W) or (H, W, 3). Pillow, because it refuses a truncated file where OpenCV fills it with grey."""
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as picture:
            return np.asarray(picture, np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        reason = "is truncated" if "truncated" in str(error) else "is a damaged JPEG"
        raise BadPictureError(reason) from error


def _decode_exr(path: Path) -> F32:
    """Return (H, W, 3) from channels R, G, B, or from a single channel of any name."""
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.channels()
            names = sorted(set(channels) - {"A"})
            if len(names) != 1 and not {"R", "G", "B"} <= set(names):
                raise BadPictureError(f"has channels {', '.join(names)} instead of R, G, B")
            chosen = ("R", "G", "B") if len(names) > 1 else names * 3
            return np.stack([channels[name].pixels for name in chosen], axis=-1).astype(np.float32)
    except BadPictureError:
        raise
    except (RuntimeError, ValueError) as error:
        raise BadPictureError("is a damaged or truncated EXR") from error


def _to_rgb(pixels: Picture) -> Picture:
    """Return (H, W, 3) of (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    return np.ascontiguousarray(
        np.broadcast_to(pixels, (*pixels.shape[:2], 3)) if pixels.shape[2] == 1 else pixels[..., :3]
    )


def _encode(codes: U8, suffix: str, profile: bytes | None) -> bytes:
    """Return the bytes of a PNG that says what it is, or of a WebP, which is sRGB unless it says otherwise."""
    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(codes))
    if suffix == ".png":
        chunks = PngImagePlugin.PngInfo()
        if profile is None:
            chunks.add(b"sRGB", b"\0")  # rendering intent: perceptual
        chunks.add_text("Software", SOFTWARE)
        picture.save(out, "PNG", pnginfo=chunks, icc_profile=profile)
    else:
        picture.save(out, "WEBP", quality=WEBP_QUALITY, method=4, icc_profile=profile)
    return out.getvalue()


def _write_exr(path: Path, pixels: npt.NDArray[Any]) -> None:
    """Write (H, W, 3 or 4) float16 or float32. Raises OSError."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "software": SOFTWARE}
    try:
        with OpenEXR.File(header, {"RGBA"[: pixels.shape[2]]: np.ascontiguousarray(pixels)}) as file:
            file.write(str(path))
    except RuntimeError as error:
        raise OSError(None, str(error).rstrip(".")) from error
