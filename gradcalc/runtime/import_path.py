"""Where Python looks for modules: never in the current directory, neither here nor in a child process.

A `random.py` beside the user's data would run as code, and could forge results.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
"""The folder in which the package lies."""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child that does not look for modules in the current directory."""
    entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if _is_safe(entry)]
    rest = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    return {**rest, "PYTHONSAFEPATH": "1", **({"PYTHONPATH": os.pathsep.join(entries)} if entries else {})}


def protect(environ: MutableMapping[str, str] = os.environ) -> None:
    """Take the current directory off the path of this process, if PYTHONPATH put it there, and off that of its children."""
    if not _current():
        os.chdir("/")  # it was deleted; libraries look for it, and end the process
    unsafe_entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if not _is_safe(entry)]
    unsafe = {os.path.abspath(entry) for entry in unsafe_entries} if _current() else set()
    sys.path[:] = [entry for entry in sys.path if entry and (not _current() or os.path.abspath(entry) not in unsafe)]
    if ROOT not in sys.path:
        sys.path.append(ROOT)  # at the end, where it hides nothing
    safe_environment = environment(environ)
    environ.pop("PYTHONPATH", None)
    environ.update(safe_environment)


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs the `main` of a module of ours in a new Python, with `arguments` as text."""
    code = f"import sys; sys.path.append({ROOT!r}); from {module} import main; main(*sys.argv[1:])"
    return [sys.executable, "-P", "-c", code, *arguments]


def _is_safe(entry: str) -> bool:
    """Whether an entry of PYTHONPATH is a folder, and not the current directory or one named from there."""
    return os.path.isabs(entry) and os.path.realpath(entry) != _current()


def _current() -> str:
    """The current directory; empty where it was deleted."""
    try:
        return os.path.realpath(os.getcwd())
    except OSError:
        return ""
