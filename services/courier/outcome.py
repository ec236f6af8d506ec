"""What one attempt to deliver came to, and the table of statuses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OutcomeKind(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    """The receiver wants no more messages at all: the endpoint is switched off."""


class Reason(StrEnum):
    """What happened, for the delivery log and the metrics."""

    ANSWERED = "answered"
    REDIRECT = "redirect"
    GONE = "gone"
    THROTTLED = "throttled"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"
    TIMEOUT = "timeout"
    CONNECT = "connect"
    RESET = "reset"
    DNS = "dns"
    TLS = "tls"
    PROTOCOL = "protocol"
    REFUSED_ADDRESS = "refused_address"
    INTERNAL = "internal"


SILENT = frozenset({Reason.TIMEOUT, Reason.CONNECT, Reason.DNS})
"""Failures that tell nothing but that nobody answers, and that may take long to find out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. `duration_ms` is wall time; `retry_after_s` as the receiver asked."""

    kind: OutcomeKind
    reason: Reason
    status: int | None
    detail: str
    excerpt: str
    duration_ms: float
    retry_after_s: float | None = None


THROTTLING = frozenset({429, 503})
"""Statuses whose Retry-After is obeyed."""

GONE = 410


SPECIAL = {
    GONE: (OutcomeKind.GONE, Reason.GONE),
    **dict.fromkeys(THROTTLING, (OutcomeKind.FAILED, Reason.THROTTLED)),
}
CLASSES = {
    2: (OutcomeKind.DELIVERED, Reason.ANSWERED),
    3: (OutcomeKind.FAILED, Reason.REDIRECT),
    4: (OutcomeKind.FAILED, Reason.CLIENT_ERROR),
    5: (OutcomeKind.FAILED, Reason.SERVER_ERROR),
}
"""By the first digit, where SPECIAL says nothing."""


def judge(status: int) -> tuple[OutcomeKind, Reason]:
    """2xx is success, 410 switches the endpoint off, all else is a failure to be tried again."""
    known = SPECIAL.get(status) or CLASSES.get(status // 100)
    return known or (OutcomeKind.FAILED, Reason.UNEXPECTED_STATUS)
