"""An expression and its derivative along an interval, drawn."""
