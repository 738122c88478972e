"""Gradient checks for people and for programs.

`plain` has one line per check: FILE.py:NAME, dtype, outcome or `error`, Function, line, reason.  `json` has one object per
check.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite

from gradcalc.commands.gradcheck.checks import DEFINITION, EXITS, Failure, Finding, GradientCheck, Place, Shape
from gradcalc.errors import Exit
from gradcalc.output import json as machine
from gradcalc.output.annotations import Record, github, junit
from gradcalc.output.options import RenderOptions
from gradcalc.output.page import GLUE, Page
from gradcalc.output.records import Format, tabbed
from gradcalc.report import envelope
from gradcalc.testing import Outcome, Part

_SIGNS = {
    Exit.AGREE: ("✓", "green"),
    Exit.DISAGREE: ("✗", "red"),
    Exit.EXPLAINED: ("!", "yellow"),
    Exit.UNDECIDED: ("?", "magenta"),
}
_MOST_NAMES = 12
"""Inputs and parameters of the same outcome that are listed."""


def table(check: GradientCheck, options: RenderOptions) -> str:
    """The page for people: the outcome, each input, the reason, the lines; nothing of a check that could not be made."""
    if isinstance(check.result, Failure):
        return ""
    page, report = Page(options), check.result.report
    sign, color = _SIGNS[check.exit]
    page.sentence(f"{sign} {report.verdict}: {_subject(check)}", f"bold {color}", hanging=2)
    _parts(report.parts, page)
    if report.why not in {text for part in report.parts for text in ("", part.why, f"{part.name}: {part.why}")}:
        page.sentence(_message(check), indent=2, hanging=2)
    for place in check.result.places:
        if place.role != DEFINITION:
            _place(place, page)
    page.notes(report.notes)
    if options.verbose:
        page.sentence(", ".join(f"{name} {version}" for name, version in check.versions.items()), "dim")
    return page.text()


def _subject(check: GradientCheck) -> str:
    """What was checked, and with what."""
    finding = check.result
    assert isinstance(finding, Finding)
    details = [finding.dtype or check.request.dtype, finding.device if finding.device != "cpu" else None]
    shapes = ", ".join(_shape(shape) for shape in finding.shapes if shape is not None)
    details += [f"shapes {shapes}" if len(finding.shapes) > 1 else f"shape {shapes}"] if shapes else []
    details += ["order 2"] if check.request.order == 2 else []
    text = ", ".join(it for it in details if it)
    return f"{check.request.target}" + (f" ({text})" if text else "")


def _shape(shape: Shape) -> str:
    return str(shape).replace(" ", GLUE) if shape else "scalar"


def _parts(parts: Sequence[Part], page: Page) -> None:
    """The inputs and parameters, the worst first: those of the same outcome for the same reason in one line."""
    groups: dict[tuple[Outcome, str], list[str]] = {}
    for part in parts:
        is_proven = part.outcome is Outcome.PROVEN
        detail = f": {part.why}" if part.why else ""
        if not is_proven and part.error is not None and isfinite(part.error):
            detail += f" (relative error {part.error:.2g})"
        name = f"{part.name}{GLUE}({part.entries})" if is_proven else part.name
        groups.setdefault((part.outcome, detail), []).append(name.replace(" ", GLUE))
    order = list(Outcome)
    for outcome, detail in sorted(groups, key=lambda group: -order.index(group[0])):
        sign, color = _SIGNS[EXITS[outcome]]
        names = groups[outcome, detail]
        shown = names if page.options.verbose else names[:_MOST_NAMES]
        more = [f"and {len(names) - len(shown)} more; --verbose shows them"] if len(shown) < len(names) else []
        listed = ", ".join([*shown, *more])
        text = f"proven, all entries: {listed}" if outcome is Outcome.PROVEN else f"{listed}: {outcome}{detail}"
        page.sentence(f"{sign} {text}", color, indent=2, hanging=2)


def _place(place: Place, page: Page) -> None:
    """A line of the user's code, as compilers show it."""
    page.line()
    page.sentence(f"{near(place.file)}:{place.line} ({place.role})", "dim", indent=2, hanging=2)
    if place.text:
        number = f"{place.line} | "
        room = max(page.width - len(number) - 4, 20)
        text = place.text if len(place.text) <= room else place.text[: room - 3] + "..."
        page.row("    ", (number, "dim"), text)


