"""Results for continuous integration: GitHub's workflow commands, and JUnit XML.

Comes in: one `Record` per query.  Goes out: text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One query of a file, and its result; `exit_code` says whether it passed.

    `verdict` is the verdict or outcome in one word, `message` the reason in a sentence.
    """

    id: str
    file: str
    line: int
    verdict: str
    message: str
    exit_code: int

    @property
    def level(self) -> str | None:
        """`error` for what is wrong, `warning` for what is explained or undecided, None for what passed."""
        return {0: None, 3: "warning", 4: "warning"}.get(self.exit_code, "error")


def github(record: Record) -> str:
    """An annotation in the syntax of GitHub's workflow commands; a record that passed has none."""
    if record.level is None:
        return ""
    title = _property(f"{record.id}: {record.verdict}")
    return f"::{record.level} file={_property(record.file)},line={record.line},title={title}::{_data(record.message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def junit(records: Sequence[Record], suite: str) -> str:
    """A test suite in JUnit's XML: a test case per record, a failure per verdict that failed, an error per wrong query."""
    failures = sum(record.exit_code in (1, 3, 4) for record in records)
    errors = sum(record.exit_code not in (0, 1, 3, 4) for record in records)
    counts = f'tests="{len(records)}" failures="{failures}" errors="{errors}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuite name="{_xml(suite)}" {counts}>']
    return "\n".join([*lines, *_cases(records), "</testsuite>"]) + "\n"


def _cases(records: Iterable[Record]) -> Iterable[str]:
    for record in records:
        place = f'name="{_xml(record.id)}" classname="{_xml(record.file)}" file="{_xml(record.file)}" line="{record.line}"'
        if record.exit_code == 0:
            yield f"  <testcase {place}/>"
            continue
        kind = "failure" if record.exit_code in (1, 3, 4) else "error"
        text = f'<{kind} type="{_xml(record.verdict)}" message="{_xml(record.message)}"/>'
        yield f"  <testcase {place}>{text}</testcase>"


_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not have."""


def _xml(text: str) -> str:
    text = _FORBIDDEN.sub("?", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")
