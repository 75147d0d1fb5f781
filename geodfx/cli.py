"""The command `geodfx`: arguments in, an exit code out. The work is done in `geodfx.commands`.

0: done. 1: a known error, told on one line. 2: wrong usage. 130: interrupted. 141: nobody reads on (as in `| head`).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence

from geodfx.commands import bench, evaluate, info, plan, process, relight, simulate
from geodfx.commands.terminal import one_line, told_warnings
from geodfx.errors import GeodfxError
from geodfx.version import package_version

__all__ = ["main"]

COMMANDS = (process, relight, evaluate, info, plan, simulate, bench)
INTERRUPTED, UNREAD = 130, 141  # 128 + SIGINT, 128 + SIGPIPE, as shells count
VALUES_WITH_A_SIGN = ("--light", "--tilt")  # argparse takes `-0.3,0.2,0.9` for an option unless it is joined to its own


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. Raises SystemExit(2) on wrong usage."""
    parser = _parser()
    options = parser.parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        with told_warnings() as options.warnings:
            options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return UNREAD
    except GeodfxError as error:
        print(f"geodfx: error: {one_line(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("geodfx: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "geodfx", description="Photos of a gemstone under many lights become a stone that can be relit and tilted."
    )
    parser.add_argument("--version", action="version", version=f"geodfx {package_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `--light -0.3,0.2,0.9` as the one word `--light=-0.3,0.2,0.9`."""
    joined: list[str] = []
    for word in arguments:
        if joined and joined[-1] in VALUES_WITH_A_SIGN and re.match(r"-[\d.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
