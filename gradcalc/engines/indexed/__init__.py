"""Arrays by their entries: expressions with indices, their gradients, and the formulas of matrices that these are."""
