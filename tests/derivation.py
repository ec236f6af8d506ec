"""Indexing, matching and notification on a small world: the real model, the real index, no carrier between.

`Derivation.settle()` hands events to the handlers as the stream would: by position, in batches, the plan in
one transaction, until none is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from services.courier.address_guard import AddressGuard
from services.courier.service import Endpoints
from services.indexing.generation import Generation, Generations
from services.indexing.handlers import index_challenges, index_companies
from services.indexing.meaning import Meaning
from services.indexing.upkeep import Upkeep
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.encoder import Encoder
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.embedding.transformer import open_encoder
from services.kernel.journal import Event
from services.kernel.security import SecretBox
from services.kernel.settings import EmbeddingBackend
from services.kernel.stream.port import Handler, Step
from services.kernel.vectors.edge import EdgeVectorIndex
from services.matching.answering import Answering
from services.matching.board import Board
from services.matching.feedback import Feedback, OwnFeedback
from services.matching.handlers import Match
from services.matching.notified import MarkNotified
from services.matching.profiles import Profiles
from services.matching.queries import SavedQueries
from services.matching.service import Matches
from services.matching.suggested import Suggested
from services.matching.suggestion import Composer, versions_of
from services.notification.digests import Digests
from services.notification.handlers import Notify
from services.notification.router import Router
from services.notification.subscriptions import Subscriptions
from services.notification.visibility import FollowRules
from tests.intake.people import World, build
from tests.kernel.embedding.conftest import MODELS

GUARD = AddressGuard(allow_loopback=True)
BOX = SecretBox([SecretBox.new_key()])
PUBLIC_URL = "https://liaison.test"
THRESHOLD = 0.4


@cache
def bundled_encoder() -> Encoder:
    return open_encoder(None, cache=MODELS, backend=EmbeddingBackend.onnx, threads=2)


@cache
def words() -> LexicalEncoder:
    return LexicalEncoder.shipped()


def embedder_on(database: Database, encoder: Encoder | None = None) -> CachedEmbedder:
    """As the product has it, on an encoder that is loaded once: the bundled one, or another."""
    return CachedEmbedder(BatchingEmbedder(encoder or bundled_encoder()), VectorsInDatabase(database))


def endpoints_of(world: World) -> Endpoints:
    return Endpoints(world.database, world.clock, guard=GUARD, box=BOX)


class Mind:
    """What one process has in memory: board, profiles, handlers. Several may share one database and index."""

    def __init__(self, world: World, generations: Generations, clock: Clock) -> None:
        database, reading = world.database, world.intake.reading
        serving = generations.serving
        self.generations = generations
        self.upkeep = Upkeep(generations, database, clock, reading)
        self.board = Board(database, reading, serving)
        self.profiles = Profiles(reading, serving.embedder, serving.lexical)
        self.match = Match(
            database,
            clock,
            generations=generations,
            board=self.board,
            profiles=self.profiles,
            clusters=world.directory,
            composer=Composer(serving.lexical, public_url=PUBLIC_URL, versions=versions_of(serving)),
        )
        self.router = Router(
            challenges=reading,
            queries=SavedQueries(generations),
            suggested=Suggested(database, world.directory),
            default_threshold=THRESHOLD,
            nudges=Feedback(database, clock, reading),
        )
        self.notify = Notify(database, clock, self.router, endpoints_of(world), public_url=PUBLIC_URL)
        self.notified = MarkNotified(database, clock, world.directory)
        self.handlers: tuple[Handler, ...] = (
            index_companies(generations, reading, clock),
            index_challenges(generations, reading, clock),
            self.match,
            self.notify,
            self.notified,
        )


@dataclass
class Derivation:
    world: World
    index: EdgeVectorIndex
    mind: Mind
    matches: Matches
    answering: Answering
    feedback: OwnFeedback
    endpoints: Endpoints
    subscriptions: Subscriptions
    digests: Digests
    cursors: dict[str, int] = field(default_factory=dict)

    async def settle(self, mind: Mind | None = None) -> list[Event]:
        """Handle what there is to handle, and what comes of it; returns the events of the whole journal."""
        while True:
            events = await self.world.events()
            waiting = [
                (handler, todo)
                for handler in (mind or self.mind).handlers
                if (todo := self._todo(handler, events))
            ]
            if not waiting:
                return events
            for handler, todo in waiting:
                await self.handle(handler, todo)

    async def handle(self, handler: Handler, events: Sequence[Event]) -> None:
        """One batch, as the stream does it."""
        plan = await handler.prepare(events)
        if isinstance(plan, Step):
            async with self.world.database.write() as tx:
                await plan.plan(tx)
            plan = await plan.rest()
        async with self.world.database.write() as tx:
            await plan(tx)
        if events[-1].position:
            self.cursors[handler.name] = max(self.cursors.get(handler.name, 0), events[-1].position)

    def _todo(self, handler: Handler, events: Sequence[Event]) -> list[Event]:
        done = self.cursors.get(handler.name, 0)
        found = [event for event in events if event.position > done and event.type in handler.consumes]
        return found[: handler.batch]


@asynccontextmanager
async def deriving(
    database: Database,
    clock: Clock,
    folder: Path,
    embedder: Embedder | None = None,
    *,
    meaning: Meaning | None = None,
) -> AsyncIterator[Derivation]:
    world = await build(database, clock)
    embedder = embedder or embedder_on(database)
    index = await EdgeVectorIndex.open(folder / "vectors")
    try:
        generations = Generations(Generation(embedder, words(), index, meaning=meaning))
        await generations.open()
        mind = Mind(world, generations, clock)
        await mind.upkeep.begin()
        endpoints = endpoints_of(world)
        rules = FollowRules(world.directory, world.intake.challenges, world.intake.companies)
        digests = Digests(database, clock, endpoints, public_url=PUBLIC_URL)
        feedback = Feedback(database, clock, world.intake.reading)
        matches = Matches(database, clock, world.directory.members, feedback, world.intake.reading)
        answering = Answering(database, clock, matches, world.directory.members)
        yield Derivation(
            world=world,
            index=index,
            mind=mind,
            matches=matches,
            answering=answering,
            feedback=OwnFeedback(
                database, feedback, world.intake.companies, world.directory.members, answering
            ),
            endpoints=endpoints,
            subscriptions=Subscriptions(
                database,
                clock,
                endpoints=endpoints,
                visibility=rules,
                digests=digests,
                public_url=PUBLIC_URL,
            ),
            digests=digests,
        )
    finally:
        await embedder.close()
        await index.close()
