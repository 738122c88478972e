"""Questions of tests: text read as commands read it."""

from __future__ import annotations

from typing import Any

from gradcalc.inputs.query import Question, read_question
from gradcalc.report import Problem


def question(expr: str, *args: Any, **options: Any) -> Question:
    """The query of a problem at its point."""
    return read_question(Problem(expr, *args, **options))
