"""`geodfx plan`: a rig judged before it is shot."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from geodfx.api import plan
from geodfx.arrays import F64
from geodfx.commands.terminal import print_json
from geodfx.images import check_writable
from geodfx.planning import Expected, Plan
from geodfx.planning.drawing import DRAWING_SUFFIXES
from geodfx.planning.expect import LOCATED_DEG
from geodfx.planning.picture import write_picture

__all__ = ["add_to"]

TOLD_PLACES = 3  # of gaps and of more lights; the JSON has them all
UNEVEN = 0.8  # of their even spacing: lights nearer to one another than so are the rings and paths of docs/PLAN.md


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the parser."""
    parser = commands.add_parser(
        "plan",
        help="judge a rig before it is shot",
        description="Tell from where the lights stand and how large they are which of a stone's flashes their photos "
        "will show, how well they will tell their directions, and what to change. docs/PLAN.md tells what each figure "
        "means.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source", type=Path, metavar="SESSION_OR_RIG", help="a session folder, a recipe .toml, or a light file .lp"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="PICTURE", help="the sphere of lights, .png or .svg")
    parser.add_argument(
        "--light-radius",
        type=_degrees(0.1, 60),
        metavar="DEG",
        help="angular radius of the lights, in place of the told",
    )
    parser.add_argument(
        "--symmetry",
        metavar="NAME",
        help="of the stone: D8 a round brilliant, D2 a step cut, D1 a pear, C3 three turns without mirrors; the lights "
        "of a texel's copies count as well (default: none)",
    )
    parser.add_argument(
        "--aim",
        type=_degrees(0.05, 45),
        default=1.0,
        metavar="DEG",
        help="median error to count lights for (default: 1)",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=_run, parser=parser)


def _run(options: argparse.Namespace) -> None:
    picture: Path | None = options.output
    if picture is not None:
        if picture.suffix.lower() not in DRAWING_SUFFIXES:
            options.parser.error(f"{picture}: PICTURE must end in one of {', '.join(DRAWING_SUFFIXES)}")
        check_writable(picture)
    radius = None if options.light_radius is None else math.radians(options.light_radius)
    aim = math.radians(options.aim)
    planned = plan(options.source, light_radius_rad=radius, symmetry=options.symmetry, aim_rad=aim)
    if picture is not None:
        write_picture(planned, picture)
    if options.json:
        print_json(_values(planned) | {"picture": None if picture is None else str(picture)})
        return
    print(_text(planned))
    if picture is not None:
        print(f"{picture}: the sphere of lights")


def _text(planned: Plan) -> str:
    """Return what a technician needs to know, a line each."""
    expected = planned.expected
    lights, radius = len(planned.light_direction), math.degrees(planned.light_radius_rad)
    lines = [
        f"{planned.source}: {lights} lights of radius {radius:.1f} degrees, "
        f"{math.degrees(planned.spacing_rad):.1f} degrees apart",
        f"seen       {expected.seen_share:.0%} of the exit directions light up in some photo",
        f"error      {_errors(expected)}",
        f"located    {expected.located_share:.0%} of the exit directions to {LOCATED_DEG:g} degree",
        f"alone      {expected.alone_share:.0%} of the flashes share no light with another of their texel",
    ]
    if planned.symmetry is not None:
        lines.insert(1, f"symmetry   {planned.symmetry}: the lights of a texel's copies count as well")
    else:
        lines.insert(3, f"eightfold  {_errors(planned.eightfold)}, of a stone cut evenly like a brilliant (--symmetry)")
    told = planned.gaps[:TOLD_PLACES]
    gaps = [f"{math.degrees(gap.radius_rad):.0f} degrees around {_where(gap.direction)}" for gap in told]
    lines.append(f"gaps       {'; '.join(gaps) if gaps else 'none'}")
    if planned.spacing_rad < UNEVEN * planned.even_spacing_rad:
        note = "the lights stand unevenly: the median and nine tenths of one stone may be half or twice what is told"
        lines.append(f"note       {note}")
    lines += [f"{'advice' if i == 0 else '':10} {line}" for i, line in enumerate(_advice(planned))]
    return "\n".join(lines)


