"""What a person at a terminal sees: progress, warnings on one line, results as text or JSON."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Never, TextIO

from tqdm import tqdm

from geodfx.errors import GeodfxWarning
from geodfx.progress import Progress

__all__ = ["one_line", "print_json", "shown_bytes", "shown_progress", "told_warnings"]


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield a progress function that draws one bar a stage on a terminal's stderr, and nothing in a pipe."""
    bars: dict[str, tqdm[Never]] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(total=total, desc=stage, file=sys.stderr, disable=None)
        bars[stage].total = total
        bars[stage].update(done - bars[stage].n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()


@contextmanager
def told_warnings() -> Iterator[list[str]]:
    """Print each GeodfxWarning as one line on stderr, once, and yield the list of those told so far."""
    told: list[str] = []
    with warnings.catch_warnings():
        shown_otherwise = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, GeodfxWarning):
                shown_otherwise(message, category, filename, lineno, file, line)
            elif (text := one_line(str(message))) not in told:
                told.append(text)
                print(f"geodfx: warning: {text}", file=sys.stderr)

        warnings.simplefilter("always", GeodfxWarning)
        warnings.showwarning = show
        yield told


def print_json(values: Mapping[str, object]) -> None:
    """Print a table as one line of JSON."""
    print(json.dumps(values, allow_nan=False))


def one_line(text: str) -> str:
    """Return text without line breaks: a file's name may hold some."""
    return " ".join(text.split())


def shown_bytes(count: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
