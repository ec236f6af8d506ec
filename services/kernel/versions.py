"""Versions of entities: nobody overwrites what they have not seen."""

from __future__ import annotations

from collections.abc import Callable

VersionCheck = Callable[[int], None]
"""Given the present version, raises PreconditionFailed unless the caller has seen it (If-Match). To be called
in the transaction that writes. 0: there is nothing yet, and a PUT makes it."""


def unchecked(_version: int) -> None:
    """For whoever changes it whichever version there is."""
