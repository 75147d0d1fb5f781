"""`geodfx info`: what a stone or a session is."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from geodfx.api import load
from geodfx.capture.photos import open_photos
from geodfx.capture.session import read_session
from geodfx.commands.terminal import print_json, shown_bytes
from geodfx.lobe_map import doubt_quantiles
from geodfx.paths import is_folder
from geodfx.stone import Stone

__all__ = ["add_to"]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "info",
        help="what a stone or a session is",
        description="Tell what a .gdfx file or a session folder holds. A session's photos are looked over as "
        "`process` would, without decoding them.",
        allow_abbrev=False,
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="a .gdfx file or a session folder")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    path: Path = options.path
    values = _session_values(path) if is_folder(path) else _stone_values(path)
    if options.json:
        print_json(values)
        return
    for key, value in values.items():
        print(f"{key:18} {_shown(key, value)}")


def _stone_values(path: Path) -> dict[str, object]:
    stone = load(path)
    sharp: dict[str, object] = {}
    if stone.lobes is not None:
        sharp["facets"] = len(stone.lobes.facets)
        sharp["doubt_deg"] = {
            name: None if math.isnan(doubt) else round(math.degrees(doubt), 3)
            for name, doubt in zip(("median", "nine_tenths"), doubt_quantiles(stone.lobes, (0.5, 0.9)), strict=True)
        }
    return {
        "kind": "stone",
        "name": stone.name,
        "model": stone.model,
        "domain": stone.domain,
        "size": list(stone.size),
        "file_bytes": path.stat().st_size,
        "texel_bytes": round(stone.texel_bytes, 3),
        "table_bytes": round(stone.table_bytes, 3),
        "lobes_per_texel": round(stone.lobes_per_texel, 3),
        **sharp,
        "light_radius_deg": round(math.degrees(stone.light_radius_rad), 6),
        "display_gain": stone.display_gain,
        **_capture_values(stone),
        "provenance": stone.provenance,
    }


def _capture_values(stone: Stone) -> dict[str, object]:
    """Return where lights stood or how the stone was tilted, in the order of the photos."""
    if stone.tilting is None:
        return {"lights": [[round(float(x), 6) for x in row] for row in stone.light_direction]}
    return {
        "tilts": [[round(math.degrees(x), 4) for x in row] for row in stone.tilting.tilt_rad.tolist()],
        "rig_lights": [[round(float(x), 6) for x in row] for row in stone.tilting.rig_lights],
        "plane_height": stone.tilting.plane_height,
    }


def _session_values(path: Path) -> dict[str, object]:
    session = read_session(path)
    photos = open_photos(session)
    values: dict[str, object] = {
        "kind": "session",
        "name": session.stone,
        "domain": session.domain,
        "photos": list(photos.names),
        "size": list(photos.size),
        "type": photos.dtype.name,
        "transfer": photos.transfer,
        "white_value": photos.white_value,
    }
    radius = session.light_radius_rad
    values["light_radius_deg"] = None if radius is None else round(math.degrees(radius), 6)
    if session.light_direction is not None:
        values["lights"] = [[round(float(x), 6) for x in row] for row in session.light_direction]
    if session.tilt_rad is not None:
        values["tilts"] = [[round(math.degrees(x), 6) for x in row] for row in session.tilt_rad]
    if session.spheres:
        values["spheres"] = len(session.spheres)
    return values


def _shown(key: str, value: object) -> str:
    """Return a value on one line; of a long list, how many and the ends."""
    if key == "size" and isinstance(value, list):
        return " x ".join(str(side) for side in value)
    if key == "file_bytes" and isinstance(value, int):
        return shown_bytes(value)
    if isinstance(value, list):
        return f"{len(value)}: {value[0]} ... {value[-1]}" if value else "0"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(name, entry)}" for name, entry in value.items()) or "-"
    return "-" if value is None else str(value)
