"""How the C library's allocator keeps memory: together, and given back.

A worker's threads compute side by side: glibc gives each an arena of its own, eight for a core, and raises
by itself, up to 32 MiB, the size from which a block is a mapping of its own. Arrays that live for a moment
then leave their holes in ever other arenas: in twenty minutes of steady work a worker with an embedded index
went from 530 to 710 MiB of which 120 were free (`mallinfo2`); with the two limits below from 464 to 479.
"""

from __future__ import annotations

import ctypes
import os
import platform

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Of glibc's malloc.h; see mallopt(3)."""
ARENAS_MIN = 2
"""At least so many; else one for each core: more threads do not run at a time."""
MAPPED_FROM_BYTES = 1 << 20
"""A block of this size is mapped by itself, and goes back to the system when it is freed. To map costs a few
hundred microseconds for each MiB that is then written, which is about as long as to compute it."""


def keep_memory_together() -> bool:
    """For the process, before it starts threads. What its environment says (MALLOC_ARENA_MAX,
    MALLOC_MMAP_THRESHOLD_) stays. False where the C library is another one: then nothing is changed."""
    if platform.libc_ver()[0] != "glibc":
        return False
    set_option = ctypes.CDLL(None).mallopt
    done = True
    for option, value, variable in (
        (M_ARENA_MAX, max(ARENAS_MIN, len(os.sched_getaffinity(0))), "MALLOC_ARENA_MAX"),
        (M_MMAP_THRESHOLD, MAPPED_FROM_BYTES, "MALLOC_MMAP_THRESHOLD_"),
    ):
        if variable not in os.environ:
            done = bool(set_option(option, value)) and done
    return done
