"""Many points: vectorized numbers with a rounding bound for all of them, and the proof for some."""
