"""Light files (.lp, as the RTI field writes them) and tilt files (.csv): names and directions, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geodfx.arrays import F64
from geodfx.errors import CalibrationError, SessionError

__all__ = ["MAX_TILT_DEG", "list_folder", "read_lp", "read_text", "read_tilts", "unit_directions"]

TILT_COLUMNS = "file,pitch_deg,roll_deg"
MAX_TILT_DEG = 90.0  # beyond this the camera sees the stone's back


def read_lp(path: Path) -> tuple[tuple[str, ...], F64]:
    """Return (names (L,), unit directions (L, 3)) of a light file, in its order.

    Line 1 is the count, then `name x y z` a line: the last three words are the direction, all before them the name,
    which may hold spaces, tabs and folders. Empty lines do not count. Raises SessionError for a line that does not
    read so and for a wrong count, CalibrationError for a direction that is zero or not finite; both tell the line.
    Below the horizon is allowed here: who takes the lights decides.
    """
    lines = _numbered_lines(path)
    if not lines:
        raise SessionError(f"{path}: is empty; line 1 must be the number of photos, then one line `photo x y z` each")
    (first, count), *rows = lines
    try:
        expected = int(count)
    except ValueError:
        told = f"line {first} is {_shown(count)}, not the number of photos"
        raise SessionError(f"{path}: {told}; put {len(rows)} or the right number there") from None
    names, directions = _named_numbers(path, rows, None, 3, "photo x y z")
    if expected != len(rows):
        told = f"line {first} says {_shown(count)} photos, but {len(rows)} lines follow"
        raise SessionError(f"{path}: {told}; correct the number, or add the missing lines")
    if not rows:
        raise SessionError(f"{path}: lists no photo; add one line `photo x y z` for each")
    where = [f"{path}: line {number} ({_shown(name)})" for (number, _), name in zip(rows, names, strict=True)]
    return names, unit_directions(directions, where)


def read_tilts(path: Path) -> tuple[tuple[str, ...], F64]:
    """Return (names (L,), pitch and roll (L, 2) in radians) of a tilt file, in its order.

    CSV with the header `file,pitch_deg,roll_deg`; a name may hold commas. Raises SessionError, telling the line.
    """
    lines = _numbered_lines(path)
    if not lines or lines[0][1].replace(" ", "").lower() != TILT_COLUMNS:
        raise SessionError(f"{path}: line 1 must be `{TILT_COLUMNS}`; add that header")
    rows = lines[1:]
    if not rows:
        raise SessionError(f"{path}: lists no photo; add one line `{TILT_COLUMNS}` for each")
    names, tilts_deg = _named_numbers(path, rows, ",", 2, TILT_COLUMNS)
    for (number, line), tilt in zip(rows, tilts_deg, strict=True):
        if not np.abs(tilt).max() <= MAX_TILT_DEG:  # NaN is not
            told = f"line {number} ({_shown(line)}) has a tilt that is not within {MAX_TILT_DEG:g} degrees"
            raise SessionError(f"{path}: {told}; correct it, in degrees")
    return names, np.radians(tilts_deg)


def unit_directions(directions: F64, where: Sequence[str]) -> F64:
    """Return directions (L, 3) at length 1. Raises CalibrationError, with the row's `where`, for zero and NaN."""
    for row, place in zip(directions, where, strict=True):
        x, y, z = row
        if not np.isfinite(row).all() or not row.any():
            reason = "zero" if np.isfinite(row).all() else "not finite"
            raise CalibrationError(f"{place}: direction ({x:g}, {y:g}, {z:g}) is {reason}; correct or remove it")
    scaled = directions / np.abs(directions).max(axis=1, keepdims=True)  # so that squares cannot overflow
    unit: F64 = scaled / np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return unit


def read_text(path: Path) -> str:
    """Return a text file of a session. Raises SessionError if it is missing, unreadable or not UTF-8."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SessionError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SessionError(f"{path}: cannot be read ({error.strerror}); put it in place") from error


def list_folder(folder: Path) -> list[Path]:
    """Return what a folder holds, in name order. Raises SessionError."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise SessionError(f"{folder}: cannot be listed ({error.strerror}); make it readable") from error


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Return (line number from 1, text without spaces around) of the lines that are not empty."""
    lines = enumerate(read_text(path).split("\n"), 1)  # read_text has turned the other line ends into this one
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _named_numbers(
    path: Path, rows: list[tuple[int, str]], separator: str | None, count: int, form: str
) -> tuple[tuple[str, ...], F64]:
    """Return names (L,) and numbers (L, count) of lines that end in `count` numbers."""
    names, numbers = [], np.empty((len(rows), count), np.float64)
    for i, (number, line) in enumerate(rows):
        name, *words = line.rsplit(separator, count)
        try:
            numbers[i] = [float(word) for word in words] if len(words) == count else []
        except ValueError:
            raise SessionError(f"{path}: line {number} is {_shown(line)}, not `{form}`; correct it") from None
        if not name.strip() or any(letter < " " and letter != "\t" for letter in name):
            raise SessionError(f"{path}: line {number} is {_shown(line)}, without a usable file name; correct it")
        names.append(name.strip())
    return tuple(names), numbers


def _shown(text: str) -> str:
    """Return text in quotes, on one line, cut short."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
