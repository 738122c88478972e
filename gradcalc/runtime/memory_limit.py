"""The memory limit of this process, where the system has one: beyond it, allocations fail."""

from __future__ import annotations


def limit_memory(limit: int, *, reserved: bool = True) -> None:
    """Limit the memory of this process to so many bytes; with `reserved`, addresses that are not used count as well."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    kind = resource.RLIMIT_AS if reserved else resource.RLIMIT_DATA
    hard = resource.getrlimit(kind)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))
