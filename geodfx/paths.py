"""What is there, asked so that no name is too long or too odd to ask for."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_file", "is_folder"]


def is_file(path: Path) -> bool:
    """Tell whether a file is there; a name that no file can have is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there; a name that no folder can have is not."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
