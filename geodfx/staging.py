"""Several files at once: they appear in their folder together once all are written, or nothing is left behind."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geodfx.errors import OutputError
from geodfx.paths import is_folder

__all__ = ["staged"]


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield an empty folder whose files move to `folder` when the block ends well; else it is gone with all it holds.

    `folder` is made if it is not there, but not its parent; other files in it stay, those of the same names are
    replaced. Raises OutputError, which names the place where the files were meant to be.
    """
    is_there = is_folder(folder)
    temporary = (folder if is_there else folder.parent) / f".{folder.name[:64]}.{secrets.token_hex(6)}.part"
    try:
        if folder.exists() and not is_there:
            raise OutputError(f"{folder}: is a file; name a folder, or move that file away")
        temporary.mkdir()
        yield temporary
        if is_there:
            for path in sorted(temporary.iterdir()):
                path.replace(folder / path.name)
        else:
            temporary.rename(folder)
    except OutputError as error:
        raise OutputError(str(error).replace(str(temporary), str(folder))) from error
    except OSError as error:
        if not is_folder(folder.parent):
            told = f"there is no folder {folder.parent}; make it first"
        else:
            told = f"{error.strerror or error}; free some space, make the folder writable, or choose another place"
        raise OutputError(f"{folder}: cannot be written: {told}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
