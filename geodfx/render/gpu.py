"""GpuRenderer: frames by OpenGL 3.3, without a window. The sums are those of lighting.py."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from geodfx.arrays import F32, U8
from geodfx.errors import BackendError
from geodfx.render.gpu_scene import SOFTWARE, Scene
from geodfx.render.lighting import light_stone
from geodfx.render.output import PLAIN, brightened, put_codes, room_for_codes
from geodfx.render.picture import Picture, check_codes, displayed_codes
from geodfx.render.tilted import present, way_to_picture
from geodfx.render.tilted_codes import warped_codes
from geodfx.render.view import View
from geodfx.stone import Stone

__all__ = ["SOFTWARE", "GpuRenderer"]

T = TypeVar("T")


class GpuRenderer:
    """Renders one stone on the GPU. Safe to use from several threads, which then take turns.

    A context belongs to one thread at a time, so each renderer keeps a thread that alone talks to its context.
    """

    def __init__(self, stone: Stone, version: str = "330 core") -> None:
        """Compile the shaders as `version` ("330 core" or "300 es") and upload the stone. Raises BackendError."""
        self._stone = stone
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="geodfx-gpu")
        try:
            self._scene = self._thread.submit(Scene, stone, version).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def render(self, view: View) -> F32:
        """Return the frame (H, W, 4): linear, premultiplied, alpha last. Raises BackendError."""
        lighting = light_stone(self._stone, view)
        frame = self._call(lambda: self._scene.draw(lighting))
        return present(self._stone, view, frame)

    def show(self, view: View, gain: float, picture: Picture = PLAIN, *, out: U8 | None = None) -> U8:
        """Return what a display shows of a frame times a gain: codes (H, W, 4), straight alpha.

        They are within one of those of `displayed_codes`, worked out on the GPU where nothing has to be blurred or
        moved: a bloom, another size and a stone that tilts are left to the CPU. out: memory for them, which is
        returned. Raises BackendError and, for a headroom over 1 and for an `out` that they do not fit, ViewError.
        """
        check_codes(picture)
        stage = self._stone.tilting
        if view.size is not None or picture.bloom > 0 or (stage is not None and picture != PLAIN):
            return put_codes(displayed_codes(brightened(self.render(view), gain), picture), out)
        lighting = light_stone(self._stone, view)
        if stage is None:
            codes = room_for_codes((*self._stone.alpha.shape, 4), out)
            self._call(lambda: self._scene.show(lighting, gain, picture, codes))
            return codes
        light = self._call(lambda: self._scene.draw(lighting))
        return put_codes(warped_codes(light, *way_to_picture(self._stone, stage, view.tilt), gain), out)

    @property
    def name(self) -> str:
        """What the driver calls the GPU."""
        return self._scene.name

    def time(self, view: View, rounds: int) -> dict[str, float]:
        """Return the seconds that each pass of a frame takes, in 8 bits, the least of some rounds.

        By the GPU's own clock; by the wall's where a program stands for one, whose queries tell a part of it.
        """
        lighting = light_stone(self._stone, view)
        return self._call(lambda: self._scene.time(lighting, rounds))

    def count(self, view: View) -> dict[str, int]:
        """Return how many texels each pass of a frame draws; one that is drawn more than once counts each time."""
        lighting = light_stone(self._stone, view)
        return self._call(lambda: self._scene.count(lighting))

    def time_shader(self, fragment: str, rounds: int) -> float:
        """Return the seconds of another fragment shader, without its version, over a frame's texels.

        Its samplers read planes of noise.
        """
        return self._call(lambda: self._scene.time_shader(fragment, rounds))

    def _call(self, task: Callable[[], T]) -> T:
        if self._thread is None:
            raise BackendError("the GPU renderer is closed; make a new one")
        return self._thread.submit(task).result()

    def close(self) -> None:
        """Give the context and all it holds back. May be called twice."""
        if self._thread is not None:
            self._thread.submit(self._scene.release).result()
            self._thread.shutdown()
            self._thread = None
