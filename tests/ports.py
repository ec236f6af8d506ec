"""Ports for processes that tests start."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from random import SystemRandom

_FIRST, _LAST = 10_000, 32_000
"""Below the range from which the system takes ports for outgoing connections (32,768 on Linux; 49,152
elsewhere): a port looked up now and listened on seconds later, or again after a restart, is given to nobody
in between."""
_WORKERS = 16
"""So many workers (pytest-xdist) have a part of the range to themselves; further ones share."""
_RANDOM = SystemRandom()
"""Not the one that property tests seed alike in every run: two suites side by side would look at the same
ports."""
_GIVEN: set[int] = set()
"""A port is given once per worker: who has it may listen there only later."""


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """`count` different ports on which nobody listens, of this worker's part of the range."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % _WORKERS
    part = range(_FIRST + worker, _LAST, _WORKERS)
    found: list[int] = []
    while len(found) < count:
        port = _RANDOM.choice(part)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if port not in found and port not in _GIVEN:
                found.append(port)
    _GIVEN.update(found)
    return found
