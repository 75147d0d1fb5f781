"""Photos: looked over before the long work, then read once each, into codes of the texels that the stone covers."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, U8, frozen
from geodfx.capture.gather import ScratchCodes, gather
from geodfx.capture.session import Session, Transfer
from geodfx.colour import srgb_decoding_table
from geodfx.errors import PhotoError, SessionError
from geodfx.images import is_own_picture, probe_image, read_image
from geodfx.light_files import list_folder
from geodfx.paths import is_file, is_folder

__all__ = [
    "PhotoSet",
    "RadianceStack",
    "are_clear",
    "open_photos",
    "read_codes",
    "read_radiance",
    "read_stack",
    "to_radiance",
]

# The code from which a channel counts as clipped: JPEG moves a clipped 255 by one, and cameras of 10 and 12 bits
# shift their highest code up, to 65472 and 65520.
CLIP_CODE = {np.dtype(np.uint8): 254, np.dtype(np.uint16): 65472}
DECODING = 4  # a decoder holds a photo's pixels as many times: its own, those handed on, and copies between
SAMPLE_BYTES = 4096  # of a photo's start, middle and end, before two of the same length are compared whole


@dataclass(frozen=True)
class PhotoSet:
    """Photos of one size and type, in the order of the lights."""

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    size: tuple[int, int]  # width, height
    transfer: Transfer
    white_value: float  # what a white card facing one light reads, as a fraction of full scale
    dtype: np.dtype[Any]  # uint8, uint16 or float32


@dataclass(frozen=True)
class RadianceStack:
    """What all photos hold at the stone's texels; T texels, L photos. White card = 1. Close it when it is done with."""

    codes: npt.NDArray[Any] | ScratchCodes  # (T, L, 3) uint8 or uint16; or float32, which is radiance already
    table: F32 | None  # radiance of each code; None for float32
    clip_code: int | None  # code from which a channel is clipped; None: never
    texels: npt.NDArray[np.int64]  # (T,) indices into the flat picture, rising
    size: tuple[int, int]  # width, height of the picture

    def __post_init__(self) -> None:
        texels = frozen("texels", self.texels, np.int64, (None,))
        object.__setattr__(self, "texels", texels)
        if isinstance(self.codes, np.ndarray):
            object.__setattr__(self, "codes", frozen("codes", self.codes, self.codes.dtype, (len(texels), None, 3)))
        if (self.table is None) != (self.codes.dtype == np.float32):
            raise TypeError(f"codes of {self.codes.dtype} {'without' if self.table is None else 'with'} a table")

    def at(self, texels: slice | npt.NDArray[np.int64]) -> tuple[F32, F32]:
        """Return radiance (n, L, 3), white card = 1, and weight (n, L), of some texels.

        The weight is 0 where any channel is clipped, else 1.
        """
        codes = self.codes[texels]
        radiance: F32 = codes if self.table is None else self.table[codes]
        if self.clip_code is None:
            return radiance, np.ones(codes.shape[:2], np.float32)
        clear = codes < self.clip_code
        return radiance, (clear[..., 0] & clear[..., 1] & clear[..., 2]).astype(np.float32)

    def close(self) -> None:
        """Give back the room on the disk that the codes of a large session take."""
        if isinstance(self.codes, ScratchCodes):
            self.codes.close()


def open_photos(session: Session) -> PhotoSet:
    """Return the photos of a session after looking at their headers; no pixel is decoded.

    Raises PhotoError for a photo that is missing, unreadable, of another size or type than most, or the same as
    another, and for a photo in the folder that is not listed: a file with the suffix, size and type of the listed ones
    that is neither the mask, nor a sphere's photo, nor a picture that GeodFx wrote. SessionError if `transfer` does
    not fit.
    """
    paths = session.photos
    for name, path in zip(session.names, paths, strict=True):
        if not is_file(path):
            raise PhotoError(f"{path}: is missing; {_missing_remedy(session, name, path)}")
    headers = [probe_image(path) for path in paths]
    (size, dtype), _ = Counter(headers).most_common(1)[0]
    for path, (its_size, its_dtype) in zip(paths, headers, strict=True):
        if its_size != size:
            told = f"is {its_size[0]} x {its_size[1]} pixels, the others are {size[0]} x {size[1]}"
            raise PhotoError(f"{path}: {told}; export it at their size, uncropped, or take it out of the session")
        if its_dtype != dtype:
            told = f"holds {its_dtype} values, the others {dtype}"
            raise PhotoError(f"{path}: {told}; export all photos alike, or take it out of the session")
    if dtype == np.float32 and session.transfer == "srgb":
        remedy = 'set transfer = "linear" in session.toml'
        raise SessionError(f"{paths[0]}: holds floats, which are linear, but transfer is 'srgb'; {remedy}")
    _refuse_twins(paths)
    _refuse_unlisted(session, size, dtype)
    return PhotoSet(session.names, paths, size, session.transfer, session.white_value, dtype)


def read_stack(photos: PhotoSet, alpha: U8, progress: Callable[[int], None] | None = None) -> RadianceStack:
    """Return what the photos hold where alpha (H, W) is above 0; each is read once, some at a time on threads.

    `progress(1)` is told of each photo, from the calling thread. Raises PhotoError if one cannot be decoded: the first
    in the order of the lights, so that the message does not depend on the threads. OutputError if the disk has too
    little room for the codes of a large session.
    """
    width, height = photos.size
    if alpha.shape != (height, width):
        raise ValueError(f"alpha is {alpha.shape}, photos are {(height, width)}")
    texels = np.flatnonzero(alpha)

    def read(i: int) -> npt.NDArray[Any]:
        picture = read_codes(photos, i)
        if picture.dtype == np.float32:
            picture /= np.float32(photos.white_value)
        return picture.reshape(-1, 3)

    photo_bytes = DECODING * 3 * width * height * photos.dtype.itemsize
    codes = gather(read, len(photos.paths), texels, photos.dtype, photo_bytes, progress)
    return RadianceStack(codes, _radiance_table(photos), CLIP_CODE.get(photos.dtype), texels, photos.size)


