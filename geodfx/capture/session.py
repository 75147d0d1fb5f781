"""A session: a folder of photos, with what `session.toml` and the light or tilt file say of it.

Without a `session.toml`, a folder of photos with exactly one .lp file is a session of domain `light`. What is not
told: `white_value` is 1, and `transfer` follows the first photo: `srgb` where its channels have 8 bits, `linear`
where they have 16 or are floats.

A session of domain `light` takes its directions from `lights`; if that key is left out, from its chrome spheres; and
if there are none, from the only .lp file of the folder. With spheres and no `lights`, the photos are all pictures of
the folder `photos` in name order, but for the mask, hidden files and pictures that GeodFx wrote there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from geodfx.arrays import F64, frozen
from geodfx.capture.settings import (
    DOMAINS,
    SPHERE_KEYS,
    TRANSFERS,
    Settings,
    check_keys,
    read_settings,
)
from geodfx.errors import SessionError
from geodfx.images import PHOTO_SUFFIXES, is_own_picture, probe_image
from geodfx.light_files import list_folder, read_lp, read_tilts, unit_directions
from geodfx.paths import is_file, is_folder

__all__ = ["Domain", "Session", "SphereSource", "Transfer", "read_lp", "read_session", "read_tilts"]

Domain = Literal["light", "tilt", "environment"]
Transfer = Literal["linear", "srgb"]

# The keys that one domain alone understands: in another they would be ignored, so they are refused.
KEYS_OF_DOMAIN = {
    "lights": ("light",),
    "spheres": ("light",),
    "tilts": ("tilt", "environment"),
    "rig_lights": ("tilt",),
}


@dataclass(frozen=True)
class SphereSource:
    """Where one chrome sphere is to be seen."""

    photos: tuple[Path, ...] | None  # one a light, in the order of the object's; None: in the object's photos
    circle: tuple[float, float, float] | None  # x, y, radius in pixels, y down; None: to be found


@dataclass(frozen=True)
class Session:
    """One series of photos. Lengths are in stone widths; L photos."""

    folder: Path
    stone: str
    domain: Domain
    names: tuple[str, ...]  # as the light or tilt file writes them
    photos: tuple[Path, ...]  # in the same order
    light_direction: F64 | None  # (L, 3) unit, domain `light`; None: to be read off the spheres
    tilt_rad: F64 | None  # (L, 2) pitch and roll, domains `tilt` and `environment`
    mask: Path | None
    transfer: Transfer
    white_value: float  # what a white card facing one light reads, as a fraction of full scale
    light_radius_rad: float | None
    camera_distance: float | None  # None: distant
    field_width: float | None  # of the picture
    rig_lights: F64 | None  # (N, 3) unit
    spheres: tuple[SphereSource, ...]
    environment: Path | None
    display_gain: float | None
    listing: Path | None = None  # the light or tilt file; None: the folder itself lists the photos

    def __post_init__(self) -> None:
        count = len(self.photos)
        if len(self.names) != count:
            raise ValueError(f"{len(self.names)} names for {count} photos")
        for name, shape in (("light_direction", (count, 3)), ("tilt_rad", (count, 2)), ("rig_lights", (None, 3))):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, frozen(name, array, np.float64, shape))


def read_session(folder: Path) -> Session:
    """Return the session in a folder; photos are named, not opened, unless `transfer` is not told.

    Raises SessionError, naming file and key, for what is wrong in session.toml, a light or a tilt file; see `read_lp`.
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise SessionError(f"{folder}: is no folder; name the folder that holds the photos and their light file")
    settings = read_settings(folder)
    domain = cast(Domain, settings.choice("domain", DOMAINS))
    for key, domains in KEYS_OF_DOMAIN.items():
        if key in settings.values and domain not in domains:
            raise settings.error(
                key, f"is a key of domain {' or '.join(domains)}, but domain is {domain!r}; remove one"
            )
    photo_folder = settings.place("photos", folder=True) or folder
    mask = settings.place("mask")
    spheres = _read_spheres(settings)
    light_direction = tilt_rad = None
    if domain != "light":
        if (listing := settings.place("tilts")) is None:
            raise settings.error("tilts", f'is missing, and domain {domain!r} needs it; write tilts = "tilts.csv"')
        names, tilt_rad = read_tilts(listing)
    elif (listing := _find_light_file(settings, bool(spheres))) is not None:
        names, light_direction = read_lp(listing)
    else:
        names = tuple(path.name for path in _pictures(photo_folder, mask, settings))
    photos = tuple(_find_photo(name, photo_folder, folder) for name in names)
    _check_sphere_counts(settings, spheres, len(photos))
    radius_deg = settings.number("light_radius_deg")
    return Session(
        folder=folder,
        stone=settings.text("stone") or folder.resolve().name,
        domain=domain,
        names=names,
        photos=photos,
        light_direction=light_direction,
        tilt_rad=tilt_rad,
        mask=mask,
        transfer=cast(Transfer, settings.choice("transfer", TRANSFERS) or _usual_transfer(photos[0])),
        white_value=settings.number("white_value") or 1.0,
        light_radius_rad=None if radius_deg is None else math.radians(radius_deg),
        camera_distance=settings.number("camera_distance"),
        field_width=settings.number("field_width"),
        rig_lights=_read_rig_lights(settings),
        spheres=spheres,
        environment=settings.place("environment"),
        display_gain=settings.number("display_gain"),
        listing=listing,
    )


