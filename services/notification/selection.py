"""What a live stream shows of a subscription: the events that it asks for, by the same rules as webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from schemas.events import SubscriptionChanged, SubscriptionRemoved
from schemas.subscription import Subscription
from services.kernel.journal import Event
from services.kernel.security import Principal
from services.notification.router import Router
from services.notification.subscriptions import Subscriptions

Select = Callable[[Sequence[Event]], Awaitable[list[Event]]]


class Selections:
    def __init__(self, subscriptions: Subscriptions, router: Router) -> None:
        self._subscriptions = subscriptions
        self._router = router

    async def select(self, principal: Principal, subscription: str) -> Select:
        """What picks the events of one of the principal's subscriptions, whatever its channel. It follows
        the subscription's own changes, where their events are among those that it is given. Raises NotFound.
        """
        present: Subscription | None = await self._subscriptions.get(principal, subscription)

        async def select(events: Sequence[Event]) -> list[Event]:
            nonlocal present
            found: list[Event] = []
            waiting: list[Event] = []
            for event in events:
                if event.key == subscription:
                    found += await self._picked(present, waiting)
                    waiting = []
                    present = _changed(event, present)
                else:
                    waiting.append(event)
            return found + await self._picked(present, waiting)

        return select

    async def _picked(self, subscription: Subscription | None, events: Sequence[Event]) -> list[Event]:
        if subscription is None:
            return []
        return [one.event for one in await self._router.asked(subscription, events)]


def _changed(event: Event, present: Subscription | None) -> Subscription | None:
    if event.type == SubscriptionRemoved.TYPE:
        return None
    if event.type != SubscriptionChanged.TYPE:
        return present  # a digest, of what the stream has shown already
    told = SubscriptionChanged.model_validate(event.data).subscription
    # History is shown as the subscription asks now, not as it did then.
    return told if present is None or told.version > present.version else present
