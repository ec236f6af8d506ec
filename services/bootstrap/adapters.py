"""Adapters of the kernel's ports, chosen by the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.bootstrap.ownership import SHARED
from services.indexing.collections import COMPANIES
from services.indexing.generation import Generation, Generations, searchable
from services.indexing.meaning import ShippedMeaning
from services.indexing.model import GenerationRow
from services.kernel.database import Database, Pool
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.source import ModelUnavailable
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.embedding.transformer import open_transformer
from services.kernel.settings import ConfigurationError, Settings, VectorStoreKind
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.topic_declarations import read, shipped
from services.kernel.vectors.edge import EdgeVectorIndex
from services.kernel.vectors.errors import VectorStoreInUse
from services.kernel.vectors.port import VectorIndex

VECTORS = "vectors"
"""Folder in the data folder."""

log = structlog.get_logger("liaison.start")


def open_database(settings: Settings) -> Database:
    return Database(
        settings.database_url,
        pool=Pool(
            size=settings.database_connections,
            burst=settings.database_connections_burst,
            wait_s=settings.database_wait_s,
        ),
    )


@asynccontextmanager
async def vector_index(settings: Settings) -> AsyncIterator[VectorIndex]:
    """The vector store of the settings, open. Raises `ConfigurationError` where another process has it."""
    index: VectorIndex
    if settings.vectors is VectorStoreKind.edge:
        try:
            index = await EdgeVectorIndex.open(settings.data_dir / VECTORS)
        except VectorStoreInUse as error:
            raise ConfigurationError(f"{error} {SHARED}") from None
    else:
        # Its client takes a second to import, which a start without it should not pay.
        from services.kernel.vectors.server import Layout, ServerVectorIndex

        assert settings.qdrant_url is not None
        index = ServerVectorIndex.connect(
            settings.qdrant_url,
            api_key=settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None,
            prefer_grpc=settings.qdrant_grpc_port is not None,
            grpc_port=settings.qdrant_grpc_port or 6334,
            layout=Layout(settings.qdrant_shards, settings.qdrant_replicas, settings.qdrant_quantised),
        )
    try:
        yield index
    finally:
        await index.close()


async def open_embedder(settings: Settings, model: str | None, database: Database) -> Embedder:
    """An embedder that keeps what it has embedded. Raises `ModelUnavailable`."""
    inner = await open_transformer(
        model,
        cache=settings.models_dir,
        backend=settings.embedding_backend,
        threads=settings.embedding_threads,
    )
    return CachedEmbedder(inner, VectorsInDatabase(database))


async def open_generations(
    settings: Settings, database: Database, index: VectorIndex
) -> tuple[Generations, list[Embedder]]:
    """The generation that the aliases point at serves; if another model is configured, its generation is
    to be built. The embedders are the caller's to close."""
    lexical = await asyncio.to_thread(LexicalEncoder.shipped)
    wanted = await open_embedder(settings, settings.embedding_model, database)
    meaning = await asyncio.to_thread(ShippedMeaning)
    new = Generation(wanted, lexical, index, settings.embedding_model or "", meaning=meaning)
    serving = await index.resolve(COMPANIES)
    if serving is None or serving == new.collection(COMPANIES):
        return Generations(new), [wanted]
    old = await _embedder_of(settings, database, serving)
    if old is None:
        log.warning("the model of the present index cannot be loaded; matching waits for the new index")
        return Generations(new), [wanted]
    made_as = serving.removeprefix(f"{COMPANIES}-")
    has_meaning = made_as.endswith(searchable(meaning))
    former = Generation(old, lexical, index, made_as=made_as, meaning=meaning if has_meaning else None)
    return Generations(former, building=new), [wanted, old]


async def _embedder_of(settings: Settings, database: Database, collection: str) -> Embedder | None:
    """The embedder that made a collection, if its model can still be loaded."""
    fingerprint = collection.removeprefix(f"{COMPANIES}-")
    async with database.read() as tx:
        row = await tx.get(GenerationRow, fingerprint)
    if row is None:
        return None
    try:
        embedder = await open_embedder(settings, row.model, database)
    except ModelUnavailable as reason:
        log.warning("the former model cannot be loaded", model=row.model, reason=str(reason))
        return None
    if fingerprint.startswith(f"{embedder.model.fingerprint}-"):
        return embedder
    await embedder.close()
    return None


def topics(settings: Settings) -> Topics:
    """The topics as declared. Raises `ConfigurationError`."""
    file = settings.kafka_topics_file
    return Topics(
        prefix=settings.kafka_prefix,
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        declarations=read(file) if file is not None else shipped(),
    )


def kafka_connection(settings: Settings) -> KafkaConnection:
    return KafkaConnection(
        bootstrap_servers=tuple(settings.kafka_bootstrap_servers),
        security_protocol=settings.kafka_security_protocol.value,
        sasl_mechanism=settings.kafka_sasl_mechanism.value,
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password.get_secret_value() if settings.kafka_sasl_password else None,
        ca_file=settings.kafka_tls_ca_file,
        certificate_file=settings.kafka_tls_certificate_file,
        key_file=settings.kafka_tls_key_file,
    )
