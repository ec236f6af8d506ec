"""Use cases of subscriptions: create, change, pause, remove, list; and finding those an event may concern."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.digest import WaitingDigest
from schemas.events import SubscriptionChanged, SubscriptionRemoved
from schemas.subscription import (
    ADDRESSED,
    Channel,
    CreatedSubscription,
    FollowMembers,
    Subscription,
    SubscriptionContent,
    Timing,
)
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, InvalidInput, NotFound
from services.kernel.security import CLUSTER, Principal
from services.kernel.versions import VersionCheck
from services.notification import addresses, collecting, digests
from services.notification.digests import Digests
from services.notification.model import SubscriptionRow
from services.notification.ports import Endpoints, Visibility
from services.notification.routing import ANY, follow_key

SUBSCRIPTIONS_MAX = 200
"""Per organisation. A cluster of 300 members needs one ('members'), not 300; it also bounds routing."""


class Subscriptions:
    """Subscriptions of organisations. Every method acts for a principal and sees only what is its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        endpoints: Endpoints,
        visibility: Visibility,
        digests: Digests,
        public_url: str,
    ) -> None:
        """`public_url`: addresses of subscriptions begin with it."""
        self._public_url = public_url
        self._database = database
        self._clock = clock
        self._endpoints = endpoints
        self._visibility = visibility
        self._digests = digests

    async def create(self, principal: Principal, content: SubscriptionContent) -> Subscription:
        """`creating`, in a transaction of its own."""
        write = await self.creating(principal, content)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def creating(
        self, principal: Principal, content: SubscriptionContent
    ) -> Callable[[AsyncSession], Awaitable[Subscription]]:
        """Check the content; what comes back writes it in a transaction of the caller's. A subscription that
        is read from an address comes with it, this once (`CreatedSubscription`).

        Raises InvalidInput, with the field, for a follow or an endpoint that is not the principal's.
        """
        principal.needs_scope("write")
        content = await self._checked(principal, content, principal.organisation)
        now = self._clock.now()
        subscription = Subscription(
            **dict(content),
            id=new_id("sub"),
            version=1,
            owner=principal.organisation,
            created_at=now,
            changed_at=now,
        )

        async def write(tx: AsyncSession) -> Subscription:
            count = select(func.count()).where(SubscriptionRow.owner == principal.organisation)
            if ((await tx.execute(count)).scalar() or 0) >= SUBSCRIPTIONS_MAX:
                raise Conflict(
                    f"You have {SUBSCRIPTIONS_MAX} subscriptions, the most an organisation may have. "
                    "Remove one, or follow all members or a whole country with a single one."
                )
            await tx.execute(insert(SubscriptionRow).values(**_columns(subscription)))
            await self._tell(tx, subscription, now)
            return await self._addressed(tx, subscription, now)

        return write

    async def addressing(
        self, principal: Principal, subscription_id: str
    ) -> Callable[[AsyncSession], Awaitable[Subscription]]:
        """Write a fresh address, shown this once; the one before leads nowhere from then on. Conflict
        for a subscription that is not read from one."""
        principal.needs_scope("write")

        async def write(tx: AsyncSession) -> Subscription:
            found = await self._own(tx, principal, subscription_id, lock=True)
            if found.channel not in ADDRESSED:
                raise Conflict(
                    f"A subscription of the channel '{found.channel}' has no address. Change its channel to "
                    "'feed' or 'calendar' first."
                )
            return await self._addressed(tx, found, self._clock.now())

        return write

    async def at(self, token: str, channel: Channel) -> Subscription:
        """The subscription that has this token in its address. NotFound while it is paused, too."""
        async with self._database.read() as tx:
            found = await addresses.find(tx, token, channel)
        if found is None:
            raise NotFound(
                "This address leads nowhere: it was made anew since, or its subscription is paused or was "
                "removed. Make a new address in the settings."
            )
        return found

    async def change(
        self,
        principal: Principal,
        subscription_id: str,
        content: SubscriptionContent,
        check: VersionCheck,
    ) -> Subscription:
        """`check` is given the present version, and raises when it is not the one that was read. What waits
        for a digest goes out when that is due now; at once, if the subscription has none any more."""
        principal.needs_scope("write")
        present = await self.get(principal, subscription_id)
        content = await self._checked(principal, content, present.owner, present)
        now = self._clock.now()
        async with self._database.write(durable=True) as tx:
            before = await self._own(tx, principal, subscription_id, lock=True)
            check(before.version)
            after = Subscription(
                **dict(content),
                id=before.id,
                version=before.version + 1,
                owner=before.owner,
                created_at=before.created_at,
                changed_at=now,
            )
            await tx.execute(
                update(SubscriptionRow).where(SubscriptionRow.id == before.id).values(**_columns(after))
            )
            if after.channel not in ADDRESSED:
                await addresses.forget(tx, after.id)
            await self._tell(tx, after, now)
            await self._digests.moved(tx, before, after, now)
        return after

    async def remove(self, principal: Principal, subscription_id: str) -> None:
        """What waits for its digest is told to nobody any more."""
        principal.needs_scope("write")
        async with self._database.write(durable=True) as tx:
            gone = await self._own(tx, principal, subscription_id, lock=True)
            await tx.execute(delete(SubscriptionRow).where(SubscriptionRow.id == gone.id))
            await addresses.forget(tx, gone.id)
            await collecting.remove(tx, gone.id)
            data = SubscriptionRemoved(subscription=gone.id, owner=gone.owner)
            event = journal.NewEvent(
                type=data.TYPE,
                subject=f"subscription/{gone.id}",
                key=gone.id,
                data=data.model_dump(mode="json"),
                audience=frozenset({gone.owner}),
            )
            await journal.append(tx, [event], now=self._clock.now())

    async def get(self, principal: Principal, subscription_id: str) -> Subscription:
        async with self._database.read() as tx:
            return await self._own(tx, principal, subscription_id)

    async def waiting(self, principal: Principal, subscription_id: str) -> WaitingDigest:
        """What waits for the next digest of one's subscription, as it would be told now."""
        async with self._database.read() as tx:
            return await digests.waiting(tx, (await self._own(tx, principal, subscription_id)).id)

    async def counts(self, subscriptions: Collection[Subscription]) -> dict[str, tuple[int, datetime | None]]:
        """By subscription: how many events wait for its digest, and when that is due. Those for which nothing
        waits are left out."""
        async with self._database.read() as tx:
            return await digests.counts(tx, [one.id for one in subscriptions])

    async def list(self, principal: Principal, *, after: str | None, limit: int) -> list[Subscription]:
        """Own subscriptions by id, those after `after`."""
        query = select(SubscriptionRow.document).where(SubscriptionRow.owner == principal.organisation)
        if after is not None:
            query = query.where(SubscriptionRow.id > after)
        async with self._database.read() as tx:
            rows = await tx.execute(query.order_by(SubscriptionRow.id).limit(limit))
            return [Subscription.model_validate(document) for document in rows.scalars()]

    async def _own(
        self, tx: AsyncSession, principal: Principal, subscription_id: str, *, lock: bool = False
    ) -> Subscription:
        query = select(SubscriptionRow.document, SubscriptionRow.owner).where(
            SubscriptionRow.id == subscription_id
        )
        row = (await tx.execute(query.with_for_update() if lock else query)).first()
        if row is None or (row.owner != principal.organisation and not principal.is_admin):
            raise NotFound(f"You have no subscription {subscription_id!r}.")
        return Subscription.model_validate(row.document)

    async def _checked(
        self,
        principal: Principal,
        content: SubscriptionContent,
        owner: str,
        present: Subscription | None = None,
    ) -> SubscriptionContent:
        """`owner`: whose the subscription is, which is not the principal's organisation when an administrator
        changes one. What it follows already (`present`) it may go on to follow."""
        errors = []
        if content.channel is Channel.webhook:
            if content.endpoint is None:
                errors.append(
                    FieldError(
                        pointer="/endpoint",
                        detail="A webhook needs an endpoint: POST /v1/endpoints makes one; name its id.",
                    )
                )
            elif await self._endpoints.owner_of(content.endpoint) != owner:
                errors.append(
                    FieldError(pointer="/endpoint", detail=f"You have no endpoint {content.endpoint!r}.")
                )
        elif content.endpoint is not None:
            errors.append(FieldError(pointer="/endpoint", detail="Only the channel 'webhook' takes one."))
        errors += _of_timing(content)
        follow = content.follow
        if present is None or follow != present.follow:
            if isinstance(follow, FollowMembers) and principal.role != CLUSTER:
                detail = "Only a cluster has members to follow; name a company."
                errors.append(FieldError(pointer="/follow/kind", detail=detail))
            follow, problem = await self._visibility.resolve(principal, follow)
            if problem:
                errors.append(FieldError(pointer="/follow", detail=problem))
        if errors:
            raise InvalidInput("The subscription cannot be made as it is.", errors=errors)
        return content.model_copy(update={"follow": follow})

    async def _addressed(self, tx: AsyncSession, subscription: Subscription, now: datetime) -> Subscription:
        if subscription.channel not in ADDRESSED:
            return subscription
        path = addresses.path(await addresses.make(tx, subscription.id, now), subscription.channel)
        return CreatedSubscription(**dict(subscription), address=self._public_url + path)

    async def _tell(self, tx: AsyncSession, subscription: Subscription, now: datetime) -> None:
        data = SubscriptionChanged(subscription=subscription)
        event = journal.NewEvent(
            type=data.TYPE,
            subject=f"subscription/{subscription.id}",
            key=subscription.id,
            data=data.model_dump(mode="json"),
            audience=frozenset({subscription.owner}),
        )
        await journal.append(tx, [event], now=now)


