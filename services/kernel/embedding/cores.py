"""How many processor cores this process may keep busy."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use: `<microseconds> <period>`, or `max <period>`. Cgroup version 2."""


def usable_cores(quota_file: Path = CGROUP_QUOTA) -> int:
    """Cores of this process: those it may run on, or fewer where its container has a quota; at least one.

    More threads than the quota pays for are all stopped for the rest of each period, event loop included.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text("ascii").split()
        cores = min(cores, int(quota) // int(period))
    except (OSError, ValueError):  # no cgroup, or a quota of `max`
        pass
    return max(1, cores)
