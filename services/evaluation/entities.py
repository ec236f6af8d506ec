"""What the product would keep of a bundle: its challenges and companies as entities.

Texts are cut to what the product accepts, so that no bundle fails for a long one. Ids are numbered, not
drawn, so that equal scores fall in the same order in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

from pydantic import ValidationError
from ulid import ULID

from schemas.challenge import Challenge, ChallengeContent, ChallengeState
from schemas.company import CAPABILITIES_MAX, Capability, Company, CompanyState
from schemas.text import CAPABILITY_MAX, NAME_MAX, NEED_MAX, TITLE_MAX
from services.evaluation.bundle import BundleChallenge, BundleCompany, BundleError
from services.intake.completion import proposed

SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""A bundle says nothing of time; no score depends on it."""
SOME_DEADLINE = date(2026, 12, 31)
SOME_COUNTRY = "BE"
"""A bundle need not say where a company is; gates stand beside the score and are not judged here."""
SOMEBODY = f"org_{ULID.from_int(0)}"
"""Owns everything but needs: these belong to their buyers."""


def companies_of(bundled: Sequence[BundleCompany]) -> list[Company]:
    """In their order. Raises BundleError for what the product would refuse."""
    return [_company(one, place) for place, one in enumerate(bundled)]


def challenges_of(bundled: Sequence[BundleChallenge]) -> list[Challenge]:
    """In their order, with the requirements that the product cuts from them. Raises BundleError for what the
    product would refuse."""
    buyers: dict[str, int] = {}
    found = []
    for place, one in enumerate(bundled):
        # A buyer that is not named is nobody else's.
        name = f"named {one.buyer}" if one.buyer is not None else f"of {place}"
        found.append(_challenge(one, place, buyers.setdefault(name, len(buyers) + 1)))
    return found


def _company(bundled: BundleCompany, place: int) -> Company:
    with _named("company", bundled.id):
        return Company(
            id=f"cmp_{ULID.from_int(place)}",
            version=1,
            state=CompanyState.active,
            owner=SOMEBODY,
            name=_line(bundled.name, NAME_MAX),
            country=SOME_COUNTRY,
            changed_at=SOME_DAY,
            capabilities=tuple(
                Capability(id=f"{number}", text=one.text[:CAPABILITY_MAX], language=one.language)
                for number, one in enumerate(bundled.stated[:CAPABILITIES_MAX])
            ),
        )


def _challenge(bundled: BundleChallenge, place: int, buyer: int) -> Challenge:
    with _named("challenge", bundled.id):
        content = ChallengeContent(
            title=_line(bundled.title, TITLE_MAX),
            need=_need(bundled)[:NEED_MAX],
            buyer=f"org_{ULID.from_int(buyer)}",
            deadline=SOME_DEADLINE,
            language=bundled.language,
        )
    return Challenge(
        **dict(content.model_copy(update={"requirements": proposed(content)})),
        id=f"chl_{ULID.from_int(place)}",
        version=1,
        state=ChallengeState.announced,
        buyer_name=bundled.buyer or "The buyer",
        announced_by=SOMEBODY,
        announced_at=SOME_DAY,
        changed_at=SOME_DAY,
    )


def _need(bundled: BundleChallenge) -> str:
    """The need, and what the lots say beside it. A notice may say everything in its lots or in its title."""
    said = bundled.need
    for text in bundled.lots:
        if text not in said and text != bundled.title:
            said = f"{said}\n{text}" if said.strip() else text
    return said if said.strip() else bundled.title


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
