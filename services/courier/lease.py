"""Who holds an endpoint, and whether a holder on this machine is still alive."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

LEASE_S = 10.0
"""A courier that has not renewed for so long is taken for dead, and another serves its endpoints. Longer
than any pause of a healthy process, short enough that receivers hardly notice."""

RENEW_EVERY_S = 3.0
"""Three chances within one lease."""


def new_holder() -> str:
    """A name for this process that no other ever has: machine, process id, random token."""
    return f"{_machine()}/{os.getpid()}/{secrets.token_hex(8)}"


def is_gone(holder: str, *, me: str) -> bool:
    """True if the holder is known to be dead, so that its lease need not be waited for.

    Known only on the same machine, in the same space of process ids: its process does not exist, or its
    process id is ours now. False means only that we cannot tell.
    """
    machine, _, rest = holder.partition("/")
    process = rest.partition("/")[0]
    if holder == me or machine != me.partition("/")[0] or machine == UNKNOWN or not process.isdigit():
        return False
    if process == me.split("/")[1]:
        return True
    try:
        os.kill(int(process), 0)  # signal 0 asks whether it exists, and does nothing to it
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


UNKNOWN = "unknown"


def _machine() -> str:
    """This boot of this machine and this space of process ids (containers have their own)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").readlink().name.removeprefix("pid:[").removesuffix("]")
    except OSError:
        return UNKNOWN
    return f"{boot}-{space}"
