"""sympy, in a process of its own: a client that asks, the messages, the worker, and what sympy is told in `cas`."""
