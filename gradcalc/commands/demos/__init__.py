"""What people watch when they learn autograd: the graph, the gradient that accumulates, tracking switched off."""
