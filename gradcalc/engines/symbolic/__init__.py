"""SymPy in a process of its own: the client, the messages, the worker, and the calls of SymPy in `cas`."""
