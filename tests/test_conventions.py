"""What the linter cannot hold: exports, file lengths, the one door to Numba.

Ruff holds the rest: that `__all__` is sorted (RUF022) and names what exists (F822), and that it is documented (D1).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "geodfx"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
SHADERS = sorted(PACKAGE.rglob("*.glsl"))
LONGEST_FILE = 400  # lines: one subject a file
WIDEST_LINE = 120

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


def exported(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return set(ast.literal_eval(node.value))
    return set()


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@each_module
def test_what_has_no_underscore_is_exported(path):
    tree = ast.parse(path.read_text("utf-8"))
    defined = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assert {name for name in defined if not name.startswith("_")} <= exported(tree)


@each_module
def test_numba_is_used_through_one_door(path):
    # Numba's own parallel loops abort the process when two threads enter them; its cache goes stale. See jit.
    tree = ast.parse(path.read_text("utf-8"))
    assert path.parent.name == "jit" or not any(name.split(".")[0] == "numba" for name in imported(tree))


@pytest.mark.parametrize("path", MODULES + SHADERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SHADERS, ids=lambda path: path.name)
def test_shaders_are_as_narrow_as_python(path):
    lines = path.read_text("utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > WIDEST_LINE] == []
