"""The process that runs a user's file: checks in, results out, one JSON object per line.

Comes in (an argument): the requests, all of them of one file, and the seconds for each.  Goes out (a descriptor of its own,
named by an argument): {"state": "ready"} when torch is there, {"state": "loaded"} when the file is, and then the results in
order; one only if the file cannot be loaded.  If Python crashes, or is asked by SIGABRT where it is, the descriptor gets the
traceback as plain text.

What the user's code prints goes to standard error.
"""

from __future__ import annotations

import faulthandler
import inspect
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from types import ModuleType
from typing import IO, Any

from gradcalc.commands.gradcheck.checks import (
    DEFINITION,
    Failure,
    Finding,
    Place,
    Request,
    Result,
    pack,
    undecided,
    unpack_request,
)
from gradcalc.commands.gradcheck.user_file import find, import_file, is_user_file, place, place_named_in, places_of
from gradcalc.errors import CalcError, Exit
from gradcalc.runtime import torch_import
from gradcalc.runtime.memory_limit import limit_memory
from gradcalc.runtime.parent_watch import exit_with_parent
from gradcalc.testing import GradientReport, Outcome, gradients

MEMORY_BYTES = 8_000_000_000
_LONGEST_MESSAGE = 500
_PROOF = os.sep.join(("gradcalc", "proof", ""))
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What PyTorch says where memory is missing."""


def main(descriptor: str, requests: str, seconds: str) -> None:
    """Load the file of some requests, and answer them one after the other."""
    os.set_inheritable(int(descriptor), False)
    answers = open(int(descriptor), "w", encoding="utf-8")  # noqa: SIM115  closed with the process
    faulthandler.enable(answers, all_threads=False)
    exit_with_parent(os.getppid())
    with torch_import.fast_import():
        # All of it before the user's folder is on the import path.
        from gradcalc.engines.autograd import function_inputs  # noqa: F401
        from gradcalc.proof.gradients import check  # noqa: F401
    limit_memory(MEMORY_BYTES, reserved=False)
    checks = [unpack_request(it) for it in json.loads(requests)]
    file = checks[0].target.file
    sys.argv = [file]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a crash loses what is not written
    _say(answers, json.dumps({"state": "ready"}))
    try:
        module = import_file(file)
        _say(answers, json.dumps({"state": "loaded"}))
        for request in checks:
            _say(answers, pack(answer(request, module, float(seconds))))
    except BaseException as error:
        _say(answers, pack(failure(error, f"{file} cannot be loaded")))


def answer(request: Request, module: ModuleType, seconds: float) -> Result:
    """The result of a check; nothing is raised."""
    arguments = None
    try:
        subject, arguments = _call(request, module)
        report = gradients(
            subject,
            arguments,
            order=request.order,
            references={name: find(import_file(target.file), target) for name, target in request.references},
            by_design=request.by_design,
            seed=request.seed,
            timeout=seconds,
        )
        return _finding(request, report, subject, arguments, module)
    except BaseException as error:
        return failure(error, f"{request.target} cannot be run", arguments)


def _call(request: Request, module: ModuleType) -> tuple[Any, list[Any]]:
    """What to check, and its arguments.  Raises `CalcError` for what cannot be checked, and what the user's code raises."""
    from gradcalc.engines.autograd.function_inputs import converted, made, random_inputs, set_seed

    set_seed(request.seed)
    subject = made(find(module, request.target), str(request.target))
    if not callable(subject):
        raise CalcError(f"{request.target} cannot be called: it is of type {type(subject).__name__}")
    if request.inputs is None:
        given: Any = random_inputs(request.shapes, request.dtype, request.seed)
    else:
        given = find(import_file(request.inputs.file), request.inputs)
        given = given() if callable(given) else given
    if given is None:
        raise CalcError(f"{request.inputs} returns None", hint="it must return a tensor or a list of arguments")
    arguments = list(given) if isinstance(given, list | tuple) else [given]
    arguments = [converted(it, request.dtype, request.device) for it in arguments]
    return converted(subject, request.dtype, request.device), arguments