def read_codes(photos: PhotoSet, index: int) -> npt.NDArray[Any]:
    """Return a photo (H, W, 3) as it is stored. Raises PhotoError."""
    path, (width, height) = photos.paths[index], photos.size
    picture = read_image(path)
    if picture.shape != (height, width, 3) or picture.dtype != photos.dtype:
        raise PhotoError(f"{path}: changed while it was being read; leave the photos alone and run again")
    return picture


def read_radiance(photos: PhotoSet, index: int) -> F32:
    """Return a photo's radiance (H, W, 3), white card = 1. Raises PhotoError."""
    return to_radiance(photos, read_codes(photos, index))


def to_radiance(photos: PhotoSet, codes: npt.NDArray[Any]) -> F32:
    """Return the radiance, white card = 1, of what is stored in a photo."""
    table = _radiance_table(photos)
    return np.asarray(codes / np.float32(photos.white_value) if table is None else table[codes], np.float32)


def are_clear(photos: PhotoSet, codes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which pixels (H, W) of a stored photo (H, W, 3) are not clipped in any channel."""
    clip = CLIP_CODE.get(photos.dtype)
    if clip is None:
        return np.ones(codes.shape[:2], np.bool_)
    return np.asarray((codes < clip).all(axis=2), np.bool_)


def _radiance_table(photos: PhotoSet) -> F32 | None:
    """Return radiance (2^bits,), white card = 1, of each code; None for photos of floats."""
    if photos.dtype == np.float32:
        return None
    if photos.transfer == "srgb":
        linear = srgb_decoding_table(photos.dtype)
    else:
        full = int(np.iinfo(photos.dtype).max)
        linear = (np.arange(full + 1) / full).astype(np.float32)
    return np.asarray(linear / np.float32(photos.white_value), np.float32)


def _missing_remedy(session: Session, name: str, path: Path) -> str:
    """Return what to do about a photo that is listed but not there."""
    listing = session.listing or session.folder
    listed = {photo.name for photo in session.photos}
    others = [other.name for other in list_folder(path.parent)] if is_folder(path.parent) else []
    near = difflib.get_close_matches(path.name, [other for other in others if other not in listed], 1)
    hint = f" (there is a {near[0]!r})" if near else ""
    return f"put it back, or correct or remove {name!r} in {listing}{hint}"


def _refuse_twins(paths: tuple[Path, ...]) -> None:
    """Raise PhotoError if two photos are one file or hold the same bytes.

    Only files of the same length are opened, and read whole only where their samples are equal, so that photos in
    order are not read twice.
    """
    groups = _alike([range(len(paths))], lambda i: paths[i].stat().st_size)
    groups = _alike(groups, lambda i: _digest(paths[i], whole=False))
    groups = _alike(groups, lambda i: _digest(paths[i], whole=True))
    for first, second, *_ in groups:
        one, other = paths[first], paths[second]
        if one.samefile(other):
            raise PhotoError(
                f"{other}: is listed twice, as photo {first + 1} and {second + 1}; remove one of the lines"
            )
        raise PhotoError(f"{other}: holds the same bytes as {one}; put the right photo there, or remove one of them")


def _alike(groups: Iterable[Iterable[int]], key: Callable[[int], Hashable]) -> list[list[int]]:
    """Split each group by `key` and return the parts of two and more."""
    parts: list[list[int]] = []
    for group in groups:
        by_key = defaultdict(list)
        for i in group:
            by_key[key(i)].append(i)
        parts += [part for part in by_key.values() if len(part) > 1]
    return parts


def _digest(path: Path, *, whole: bool) -> bytes:
    """Return a hash of a file, or of samples of it."""
    with path.open("rb") as file:
        if whole:
            return hashlib.file_digest(file, "blake2b").digest()
        size = path.stat().st_size
        samples = []
        for place in (0, size // 2, max(0, size - SAMPLE_BYTES)):
            file.seek(place)
            samples.append(file.read(SAMPLE_BYTES))
        return hashlib.blake2b(b"".join(samples)).digest()


def _refuse_unlisted(session: Session, size: tuple[int, int], dtype: np.dtype[Any]) -> None:
    """Raise PhotoError for a file beside the photos that looks like one of them but is not listed."""
    spheres = {path for sphere in session.spheres for path in sphere.photos or ()}
    known = {path.resolve() for path in {*session.photos, *spheres, *filter(None, [session.mask])}}
    suffixes = {path.suffix.lower() for path in session.photos}
    for folder in sorted({path.parent for path in session.photos}):
        for path in list_folder(folder):
            hidden = path.name.startswith(".")
            if path.suffix.lower() not in suffixes or hidden or path.resolve() in known or is_own_picture(path):
                continue
            try:
                looks_like_one = probe_image(path) == (size, dtype)
            except PhotoError:
                continue
            if looks_like_one:
                told = f"is not listed in {session.listing or session.folder}, though it looks like one of the photos"
                raise PhotoError(f"{path}: {told}; add its line, or move it out of the folder")
