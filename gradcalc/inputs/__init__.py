"""What is typed beside the expression: values, points, grids, and the files that hold them."""
