"""A derivation step by step, each step checked."""
