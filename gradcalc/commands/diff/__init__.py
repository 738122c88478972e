"""The derivative of an expression at no point, at one, or at many."""
