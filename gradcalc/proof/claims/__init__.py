"""Two expressions compared: points between the roots of their breakpoints, pieces, and proofs for whole pieces."""
