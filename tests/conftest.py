"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def strict_arithmetic():
    """Let an overflow, an invalid value or a division by zero fail the test instead of printing a warning."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of reference photos that stands beside a developer's checkout; a user has none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference photos (../shared/data) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the project's own sample sessions; a source package leaves them out."""
    folder = ROOT / "samples"
    if not folder.is_dir() and not (ROOT / ".git").exists():
        pytest.skip("samples/ is not in a source package")
    return folder
