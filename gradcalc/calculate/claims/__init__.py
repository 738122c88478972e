"""Claims about derivatives, checked: a claim about numbers or arrays, and derivations in lines."""
