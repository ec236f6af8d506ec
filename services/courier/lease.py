"""Who holds an endpoint, and whether a holder on this machine is still alive."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

LEASE_S = 10.0
"""A courier that has not renewed for so long is taken for dead, and another serves its endpoints. Longer
than any pause of a healthy process, short enough that receivers hardly notice."""

RENEW_EVERY_S = 3.0
"""Three chances within one lease."""


_PROCESS = secrets.token_hex(8)
"""Tells this process from an earlier one that had the same process id."""


def new_holder() -> str:
    """A name that no courier ever had: machine, process id, process, and a number within it."""
    return f"{_machine()}/{os.getpid()}/{_PROCESS}/{secrets.token_hex(4)}"


def is_gone(holder: str) -> bool:
    """True if the holder is known to be dead, so that its lease need not be waited for.

    Known only of processes of this machine, in the same space of process ids. False says nothing.
    """
    parts = holder.split("/")
    if len(parts) != len(("machine", "pid", "process", "courier")) or parts[0] == UNKNOWN:
        return False
    machine, pid, process, _ = parts
    if machine != _machine() or not pid.isdigit():
        return False
    if int(pid) == os.getpid():
        return process != _PROCESS
    try:
        os.kill(int(pid), 0)  # signal 0 asks whether the process exists, and does nothing to it
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


UNKNOWN = "unknown"


@cache
def _machine() -> str:
    """This boot of this machine and this space of process ids (containers have their own)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").readlink().name.removeprefix("pid:[").removesuffix("]")
    except OSError:
        return UNKNOWN
    return f"{boot}-{space}"
