"""The courier at work, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook

from services.courier import backlog, model
from services.courier import courier as courier_module
from services.courier.lane import MAX_IN_FLIGHT, QUICK_IN_FLIGHT, SILENCES_TO_OPEN
from services.courier.lease import LEASE_S
from services.courier.model import EndpointRow
from services.courier.record import Off, switch_off
from services.courier.schedule import DELAYS_S, HOUR, JITTER, LIFETIME_S, MAX_ATTEMPTS
from services.kernel.database import Database
from services.kernel.journal.model import JournalEntry
from services.kernel.problems import Unavailable
from tests.conftest import MovableClock
from tests.courier.desk import OWNER, Desk, Scripted, always, answered, silent, verified
from tests.courier.receivers import http, receiver
from tests.eventually import eventually

URL = "https://receiver.example.org/hook"
DAY_S = 24 * HOUR


async def test_messages_arrive_signed_and_are_logged(database: Database) -> None:
    desk = Desk(database)
    async with receiver(http("200 OK", b"thanks")) as to:
        endpoint = await desk.endpoint(to.url)
        async with desk.delivering():
            messages = await desk.post(endpoint.id, 20)
            await desk.reach(model.DELIVERED, *messages)
    seen = verified(endpoint.secret, to.requests)
    assert sorted(seen) == sorted(messages)
    assert len(to.requests) == 20
    row = await desk.row(messages[0])
    assert (row.attempts, row.failures, row.next_attempt_at) == (1, 0, None)
    assert row.delivered_at is not None
    (attempt,) = await desk.attempts(messages[0])
    assert (attempt.number, attempt.status, attempt.response) == (1, 200, "thanks")
    assert attempt.at <= row.delivered_at


async def test_a_backlog_from_before_the_start_is_delivered(database: Database) -> None:
    desk = Desk(database)
    endpoints = [await desk.endpoint(f"https://r{n}.example.org/") for n in range(7)]
    for endpoint in endpoints:
        await desk.post(endpoint.id, 300)
    network = always(204)
    async with desk.delivering(network):
        await desk.reach(model.DELIVERED)
    assert len(network.ids) == len(set(network.ids)) == 2_100


async def test_75_hours_of_retries_pass_in_seconds(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    network = always(500)
    async with desk.delivering(network):
        (message,) = await desk.post(endpoint.id)
        moments = []
        for number in range(1, MAX_ATTEMPTS + 1):

            async def tried(number: int = number) -> bool:
                return bool((await desk.row(message)).attempts == number)

            await eventually(tried)
            moments.append(clock.now())
            row = await desk.row(message)
            if row.next_attempt_at is not None:
                assert row.state == model.PENDING
                wait = (row.next_attempt_at - clock.now()).total_seconds()
                await desk.pass_time(wait - 0.001)
                await _nothing_more(network, number)
                await desk.pass_time(0.002)
    assert (await desk.row(message)).state == model.EXHAUSTED
    assert network.ids == [message] * MAX_ATTEMPTS
    assert len({body for _, _, body in network.sent}) == 1
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    for wait, least in zip(waits, DELAYS_S, strict=True):
        assert least <= wait <= least * (1 + JITTER) + 0.01
    assert [attempt.number for attempt in await desk.attempts(message)] == list(range(1, MAX_ATTEMPTS + 1))


async def _nothing_more(network: Scripted, sent: int) -> None:
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert len(network.sent) == sent, "never early"


async def test_every_attempt_is_signed_anew_for_its_own_time(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    network = always(500)
    async with desk.delivering(network):
        await desk.post(endpoint.id)
        await eventually(lambda: len(network.sent) == 1)
        await _retry(desk)
        await eventually(lambda: len(network.sent) == 2)
    first, second = (headers for _, headers, _ in network.sent)
    assert int(second["webhook-timestamp"]) >= int(first["webhook-timestamp"]) + 5
    assert first["webhook-signature"] != second["webhook-signature"]


async def _retry(desk: Desk, state: str = model.PENDING) -> None:
    """Let the earliest retry become due, once it is written down."""

    async def scheduled() -> Any:
        waiting = [row.next_attempt_at for row in await desk.rows() if row.next_attempt_at is not None]
        return waiting and min(waiting) > desk.clock.now() and min(waiting)

    at = await eventually(scheduled)
    await desk.pass_time((at - desk.clock.now()).total_seconds() + 0.001)


async def test_410_switches_off_and_tells_the_owner(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    gone = True
    network = Scripted(lambda *_: answered(410 if gone else 200))
    async with desk.delivering(network):
        await desk.post(endpoint.id)
        await eventually(lambda: len(network.sent) == 1)

        async def off() -> bool:
            return bool((await desk.endpoint_row(endpoint.id)).state == model.OFF)

        await eventually(off)
        later = await desk.post(endpoint.id, 3)
        await desk.pass_time(60)
        await _nothing_more(network, 1)
        async with database.read() as tx:
            (event,) = (await tx.execute(select(JournalEntry.__table__))).all()
        assert event.type == "liaison.endpoint.disabled.v1"
        assert event.data["endpoint"] == endpoint.id
        assert "410" in event.data["reason"]
        assert event.audience == [endpoint.owner]

        # Nothing was lost: it waits until the owner switches on again.
        gone = False
        assert (await desk.endpoints.switch_on(OWNER, endpoint.id)).reason is None
        await desk.reach(model.DELIVERED, *later)


async def test_five_days_without_success_switch_off(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    network = always(500)
    async with desk.delivering(network):
        for day in range(1, 7):
            await desk.post(endpoint.id)
            await eventually(lambda day=day: len(network.sent) >= day)  # type: ignore[misc]
            await _settled(desk)
            if day == 6:  # switched off in a transaction of its own, after the outcome is written
                await eventually(lambda: _is_off(desk, endpoint.id))
            else:
                assert not await _is_off(desk, endpoint.id), f"day {day}"
            await desk.pass_time(DAY_S)
    async with sqlite.read() as tx:
        (event,) = (await tx.execute(select(JournalEntry.__table__))).all()
    assert "No delivery has succeeded" in event.data["reason"]


async def _is_off(desk: Desk, endpoint: str) -> bool:
    return bool((await desk.endpoint_row(endpoint)).state == model.OFF)


async def test_one_success_resets_the_five_days(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    status = 500
    network = Scripted(lambda *_: answered(status))
    async with desk.delivering(network):
        for day in range(1, 9):
            status = 200 if day == 5 else 500
            await desk.post(endpoint.id)
            await _settled(desk)
            await desk.pass_time(DAY_S)
    row = await desk.endpoint_row(endpoint.id)
    assert row.state == model.ACTIVE
    assert row.failing_since is not None


async def _settled(desk: Desk) -> None:
    """Wait until nothing is due any more."""

    async def none_due() -> bool:
        return all(
            row.next_attempt_at is None or row.next_attempt_at > desk.clock.now() for row in await desk.rows()
        )

    desk.database.wakeups.wake("courier")
    await eventually(none_due)


async def test_retry_after_lets_the_whole_endpoint_rest(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint, other = await desk.endpoint(URL), await desk.endpoint("https://other.example.org/")
    busy = True
    network = Scripted(
        lambda target, _: (
            answered(429, retry_after_s=600) if busy and "receiver" in str(target.url) else answered(200)
        )
    )
    async with desk.delivering(network):
        (message,) = await desk.post(endpoint.id)
        await eventually(lambda: len(network.sent) == 1)
        await _settled(desk)
        assert (await desk.row(message)).next_attempt_at >= clock.now() + timedelta(seconds=600)
        more = await desk.post(endpoint.id, 5)
        await desk.reach(model.DELIVERED, *await desk.post(other.id, 5))
        await desk.pass_time(590)
        await _nothing_more(network, 6)
        busy = False
        await desk.pass_time(200)
        await desk.reach(model.DELIVERED, message, *more)


async def test_a_message_that_is_held_too_long_expires(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    network = always(503, retry_after_s=DAY_S)
    async with desk.delivering(network):
        (message,) = await desk.post(endpoint.id)
        started = clock.now()
        while (await desk.row(message)).state == model.PENDING:
            await _settled(desk)
            if (await desk.row(message)).state == model.PENDING:
                await _retry(desk)
                sent = len(network.sent)
                await eventually(
                    lambda sent=sent: len(network.sent) > sent  # type: ignore[misc]
                )
            async with sqlite.write() as tx:  # this test is not about the five days
                await tx.execute(update(EndpointRow).values(failing_since=None, state=model.ACTIVE))
    assert (await desk.row(message)).state == model.EXPIRED
    assert (clock.now() - started).total_seconds() <= LIFETIME_S
    assert len(network.sent) < MAX_ATTEMPTS


async def test_a_message_past_its_life_is_not_sent(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    (message,) = await desk.post(endpoint.id)
    clock.advance(LIFETIME_S + 1)
    network = always(200)
    async with desk.delivering(network):
        await desk.reach(model.EXPIRED, message)
    assert network.sent == []
    assert await desk.attempts(message) == []


async def test_an_endpoint_that_is_silent_gets_one_request_at_a_time(sqlite: Database) -> None:
    desk = Desk(sqlite)
    endpoint = await desk.endpoint(URL)
    under_way, most, sent = 0, [], 0
    release = asyncio.Event()

    class Hanging:
        async def send(self, *_: Any) -> Any:
            nonlocal under_way, sent
            sent += 1
            under_way += 1
            most.append(under_way)
            try:
                if sent > 40:
                    await release.wait()
                await asyncio.sleep(0)
                return answered(200, duration_ms=400) if sent > 40 else silent()
            finally:
                under_way -= 1

    await desk.post(endpoint.id, 100)
    async with desk.delivering(Hanging()) as courier:
        await eventually(lambda: sent == 41)
        (lane,) = courier._dispatch.lanes.values()
        assert lane.is_open
        assert max(most[: SILENCES_TO_OPEN + 3]) <= 4, "an endpoint that never answered begins with few"
        assert set(most[SILENCES_TO_OPEN + 4 :]) == {1}
        release.set()
        await eventually(lambda: sent > 60)
        assert not lane.is_open, "any answer closes the breaker"
        assert max(most) == MAX_IN_FLIGHT, "a slow one gets more at a time"


@pytest.mark.alone
async def test_one_endpoint_that_hangs_does_not_slow_the_others(database: Database) -> None:
    desk = Desk(database)
    hanging, healthy = await desk.endpoint("https://hangs.example.org/"), await desk.endpoint(URL)
    forever = asyncio.Event()
    arrived: list[str] = []

    class Network:
        async def send(self, target: Any, headers: Any, _body: bytes) -> Any:
            if "hangs" in str(target.url):
                await forever.wait()
            arrived.append(headers["webhook-id"])
            return answered(200)

    await desk.post(hanging.id, 600)
    async with desk.delivering(Network()) as courier:
        await eventually(lambda: courier._dispatch.in_flight > 0)
        messages = await desk.post(healthy.id, 300)
        await desk.reach(model.DELIVERED, *messages)
        assert sorted(arrived) == sorted(messages)
        assert courier._dispatch.in_flight <= 4
        forever.set()


async def test_couriers_share_the_work_and_nothing_is_sent_twice(database: Database) -> None:
    desk = Desk(database)
    endpoints = [await desk.endpoint(f"https://r{n}.example.org/") for n in range(20)]
    network = always(200)
    async with desk.delivering(network), desk.delivering(network), desk.delivering(network):
        for _ in range(5):
            for endpoint in endpoints:
                await desk.post(endpoint.id, 10)
        await desk.reach(model.DELIVERED)
    assert len(network.ids) == 1_000
    assert len(set(network.ids)) == 1_000


async def test_what_a_dead_courier_held_is_taken_over(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    async with database.write() as tx:
        await tx.execute(
            update(EndpointRow).values(
                lease_holder="elsewhere/1/x", lease_until=clock.now() + timedelta(seconds=LEASE_S)
            )
        )
    network = always(200)
    async with desk.delivering(network):
        messages = await desk.post(endpoint.id, 3)
        await _nothing_more(network, 0)
        await desk.pass_time(LEASE_S + 0.1)
        await desk.reach(model.DELIVERED, *messages)


async def test_a_courier_that_lost_its_lease_writes_nothing(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    go_on = asyncio.Event()

    class Slow:
        sent = 0

        async def send(self, *_: Any) -> Any:
            self.sent += 1
            await go_on.wait()
            return answered(500)

    slow = Slow()
    async with desk.delivering(slow):
        (message,) = await desk.post(endpoint.id)
        await eventually(lambda: slow.sent == 1)
        # It is stopped, longer than its lease; another one takes over, delivers, and hands back.
        async with database.write() as tx:
            await tx.execute(update(EndpointRow).values(lease_holder=None, lease_until=None))
        async with desk.delivering(always(200)):
            await desk.reach(model.DELIVERED, message)
        go_on.set()
        await _settled(desk)
    row = await desk.row(message)
    assert (row.state, row.attempts, row.failures) == (model.DELIVERED, 1, 0)
    assert [attempt.status for attempt in await desk.attempts(message)] == [200]


async def test_a_courier_that_lost_its_lease_switches_nothing_off(
    database: Database, clock: MovableClock
) -> None:
    """It wrote the failure that completes the five days, and is stopped; its successor delivers."""
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    since = clock.now() - timedelta(seconds=5 * DAY_S)

    async def found(holder: str, failing_since: datetime | None) -> bool:
        changed = {"lease_holder": holder, "failing_since": failing_since}
        async with database.write() as tx:
            await tx.execute(update(EndpointRow).values(changed))
            (seen,) = await (await tx.connection()).run_sync(lambda c: backlog.snapshots(c, [endpoint.id]))
            known = replace(seen, failing_since=since)
            return await switch_off(tx, known, Off("silent", "It fails."), holder="we", now=clock.now())

    assert not await found("another", since)
    assert not await found("we", None), "it was ours again, and has met a success meanwhile"
    assert (await desk.endpoint_row(endpoint.id)).state == model.ACTIVE
    assert await found("we", since)
    assert (await desk.endpoint_row(endpoint.id)).state == model.OFF


async def test_a_courier_whose_leases_ran_out_sends_nothing_new(
    sqlite: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after SIGCONT, or while the database is away: others may serve its endpoints by then."""
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)
    go_on = asyncio.Event()
    sent: list[str] = []

    class Slow:
        async def send(self, _target: Any, headers: Any, _body: bytes) -> Any:
            sent.append(headers["webhook-id"])
            await go_on.wait()
            return answered(200)

    async def unavailable(_now: datetime) -> None:
        raise Unavailable("The database does not answer.")

    async with desk.delivering(Slow()) as courier:
        messages = await desk.post(endpoint.id, 20)
        await eventually(lambda: len(sent) == QUICK_IN_FLIGHT)
        with monkeypatch.context() as patch:
            patch.setattr(courier, "_renew", unavailable)
            clock.advance(LEASE_S)
            go_on.set()
            await eventually(lambda: courier._dispatch.in_flight == 0)
            assert len(sent) == QUICK_IN_FLIGHT
        await desk.pass_time(1)
        await desk.reach(model.DELIVERED, *messages)
    assert sorted(sent) == sorted(messages), "each once"


