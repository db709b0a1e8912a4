"""Does a process give back the memory of large bodies? To the system at once, where the C library can be told so.

Without this, glibc takes what was freed for what will be wanted again: after some bodies of 30 MB it keeps 64 MB for
good.
"""

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of ``mallopt`` (malloc.h)."""
LARGE_BYTES = 4 << 20
"""Blocks of so much are the system's own, and go back when they are freed; smaller ones are kept for the next."""


def give_back_large_blocks() -> None:
    """Does nothing where there is no ``mallopt`` (macOS, musl)."""
    if sys.platform != "linux":
        return
    with suppress(AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(_TRIM_THRESHOLD, 2 * LARGE_BYTES)
