"""Requests as JSON lines, answered in order by one process or by a pool of workers."""
