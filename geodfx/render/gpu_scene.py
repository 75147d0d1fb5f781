"""What a GPU holds of one stone, and the passes that draw it: a context, textures, programs, a buffer to draw to.

Its passes are those of gpu_programs.py.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import moderngl
import numpy as np
import numpy.typing as npt

from geodfx.arrays import F32, U8
from geodfx.constants import FACET_ROW
from geodfx.errors import BackendError
from geodfx.gamut import GAMUTS, rec709_matrix
from geodfx.lobe_map import WEIGHT, decode_facets, empty_lobes
from geodfx.patches import is_wide, make_patches
from geodfx.render.cells import Cells, is_fine, make_cells
from geodfx.render.environment import Environment
from geodfx.render.gpu_context import open_context, told_as_backend_error
from geodfx.render.gpu_layout import fold_rows, lay_maps, lay_planes, read_places
from geodfx.render.gpu_lists import FacetLists, FlashLists, has_few_lights
from geodfx.render.gpu_programs import (
    ADDED,
    BASE,
    CELLS,
    CORNERS,
    FINE,
    FLASH,
    NODES,
    PATCH,
    PICTURE,
    RIM,
    RIMS,
    VERTEX_TEXTS,
    Step,
    alpha_is_behind,
    has_flashes,
    layer_columns,
    layers,
    picture_texts,
    shader_texts,
)
from geodfx.render.lighting import Lighting
from geodfx.render.picture import Picture
from geodfx.render.shader_text import VERSIONS, assemble
from geodfx.stone import Stone

__all__ = ["SOFTWARE", "Scene"]

SOFTWARE = ("llvmpipe", "softpipe", "SwiftShader")  # drivers that draw on the CPU
RGB565 = 0x8D62  # GL_RGB565, of OpenGL ES 2.0 and ARB_ES2_compatibility
LEAST_SHOWN = 1e-6  # displayed, of white: half a code of 255
MOST_HALF = 32768.0  # the light of cells is held in halves, which reach twice as far


class _Pass(NamedTuple):
    """A program, and the triangle over all that it draws, where it does not draw instances."""

    program: Any
    everywhere: Any


class Scene:
    """A context, the stone in its textures, and a buffer to draw to. All calls from one thread."""

    def __init__(self, stone: Stone, version: str) -> None:
        self._context = open_context()
        try:
            with told_as_backend_error("the GPU cannot hold or draw this stone"):
                self.name, self._version = str(self._context.info["GL_RENDERER"]), version
                self._largest = int(self._context.info["GL_MAX_TEXTURE_SIZE"])
                self._prepare(stone, version)
        except BaseException:
            self._context.release()
            raise

    def _prepare(self, stone: Stone, version: str) -> None:
        width, height = self._size = stone.size
        self._check_size("the picture", width, height)
        lobes = empty_lobes(stone.alpha.shape) if stone.lobes is None else stone.lobes
        lobes.check()
        if len(lobes.edges) and not lobes.flat:
            told = f"the stone {stone.name!r} has facets that end and are not flat, as files of format 3 have"
            raise BackendError(f"{told}; process its session again, or use backend='cpu'")
        facets = decode_facets(lobes)
        self._peak = float(facets[:, WEIGHT : WEIGHT + 3].max(initial=0.0))
        self._layers, self._plane_count = layers(stone), len(stone.base.planes)
        self._linear = stone.base.space == "linear"
        patches = make_patches(lobes, stone.covered)
        self._frame = self._target((width, height), (4, "f4"))
        self._textures = {
            **self._base(stone),
            "share_sheet": self._sheet(patches.sheet),
            "facet_words": self._facets(lobes.facets),
            "facet_slopes": self._facets(lobes.slopes),
        }
        self._environment: Environment | None = None
        self._environment_unit = 1.0
        # Halves are what every OpenGL ES and WebGL 2 can draw to and filter; desktops do so with floats.
        self._light_type = "f4" if version == "330 core" else "f2"
        self._make_programs(stone, version, wide=is_wide(patches))
        self._cells = None if has_flashes(stone) else make_cells(lobes, facets, stone.alpha.shape)
        self._lists: FacetLists | FlashLists
        if self._cells is None:
            self._lists = FlashLists(self._context, facets, lobes, patches)
            self._textures["facet_edges"] = self._facets(lobes.edges.reshape(-1, 4), 4)
        else:
            self._lists = FacetLists(self._context, self._cells, patches)
            self._hold_cells(self._cells)
        self._set(
            facet_count=len(facets),
            slope_count=len(lobes.slopes),
            edge_count=len(lobes.edges),
            slope_step=lobes.slope_step,
            least_shown=LEAST_SHOWN / stone.display_gain,
            sheet_unit=(1 / patches.sheet.shape[1], 1 / patches.sheet.shape[0]),
        )

    def _hold_cells(self, cells: Cells) -> None:
        """Hold the light of facets and their nodes in textures."""
        light = self._light_type
        self._lit = self._target(cells.size, (4, light), (4, light))
        for texture in self._lit.color_attachments:
            texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
            texture.write(bytes(4 * int(light[1]) * cells.size[0] * cells.size[1]))  # dark grids are not drawn
        self._rims = self._target((FACET_ROW, max(1, -(-len(cells.spread) // FACET_ROW))), (4, light))
        self._textures |= {
            "facet_spread": self._facets(cells.spread),
            "facet_places": self._facets(read_places(cells)),
            "environment_maps": self._rows("environment", np.zeros((1, 1, 3), np.float32)),
            "cell_light": self._lit.color_attachments[0],
            "cell_ramp": self._lit.color_attachments[1],
            "facet_flash": self._rims.color_attachments[0],
        }
        self._set(cell_unit=(1 / cells.size[0], 1 / cells.size[1]))

    def _make_programs(self, stone: Stone, version: str, *, wide: bool) -> None:
        """Compile what frames take, in the order in which it is drawn."""
        texts = shader_texts(stone, version, wide=wide)
        self._steps = {step: self._pass(*its, instanced=step[0] in VERTEX_TEXTS) for step, its in texts.items()}

    def _pass(self, vertex: str, fragment: str, *, instanced: bool = False) -> _Pass:
        """Return a pass over instances, or over all pixels of what it draws to."""
        program = self._context.program(vertex_shader=vertex, fragment_shader=fragment)
        return _Pass(program, None if instanced else self._context.vertex_array(program, []))

    def draw(self, lighting: Lighting) -> F32:
        """Return the frame (H, W, 4)."""
        frame = np.empty((*self._size[::-1], 4), np.float32)
        with self._told():
            self._paint(lighting)
            self._frame.read_into(frame, components=4, dtype="f4")
        return frame

    def show(self, lighting: Lighting, exposure: float, picture: Picture, codes: U8) -> None:
        """Write the codes (H, W, 4) of a frame."""
        step = (PICTURE, "")
        with self._told():
            if step not in self._steps:
                self._steps[step] = self._pass(*picture_texts(self._version))
                self._codes = self._target(self._size, (4, "f1"))
                self._textures["linear_frame"] = self._frame.color_attachments[0]
            self._paint(lighting)
            to_gamut = np.ascontiguousarray(rec709_matrix(GAMUTS[picture.gamut]).T)  # GL stores columns
            self._set(to_gamut=to_gamut, exposure=exposure, is_filmic=picture.curve == "filmic")
            self._draw(step, self._codes)
            self._codes.read_into(codes, components=4, dtype="f1")

    def _paint(self, lighting: Lighting) -> None:
        for step, target in self._light(lighting, self._frame):
            self._draw(step, target)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise BackendError where drawing fails."""
        with told_as_backend_error("the GPU failed to draw"):
            yield
            error = self._context.error
        if error != "GL_NO_ERROR":
            raise BackendError(f"the GPU failed to draw ({error}); make a new renderer or use backend='cpu'")

    def time(self, lighting: Lighting, rounds: int) -> dict[str, float]:
        """Return the seconds of each pass, the least of some rounds."""
        with self._told():
            steps = self._light(lighting, self._target(self._size, (4, "f1")))
            spent: defaultdict[str, float] = defaultdict(float)
            for step, target in steps:
                spent[step[0]] += min(self._timed(step, target) for _ in range(rounds))
            return dict(spent)

    def count(self, lighting: Lighting) -> dict[str, int]:
        """Return the texels that each pass draws."""
        counts = Counter[str]()
        with self._told():
            for step, target in self._light(lighting, self._frame):
                query = self._context.query(samples=True)
                with query:
                    self._draw(step, target)
                counts[step[0]] += int(query.samples)
        return dict(counts)

    def time_shader(self, fragment: str, rounds: int) -> float:
        """Return the seconds of another shader over the frame's texels, the least of some rounds."""
        with self._told():
            noise = np.random.default_rng(0).integers(0, 256, (*self._size[::-1], 4), np.uint8).tobytes()
            textures = [self._context.texture(self._size, 4, noise) for _ in range(3)]
            step = ("yardstick", "")
            text = f"#version {self._version}\n{VERSIONS[self._version]}\n{fragment}"
            self._steps[step] = self._pass(assemble(("triangle",), self._version), text)
            names = ("first", "second", "third")
            self._textures |= dict(zip(names, textures, strict=True))
            try:
                target = self._target(self._size, (4, "f1"))
                return min(self._timed(step, target) for _ in range(rounds))
            finally:
                del self._steps[step]
                for name in names:
                    self._textures.pop(name).release()

    def _timed(self, step: Step, target: Any) -> float:
        query = self._context.query(time=True)
        self._context.finish()
        begin = time.perf_counter()
        with query:
            self._draw(step, target)
        self._context.finish()
        spent = time.perf_counter() - begin
        return spent if any(name in self.name for name in SOFTWARE) else float(query.elapsed) / 1e9

    def _light(self, lighting: Lighting, frame: Any) -> list[tuple[Step, Any]]:
        """Take the light of a frame, and return its passes with what each draws to."""
        self._set_environment(lighting.environment)
        self._set_lighting(lighting)
        self._drawn = self._lists.draw(lighting)
        steps: list[tuple[Step, Any]] = [((BASE, ""), frame), ((FLASH, ""), frame)]  # adds to it
        if self._cells is not None:
            fine = is_fine(lighting.lights, self._cells.step)
            kinds = [FINE] if fine else [RIM] if len(lighting.lights) else [CORNERS, NODES]
            self._set(is_fine=fine, is_sparse=has_few_lights(lighting))
            steps = [((RIMS, ""), self._rims), ((CELLS, ""), self._lit), steps[0]]
            steps += [((PATCH, kind), frame) for kind in kinds]
        return [(step, target) for step, target in steps if step in self._steps]

    def release(self) -> None:
        """Destroy the context, and with it what it holds."""
        self._context.release()

    def _draw(self, step: Step, target: Any) -> None:
        (program, everywhere), unit = self._steps[step], 0
        for name, texture in self._textures.items():
            if name in program:
                texture.use(unit)
                program[name] = unit
                unit += 1
        target.use()
        if everywhere is not None:
            everywhere.render(moderngl.TRIANGLES, vertices=3)
            return
        with self._context.scope(target, moderngl.BLEND if step[0] in ADDED else moderngl.NOTHING):
            self._context.blend_func = moderngl.ONE, moderngl.ONE
            for instances in self._drawn.get(step, ()):
                instances.render(program)

    def _set(self, **values: Any) -> None:
        """Set uniforms in all programs that have them."""
        for program, _ in self._steps.values():
            for name, value in values.items():
                if name in program:
                    if isinstance(value, np.ndarray):
                        program[name].write(value.astype(np.float32).tobytes())
                    else:
                        program[name] = value

    def _set_lighting(self, lighting: Lighting) -> None:
        lights = lighting.lights
        discs = np.stack([lights[:, :4], lights[:, [6, 7, 8, 4]]], axis=1)
        self._set_rows("light_rows", discs)
        if self._linear:
            weights = np.zeros((self._plane_count, 3), np.float32)
            bright = lighting.base_intensity[0]
            weights[1 : 1 + lighting.base_weight.shape[1]] = lighting.base_weight[0] * bright
            self._set(base_weights=weights, base_offset=lighting.base_offset[0] * bright)
        else:
            rows = np.zeros((len(lighting.base_weight), 4 * self._layers + 2, 3), np.float32)
            rows[:, : lighting.base_weight.shape[1]] = lighting.base_weight
            rows[:, -2], rows[:, -1] = lighting.base_offset, lighting.base_intensity
            self._set_rows("base_rows", rows)
        brightest = float(lights[:, 6:].sum(axis=0).max(initial=0.0))
        if lighting.environment is not None:
            brightest += lighting.gain * self._environment_peak
        self._set(
            base_row_count=len(lighting.base_weight),
            light_count=len(lights),
            has_environment=lighting.environment is not None,
            display_gain=lighting.display_gain,
            gain=lighting.gain * self._environment_unit,
            light_unit=max(1.0, self._peak * brightest / MOST_HALF),
            rotation=np.ascontiguousarray(lighting.rotation.T),  # GL stores columns
        )

    def _set_rows(self, name: str, table: F32) -> None:
        """Hold a table (N, C, 3 or 4) in a texture; one of no rows is not read."""
        if name in self._textures:
            self._textures.pop(name).release()
        self._textures[name] = self._rows("lights", table if len(table) else np.zeros((1, *table.shape[1:]), "f4"))

    def _set_environment(self, environment: Environment | None) -> None:
        if environment is not None and environment is not self._environment:
            self._environment, self._environment_peak = environment, float(environment.maps.max())
            self._environment_unit = max(1.0, self._environment_peak / MOST_HALF)
            maps = lay_maps(environment.maps) / self._environment_unit
            self._textures.pop("environment_maps").release()
            self._textures["environment_maps"] = texture = self._rows("environment", maps.astype(self._light_type))
            texture.filter = (moderngl.LINEAR, moderngl.LINEAR)

    def _base(self, stone: Stone) -> dict[str, Any]:
        """Return textures of a stone's base, black where nothing is covered, and of its alpha, see `lay_planes`."""
        planes = np.where(stone.covered > 0, stone.base.planes, 0)
        if alpha_is_behind(stone):
            return {"base_planes": self._planes(np.concatenate([planes, stone.covered[None]]))}
        return {"base_planes": self._planes(planes), "alpha_codes": self._planes(stone.covered[None])}

    def _planes(self, planes: U8) -> Any:
        """Return planes (P, H, W) as a texture."""
        sheet = lay_planes(planes, layer_columns(-(-len(planes) // 4)))
        size = sheet.shape[1], sheet.shape[0]
        self._check_size("the base's planes", *size)
        texture = self._context.texture(size, sheet.shape[2], sheet.tobytes(), alignment=1)
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return texture

    def _target(self, size: tuple[int, int], *kinds: tuple[int, str]) -> Any:
        """Return a buffer of textures to draw to, each of so many parts of a type."""
        self._check_size("the facets", *size)
        textures = [self._context.texture(size, parts, dtype=dtype) for parts, dtype in kinds]
        for texture in textures:
            texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return self._context.framebuffer(color_attachments=textures)

    def _sheet(self, roots: U8) -> Any:
        """Return a texture of shares (H, W, 3), of 5, 6 and 5 bits."""
        size = roots.shape[1], roots.shape[0]
        self._check_size("the lobes", *size)
        texture = self._context.texture(size, 3, roots.tobytes(), alignment=1, internal_format=RGB565)
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return texture

    def _facets(self, values: npt.NDArray[Any], parts: int = 1) -> Any:
        """Return a texture that holds a list of facets, each of so many texels."""
        return self._rows("facets", fold_rows(values, parts * FACET_ROW))

    def _rows(self, name: str, rows: npt.NDArray[Any]) -> Any:
        """Return a texture (R, W, C)."""
        size = rows.shape[1], rows.shape[0]
        self._check_size(f"the {name}", *size)
        dtype = f"{rows.dtype.kind}{rows.dtype.itemsize}"
        texture = self._context.texture(size, rows.shape[-1], rows.tobytes(), dtype=dtype, alignment=1)
        texture.filter = (moderngl.NEAREST, moderngl.NEAREST)  # OpenGL ES reads no other filter from 32 bits
        return texture

    def _check_size(self, what: str, width: int, height: int) -> None:
        if max(width, height) > self._largest:
            raise BackendError(
                f"{what} need a texture of {width} x {height}, this GPU takes {self._largest}; use backend='cpu'"
            )
