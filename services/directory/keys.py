"""API keys: issued, shown once, rotated with an overlap, revoked; and who speaks with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.organisation import IssuedKey, Key, KeyContent, Organisation, Scope
from services.directory.key_cache import KeyCache, Known
from services.directory.model import KeyRow, OrganisationRow
from services.directory.organisations import Organisations
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound, Unauthenticated
from services.kernel.security import ADMIN, KEY_PREFIX, KEY_SHOWN, Principal, key_digest, new_key

OVERLAP_DEFAULT = timedelta(hours=24)
"""How long the old key works beside the new one: a working day to roll the new one out everywhere."""
OVERLAP_MAX = timedelta(days=7)
"""A rotation that needs more than a week is two keys, not a rotation."""
KEYS_MAX = 100
"""Keys of one organisation that work at the same time: one per system and person, far from a table of
throw-away keys."""
LIFETIME_MAX = timedelta(days=3_653)
"""Ten years: who wants a key for ever says so by giving no date."""
USE_RESOLUTION = timedelta(hours=1)
"""`last_used_at` is as exact as this: it answers "is this key still used?", and must not cost a write per
request."""

_TABLE = KeyRow.__table__
_LENGTH_MAX = 128
"""Longer than any key of ours; what is longer is not even hashed."""


class Keys:
    def __init__(self, database: Database, clock: Clock, organisations: Organisations) -> None:
        self._database = database
        self._clock = clock
        self._organisations = organisations
        self._cache = KeyCache()
        self._used: dict[str, datetime] = {}

    # -- who is speaking -----------------------------------------------------------------------------

    async def authenticate(self, key: str) -> Principal:
        """Who speaks with this key. Unauthenticated, with the reason, when it does not work."""
        if not key.startswith(KEY_PREFIX) or len(key) > _LENGTH_MAX or not key.isascii():
            raise Unauthenticated(f"This is not a key of this service: they begin with '{KEY_PREFIX}'.")
        now = self._clock.now()
        digest = key_digest(key)
        principal = self._cache.get(digest, now)
        if principal is not None:
            return principal
        query = (
            select(_TABLE, OrganisationRow.kind)
            .join(OrganisationRow, OrganisationRow.id == _TABLE.c.organisation)
            .where(_TABLE.c.digest == digest)
        )
        generation = self._cache.generation
        async with self._database.read() as tx:
            row = (await tx.execute(query)).first()
        if row is None:
            raise Unauthenticated("This key is not known. Check that it was copied completely.")
        if row.revoked_at is not None:
            raise Unauthenticated(f"The key {row.prefix}… was revoked. Issue another.")
        if row.expires_at is not None and now >= row.expires_at:
            raise Unauthenticated(f"The key {row.prefix}… expired on {row.expires_at:%Y-%m-%d}. Rotate it.")
        principal = Principal(row.organisation, row.kind, row.id, frozenset(row.scopes))
        self._cache.put(digest, Known(principal, row.expires_at, now), generation=generation)
        if row.last_used_at is None or now - row.last_used_at >= USE_RESOLUTION:
            self._used[row.id] = now
        return principal

    async def record_uses(self) -> int:
        """Write down which keys were used since; returns how many. To be called now and then: a request
        must not wait for a write that only informs."""
        used, self._used = self._used, {}
        if not used:
            return 0
        changes = [{"key": key, "at": at} for key, at in used.items()]
        async with self._database.write() as tx:
            connection = await tx.connection()
            await connection.execute(
                update(KeyRow).where(_TABLE.c.id == bindparam("key")).values(last_used_at=bindparam("at")),
                changes,
            )
        return len(changes)

    # -- issuing -------------------------------------------------------------------------------------

    async def issue(
        self, principal: Principal, content: KeyContent, *, organisation: str | None = None
    ) -> IssuedKey:
        """`issuing`, in a transaction of its own."""
        write = await self.issuing(principal, content, organisation=organisation)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def issuing(
        self, principal: Principal, content: KeyContent, *, organisation: str | None = None
    ) -> Callable[[AsyncSession], Awaitable[IssuedKey]]:
        """Write a new key for the principal's organisation, or, if an admin asks, for any (handle or id).

        Forbidden without the scope `admin`; InvalidInput when it would expire at once; NotFound for an
        organisation that the principal may not know of.
        """
        principal.needs_scope("admin")
        owner = await self._owner(principal, organisation)
        self._check_expiry(content.expires_at)
        return lambda tx: self.write(tx, owner.id, content)

    async def write(
        self, tx: AsyncSession, organisation: str, content: KeyContent, *, secret: str | None = None
    ) -> IssuedKey:
        """The row of a new key; for callers that have asked who may. Conflict beyond KEYS_MAX.

        `secret`: the key itself, where the operator has chosen it; else a fresh one is made.
        """
        now = self._clock.now()
        working = select(_TABLE.c.id).where(_TABLE.c.organisation == organisation, *_works(now))
        if len((await tx.execute(working.limit(KEYS_MAX))).all()) >= KEYS_MAX:
            raise Conflict(f"This organisation has {KEYS_MAX} working keys. Revoke those no longer used.")
        secret = secret or new_key()
        issued = IssuedKey(
            **content.model_dump(),
            id=new_id("key"),
            organisation=organisation,
            prefix=secret[:KEY_SHOWN],
            created_at=now,
            secret=secret,
        )
        values = issued.model_dump(exclude={"secret"}) | {
            "scopes": [scope.value for scope in content.scopes],
            "digest": key_digest(secret),
        }
        await tx.execute(insert(KeyRow).values(values))
        return issued

    async def rotate(
        self, principal: Principal, key: str, *, overlap: timedelta = OVERLAP_DEFAULT
    ) -> IssuedKey:
        """`rotating`, in a transaction of its own."""
        write = self.rotating(principal, key, overlap=overlap)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    def rotating(
        self, principal: Principal, key: str, *, overlap: timedelta = OVERLAP_DEFAULT
    ) -> Callable[[AsyncSession], Awaitable[IssuedKey]]:
        """Write a successor with the same label, scopes and lifetime; the old key works for `overlap` more.

        InvalidInput for an overlap beyond OVERLAP_MAX, Conflict for a key that no longer works.
        """
        principal.needs_scope("admin")
        if not timedelta(0) <= overlap <= OVERLAP_MAX:
            days = OVERLAP_MAX.days
            raise InvalidInput(
                f"The overlap must be between 0 and {days} days. Issue a second key if you need longer.",
                errors=[FieldError(pointer="/overlap_s", detail=f"between 0 and {days} days")],
            )
        return lambda tx: self._rotate(tx, principal, key, overlap)

    async def _rotate(
        self, tx: AsyncSession, principal: Principal, key: str, overlap: timedelta
    ) -> IssuedKey:
        now = self._clock.now()
        old = await _own_key(tx, principal, key)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Conflict("This key no longer works, so there is nothing to rotate. Issue a new one.")
        lifetime = old.expires_at - old.created_at if old.expires_at is not None else None
        content = KeyContent(
            label=old.label,
            scopes=tuple(Scope(scope) for scope in old.scopes),
            expires_at=now + lifetime if lifetime is not None else None,
        )
        issued = await self.write(tx, old.organisation, content)
        ends = now + overlap
        if old.expires_at is not None:
            ends = min(ends, old.expires_at)
        await tx.execute(update(KeyRow).where(_TABLE.c.id == key).values(expires_at=ends))
        self._cache.forget(key)
        return issued

    async def revoke(self, principal: Principal, key: str) -> None:
        """The key stops working: in this process now, in others within key_cache.TRUSTED_FOR.

        Revoking a revoked key changes nothing. Conflict for the key that is asking, if it is the last
        one of its organisation that may issue keys: nobody could issue another.
        """
        principal.needs_scope("admin")
        now = self._clock.now()
        async with self._database.write(durable=True) as tx:
            row = await _own_key(tx, principal, key)
            if row.revoked_at is not None:
                return
            if key == principal.key:
                await _check_not_last(tx, row, now)
            await tx.execute(update(KeyRow).where(_TABLE.c.id == key).values(revoked_at=now))
        self._cache.forget(key)

    async def page(
        self,
        principal: Principal,
        *,
        organisation: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Key]:
        """Keys of the principal's organisation, or, for an admin, of any; newest first, behind `after`."""
        principal.needs_scope("admin")
        owner = await self._owner(principal, organisation)
        query = select(_TABLE).where(_TABLE.c.organisation == owner.id)
        if after is not None:
            query = query.where(_TABLE.c.id < after)
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(_TABLE.c.id.desc()).limit(limit))).all()
        return [_key(row) for row in rows]

    async def _owner(self, principal: Principal, organisation: str | None) -> Organisation:
        owner = await self._organisations.get(principal, organisation or principal.organisation)
        if owner.id != principal.organisation and principal.role != ADMIN:
            raise Forbidden("Keys of another organisation are its own affair; ask it, or an admin.")
        return owner

    def _check_expiry(self, expires_at: datetime | None) -> None:
        if expires_at is None:
            return
        now = self._clock.now()
        if expires_at <= now:
            raise InvalidInput(
                "The key would expire before it is issued. Give a later expires_at, or leave it out.",
                errors=[FieldError(pointer="/expires_at", detail="is in the past")],
            )
        if expires_at > now + LIFETIME_MAX:
            raise InvalidInput(
                "The key would live more than ten years. Give an earlier expires_at, or leave it out.",
                errors=[FieldError(pointer="/expires_at", detail="is more than ten years ahead")],
            )


def _works(now: datetime) -> tuple[Any, ...]:
    return (_TABLE.c.revoked_at.is_(None), or_(_TABLE.c.expires_at.is_(None), _TABLE.c.expires_at > now))


def _key(row: Row[Any]) -> Key:
    return Key.model_validate({name: getattr(row, name) for name in Key.model_fields})


async def _own_key(tx: AsyncSession, principal: Principal, key: str) -> Row[Any]:
    """NotFound for a key of somebody else, as for one that does not exist."""
    row = None
    if key.isascii() and key.isprintable():
        row = (await tx.execute(select(_TABLE).where(_TABLE.c.id == key))).first()
    if row is None or (row.organisation != principal.organisation and not principal.is_admin):
        raise NotFound("You have no such key.")
    return row


async def _check_not_last(tx: AsyncSession, row: Row[Any], now: datetime) -> None:
    query = select(_TABLE.c.scopes).where(
        _TABLE.c.organisation == row.organisation, _TABLE.c.id != row.id, *_works(now)
    )
    if not any(Scope.admin in scopes for (scopes,) in await tx.execute(query)):
        raise Conflict(
            "This is the last key of your organisation that may issue keys. Rotate it instead, or issue "
            "another with the scope 'admin' first."
        )
