"""Memory that many threads use for a moment goes back to the system."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc's allocator")

WORK = """
import ctypes, os, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from services.bootstrap.allocation import MAPPED_FROM_BYTES, keep_memory_together

if sys.argv[1] == "together":
    assert keep_memory_together()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
THREADS, BLOCK, BLOCKS = 8, 2 * MAPPED_FROM_BYTES, 8
at_once = Barrier(THREADS)

def compute(_):
    at_once.wait()
    # Freed, a mapped block raises the size from which glibc maps, unless that is fixed.
    libc.free(libc.malloc(BLOCK * 8))
    held = []
    for _ in range(BLOCKS):
        block = libc.malloc(BLOCK)
        ctypes.memset(block, 1, BLOCK)
        held.append(block)
        held.append(libc.malloc(64))  # what lives on behind it
    for block in held[::2]:
        libc.free(block)

with ThreadPoolExecutor(THREADS) as pool:
    list(pool.map(compute, range(THREADS)))
size, shared = map(int, open("/proc/self/statm").read().split()[1:3])
print((size - shared) * os.sysconf("SC_PAGE_SIZE"))
"""
"""Eight threads that need 128 MiB for a moment, and keep a little of what they made meanwhile."""
MIB = 1 << 20


def kept(how: str, **environment: str) -> int:
    """Bytes that such a process keeps."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", WORK, how], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_what_threads_used_for_a_moment_is_given_back() -> None:
    usual, together = kept("usual"), kept("together")
    assert usual > 100 * MIB, "nothing would be shown"
    assert together < usual - 90 * MIB


def test_what_the_environment_says_stays() -> None:
    given = {"MALLOC_MMAP_THRESHOLD_": str(32 * MIB), "MALLOC_ARENA_MAX": "64"}
    assert kept("together", **given) > 100 * MIB
