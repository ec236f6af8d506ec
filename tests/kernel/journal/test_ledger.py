"""Whatever is done to the ledger is found: by the chain, or by a checkpoint that somebody kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal import checkpoint as checkpoints
from services.kernel.journal.chain import GENESIS, HASHED, entry_hash
from services.kernel.journal.checkpoint import BadCheckpoint, Checkpoint
from services.kernel.journal.model import JournalAudience, JournalEntry
from services.kernel.journal.reading import Verdict, hashes, verify
from services.kernel.stream.model import Cursor
from services.migrations.tables import metadata
from tests.conftest import START

ENTRIES = 9
_ROW: Any = JournalEntry.__table__
KEY = checkpoints.private_key(checkpoints.new_key())

Harm = Callable[[AsyncSession], Awaitable[int | None]]
"""Does something to the ledger; returns the first position that must be told, None if nothing was harmed."""


class Ledger:
    """A ledger that is harmed again and again, each time in a transaction that is taken back."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self._runner = runner
        self._database = database

    def after(self, harm: Harm) -> tuple[int | None, Verdict, dict[int, str]]:
        """What was harmed first, and what is found: by the chain, and the hashes at all positions."""
        return self._runner.run(self._after(harm))

    async def _after(self, harm: Harm) -> tuple[int | None, Verdict, dict[int, str]]:
        found: list[tuple[int | None, Verdict, dict[int, str]]] = []
        with contextlib.suppress(_TakenBackError):
            async with self._database.write() as tx:
                harmed = await harm(tx)
                found.append((harmed, await verify(tx), await hashes(tx, range(1, ENTRIES + 2))))
                raise _TakenBackError
        return found[0]


class _TakenBackError(Exception):
    pass


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'liaison.db'}"
    with asyncio.Runner() as runner:
        database = runner.run(_opened(url))
        yield Ledger(runner, database)
        runner.run(database.close())


async def _opened(url: str) -> Database:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    for number in range(ENTRIES):
        event = journal.NewEvent(
            type="liaison.test.happened.v1",
            subject=f"test/{number}",
            key=f"test_{number}",
            data={"number": number, "words": ["naïve"], "share": 0.1 * number},
            audience=frozenset({"org_a"}),
        )
        async with database.write() as tx:
            await journal.append(tx, [event], now=START + timedelta(seconds=number))
    return database


POSITIONS = st.integers(1, ENTRIES)
ANOTHER: dict[str, Any] = {
    "id": st.text(min_size=1, max_size=20),
    "type": st.sampled_from(["liaison.match.suggested.v1", ""]),
    "subject": st.text(max_size=20),
    "key": st.text(max_size=20),
    "time": st.datetimes(timezones=st.just(START.tzinfo)),
    "data": st.dictionaries(
        st.text(max_size=5), st.one_of(st.integers(-9, 9), st.text(max_size=5), st.none())
    ),
    "audience": st.lists(st.sampled_from(["org_b", "org_c"]), max_size=2, unique=True),
    "public": st.just(True),
    "correlation_id": st.text(min_size=1, max_size=20),
    "hash": st.text("0123456789abcdef", min_size=64, max_size=64),
}
"""Per column that counts, what somebody might write there instead."""
often = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def test_every_column_of_an_event_is_among_those_that_are_tampered_with() -> None:
    assert ANOTHER.keys() == {*HASHED, "hash"}


@often
@given(position=POSITIONS, change=st.sampled_from(sorted(ANOTHER)), chosen=st.data())
def test_a_changed_entry_is_found(ledger: Ledger, position: int, change: str, chosen: st.DataObject) -> None:
    value = chosen.draw(ANOTHER[change])

    async def harm(tx: AsyncSession) -> int | None:
        query = select(_ROW.c[change]).where(_ROW.c.position == position)
        if (await tx.execute(query)).scalar() == value:
            return None
        await tx.execute(update(_ROW).where(_ROW.c.position == position).values({change: value}))
        return position

    harmed, verdict, _ = ledger.after(harm)
    assert verdict.broken_at == harmed


@often
@given(gone=st.sets(POSITIONS, min_size=1))
def test_removed_entries_are_found(ledger: Ledger, gone: set[int]) -> None:
    async def harm(tx: AsyncSession) -> int | None:
        await tx.execute(delete(_ROW).where(_ROW.c.position.in_(gone)))
        return min(gone)

    harmed, verdict, _ = ledger.after(harm)
    assert verdict.broken_at == harmed


