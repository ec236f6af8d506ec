"""The open challenges, ready to be scored: what a changed profile is held against."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.challenge import Challenge
from services.intake.parts import REQUIREMENT_PREFIX, Part, challenge_parts
from services.kernel.database import Database
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.vectors.port import VectorIndex
from services.matching import backgrounds
from services.matching.evidence import NO_BACKGROUND, Background
from services.matching.nearest import Embedded, Nearest, embed, nearest
from services.matching.scoring import Challenges, ChallengeTexts, PartTerms


@dataclass(frozen=True, slots=True)
class OpenChallenge:
    """A challenge, its parts (the whole first), and the same as vectors with their backgrounds."""

    challenge: Challenge
    parts: tuple[Part, ...]
    texts: ChallengeTexts


class ChallengeSource(Protocol):
    async def open_versions(self) -> Mapping[str, int]:
        """Id and version of every open challenge."""

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]: ...


class Board:
    """All open challenges in memory, brought up to date before each use; the database is the truth."""

    def __init__(
        self,
        database: Database,
        source: ChallengeSource,
        index: VectorIndex,
        embedder: Embedder,
        lexical: LexicalEncoder,
    ) -> None:
        self._database = database
        self._source = source
        self._index = index
        self._lexical = lexical
        self.embedder = embedder
        self._open: dict[str, OpenChallenge] = {}
        self._stack: Challenges | None = None

    def use(self, embedder: Embedder) -> None:
        """Another model serves from now on: its vectors are other vectors."""
        self.embedder = embedder
        self._open.clear()
        self._stack = None

    async def look(self, challenge: Challenge) -> tuple[OpenChallenge, Nearest, dict[str, Background]]:
        """Ready one challenge and search for companies near it; the board then holds it, too.

        The third value are the backgrounds that were measured just now: to be kept with
        `backgrounds.keep` in the transaction that uses them.
        """
        parts = challenge_parts(challenge)
        embedded = await embed(self.embedder, self._lexical, parts)
        found = await nearest(self._index, embedded)
        async with self._database.read() as tx:
            known = (await backgrounds.known(tx, {challenge.id: parts}, self._model))[challenge.id]
        measured = {part: one for part, one in found.backgrounds.items() if part not in known}
        ready = _ready(challenge, embedded, known | measured)
        self._open[challenge.id] = ready
        self._stack = None
        return ready, found, measured

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
        if changed:
            await self._load(list((await self._source.challenges(changed)).values()))
        self._stack = None

    async def _load(self, challenges: Sequence[Challenge]) -> None:
        parts = {challenge.id: challenge_parts(challenge) for challenge in challenges}
        async with self._database.read() as tx:
            known = await backgrounds.known(tx, parts, self._model)
        for challenge in challenges:
            if len(known[challenge.id]) < len(parts[challenge.id]):
                # Announced a moment ago and not matched yet. Whoever needs its background first measures it.
                ready, _, measured = await self.look(challenge)
                async with self._database.write() as tx:
                    await backgrounds.keep(tx, challenge.id, self._model, ready.parts, measured)
            else:
                embedded = await embed(self.embedder, self._lexical, parts[challenge.id])
                self._open[challenge.id] = _ready(challenge, embedded, known[challenge.id])

    async def ready(self, challenge: Challenge) -> OpenChallenge:
        """This challenge from memory, or made for this once; without a background if none was measured."""
        held = self._open.get(challenge.id)
        if held is not None and held.challenge.version == challenge.version:
            return held
        parts = challenge_parts(challenge)
        async with self._database.read() as tx:
            known = (await backgrounds.known(tx, {challenge.id: parts}, self._model))[challenge.id]
        embedded = await embed(self.embedder, self._lexical, parts)
        return _ready(challenge, embedded, {part.id: NO_BACKGROUND for part in parts} | known)

    def challenges(self) -> list[OpenChallenge]:
        """In a fixed order: that of the rows of `stack`."""
        return [self._open[challenge] for challenge in sorted(self._open)]

    def stack(self) -> Challenges | None:
        """All of them for `score_many`; None when there are none."""
        if self._stack is None and self._open:
            self._stack = Challenges([one.texts for one in self.challenges()])
        return self._stack

    @property
    def _model(self) -> str:
        return self.embedder.model.fingerprint


def _ready(challenge: Challenge, embedded: Embedded, known: Mapping[str, Background]) -> OpenChallenge:
    requirements = {REQUIREMENT_PREFIX + one.id: one for one in challenge.requirements}
    terms = []
    for part in embedded.parts:
        requirement = requirements.get(part.id)
        terms.append(
            PartTerms(part.id, known[part.id])
            if requirement is None
            else PartTerms(part.id, known[part.id], requirement.weight, requirement.mandatory)
        )
    return OpenChallenge(challenge, embedded.parts, ChallengeTexts(tuple(terms), embedded.texts))
