"""What the C library does with freed memory, held still."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8  # glibc's malloc.h


def keep_freed_memory() -> bool:
    """Have glibc reuse what is freed instead of handing it back to the system; False where it is not glibc.

    Arrays of 16 MB lie around the size at which glibc maps and unmaps memory for each of them, depending on what was
    freed before. Fetching fresh pages then costs more than the arithmetic, and identical programs differ by half.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_MMAP_THRESHOLD, 32 << 20) & mallopt(_TRIM_THRESHOLD, 2**31 - 1) & mallopt(_ARENAS, 1))
