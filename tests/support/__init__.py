"""What tests and benchmarks share: random expressions, samples of the table, planted faults, verdicts on runs."""
