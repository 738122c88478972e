"""Taylor arithmetic in balls: proven values and derivatives at a point, and series beside one."""
