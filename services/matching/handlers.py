"""Challenges meet profiles, in both directions, with one score."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import OPEN_STATES, Challenge
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeMatched,
    ChallengeWithdrawn,
    CompanyIndexed,
    CompanyWithdrawn,
    IndexSwitched,
)
from schemas.match import MatchSuggestion
from services.indexing.generation import Generations
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.stream.port import Plan
from services.matching import backgrounds, changes
from services.matching.board import Board, OpenChallenge
from services.matching.changes import Change, Pair
from services.matching.evidence import Background
from services.matching.model import MatchRow
from services.matching.profiles import Profile, Profiles
from services.matching.scoring import ANSWERED, Challenges, Companies, Scored
from services.matching.suggestion import Composer, versions_of

BATCH = 256
"""Events matched at once: a bulk import is scored in a few matrix products."""

_ANNOUNCED = {ChallengeAnnounced.TYPE: "challenge announced", ChallengeAmended.TYPE: "challenge amended"}


class Clusters(Protocol):
    async def clusters_of(self, companies: Collection[str]) -> Mapping[str, Collection[str]]:
        """Per company, the clusters with the mandate to receive its matches."""


@dataclass(slots=True)
class _Looked:
    """What one batch found out."""

    now: dict[Pair, MatchSuggestion] = field(default_factory=dict)
    """Suggestions that stand."""
    matched: set[str] = field(default_factory=set)
    """Challenges that looked for companies: a suggestion of theirs not in `now` no longer stands."""
    rescored: set[str] = field(default_factory=set)
    """Companies held against every challenge in `open`; likewise."""
    open: set[str] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)
    """Challenges and companies that are gone, and how."""
    measured: list[tuple[OpenChallenge, dict[str, Background]]] = field(default_factory=list)
    settled: list[ChallengeMatched] = field(default_factory=list)

    def why_gone(self, pair: Pair) -> str | None:
        """Why a suggestion that stood does not stand any more; None: it does, or was not looked at."""
        challenge, company = pair
        for one in pair:
            if one in self.closed:
                return self.closed[one]
        if pair in self.now:
            return None
        if challenge in self.matched or (company in self.rescored and challenge in self.open):
            return "it no longer fits"
        return None


class Match:
    """Handler `matching`: a challenge looks for companies, an indexed profile for open challenges."""

    name = "matching"
    consumes = frozenset(
        {*_ANNOUNCED, ChallengeWithdrawn.TYPE, CompanyIndexed.TYPE, CompanyWithdrawn.TYPE, IndexSwitched.TYPE}
    )
    batch = BATCH

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        generations: Generations,
        board: Board,
        profiles: Profiles,
        clusters: Clusters,
        composer: Composer,
    ) -> None:
        self._database = database
        self._clock = clock
        self._generations = generations
        self._board = board
        self._profiles = profiles
        self._clusters = clusters
        self._composer = composer

    async def prepare(self, events: Sequence[Event]) -> Plan:
        self._follow_generation()
        newest = {event.key: event for event in events}
        looked = _Looked()
        indexed: dict[str, int] = {}
        for event in newest.values():
            if event.type in _ANNOUNCED:
                challenge = Challenge.model_validate(event.data["challenge"])
                await self._match_challenge(challenge, _ANNOUNCED[event.type], event, looked)
            elif event.type == IndexSwitched.TYPE:
                await self._match_all(event, looked)
            elif event.type == CompanyIndexed.TYPE:
                indexed[event.data["company"]] = event.data["version"]
            elif event.type == ChallengeWithdrawn.TYPE:
                looked.closed[event.key] = "the challenge was withdrawn"
            else:
                looked.closed[event.key] = "the company withdrew its profile"
        if indexed:
            await self._match_companies(indexed, looked)
        closed = looked.closed.keys()
        looked.now = {pair: one for pair, one in looked.now.items() if closed.isdisjoint(pair)}
        async with self._database.read() as tx:
            standing = await self._standing(tx, looked)
        audiences = await self._clusters.clusters_of({company for _, company in (*looked.now, *standing)})

        async def plan(tx: AsyncSession) -> None:
            await self._write(tx, looked, audiences, newest)

        return plan

    def _follow_generation(self) -> None:
        """Score with the model whose index serves."""
        serving = self._generations.serving.embedder
        if serving is not self._board.embedder:
            self._board.use(serving)
            self._profiles.use(serving)
            self._composer.versions = versions_of(self._generations.serving)

    async def _match_all(self, event: Event, looked: _Looked) -> None:
        await self._board.refresh()
        for one in self._board.challenges():
            await self._match_challenge(one.challenge, "another embedding model", event, looked)

    async def _match_challenge(
        self, challenge: Challenge, because: str, event: Event, looked: _Looked
    ) -> None:
        if challenge.state not in OPEN_STATES:
            return
        ready, near, measured = await self._board.look(challenge)
        looked.measured.append((ready, measured))
        looked.matched.add(challenge.id)
        wanted = dict.fromkeys(await self._companies_suggested(challenge.id), 0) | near.versions
        profiles = list((await self._profiles.get(wanted)).values())
        found = await self._score([ready], profiles, because=because)
        looked.now.update(found)
        looked.settled.append(_settled(challenge, list(found.values()), await self._profiles.count()))

    async def _match_companies(self, indexed: Mapping[str, int], looked: _Looked) -> None:
        await self._board.refresh()
        profiles = list((await self._profiles.get(indexed)).values())
        open_challenges = self._board.challenges()
        looked.rescored.update(indexed)
        looked.open.update(one.challenge.id for one in open_challenges)
        stack = self._board.stack()
        if stack is not None:
            because = "profile updated"
            looked.now.update(await self._score(open_challenges, profiles, because=because, stack=stack))

    async def _score(
        self,
        challenges: Sequence[OpenChallenge],
        profiles: Sequence[Profile],
        *,
        because: str,
        stack: Challenges | None = None,
    ) -> dict[Pair, MatchSuggestion]:
        """The pairs that are worth suggesting."""
        if not profiles:
            return {}
        # In a thread: hundreds of explanations must not hold up the requests of others.
        return await asyncio.to_thread(self._scored, challenges, profiles, because, stack)

    def _scored(
        self,
        challenges: Sequence[OpenChallenge],
        profiles: Sequence[Profile],
        because: str,
        stack: Challenges | None,
    ) -> dict[Pair, MatchSuggestion]:
        scored = Scored(
            stack or Challenges([one.texts for one in challenges]),
            Companies([profile.texts for profile in profiles]),
        )
        now = self._clock.now()
        found = {}
        for row, column in zip(*(scored.totals >= self._composer.floor).nonzero(), strict=True):
            challenge, profile = challenges[row], profiles[column]
            details = scored.details(int(row), int(column))
            suggestion = self._composer.compose(challenge, profile, details, because=because, now=now)
            found[suggestion.challenge.id, suggestion.company.id] = suggestion
        return found

    async def _companies_suggested(self, challenge: str) -> set[str]:
        async with self._database.read() as tx:
            rows = await tx.execute(select(MatchRow.company).where(MatchRow.challenge == challenge))
            return set(rows.scalars())

    async def _standing(self, tx: AsyncSession, looked: _Looked) -> dict[Pair, MatchSuggestion]:
        return await changes.standing(
            tx,
            challenges=looked.matched | looked.closed.keys(),
            companies=looked.rescored | looked.closed.keys(),
        )

    async def _write(
        self,
        tx: AsyncSession,
        looked: _Looked,
        audiences: Mapping[str, Collection[str]],
        cause: Mapping[str, Event],
    ) -> None:
        model = self._board.embedder.model.fingerprint
        for ready, measured in looked.measured:
            await backgrounds.keep(tx, ready.challenge.id, model, ready.parts, measured)
        before = await self._standing(tx, looked)
        gone = {pair: reason for pair in before if (reason := looked.why_gone(pair))}
        now = self._clock.now()
        found = changes.compare(before, looked.now, gone=gone, at=now)
        await changes.write(tx, before, found)
        told = [self._event(change, audiences, cause) for change in found if change.told]
        told += [_told(settled, cause) for settled in looked.settled]
        await journal.append(tx, told, now=now)

    def _event(
        self, change: Change, audiences: Mapping[str, Collection[str]], cause: Mapping[str, Event]
    ) -> journal.NewEvent:
        data = change.data
        caused_by = cause.get(data.challenge.id) or cause.get(data.company.id)
        return journal.NewEvent(
            type=data.TYPE,
            subject=f"challenge/{data.challenge.id}/company/{data.company.id}",
            key=data.challenge.id,
            data=data.model_dump(mode="json"),
            audience=frozenset(
                {
                    data.company.owner,
                    data.challenge.buyer,
                    data.challenge.announced_by,
                    *audiences.get(data.company.id, ()),
                }
            ),
            correlation_id=caused_by.correlation_id if caused_by else None,
        )


def _settled(challenge: Challenge, found: Sequence[MatchSuggestion], companies: int) -> ChallengeMatched:
    answered = {
        requirement.id for one in found for requirement in one.requirements if requirement.score >= ANSWERED
    }
    return ChallengeMatched(
        challenge=challenge.id,
        version=challenge.version,
        suggestions=len(found),
        companies=companies,
        countries=len({one.company.country for one in found}),
        unanswered=tuple(one.id for one in challenge.requirements if one.id not in answered),
    )


def _told(settled: ChallengeMatched, cause: Mapping[str, Event]) -> journal.NewEvent:
    caused_by = cause.get(settled.challenge)
    return journal.NewEvent(
        type=settled.TYPE,
        subject=f"challenge/{settled.challenge}",
        key=settled.challenge,
        data=settled.model_dump(mode="json"),
        public=True,
        correlation_id=caused_by.correlation_id if caused_by else None,
    )
