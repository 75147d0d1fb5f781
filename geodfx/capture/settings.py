"""session.toml: which keys there are, and each value checked as it is taken."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from geodfx.errors import SessionError
from geodfx.light_files import read_text
from geodfx.paths import is_file, is_folder

__all__ = ["DOMAINS", "SESSION_FILE", "SPHERE_KEYS", "TRANSFERS", "Settings", "check_keys", "read_settings"]

DOMAINS = ("light", "tilt", "environment")
TRANSFERS = ("linear", "srgb")
SESSION_FILE = "session.toml"

# What each key holds; numbers by their range, both ends excluded.
TEXTS = ("stone", "domain", "photos", "lights", "tilts", "mask", "transfer", "environment")
NUMBERS = {
    "white_value": (0.0, math.inf),
    "light_radius_deg": (0.0, 90.0),
    "camera_distance": (0.0, math.inf),
    "field_width": (0.0, math.inf),
    "display_gain": (0.0, math.inf),
}
KEYS = (*TEXTS, *NUMBERS, "rig_lights", "spheres")
SPHERE_KEYS = ("photos", "circle")


@dataclass(frozen=True)
class Settings:
    """The keys of one session.toml, each checked as it is taken."""

    path: Path
    values: dict[str, object]

    def error(self, key: str, told: str) -> SessionError:
        """Return the error that says what is wrong with a key."""
        return SessionError(f"{self.path}: {key} {told}")

    def text(self, key: str) -> str | None:
        """Return text, or None where the key is left out."""
        value = self.values.get(key)
        if not (value is None or (isinstance(value, str) and value.strip() and "\0" not in value)):
            raise self.error(key, f'is {value!r}, not text; write {key} = "..."')
        return value

    def choice(self, key: str, among: tuple[str, ...]) -> str | None:
        """Return a word that must be one of a few."""
        value = self.text(key)
        if value is not None and value not in among:
            raise self.error(key, f"is {value!r}; choose one of {', '.join(among)}")
        return value

    def number(self, key: str) -> float | None:
        """Return a number within the key's range."""
        if (value := self.values.get(key)) is None:
            return None
        low, high = NUMBERS[key]
        number = _real(value)
        if number is None or not low < number < high:
            limit = f"above {low:g}" + ("" if math.isinf(high) else f" and below {high:g}")
            raise self.error(key, f"is {value!r}; it must be a number {limit}")
        return number

    def numbers(self, key: str, count: int, value: object) -> list[float]:
        """Return a list of `count` numbers."""
        row = [_real(x) for x in value] if isinstance(value, list) else []
        found = [x for x in row if x is not None]
        if not len(row) == len(found) == count:
            raise self.error(key, f"holds {value!r}; it must be {count} numbers in brackets")
        return found

    def place(self, key: str, *, folder: bool = False) -> Path | None:
        """Return the path of a file or folder, told relative to the session's folder, that must exist."""
        if (name := self.text(key)) is None:
            return None
        path = self.path.parent / name
        if not (is_folder(path) if folder else is_file(path)):
            raise self.error(key, f"names {path}, which is not there; correct the key or put the file in place")
        return path


def read_settings(folder: Path) -> Settings:
    """Return session.toml with every key known; a folder without one is of domain `light`."""
    path = folder / SESSION_FILE
    if not is_file(path):
        return Settings(path, {"domain": "light"})
    try:
        values = tomllib.loads(read_text(path))
        repr(values)  # a hexadecimal number of thousands of digits has none
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise SessionError(f"{path}: is not valid TOML: {error}; correct that line") from error
    settings = Settings(path, values)
    check_keys(settings, "", values, KEYS)
    if "domain" not in values:
        raise settings.error("domain", f'is missing; write domain = "light" (or {", ".join(DOMAINS[1:])})')
    return settings


def check_keys(settings: Settings, table: str, keys: Iterable[str], known: tuple[str, ...]) -> None:
    """Raise SessionError for a key that is not known, with the nearest that is; `table` is told before it."""
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(known)}"
            raise settings.error(f"{table}{key}", f"is not a known key; {hint}")


def _real(value: object) -> float | None:
    """Return a finite number, or None; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