@pytest.mark.parametrize("told_by", ["journal_audience", "cursors", None])
def test_an_end_that_was_cut_off_is_found_while_anything_speaks_of_it(
    ledger: Ledger, told_by: str | None
) -> None:
    async def harm(tx: AsyncSession) -> int | None:
        if told_by == "cursors":
            row = {"service": "matching", "position": ENTRIES, "fence": 1}
            await tx.execute(insert(Cursor).values(row))
        if told_by != "journal_audience":
            await tx.execute(delete(JournalAudience).where(JournalAudience.number > ENTRIES - 2))
        await tx.execute(delete(_ROW).where(_ROW.c.position > ENTRIES - 2))
        return ENTRIES - 1

    harmed, verdict, present = ledger.after(harm)
    assert verdict.broken_at == (harmed if told_by else None)
    assert _contradicts(present), "whoever has kept a checkpoint sees it in any case"


@often
@given(order=st.permutations(range(1, ENTRIES + 1)))
def test_reordered_entries_are_found(ledger: Ledger, order: list[int]) -> None:
    async def harm(tx: AsyncSession) -> int | None:
        await tx.execute(update(_ROW).values(position=-_ROW.c.position))
        for place, position in enumerate(order, start=1):
            await tx.execute(update(_ROW).where(_ROW.c.position == -position).values(position=place))
        return next((place for place, position in enumerate(order, start=1) if place != position), None)

    harmed, verdict, _ = ledger.after(harm)
    assert verdict.broken_at == harmed


@often
@given(position=POSITIONS, subject=st.text(max_size=20))
def test_a_chain_that_was_computed_anew_contradicts_a_checkpoint(
    ledger: Ledger, position: int, subject: str
) -> None:
    async def harm(tx: AsyncSession) -> int | None:
        await tx.execute(update(_ROW).where(_ROW.c.position == position).values(subject=subject))
        previous = GENESIS
        for row in (await tx.execute(select(_ROW).order_by(_ROW.c.position))).all():
            previous = entry_hash(previous, row.position, row._mapping)
            await tx.execute(update(_ROW).where(_ROW.c.number == row.number).values(hash=previous))
        return None if subject == f"test/{position - 1}" else position

    harmed, verdict, present = ledger.after(harm)
    assert verdict.broken_at is None
    assert _contradicts(present) == (harmed is not None)


@pytest.mark.parametrize("ruin", ["data = '{\"number\": '", "time = 'yesterday'", "audience = 'null'"])
def test_an_entry_that_cannot_be_read_any_more_is_found(ledger: Ledger, ruin: str) -> None:
    async def harm(tx: AsyncSession) -> int | None:
        await tx.execute(text(f"UPDATE journal SET {ruin} WHERE position = 4"))
        return 4

    harmed, verdict, _ = ledger.after(harm)
    assert verdict.broken_at == harmed


_KEPT: list[Checkpoint] = []


def _contradicts(present: dict[int, str]) -> bool:
    return checkpoints.contradiction(_KEPT, present) is not None


@pytest.fixture(scope="module", autouse=True)
def kept(ledger: Ledger) -> None:
    """A checkpoint of the ledger as it was, in somebody's drawer."""

    async def nothing(_tx: AsyncSession) -> int | None:
        return None

    _, verdict, present = ledger.after(nothing)
    assert verdict.broken_at is None
    made = checkpoints.sign(KEY, position=verdict.entries, hash_=verdict.head, now=START)
    _KEPT[:] = checkpoints.read([orjson.dumps(made.as_json())])
    assert not _contradicts(present)


@often
@given(random_=st.randoms())
def test_a_checkpoint_that_was_changed_anywhere_is_none(random_: random.Random) -> None:
    line = bytearray(orjson.dumps(_KEPT[0].as_json()))
    at = random_.randrange(len(line))
    line[at] ^= 1 << random_.randrange(7)
    try:
        found = checkpoints.read([bytes(line)])
    except BadCheckpoint:
        return
    assert found == _KEPT  # what was changed did not count, as the case of a letter of the time


def test_a_kept_key_that_is_none_is_refused(tmp_path: Path) -> None:
    from services.kernel.secrets_folder import ledger_key
    from services.kernel.settings import ConfigurationError, Settings

    first = ledger_key(Settings(data_dir=tmp_path))
    again = ledger_key(Settings(data_dir=tmp_path))
    assert checkpoints.public_key(first) == checkpoints.public_key(again)
    assert (tmp_path / "secrets" / "ledger_key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="LIAISON_LEDGER_KEY"):
        ledger_key(Settings(data_dir=tmp_path, ledger_key="c2hvcnQ="))
