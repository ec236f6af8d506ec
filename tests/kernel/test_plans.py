"""On PostgreSQL every query of the hot path is answered from an index, however long the journal is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import EVENTS
from services.courier import backlog
from services.courier.enqueue import NewMessage, enqueue
from services.courier.record import Settled, Written, write_down
from services.courier.waiting import counts
from services.kernel import leases
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.journal import backwards
from services.kernel.journal.append import sequence
from services.kernel.journal.reading import head, named, read
from services.kernel.stream import dead_letters
from services.kernel.stream.lag import LAG_MAX, journal_lag
from services.kernel.stream.progress import InboxProgress
from services.migrations import runner
from services.notification import collecting
from services.notification.deciding import Asked, Decision
from services.notification.threads import Stance
from tests.conftest import create_postgresql_database
from tests.courier.desk import answered
from tests.notification.routes import subscription

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENTRIES = 250_000
DELIVERIES = 100_000
WITHIN = 5_000
NOW = datetime(2026, 11, 27, tzinfo=UTC)
HELD = subscription({"kind": "members"}, weekly_budget=10)

_JOURNAL = """
    INSERT INTO journal (number, position, hash, id, type, subject, key, time, data, audience, public,
                         correlation_id)
    SELECT n, n, repeat('0', 64), 'evt_' || n, kinds.all_of_them[1 + n % cardinality(kinds.all_of_them)],
           'challenge/chl_' || n % 5000, 'chl_' || n % 5000,
           TIMESTAMPTZ '2026-01-01' + n * interval '1 second', '{}', '["org_1"]', n % 100 = 0, 'evt_' || n
    FROM generate_series(1, :entries) AS n, (SELECT CAST(:types AS text[]) AS all_of_them) AS kinds
    """
_AUDIENCE = """
    INSERT INTO journal_audience (organisation, number)
    SELECT 'org_' || n % 500, n FROM generate_series(1, :entries) AS n
    UNION ALL SELECT 'org_busy', n FROM generate_series(1, :entries, 10) AS n
    """
_ENDPOINTS = """
    INSERT INTO endpoints (id, version, owner, url, secrets, state, created_at)
    SELECT 'end_' || n, 1, 'org_1', 'https://example.org', '[]', 'active', now()
    FROM generate_series(1, 200) AS n
    """
_DELIVERIES = """
    INSERT INTO deliveries (id, endpoint_id, event_id, type, state, attempts, failures, next_attempt_at,
                            created_at, expires_at)
    SELECT 'msg_' || n, 'end_' || 1 + n % 200, 'evt_' || n, 'liaison.match.suggested.v1',
           CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'delivered' END, 0, 0,
           CASE WHEN n % 50 = 0 THEN TIMESTAMPTZ '2026-11-26' END, now(), now()
    FROM generate_series(1, :deliveries) AS n
    """
_BODIES = "INSERT INTO delivery_bodies SELECT 'msg_' || n, '{}' FROM generate_series(1, :deliveries) AS n"
_HANDLED = """
    INSERT INTO handled_events SELECT 'matching', 'evt_' || n, now() FROM generate_series(1, :deliveries) AS n
    """
_SUBSCRIPTIONS = """
    INSERT INTO subscriptions (id, owner, version, follow_kind, follow_key, endpoint, paused, document,
                               created_at, changed_at)
    SELECT 'sub_' || n, 'org_1', 1, 'members', 'org_1', 'end_1', false, CAST(:subscription AS jsonb),
           now(), now()
    FROM generate_series(1, 5000) AS n
    """
_DIGESTS = """
    INSERT INTO digests (subscription, since, due_at)
    SELECT 'sub_' || n, now(), TIMESTAMPTZ '2026-11-26' + n * interval '1 hour'
    FROM generate_series(1, 5000) AS n
    """
_COLLECTED = """
    INSERT INTO collected_events (subscription, event, thread, stance, position, item)
    SELECT 'sub_' || 1 + n % 5000, 'evt_' || n, 'match:' || n, 'opens', n, '{}'
    FROM generate_series(1, :deliveries) AS n
    """
_ALERTS = """
    INSERT INTO alerts (subscription, event, sent_at)
    SELECT 'sub_' || 1 + n % 5000, 'evt_' || n, TIMESTAMPTZ '2026-11-24' FROM generate_series(1, 25000) AS n
    """


@pytest.fixture(scope="module")
def large_url(postgresql: str) -> str:
    import asyncio

    return asyncio.run(_filled(postgresql))


async def _filled(postgresql: str) -> str:
    url = await create_postgresql_database(postgresql)
    database = Database(url)
    await runner.upgrade(database)
    given = {
        "types": sorted(EVENTS),
        "entries": ENTRIES,
        "deliveries": DELIVERIES,
        "subscription": HELD.model_dump_json(),
    }
    async with database.engine.begin() as connection:
        statements = (_JOURNAL, _AUDIENCE, _ENDPOINTS, _DELIVERIES, _BODIES, _HANDLED)
        for statement in (*statements, _SUBSCRIPTIONS, _DIGESTS, _COLLECTED, _ALERTS):
            names = {name: value for name, value in given.items() if f":{name}" in statement}
            await connection.execute(text(statement), names)
    async with database.engine.connect() as connection:
        vacuuming = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await vacuuming.execute(text("VACUUM ANALYZE"))
    await database.close()
    return url


class Plans:
    """Runs queries of the product, and has each explained as it is sent."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._sent: list[tuple[str, Any]] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._note)

    def _note(
        self, _c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if (
            statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "INSERT", "DELETE"))
            and "pg_catalog" not in statement
        ):
            self._sent.append((statement, parameters[0] if many else parameters))

    async def of_last(self, tx: AsyncSession) -> list[dict[str, Any]]:
        """Nodes of the plans of what was sent since the last call, with what they really did."""
        sent, self._sent = self._sent, []
        return await (await tx.connection()).run_sync(lambda sync: _explained(sync, sent))


