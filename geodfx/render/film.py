"""Films: animated WebP and PNG, which loop and keep alpha, and MP4, which any player and page takes, without alpha."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np

from geodfx.arrays import F32, U8
from geodfx.errors import OutputError
from geodfx.images import WEBP_MAX, WEBP_QUALITY, atomic_path, atomic_write
from geodfx.render.output import PLAIN
from geodfx.render.picture import Picture, displayed_codes, opaque_codes

__all__ = ["FILM_FPS", "FILM_FPS_MOST", "FILM_SUFFIXES", "write_film"]

FILM_SUFFIXES = (".webp", ".png", ".mp4")
FILM_FPS = 20.0  # frames a second, so that a turn of 40 tilts takes two
FILM_FPS_MOST = 60.0  # players slow down animated pictures that are faster
MP4_CRF = 16  # x264's quality: small flashes stay whole
PRIMARIES = {"srgb": "bt709", "p3": "smpte432"}  # as ffmpeg calls those of a picture's gamut


def write_film(path: Path, frames: Iterable[F32], picture: Picture = PLAIN, fps: float = FILM_FPS) -> None:
    """Write frames (H, W, 4) of one size, display-exposed linear, premultiplied, as a film.

    .webp, .png: endless, straight alpha, a frame shown for whole milliseconds; all are held in 8 bits until the end.
    .mp4: H.264, 4:2:0, before a dark grey, its last row and column repeated where a side is odd; frame by frame.
    Atomic. Raises OutputError for another suffix and where ffmpeg is missing, ViewError for a headroom over 1.
    """
    suffix = path.suffix.lower()
    if suffix not in FILM_SUFFIXES:
        raise OutputError(f"{path}: cannot write a film as '{path.suffix}'; name it {', '.join(FILM_SUFFIXES)}")
    if suffix == ".mp4":
        _write_mp4(path, (opaque_codes(frame, picture) for frame in frames), picture.gamut, fps)
    else:
        _write_animation(path, np.stack([displayed_codes(frame, picture) for frame in frames]), picture, fps)


def _write_animation(path: Path, film: U8, picture: Picture, fps: float) -> None:
    """Write codes (N, H, W, 4) as an animated WebP or PNG."""
    suffix = path.suffix.lower()
    if suffix == ".webp" and max(film.shape[1:3]) > WEBP_MAX:
        raise OutputError(f"{path}: a WebP film is at most {WEBP_MAX} pixels wide and high; name it .png or .mp4")
    kind: dict[str, Any] = {"quality": WEBP_QUALITY, "method": 4} if suffix == ".webp" else {"disposal": 1}
    if picture.profile is not None:
        kind["icc_profile"] = picture.profile
    shown_ms = round(1000 / fps)
    with atomic_write(path) as file:
        file.write(iio.imwrite("<bytes>", film, extension=suffix, plugin="pillow", duration=shown_ms, loop=0, **kind))


def _write_mp4(path: Path, film: Iterator[U8], gamut: str, fps: float) -> None:
    """Write codes (H, W, 3), the curve of sRGB, as an MP4 that tells its primaries, curve and matrix."""
    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        told = "ffmpeg is not there; install the package imageio-ffmpeg, or name the film .webp"
        raise OutputError(f"{path}: cannot write a film as .mp4: {told}") from error
    first = _even(next(film))
    tags = f"color_primaries={PRIMARIES[gamut]}:color_trc=iec61966-2-1:colorspace=bt709:range=tv"
    to_yuv = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
    with atomic_path(path) as temporary:
        options = ["-vf", f"{to_yuv},setparams={tags}", "-crf", f"{MP4_CRF}", "-movflags", "+faststart", "-f", "mp4"]
        writer = imageio_ffmpeg.write_frames(
            str(temporary),
            first.shape[1::-1],
            fps=fps,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=options,
        )
        try:
            writer.send(None)
            writer.send(first)
            for codes in film:
                writer.send(_even(codes))
        except OSError as error:  # with all that ffmpeg said, line by line
            raise OSError(None, "ffmpeg stopped before the end") from error
        finally:
            writer.close()
        if not _is_whole(temporary):
            raise OSError(None, "ffmpeg could not end the film")


def _even(codes: U8) -> U8:
    """Return codes (H, W, 3) whose sides are even, as 4:2:0 asks for."""
    height, width, _ = codes.shape
    return np.ascontiguousarray(np.pad(codes, ((0, height % 2), (0, width % 2), (0, 0)), "edge"))


def _is_whole(path: Path) -> bool:
    """Tell whether ffmpeg came to write a film's index, which it does last and puts first."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"moov" in file.read(256)
