"""The open challenges, ready to be scored: what a changed profile is held against."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from schemas.challenge import Challenge
from services.indexing.generation import Generation
from services.intake.parts import REQUIREMENT_PREFIX, Part, challenge_parts
from services.kernel.database import Database
from services.matching import backgrounds
from services.matching.backgrounds import MeasuredMeanwhile
from services.matching.evidence import Background
from services.matching.nearest import Embedded, Nearest, embed, nearest
from services.matching.scoring import Challenges, ChallengeTexts, PartTerms


@dataclass(frozen=True, slots=True)
class OpenChallenge:
    """A challenge, its parts (the whole first), and the same as vectors with their backgrounds."""

    challenge: Challenge
    parts: tuple[Part, ...]
    texts: ChallengeTexts


@dataclass(frozen=True, slots=True)
class Look:
    """A challenge ready to be scored, and what is near it. `measured`: backgrounds that nobody had measured
    before; to be kept with `backgrounds.keep` in the transaction that uses them."""

    ready: OpenChallenge
    near: Nearest
    measured: Mapping[str, Background]


class ChallengeSource(Protocol):
    async def open_versions(self) -> Mapping[str, int]:
        """Id and version of every open challenge."""

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]: ...


class Board:
    """All open challenges in memory, brought up to date before each use; the database is the truth.

    What is held has the backgrounds that are kept in the database, never some that were only measured: two
    processes, or a process before and after a restart, would score one pair differently.
    """

    def __init__(self, database: Database, source: ChallengeSource, generation: Generation) -> None:
        self._database = database
        self._source = source
        self.generation = generation
        self._open: dict[str, OpenChallenge] = {}
        self._stack: Challenges | None = None

    def use(self, generation: Generation) -> None:
        """Another model serves from now on: its vectors are other vectors."""
        self.generation = generation
        self._open.clear()
        self._stack = None

    @property
    def model(self) -> str:
        """Fingerprint of the embedding model."""
        return self.generation.embedder.model.fingerprint

    async def look(self, challenge: Challenge) -> Look:
        """Ready one challenge and search for companies near it."""
        generation = self.generation
        parts = challenge_parts(challenge)
        embedded, known = await asyncio.gather(
            embed(generation.embedder, generation.lexical, parts), self._known({challenge.id: parts})
        )
        near = await nearest(generation, embedded)
        measured = {part: one for part, one in near.backgrounds.items() if part not in known[challenge.id]}
        return Look(made_ready(challenge, embedded, known[challenge.id] | measured), near, measured)

    async def present(self, challenge: str) -> Challenge | None:
        """Its newest version."""
        return (await self._source.challenges([challenge])).get(challenge)

    async def all_open(self) -> list[Challenge]:
        """From the database, in a fixed order."""
        found = await self._source.challenges((await self._source.open_versions()).keys())
        return [found[challenge] for challenge in sorted(found)]

    async def refresh(self) -> None:
        """Read what was announced, amended or closed since the last time."""
        versions = await self._source.open_versions()
        gone = self._open.keys() - versions.keys()
        changed = [
            challenge
            for challenge, version in versions.items()
            if challenge not in self._open or self._open[challenge].challenge.version != version
        ]
        if not gone and not changed:
            return
        for challenge in gone:
            del self._open[challenge]
        self._stack = None
        if changed:
            await self._load(list((await self._source.challenges(changed)).values()))

    async def _load(self, challenges: Sequence[Challenge]) -> None:
        generation = self.generation
        parts = {challenge.id: challenge_parts(challenge) for challenge in challenges}
        known = await self._known(parts)
        for challenge in challenges:
            own = parts[challenge.id]
            if len(known[challenge.id]) < len(own):
                # Announced a moment ago and not matched yet: whoever needs its background first measures it.
                known |= await self._measured(challenge, own)
            embedded = await embed(generation.embedder, generation.lexical, own)
            ready = made_ready(challenge, embedded, known[challenge.id])
            if self.generation is generation:
                self._open[challenge.id] = ready
        self._stack = None

    async def _measured(
        self, challenge: Challenge, parts: Sequence[Part]
    ) -> dict[str, dict[str, Background]]:
        """The backgrounds of a challenge, measured and kept; another process's, where that was faster."""
        look = await self.look(challenge)
        with suppress(MeasuredMeanwhile):
            async with self._database.write() as tx:
                await backgrounds.keep(tx, challenge.id, self.model, parts, look.measured)
        known = await self._known({challenge.id: parts})
        if len(known[challenge.id]) < len(parts):
            raise MeasuredMeanwhile(f"{challenge.id} is being amended")
        return known

    async def _known(self, parts: Mapping[str, Sequence[Part]]) -> dict[str, dict[str, Background]]:
        async with self._database.read() as tx:
            return await backgrounds.known(tx, parts, self.model)

    def challenges(self) -> list[OpenChallenge]:
        """In a fixed order: that of the rows of `stack`."""
        return [self._open[challenge] for challenge in sorted(self._open)]

    def stack(self) -> Challenges | None:
        """All of them for `score_many`; None when there are none."""
        if self._stack is None and self._open:
            self._stack = Challenges([one.texts for one in self.challenges()])
        return self._stack


def made_ready(challenge: Challenge, embedded: Embedded, known: Mapping[str, Background]) -> OpenChallenge:
    """`known`: the background of every part, by part id."""
    requirements = {REQUIREMENT_PREFIX + one.id: one for one in challenge.requirements}
    terms = []
    for part in embedded.parts:
        requirement = requirements.get(part.id)
        terms.append(
            PartTerms(part.id, known[part.id])
            if requirement is None
            else PartTerms(
                part.id,
                known[part.id],
                requirement.weight,
                requirement.mandatory,
                cut=requirement.source is not None,
            )
        )
    return OpenChallenge(challenge, embedded.parts, ChallengeTexts(tuple(terms), embedded.texts))
