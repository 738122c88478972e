"""Exact gradient checks of people's own torch code, from the command line."""
