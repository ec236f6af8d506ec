"""Challenges and profiles that come in by Kafka: the same checks and effects as through the API, once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.events import INBOX, ChallengeSubmitted, CompanySubmitted
from services.directory.service import Directory
from services.intake.challenges import Challenges
from services.intake.companies import Companies
from services.intake.model import InboxReceiptRow
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import InvalidInput
from services.kernel.security import Principal
from services.kernel.upsert import insert_or

RECEIPT_LIFETIME = timedelta(days=30)
"""How long an idempotency key is remembered: longer than Kafka keeps a topic by default (7 days), so that
reading the inbox from its beginning changes nothing."""
PURGE_BATCH = 1_000
REASONS_MAX = 5

_TABLE = InboxReceiptRow.__table__


class Inbox:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        directory: Directory,
        challenges: Challenges,
        companies: Companies,
    ) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory
        self._challenges = challenges
        self._companies = companies

    async def accept(self, event_type: str, data: Mapping[str, Any]) -> str:
        """Announce a challenge, or create or update a profile, and return its id.

        `data` is the CloudEvent's. The same idempotency key of the same organisation with the same data has
        its effect once. Raises a Problem whose detail is the reason for the dead letter: InvalidInput for an
        unknown type, wrong data or a key used for something else, Forbidden as on the API, KeptElsewhere for
        another organisation's company; and, to be tried again, Conflict where somebody was faster and
        Unavailable while the database is out of reach.
        """
        submitted = _validated(event_type, data)
        speaker = await self._speaker(submitted.organisation)
        write: Callable[[AsyncSession], Awaitable[Challenge | Company]]
        if isinstance(submitted, ChallengeSubmitted):
            known = await self._known(submitted)
            if known is not None:
                return known
            write = await self._challenges.announcing(speaker, submitted.challenge)
        else:
            write = await self._companies.upserting(speaker, submitted.company)
        async with self._database.write(durable=True) as tx:
            claimed = await tx.execute(
                insert_or(tx, InboxReceiptRow)
                .values(
                    organisation=submitted.organisation,
                    idempotency_key=submitted.idempotency_key,
                    fingerprint=_fingerprint(submitted),
                    entity="",
                    at=self._clock.now(),
                )
                .on_conflict_do_nothing()
                .returning(_TABLE.c.organisation)
            )
            if claimed.first() is None:
                known = await _receipt(tx, submitted)
                assert known is not None, "the receipt was there a moment ago"
                return known
            entity = await write(tx)
            await tx.execute(
                update(InboxReceiptRow)
                .where(
                    _TABLE.c.organisation == submitted.organisation,
                    _TABLE.c.idempotency_key == submitted.idempotency_key,
                )
                .values(entity=entity.id)
            )
            return entity.id

    async def purge(self) -> int:
        """Housekeeping: forget at most PURGE_BATCH keys older than RECEIPT_LIFETIME; returns how many."""
        before: datetime = self._clock.now() - RECEIPT_LIFETIME
        async with self._database.write() as tx:
            old = (
                await tx.execute(
                    select(_TABLE.c.organisation, _TABLE.c.idempotency_key)
                    .where(_TABLE.c.at < before)
                    .limit(PURGE_BATCH)
                )
            ).all()
            for organisation, key in old:
                await tx.execute(
                    delete(InboxReceiptRow).where(
                        _TABLE.c.organisation == organisation, _TABLE.c.idempotency_key == key
                    )
                )
        return len(old)

    async def _known(self, submitted: ChallengeSubmitted) -> str | None:
        """What this key led to before. Asked first, because what was right then, such as a deadline ahead,
        may be wrong when the event comes again."""
        async with self._database.read() as tx:
            return await _receipt(tx, submitted)

    async def _speaker(self, organisation: str) -> Principal:
        """Who may write to the inbox topic is the broker's affair: its word for the organisation counts."""
        found = await self._directory.organisation_by_handle_or_id(organisation)
        if found is None:
            raise InvalidInput(f"There is no organisation '{organisation}'.")
        return Principal(found.id, found.kind.value, "inbox", frozenset({"write"}))


async def _receipt(tx: AsyncSession, submitted: ChallengeSubmitted | CompanySubmitted) -> str | None:
    query = select(_TABLE.c.fingerprint, _TABLE.c.entity).where(
        _TABLE.c.organisation == submitted.organisation,
        _TABLE.c.idempotency_key == submitted.idempotency_key,
    )
    row = (await tx.execute(query)).first()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(submitted):
        raise InvalidInput("This idempotency_key was used for something else. Make a new one for each event.")
    return str(row.entity)


def _validated(event_type: str, data: Mapping[str, Any]) -> ChallengeSubmitted | CompanySubmitted:
    kind = INBOX.get(event_type)
    if kind is None:
        known = " or ".join(sorted(INBOX))
        raise InvalidInput(f"Events of type '{event_type[:100]}' are not taken in here; {known} are.")
    try:
        submitted = kind.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(_reasons(error)) from error
    assert isinstance(submitted, ChallengeSubmitted | CompanySubmitted)
    return submitted


def _reasons(error: ValidationError) -> str:
    """The first faults with their places, without what was written there: a reason is kept and shown."""
    found = error.errors(include_url=False, include_input=False)
    told = [f"/{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in found[:REASONS_MAX]]
    more = len(found) - REASONS_MAX
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _fingerprint(submitted: ChallengeSubmitted | CompanySubmitted) -> str:
    body = submitted.model_dump(mode="json", exclude={"idempotency_key"})
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
