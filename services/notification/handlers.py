"""From an event to the messages of everybody who subscribed to it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.subscription import Channel, FollowQuery, Subscription
from services.courier.enqueue import NewMessage, enqueue
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan
from services.notification.ports import Challenges, QueryFits
from services.notification.routing import MATCHES, ROUTED, SETTLED, Concern, concern, possible_keys, wants
from services.notification.subscriptions import following

BATCH = 200
"""Events routed at once: a challenge's suggestions arrive together and share their look-ups."""


class Notify:
    """Handler `notification`: events in, deliveries out. Nothing is sent here; the courier does that."""

    name = "notification"
    consumes = ROUTED
    batch = BATCH

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        challenges: Challenges,
        queries: QueryFits,
        default_threshold: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self._challenges = challenges
        self._queries = queries
        self._default_threshold = default_threshold

    async def prepare(self, events: Sequence[Event]) -> Plan:
        named = {event.data["challenge"]["id"] for event in events if event.type in MATCHES}
        named |= {event.data["challenge"] for event in events if event.type == SETTLED}
        known = await self._challenges.challenges(named) if named else {}
        concerns = [concern(event, known) for event in events]
        async with self._database.read() as tx:
            subscriptions = await following(tx, possible_keys(concerns))
        fits = await self._query_fits(subscriptions, concerns)
        messages = [
            message
            for index, one in enumerate(concerns)
            for message in self._messages(one, subscriptions, {sub: row[index] for sub, row in fits.items()})
        ]

        async def plan(tx: AsyncSession) -> None:
            if messages:
                await enqueue(tx, messages, now=self._clock.now())

        return plan

    def _messages(
        self, one: Concern, subscriptions: Sequence[Subscription], fits: dict[str, float]
    ) -> list[NewMessage]:
        body: bytes | None = None
        messages: list[NewMessage] = []
        served: set[str] = set()
        for subscription in subscriptions:
            endpoint = subscription.endpoint
            if subscription.channel is not Channel.webhook or endpoint is None or endpoint in served:
                continue
            if wants(
                subscription,
                one,
                default_threshold=self._default_threshold,
                query_fit=fits.get(subscription.id),
            ):
                body = body or orjson.dumps(one.event.cloud_event())
                event = one.event
                messages.append(
                    NewMessage(endpoint, subscription.id, event.id, event.type, body, event.traceparent)
                )
                served.add(endpoint)
        return messages

    async def _query_fits(
        self, subscriptions: Sequence[Subscription], concerns: Sequence[Concern]
    ) -> dict[str, list[float]]:
        """Per subscription with a saved query: its fit to each concern, in their order."""
        saved = [(one.id, one.follow.query) for one in subscriptions if isinstance(one.follow, FollowQuery)]
        about: dict[str, Challenge] = {
            f"{one.challenge.id}@{one.challenge.version}": one.challenge
            for one in concerns
            if one.challenge is not None and not one.is_match
        }
        if not saved or not about:
            return {}
        texts = sorted({query for _, query in saved})
        table = await self._queries.fit(texts, list(about.values()))
        column = {key: number for number, key in enumerate(about)}
        rows = dict(zip(texts, table, strict=True))
        return {
            subscription: [
                rows[query][column[f"{one.challenge.id}@{one.challenge.version}"]]
                if one.challenge is not None and not one.is_match
                else 0.0
                for one in concerns
            ]
            for subscription, query in saved
        }
