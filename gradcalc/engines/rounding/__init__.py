"""Bounds on what rounding does to values and first derivatives, in vectorized interval arithmetic."""
