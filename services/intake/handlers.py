"""The Kafka inbox: what others submit there is announced or kept as if it came through the API."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import INBOX
from services.intake.inbox import Inbox
from services.kernel.journal import Event
from services.kernel.stream.port import Plan


class AcceptInbox:
    """Handler `inbox`. Each submission is accepted in a transaction of its own, once by its idempotency key;
    a refusal is an exception, and its reason goes into the dead letters."""

    name = "inbox"
    consumes = frozenset(INBOX)
    batch = 1

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def prepare(self, events: Sequence[Event]) -> Plan:
        for event in events:
            await self._inbox.accept(event.type, event.data)
        return _nothing_more


async def _nothing_more(_tx: AsyncSession) -> None:
    return None