def _advice(planned: Plan) -> list[str]:
    """Return the changes that are worth it, or that none is."""
    advice, expected = planned.advice, planned.expected
    lines = []
    if advice.radius_rad != planned.light_radius_rad:
        change = "larger" if advice.radius_rad > planned.light_radius_rad else "smaller"
        across = 2 * math.tan(advice.radius_rad)
        lines.append(
            f"{change} lights: radius {math.degrees(advice.radius_rad):.1f} degrees (a diffuser {across:.2f} of its "
            f"distance across): {advice.with_radius.seen_share:.0%} seen, {_errors(advice.with_radius)}"
        )
    aim = f"a median error of {math.degrees(advice.aim_rad):g} degrees"
    if expected.error_median_rad <= advice.aim_rad:
        lines.append(f"{aim} is reached")
    elif advice.lights is None:
        lines.append(f"{aim} is out of reach of lights this large, however many")
    else:
        lines.append(f"{aim} takes about {advice.lights} lights of this radius, evenly spread")
    if len(advice.added) and advice.seen_share > expected.seen_share:
        places = "; ".join(_where(light) for light in advice.added[:TOLD_PLACES])
        lines.append(f"{len(advice.added)} more lights would show {advice.seen_share:.0%}; the first ones at {places}")
    return lines


def _errors(expected: Expected) -> str:
    median, most = math.degrees(expected.error_median_rad), math.degrees(expected.error_nine_tenths_rad)
    return f"{median:.2g} degrees median, {most:.2g} at nine tenths"


def _where(direction: F64) -> str:
    """Return a direction as a height and a turn, as one would set a light."""
    x, y, z = direction.tolist()
    height, turn = math.degrees(math.asin(min(z, 1.0))), math.degrees(math.atan2(y, x)) % 360
    return f"height {height:.0f}, turn {turn:.0f}"


def _values(planned: Plan) -> dict[str, object]:
    """Return the plan as plain values; angles in degrees."""
    advice = planned.advice
    return {
        "source": str(planned.source),
        "symmetry": planned.symmetry,
        "lights": len(planned.light_direction),
        "light_radius_deg": _deg(planned.light_radius_rad),
        "spacing_deg": _deg(planned.spacing_rad),
        "even_spacing_deg": _deg(planned.even_spacing_rad),
        "noise": planned.noise,
        **_expected(planned.expected),
        "eightfold": _expected(planned.eightfold),
        "gaps": [{"direction": _row(gap.direction), "radius_deg": _deg(gap.radius_rad)} for gap in planned.gaps],
        "advice": {
            "light_radius_deg": _deg(advice.radius_rad),
            "with_light_radius": _expected(advice.with_radius),
            "aim_deg": _deg(advice.aim_rad),
            "lights": advice.lights,
            "with_lights": None if advice.with_lights is None else _expected(advice.with_lights),
            "added": [_row(light) for light in advice.added],
            "seen_with_added": round(advice.seen_share, 4),
        },
    }


def _expected(expected: Expected) -> dict[str, float]:
    return {
        "seen": round(expected.seen_share, 4),
        "located": round(expected.located_share, 4),
        "alone": round(expected.alone_share, 4),
        "error_median_deg": _deg(expected.error_median_rad),
        "error_nine_tenths_deg": _deg(expected.error_nine_tenths_rad),
    }


def _deg(angle_rad: float) -> float:
    return round(math.degrees(angle_rad), 3)


def _row(direction: F64) -> list[float]:
    return [round(float(x), 4) for x in direction]


def _degrees(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of an angle in degrees."""

    def read(text: str) -> float:
        try:
            angle = float(text)
        except ValueError:
            angle = math.nan
        if not low <= angle <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of degrees from {low:g} to {high:g}")
        return angle

    return read
