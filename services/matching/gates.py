"""Conditions beside the score, never in it: each is passed, failed or unknown, with a reason to read.

A failed gate does not hide a suggestion. Who may take part is decided in the procedure, not here; what is
not known is said to be unknown, because a gap in a profile must not count as a failure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from schemas.challenge import Challenge
from schemas.codes import country_name
from schemas.company import Company
from schemas.match import Gate, GateName, GateState

COUNTRIES_NAMED = 6
"""More eligible countries than this are counted, not listed."""


def gates(challenge: Challenge, company: Company, buyers_countries: Collection[str] = ()) -> tuple[Gate, ...]:
    """All four gates, always in the same order. `buyers_countries`: the buyer's standing rule, which holds
    where the challenge itself names no countries."""
    return (
        eligible_country(challenge.eligible_countries or buyers_countries, company.country),
        readiness(challenge, company),
        conflict_of_interest(challenge.conflicts_of_interest, company),
        exclusion(challenge.excluded, company),
    )


def eligible_country(eligible: Collection[str], country: str) -> Gate:
    name = country_name(country)
    if not eligible:
        return _gate(GateName.eligible_country, GateState.passed, "Open to companies of every country.")
    if country in eligible:
        return _gate(GateName.eligible_country, GateState.passed, f"{name} is an eligible country.")
    codes = sorted(eligible)
    listed = (
        ", ".join(country_name(code) for code in codes)
        if len(codes) <= COUNTRIES_NAMED
        else f"{len(codes)} countries"
    )
    return _gate(
        GateName.eligible_country, GateState.failed, f"{name} is not among the eligible countries: {listed}."
    )


def readiness(challenge: Challenge, company: Company) -> Gate:
    """The company's highest technology readiness level against what the challenge starts from."""
    needed = _level_needed(challenge)
    if needed is None:
        return _gate(GateName.trl, GateState.passed, "The challenge asks for no readiness level.")
    levels = [one.trl for one in company.capabilities] + [one.trl for one in company.references]
    stated = [level for level in levels if level is not None]
    if not stated:
        return _gate(GateName.trl, GateState.unknown, f"TRL {needed} is needed; the profile states none.")
    best = max(stated)
    if best >= needed:
        return _gate(
            GateName.trl, GateState.passed, f"The profile states TRL {best}; TRL {needed} is needed."
        )
    return _gate(
        GateName.trl, GateState.failed, f"The profile states at most TRL {best}; TRL {needed} is needed."
    )


def conflict_of_interest(declared: Collection[str], company: Company) -> Gate:
    found = _named(declared, company)
    if found is None:
        return _gate(GateName.conflict_of_interest, GateState.passed, "No conflict of interest is declared.")
    return _gate(
        GateName.conflict_of_interest,
        GateState.failed,
        f"A conflict of interest is declared for {found}; the buyer says how it is dealt with.",
    )


def exclusion(excluded: Collection[str], company: Company) -> Gate:
    found = _named(excluded, company)
    if found is None:
        return _gate(GateName.exclusion, GateState.passed, "Not excluded.")
    return _gate(GateName.exclusion, GateState.failed, f"The buyer has excluded {found}.")


def _level_needed(challenge: Challenge) -> int | None:
    """What the work starts from, or the most that a mandatory requirement asks for."""
    asked = [one.trl_min for one in challenge.requirements if one.mandatory and one.trl_min is not None]
    if challenge.trl_start is not None:
        asked.append(challenge.trl_start)
    return max(asked, default=None)


def _named(parties: Collection[str], company: Company) -> str | None:
    """How the company or a related undertaking is called in a list of ids and legal ids, if it is there."""
    listed = {_plain(party) for party in parties} - {""}
    own: Sequence[str] = [company.id, *([company.legal_id] if company.legal_id else [])]
    if any(_plain(name) in listed for name in own):
        return "this company"
    related = next((name for name in company.related_undertakings if _plain(name) in listed), None)
    return f"the related undertaking {related}" if related else None


def _plain(name: str) -> str:
    """Register numbers are written with and without spaces, dots and dashes."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _gate(gate: GateName, state: GateState, reason: str) -> Gate:
    return Gate(gate=gate, state=state, reason=reason)
