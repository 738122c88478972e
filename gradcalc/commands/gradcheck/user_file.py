"""A user's Python file: import it as if it were run, find what is named in it, and show its lines.

The folder of the file, or that above its package, comes first on the import path, as pytest does it.  What is below
`if __name__ == "__main__"` does not run.
"""

from __future__ import annotations

import ast
import importlib.util
import linecache
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from functools import reduce
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from gradcalc.commands.gradcheck.checks import Place, Target
from gradcalc.errors import CalcError, suggest
from gradcalc.runtime import import_path
from gradcalc.runtime.files import read_whole

_LONGEST = 10_000_000
"""Bytes of a file whose names are read."""
_MOST_NAMES, _MOST_PLACES = 8, 6
_OWN = os.path.join(import_path.ROOT, "gradcalc") + os.sep
_STANDARD = sysconfig.get_path("stdlib") + os.sep
_TORCH = re.compile(r"[/\\](site|dist)-packages[/\\]torch[/\\]")
_PLACE = re.compile(r"([^\s:/]+):([0-9]+)")


def names_in(path: str) -> list[str]:
    """The functions, classes and variables of a file by its text: nothing runs.  Raises `CalcError` if it cannot be read."""
    try:
        body = ast.parse(read_whole(path, _LONGEST)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, CalcError):
            raise
        return []
    names = [it.name for it in body if isinstance(it, ast.FunctionDef | ast.ClassDef)]
    names += [name.id for it in body if isinstance(it, ast.Assign) for name in it.targets if isinstance(name, ast.Name)]
    return [name for name in names if not name.startswith("_")]


def import_file(path: str) -> ModuleType:
    """The module of a file.  Raises whatever the file raises."""
    path = os.path.abspath(path)
    folder, base = os.path.split(path)
    parts = [os.path.splitext(base)[0]]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if parts[-1] == "__init__":
        parts.pop()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = ".".join(parts)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == path:
        return known
    if len(parts) > 1:
        importlib.import_module(name.rpartition(".")[0])
    if known is not None:  # a file called as a module that Python or gradcalc has loaded
        name = f"gradcheck_{name}"
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def find(module: ModuleType, target: Target) -> Any:
    """What a name in a module is.  Raises `CalcError` where there is none."""
    try:
        return reduce(getattr, target.name.split("."), module)
    except AttributeError:
        names = [name for name in vars(module) if not name.startswith("_")]
        close = suggest(target.name, names)
        raise CalcError(
            f"{target.file} has no {target.name}", hint=f"did you mean {close}?" if close else listing(names)
        ) from None


def listing(names: Iterable[str]) -> str | None:
    """The names to choose from; None without any."""
    names = list(names)
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return f"it has {', '.join(names[:_MOST_NAMES])}{more}" if names else None


# ------------------------------------------------------------------------------------------------------------- places


def is_user_file(path: str) -> bool:
    """Whether a file of a traceback is neither gradcalc's, nor PyTorch's, nor Python's."""
    if path.startswith(("<", _OWN)) or _TORCH.search(path):
        return False
    return not path.startswith(_STANDARD) or "site-packages" in path


def place(role: str, path: str, line: int) -> Place:
    """A line of a file."""
    return Place(role, path, line, linecache.getline(path, line).strip())


def places_of(error: BaseException) -> tuple[Place, ...]:
    """The lines of the user's code that an exception came through."""
    frames = [it for it in traceback.extract_tb(error.__traceback__) if is_user_file(it.filename)]
    places = [Place(f"in {it.name}", it.filename, it.lineno or 0, (it.line or "").strip()) for it in frames]
    if isinstance(error, SyntaxError) and error.filename:
        text = (error.text or "").strip()
        places.append(Place("in the syntax", error.filename, error.lineno or 0, text))
    return tuple(places[-_MOST_PLACES:])


def place_named_in(text: str, module: ModuleType) -> Place | None:
    """The line that a text names as `file.py:12`: of the module's own file, or of another that was imported."""
    files = [getattr(it, "__file__", None) or "" for it in (module, *sys.modules.values())]
    for match in _PLACE.finditer(text):
        path = next((path for path in files if os.path.basename(path) == match[1] and is_user_file(path)), None)
        if path is not None:
            return place("here", path, int(match[2]))
    return None