def near(path: str) -> str:
    """The name of a file from the current folder, if it is below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def trace(failure: Failure) -> Iterator[str]:
    """The lines of the user's code that ran last, as in a traceback."""
    for place in failure.places:
        yield f'  File "{near(place.file)}", line {place.line}, {place.role}'
        if place.text:
            yield f"    {place.text}"


def summary(checks: Sequence[GradientCheck], options: RenderOptions) -> str:
    """How many checks there are of each outcome; nothing for a single one."""
    if len(checks) < 2:
        return ""
    numbers = Counter(check.verdict for check in checks)
    words = [f"{numbers[word]} {word}" for word in [*Outcome, "error"] if numbers[word]]
    page = Page(options)
    page.sentence(f"{len(checks)} checks: {', '.join(words)}")
    return page.text()


# ------------------------------------------------------------------------------------------------------- for programs


def _message(check: GradientCheck) -> str:
    """The reason in a sentence."""
    if isinstance(check.result, Failure):
        return check.result.message
    report = check.result.report
    return f"{report.function}: {report.why}" if report.function else report.why


def _line(check: GradientCheck) -> Place | None:
    """The line that tells most: of an error the innermost."""
    places = check.result.places
    return None if not places else places[-1] if isinstance(check.result, Failure) else places[0]


def plain(check: GradientCheck, options: RenderOptions) -> str:
    """A line with tabs between its cells."""
    finding, place = check.result, _line(check)
    function = finding.report.function if isinstance(finding, Finding) else None
    where = None if place is None else f"{near(place.file)}:{place.line}"
    dtype = finding.dtype if isinstance(finding, Finding) else check.request.dtype
    return tabbed([(check.request.target, dtype, check.verdict, function, where, _message(check))], options)


def json(check: GradientCheck, options: RenderOptions) -> str:
    """A JSON object: the report, or the error, and what was checked."""
    request = check.request
    asked = {"name": str(request.target), "order": request.order, "seed": request.seed}
    last = {"exit_code": int(check.exit), "versions": check.versions}
    if isinstance(check.result, Failure):
        error = {"error": machine.error_fields(check.result.error), "places": check.result.places}
        fields = {**asked, "dtype": request.dtype, "device": request.device, **error}
        return machine.line(envelope("gradcheck", {"outcome": "error", **last}, fields))
    finding = check.result
    report = finding.report.to_dict()
    own = {"dtype": finding.dtype, "device": finding.device, "shapes": finding.shapes, "places": finding.places}
    fields = {**asked, **own, **{name: value for name, value in report.items() if name != "verdict"}}
    return machine.line(envelope("gradcheck", {"verdict": check.verdict, **last}, fields))


def _record(check: GradientCheck) -> Record:
    place = _line(check)
    request = check.request
    file, line = (request.target.file, 1) if place is None else (near(place.file), place.line)
    name = str(request.target) + (f" {request.dtype}" if request.dtype else "")
    return Record(name, file, line, check.verdict, _message(check), int(check.exit))


def _github(check: GradientCheck, options: RenderOptions) -> str:
    return github(_record(check))


def _junit(checks: Sequence[GradientCheck], options: RenderOptions) -> str:
    return junit([_record(check) for check in checks], "gradcalc gradcheck")


def _nothing(result: object, options: RenderOptions) -> str:
    return ""


CHECK_FORMATS: dict[str, Format[GradientCheck]] = {
    "table": table, "plain": plain, "json": json, "github": _github, "junit": _nothing,
}  # fmt: skip
"""What is written of a check as soon as it is made."""
FORMATS: dict[str, Format[Sequence[GradientCheck]]] = {
    "table": summary, "plain": _nothing, "json": _nothing, "github": _nothing, "junit": _junit,
}  # fmt: skip
"""What is written of all checks at the end."""
