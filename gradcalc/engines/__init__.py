"""The engines: each finds values and derivatives in its own way, and knows nothing of the others."""
