"""Secret addresses of subscriptions: feed readers and calendars cannot send a key, so it is in the address.

What is kept is a digest. It is looked up by an index, whose time may tell how a digest begins, and never what
a token is that has it: that is 256 random bits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.subscription import Channel, Subscription
from services.kernel.security import TOKEN_PREFIX, key_digest, new_token, same
from services.notification.model import AddressRow, SubscriptionRow

ENDINGS = {Channel.feed: "atom", Channel.calendar: "ics"}
_LENGTH_MAX = 128
"""Longer than any token of ours; what is longer is not even hashed."""


async def make(tx: AsyncSession, subscription: str, now: datetime) -> str:
    """A fresh token for the subscription, in the place of the one it had. The caller has locked its row."""
    token = new_token()
    values = {"subscription": subscription, "digest": key_digest(token), "made_at": now}
    await forget(tx, subscription)
    await tx.execute(insert(AddressRow).values(values))
    return token


async def forget(tx: AsyncSession, subscription: str) -> None:
    """Its address leads nowhere any more."""
    await tx.execute(delete(AddressRow).where(AddressRow.subscription == subscription))


async def find(tx: AsyncSession, token: str, channel: Channel) -> Subscription | None:
    """The subscription of this token, where it is of that channel and not paused."""
    if not token.startswith(TOKEN_PREFIX) or len(token) > _LENGTH_MAX or not token.isascii():
        return None
    digest = key_digest(token)
    query = (
        select(SubscriptionRow.document, AddressRow.digest)
        .join(AddressRow, AddressRow.subscription == SubscriptionRow.id)
        .where(AddressRow.digest == digest, SubscriptionRow.paused.is_(False))
    )
    row = (await tx.execute(query)).first()
    if row is None or not same(row.digest, digest):
        return None
    found = Subscription.model_validate(row.document)
    return found if found.channel is channel else None


def path(token: str, channel: Channel) -> str:
    """Where it is read, on this server."""
    return f"/feeds/{token}.{ENDINGS[channel]}"
