"""Rows of companies: written, read and listed. Nothing here asks who may."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.company import MATCHED_STATES, Company, CompanyContent, CompanyState, ProfileStanding
from services.intake.freshness import confirmed_on
from services.intake.identity import legal_key, name_key
from services.intake.model import CompanyRow
from services.kernel.problems import Conflict

ASKED_AT_ONCE = 500
"""Keys named in one query: below SQLite's limit of variables, and an import's batch in one go."""

_TABLE = CompanyRow.__table__


@dataclass(frozen=True, slots=True)
class CompanyFilter:
    """What a list is narrowed to; None leaves that open. `text` occurs in the name or in a capability or
    reference, in any case. `without_texts`: neither capability nor reference, so that nobody finds it."""

    state: CompanyState | None = None
    country: str | None = None
    text: str | None = None
    without_texts: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.state is not None:
            found.append(_TABLE.c.state == self.state.value)
        if self.country is not None:
            found.append(_TABLE.c.country == self.country)
        if self.text is not None:
            found.append(_TABLE.c.search.contains(self.text.casefold(), autoescape=True))
        if self.without_texts:
            found.append(_TABLE.c.search.not_like("%\n%"))  # a name has no line break; texts follow one
        return found


@dataclass(frozen=True, slots=True)
class Identity:
    """How a company is recognised again: by its legal id, else by owner, country and name."""

    legal: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a capability or reference says of itself besides its text. `stages`: each once."""

    trl: int | None
    stages: tuple[str, ...]


def identity(owner: str, content: CompanyContent) -> Identity:
    return Identity(
        legal_key(content.country, content.legal_id), name_key(owner, content.country, content.name)
    )


def content_of(company: Company) -> CompanyContent:
    """The part that its owner writes."""
    return CompanyContent.model_construct(
        **{name: getattr(company, name) for name in CompanyContent.model_fields}
    )


def changed_fields(before: CompanyContent, after: CompanyContent) -> tuple[str, ...]:
    """Names of the fields that differ, in the order of the profile."""
    return tuple(
        name for name in CompanyContent.model_fields if getattr(before, name) != getattr(after, name)
    )


async def add(tx: AsyncSession, companies: Sequence[Company]) -> None:
    """Write new profiles. Conflict if one was added by somebody else at the same moment."""
    if not companies:
        return
    try:
        await tx.execute(insert(CompanyRow), [_columns(company) for company in companies])
    except IntegrityError as error:
        raise _taken() from error


async def replace(tx: AsyncSession, companies: Sequence[Company]) -> None:
    """Write new versions. The caller has read the present ones in this transaction with `lock=True`.

    Conflict where the new name or legal id is another company's.
    """
    if not companies:
        return
    rows = []
    for company in companies:
        columns = _columns(company)
        rows.append({"key": columns.pop("id"), **{f"new_{name}": value for name, value in columns.items()}})
    names = [name for name in _columns(companies[0]) if name != "id"]
    connection = await tx.connection()
    try:
        await connection.execute(
            update(CompanyRow)
            .where(_TABLE.c.id == bindparam("key"))
            .values({name: bindparam(f"new_{name}") for name in names}),
            rows,
        )
    except IntegrityError as error:
        raise _taken() from error


async def find(tx: AsyncSession, company: str, *, lock: bool = False) -> Company | None:
    """By id, whatever its state. `lock`: nobody else changes it until this transaction ends."""
    query = select(_TABLE.c.document).where(_TABLE.c.id == company)
    document = (await tx.execute(query.with_for_update() if lock else query)).scalar()
    return _company(document) if document is not None else None


async def many(tx: AsyncSession, ids: Collection[str]) -> dict[str, Company]:
    """By id, whatever their state; unknown ones are left out."""
    found: dict[str, Company] = {}
    asked = sorted(set(ids))
    for start in range(0, len(asked), ASKED_AT_ONCE):
        query = select(_TABLE.c.document).where(_TABLE.c.id.in_(asked[start : start + ASKED_AT_ONCE]))
        for document in (await tx.execute(query)).scalars():
            company = _company(document)
            found[company.id] = company
    return found


