"""Every part of a process, wired together once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.bootstrap.adapters import (
    kafka_connection,
    open_database,
    open_generations,
    topics,
    vector_index,
)
from services.bootstrap.ownership import owning
from services.bootstrap.rooms import INBOX, ROOMS
from services.consortia.completing import Completing
from services.consortia.consenting import Consents
from services.consortia.handlers import FormConsortia
from services.consortia.market import Markets
from services.consortia.meaning import KeptMeaning
from services.consortia.reviewing import Reviewing
from services.consortia.service import ConsortiumService
from services.courier.address_guard import AddressGuard
from services.courier.log import DeliveryLog
from services.courier.service import Endpoints
from services.dialogue.service import Dialogues
from services.directory.service import Directory
from services.gateway.board import SignInLinks
from services.indexing.changing import Changing
from services.indexing.generation import Generations
from services.indexing.handlers import LINGER_S, index_challenges, index_companies
from services.indexing.state import OwnIndex
from services.indexing.upkeep import RETIRED_S, Upkeep
from services.intake.handlers import AcceptInbox
from services.intake.register import Register
from services.intake.service import Intake
from services.intake.staleness import Staleness
from services.kernel.clock import Clock, SystemClock
from services.kernel.database import Database
from services.kernel.embedding.ahead import Ahead
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.installation import check_keys
from services.kernel.journal.tail import Tail
from services.kernel.leases import Lease
from services.kernel.secrets_folder import ServerSecrets, server_secrets
from services.kernel.settings import Settings, StreamKind, VectorStoreKind
from services.kernel.stream.journal import JournalStream
from services.kernel.stream.kafka_stream import KafkaStream
from services.kernel.stream.port import Handler, Stream
from services.kernel.vectors.port import VectorIndex
from services.matching.answering import Answering
from services.matching.board import Board
from services.matching.feedback import Feedback, OwnFeedback
from services.matching.handlers import Match
from services.matching.notified import LINGER_S as RECEIPTS_LINGER_S
from services.matching.notified import MarkNotified
from services.matching.profiles import Profiles
from services.matching.queries import SavedQueries
from services.matching.service import Matches
from services.matching.suggested import Suggested
from services.matching.suggestion import Composer, versions_of
from services.migrations import runner
from services.notification.digests import Digests
from services.notification.handlers import Notify
from services.notification.ports import QueryFits
from services.notification.router import Router
from services.notification.subscriptions import Subscriptions
from services.notification.visibility import FollowRules
from services.pairing.handlers import LINGER_S as PAIRING_LINGER_S
from services.pairing.handlers import PairNeeds
from services.pairing.room import Pairing
from services.pairing.upkeep import Upkeep as NeedsUpkeep


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
    staleness: Staleness
    endpoints: Endpoints
    deliveries: DeliveryLog
    subscriptions: Subscriptions
    digests: Digests
    matches: Matches
    answering: Answering
    consortia: ConsortiumService
    consents: Consents
    completing: Completing
    reviewing: Reviewing
    pairing: Pairing
    dialogues: Dialogues
    feedback: Feedback
    own_feedback: OwnFeedback
    links: SignInLinks


@dataclass(slots=True)
class Brain:
    """What a process has that has the index: vectors, the model, and what derives from them. `lease`: by
    which it owns an embedded store, where others could want it."""

    index: VectorIndex
    generations: Generations
    upkeep: Upkeep
    changing: Changing
    own: OwnIndex
    profiles: Profiles
    match: Match
    queries: SavedQueries
    pair: PairNeeds
    needs: NeedsUpkeep
    lease: Lease | None


@asynccontextmanager
async def open_core(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Core]:
    """The database at the newest schema, and everything on it. Raises `ConfigurationError`."""
    clock = clock or SystemClock()
    secrets = server_secrets(settings)
    async with AsyncExitStack() as stack:
        database = open_database(settings)
        stack.push_async_callback(database.close)
        await runner.upgrade(database)
        await check_keys(database, secrets.box)
        directory = Directory(database, clock, Register(database))
        ahead = Ahead()
        intake = Intake(database, clock, directory, ahead)
        guard = AddressGuard(allow_loopback=settings.allow_loopback_webhooks)
        endpoints = Endpoints(database, clock, guard=guard, box=secrets.box)
        rules = FollowRules(directory, intake.challenges, intake.companies)
        digests = Digests(database, clock, endpoints, public_url=settings.public_url)
        feedback = Feedback(database, clock, intake.reading)
        matches = Matches(database, clock, directory.members, feedback, intake.reading)
        markets = Markets(intake.reading, matches, KeptMeaning(VectorsInDatabase(database)))
        consortia = ConsortiumService(database, markets=markets, memberships=directory.members)
        answering = Answering(database, clock, matches, directory.members)
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
            staleness=Staleness(database, clock, intake.writer, public_url=settings.public_url),
            endpoints=endpoints,
            deliveries=DeliveryLog(database, clock),
            subscriptions=Subscriptions(
                database,
                clock,
                endpoints=endpoints,
                visibility=rules,
                digests=digests,
                public_url=settings.public_url,
            ),
            digests=digests,
            matches=matches,
            consortia=consortia,
            consents=Consents(
                database,
                clock,
                consortia=consortia,
                markets=markets,
                memberships=directory.members,
                public_url=settings.public_url,
            ),
            completing=Completing(
                database,
                clock,
                markets=markets,
                challenges=intake.challenges,
                companies=intake.companies,
                memberships=directory.members,
                public_url=settings.public_url,
            ),
            reviewing=Reviewing(
                database,
                clock,
                markets=markets,
                clusters=directory.members,
                public_url=settings.public_url,
            ),
            pairing=Pairing(database, clock, directory, intake, public_url=settings.public_url),
            dialogues=Dialogues(
                database,
                clock,
                challenges=intake.challenges,
                organisations=directory.organisations,
                public_url=settings.public_url,
            ),
            answering=answering,
            feedback=feedback,
            own_feedback=OwnFeedback(database, feedback, intake.companies, directory.members, answering),
            links=SignInLinks(clock),
        )


@asynccontextmanager
async def open_brain(core: Core) -> AsyncIterator[Brain]:
    """The vector index, the model and what derives from them. Raises `ConfigurationError`."""
    settings, database, clock, reading = core.settings, core.database, core.clock, core.intake.reading
    async with AsyncExitStack() as stack:
        index = await stack.enter_async_context(vector_index(settings))
        lease = None
        if settings.vectors is VectorStoreKind.edge and not database.is_serial:
            lease = await stack.enter_async_context(owning(database, clock))
        generations, embedders = await open_generations(settings, database, index)
        for embedder in embedders:
            stack.push_async_callback(embedder.close)
        await generations.open()
        retired_s = RETIRED_S if settings.vectors is VectorStoreKind.server else 0.0
        upkeep = Upkeep(generations, database, clock, reading, retired_s=retired_s)
        await upkeep.begin()
        core.ahead.serve(lambda: generations.serving.embedder)
        stack.push_async_callback(core.ahead.close)
        serving = generations.serving
        profiles = Profiles(reading, serving.embedder, serving.lexical)
        match = Match(
            database,
            clock,
            generations=generations,
            board=Board(database, reading, serving),
            profiles=profiles,
            clusters=core.directory,
            composer=Composer(serving.lexical, public_url=settings.public_url, versions=versions_of(serving)),
        )
        own, changing = OwnIndex(generations, upkeep), Changing(generations, upkeep, database, clock)
        queries = SavedQueries(generations)
        pair, needs = core.pairing.handler(index, linger_s=PAIRING_LINGER_S)
        yield Brain(index, generations, upkeep, changing, own, profiles, match, queries, pair, needs, lease)


def router(core: Core, queries: QueryFits) -> Router:
    """Who is told what."""
    return Router(
        challenges=core.intake.reading,
        queries=queries,
        suggested=Suggested(core.database, core.directory),
        default_threshold=core.settings.match_threshold,
        nudges=core.feedback,
    )


def handlers(core: Core, brain: Brain | None, queries: QueryFits, rooms: Collection[str]) -> list[Handler]:
    """The handlers of these rooms; indexing, matching and pairing need a brain."""
    found: list[Handler] = []
    if brain is not None and "indexing" in rooms:
        reading = core.intake.reading
        found.append(index_companies(brain.generations, reading, core.clock))
        found.append(index_challenges(brain.generations, reading, core.clock, linger_s=LINGER_S))
    if brain is not None and "matching" in rooms:
        found.append(brain.match)
    if "consortia" in rooms:
        found.append(FormConsortia(core.database, core.clock, core.reviewing))
    if brain is not None and "pairing" in rooms:
        found.append(brain.pair)
    if "pairing" in rooms:
        found.append(core.pairing.grouping)
    if "notification" in rooms:
        told = router(core, queries)
        public_url = core.settings.public_url
        found.append(Notify(core.database, core.clock, told, core.endpoints, public_url=public_url))
        found.append(MarkNotified(core.database, core.clock, core.directory, linger_s=RECEIPTS_LINGER_S))
    return found


def stream(core: Core, *, rooms: Collection[str] = tuple(ROOMS), relays: bool = True) -> Stream:
    """What carries events to the handlers. `relays`: this process publishes the journal, where that is
    needed."""
    settings = core.settings
    if settings.stream is StreamKind.journal:
        return JournalStream(core.database, core.clock, tail=core.tail)
    return KafkaStream(
        core.database,
        core.clock,
        kafka_connection(settings),
        topics=topics(settings),
        inbox=AcceptInbox(core.intake.inbox) if INBOX in rooms else None,
        relays=relays,
    )
