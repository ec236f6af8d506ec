"""A courier's surroundings for tests: a database, endpoints in it, messages, and a courier that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from schemas.delivery import CreatedEndpoint, EndpointContent
from services.courier.address_guard import AddressGuard, Target
from services.courier.courier import Courier
from services.courier.dispatch import Posts
from services.courier.enqueue import COURIER, NewMessage, enqueue
from services.courier.http import Sender
from services.courier.log import DeliveryLog
from services.courier.model import AttemptRow, DeliveryRow, EndpointRow
from services.courier.outcome import Outcome, OutcomeKind, Reason, judge
from services.courier.service import Endpoints
from services.kernel.clock import Clock, SystemClock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.security import COMPANY, Principal, SecretBox
from tests.conftest import MovableClock
from tests.eventually import eventually

GUARD = AddressGuard(allow_loopback=True)
BOX = SecretBox([SecretBox.new_key()])


def principal(organisation: str | None = None, role: str = COMPANY) -> Principal:
    return Principal(organisation or new_id("org"), role, new_id("key"), frozenset({"read", "write"}))


OWNER = principal()


@dataclass
class Desk:
    """Endpoints and messages in a database."""

    database: Database
    clock: Clock = field(default_factory=SystemClock)
    box: SecretBox = BOX

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.database, self.clock, guard=GUARD, box=self.box)
        self.log = DeliveryLog(self.database, self.clock)

    async def endpoint(self, url: str, owner: Principal = OWNER) -> CreatedEndpoint:
        return await self.endpoints.create(owner, EndpointContent(url=url))

    async def post(self, endpoint: str, count: int = 1, *, traceparent: str | None = None) -> list[str]:
        """Hand over `count` messages in one transaction; returns their ids."""
        messages = [
            NewMessage(endpoint, None, new_id("evt"), "test.v1", b'{"number": %d}' % n, traceparent)
            for n in range(count)
        ]
        async with self.database.write() as tx:
            await enqueue(tx, messages, now=self.clock.now())
        return [message.id for message in messages]

    async def rows(self, *ids: str) -> list[Any]:
        query = select(DeliveryRow.__table__).order_by(DeliveryRow.id)
        async with self.database.read() as tx:
            return list((await tx.execute(query.where(DeliveryRow.id.in_(ids)) if ids else query)).all())

    async def row(self, message: str) -> Any:
        return (await self.rows(message))[0]

    async def endpoint_row(self, endpoint: str) -> Any:
        query = select(EndpointRow.__table__).where(EndpointRow.id == endpoint)
        async with self.database.read() as tx:
            return (await tx.execute(query)).one()

    async def attempts(self, message: str) -> list[Any]:
        table: Any = AttemptRow.__table__
        query = select(table).where(table.c.delivery_id == message).order_by(table.c.number)
        async with self.database.read() as tx:
            return list((await tx.execute(query)).all())

    async def reach(self, state: str, *messages: str, within_s: float = 30) -> None:
        """Wait until all the messages are in the state."""

        async def there() -> bool:
            return all(row.state == state for row in await self.rows(*messages))

        await eventually(there, within_s=within_s)

    def courier(self, posts: Posts, **options: Any) -> Courier:
        return Courier(self.database, posts, GUARD, self.box, self.clock, **options)

    @asynccontextmanager
    async def delivering(self, posts: Posts | None = None, **options: Any) -> AsyncIterator[Courier]:
        """A courier that runs inside the block, by default on real HTTP."""
        sender = Sender(GUARD, clock=self.clock) if posts is None else None
        courier = self.courier(posts or sender, **options)  # type: ignore[arg-type]
        running = asyncio.create_task(courier.run())
        try:
            yield courier
        finally:
            courier.stop()
            await running
            if sender is not None:
                await sender.close()

    async def pass_time(self, seconds: float) -> None:
        """Move the clock and let couriers notice."""
        assert isinstance(self.clock, MovableClock)
        self.clock.advance(seconds)
        self.database.wakeups.wake(COURIER)


@dataclass
class Scripted:
    """A network that answers by a function of the request; no time passes in it."""

    answer: Callable[[Target, Mapping[str, str]], Outcome]
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        self.sent.append((str(target.url), headers, body))
        await asyncio.sleep(0)
        return self.answer(target, headers)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.sent]


def answered(status: int, *, retry_after_s: float | None = None, duration_ms: float = 0.0) -> Outcome:
    kind, reason = judge(status)
    return Outcome(kind, reason, status, str(status), "", duration_ms, retry_after_s)


def silent() -> Outcome:
    return Outcome(OutcomeKind.FAILED, Reason.TIMEOUT, None, "no answer in time", "", 0.0)


def always(status: int, *, retry_after_s: float | None = None) -> Scripted:
    return Scripted(lambda _target, _headers: answered(status, retry_after_s=retry_after_s))


def verified(secret: str, requests: Sequence[tuple[dict[str, str], bytes]]) -> dict[str, bytes]:
    """Bodies by webhook-id, every signature checked by the public library, every id with one content."""
    seen: dict[str, bytes] = {}
    for headers, body in requests:
        Webhook(secret).verify(body, headers, json_parse=False)
        assert seen.setdefault(headers["webhook-id"], body) == body, "one content per webhook-id"
    return seen
