"""`geodfx relight`: a stone under lights or an environment, tilted, as a frame, frames or a film."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from geodfx.api import load
from geodfx.arrays import F32
from geodfx.capture.session import read_lp, read_tilts
from geodfx.commands.terminal import print_json, shown_progress
from geodfx.gamut import GAMUTS
from geodfx.images import check_writable
from geodfx.paths import is_folder
from geodfx.render import DiscLight, Environment, Renderer, Tilt, View
from geodfx.render.film import FILM_FPS, FILM_FPS_MOST, FILM_SUFFIXES, write_film
from geodfx.render.output import FRAME_SUFFIXES, LINEAR_SUFFIXES, brightened, frame_stems, white_gain, write_frame
from geodfx.render.picture import CURVES, Picture
from geodfx.render.presets import Preset, preset, preset_names
from geodfx.staging import staged
from geodfx.stone import Stone

__all__ = ["add_to"]

DESCRIPTION = """\
Relight a stone. Give what lights it: --light, --environment or both, --lights or --preset. A stone that was captured by
its tilt is shown by --tilt or --tilts alone.

OUT is a picture (.npy, .exr, .png, .webp). With --lights or --tilts it is a folder, made if need be, of one frame a
line, named after the photo or row; or a film if it ends in .webp, .png or .mp4 (no alpha).