def _find_light_file(settings: Settings, has_spheres: bool) -> Path | None:
    """Return the .lp file that `lights` names, or the only one there is; None where spheres take its place."""
    if (named := settings.place("lights")) is not None or has_spheres:
        return named
    folder = settings.path.parent
    found = sorted(path for path in list_folder(folder) if path.suffix.lower() == ".lp")
    if len(found) == 1:
        return found[0]
    what = f"holds {len(found)} .lp files ({', '.join(path.name for path in found)})" if found else "holds no .lp file"
    remedy = (
        'say which in session.toml: lights = "..."' if found else "add one, or name chrome [[spheres]] in session.toml"
    )
    raise SessionError(f"{folder}: {what}; {remedy}")


def _read_spheres(settings: Settings) -> tuple[SphereSource, ...]:
    tables = settings.values.get("spheres", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise settings.error("spheres", "must be tables; write each as [[spheres]] on a line of its own")
    sources = []
    for table in cast(list[dict[str, object]], tables):
        check_keys(settings, "spheres.", table, SPHERE_KEYS)
        circle = None
        if "circle" in table:
            x, y, radius = settings.numbers("spheres.circle", 3, table["circle"])
            if radius <= 0:
                raise settings.error("spheres.circle", f"has a radius of {radius:g}; it must be above 0 pixels")
            circle = (x, y, radius)
        folder = Settings(settings.path, table).place("photos", folder=True)
        sources.append(SphereSource(None if folder is None else tuple(_pictures(folder, None, settings)), circle))
    return tuple(sources)


def _check_sphere_counts(settings: Settings, spheres: tuple[SphereSource, ...], count: int) -> None:
    for sphere in spheres:
        if sphere.photos is not None and len(sphere.photos) != count:
            told = f"{sphere.photos[0].parent} holds {len(sphere.photos)} photos, but the object has {count}"
            raise settings.error("spheres.photos", f"must give one photo a light: {told}; remove or add some")


def _read_rig_lights(settings: Settings) -> F64 | None:
    if (rows := settings.values.get("rig_lights")) is None:
        return None
    if not isinstance(rows, list) or not rows:
        raise settings.error("rig_lights", "must be a list of directions; write rig_lights = [[x, y, z], ...]")
    lights = np.array([settings.numbers("rig_lights", 3, row) for row in rows], np.float64)
    where = [f"{settings.path}: rig_lights {i}" for i in range(1, len(rows) + 1)]
    return unit_directions(lights, where)


def _pictures(folder: Path, mask: Path | None, settings: Settings) -> list[Path]:
    """Return the photos of a folder in name order; hidden files, the mask and what GeodFx wrote there are none."""
    paths = (
        path for path in list_folder(folder) if path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith(".")
    )
    photos = (path for path in paths if not (mask is not None and path.samefile(mask)) and not is_own_picture(path))
    found = sorted(photos, key=lambda path: path.name)
    if not found:
        raise settings.error("photos", f"names {folder}, which holds no picture; name the folder of the photos")
    return found


def _find_photo(name: str, photo_folder: Path, folder: Path) -> Path:
    """Return where a photo lies that a file names: below the photos' folder, the session's, or by its last part alone.

    Light files travel between computers, so a name may hold the folders of another one, with either slash.
    """
    plain = name.replace("\\", "/")
    relative = plain.lstrip("/")
    places = [photo_folder / name, photo_folder / relative, folder / relative, photo_folder / plain.rsplit("/", 1)[-1]]
    return next((path for path in places if is_file(path)), photo_folder / relative)


def _usual_transfer(photo: Path) -> Transfer:
    _, dtype = probe_image(photo)
    return "srgb" if dtype == np.uint8 else "linear"
