"""The graph that autograd recorded, with the local derivatives and the adjoints."""
