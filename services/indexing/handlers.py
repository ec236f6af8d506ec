"""Events of profiles and challenges, turned into points of the vector index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeIndexed,
    ChallengeStepped,
    ChallengeWithdrawn,
    CompanyCreated,
    CompanyIndexed,
    CompanyUpdated,
    CompanyWithdrawn,
    EventData,
)
from services.indexing import newest
from services.indexing.collections import (
    CHALLENGES,
    COMPANIES,
    Indexed,
    belongs_in_index,
    of_challenge,
    of_company,
)
from services.indexing.generation import Generations
from services.indexing.newest import Written
from services.indexing.ports import Contents
from services.indexing.record import record
from services.intake.parts import challenge_parts, company_parts
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.journal import Event
from services.kernel.stream.port import Plan

LINGER_S = 0.2
"""Challenges are put into the index so long after they were announced: matching does not need them there,
and has the machine to itself while somebody waits for it."""

BATCH = 256
"""Entities embedded together: enough texts to fill the model's batches, few enough to stay responsive."""


CONSUMES = {
    "indexing.companies": frozenset({CompanyCreated.TYPE, CompanyUpdated.TYPE, CompanyWithdrawn.TYPE}),
    "indexing.challenges": frozenset(
        {ChallengeAnnounced.TYPE, ChallengeAmended.TYPE, ChallengeStepped.TYPE, ChallengeWithdrawn.TYPE}
    ),
}
"""The handlers of this room, and what each takes."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The newest state of one entity within a batch of events: to be put in, or to be taken out."""

    entity: str
    version: int
    event: Event
    indexed: Indexed | None


class IndexEntities:
    """A handler that puts entities of one kind into the index, then says that they can be found."""

    batch = BATCH

    def __init__(
        self,
        generations: Generations,
        contents: Contents,
        clock: Clock,
        *,
        name: str,
        alias: str,
        consumes: frozenset[str],
        read: Callable[[Event], _Wanted],
        found: Callable[[Indexed, str], EventData],
        linger_s: float = 0.0,
    ) -> None:
        """`read` turns an event into what the index should hold; `found` makes the event that says so.
        `linger_s`: how long others are let go first."""
        self._linger_s = linger_s
        self.name = name
        self.consumes = consumes
        self._generations = generations
        self._contents = contents
        self._clock = clock
        self._alias = alias
        self._read = read
        self._found = found

    async def prepare(self, events: Sequence[Event]) -> Plan:
        await asyncio.sleep(self._linger_s)
        latest = {event.key: event for event in events}
        written, in_it = await self._written([self._read(event) for event in latest.values()])

        async def plan(tx: AsyncSession) -> None:
            now = self._clock.now()
            collections = [one.collection(self._alias) for one in self._generations.all()]
            await record(tx, collections, in_it.present, in_it.gone, now)
            index = self._generations.serving.fingerprint
            told = [
                _event(self._found(one.indexed, index), one.event)
                for one in written
                if one.indexed is not None
            ]
            await journal.append(tx, told, now=now)

        return plan

    async def _written(self, wanted: Sequence[_Wanted]) -> tuple[list[_Wanted], Written]:
        """What was put in or taken out, and what the index holds of it now. What is older than the present
        version is left alone: the event of that one comes, or came, when an event that was put aside is
        handled again."""
        async with self._generations.writing:
            present = await self._contents.present_versions([one.entity for one in wanted])
            current = [one for one in wanted if present.get(one.entity, 0) <= one.version]
            state = Written(
                [one.indexed for one in current if one.indexed is not None],
                [one.entity for one in current if one.indexed is None],
            )
            versions = {one.entity: one.version for one in current}
            every = self._generations.all()
            return current, await newest.write(every, self._alias, state, versions, self._contents)


def index_companies(generations: Generations, contents: Contents, clock: Clock) -> IndexEntities:
    """Handler `indexing.companies`: a point per capability and reference of every active profile."""
    return IndexEntities(
        generations,
        contents,
        clock,
        name="indexing.companies",
        alias=COMPANIES,
        consumes=CONSUMES["indexing.companies"],
        read=_of_company,
        found=lambda indexed, index: CompanyIndexed(
            company=indexed.entity, version=indexed.version, texts=len(indexed.parts), index=index
        ),
    )


def index_challenges(
    generations: Generations, contents: Contents, clock: Clock, *, linger_s: float = 0.0
) -> IndexEntities:
    """Handler `indexing.challenges`: a point per requirement as long as the challenge is open."""
    return IndexEntities(
        generations,
        contents,
        clock,
        name="indexing.challenges",
        alias=CHALLENGES,
        consumes=CONSUMES["indexing.challenges"],
        read=_of_challenge,
        found=lambda indexed, index: ChallengeIndexed(
            challenge=indexed.entity, version=indexed.version, texts=len(indexed.parts), index=index
        ),
        linger_s=linger_s,
    )


def _of_company(event: Event) -> _Wanted:
    if event.type == CompanyWithdrawn.TYPE:
        return _Wanted(event.data["company"], event.data["version"], event, None)
    company = Company.model_validate(event.data["company"])
    return _Wanted(company.id, company.version, event, of_company(company, company_parts(company)))


def _of_challenge(event: Event) -> _Wanted:
    challenge = Challenge.model_validate(event.data["challenge"])
    indexed = of_challenge(challenge, challenge_parts(challenge)) if belongs_in_index(challenge) else None
    return _Wanted(challenge.id, challenge.version, event, indexed)


def _event(data: EventData, cause: Event) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=cause.subject,
        key=cause.key,
        data=data.model_dump(mode="json"),
        audience=cause.audience,
        public=cause.public,
        correlation_id=cause.correlation_id,
    )
