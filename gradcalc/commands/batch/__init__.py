"""A question a line: read, answered in order by pairs of processes, written as JSON."""
