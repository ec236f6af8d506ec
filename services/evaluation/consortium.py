"""Task `consortium`: teams as they really were, against the product's.

*Completion*: of each team one participant after the other is left out, the others are given; where among all
other organisations is he? The floor is the score of the match alone. *Team*: as many companies as really took
part, chosen by the product's model; the floor is as many from the top of the match list. Which part of the
product adds how much is in the details.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from schemas.company import Company
from services.consortia.acquaintance import Acquaintances, missing
from services.consortia.best import propose
from services.consortia.coverage import Coverage, Floats, coverage
from services.consortia.market import CANDIDATES_MAX
from services.consortia.rules import Rules, of_size
from services.evaluation.bundle import Bundle, BundleError
from services.evaluation.choices import Method, Task
from services.evaluation.embedded import embedded
from services.evaluation.measure import Measure
from services.evaluation.methods import Progress
from services.evaluation.product import Considered, Product
from services.evaluation.result import FLOOR_SUFFIX, Result
from services.intake.parts import challenge_parts, company_parts
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.embedding.port import Embedder

PARTICIPANTS_MIN = 3
"""Known of a team, for it to be one."""
DEPTH = 10
TIME_LIMIT_S = 5.0
"""Of one programme: a team that is not proven to be the best within it is judged as it is."""


def teams_of(bundle: Bundle) -> dict[str, list[str]]:
    """By challenge, who took part, where enough are known. Raises BundleError where that is nowhere."""
    teams = {
        challenge: sorted(judged)
        for challenge, judged in bundle.judgements.items()
        if len(judged) >= PARTICIPANTS_MIN
    }
    if not teams:
        raise BundleError(
            f"{bundle.name}: no challenge has {PARTICIPANTS_MIN} or more companies that belong to it."
        )
    return teams


async def evaluate(bundle: Bundle, product: Product, embedder: Embedder, progress: Progress) -> Result:
    teams = teams_of(bundle)
    order = sorted(product.everybody)
    companies = [product.everybody[company] for company in order]
    known = Acquaintances([_texts(one) for one in companies], LexicalEncoder.shipped())
    vectors = (await embedded(embedder, known.texts, progress)).astype(np.float64)
    completion, team = _Completion(order, known), _Teams()
    for number, (challenge, names) in enumerate(sorted(teams.items()), start=1):
        considered = await product.considered(challenge, limit=CANDIDATES_MAX)
        real = [product.named(name) for name in names]
        asked = await embedder.embed([challenge_parts(considered.challenge)[0].text])
        await asyncio.to_thread(completion.add, considered, real, vectors @ asked[0].astype(np.float64))
        await asyncio.to_thread(team.add, considered, product.everybody, real)
        progress("liaison: forming teams", number, len(teams))
    return Result(
        Task.consortium,
        Method.liaison,
        {**completion.measures(), **team.measures()},
        {
            "queries": len(teams),
            "left_out": completion.count,
            "unproven": team.unproven,
            "parts": {"completion_mrr": completion.parts(), "f1": team.parts()},
        },
    )


class _Completion:
    """Reciprocal ranks of who was left out, by what the ranking is made of, a list for each challenge."""

    def __init__(self, order: Sequence[str], known: Acquaintances) -> None:
        self._places = {company: place for place, company in enumerate(order)}
        self._known = known
        self._ranks: dict[str, list[list[int]]] = {name: [] for name in _PARTS}
        self.count = 0

    def add(self, considered: Considered, real: Sequence[str], meaning: Floats) -> None:
        scores = np.zeros(len(self._places))
        for company, score in considered.scores.items():
            scores[self._places[company]] = score
        challenge = challenge_parts(considered.challenge)[0].text
        words = self._known.likeness(challenge)
        weights = {
            "joint projects, however large": np.reciprocal(self._known.rarity),
            "small ones count more": np.ones_like(words),
            "near ones count more, by words": words,
            "and by meaning": self._known.likeness(challenge, meaning),
        }
        ranks: dict[str, list[int]] = {name: [] for name in _PARTS}
        members = [self._places[company] for company in real]
        for left in members:
            given = [one for one in members if one != left]
            ranks[MATCH_ALONE].append(_rank(scores, left, given))
            for name, weight in weights.items():
                found = missing(scores, self._known.of(given, weight))
                ranks[name].append(_rank(found, left, given))
        for name, found_ranks in ranks.items():
            self._ranks[name].append(found_ranks)
        self.count += len(members)

    def measures(self) -> dict[str, Measure]:
        best, floor = self._ranks[_PARTS[-1]], self._ranks[MATCH_ALONE]
        return {
            "completion_mrr": _mean([[1.0 / rank for rank in ranks] for ranks in best]),
            f"completion_mrr{FLOOR_SUFFIX}": _mean([[1.0 / rank for rank in ranks] for ranks in floor]),
            f"completion_recall@{DEPTH}": _mean([[float(rank <= DEPTH) for rank in ranks] for ranks in best]),
            f"completion_recall@{DEPTH}{FLOOR_SUFFIX}": _mean(
                [[float(rank <= DEPTH) for rank in ranks] for ranks in floor]
            ),
        }

    def parts(self) -> dict[str, float]:
        return {
            name: _mean([[1.0 / rank for rank in found] for found in ranks]).value
            for name, ranks in self._ranks.items()
        }


MATCH_ALONE = "the match alone"
_PARTS = (
    MATCH_ALONE,
    "joint projects, however large",
    "small ones count more",
    "near ones count more, by words",
    "and by meaning",
)
_COVERAGE, _ALL = "coverage alone", "and how each suits"


class _Teams:
    """F1 of teams of the real size, by what the model is made of."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {name: [] for name in (MATCH_ALONE, _COVERAGE, _ALL)}
        self.unproven = 0

    def add(self, considered: Considered, everybody: Mapping[str, Company], real: Sequence[str]) -> None:
        ranked = sorted(considered.documents, key=lambda one: (-considered.scores[one], one))
        size = min(len(real), len(ranked))
        self._found[MATCH_ALONE].append(_f1(ranked[:size], real))
        companies = [everybody[company] for company in considered.documents]
        market = coverage(considered.challenge, companies, considered.documents)
        flat = market.suiting([-one.suits for one in market.candidates])
        self._found[_COVERAGE].append(_f1(self._team(flat, of_size(size)), real))
        self._found[_ALL].append(_f1(self._team(market, of_size(size)), real))

    def _team(self, market: Coverage, rules: Rules) -> list[str]:
        found = propose(market, rules, teams=1, time_limit_s=TIME_LIMIT_S)
        if not found.teams:
            return []
        self.unproven += not found.teams[0].team.proven
        return [market.candidates[row].id for row in found.teams[0].team.rows]

    def measures(self) -> dict[str, Measure]:
        return {
            "f1": Measure.average(self._found[_ALL]),
            f"f1{FLOOR_SUFFIX}": Measure.average(self._found[MATCH_ALONE]),
        }

    def parts(self) -> dict[str, float]:
        return {name: Measure.average(values).value for name, values in self._found.items()}


def _f1(team: Sequence[str], real: Sequence[str]) -> float:
    hits = len({*team} & {*real})
    return 2.0 * hits / (len(team) + len(real)) if team else 0.0


def _rank(found: Floats, left: int, given: Sequence[int]) -> int:
    """From 1, among all but those given; whoever is level with others is behind them."""
    ahead = found >= found[left]
    ahead[list(given)] = False
    return int(ahead.sum())


def _mean(values: Sequence[Sequence[float]]) -> Measure:
    """Over all who were left out; drawn by challenge."""
    return Measure.ratio([sum(one) for one in values], [float(len(one)) for one in values])


def _texts(company: Company) -> list[str]:
    return [part.text for part in company_parts(company)]
