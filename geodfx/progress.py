"""Telling how far the work is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "counter"]

Progress = Callable[[str, int, int], None]  # stage, how many are done, of how many


def counter(progress: Progress, stage: str, total: int) -> Callable[[int], None]:
    """Return a function that adds up what is done and tells `progress`."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(stage, done, total)

    return count
