"""Two expressions compared: at points between their breakpoints, and by proofs for whole pieces."""
