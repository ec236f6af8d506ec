"""What is dear to read and never changes, read once per process."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


def once(read: Callable[[], T]) -> Callable[[], T]:
    """The same, read by whoever comes first; others that come at once wait for it. (A cache alone lets two
    threads read it twice, and both keep their own.)"""
    reading, kept = Lock(), cache(read)

    @wraps(read)
    def got() -> T:
        with reading:
            return kept()

    return got