Exposure: .npy and .exr hold linear light in white-card units, times 2^EV. .png and .webp hold what a display shows:
with lights only, the light times the stone's display gain (see `geodfx info`) times 2^EV; with an environment or a
preset, exposed so that 90% of the untilted stone stays below white, once for all frames, times 2^EV; then --bloom,
--gamut and --tone. A preset may ask for a little more or less."""


@dataclass(frozen=True)
class _Job:
    """All frames of one call."""

    views: tuple[View, ...]
    names: tuple[str, ...] | None  # a frame each, as its file writes them; None: a single frame
    source: Path | None  # the file with the names


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "relight",
        help="show a stone under lights or an environment, tilted",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("stone", type=Path, metavar="STONE.gdfx")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    add = parser.add_argument
    add(
        "--light",
        type=_numbers(3, 5),
        action="append",
        default=[],
        metavar="X,Y,Z[,RADIUS_DEG[,INTENSITY]]",
        help="a disc light towards x (right), y (up), z (camera); radius as in the capture and intensity 1 unless "
        "given; repeatable",
    )
    add("--lights", type=Path, metavar="FILE.lp", help="one frame a line, each with that light alone")
    add("--light-radius", type=_number, metavar="DEG", help="radius of the --lights (default: as in the capture)")
    add("--environment", type=Path, metavar="FILE.hdr", help="latitude-longitude map around the stone")
    add("--preset", metavar="NAME", help=f"lights of a place: {', '.join(preset_names())}, or your own FILE.toml")
    add("--tilt", type=_numbers(2, 2), metavar="PITCH,ROLL", help="degrees; above 0: top edge nearer, right edge away")
    add("--tilts", type=Path, metavar="FILE.csv", help="one frame a row; columns file,pitch_deg,roll_deg")
    add("--frame-suffix", choices=FRAME_SUFFIXES, help="of the frames in the folder OUT (default: .png)")
    add(
        "--fps",
        type=_rate,
        metavar="N",
        help=f"frames a second of a film, 1 to {FILM_FPS_MOST:g} (default: {FILM_FPS:g})",
    )
    add("--exposure", type=_number, default=0.0, metavar="EV", help="light is multiplied by 2^EV (default: 0)")
    add("--tone", choices=CURVES, help="how light becomes a picture: plain clips (default), filmic rolls off")
    add(
        "--bloom",
        type=_share,
        metavar="AMOUNT",
        help="share, 0 to 1, of the light over white that spreads (default: 0)",
    )
    add(
        "--gamut",
        choices=tuple(GAMUTS),
        help="colours of the picture: srgb (default), or p3 (Display P3), as it then says",
    )
    add("--backend", choices=("cpu", "gpu"), default="cpu", help="what renders (default: cpu)")
    add("--size", type=int, metavar="N", help="longest side in pixels (default: one pixel a texel)")
    add("--json", action="store_true", help="print one line of JSON: the files, and the gain of displayed ones")
    parser.set_defaults(run=_run, parser=parser)


def _run(options: argparse.Namespace) -> None:
    _check_usage(options)
    stone = load(options.stone)
    if stone.tilting is None and not (options.light or options.lights or options.environment or options.preset):
        options.parser.error("nothing lights the stone: give --light, --lights, --environment or --preset")
    place = None if options.preset is None else preset(options.preset)
    job = _plan(stone, options, place)
    out: Path = options.output
    is_film = job.names is not None and out.suffix.lower() in FILM_SUFFIXES
    suffix = (options.frame_suffix or ".png") if job.names is not None and not is_film else out.suffix.lower()
    picture = Picture(options.tone or "plain", options.bloom or 0.0, gamut=options.gamut or "srgb")
    with Renderer(stone, options.backend) as renderer, shown_progress() as progress:
        gain = None if suffix in LINEAR_SUFFIXES else _display_gain(renderer, stone, job, place)

        def frames() -> Iterator[F32]:
            for i, view in enumerate(job.views):
                yield renderer.render(view)
                progress("relight", i + 1, len(job.views))

        if is_film:
            check_writable(out)
            write_film(out, (brightened(frame, gain or 1.0) for frame in frames()), picture, options.fps or FILM_FPS)
            files = [out]
        elif job.names is None or job.source is None:
            check_writable(out)
            write_frame(out, next(frames()), gain or 1.0, picture)
            files = [out]
        else:
            stems = frame_stems(job.names, job.source)
            with staged(out) as folder:
                for stem, frame in zip(stems, frames(), strict=True):
                    write_frame(folder / f"{stem}{suffix}", frame, gain or 1.0, picture)
            files = [out / f"{stem}{suffix}" for stem in stems]
    if options.json:
        print_json({"files": [str(path) for path in files], "frames": len(job.views), "display_gain": gain})
    else:
        print(f"{out}: {len(job.views)} frame{'s' if len(job.views) > 1 else ''}")


def _check_usage(options: argparse.Namespace) -> None:
    """Exit with code 2 where the options do not go together."""
    wrong: Callable[[str], None] = options.parser.error
    lights, tilts, out = options.lights, options.tilts, options.output
    if not (options.light or lights or options.environment or options.preset or options.tilt or tilts):
        lit_by = "--light, --lights, --environment or --preset"
        wrong(f"nothing to show: give {lit_by}, or of a stone captured by its tilt a tilt")
    if options.preset and (options.light or lights or options.environment):
        wrong("--preset has all its lights: leave out --light, --lights and --environment")
    if lights and (options.light or options.environment):
        wrong("--lights takes each of its lights alone: leave out --light and --environment")
    if tilts and (lights or options.tilt):
        wrong(f"--tilts and {'--lights' if lights else '--tilt'} do not go together")
    if options.light_radius is not None and not lights:
        wrong("--light-radius is that of --lights; of a single light write --light X,Y,Z,RADIUS_DEG")
    several = bool(lights or tilts)
    if options.frame_suffix and not (several and out.suffix.lower() not in FILM_SUFFIXES):
        wrong("--frame-suffix is for the frames in a folder; a single picture or film is what OUT ends in")
    if options.fps is not None and not (several and out.suffix.lower() in FILM_SUFFIXES):
        wrong(f"--fps is for a film: several frames, and OUT ends in one of {', '.join(FILM_SUFFIXES)}")
    if not several and out.suffix.lower() not in FRAME_SUFFIXES:
        wrong(f"{out}: OUT must end in one of {', '.join(FRAME_SUFFIXES)}")
    linear = (options.frame_suffix or out.suffix.lower()) in LINEAR_SUFFIXES
    for name in ("tone", "bloom", "gamut"):
        if linear and getattr(options, name) is not None:
            wrong(f"--{name} is for what a display shows; .npy and .exr hold the light itself")
    if several and out.suffix.lower() in LINEAR_SUFFIXES and not is_folder(out):
        wrong(f"{out}: several frames go into a folder, or into a film that ends in one of {', '.join(FILM_SUFFIXES)}")


def _plan(stone: Stone, options: argparse.Namespace, place: Preset | None) -> _Job:
    """Return what to render. Raises SessionError, CalibrationError or ViewError."""
    environment = None if options.environment is None else Environment.load(options.environment)
    tilt = Tilt(*(math.radians(x) for x in options.tilt)) if options.tilt else Tilt()
    own = math.degrees(stone.light_radius_rad)
    names: tuple[str, ...] | None = None
    lit: list[tuple[DiscLight, ...]] = [tuple(_light(numbers, own) for numbers in options.light)]
    if place is not None:
        lit = [place.lights]
    if options.lights is not None:
        names, directions = read_lp(options.lights)
        radius = own if options.light_radius is None else options.light_radius
        lit = [(_light([*row, radius], own),) for row in directions.tolist()]
    tilts = [tilt]
    if options.tilts is not None:
        names, turns = read_tilts(options.tilts)
        tilts = [Tilt(pitch, roll) for pitch, roll in turns.tolist()]
    views = tuple(View(lights, environment, turn, options.exposure, options.size) for lights in lit for turn in tilts)
    return _Job(views, names, options.lights or options.tilts)


def _light(numbers: list[float], own_radius_deg: float) -> DiscLight:
    """Return a light of 3 to 5 numbers: direction, radius in degrees, intensity."""
    x, y, z, radius, intensity = [*numbers, *(own_radius_deg, 1.0)[len(numbers) - 3 :]]
    return DiscLight((x, y, z), math.radians(radius), (intensity,) * 3)


def _display_gain(renderer: Renderer, stone: Stone, job: _Job, place: Preset | None) -> float:
    """Return what linear light is multiplied by for a display, but for the exposure that is asked for."""
    view = job.views[0]
    if view.environment is None and place is None:
        return stone.display_gain
    untilted = renderer.render(dataclasses.replace(view, tilt=Tilt(), exposure_ev=0.0, size=None))
    return white_gain(untilted) * math.exp2(0.0 if place is None else place.exposure_ev)


def _number(text: str) -> float:
    """Return a finite number. Raises ArgumentTypeError."""
    return _numbers(1, 1)(text)[0]


def _share(text: str) -> float:
    """Return a number of 0 to 1. Raises ArgumentTypeError."""
    return _within(text, 0, 1)


def _rate(text: str) -> float:
    """Return frames a second. Raises ArgumentTypeError."""
    return _within(text, 1, FILM_FPS_MOST)


def _within(text: str, low: float, high: float) -> float:
    if not low <= (number := _number(text)) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not within {low:g} and {high:g}")
    return number


def _numbers(fewest: int, most: int) -> Callable[[str], list[float]]:
    """Return a reader of numbers with commas between."""

    def read(text: str) -> list[float]:
        try:
            numbers = [float(word) for word in text.split(",")]
        except ValueError:
            numbers = []
        if not (fewest <= len(numbers) <= most and all(math.isfinite(number) for number in numbers)):
            count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not {count} finite number{'s' if most > 1 else ''}")
        return numbers

    return read
