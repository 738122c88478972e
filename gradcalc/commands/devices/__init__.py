"""The devices of this machine, listed."""