async def test_stopping_finishes_what_is_under_way_and_hands_back(database: Database) -> None:
    desk = Desk(database)
    endpoint = await desk.endpoint(URL)
    go_on = asyncio.Event()

    class Slow:
        sent = 0

        async def send(self, *_: Any) -> Any:
            self.sent += 1
            await go_on.wait()
            return answered(200)

    slow = Slow()
    await desk.post(endpoint.id, 50)
    courier = desk.courier(slow)
    running = asyncio.create_task(courier.run())
    await eventually(lambda: slow.sent == 4)
    courier.stop()
    go_on.set()
    await running
    states = [row.state for row in await desk.rows()]
    assert states.count(model.DELIVERED) == slow.sent
    assert states.count(model.PENDING) == 50 - slow.sent
    assert (await desk.endpoint_row(endpoint.id)).lease_holder is None
    async with desk.delivering(always(200)):
        await desk.reach(model.DELIVERED)


async def test_a_receiver_that_never_answers_does_not_hold_up_the_end(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "DRAIN_S", 0.05)
    desk = Desk(sqlite)
    endpoint = await desk.endpoint(URL)
    asked = asyncio.Event()

    class Hanging:
        async def send(self, *_: Any) -> Any:
            asked.set()
            await asyncio.Event().wait()

    (message,) = await desk.post(endpoint.id)
    async with asyncio.timeout(5):
        async with desk.delivering(Hanging()):
            await asked.wait()
    assert (await desk.row(message)).state == model.PENDING, "whoever comes next sends it"
    assert (await desk.endpoint_row(endpoint.id)).lease_holder is None


