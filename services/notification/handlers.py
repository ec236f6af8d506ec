"""From an event to the messages of everybody who subscribed to it, or to what waits for their digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import SubscriptionDigest
from schemas.subscription import Subscription
from services.courier.enqueue import NewMessage, enqueue
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan
from services.notification import collecting, headlines
from services.notification.deciding import Asked, Decision, decide
from services.notification.ports import Endpoints
from services.notification.router import Router
from services.notification.routing import ROUTED, Concern, Wanting, possible_keys
from services.notification.subscriptions import following
from services.notification.threads import ALERTS, stance, thread
from services.notification.timing import is_held

BATCH = 200
"""Events routed at once: a challenge's suggestions arrive together and share their look-ups, and a weekly
budget goes to the best of them."""


class Notify:
    """Handler `notification`: events in, deliveries out. Nothing is sent here; the courier does that."""

    name = "notification"
    consumes = ROUTED | {SubscriptionDigest.TYPE}
    batch = BATCH

    def __init__(
        self, database: Database, clock: Clock, router: Router, endpoints: Endpoints, *, public_url: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._router = router
        self._endpoints = endpoints
        self._public_url = public_url

    async def prepare(self, events: Sequence[Event]) -> Plan:
        digests = [_of_digest(event) for event in events if event.type == SubscriptionDigest.TYPE]
        concerns = await self._router.concerns([event for event in events if event.type in ROUTED])
        async with self._database.read() as tx:
            subscriptions = await following(tx, possible_keys(concerns))
        wanted = await self._router.wanted(concerns, subscriptions)
        asked = [each for one, wanting in zip(concerns, wanted, strict=True) for each in _asked(one, wanting)]
        about = {one.event.id: one for one in concerns}
        bodies = {name: _body(about[name].event) for name in {one.event for one in asked}}

        async def plan(tx: AsyncSession) -> None:
            if not asked and not digests:
                return
            # A subscription may outlive its endpoint; what is handed over for that would wait for ever.
            named = {one.endpoint for one in asked} | {message.endpoint for message in digests}
            there = await self._endpoints.existing(tx, named)
            decision = await self._decided(tx, [one for one in asked if one.endpoint in there], about)
            told = [
                _message(about[one.event].event, bodies[one.event], one.endpoint, subscription.id)
                for one, subscription in decision.at_once
            ]
            kept = [message for message in digests if message.endpoint in there]
            await enqueue(tx, [*kept, *told], now=self._clock.now())

        return plan

    async def _decided(
        self, tx: AsyncSession, asked: Sequence[Asked], about: Mapping[str, Concern]
    ) -> Decision:
        """What goes out at once; what waits is written down."""
        held = {each.id for one in asked for each in one.asking if is_held(each)}
        if not held:
            return Decision(at_once=[(one, one.asking[0]) for one in asked])
        now = self._clock.now()
        present = await collecting.locked(tx, held)
        asked = [_as_it_is(one, held, present) for one in asked]
        asked = [one for one in asked if one.asking]
        holding = [one for one in present.values() if is_held(one)]
        decision = decide(asked, await collecting.books(tx, holding, asked, now))
        items = {
            one.event: headlines.item(about[one.event], self._public_url) for one, _ in decision.collected
        }
        await collecting.write(tx, decision, items, now)
        return decision


def _asked(one: Concern, wanting: Sequence[Wanting]) -> list[Asked]:
    """One per endpoint, with all of its subscriptions that ask for the event."""
    by_endpoint: dict[str, list[Subscription]] = {}
    for each in wanting:
        if each.subscription.endpoint is not None:
            by_endpoint.setdefault(each.subscription.endpoint, []).append(each.subscription)
    nudges = {each.subscription.id: each.nudge for each in wanting if each.nudge}
    event = one.event
    return [
        Asked(
            event=event.id,
            position=event.position,
            thread=thread(event),
            stance=stance(event),
            is_alert=event.type in ALERTS,
            score=one.score or 0.0,
            endpoint=endpoint,
            asking=tuple(found),
            nudges=nudges,
        )
        for endpoint, found in by_endpoint.items()
    ]


def _as_it_is(one: Asked, held: set[str], present: Mapping[str, Subscription]) -> Asked:
    """With the subscriptions that hold something back as they stand now, in the place of what was read
    before; without those that were removed or paused meanwhile."""
    asking = (present.get(each.id) if each.id in held else each for each in one.asking)
    return replace(one, asking=tuple(each for each in asking if each is not None))


def _body(event: Event) -> bytes:
    return orjson.dumps(event.cloud_event())


def _message(event: Event, body: bytes, endpoint: str, subscription: str) -> NewMessage:
    return NewMessage(endpoint, subscription, event.id, event.type, body, event.traceparent)


def _of_digest(event: Event) -> NewMessage:
    """It says itself where it goes: its subscription may have changed since."""
    return _message(event, _body(event), event.data["endpoint"], event.data["subscription"])
