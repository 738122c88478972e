"""Floating-point programs replayed: formats, documented bounds, what aten operations mean, and which error matters."""
