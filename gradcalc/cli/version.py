"""`gradcalc --version`: for people, in full for bug reports, and as JSON."""

from __future__ import annotations

from gradcalc import __version__
from gradcalc.errors import Exit
from gradcalc.report import envelope


def version_text(*, verbose: bool = False, json: bool = False) -> str:
    """The version; `verbose` adds the packages that gradcalc computes with, Python and the platform."""
    if not (verbose or json):
        return f"gradcalc {__version__}\n"
    import platform

    from gradcalc.calculate.reporting import versions
    from gradcalc.output import json as machine

    system = {"python": platform.python_version(), "platform": platform.platform()}
    if json:
        conclusion = {"outcome": "ok", "exit_code": int(Exit.AGREE), "versions": versions()}
        return machine.line(envelope("version", conclusion, system))
    return "".join(f"{name} {version}\n" for name, version in {**versions(), **system}.items())