def _sharing_a_key(identities: Collection[Identity]) -> ColumnElement[bool]:
    legal = sorted({one.legal for one in identities if one.legal is not None})
    names = sorted({one.name for one in identities})
    return or_(_TABLE.c.legal_key.in_(legal), _TABLE.c.name_key.in_(names))


async def recognised_documents(
    tx: AsyncSession, identities: Collection[Identity], *, lock: bool = False
) -> list[tuple[Identity, Any]]:
    """Documents of companies that share a key with one of these (at most ASKED_AT_ONCE), with their own
    identities. Parsing thousands takes a while: `parsed` does it, on a thread where that matters."""
    query = select(_TABLE.c.legal_key, _TABLE.c.name_key, _TABLE.c.document).where(_sharing_a_key(identities))
    rows = await tx.execute(query.with_for_update() if lock else query)
    return [(Identity(row.legal_key, row.name_key), row.document) for row in rows]


def parsed(documents: Sequence[tuple[Identity, Any]]) -> list[tuple[Identity, Company]]:
    return [(keys, _company(document)) for keys, document in documents]


async def recognised_versions(tx: AsyncSession, identities: Collection[Identity]) -> dict[str, int]:
    """Versions by id of the companies that `recognised_documents` would give, which nobody else changes
    until this transaction ends."""
    query = (
        select(_TABLE.c.id, _TABLE.c.version)
        .where(_sharing_a_key(identities))
        # in one order, so that two imports that share companies wait for each other, not crosswise
        .order_by(_TABLE.c.id)
        .with_for_update()
    )
    return {row.id: row.version for row in await tx.execute(query)}


async def page(
    tx: AsyncSession, wanted: Sequence[ColumnElement[bool]], *, after: str | None, limit: int
) -> list[Company]:
    """Newest first, from behind the id `after`: ids begin with the time they were made."""
    query: Select[Any] = select(_TABLE.c.document).where(*wanted)
    if after is not None:
        query = query.where(_TABLE.c.id < after)
    documents = (await tx.execute(query.order_by(_TABLE.c.id.desc()).limit(limit))).scalars()
    return [_company(document) for document in documents]


async def longest_unconfirmed(
    tx: AsyncSession, wanted: ColumnElement[bool], *, limit: int, lock: bool = False
) -> list[Company]:
    """Those that nobody has looked after for the longest time. `lock`: nobody else changes them until this
    transaction ends; what others are changing just now is left out."""
    query = select(_TABLE.c.document).where(wanted).order_by(_TABLE.c.confirmed_on, _TABLE.c.id).limit(limit)
    documents = (await tx.execute(query.with_for_update(skip_locked=True) if lock else query)).scalars()
    return [_company(document) for document in documents]


async def standings(tx: AsyncSession, asked: Collection[str]) -> dict[str, ProfileStanding]:
    """Of these companies, by id; unknown ones are left out."""
    found: dict[str, ProfileStanding] = {}
    every = sorted(set(asked))
    columns = (_TABLE.c.id, _TABLE.c.state, _TABLE.c.confirmed_on)
    for start in range(0, len(every), ASKED_AT_ONCE):
        query = select(*columns).where(_TABLE.c.id.in_(every[start : start + ASKED_AT_ONCE]))
        for row in await tx.execute(query):
            found[row.id] = ProfileStanding(state=CompanyState(row.state), last_confirmed=row.confirmed_on)
    return found


