"""The neuron of `gradcalc bce`: its loss, every line of its backward pass, and the verdicts."""
