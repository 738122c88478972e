"""Text to tree: `parse`, or `read` for a tree with notes; see `parser` for the grammar."""

from gradcalc.grammar.parser import Reading, parse, read

__all__ = ["Reading", "parse", "read"]