def _explained(connection: Connection, sent: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    for statement, parameters in sent:
        # What was inserted already is not inserted again: of that the plan is looked at, as it was chosen.
        is_insert = statement.lstrip().upper().startswith("INSERT")
        options = "FORMAT JSON" if is_insert else "ANALYZE, BUFFERS, FORMAT JSON"
        rows = connection.exec_driver_sql(f"EXPLAIN ({options}) {statement}", parameters)
        answer: Any = rows.scalar()
        plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
        _collect(plan, nodes)
    return nodes


def _collect(plan: dict[str, Any], nodes: list[dict[str, Any]]) -> None:
    nodes.append(plan)
    for child in plan.get("Plans", ()):
        _collect(child, nodes)


@pytest.fixture
async def large(large_url: str) -> AsyncIterator[Plans]:
    database = Database(large_url)
    yield Plans(database)
    await database.close()


SMALL = {"cursors", "leases", "consumers", "dead_letters", "endpoints"}
"""Tables of some hundred rows: reading them whole is quicker than any index."""
TOUCHED = 20_000
"""Rows that a query of the hot path may look at for a page of 256, of one event type among some forty: a
fiftieth of the journal, and no more when that grows."""


def _by_index(nodes: list[dict[str, Any]], *, all_fit: bool = False) -> None:
    """`all_fit`: rows that fit are counted up to a limit, and all do; then the table itself is as quick."""
    assert nodes, "nothing was sent"
    for node in nodes:
        scanned = node.get("Relation Name")
        if node["Node Type"] == "Seq Scan" and not all_fit:
            assert scanned in SMALL, f"{scanned} is read whole"
        if scanned:
            found = node.get("Actual Rows", node["Plan Rows"])
            looked = (found + node.get("Rows Removed by Filter", 0)) * node.get("Actual Loops", 1)
            assert looked <= TOUCHED, f"{looked} rows of {scanned} are looked at by {node['Node Type']}"


async def test_following_the_journal(large: Plans) -> None:
    async with large.database.read() as tx:
        assert await head(tx) == ENTRIES
        for after in (0, ENTRIES // 2, ENTRIES - 100):
            await read(tx, after=after, limit=256)
            await read(tx, after=after, limit=256, types={"liaison.match.suggested.v1"})
            await read(tx, after=after, limit=256, types=sorted(EVENTS)[:3])
        assert await read(tx, after=ENTRIES, limit=256) == []
        await named(tx, ["evt_7", "evt_8"])
        _by_index(await large.of_last(tx))


@pytest.mark.parametrize("after", [0, ENTRIES - 10_000, ENTRIES - 100, ENTRIES])
async def test_an_organisations_slice(large: Plans, after: int) -> None:
    """As a reader resumes who was away for a while, and as one begins at the beginning who has next to
    nothing, of a type that is rare."""
    async with large.database.read() as tx:
        found = await read(tx, after=after, limit=256, reader="org_7")
        expected = [n for n in range(after + 1, ENTRIES + 1) if n % 100 == 0 or n % 500 == 7][:256]
        assert [one.position for one in found] == expected
        await read(tx, after=after, limit=256, reader="org_none", types={sorted(EVENTS)[0]})
        _by_index(await large.of_last(tx))


@pytest.mark.parametrize(("reader", "every", "place"), [("org_7", 500, 7), ("org_busy", 10, 1)])
async def test_what_is_new_to_an_organisation(large: Plans, reader: str, every: int, place: int) -> None:
    """As a feed reads it: few types, newest first; and as a calendar does, what stands of each subject. Also
    for an organisation that may read a tenth of the journal."""
    asked: Any = {"reader": reader, "limit": 50, "within": WITHIN}
    kinds = frozenset(sorted(EVENTS)[:4])
    wanted = backwards.Wanted(kinds)
    seen = [n for n in range(ENTRIES, 0, -1) if n % len(EVENTS) < 4 and (n % 100 == 0 or n % every == place)]
    async with large.database.read() as tx:
        found = await backwards.newest(tx, wanted, **asked)
        assert [one.position for one in found] == seen[:50]
        older = await backwards.newest(tx, wanted, before=seen[49], **asked)
        assert [one.position for one in older] == seen[50:100]
        of_one = await backwards.newest(tx, backwards.Wanted(kinds, key="chl_4100"), **asked)
        about = await backwards.newest(
            tx, backwards.Wanted(kinds, concerning=frozenset({"chl_4100"})), **asked
        )
        assert {one.key for one in of_one} == {"chl_4100"}
        assert about
        assert about == of_one[: len(about)]
        marks = await backwards.standing(tx, wanted, **{**asked, "limit": 2_000})
        assert len(await backwards.entries(tx, [mark.position for mark in marks])) == len(marks)
        _by_index(await large.of_last(tx))


async def test_one_challenge_of_the_journal(large: Plans) -> None:
    async with large.database.read() as tx:
        found = await read(tx, after=0, limit=256, key="chl_7")
        assert len(found) == ENTRIES // 5000
        _by_index(await large.of_last(tx))


async def test_giving_positions(large: Plans) -> None:
    async with large.database.write() as tx:
        assert await sequence(tx) == 0
        _by_index(await large.of_last(tx))


async def test_lag_of_services_that_are_up_to_date_and_of_one_that_never_began(large: Plans) -> None:
    async with large.database.write() as tx:
        await tx.execute(
            text("INSERT INTO cursors VALUES ('matching', :at, 1) ON CONFLICT DO NOTHING"),
            {"at": ENTRIES - 50},
        )
    consumed = {"matching": {"liaison.challenge.announced.v1", "liaison.company.indexed.v1"}}
    lag = await journal_lag(large.database, consumed)
    assert 0 < lag["matching"] < 50
    async with large.database.read() as tx:
        _by_index(await large.of_last(tx))
    assert await journal_lag(large.database, {"relay": set(EVENTS)}) == {"relay": LAG_MAX}, "it never began"
    async with large.database.read() as tx:
        _by_index(await large.of_last(tx), all_fit=True)


async def test_what_the_courier_asks(large: Plans) -> None:
    def ask(tx: Connection) -> tuple[int, int]:
        waiting = backlog.waiting(tx)
        held = backlog.lease(tx, [one.endpoint for one in waiting], holder="me", gone=(), now=NOW)
        names = sorted(held)[:20]
        due = backlog.due(tx, names, known=[], each=50, now=NOW)
        return len(waiting), len(due)

    waiting, due = await large.database.in_one_go(ask, write=True)
    assert waiting
    assert due
    await large.database.in_one_go(lambda tx: backlog.release(tx, holder="me"), write=True)
    async with large.database.write() as tx:
        _by_index(await large.of_last(tx))


async def test_what_the_courier_writes(large: Plans) -> None:
    """An outcome each, of those that were just handed over; and what an operator asks."""
    messages = [NewMessage(f"end_{n}", None, f"evt_new_{n}", "test.v1", b"{}") for n in range(1, 21)]
    async with large.database.write() as tx:
        await enqueue(tx, messages, now=NOW)
        await counts(tx, NOW)
        _by_index(await large.of_last(tx))

    def write(tx: Connection) -> Written:
        served = {f"end_{n}" for n in range(1, 21)}
        taken = backlog.lease(tx, served, holder="me", gone=(), now=NOW)
        assert backlog.renew(tx, holder="me", now=NOW) == taken == served
        known = {one.id: one for one in backlog.snapshots(tx, taken)}
        due = backlog.due(tx, sorted(taken), known=[], each=2, now=NOW)
        settled = [Settled(one, NOW, answered(500)) for one in due]
        return write_down(tx, settled, served=known, holder="me", random=lambda: 0.5)

    assert (await large.database.in_one_go(write, write=True)).recorded
    await large.database.in_one_go(lambda tx: backlog.release(tx, holder="me"), write=True)
    async with large.database.write() as tx:
        _by_index(await large.of_last(tx))


async def test_what_a_reader_of_kafka_remembers(large: Plans) -> None:
    progress = InboxProgress(large.database, "matching", SystemClock())
    async with large.database.read() as tx:
        events = await read(tx, after=DELIVERIES - 10, limit=20)
    fresh = await progress.fresh(events)
    assert [one.position for one in fresh] == [DELIVERIES + n for n in range(1, 11)]
    async with large.database.write() as tx:
        await progress.confirm(tx, fresh)
        await progress.mark(tx, fresh)
        _by_index(await large.of_last(tx))


async def test_leases_and_dead_letters(large: Plans) -> None:
    async with large.database.write() as tx:
        lease = await leases.acquire(tx, "sequencer", "me", now=NOW)
        assert lease is not None
        await leases.assert_held(tx, "sequencer", lease.fence)
        await dead_letters.requested(tx)
        await dead_letters.count(tx)
        _by_index(await large.of_last(tx))


async def test_what_digests_and_budgets_ask(large: Plans) -> None:
    """Of fifty subscriptions with a budget, a suggestion each; and one digest, with what is due."""
    names = [f"sub_{number}" for number in range(1, 51)]
    async with large.database.write() as tx:
        assert await collecting.locked(tx, names)
        held = [HELD.model_copy(update={"id": name}) for name in names]
        asked = [
            Asked(f"evt_{number}", number, f"match:{number}", Stance.opens, True, 0.5, "end_1", (one,))
            for number, one in enumerate(held)
        ]
        found = await collecting.books(tx, held, asked, NOW)
        assert found.left["sub_7"] == 5
        assert len(await collecting.entries(tx, "sub_7")) == DELIVERIES // 5000
        await collecting.items(tx, "sub_none", {"evt_6"})
        assert await collecting.of(tx, "sub_7") is not None
        assert await collecting.due(tx, NOW, limit=100) == [f"sub_{n}" for n in range(1, 25)]
        await collecting.write(tx, Decision(overtaken={("sub_7", "match:6")}), {}, NOW)
        await collecting.put_off(tx, "sub_7", NOW)
        await collecting.remove(tx, "sub_7")
        _by_index(await large.of_last(tx))
