"""What further references do to a company's place, told from what its texts say."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.evaluation.bundle import Bundle, BundleChallenge, BundleCompany, BundleText
from services.evaluation.methods import Ranked
from services.evaluation.newcomer import ALONE_FOUND, DEPTH, ESTABLISHED, ESTABLISHED_FOUND, newcomers

OTHERS = DEPTH + 10


class Alone:
    """Tells a score of each, whatever it is asked."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.scores = scores
        self.asked: list[set[str]] = []

    async def alone(self, challenge: str, companies: Collection[str]) -> dict[str, float]:
        self.asked.append(set(companies))
        return {one: self.scores[one] for one in companies}


def company(name: str, texts: int) -> BundleCompany:
    return BundleCompany(name, name, tuple(BundleText(str(n), f"Thing {n}", "en") for n in range(texts)))


def market(right: Collection[str]) -> Bundle:
    companies = [company("known", ESTABLISHED), company("small", ESTABLISHED - 1), company("unfound", 9)]
    others = [company(f"other {n}", 1) for n in range(OTHERS)]
    challenge = BundleChallenge("c", "Title", "Need", "en")
    return Bundle("b", (challenge,), (*companies, *others), {"c": dict.fromkeys(right, 1.0)})


RANKING = [Ranked("known", 0.9), *(Ranked(f"other {n}", 0.8 - n / 100) for n in range(OTHERS))]


async def told(bundle: Bundle, alone: Alone) -> dict[str, float]:
    found = await newcomers(bundle, {"c": RANKING}, alone, lambda *_: None)
    return {name: measure.value for name, measure in found.items()}


async def test_who_is_among_the_first_for_its_many_texts_alone_is_told() -> None:
    low, high = 0.8 - (DEPTH + 0.5) / 100, 0.8 - (DEPTH - 1.5) / 100
    assert await told(market({"known"}), Alone({"known": low})) == {ESTABLISHED_FOUND: 1.0, ALONE_FOUND: 0.0}
    assert await told(market({"known"}), Alone({"known": high})) == {ESTABLISHED_FOUND: 1.0, ALONE_FOUND: 1.0}


async def test_who_is_not_found_counts_and_is_not_asked_for() -> None:
    alone = Alone({"known": 1.0})
    assert (await told(market({"known", "unfound", "small"}), alone))[ESTABLISHED_FOUND] == 0.5
    assert alone.asked == [{"known"}]


async def test_without_a_company_of_many_texts_there_is_nothing_to_tell() -> None:
    assert await told(market({"small"}), Alone({})) == {}