async def test_a_database_out_of_reach_delays_and_loses_nothing(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(sqlite)
    endpoint = await desk.endpoint(URL)
    in_one_go, down = sqlite.in_one_go, True

    async def maybe(work: Any, *, write: bool = False) -> Any:
        if down:
            raise Unavailable("The disk is full; nothing was written. Try again in a moment.")
        return await in_one_go(work, write=write)

    network = always(200)
    async with desk.delivering(network) as courier:
        await desk.reach(model.DELIVERED, *await desk.post(endpoint.id, 3))
        messages = await desk.post(endpoint.id, 20)
        monkeypatch.setattr(sqlite, "in_one_go", maybe)
        await eventually(lambda: courier._troubles > 1)
        down = False
        await desk.reach(model.DELIVERED, *messages)
    assert set(network.ids) >= set(messages)


async def test_a_bug_while_sending_counts_as_a_failed_attempt(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    endpoint = await desk.endpoint(URL)

    class Broken:
        async def send(self, *_: Any) -> Any:
            raise ZeroDivisionError

    async with desk.delivering(Broken()):
        (message,) = await desk.post(endpoint.id)
        await _settled(desk)
    row = await desk.row(message)
    assert (row.state, row.failures) == (model.PENDING, 1)
    assert [attempt.outcome for attempt in await desk.attempts(message)] == ["internal"]


async def test_a_secret_that_cannot_be_opened_is_said_in_the_log(sqlite: Database) -> None:
    desk = Desk(sqlite)
    endpoint = await desk.endpoint(URL)
    async with sqlite.write() as tx:
        await tx.execute(update(EndpointRow).values(secrets=[{"sealed": "gAAAAA", "until": None}]))
    network = always(200)
    async with desk.delivering(network):
        (message,) = await desk.post(endpoint.id)

        async def tried() -> bool:
            return len(await desk.attempts(message)) == 1

        await eventually(tried)
    assert "secret" in (await desk.attempts(message))[0].detail
    assert network.sent == []


async def test_before_during_and_after_a_rotation(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    old = await desk.endpoint(URL)
    network = always(200)
    signed: list[str] = []
    async with desk.delivering(network):

        async def send() -> None:
            (message,) = await desk.post(old.id)
            await desk.reach(model.DELIVERED, message)
            headers = network.sent[-1][1]
            payload = network.sent[-1][2].decode()
            signed.append(headers["webhook-signature"])
            secrets = [old.secret, new.secret] if new else [old.secret]
            at = clock.now().replace(microsecond=0, tzinfo=None)
            good = [Webhook(s).sign(headers["webhook-id"], at, payload) for s in secrets]
            expected.append([one in headers["webhook-signature"].split() for one in good])

        new: Any = None
        expected: list[list[bool]] = []
        await send()
        new = await desk.endpoints.rotate(OWNER, old.id)
        await send()
        await desk.pass_time(DAY_S)
        await send()
    assert expected == [[True], [True, True], [False, True]]


async def test_the_trace_of_the_event_reaches_the_receiver(sqlite: Database) -> None:
    desk = Desk(sqlite)
    endpoint = await desk.endpoint(URL)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for traced in (False, True):
        network = always(200)
        async with desk.delivering(network, traced=traced):
            await desk.reach(model.DELIVERED, *await desk.post(endpoint.id, traceparent=trace))
        assert network.sent[0][1]["traceparent"].split("-")[1] == trace.split("-")[1]
