"""What a batch of rows does to the profiles that are there: which are new, which change. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.company import Company, CompanyContent
from services.intake import profile_rules
from services.intake.company_store import Identity, content_of
from services.intake.identity import legal_key, name_key
from services.intake.importing.collation import SEVERAL_OF_THIS_NAME
from services.intake.importing.merging import Unfit, merged
from services.intake.importing.row import Problem, Row

_COUNTRY = re.compile("[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the whole file. `language`: of texts that name none; `draft`: nothing is published."""

    owner: str
    language: str
    now: datetime
    draft: bool = False


@dataclass(slots=True)
class Plan:
    """`present`: stored companies with the content they shall have, changed or not."""

    new: list[CompanyContent] = field(default_factory=list)
    present: list[tuple[Company, CompanyContent]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def identity_of(row: Row, owner: str) -> Identity:
    """How the company of a row is recognised. Nothing is validated yet, so nothing is taken for granted."""
    country, legal = row.fields.get("country"), row.fields.get("legal_id")
    where = country if isinstance(country, str) and _COUNTRY.fullmatch(country) else ""
    return Identity(
        legal_key(where, legal if isinstance(legal, str) else None), name_key(owner, where, row.name or "")
    )


def plan(
    rows: Sequence[Row],
    stored: Iterable[tuple[Identity, Company]],
    terms: Terms,
    *,
    editable: Collection[str],
) -> Plan:
    """`rows` are collated, one a company. `stored`: the companies that share a key with one of them;
    `editable`: ids of those of other owners that the importer may change."""
    index = _Index(stored)
    made = Plan()
    lines: dict[str, int] = {}
    for row in rows:
        found = index.find(identity_of(row, terms.owner))
        before = found[0] if found else None
        refusal = _refusal(found, terms.owner, editable, lines)
        if refusal:
            made.problems.append(Problem(row.line, refusal, row.name))
            continue
        try:
            content = merged(row, content_of(before) if before else None, language=terms.language)
        except Unfit as error:
            made.problems.append(Problem(row.line, str(error), row.name))
            continue
        faults = profile_rules.faults(content, terms.now)
        if faults:
            made.problems.append(Problem(row.line, faults[0].detail, row.name))
        elif before is None:
            made.new.append(content)
        else:
            lines[before.id] = row.line
            made.present.append((before, content))
    return made


def _refusal(
    found: Sequence[Company], owner: str, editable: Collection[str], lines: dict[str, int]
) -> str | None:
    if not found:
        return None
    if len(found) > 1:
        return SEVERAL_OF_THIS_NAME
    company = found[0]
    if company.owner != owner and company.id not in editable:
        return (
            "A company with this legal id is here already, kept by another organisation. Ask it to join your "
            "cluster."
        )
    if company.id in lines:
        return f"This is the same company as in line {lines[company.id]}: {company.name}."
    return None


class _Index:
    """Stored companies by what they are recognised by."""

    def __init__(self, stored: Iterable[tuple[Identity, Company]]) -> None:
        self._legal: dict[str, Company] = {}
        self._names: defaultdict[str, list[tuple[Identity, Company]]] = defaultdict(list)
        for keys, company in stored:
            if keys.legal is not None:
                self._legal[keys.legal] = company
            self._names[keys.name].append((keys, company))

    def find(self, keys: Identity) -> list[Company]:
        """The company of this legal id; else those of this name whose legal id does not say otherwise."""
        if keys.legal is not None and keys.legal in self._legal:
            return [self._legal[keys.legal]]
        named = self._names.get(keys.name, ())
        return [company for other, company in named if keys.legal is None or other.legal is None]
