"""Expressions as trees, and what needs nothing but a tree: printing, LaTeX, arrays of trees, restriction to a line."""
