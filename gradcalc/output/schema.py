"""The JSON Schema of results: `schema.json` beside this module, shown by `gradcalc help schema`."""

from __future__ import annotations

from pathlib import Path

PATH = Path(__file__).with_name("schema.json")


def schema_text() -> str:
    """The schema, as JSON."""
    return PATH.read_text(encoding="utf-8")
