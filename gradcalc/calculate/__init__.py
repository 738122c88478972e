"""From a question to a report: partials, a point, the judgement on each number, the report."""
