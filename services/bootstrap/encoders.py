"""Encoding in a process that has no index: saved queries are held against challenges, texts against texts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.challenge import Challenge
from services.bootstrap.adapters import open_embedder
from services.kernel.database import Database
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.settings import Settings
from services.matching.queries import SavedQueries


@dataclass(frozen=True, slots=True)
class Encoding:
    embedder: Embedder
    lexical: LexicalEncoder

    @property
    def serving(self) -> Encoding:
        return self


class QueriesOnDemand:
    """Saved queries, with a model that is loaded when the first of them is asked: most gateways never are.

    The model is the configured one. While an index for another model is built, the workers encode with the
    former one, and a fit may differ by little from theirs until they switch.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._loading = asyncio.Lock()
        self._encoding: Encoding | None = None

    async def fit(self, queries: Sequence[str], challenges: Sequence[Challenge]) -> list[list[float]]:
        """As `SavedQueries.fit`. Raises `ModelUnavailable`."""
        async with self._loading:
            if self._encoding is None:
                lexical = await asyncio.to_thread(LexicalEncoder.shipped)
                model = self._settings.embedding_model
                self._encoding = Encoding(await open_embedder(self._settings, model, self._database), lexical)
        return await SavedQueries(self._encoding).fit(queries, challenges)

    async def close(self) -> None:
        if self._encoding is not None:
            await self._encoding.embedder.close()
