"""From an event to the messages of everybody who subscribed to it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.subscription import Subscription
from services.courier.enqueue import NewMessage, enqueue
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan
from services.notification.ports import Endpoints
from services.notification.router import Router
from services.notification.routing import ROUTED, possible_keys
from services.notification.subscriptions import following

BATCH = 200
"""Events routed at once: a challenge's suggestions arrive together and share their look-ups."""


class Notify:
    """Handler `notification`: events in, deliveries out. Nothing is sent here; the courier does that."""

    name = "notification"
    consumes = ROUTED
    batch = BATCH

    def __init__(self, database: Database, clock: Clock, router: Router, endpoints: Endpoints) -> None:
        self._database = database
        self._clock = clock
        self._router = router
        self._endpoints = endpoints

    async def prepare(self, events: Sequence[Event]) -> Plan:
        concerns = await self._router.concerns(events)
        async with self._database.read() as tx:
            subscriptions = await following(tx, possible_keys(concerns))
        wanted = await self._router.wanted(concerns, subscriptions)
        messages = [
            message
            for one, asking in zip(concerns, wanted, strict=True)
            for message in _messages(one.event, asking)
        ]

        async def plan(tx: AsyncSession) -> None:
            if messages:
                # A subscription may outlive its endpoint; what is handed over for that would wait for ever.
                there = await self._endpoints.existing(tx, {message.endpoint for message in messages})
                kept = [message for message in messages if message.endpoint in there]
                await enqueue(tx, kept, now=self._clock.now())

        return plan


def _messages(event: Event, asking: Sequence[Subscription]) -> list[NewMessage]:
    """One per endpoint, however many of its owner's subscriptions ask for the event."""
    if not asking:
        return []
    body = orjson.dumps(event.cloud_event())
    first: dict[str, NewMessage] = {}
    for subscription in asking:
        endpoint = subscription.endpoint
        if endpoint is not None and endpoint not in first:
            first[endpoint] = NewMessage(
                endpoint, subscription.id, event.id, event.type, body, event.traceparent
            )
    return list(first.values())
