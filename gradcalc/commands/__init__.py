"""The commands: each a folder with its computation, its formats and its options; none imports another."""
