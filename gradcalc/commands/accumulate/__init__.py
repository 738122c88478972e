"""`.grad` after several backward passes, with and without clearing it."""