async def claims(tx: AsyncSession, asked: Collection[str]) -> dict[str, dict[str, Claim]]:
    """Of these companies' capabilities and references, by company and their ids; unknown companies are left
    out. Some hundred profiles are not validated again for two fields of theirs."""
    found: dict[str, dict[str, Claim]] = {}
    every = sorted(set(asked))
    for start in range(0, len(every), ASKED_AT_ONCE):
        query = select(_TABLE.c.id, _TABLE.c.document).where(
            _TABLE.c.id.in_(every[start : start + ASKED_AT_ONCE])
        )
        for row in await tx.execute(query):
            stated = [*row.document.get("capabilities", ()), *row.document.get("references", ())]
            found[row.id] = {
                one["id"]: Claim(one.get("trl"), tuple(dict.fromkeys(one.get("stages", ()))))
                for one in stated
            }
    return found


async def count(tx: AsyncSession, wanted: Sequence[ColumnElement[bool]]) -> int:
    query = select(func.count()).select_from(_TABLE).where(*wanted)
    return (await tx.execute(query)).scalar() or 0


async def ids(tx: AsyncSession, wanted: Sequence[ColumnElement[bool]]) -> Sequence[str]:
    return (await tx.execute(select(_TABLE.c.id).where(*wanted))).scalars().all()


async def ids_among(
    tx: AsyncSession, wanted: Sequence[ColumnElement[bool]], asked: Collection[str]
) -> list[str]:
    """Those of these ids that fulfil the conditions."""
    found: list[str] = []
    every = sorted(set(asked))
    for start in range(0, len(every), ASKED_AT_ONCE):
        some = _TABLE.c.id.in_(every[start : start + ASKED_AT_ONCE])
        found += await ids(tx, [*wanted, some])
    return found


async def cards(tx: AsyncSession, ids: Collection[str]) -> list[Mapping[str, Any]]:
    """Id, owner, name, country and state of at most ASKED_AT_ONCE companies."""
    columns = (_TABLE.c.id, _TABLE.c.owner, _TABLE.c.name, _TABLE.c.country, _TABLE.c.state)
    rows = await tx.execute(select(*columns).where(_TABLE.c.id.in_(sorted(ids))))
    return [dict(row._mapping) for row in rows]


def is_active() -> ColumnElement[bool]:
    """Matched and shown."""
    return _TABLE.c.state.in_(sorted(state.value for state in MATCHED_STATES))


def matched_version() -> ColumnElement[int]:
    """The version that index and matches are to be of."""
    return func.coalesce(_TABLE.c.content_version, _TABLE.c.version)


def is_unconfirmed_since(day: date) -> ColumnElement[bool]:
    """Active, and neither changed nor confirmed on this day or later."""
    return and_(
        _TABLE.c.state == CompanyState.active.value,
        _TABLE.c.confirmed_on < day,
        # a process of a release before schema 0010 changes a profile, and not that day
        _TABLE.c.changed_at < datetime.combine(day, time.min, UTC),
    )


def is_owned_by(organisation: str) -> ColumnElement[bool]:
    return _TABLE.c.owner == organisation


def is_draft_and_among(ids: Select[str]) -> ColumnElement[bool]:
    return and_(_TABLE.c.state == CompanyState.draft.value, _TABLE.c.id.in_(ids))


def is_active_and_among(ids: Select[str]) -> ColumnElement[bool]:
    return and_(is_active(), _TABLE.c.id.in_(ids))


def _columns(company: Company) -> dict[str, Any]:
    keys = identity(company.owner, company)
    words = [company.name]
    words += [capability.text for capability in company.capabilities]
    words += [reference.text for reference in company.references]
    return {
        "id": company.id,
        "version": company.version,
        "content_version": company.content_version,
        "state": company.state.value,
        "owner": company.owner,
        "name": company.name,
        "country": company.country,
        "legal_key": keys.legal,
        "name_key": keys.name,
        "search": "\n".join(words).casefold(),
        "document": company.model_dump(mode="json"),
        "changed_at": company.changed_at,
        "confirmed_on": confirmed_on(company),
    }


def _company(document: Any) -> Company:
    return Company.model_validate(document)


def _taken() -> Conflict:
    return Conflict(
        "A company with this legal id, or one of yours with this name, is here already. Update that one; "
        "GET /v1/companies lists yours."
    )
