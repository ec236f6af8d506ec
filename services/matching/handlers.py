"""Challenges meet profiles, in both directions, with one score."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import OPEN_STATES, Challenge
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeStepped,
    ChallengeWithdrawn,
    CompanyIndexed,
    CompanyWithdrawn,
    IndexSwitched,
)
from schemas.match import MatchSuggestion
from services.indexing.generation import Generations
from services.intake import confidential
from services.intake.completion import last_open_day
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.problems import TransientError
from services.kernel.stream.port import Plan, Step
from services.matching import backgrounds, changes, specialists, telling
from services.matching.board import Board, Look, OpenChallenge
from services.matching.candidates import Candidates, candidates
from services.matching.changes import Pair
from services.matching.findings import Findings
from services.matching.model import MatchRow
from services.matching.profiles import Profile, Profiles
from services.matching.scoring import Challenges
from services.matching.suggestion import Composer, versions_of

BATCH = 256
"""Events matched at once: a bulk import is scored in a few matrix products."""
FIRST = 8
"""The best suggestions of a challenge that has just been announced are told before the others are even
explained: as many as are sent to one endpoint at a time."""
HEAD_START_S = 0.02
"""Before the others are explained, so that the first ones find the interpreter free on their way."""

_ANNOUNCED = {ChallengeAnnounced.TYPE: "challenge announced", ChallengeAmended.TYPE: "challenge amended"}
PROFILE_UPDATED = "profile updated"
INDEX_NEW = "the index was built anew"


class Clusters(Protocol):
    async def clusters_of(self, companies: Collection[str]) -> Mapping[str, Collection[str]]:
        """Per company, the clusters with the mandate to receive its matches."""


class HalfAnIndex(TransientError):
    """Whoever is matched now would not meet those that are not in the index again yet."""


class AnotherIndex(TransientError):
    """This process scores with another model than the one whose index serves."""


class Match:
    """Handler `matching`: a challenge looks for companies, an indexed profile for open challenges."""

    name = "matching"
    consumes = frozenset(
        {
            *_ANNOUNCED,
            ChallengeStepped.TYPE,
            ChallengeWithdrawn.TYPE,
            CompanyIndexed.TYPE,
            CompanyWithdrawn.TYPE,
            IndexSwitched.TYPE,
        }
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

    async def prepare(self, events: Sequence[Event]) -> Plan | Step:
        if not self._generations.is_whole:
            raise HalfAnIndex("the vector store has lost texts, which are being written anew; matching waits")
        switched = [event for event in events if event.type == IndexSwitched.TYPE]
        if switched and not await self._goes_over():
            raise AnotherIndex(
                "the index that serves was made by another model than this process has; all processes need "
                "the same LIAISON_EMBEDDING_MODEL: restart this one with it"
            )
        self._follow_generation()
        if switched:
            await self._match_all(switched[-1])
        newest = _newest(
            event for event in events if event.type != IndexSwitched.TYPE and not _is_matched_as_before(event)
        )
        if len(newest) == 1 and (event := next(iter(newest.values()))).type in _ANNOUNCED:
            return await self._match_at_once(event)
        found = Findings()
        indexed: dict[str, int] = {}
        for event in newest.values():
            if event.type in _ANNOUNCED:
                challenge = Challenge.model_validate(event.data["challenge"])
                await self._match_challenge(challenge, _ANNOUNCED[event.type], found)
            elif event.type == CompanyIndexed.TYPE:
                indexed[event.data["company"]] = event.data["version"]
            elif event.type == ChallengeStepped.TYPE:
                found.over.add(event.key)
            elif event.type == ChallengeWithdrawn.TYPE:
                found.closed[event.key] = "the challenge was withdrawn"
            elif not await self._profiles.get({event.key: event.data["version"]}):
                found.closed[event.key] = "the company withdrew its profile"
        if indexed:
            await self._match_companies(indexed, found)
        return await self._planned(found, newest)

    async def _goes_over(self) -> bool:
        """Another process may have switched, and this one not have noticed yet."""
        await self._generations.follow()
        return await self._generations.is_present()

    def _follow_generation(self) -> None:
        """Score with the model whose index serves."""
        serving = self._generations.serving
        if serving is not self._board.generation:
            self._board.use(serving)
            self._profiles.use(serving.embedder)
            self._composer.versions = versions_of(serving)

    async def _match_all(self, event: Event) -> None:
        """Every open challenge anew, each in a transaction of its own: hundreds of suggestions per challenge
        would be too much for one. When this is cut short it is done again; what was written then finds
        nothing changed."""
        for challenge in await self._board.all_open():
            found = Findings()
            await self._match_challenge(challenge, INDEX_NEW, found)
            plan = await self._planned(found, {challenge.id: event})
            async with self._database.write() as tx:
                await plan(tx)

    async def _match_at_once(self, event: Event) -> Plan | Step:
        """One challenge that nobody should wait for."""
        challenge = Challenge.model_validate(event.data["challenge"])
        cause, because = {event.key: event}, _ANNOUNCED[event.type]
        sought = await self._seek(challenge)
        if sought is None:
            return await self._planned(Findings(), cause)
        look, near = sought
        best = await self._explained(near, near.pairs[:FIRST], because)
        first = Findings(now=best, begun={challenge.id}, measured=[(look.ready, look.measured)])

        async def rest() -> Plan:
            found = Findings(now=dict(best), matched={challenge.id})
            if len(near.pairs) > FIRST:
                await asyncio.sleep(HEAD_START_S)
                found.now.update(await self._explained(near, near.pairs[FIRST:], because))
            found.specialists = await asyncio.to_thread(specialists.of, near, floor=self._composer.floor)
            await self._settle(challenge, list(found.now.values()), found)
            return await self._planned(found, cause)

        return Step(await self._planned(first, cause), rest)

    async def _match_challenge(self, challenge: Challenge, because: str, found: Findings) -> None:
        sought = await self._seek(challenge)
        if sought is None:
            return
        look, near = sought
        found.measured.append((look.ready, look.measured))
        found.matched.add(challenge.id)
        suggestions = await self._explained(near, near.pairs, because)
        found.now.update(suggestions)
        found.specialists |= await asyncio.to_thread(specialists.of, near, floor=self._composer.floor)
        await self._settle(challenge, list(suggestions.values()), found)

    async def _seek(self, challenge: Challenge) -> tuple[Look, Candidates] | None:
        """Companies worth suggesting. None for a content that is not the present one: the event of that one
        comes, or came (this is what happens to an event that was put aside and is handled again later)."""
        present, look, suggested = await asyncio.gather(
            self._board.present(challenge.id),
            self._board.look(challenge),
            self._companies_suggested(challenge.id),
        )
        if present is None or present.content_version > challenge.version:
            return None
        if present.state not in OPEN_STATES:
            return None
        about = confidential.disclosed(challenge, present)  # the gates need what no event says
        look = replace(look, ready=replace(look.ready, challenge=about))
        wanted = dict.fromkeys(suggested, 0) | look.near.versions
        profiles = list((await self._profiles.get(wanted)).values())
        return look, await self._candidates([look.ready], profiles)

    async def _settle(
        self, challenge: Challenge, suggestions: Sequence[MatchSuggestion], found: Findings
    ) -> None:
        found.settled.append(telling.settled(challenge, suggestions, await self._profiles.count()))

    async def _match_companies(self, indexed: Mapping[str, int], found: Findings) -> None:
        await self._board.refresh()
        profiles = list((await self._profiles.get(indexed)).values())
        open_challenges = self._board.challenges()
        found.rescored.update(indexed)
        found.open.update(one.challenge.id for one in open_challenges)
        stack = self._board.stack()
        if stack is not None:
            near = await self._candidates(open_challenges, profiles, stack)
            found.now.update(await self._explained(near, near.pairs, PROFILE_UPDATED))
            found.specialists |= await asyncio.to_thread(specialists.of, near, floor=self._composer.floor)

    async def _candidates(
        self,
        challenges: Sequence[OpenChallenge],
        profiles: Sequence[Profile],
        stack: Challenges | None = None,
    ) -> Candidates:
        floor = self._composer.floor
        return await asyncio.to_thread(candidates, challenges, profiles, floor=floor, stack=stack)

    async def _explained(
        self, near: Candidates, pairs: Sequence[tuple[int, int]], because: str
    ) -> dict[Pair, MatchSuggestion]:
        # In a thread: hundreds of explanations must not hold up the requests of others.
        now = self._clock.now()
        return await asyncio.to_thread(near.suggestions, pairs, self._composer, because=because, now=now)

    async def _companies_suggested(self, challenge: str) -> set[str]:
        async with self._database.read() as tx:
            rows = await tx.execute(select(MatchRow.company).where(MatchRow.challenge == challenge))
            return set(rows.scalars())

    async def _planned(self, found: Findings, cause: Mapping[str, Event]) -> Plan:
        found.leave_out_closed()
        standing: Mapping[Pair, MatchSuggestion] = {}
        if found.may_retract:
            async with self._database.read() as tx:
                standing = await _standing(tx, found)
        audiences = await self._clusters.clusters_of({company for _, company in (*found.now, *standing)})

        async def plan(tx: AsyncSession) -> None:
            await self._write(tx, found, audiences, cause)

        return plan

    async def _write(
        self,
        tx: AsyncSession,
        found: Findings,
        audiences: Mapping[str, Collection[str]],
        cause: Mapping[str, Event],
    ) -> None:
        for ready, measured in found.measured:
            await backgrounds.keep(tx, ready.challenge.id, self._board.model, ready.parts, measured)
        before = await _standing(tx, found)
        gone = {pair: reason for pair in before if (reason := found.why_gone(pair))}
        now = self._clock.now()
        answered = await changes.answers(tx, before, found.now.keys())
        changed = changes.compare(before, found.now, gone=gone, at=now, answered=answered)
        await changes.write(tx, before, changed)
        await changes.close(tx, found.over, last_open_day(now))
        fresh = await specialists.write(
            tx,
            found.specialists,
            matched=found.matched,
            rescored=found.rescored,
            closed=found.closed.keys(),
        )
        told = [telling.of_change(change, audiences, cause) for change in changed if change.told]
        told += [telling.of_settled(settled, cause) for settled in found.settled]
        if fresh:
            told.append(telling.of_specialists(fresh))
        await journal.append(tx, told, now=now)


async def _standing(tx: AsyncSession, found: Findings) -> dict[Pair, MatchSuggestion]:
    return await changes.standing(
        tx,
        challenges=found.begun | found.matched | found.closed.keys(),
        companies=found.rescored | found.closed.keys(),
    )


def _is_matched_as_before(event: Event) -> bool:
    """A step by which nothing changes here: the same content, and companies may answer it still."""
    return event.type == ChallengeStepped.TYPE and event.data["challenge"]["state"] in OPEN_STATES


def _newest(events: Iterable[Event]) -> dict[str, Event]:
    """Of each challenge and company the event of its newest version; of one version the later event. An
    indexed profile may be told of after the profile was withdrawn."""
    newest: dict[str, Event] = {}
    for event in events:
        held = newest.get(event.key)
        if held is None or _version(event) >= _version(held):
            newest[event.key] = event
    return newest


def _version(event: Event) -> int:
    challenge = event.data.get("challenge")
    version: int = challenge["version"] if challenge else event.data["version"]
    return version
