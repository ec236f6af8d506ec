"""What buying together would bring these two, and what could go wrong: rules, each with its reason. Pure.

The benefits and pitfalls are those that practitioners of joint cross-border procurement name; each is told
only where this very pair gives a reason for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.challenge import LegalRegime, ProcurementRoute
from schemas.codes import country_name, language_name
from schemas.pairing import BudgetOverlap, PairedNeed, Remark, TimingOverlap, VolumeOverlap
from services.pairing.alignment import Alignment

SHORT_DAYS = 183
"""A joint procedure needs an agreement, a common specification and two sets of approvals before it begins;
half a year is what a procedure of one buyer takes alone."""
STANDARD_FROM = 2
"""Requirements in common from which a common specification is more than one sentence."""
IMMATURE = 7
"""TRL up to which something has not been proven in operation (8 is a system complete and qualified)."""
_INNOVATIVE = frozenset({ProcurementRoute.ppi, ProcurementRoute.pcp, ProcurementRoute.innovation_partnership})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules ask about. `maturity`: the lowest TRL that either need starts from."""

    first: PairedNeed
    second: PairedNeed
    alignment: Alignment
    timing: TimingOverlap | None
    volume: VolumeOverlap | None
    budget: BudgetOverlap | None
    maturity: int | None
    routes: tuple[ProcurementRoute, ProcurementRoute]

    @property
    def names(self) -> str:
        return f"{self.first.buyer_name} and {self.second.buyer_name}"

    @property
    def crosses_a_border(self) -> bool:
        one, other = self.first.country, self.second.country
        return one is not None and other is not None and one != other


@dataclass(frozen=True, slots=True)
class Rule:
    """`because`: the reason for which it applies to a pair, None where it does not."""

    name: str
    because: Callable[[Facts], str | None]


def applying(rules: Sequence[Rule], facts: Facts) -> tuple[Remark, ...]:
    told = ((rule.name, rule.because(facts)) for rule in rules)
    return tuple(Remark(rule=name, reason=reason) for name, reason in told if reason is not None)


def _economies_of_scale(facts: Facts) -> str | None:
    if facts.volume is not None:
        one = facts.volume
        return f"Together {one.together:,g} {one.unit} instead of {one.first:,g} and {one.second:,g}."
    shared = len(facts.alignment.shared)
    smaller = shared + min(len(facts.alignment.only_first), len(facts.alignment.only_second))
    if shared and shared * 2 >= smaller:
        return (
            f"{shared} of {_requirements(smaller)} of the smaller need "
            f"{'is' if shared == 1 else 'are'} shared: one product could serve both."
        )
    return None


def _better_conditions(facts: Facts) -> str | None:
    if facts.budget is not None:
        together = facts.budget.together
        lower, upper = together.minimum, together.maximum
        amount = f"{lower:,} to {upper:,}" if lower is not None and lower != upper else f"{upper:,}"
        return f"A contract of {together.currency} {amount} weighs more with suppliers than either alone."
    if facts.crosses_a_border:
        return f"Suppliers meet one buyer for {_places(facts)}, where they would write two offers."
    return None


def _innovation(facts: Facts) -> str | None:
    if facts.maturity is not None and facts.maturity <= IMMATURE:
        return (
            f"What is wanted is at TRL {facts.maturity}: two first customers share the risk of something "
            "that nobody sells yet, and make it worth developing."
        )
    if _INNOVATIVE & set(facts.routes):
        return "One of them means to buy innovation: a second first customer makes it worth developing."
    return None


def _sharing_of_knowledge(facts: Facts) -> str | None:
    more, others = len(facts.alignment.only_first), len(facts.alignment.only_second)
    if not more and not others:
        return None
    return (
        f"Each can check its own need against the other's: {facts.first.buyer_name} alone asks for "
        f"{_requirements(more)}, {facts.second.buyer_name} alone for {_requirements(others)}."
    )


