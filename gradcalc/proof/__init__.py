"""What is true at a point, and what may be said about a number that claims to be the derivative there."""
