"""Memory that every step needs again stays with the process."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3), from glibc's malloc.h
KEPT_BYTES = 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Ask glibc not to give the memory of freed tensors back to the system; returns whether it agreed.

    A training step on a CPU allocates and frees the same large tensors again and again. By default glibc maps each
    of them anew, and the system clears every page: 10 to 20 % of a step. Other C libraries and systems are left alone.
    The setting is the process's and changes no result.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES)) and bool(mallopt(MMAP_THRESHOLD, KEPT_BYTES))