def _finding(request: Request, report: GradientReport, subject: Any, arguments: list[Any], module: ModuleType) -> Finding:
    from gradcalc.engines.autograd.function_inputs import custom_functions, description

    known = {cls.__name__ for cls in custom_functions()}
    named = [*request.by_design, *(name for name, _ in request.references)]
    notes = tuple(f"{name}: there is no Function of this name" for name in named if name not in known)
    report = replace(report, notes=(*report.notes, *notes))
    found = description(subject, arguments)
    return Finding(report, found.dtype, found.device, found.shapes, tuple(_places(report, subject, module)))


def _places(report: GradientReport, subject: Any, module: ModuleType) -> Iterator[Place]:
    """The backward pass of the Function at fault, and the line that the report names; else where the subject is defined."""
    from gradcalc.engines.autograd.function_inputs import backward_of

    function = report.function
    backward = None if function is None else _definition("backward pass", backward_of(function, subject, module.__name__))
    named = None if report.verdict is Outcome.PROVEN else place_named_in(report.line or report.why, module)
    if backward is not None:
        yield backward
    if named is not None:
        yield replace(named, role="applied" if report.function else "operation")
    if backward is None and named is None and (definition := _definition(DEFINITION, subject)) is not None:
        yield definition


def _definition(role: str, value: Any) -> Place | None:
    """The line of `def` or `class` of a function, of a class, or of that of an object."""
    try:
        value = value if inspect.isclass(value) or inspect.isfunction(value) else type(value)
        path, (lines, start) = inspect.getsourcefile(value), inspect.getsourcelines(value)
    except (OSError, TypeError):
        return None
    decorators = takewhile(lambda line: not line.lstrip().startswith(("def ", "class ", "async ")), lines)
    return place(role, path, start + len(list(decorators))) if path is not None and is_user_file(path) else None


def failure(error: BaseException, what: str, arguments: Sequence[Any] | None = None) -> Result:
    """What an exception means: the user's code raised it, a limit was reached, or gradcalc has a bug."""
    text = " ".join(str(error).split())[:_LONGEST_MESSAGE]
    if isinstance(error, CalcError):
        return Failure(error.message, error.hint)
    places = places_of(error)
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return undecided(f"the memory limit of {MEMORY_BYTES / 1e9:g} GB was reached", places)
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return Failure(f"{what}: it called sys.exit({error.code!r})", places=places)
    if not places and any(_PROOF in it.filename for it in traceback.extract_tb(error.__traceback__)):
        hint = "report it to the maintainers of gradcalc, with the code and gradcalc --version --verbose"
        return Failure(f"internal error: {name}: {text}", hint, exit=Exit.BUG)
    return Failure(f"{what}: {name}" + (f": {text}" if text else ""), _advice(error, arguments), places)


def _advice(error: BaseException, arguments: Sequence[Any] | None) -> str | None:
    """What may help against an exception of the user's code."""
    if isinstance(error, ModuleNotFoundError):
        return "modules are looked for beside the file, or above its package, in PYTHONPATH, and among those installed"
    if arguments is None:
        return None
    from gradcalc.engines.autograd.function_inputs import description

    found = description(None, arguments)
    shapes = ", ".join("no tensor" if shape is None else f"{shape}" for shape in found.shapes)
    return f"it was called with inputs of these shapes: {shapes}" if shapes else "it was called without inputs"


def _say(answers: IO[str], line: str) -> None:
    """Write an answer, after what the user's code has printed: the caller may end this process at once."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    try:
        answers.write(line + "\n")
        answers.flush()
    except OSError:
        sys.stderr.write("the code closed a file that it had not opened, and the results are lost\n")
        os._exit(os.EX_IOERR)
