"""Floating-point programs replayed: formats, vendors' bounds, what aten operations mean, and which error matters."""
