"""Every part of a process, wired together once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from services.bootstrap.adapters import kafka_connection, open_generations, vector_index
from services.courier.address_guard import AddressGuard
from services.courier.log import DeliveryLog
from services.courier.service import Endpoints
from services.directory.service import Directory
from services.gateway.board import SignInLinks
from services.indexing.generation import Generations
from services.indexing.handlers import LINGER_S, index_challenges, index_companies
from services.indexing.upkeep import Upkeep
from services.intake.handlers import AcceptInbox
from services.intake.register import Register
from services.intake.service import Intake
from services.kernel.clock import Clock, SystemClock
from services.kernel.database import Database
from services.kernel.embedding.ahead import Ahead
from services.kernel.journal.tail import Tail
from services.kernel.secrets_folder import ServerSecrets, server_secrets
from services.kernel.settings import Settings, StreamKind
from services.kernel.stream.journal import JournalStream
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.port import Handler, Stream
from services.kernel.stream.processor import Processor
from services.kernel.vectors.port import VectorIndex
from services.matching.answering import Answering
from services.matching.board import Board
from services.matching.handlers import Match
from services.matching.notified import LINGER_S as RECEIPTS_LINGER_S
from services.matching.notified import MarkNotified
from services.matching.profiles import Profiles
from services.matching.queries import SavedQueries
from services.matching.service import Matches
from services.matching.suggestion import Composer, versions_of
from services.migrations import runner
from services.notification.handlers import Notify
from services.notification.router import Router
from services.notification.selection import Selections
from services.notification.subscriptions import Subscriptions
from services.notification.visibility import FollowRules

log = structlog.get_logger("liaison.start")


@dataclass(slots=True)
class Core:
    """What every process has: the database and the use cases that need nothing else."""

    settings: Settings
    secrets: ServerSecrets
    clock: Clock
    database: Database
    tail: Tail
    guard: AddressGuard
    ahead: Ahead
    directory: Directory
    intake: Intake
    endpoints: Endpoints
    deliveries: DeliveryLog
    subscriptions: Subscriptions
    matches: Matches
    answering: Answering
    links: SignInLinks


@dataclass(slots=True)
class Brain:
    """What a process has that derives something: vectors, the model, and the handlers."""

    index: VectorIndex
    generations: Generations
    upkeep: Upkeep
    profiles: Profiles
    selections: Selections
    handlers: tuple[Handler, ...]


@asynccontextmanager
async def open_core(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Core]:
    """The database at the newest schema, and everything on it. Raises `ConfigurationError`."""
    clock = clock or SystemClock()
    secrets = server_secrets(settings)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        await runner.upgrade(database)
        directory = Directory(database, clock, Register(database))
        ahead = Ahead()
        intake = Intake(database, clock, directory, ahead)
        guard = AddressGuard(allow_loopback=settings.allow_loopback_webhooks)
        endpoints = Endpoints(database, clock, guard=guard, box=secrets.box)
        rules = FollowRules(directory, intake.challenges, intake.companies)
        matches = Matches(database, clock, directory.members)
        yield Core(
            settings=settings,
            secrets=secrets,
            clock=clock,
            database=database,
            tail=Tail(database, clock),
            guard=guard,
            ahead=ahead,
            directory=directory,
            intake=intake,
            endpoints=endpoints,
            deliveries=DeliveryLog(database, clock),
            subscriptions=Subscriptions(database, clock, endpoints=endpoints, visibility=rules),
            matches=matches,
            answering=Answering(database, clock, matches, directory.members),
            links=SignInLinks(clock),
        )


@asynccontextmanager
async def open_brain(core: Core) -> AsyncIterator[Brain]:
    """The vector index, the model and the handlers. Raises `ConfigurationError`."""
    settings, database, clock, reading = core.settings, core.database, core.clock, core.intake.reading
    async with AsyncExitStack() as stack:
        index = await stack.enter_async_context(vector_index(settings))
        generations, embedders = await open_generations(settings, database, index)
        for embedder in embedders:
            stack.push_async_callback(embedder.close)
        await generations.open()
        upkeep = Upkeep(generations, database, clock, reading)
        await upkeep.begin()
        core.ahead.serve(lambda: generations.serving.embedder)
        stack.push_async_callback(core.ahead.close)
        serving = generations.serving
        board = Board(database, reading, serving)
        profiles = Profiles(reading, serving.embedder, serving.lexical)
        composer = Composer(serving.lexical, public_url=settings.public_url, versions=versions_of(serving))
        match = Match(
            database,
            clock,
            generations=generations,
            board=board,
            profiles=profiles,
            clusters=core.directory,
            composer=composer,
        )
        router = Router(
            challenges=reading,
            queries=SavedQueries(generations),
            default_threshold=settings.match_threshold,
        )
        yield Brain(
            index=index,
            generations=generations,
            upkeep=upkeep,
            profiles=profiles,
            selections=Selections(core.subscriptions, router),
            handlers=(
                index_companies(generations, reading, clock),
                index_challenges(generations, reading, clock, linger_s=LINGER_S),
                match,
                Notify(database, clock, router, core.endpoints),
                MarkNotified(database, clock, core.directory, linger_s=RECEIPTS_LINGER_S),
            ),
        )


def processors(core: Core, handlers: tuple[Handler, ...]) -> list[Processor]:
    return [Processor(handler, core.database, core.clock) for handler in handlers]


def stream(core: Core) -> Stream:
    """What carries events to the handlers."""
    settings = core.settings
    if settings.stream is StreamKind.journal:
        return JournalStream(core.database, core.clock, tail=core.tail)
    return KafkaStream(
        core.database,
        core.clock,
        kafka_connection(settings),
        topics=Topics(
            prefix=settings.kafka_prefix,
            partitions=settings.kafka_partitions,
            replication=settings.kafka_replication,
        ),
        inbox=AcceptInbox(core.intake.inbox),
    )
