"""Use cases of endpoints: create, change, rotate the secret, try out, switch on again, remove, list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.delivery import CreatedEndpoint, Delivery, Endpoint, EndpointContent
from schemas.events import EndpointTested
from services.courier import log, model
from services.courier.address_guard import AddressGuard, AddressRefused
from services.courier.enqueue import COURIER, NewMessage, enqueue
from services.courier.model import DeliveryRow, EndpointRow
from services.courier.signing import generate_secret
from services.kernel.clock import Clock
from services.kernel.database import Database, wake_after_commit
from services.kernel.identifiers import new_id
from services.kernel.journal import Event
from services.kernel.problems import Conflict, FieldError, NotFound
from services.kernel.security import Principal, SecretBox
from services.kernel.versions import VersionCheck

ROTATION_OVERLAP = timedelta(hours=24)
"""How long messages carry the signature of the old secret too: time to deploy the new one."""

ENDPOINTS_MAX = 50
"""Per organisation: one for each of its systems, and no more than one page of a list."""

SECRETS_MAX = 5
"""Secrets that sign at once, while somebody rotates more often than once a day: each costs a signature in
every message. A further rotation is refused, since each secret is promised its ROTATION_OVERLAP."""

SAMPLE = "A sample, sent because somebody asked for it. It has no further meaning."

ROW: Any = EndpointRow.__table__


class Endpoints:
    """Endpoints of organisations. Every method acts for a principal and sees only what is its own."""

    def __init__(self, database: Database, clock: Clock, *, guard: AddressGuard, box: SecretBox) -> None:
        self._database = database
        self._clock = clock
        self._guard = guard
        self._box = box

    async def creating(
        self, principal: Principal, content: EndpointContent
    ) -> Callable[[AsyncSession], Awaitable[CreatedEndpoint]]:
        """Check the content; what comes back writes it in a transaction of the caller's.

        The secret is in the answer this once. Raises AddressRefused for a URL that no webhook is sent to,
        Conflict when the organisation has too many endpoints.
        """
        principal.needs_scope("write")
        self._check_url(content)
        now, secret = self._clock.now(), generate_secret()
        row: dict[str, Any] = {
            "id": new_id("end"),
            "version": 1,
            "owner": principal.organisation,
            "url": content.url,
            "label": content.label,
            "secrets": [self._sealed(secret)],
            "state": model.ACTIVE,
            "created_at": now,
        }

        async def write(tx: AsyncSession) -> CreatedEndpoint:
            mine = select(func.count()).where(
                EndpointRow.owner == principal.organisation, EndpointRow.state != model.REMOVED
            )
            if ((await tx.execute(mine)).scalar() or 0) >= ENDPOINTS_MAX:
                raise Conflict(
                    f"You have {ENDPOINTS_MAX} endpoints, the most an organisation may have. Remove one, or "
                    "let several subscriptions share one."
                )
            await tx.execute(insert(EndpointRow).values(**row))
            return _with_secret(_endpoint(await self._own(tx, principal, row["id"])), secret)

        return write

    async def create(self, principal: Principal, content: EndpointContent) -> CreatedEndpoint:
        """`creating`, in a transaction of its own."""
        write = await self.creating(principal, content)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def change(
        self, principal: Principal, endpoint: str, content: EndpointContent, check: VersionCheck
    ) -> Endpoint:
        """Another URL or label. `check` is given the present version, and raises when it is not the one
        that was read. What is pending goes to the new URL."""
        principal.needs_scope("write")
        self._check_url(content)
        async with self._database.write(durable=True) as tx:
            before = await self._own(tx, principal, endpoint, lock=True)
            check(before.version)
            return await self._update(tx, principal, before, url=content.url, label=content.label)

    async def rotating(
        self, principal: Principal, endpoint: str
    ) -> Callable[[AsyncSession], Awaitable[CreatedEndpoint]]:
        """A fresh secret, shown this once. The old one signs beside it for ROTATION_OVERLAP. Conflict while
        SECRETS_MAX sign already."""
        principal.needs_scope("write")
        secret = generate_secret()

        async def write(tx: AsyncSession) -> CreatedEndpoint:
            before = await self._own(tx, principal, endpoint, lock=True)
            now = self._clock.now()
            older = [self._ending(entry, now) for entry in before.secrets]
            kept = [entry for entry in older if datetime.fromisoformat(entry["until"]) > now]
            if len(kept) >= SECRETS_MAX:
                first = min(datetime.fromisoformat(entry["until"]) for entry in kept)
                raise Conflict(
                    f"{SECRETS_MAX} secrets sign at present, the most at once: each does so for 24 hours "
                    f"after it was replaced. The next can be made after {first:%Y-%m-%d %H:%M} UTC."
                )
            secrets = [self._sealed(secret), *kept]
            return _with_secret(await self._update(tx, principal, before, secrets=secrets), secret)

        return write

    async def rotate(self, principal: Principal, endpoint: str) -> CreatedEndpoint:
        """`rotating`, in a transaction of its own."""
        write = await self.rotating(principal, endpoint)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def switching_on(self, tx: AsyncSession, principal: Principal, endpoint: str) -> Endpoint:
        """Deliver again to an endpoint that was switched off. What is still pending goes out at once."""
        principal.needs_scope("write")
        before = await self._own(tx, principal, endpoint, lock=True)
        if before.state == model.ACTIVE:
            return _endpoint(before)
        on = {"state": model.ACTIVE, "reason": None, "failing_since": None, "held_until": None}
        return await self._update(tx, principal, before, **on)

    async def switch_on(self, principal: Principal, endpoint: str) -> Endpoint:
        """`switching_on`, in a transaction of its own."""
        async with self._database.write(durable=True) as tx:
            return await self.switching_on(tx, principal, endpoint)

    async def remove(self, principal: Principal, endpoint: str) -> None:
        """Nothing more is sent to it; what was pending is cancelled. Its log can be read no more."""
        principal.needs_scope("write")
        async with self._database.write(durable=True) as tx:
            before = await self._own(tx, principal, endpoint, lock=True)
            await self._change(tx, before, state=model.REMOVED, reason="Removed by its owner.", secrets=[])
            await tx.execute(
                update(DeliveryRow)
                .where(DeliveryRow.endpoint_id == before.id, DeliveryRow.state == model.PENDING)
                .values(state=model.CANCELLED, next_attempt_at=None)
            )

    async def testing(
        self, principal: Principal, endpoint: str
    ) -> Callable[[AsyncSession], Awaitable[Delivery]]:
        """Send a sample to try out the receiver; its delivery tells what came of it."""
        principal.needs_scope("write")

        async def write(tx: AsyncSession) -> Delivery:
            row = await self._own(tx, principal, endpoint)
            if row.state != model.ACTIVE:
                raise Conflict("The endpoint is off. Switch it on first, then send the test.")
            message = _sample(row.id, self._clock.now())
            await enqueue(tx, [message], now=self._clock.now())
            return await log.delivery(tx, message.id)

        return write

    async def test(self, principal: Principal, endpoint: str) -> Delivery:
        """`testing`, in a transaction of its own."""
        write = await self.testing(principal, endpoint)
        async with self._database.write() as tx:
            return await write(tx)

    async def get(self, principal: Principal, endpoint: str) -> Endpoint:
        async with self._database.read() as tx:
            return _endpoint(await self._own(tx, principal, endpoint))

    async def list(self, principal: Principal, *, after: str | None, limit: int) -> list[Endpoint]:
        """Own endpoints by id, those after `after`."""
        query = select(ROW).where(ROW.c.owner == principal.organisation, ROW.c.state != model.REMOVED)
        if after is not None:
            query = query.where(ROW.c.id > after)
        async with self._database.read() as tx:
            return [_endpoint(row) for row in await tx.execute(query.order_by(ROW.c.id).limit(limit))]

    async def owner_of(self, endpoint: str) -> str | None:
        """The organisation that owns the endpoint, None if there is no such endpoint."""
        query = select(EndpointRow.owner).where(
            EndpointRow.id == endpoint, EndpointRow.state != model.REMOVED
        )
        async with self._database.read() as tx:
            return (await tx.execute(query)).scalar()

    async def existing(self, tx: AsyncSession, endpoints: Collection[str]) -> set[str]:
        """Those of the endpoints that have not been removed, switched off or not."""
        query = select(EndpointRow.id).where(
            EndpointRow.id.in_(sorted(endpoints)), EndpointRow.state != model.REMOVED
        )
        return set((await tx.execute(query)).scalars())

    async def _own(
        self, tx: AsyncSession, principal: Principal, endpoint: str, *, lock: bool = False
    ) -> Row[Any]:
        query = select(ROW).where(ROW.c.id == endpoint, ROW.c.state != model.REMOVED)
        row = (await tx.execute(query.with_for_update() if lock else query)).first()
        if row is None or (row.owner != principal.organisation and not principal.is_admin):
            raise NotFound(f"You have no endpoint {endpoint!r}.")
        return row

    async def _update(
        self, tx: AsyncSession, principal: Principal, before: Row[Any], **values: Any
    ) -> Endpoint:
        await self._change(tx, before, **values)
        return _endpoint(await self._own(tx, principal, before.id))

    async def _change(self, tx: AsyncSession, before: Row[Any], **values: Any) -> None:
        await tx.execute(
            update(ROW).where(ROW.c.id == before.id).values(version=before.version + 1, **values)
        )
        wake_after_commit(tx, COURIER)

    def _check_url(self, content: EndpointContent) -> None:
        try:
            self._guard.target(content.url)
        except AddressRefused as refusal:
            error = FieldError(pointer="/url", detail=refusal.detail)
            raise AddressRefused(refusal.detail, errors=[error]) from None

    def _sealed(self, secret: str) -> dict[str, str | None]:
        return {"sealed": self._box.seal(secret), "until": None}

    @staticmethod
    def _ending(entry: dict[str, str | None], now: datetime) -> dict[str, Any]:
        end = now + ROTATION_OVERLAP
        until = datetime.fromisoformat(entry["until"]) if entry["until"] else end
        return {"sealed": entry["sealed"], "until": min(until, end).isoformat()}


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        version=row.version,
        owner=row.owner,
        url=row.url,
        label=row.label,
        state=row.state,
        reason=row.reason,
        failing_since=row.failing_since,
        created_at=row.created_at,
    )


def _with_secret(endpoint: Endpoint, secret: str) -> CreatedEndpoint:
    return CreatedEndpoint(**dict(endpoint), secret=secret)


def _sample(endpoint: str, now: datetime) -> NewMessage:
    """A message as any other, but of an event that is in no journal: nobody else is concerned."""
    message, event_id = new_id("msg"), new_id("evt")
    data = EndpointTested(endpoint=endpoint, message=message, note=SAMPLE)
    event = Event(
        id=event_id,
        type=EndpointTested.TYPE,
        subject=f"endpoint/{endpoint}",
        key=endpoint,
        time=now,
        data=data.model_dump(mode="json"),
        audience=frozenset(),
        public=False,
        correlation_id=event_id,
        traceparent=None,
        position=0,
        hash="",
    )
    return NewMessage(endpoint, None, event_id, event.type, orjson.dumps(event.cloud_event()), id=message)
