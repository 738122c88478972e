"""torch: an expression run forward and backward, what its kernels did as a recorded program, and its graph."""
