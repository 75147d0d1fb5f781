"""How a TOML table becomes a frozen dataclass: each field says what it takes; an error names file, key and remedy."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from geodfx.errors import RecipeError
from geodfx.paths import is_file

__all__ = [
    "Place",
    "choice",
    "file_beside",
    "many",
    "nested",
    "numbers",
    "read_table",
    "real",
    "switch",
    "text",
    "unit",
    "whole",
]

REQUIRED: Any = dataclasses.MISSING
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a value stands, for errors and for files named beside the recipe."""

    path: Path
    table: str = ""  # with a dot at its end

    def error(self, key: str, told: str) -> RecipeError:
        """Return the error that says what is wrong with a key."""
        return RecipeError(f"{self.path}: {self.table}{key} {told}")

    def below(self, table: str) -> Place:
        """Return the place of a table inside this one."""
        return Place(self.path, f"{self.table}{table}.")


Reader = Callable[[Place, str, object], Any]


def _field(reader: Reader, default: Any) -> Any:
    return dataclasses.field(default=default, metadata={"reader": reader})


def real(default: Any = REQUIRED, *, low: float = -math.inf, high: float = math.inf, above: bool = False) -> Any:
    """Return a field for a number from low to high; `above`: low itself is excluded."""
    return _field(lambda place, key, value: _real(place, key, value, low, high, above), default)


def whole(default: Any = REQUIRED, *, low: int = 0, high: int = 1 << 31) -> Any:
    """Return a field for a whole number from low to high."""

    def read(place: Place, key: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise place.error(key, f"is {value!r}; it must be a whole number from {low} to {high}")
        return value

    return _field(read, default)


def switch(default: Any = REQUIRED) -> Any:
    """Return a field for true or false."""

    def read(place: Place, key: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise place.error(key, f"is {value!r}; write true or false")
        return value

    return _field(read, default)


def text(default: Any = REQUIRED) -> Any:
    """Return a field for a line of text."""
    return _field(_text, default)


def file_beside() -> Any:
    """Return a field for a file that must be there, told relative to the recipe's folder."""

    def read(place: Place, key: str, value: object) -> Path:
        path = place.path.parent / _text(place, key, value)
        if not is_file(path):
            raise place.error(key, f"names {path}, which is not there; correct the key or put the file in place")
        return path

    return _field(read, REQUIRED)


def choice(default: Any, among: tuple[str, ...]) -> Any:
    """Return a field for one of a few words."""

    def read(place: Place, key: str, value: object) -> str:
        word = _text(place, key, value)
        if word not in among:
            near = difflib.get_close_matches(word, among, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(among)}"
            raise place.error(key, f"is {word!r}; {hint}")
        return word

    return _field(read, default)


def numbers(
    default: Any = REQUIRED,
    *,
    count: int | tuple[int, ...] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    most: int = 64,
    whole: bool = False,
) -> Any:
    """Return a field for a list of (whole) numbers from low to high: as many as `count` says, or one to `most`."""
    counts = range(1, most + 1) if count is None else (count,) if isinstance(count, int) else count

    def read(place: Place, key: str, value: object) -> tuple[float, ...]:
        told = f"1 to {most}" if count is None else " or ".join(map(str, counts))
        told += f" {'whole ' if whole else ''}numbers"
        if not isinstance(value, list) or len(value) not in counts:
            raise place.error(key, f"is {value!r}; it must be {told} in brackets")
        if whole and not all(isinstance(entry, int) for entry in value):
            raise place.error(key, f"is {value!r}; it must be {told} in brackets")
        return tuple(_real(place, key, entry, low, high, False) for entry in value)

    return _field(read, default)


def unit(default: Any = REQUIRED) -> Any:
    """Return a field for a direction, brought to length 1."""

    def read(place: Place, key: str, value: object) -> tuple[float, ...]:
        rows = value if isinstance(value, list) else []
        if len(rows) != 3:
            raise place.error(key, f"is {value!r}; it must be a direction, 3 numbers in brackets")
        row = [_real(place, key, entry, -1e6, 1e6, False) for entry in rows]
        size = math.hypot(*row)
        if not size > 0:
            raise place.error(key, "is zero; it must be a direction, 3 numbers in brackets")
        return tuple(entry / size for entry in row)

    return _field(read, default)


def nested(kinds: Mapping[str, type] | type, by: str = "", default: Any = REQUIRED) -> Any:
    """Return a field for a table of one class, or of the class that its key `by` names."""
    return _field(lambda place, key, value: _nested(place, key, value, kinds, by), default)


def many(kinds: Mapping[str, type] | type, by: str = "") -> Any:
    """Return a field for tables, [[key]], of one class or of the classes that their keys `by` name."""

    def read(place: Place, key: str, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise place.error(key, f"must be tables; write each as [[{place.table}{key}]] on a line of its own")
        return tuple(_nested(place, key, entry, kinds, by) for entry in value)

    return _field(read, ())


def read_table(owner: type[T], values: Mapping[str, object], place: Place, besides: tuple[str, ...] = ()) -> T:
    """Return a dataclass filled from a table. Raises RecipeError for a key unknown, missing or wrong.

    besides: keys that were read before.
    """
    fields = {field.name: field for field in dataclasses.fields(owner)}  # type: ignore[arg-type]
    known = [*besides, *fields]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(known)}"
            raise place.error(key, f"is not a known key; {hint}")
    found = {}
    for name, field in fields.items():
        if name in values:
            found[name] = field.metadata["reader"](place, name, values[name])
        elif field.default is dataclasses.MISSING:
            raise place.error(name, "is missing; add it")
    return owner(**found)


def _nested(place: Place, key: str, value: object, kinds: Mapping[str, type] | type, by: str) -> Any:
    if not isinstance(value, dict):
        raise place.error(key, f"is {value!r}; it must be a table, [{place.table}{key}]")
    inside = place.below(key)
    if isinstance(kinds, type):
        return read_table(kinds, value, inside)
    if by not in value:
        raise inside.error(by, f"is missing; choose one of {', '.join(kinds)}")
    word = choice(REQUIRED, tuple(kinds)).metadata["reader"](inside, by, value[by])
    return read_table(kinds[word], value, inside, (by,)) if by else None


def _text(place: Place, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or any(letter < " " or letter == "\x7f" for letter in value):
        raise place.error(key, f'is {value!r}; it must be text, {key} = "..."')
    return value


def _real(place: Place, key: str, value: object, low: float, high: float, above: bool) -> float:
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            number = float(value)
    if not (low <= number <= high) or math.isinf(number) or (above and number == low):
        least = f"above {low:g}" if above else f"from {low:g}"
        limits = "finite" if math.isinf(low) and math.isinf(high) else least
        limits += "" if math.isinf(high) else f" to {high:g}"
        raise place.error(key, f"is {value!r}; it must be a number {limits}")
    return number
