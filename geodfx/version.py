"""The version of this package."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["package_version"]


def package_version() -> str:
    """Return the installed version, or 0+unknown when the package runs from a folder that was never installed."""
    try:
        return version("geodfx")
    except PackageNotFoundError:
        return "0+unknown"