def _standardisation(facts: Facts) -> str | None:
    same = [one for one in facts.alignment.shared if not one.differs]
    if len(facts.alignment.shared) < STANDARD_FROM:
        return None
    return (
        f"Both ask for {_requirements(len(facts.alignment.shared))}, {len(same)} of them with the same "
        "figures: the beginning of a common specification."
    )


def _longer_process(facts: Facts) -> str | None:
    if facts.timing is None:
        return "They do not want to buy at the same time: one of them would have to move its plan."
    if facts.timing.days >= SHORT_DAYS:
        return None
    return (
        f"Their plans overlap for {facts.timing.days} days only, and a joint procedure takes longer than one "
        "alone: settle the agreement first."
    )


def _language(facts: Facts) -> str | None:
    one, other = facts.first.language, facts.second.language
    if one == other:
        return None
    return (
        f"One need is written in {language_name(one)}, the other in {language_name(other)}: agree on one "
        "language."
    )


def _harmonisation(facts: Facts) -> str | None:
    differing = [one for one in facts.alignment.shared if one.differs]
    alone = len(facts.alignment.only_first) + len(facts.alignment.only_second)
    if not differing and not alone:
        return None
    parts = []
    if differing:
        ids = ", ".join(f"{one.first.id}/{one.second.id}" for one in differing[:3])
        more = ", …" if len(differing) > 3 else ""
        differ = "differs in its" if len(differing) == 1 else "differ in their"
        parts.append(f"{_requirements(len(differing))} of both {differ} figures or weight ({ids}{more})")
    if alone:
        parts.append(f"{_requirements(alone)} {'is' if alone == 1 else 'are'} one side's alone")
    return f"Before a tender the needs have to be harmonised: {', and '.join(parts)}."


def _coordination(facts: Facts) -> str | None:
    if not facts.crosses_a_border:
        return None
    return f"Two organisations in {_places(facts)}: name a person on each side, and who decides what."


def _different_law(facts: Facts) -> str | None:
    one, other = facts.first.legal_regime, facts.second.legal_regime
    if one is None or other is None:
        silent = [side.buyer_name for side in (facts.first, facts.second) if side.legal_regime is None]
        return (
            f"The legal regime of {' and of '.join(silent)} is not stated: clear it up before an agreement."
        )
    if one != other:
        return (
            f"{facts.first.buyer_name} buys under {_regime(one)}, {facts.second.buyer_name} under "
            f"{_regime(other)}: agree whose rules hold for the procedure and for the contracts."
        )
    if one is LegalRegime.eu_directives and facts.crosses_a_border:
        return (
            "Contracting authorities of two states: Directive 2014/24/EU art. 39 asks for an agreement on "
            "the national provisions that apply."
        )
    return None


BENEFITS = (
    Rule("economies-of-scale", _economies_of_scale),
    Rule("better-conditions", _better_conditions),
    Rule("innovation", _innovation),
    Rule("sharing-of-knowledge", _sharing_of_knowledge),
    Rule("standardisation", _standardisation),
)
PITFALLS = (
    Rule("longer-process", _longer_process),
    Rule("language", _language),
    Rule("pre-tender-harmonisation", _harmonisation),
    Rule("coordination", _coordination),
    Rule("different-law", _different_law),
)


def _places(facts: Facts) -> str:
    assert facts.first.country is not None
    assert facts.second.country is not None
    return f"{country_name(facts.first.country)} and {country_name(facts.second.country)}"


def _requirements(number: int) -> str:
    return "1 requirement" if number == 1 else f"{number} requirements"


def _regime(regime: LegalRegime) -> str:
    return {
        LegalRegime.eu_directives: "the EU directives",
        LegalRegime.eu_financial_regulation: "the EU Financial Regulation",
        LegalRegime.own_rules: "rules of its own",
        LegalRegime.eric: "ERIC rules",
    }[regime]
