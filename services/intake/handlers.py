"""The Kafka inbox: what others submit there is announced or kept as if it came through the API."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import INBOX
from services.intake.companies import KeptElsewhere
from services.intake.inbox import Inbox
from services.kernel.journal import Event
from services.kernel.problems import Forbidden, InvalidInput, NotFound
from services.kernel.stream.port import Plan, Rejected


class AcceptInbox:
    """Handler `inbox`. Each submission is accepted in a transaction of its own, once by its idempotency key;
    a refusal goes into the dead letters with its reason, without further tries."""

    name = "inbox"
    consumes = frozenset(INBOX)
    batch = 1

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def prepare(self, events: Sequence[Event]) -> Plan:
        for event in events:
            try:
                await self._inbox.accept(event.type, event.data)
            # Another Conflict means that somebody was faster, which the next try settles.
            except (InvalidInput, Forbidden, NotFound, KeptElsewhere) as refusal:
                raise Rejected(refusal.detail) from refusal
        return _nothing_more


async def _nothing_more(_tx: AsyncSession) -> None:
    return None
