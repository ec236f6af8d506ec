"""Words are counted, or taken out, wherever they are kept: table by table, some rows in a transaction.

Stopped in between it may be run again: what is done holds no words any more. The journal's entries change
together with the new entry that tells of it, so that the ledger is whole at every moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.events import ErasedEntry, LedgerErased
from services.erasure.places import JOURNAL, Place, places, without
from services.erasure.words import Words
from services.intake.parts import challenge_parts, company_parts
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.embedding.cached import text_digest
from services.kernel.embedding.stored import StoredVector
from services.kernel.journal.chain import GENESIS, digest
from services.kernel.journal.model import JournalEntry
from services.kernel.journal.reading import verify

AT_A_TIME = 200
"""Rows read, and changed, in one transaction: others who write wait some ten milliseconds."""

LEDGER = "ledger"

TEXTS: dict[str, Callable[[Any], list[str]]] = {
    "challenges": lambda document: _texts(challenge_parts(Challenge.model_validate(document))),
    "challenge_versions": lambda document: _texts(challenge_parts(Challenge.model_validate(document))),
    "companies": lambda document: _texts(company_parts(Company.model_validate(document))),
}
"""By table, which texts of a document have been embedded. Their vectors are kept by digests, which would tell
whoever guesses the words that the guess is right."""


class BrokenLedger(Exception):
    """The ledger is broken already: to erase would hide where. The message is a sentence."""


@dataclass(slots=True)
class Found:
    """Rows with the words in them, by table. `waiting`: entries that have no position yet."""

    rows: dict[str, int] = field(default_factory=dict)
    waiting: int = 0

    @property
    def total(self) -> int:
        return sum(self.rows.values()) + self.waiting


async def find(database: Database, words: Words) -> Found:
    """Where the words are; nothing is changed."""
    found = Found()
    for place in (*places(), _journal()):
        async for some in _pages(database, place, words, write=False):
            rows = [row for row in some.rows if without(words, row, place.columns)]
            found.rows[place.table.name] = found.rows.get(place.table.name, 0) + len(rows)
    found.rows = {table: count for table, count in found.rows.items() if count}
    async with database.read() as tx:
        query = select(JournalEntry.data).where(JournalEntry.position.is_(None))
        found.waiting = sum(words.out_of(one) != one for one in (await tx.execute(query)).scalars())
    return found


async def erase(database: Database, clock: Clock, words: Words, *, reason: str) -> AsyncIterator[Found]:
    """Take them out; yields what was changed, as it goes. Raises `BrokenLedger`."""
    async with database.read() as tx:
        verdict = await verify(tx)
    if verdict.broken_at is not None:
        raise BrokenLedger(
            f"The ledger is broken at entry {verdict.broken_at} already ({verdict.reason}); nothing was "
            "erased. Find out why first: afterwards nobody could tell the one from the other."
        )
    for place in places():
        async for some in _pages(database, place, words, write=True):
            changed = 0
            for row in some.rows:
                if values := without(words, row, place.columns):
                    await some.tx.execute(update(place.table).where(_is(place.table, row)).values(values))
                    await _forget_vectors(some.tx, place, row, words)
                    changed += 1
            if changed:
                yield Found({place.table.name: changed})
    async for some in _pages(database, _journal(), words, write=True):
        if changed := await _erase_entries(some.tx, some.rows, words, reason, clock):
            yield Found({JOURNAL: changed})


@dataclass(frozen=True, slots=True)
class _Page:
    tx: AsyncSession
    rows: list[Row[Any]]


async def _pages(database: Database, place: Place, words: Words, *, write: bool) -> AsyncIterator[_Page]:
    """Rows that may hold the words, by their key, each page in a transaction."""
    table, keys = place.table, list(place.table.primary_key.columns)
    after: tuple[Any, ...] | None = None
    while True:
        async with database.write(durable=True) if write else database.read() as tx:
            dialect = (await tx.connection()).dialect.name
            query = select(table).where(place.holding(words.tokens, dialect)).order_by(*keys).limit(AT_A_TIME)
            if after is not None:
                query = query.where(tuple_(*keys) > after if len(keys) > 1 else keys[0] > after[0])
            if table.name == JOURNAL:
                query = query.where(table.c.position.is_not(None))
            rows = list((await tx.execute(query.with_for_update() if write else query)).all())
            if rows:
                yield _Page(tx, rows)
        if len(rows) < AT_A_TIME:
            return
        after = tuple(getattr(rows[-1], key.name) for key in keys)


async def _erase_entries(
    tx: AsyncSession, rows: Iterable[Row[Any]], words: Words, reason: str, clock: Clock
) -> int:
    told: list[ErasedEntry] = []
    audience: set[str] = set()
    public = False
    for row in rows:
        data = words.out_of(row.data)
        if data == row.data:
            continue
        change = update(JournalEntry).where(JournalEntry.number == row.number)
        await tx.execute(change.values(data=data, salt=None))
        left = {**row._mapping, "data": data}
        before = select(JournalEntry.hash).where(JournalEntry.position == row.position - 1)
        previous = (await tx.execute(before)).scalar() or GENESIS
        told.append(
            ErasedEntry(
                position=row.position, event=row.id, previous=previous, hash=row.hash, digest=digest(left)
            )
        )
        audience |= set(row.audience)
        public = public or row.public
    if told:
        event = LedgerErased(reason=reason, entries=told)
        await journal.append(
            tx,
            [
                journal.NewEvent(
                    type=event.TYPE,
                    subject=f"{LEDGER}/{told[0].position}",
                    key=LEDGER,
                    data=event.model_dump(mode="json"),
                    audience=frozenset(audience),
                    public=public,
                )
            ],
            now=clock.now(),
        )
    return len(told)


async def _forget_vectors(tx: AsyncSession, place: Place, row: Row[Any], words: Words) -> None:
    texts = TEXTS.get(place.table.name)
    if texts is None:
        return
    gone = [text_digest(text) for text in texts(row.document) if words.stand_in(text)]
    if gone:
        await tx.execute(delete(StoredVector).where(StoredVector.digest.in_(gone)))


def _journal() -> Place:
    table: Any = JournalEntry.__table__
    return Place(table, ("data",))


def _is(table: Table, row: Row[Any]) -> ColumnElement[bool]:
    return and_(*(column == getattr(row, column.name) for column in table.primary_key.columns))


def _texts(parts: Any) -> list[str]:
    return [one.text for one in parts]
