"""The table of functions, listed."""
