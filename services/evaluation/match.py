"""Task `match`: challenge → companies, by the product's own indexing, candidate search and scoring."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from statistics import fmean

from pydantic import ValidationError

from schemas.challenge import Challenge, ChallengeContent, ChallengeState
from schemas.company import CAPABILITIES_MAX, Capability, Company, CompanyState
from schemas.text import CAPABILITY_MAX, NAME_MAX, NEED_MAX, TITLE_MAX
from services.evaluation.bundle import Bundle, BundleChallenge, BundleCompany, BundleError
from services.evaluation.metrics import ndcg, recall, reciprocal_rank
from services.indexing.collections import COMPANIES, of_company
from services.indexing.generation import Generation, Generations
from services.intake.completion import proposed
from services.intake.parts import company_parts
from services.kernel.database import Database
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder
from services.kernel.identifiers import new_id
from services.kernel.vectors.port import VectorIndex
from services.matching.board import Board
from services.matching.profiles import Profiles
from services.matching.scoring import Challenges, Companies, score_many

PAGE = 256
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""A bundle says nothing of time; no score depends on it."""
SOME_COUNTRY = "BE"
"""A bundle need not say where a company is; gates stand beside the score and are not judged here."""

Progress = Callable[[str, int, int], None]
"""What is being done, how many are done, how many there are."""


class MatchEvaluation:
    """A bundle in a scratch index. Texts are cut to what the product accepts, so that no bundle fails for a
    long one. `index` and `database` are the caller's; empty, they are filled here."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        index: VectorIndex,
        database: Database,
        embedder: Embedder,
        lexical: LexicalEncoder,
        progress: Progress,
    ) -> None:
        self._bundle = bundle
        self._progress = progress
        self._index = index
        self._organisation = new_id("org")
        made = [self._company(company) for company in bundle.companies]
        self._names = {
            company.id: bundled.id for company, bundled in zip(made, bundle.companies, strict=True)
        }
        self._companies = {company.id: company for company in made}
        generation = Generation(embedder, lexical, index)
        self._generations = Generations(generation)
        self._profiles = Profiles(self, embedder, lexical)
        self._board = Board(database, self, generation)

    async def run(self) -> dict[str, float]:
        """The metrics, means over all judged challenges."""
        await self._fill()
        judged = self._bundle.judged
        figures: list[tuple[float, float, float, float]] = []
        for number, challenge in enumerate(judged, start=1):
            ranking = await self.ranking(challenge)
            grades = self._bundle.judgements[challenge.id]
            figures.append(
                (
                    ndcg(ranking, grades, 10),
                    ndcg(ranking, grades, 50),
                    recall(ranking, grades, 50),
                    reciprocal_rank(ranking, grades),
                )
            )
            self._progress("matching challenges", number, len(judged))
        names = ("ndcg@10", "ndcg@50", "recall@50", "mrr")
        return {name: fmean(column) for name, column in zip(names, zip(*figures, strict=True), strict=True)}

    async def ranking(self, bundled: BundleChallenge) -> list[str]:
        """Company ids of the bundle, best first: what the product would suggest, were there no threshold."""
        look = await self._board.look(self._challenge(bundled))
        found = await self._profiles.get(look.near.versions)
        profiles = sorted(found.values(), key=lambda one: one.company.id)
        if not profiles:
            return []
        scores = score_many(Challenges([look.ready.texts]), Companies([one.texts for one in profiles]))[0]
        order = sorted(range(len(profiles)), key=lambda place: (-scores[place], profiles[place].company.id))
        return [self._names[profiles[place].company.id] for place in order]

    async def _fill(self) -> None:
        await self._generations.open()
        companies = list(self._companies.values())
        for done, page in _pages(companies):
            await self._generations.serving.write(
                COMPANIES, [of_company(company, company_parts(company)) for company in page]
            )
            self._progress("indexing companies", done, len(companies))
        await self._index.optimise(COMPANIES)

    def _company(self, bundled: BundleCompany) -> Company:
        said = [one for one in bundled.capabilities if one.text.strip()]
        with _named("company", bundled.id):
            return Company(
                id=new_id("cmp"),
                version=1,
                state=CompanyState.active,
                owner=self._organisation,
                name=_line(bundled.name, NAME_MAX),
                country=SOME_COUNTRY,
                changed_at=SOME_DAY,
                capabilities=tuple(
                    Capability(id=f"{place}", text=one.text[:CAPABILITY_MAX], language=one.language)
                    for place, one in enumerate(said[:CAPABILITIES_MAX])
                ),
            )

    def _challenge(self, bundled: BundleChallenge) -> Challenge:
        with _named("challenge", bundled.id):
            content = ChallengeContent(
                title=_line(bundled.title, TITLE_MAX),
                need=bundled.need[:NEED_MAX],
                buyer=self._organisation,
                deadline=date(2026, 12, 31),
                language=bundled.language,
            )
        return Challenge(
            **dict(content.model_copy(update={"requirements": proposed(content)})),
            id=new_id("chl"),
            version=1,
            state=ChallengeState.announced,
            buyer_name=self._bundle.name,
            announced_by=self._organisation,
            announced_at=SOME_DAY,
            changed_at=SOME_DAY,
        )

    # -- what the product reads from its database, read from the bundle ---------------------------------

    async def companies(self, ids: Collection[str]) -> Mapping[str, Company]:
        return {one: self._companies[one] for one in ids}

    async def active_companies(self) -> AsyncIterator[Sequence[Company]]:
        for _, page in _pages(list(self._companies.values())):
            yield page

    async def active_count(self) -> int:
        return len(self._companies)

    async def open_versions(self) -> Mapping[str, int]:
        return {}

    async def challenges(self, ids: Collection[str]) -> Mapping[str, Challenge]:
        return {}


@contextmanager
def _named(kind: str, name: str) -> Iterator[None]:
    """What the product would refuse is said to be wrong with the bundle."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in first["loc"])
        raise BundleError(f"The {kind} {name!r} of the bundle: {place}: {first['msg']}") from None


def _line(text: str, maximum: int) -> str:
    return " ".join(text.split())[:maximum]


def _pages(companies: Sequence[Company]) -> Iterator[tuple[int, Sequence[Company]]]:
    for start in range(0, len(companies), PAGE):
        page = companies[start : start + PAGE]
        yield start + len(page), page
