"""An OpenGL context without a window, and its errors as this package tells them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import moderngl

from geodfx.errors import BackendError

__all__ = ["open_context", "told_as_backend_error"]


def open_context() -> Any:
    """Return an OpenGL 3.3 context without a window, current on this thread. Raises BackendError."""
    options: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
    try:
        return moderngl.create_context(require=330, standalone=True, **options)
    except Exception as error:  # glcontext raises plain exceptions, one a cause
        raise BackendError(
            f"no OpenGL 3.3 context: {error}; install a driver (on Debian libegl1 and libgl1-mesa-dri) "
            "or use backend='cpu'"
        ) from error


@contextmanager
def told_as_backend_error(what: str) -> Iterator[None]:
    """Raise what moderngl raises as a BackendError: of what failed, with the remedy."""
    try:
        yield
    except moderngl.Error as error:
        raise BackendError(f"{what}: {' '.join(str(error).split())}; use backend='cpu'") from error
