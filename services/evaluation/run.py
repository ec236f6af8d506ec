"""A run of the evaluation: scratch index and database, embeddings kept from one run to the next."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.evaluation import consortium, match, pair, reverse, translate
from services.evaluation.baselines import Baseline, NeedBaseline, text_scorer
from services.evaluation.bundle import (
    Bundle,
    BundleError,
    read_bundle,
    read_pairs,
    read_translations,
)
from services.evaluation.choices import Method, Task, methods_of
from services.evaluation.kept_needs import KeptEncoder
from services.evaluation.methods import NeedScorer, Progress
from services.evaluation.product import Product
from services.evaluation.product_needs import ProductNeeds
from services.evaluation.result import Report, Result, reports
from services.indexing.generation import Generation
from services.indexing.meaning import ShippedMeaning
from services.kernel.database import Database
from services.kernel.embedding.cached import CachedEmbedder, KeptVectors
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.multilingual import MultilingualEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.embedding.stored import VectorsInDatabase
from services.kernel.embedding.transformer import open_transformer
from services.kernel.settings import Settings
from services.kernel.vectors.edge import EdgeVectorIndex
from services.matching.evidence import DISCOUNT, UNBOUNDED
from services.migrations import runner

KEPT = "evaluation.db"
"""In the data folder: what was made of the texts of bundles, by their digests."""


@dataclass(frozen=True, slots=True)
class Models:
    embedder: Embedder
    lexical: LexicalEncoder
    kept: KeptVectors


async def evaluate(
    settings: Settings, folder: Path, task: Task, methods: Sequence[Method], progress: Progress
) -> list[Report]:
    """One report per method, in their order. Raises BundleError, ConfigurationError."""
    _refuse_what_cannot_be_measured(task, methods)
    measure = _measure(folder, task, progress)
    async with open_models(settings) as models:
        return reports([await measure(method, models) for method in methods])


def _refuse_what_cannot_be_measured(task: Task, methods: Sequence[Method]) -> None:
    """Before one of them is: that takes minutes."""
    if set(methods) <= set(methods_of(task)):
        return
    if task is Task.consortium:
        raise BundleError("Teams are formed by the product alone; leave --method out, or name liaison.")
    raise BundleError(
        "Needs have no number of references that could be bounded; leave --method unbounded to the tasks "
        "match and reverse."
    )


def _measure(folder: Path, task: Task, progress: Progress) -> Callable[[Method, Models], Awaitable[Result]]:
    """Reads what the task needs of the bundle, and returns what measures a method on it."""
    match task:
        case Task.match | Task.reverse:
            bundle = read_bundle(folder)
            if task is Task.reverse:
                reverse.by_company(bundle)  # says what is wrong before anything is embedded
            return lambda method, models: _of_companies(task, bundle, method, models, progress)
        case Task.consortium:
            teams = read_bundle(folder)
            consortium.teams_of(teams)
            return lambda _, models: _of_teams(teams, models, progress)
        case Task.pair:
            pairs = read_pairs(folder)
            return lambda method, models: pair.evaluate(
                pairs, _needs(method, models, progress), method, progress
            )
        case Task.translation:
            versions = read_translations(folder)
            return lambda method, models: translate.evaluate(
                versions, _needs(method, models, progress), method, progress
            )


async def _of_companies(
    task: Task, bundle: Bundle, method: Method, models: Models, progress: Progress
) -> Result:
    async with AsyncExitStack() as stack:
        ranker: Product | Baseline
        if method in (Method.liaison, Method.unbounded):
            discount = DISCOUNT if method is Method.liaison else UNBOUNDED
            ranker = await stack.enter_async_context(_product(bundle, models, progress, discount))
        else:
            ranker = await Baseline.of(bundle, text_scorer(method, models.embedder, progress))
        if task is Task.match:
            product = ranker if isinstance(ranker, Product) else None
            return await match.evaluate(bundle, ranker, method, progress, counterfactual=product)
        return await reverse.evaluate(bundle, ranker, method, progress)


async def _of_teams(bundle: Bundle, models: Models, progress: Progress) -> Result:
    async with _product(bundle, models, progress) as product:
        return await consortium.evaluate(bundle, product, models.embedder, progress)


def _needs(method: Method, models: Models, progress: Progress) -> NeedScorer:
    if method is Method.liaison:
        return ProductNeeds(KeptEncoder(MultilingualEncoder.shipped(), models.kept), progress)
    return NeedBaseline(text_scorer(method, models.embedder, progress), parts=method is Method.mean_vector)


@asynccontextmanager
async def open_models(settings: Settings) -> AsyncIterator[Models]:
    async with AsyncExitStack() as stack:
        kept = Database(f"sqlite:///{settings.data_dir / KEPT}")
        stack.push_async_callback(kept.close)
        await runner.upgrade(kept)
        vectors = VectorsInDatabase(kept)
        embedder = CachedEmbedder(
            await open_transformer(
                settings.embedding_model,
                cache=settings.models_dir,
                backend=settings.embedding_backend,
                threads=settings.embedding_threads,
            ),
            vectors,
        )
        stack.push_async_callback(embedder.close)
        yield Models(embedder, LexicalEncoder.shipped(), vectors)


@asynccontextmanager
async def _product(
    bundle: Bundle, models: Models, progress: Progress, discount: float = DISCOUNT
) -> AsyncIterator[Product]:
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = Database(f"sqlite:///{scratch / 'scratch.db'}")
        stack.push_async_callback(database.close)
        await runner.upgrade(database)
        index = await EdgeVectorIndex.open(scratch / "vectors")
        stack.push_async_callback(index.close)
        product = Product(
            bundle,
            generation=Generation(models.embedder, models.lexical, index, meaning=ShippedMeaning()),
            database=database,
            progress=progress,
            discount=discount,
        )
        await product.fill()
        yield product
