"""`python -m geodfx`, and where the installed command `geodfx` starts."""

from __future__ import annotations

import sys

from geodfx.cli import main

if __name__ == "__main__":
    sys.exit(main())
