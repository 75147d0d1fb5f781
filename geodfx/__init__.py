"""GeodFx: photos of a gemstone under many lights become a stone that sparkles under tilt.

    stone = geodfx.process("photos/ruby")                photos -> stone
    stone.save("ruby.gdfx"); geodfx.load("ruby.gdfx")
    view = geodfx.View(lights=(geodfx.DiscLight((0.3, 0.2, 0.9), 0.1),), tilt=geodfx.Tilt(0.05, 0.0))
    frame = geodfx.relight(stone, view)                  (H, W, 4) float32, linear, premultiplied
    geodfx.View(lights=geodfx.preset("counter").lights)  a jewellery counter; also window, box, sun, candle
    geodfx.displayed_light(frame, geodfx.Picture("filmic", headroom=4))    what a display of four times its white shows
    geodfx.evaluate(stone, "photos/ruby_heldout")        how near its frames come to photos
    geodfx.simulate("ruby.toml", "photos/ruby")          recipe -> photos of a stone with known truth
    geodfx.plan("ruby.toml").expected                    what the photos of a rig will tell, before they are taken

Angles are in radians. Every error that is raised on purpose is a GeodfxError.
"""

from __future__ import annotations

from geodfx.api import evaluate, load, plan, process, relight, simulate
from geodfx.errors import (
    BackendError,
    CalibrationError,
    FitError,
    GeodfxError,
    GeodfxWarning,
    OutputError,
    PhotoError,
    RecipeError,
    SessionError,
    StoneError,
    ViewError,
)
from geodfx.evaluate import PhotoScore, Score
from geodfx.planning import Plan
from geodfx.render import DiscLight, Environment, Renderer, Tilt, View
from geodfx.render.picture import Picture, displayed_light
from geodfx.render.presets import Preset, preset
from geodfx.stone import Stone
from geodfx.version import package_version

__all__ = [
    "BackendError",
    "CalibrationError",
    "DiscLight",
    "Environment",
    "FitError",
    "GeodfxError",
    "GeodfxWarning",
    "OutputError",
    "PhotoError",
    "PhotoScore",
    "Picture",
    "Plan",
    "Preset",
    "RecipeError",
    "Renderer",
    "Score",
    "SessionError",
    "Stone",
    "StoneError",
    "Tilt",
    "View",
    "ViewError",
    "__version__",
    "displayed_light",
    "evaluate",
    "load",
    "plan",
    "preset",
    "process",
    "relight",
    "simulate",
]

__version__ = package_version()
