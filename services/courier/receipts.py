"""What the other rooms hear of deliveries: one event for all successes that are written down together.

Written in the transaction of the outcomes, so it is neither lost nor told of something that is not so; and
together, because an entry of the journal for each webhook would cost as much as the webhook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from schemas.events import DeliverySucceeded, MatchSuggested, MatchUpdated, SubscriptionDigest
from services.courier.backlog import EndpointSnapshot
from services.courier.outcome import OutcomeKind
from services.courier.record import Settled
from services.kernel.journal import NewEvent
from services.kernel.journal.append import append_in_one_go

TOLD = frozenset({MatchSuggested.TYPE, MatchUpdated.TYPE, SubscriptionDigest.TYPE})
"""Types whose arrival somebody waits to hear of: it moves suggestions to `notified`. A test is in no journal
and not among them."""

DELIVERED_MAX = 2_000
"""Deliveries in one event, some 90 bytes each: after an outage of the database thousands are written down at
once, and a message on Kafka has a largest size."""


def tell(
    tx: Connection, settled: Sequence[Settled], served: Mapping[str, EndpointSnapshot], *, now: datetime
) -> str | None:
    """Append the event for those of the outcomes that are successes; `served`: their endpoints by id.

    Returns the topic to wake when the transaction has committed; None when there was nothing to tell.
    """
    delivered = [
        {"event": item.due.event, "organisation": served[item.due.endpoint].owner}
        for item in settled
        if item.due.type in TOLD and item.outcome is not None and item.outcome.kind is OutcomeKind.DELIVERED
    ]
    if not delivered:
        return None
    events = [_event(delivered[at : at + DELIVERED_MAX]) for at in range(0, len(delivered), DELIVERED_MAX)]
    return append_in_one_go(tx, events, now=now)


def _event(delivered: list[dict[str, str]]) -> NewEvent:
    # The first of them names the entry: there is no entity whose receipts must stay in order.
    first = delivered[0]["event"]
    return NewEvent(
        type=DeliverySucceeded.TYPE, subject=f"delivery/{first}", key=first, data={"delivered": delivered}
    )
