"""Every error that GeodFx raises on purpose, as one tree.

    GeodfxError
      SessionError        session.toml, a light or tilt file, a trace, a mask: what a person wrote
      PhotoError          one photo: missing, truncated, of another size, unreadable, duplicate
      CalibrationError    light directions that cannot be, or a chrome sphere that cannot be read
      FitError            photos that are in order but too few or too dark for the model
      StoneError          a .gdfx file: truncated, altered, newer than this version, absurd
      ViewError           a light, tilt, pose, environment or size that cannot be rendered
      BackendError        no GPU context, or one that fails
      RecipeError         a recipe of a simulated session, or a facet design that it names
      OutputError         a place that cannot be written, a disk that is full

    GeodfxWarning (of UserWarning): something was assumed; the work goes on

The command prints the message on one line and exits with 1. A message names the file, says what was expected
and found, and what to do.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "CalibrationError",
    "FitError",
    "GeodfxError",
    "GeodfxWarning",
    "OutputError",
    "PhotoError",
    "RecipeError",
    "SessionError",
    "StoneError",
    "ViewError",
]


class GeodfxError(Exception):
    """Base of every error that GeodFx raises on purpose."""


class SessionError(GeodfxError):
    """A session's own text or mask is wrong."""


class PhotoError(GeodfxError):
    """A photo cannot be used."""


class CalibrationError(GeodfxError):
    """Light directions cannot be used, or cannot be found."""


class FitError(GeodfxError):
    """The photos do not determine the model."""


class StoneError(GeodfxError):
    """A .gdfx file cannot be used."""


class ViewError(GeodfxError):
    """What was asked to be shown cannot be rendered."""


class BackendError(GeodfxError):
    """The GPU cannot be used."""


class RecipeError(GeodfxError):
    """A recipe, or a facet design that it names, cannot be used."""


class OutputError(GeodfxError):
    """A result cannot be written."""


class GeodfxWarning(UserWarning):
    """Something that was not told had to be assumed."""
