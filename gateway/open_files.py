"""How many files may a worker have open, and how many clients does that allow?

A system's usual soft limit is low for the sake of old programs; a process may raise its own to the hard limit.
"""

import resource

_ENOUGH = 1 << 20
_OWN_FILES = 64
"""Journal, listening sockets, log, event loop, the interpreter's own; and some for connections to be turned away."""
_FILES_PER_CLIENT = 2
"""Its connection, and one to the upstream."""


def raise_file_limit() -> int:
    """Raise this process's limit as far as it may; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now, possible = (_ENOUGH if limit == resource.RLIM_INFINITY else limit for limit in (soft, hard))
    wanted = min(possible, _ENOUGH)
    if wanted <= now:
        return now
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # macOS names a hard limit that it does not grant
        return now
    return wanted


def connections_within(limit: int) -> int:
    """How many clients a worker can serve with that many files."""
    return max(1, (limit - _OWN_FILES) // _FILES_PER_CLIENT)