def _of_timing(content: SubscriptionContent) -> list[FieldError]:
    if content.channel is not Channel.webhook:
        detail = "Only webhooks are held back: anything else is read when its reader likes. Leave it out."
        held = {
            "/timing": content.timing is not Timing.instant,
            "/weekly_budget": content.weekly_budget is not None,
        }
        return [FieldError(pointer=pointer, detail=detail) for pointer, given in held.items() if given]
    if content.timing is not Timing.instant and content.weekly_budget is not None:
        detail = (
            "A budget bounds what comes at once. With a digest nothing does: leave the one or the other out."
        )
        return [FieldError(pointer="/weekly_budget", detail=detail)]
    return []


async def following(tx: AsyncSession, keys: Collection[tuple[str, str]]) -> list[Subscription]:
    """Subscriptions by webhook that are not paused and filed under one of the keys, in the order of their
    ids. A key (`country`, ANY) stands for every country."""
    by_kind: dict[str, set[str]] = {}
    for kind, key in keys:
        by_kind.setdefault(kind, set()).add(key)
    clauses = [
        SubscriptionRow.follow_kind == kind
        if kind == "country" and ANY in wanted
        else and_(SubscriptionRow.follow_kind == kind, SubscriptionRow.follow_key.in_(sorted(wanted)))
        for kind, wanted in sorted(by_kind.items())
    ]
    if not clauses:
        return []
    query = select(SubscriptionRow.document).where(
        or_(*clauses), SubscriptionRow.paused.is_(False), SubscriptionRow.endpoint.is_not(None)
    )
    rows = await tx.execute(query.order_by(SubscriptionRow.id))
    return [Subscription.model_validate(document) for document in rows.scalars()]


def _columns(subscription: Subscription) -> dict[str, object]:
    return {
        "id": subscription.id,
        "owner": subscription.owner,
        "version": subscription.version,
        "follow_kind": subscription.follow.kind,
        "follow_key": follow_key(subscription.follow, subscription.owner),
        "endpoint": subscription.endpoint,
        "paused": subscription.paused,
        "document": subscription.model_dump(mode="json"),
        "created_at": subscription.created_at,
        "changed_at": subscription.changed_at,
    }
