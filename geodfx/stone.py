"""Stone: the maps that photos became, as codes.

A stone is held in its codes, in memory as in the file, so that what was fitted, saved, loaded and sent to a GPU
renders alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, U8, frozen, unread
from geodfx.base_map import Base
from geodfx.codes import BLOCK
from geodfx.container import write_container
from geodfx.lobe_map import Lobes
from geodfx.patches import make_patches
from geodfx.tilting import Camera, TiltStage, make_camera

if TYPE_CHECKING:
    from geodfx.render.view import View

__all__ = ["MODELS", "Stone"]

DOMAINS = ("light", "tilt")
MODELS = ("lobes", "hsh", "ptm")


@dataclass(frozen=True)
class Stone:
    """Reflectance maps of one stone. H x W texels, row 0 at the top; everything in codes."""

    name: str
    model: str  # one of MODELS
    domain: str  # "light": the camera tilts with the stone; "tilt": the stone was captured by its tilt
    alpha: U8  # (H, W): 255 where the stone covers the texel; base and lobes hold premultiplied radiance
    base: Base
    lobes: Lobes | None
    light_direction: F32  # (L, 3) unit: where the capture lights stood; of domain "tilt" the pseudo lights
    light_radius_rad: float  # of the capture lights
    display_gain: float  # at which the photos were displayed for the fit: 2 / q90 of the texels' brightest values
    camera_distance: float | None = None  # in stone widths; None: distant
    field_width: float | None = None  # width of the picture, in stone widths
    provenance: dict[str, str | int | float] = field(default_factory=dict)
    tilting: TiltStage | None = None  # of domain "tilt"

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model {self.model!r} is not one of {MODELS}")
        if self.domain not in DOMAINS:
            raise ValueError(f"domain {self.domain!r} is not one of {DOMAINS}")
        if (self.tilting is not None) != (self.domain == "tilt"):
            raise ValueError(f"domain {self.domain!r} {'without' if self.tilting is None else 'with'} tilts")
        height, width = self.alpha.shape
        object.__setattr__(self, "alpha", frozen("alpha", self.alpha, np.uint8, (None, None)))
        directions = frozen("light directions", self.light_direction, np.float32, (None, 3))
        object.__setattr__(self, "light_direction", directions)
        if self.alpha.size == 0:
            raise ValueError("the stone has no texels")
        base_size = unread(self.base, "planes").shape[1:]
        if base_size != (height, width):
            raise ValueError(f"base is {base_size}, alpha is {(height, width)}")
        if self.model not in ("lobes", self.base.basis):
            raise ValueError(f"model {self.model!r} on the basis {self.base.basis!r}")
        if (self.lobes is not None) != (self.model == "lobes"):
            raise ValueError(f"model {self.model!r} {'without' if self.lobes is None else 'with'} lobes")
        if self.lobes is not None:
            self._check_lobes(self.lobes)
        if not (math.isfinite(self.display_gain) and self.display_gain > 0):
            raise ValueError(f"display gain {self.display_gain} is not a positive number")

    def _check_lobes(self, lobes: Lobes) -> None:
        height, width = self.alpha.shape
        if lobes.index.size and lobes.index.shape[:2] != (height, -(-width // BLOCK)):
            raise ValueError(f"the lobes' index is {lobes.index.shape} for {height} x {width} texels")
        if self.tilting is None and (lobes.flat or len(lobes.edges)):
            raise ValueError(f"domain {self.domain!r} with facets that are flat, or end at edges, as over tilts alone")
        column, row, columns, rows = lobes.rectangles().T
        if not ((columns > 0) & (rows > 0) & (column + columns <= width) & (row + rows <= height)).all():
            raise ValueError(f"a facet's extent is empty or reaches beyond {height} x {width} texels")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in texels."""
        return self.alpha.shape[1], self.alpha.shape[0]

    @property
    def camera(self) -> Camera:
        """The camera of the capture."""
        return make_camera(self.size, self.camera_distance, self.field_width)

    @property
    def lobes_per_texel(self) -> float:
        """Mean number of lobes, and of facets whose extents reach it, over the texels that the stone covers."""
        return 0.0 if self.lobes is None else self.lobes.seen / max(1, int(np.count_nonzero(self.alpha)))

    @property
    def covered(self) -> U8:
        """How far its texels (H, W) are shown: all of a stone that tilts, whose alpha lies on a plane of its own."""
        return self.alpha if self.tilting is None else np.full_like(self.alpha, 255)

    @cached_property
    def texel_bytes(self) -> float:
        """Bytes resident on a GPU, over all texels of the picture: alpha, base, facets, and lobes facet by facet."""
        lobes = self.lobes
        if lobes is None:
            return self.table_bytes
        facets = lobes.facets.nbytes + lobes.slopes.nbytes + lobes.edges.nbytes
        drawn = make_patches(lobes, self.covered, filled=False).nbytes + facets
        return (self.alpha.nbytes + unread(self.base, "planes").nbytes + drawn) / self.alpha.size

    @property
    def table_bytes(self) -> float:
        """Bytes of alpha and tables, as the stone holds them in memory, over all texels of the picture."""
        lobes = 0 if self.lobes is None else self.lobes.nbytes
        return (self.alpha.nbytes + unread(self.base, "planes").nbytes + lobes) / self.alpha.size

    def save(self, path: str | Path) -> None:
        """Write the stone to a .gdfx file, whole or not at all; `load_stone` reads it. Raises OutputError.

        The same stone gives the same bytes. docs/FORMAT.md tells the layout.
        """
        about: dict[str, object] = {
            "name": self.name,
            "model": self.model,
            "domain": self.domain,
            "size": list(self.size),
            "base": {"basis": self.base.basis, "space": self.base.space},
            "light_radius_rad": self.light_radius_rad,
            "display_gain": self.display_gain,
            "camera_distance": self.camera_distance,
            "field_width": self.field_width,
            "provenance": self.provenance,
        }
        parts: dict[str, npt.NDArray[Any]] = {
            "alpha": self.alpha,
            "light_direction": self.light_direction,
            "base_mix": self.base.mix,
            "base_offset": self.base.offset,
            "base_planes": self.base.planes,
        }
        if self.tilting is not None:
            about["tilt_stretch"] = self.tilting.stretch
            about["plane_height"] = self.tilting.plane_height
            parts |= {"tilt": self.tilting.tilt_rad, "rig_lights": self.tilting.rig_lights}
        if self.lobes is not None:
            about["slope_step"] = self.lobes.slope_step
            about["flat"] = self.lobes.flat
            parts |= {"facets": self.lobes.facets, "facet_slopes": self.lobes.slopes}
            if self.lobes.index.size:
                parts |= {"lobe_index": self.lobes.index, "lobe_refs": self.lobes.refs}
            if len(self.lobes.edges):
                parts["facet_edges"] = self.lobes.edges
            if len(self.lobes.extents) or not self.lobes.index.size:
                parts["facet_extents"] = self.lobes.extents
        write_container(Path(path), about, parts)

    def relight(self, view: View, *, backend: str = "cpu") -> F32:
        """Return one frame (H, W, 4), as `geodfx.relight(stone, view)` does."""
        from geodfx.render import relight  # noqa: PLC0415  # upwards, against the layers: only once it is asked for

        return relight(self, view, backend=backend)
