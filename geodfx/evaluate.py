"""The score of a stone against photos that it was not fitted to.

All figures compare displayed values, clip(x * gain, 0, 1) ^ (1 / 2.2), over the texels of the held-out session's mask.
The gain is the session's `display_gain`, or 2 / the 90th percentile, over texels and channels, of the brightest photo.
Photos and frames are taken one at a time; sums are kept in float64.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geodfx.arrays import F32, F64, U8, Bool
from geodfx.capture.matte import COVERED, read_matte
from geodfx.capture.photos import PhotoSet, open_photos, read_codes, to_radiance
from geodfx.capture.session import Session, read_session
from geodfx.capture.spheres import calibrate
from geodfx.colour import encode_display, to_codes
from geodfx.constants import WHITE_LEVEL, WHITE_QUANTILE
from geodfx.errors import PhotoError, SessionError
from geodfx.images import write_image
from geodfx.progress import Progress
from geodfx.render import DiscLight, Environment, Renderer, Tilt, View
from geodfx.render.output import frame_stems
from geodfx.staging import staged
from geodfx.stone import Stone

__all__ = ["Comparison", "PhotoScore", "Score", "compare", "evaluate", "session_views", "window_of"]

Window = tuple[slice, slice]  # rows, columns of a picture

FLASH = 0.5  # displayed: a texel whose brightest channel is above this flashes
LEAST_ERROR = 1e-10  # mean square, 100 dB: a frame that equals its photo has no infinite score


@dataclass(frozen=True)
class PhotoScore:
    """The score of one photo, rounded as in `Score`."""

    name: str
    psnr_db: float
    flux: float | None  # None where the photo is black
    flash_f1: float


@dataclass(frozen=True)
class Score:
    """How near relit frames come to photos."""

    psnr_db: float  # of the displayed pictures, all texels and photos in one mean
    flux: float  # displayed light, frames / photos: 1 is right, above 1 is haze, below 1 is lost sparkle
    flash_f1: float  # F1 of the set of texels that flash; says nothing of environments and matte objects
    photos: tuple[PhotoScore, ...]


@dataclass(frozen=True)
class Comparison:
    """One photo and its frame as displayed, 0..1, and the texels that count."""

    name: str
    photo: F32  # (H, W, 3), of the picture or of a window of it
    frame: F32  # (H, W, 3)
    mask: Bool  # (H, W)

    def picture(self) -> U8:
        """Return photo, frame and difference side by side, (H, 3 W, 3).

        The difference is mid-grey where both agree or nothing counts, lighter where the frame is too bright.
        """
        difference = np.where(self.mask[..., None], 0.5 + 0.5 * (self.frame - self.photo), 0.5)
        beside = np.concatenate([self.photo, self.frame, difference.astype(np.float32)], axis=1)
        return np.asarray(to_codes(beside, np.uint8), np.uint8)


@dataclass(frozen=True)
class _Sums:
    """What scores are made of; those of several photos add up."""

    values: int = 0
    squared: float = 0.0
    shown: float = 0.0
    truth: float = 0.0
    hits: int = 0
    flashes: int = 0  # of the frames and of the photos, added

    @classmethod
    def of(cls, comparison: Comparison) -> _Sums:
        shown, truth = comparison.frame[comparison.mask], comparison.photo[comparison.mask]
        flash, real = shown.max(axis=1) > FLASH, truth.max(axis=1) > FLASH
        return cls(
            shown.size,
            float(np.sum((shown - truth) ** 2, dtype=np.float64)),
            float(np.sum(shown, dtype=np.float64)),
            float(np.sum(truth, dtype=np.float64)),
            int(np.count_nonzero(flash & real)),
            int(np.count_nonzero(flash)) + int(np.count_nonzero(real)),
        )

    def __add__(self, other: _Sums) -> _Sums:
        mine, others = vars(self).values(), vars(other).values()
        return _Sums(*(a + b for a, b in zip(mine, others, strict=True)))

    def psnr_db(self) -> float:
        return round(-10 * math.log10(max(self.squared / self.values, LEAST_ERROR)), 2)

    def flux(self) -> float | None:
        return round(self.shown / self.truth, 3) if self.truth > 0 else None

    def flash_f1(self) -> float:
        return round(2 * self.hits / max(1, self.flashes), 3)


def evaluate(
    stone: Stone,
    session: Session | Path | str,
    *,
    pictures: Path | None = None,
    backend: str = "cpu",
    progress: Progress | None = None,
) -> Score:
    """Return the score of a stone against photos: those of a session of its own domain, or under an environment.

    pictures: a folder for one picture a photo, as `Comparison.picture` has it. progress: told (stage, done, total).
    Raises SessionError or PhotoError where session and stone do not belong together, and what reading raises.
    """
    if not isinstance(session, Session):
        session = read_session(Path(session))
    if session.domain not in ((stone.domain, "environment") if stone.domain == "light" else (stone.domain,)):
        told = f"is of domain {session.domain!r}, the stone of {stone.domain!r}"
        raise SessionError(f"{session.folder}: {told}; name a session of photos taken the same way")
    photos = open_photos(session)
    if photos.size != stone.size:
        told = f"its photos are {_size(photos.size)} pixels, the stone is {_size(stone.size)}"
        raise SessionError(f"{session.folder}: {told}; name a session of the same stone under the same camera")
    mask = read_matte(session, photos.size) > COVERED
    views = session_views(stone, session)
    stems = frame_stems(photos.names, session.listing or session.folder)
    gain = session.display_gain or _display_gain(photos, mask, session)
    window = window_of(mask) if pictures is None else None
    scores, total = [], _Sums()
    with ExitStack() as stack:
        folder = None if pictures is None else stack.enter_context(staged(pictures))
        renderer = stack.enter_context(Renderer(stone, backend))
        for i, view in enumerate(views):
            comparison = compare(renderer, view, photos, i, mask, gain, window)
            sums = _Sums.of(comparison)
            total += sums
            scores.append(PhotoScore(photos.names[i], sums.psnr_db(), sums.flux(), sums.flash_f1()))
            if folder is not None:
                write_image(folder / f"{stems[i]}.png", comparison.picture())
            if progress is not None:
                progress("evaluate", i + 1, len(views))
    flux = total.flux()
    if flux is None:
        raise _black(session)
    return Score(total.psnr_db(), flux, total.flash_f1(), tuple(scores))


def compare(
    renderer: Renderer, view: View, photos: PhotoSet, index: int, mask: Bool, gain: float, window: Window | None = None
) -> Comparison:
    """Return a photo and the frame of a view, both displayed at a gain, in a window or all of it. Raises PhotoError."""
    window = (slice(None), slice(None)) if window is None else window
    photo = encode_display(to_radiance(photos, read_codes(photos, index)[window]), gain)
    frame = encode_display(renderer.render(view)[window][..., :3], gain)
    return Comparison(photos.names[index], photo, frame, mask[window])


def window_of(mask: Bool) -> Window:
    """Return the rows and columns between which a mask (H, W) has texels; all where it has none."""
    if not mask.any():
        return slice(None), slice(None)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def session_views(stone: Stone, session: Session, lights: F64 | None = None) -> tuple[View, ...]:
    """Return what each photo of a session shows. lights: (L, 3), where they are known already."""
    if session.domain == "tilt" and session.tilt_rad is not None:
        return tuple(View(tilt=Tilt(pitch, roll)) for pitch, roll in session.tilt_rad.tolist())
    if session.domain == "environment":
        if session.environment is None or session.tilt_rad is None:
            remedy = 'write environment = "../studio.hdr", the map the photos were taken under'
            raise SessionError(f"{session.folder}: does not say which environment its photos show; {remedy}")
        environment = Environment.load(session.environment)
        return tuple(View((), environment, Tilt(float(pitch), float(roll))) for pitch, roll in session.tilt_rad)
    radius = session.light_radius_rad or stone.light_radius_rad
    lights = _directions(session) if lights is None else lights
    return tuple(View((DiscLight((float(x), float(y), float(z)), radius),)) for x, y, z in lights)


def _directions(session: Session) -> F64:
    """Return the lights (L, 3) of a session, as its file tells them or its spheres show them."""
    if session.light_direction is not None:
        return session.light_direction
    return calibrate(session.spheres, session.photos, session.transfer)[0]


def _display_gain(photos: PhotoSet, mask: Bool, session: Session) -> float:
    """Return the gain at which a session is scored that does not tell one."""
    brightest = np.full((int(np.count_nonzero(mask)), 3), -np.inf, np.float32)
    for i in range(len(photos.paths)):
        np.maximum(brightest, to_radiance(photos, read_codes(photos, i)[mask]), out=brightest)
    white = float(np.quantile(brightest, WHITE_QUANTILE))
    if not white > 0:
        raise _black(session)
    return WHITE_LEVEL / white


def _black(session: Session) -> PhotoError:
    told = "its photos are black where the mask is white, so nothing can be compared"
    return PhotoError(f"{session.folder}: {told}; check the photos, the mask and white_value")


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
