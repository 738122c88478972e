"""A claim about a derivative, or a derivation in several lines: right, wrong and why, or undecided."""
