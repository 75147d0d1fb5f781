"""Stone and View become a frame, on the CPU or the GPU with the same sums."""

from __future__ import annotations

from types import TracebackType

from geodfx.arrays import F32, U8
from geodfx.errors import BackendError
from geodfx.render.cpu import CpuRenderer
from geodfx.render.environment import Environment
from geodfx.render.gpu import GpuRenderer
from geodfx.render.output import PLAIN
from geodfx.render.picture import Picture
from geodfx.render.view import DiscLight, Tilt, View
from geodfx.stone import Stone

__all__ = ["CpuRenderer", "DiscLight", "Environment", "GpuRenderer", "Renderer", "Tilt", "View", "relight"]

BACKENDS: dict[str, type[CpuRenderer] | type[GpuRenderer]] = {"cpu": CpuRenderer, "gpu": GpuRenderer}


class Renderer:
    """Keeps a stone ready for many frames. Use it in a `with` block, or close it."""

    def __init__(self, stone: Stone, backend: str = "cpu") -> None:
        if backend not in BACKENDS:
            raise BackendError(f"backend {backend!r} is not one of {sorted(BACKENDS)}")
        self._renderer = BACKENDS[backend](stone)

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last. Raises BackendError."""
        return self._renderer.render(view)

    def show(self, view: View, gain: float, picture: Picture = PLAIN, *, out: U8 | None = None) -> U8:
        """Return what a display shows of a frame times a gain: codes (H, W, 4), straight alpha, for a preview.

        out: memory for them, which is returned: new memory takes a share of a frame's time. Raises BackendError, and
        ViewError for a headroom over 1, which eight bits do not hold, and for an `out` that the codes do not fit.
        """
        return self._renderer.show(view, gain, picture, out=out)

    def close(self) -> None:
        """Give back what the GPU holds."""
        self._renderer.close()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def relight(stone: Stone, view: View, *, backend: str = "cpu") -> F32:
    """Return one frame (H, W, 4): linear, premultiplied, alpha last. Raises BackendError."""
    with Renderer(stone, backend) as renderer:
        return renderer.render(view)
