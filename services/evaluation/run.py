"""A run of the evaluation: scratch index and database, embeddings kept from one run to the next."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from services.evaluation.bundle import read_bundle
from services.evaluation.match import MatchEvaluation, Progress
from services.kernel.database import Database
from services.kernel.embedding.cached import CachedEmbedder
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.embedding.transformer import open_transformer
from services.kernel.settings import Settings
from services.kernel.vectors.edge import EdgeVectorIndex
from services.migrations import runner

KEPT = "evaluation.db"
"""In the data folder: embeddings of bundles, by the digest of their texts."""


async def evaluate_match(settings: Settings, folder: Path, progress: Progress) -> dict[str, float]:
    """The metrics of task `match`. Raises BundleError, ConfigurationError."""
    bundle = read_bundle(folder)
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = Database(f"sqlite:///{settings.data_dir / KEPT}")
        stack.push_async_callback(kept.close)
        await runner.upgrade(kept)
        database = Database(f"sqlite:///{scratch / 'scratch.db'}")
        stack.push_async_callback(database.close)
        await runner.upgrade(database)
        embedder = CachedEmbedder(
            await open_transformer(
                settings.embedding_model,
                cache=settings.models_dir,
                backend=settings.embedding_backend,
                threads=settings.embedding_threads,
            ),
            VectorsInDatabase(kept),
        )
        stack.push_async_callback(embedder.close)
        index = await EdgeVectorIndex.open(scratch / "vectors")
        stack.push_async_callback(index.close)
        evaluation = MatchEvaluation(
            bundle,
            index=index,
            database=database,
            embedder=embedder,
            lexical=LexicalEncoder.shipped(),
            progress=progress,
        )
        return await evaluation.run()
