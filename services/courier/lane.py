"""What a courier keeps in memory of one endpoint that it serves: its queue, its cap, its breaker."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from services.courier.address_guard import AddressGuard, AddressRefused, Target
from services.courier.backlog import Due, EndpointSnapshot
from services.courier.model import ACTIVE
from services.courier.outcome import SILENT, Outcome, Reason
from services.courier.signing import decode_secret
from services.kernel.problems import InvalidInput
from services.kernel.security import SecretBox

MAX_IN_FLIGHT = 8
"""Requests under way to one endpoint: enough for 40 messages a second at 200 ms each, few enough for a
small company's server."""

QUICK_IN_FLIGHT = 4
QUICK_MS = 20.0
"""The same, to an endpoint that has not answered this courier yet, and to one that answers so quickly: four
are 200 messages a second and more already, and further ones would only wait in our own event loop."""

AVERAGE_SHARE = 0.2
"""Of the newest answer in the moving average: five answers turn it."""

SILENCES_TO_OPEN = 5
"""So many requests in a row without any answer open the breaker: from then on one request at a time asks
whether the endpoint is back, and any answer, good or bad, closes it. It never delays a message that
stands alone: that message is the question."""

LINGER_S = 30.0
"""An endpoint stays with its courier so long after its last message: the next one needs no new lease."""

PREFETCH_MAX = 1_024
"""Messages of one endpoint held in memory: enough to keep a fast receiver busy while more are fetched."""

PROBE_PREFETCH = 2
"""The same, while the breaker is open and one request at a time goes out."""


@dataclass(slots=True)
class Lane:
    """One endpoint. `known` holds the ids of all its messages in memory: queued, under way, or done and not
    yet written down."""

    endpoint: EndpointSnapshot
    target: Target | None = None
    trouble: tuple[Reason, str] | None = None
    """Why nothing can be sent at all: the URL is refused, or no secret can be opened."""
    keys: list[tuple[bytes, datetime | None]] = field(default_factory=list)
    queue: deque[Due] = field(default_factory=deque)
    known: set[str] = field(default_factory=set)
    in_line: bool = False
    """Whether it waits for its turn to be served."""
    in_flight: int = 0
    ration: int = PREFETCH_MAX
    """Messages that were last asked for at once."""
    dry: bool = False
    """Nothing more of it is due in the database, as far as we know."""
    answer_ms: float = 0.0
    """How long its answers take: a moving average, 0 before the first."""
    silences: int = 0
    idle_since: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: the endpoint is only asked, one request at a time."""
        return self.silences >= SILENCES_TO_OPEN

    @property
    def cap(self) -> int:
        if self.is_open:
            return 1
        return MAX_IN_FLIGHT if self.answer_ms > QUICK_MS else QUICK_IN_FLIGHT

    def rests(self, now: datetime) -> bool:
        """Whether the receiver has asked for a rest that lasts beyond `now`."""
        return self.endpoint.held_until is not None and self.endpoint.held_until > now

    @property
    def appetite(self) -> int:
        """Messages that it makes sense to hold in memory."""
        return PROBE_PREFETCH if self.is_open else PREFETCH_MAX

    def runs_low(self, now: datetime) -> bool:
        """Whether to fetch more of its messages."""
        wanted = not self.dry and self.endpoint.state == ACTIVE and not self.rests(now)
        return wanted and len(self.queue) * 2 < min(self.ration, self.appetite)

    def is_idle(self, now: datetime) -> bool:
        """Whether it has had no message in memory for LINGER_S. To be asked regularly: it takes notes."""
        if self.known:
            self.idle_since = None
            return False
        self.idle_since = self.idle_since or now
        return (now - self.idle_since).total_seconds() >= LINGER_S

    def has_work(self, now: datetime) -> bool:
        return bool(self.queue) and self.in_flight < self.cap and not self.rests(now)

    def note(self, outcome: Outcome) -> None:
        """Learn from an outcome how to treat the endpoint."""
        if outcome.reason in SILENT:
            self.silences += 1
        elif outcome.reason is not Reason.INTERNAL:
            self.silences = 0
            self.answer_ms += (outcome.duration_ms - self.answer_ms) * AVERAGE_SHARE

    def signing_keys(self, now: datetime) -> list[bytes]:
        """Keys that sign now: the newest, and older ones until their end."""
        return [key for key, until in self.keys if until is None or until > now]

    def update(self, endpoint: EndpointSnapshot, guard: AddressGuard, box: SecretBox) -> None:
        """Take over what has changed of the endpoint."""
        same = self.target is not None and (self.endpoint.url, self.endpoint.secrets) == (
            endpoint.url,
            endpoint.secrets,
        )
        self.endpoint = endpoint
        if same:
            return
        self.trouble, self.target = None, None
        try:
            self.target = guard.target(endpoint.url)
            self.keys = [(decode_secret(box.open(sealed)), until) for sealed, until in endpoint.secrets]
        except AddressRefused as refusal:
            self.trouble = (Reason.REFUSED_ADDRESS, refusal.detail)
        except (ValueError, InvalidInput) as error:
            self.trouble = (Reason.INTERNAL, f"the signing secret cannot be read: {error}")


def open_lane(endpoint: EndpointSnapshot, guard: AddressGuard, box: SecretBox) -> Lane:
    """A lane for an endpoint just leased. One whose last word was a failure starts with an open breaker."""
    lane = Lane(endpoint, silences=SILENCES_TO_OPEN if endpoint.failing_since else 0)
    lane.update(endpoint, guard, box)
    return lane
