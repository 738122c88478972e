"""Where an expression is differentiable, what it has beside a breakpoint, and where its breakpoints lie."""
