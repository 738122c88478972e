"""Text to tree: `parse`, or `read` for a tree with notes; see `parser` for the grammar."""

from gradcalc.grammar.parser import Notation, Reading, parse, read

__all__ = ["Notation", "Reading", "parse", "read"]
