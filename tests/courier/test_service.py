"""Use cases of endpoints and of the delivery log."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from schemas.delivery import DeliveryState, EndpointContent, EndpointState, Window
from services.courier import model
from services.courier.address_guard import AddressGuard, AddressRefused
from services.courier.lane import QUICK_IN_FLIGHT
from services.courier.outcome import Outcome
from services.courier.service import ENDPOINTS_MAX, ROTATION_OVERLAP, SECRETS_MAX, Endpoints
from services.kernel.database import Database
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from services.kernel.security import Principal
from tests.conftest import MovableClock
from tests.courier.desk import BOX, OWNER, Desk, Scripted, always, answered, principal
from tests.eventually import eventually

URL = "https://receiver.example.org/hook"


def any_version(_version: int) -> None:
    """Accepts whichever there is."""


async def test_the_secret_is_shown_once_and_stored_sealed(database: Database) -> None:
    desk = Desk(database)
    made = await desk.endpoint(URL)
    assert made.secret.startswith("whsec_")
    assert len(base64.b64decode(made.secret.removeprefix("whsec_"))) == 32
    assert "secret" not in (await desk.endpoints.get(OWNER, made.id)).model_dump()
    row = await desk.endpoint_row(made.id)
    assert made.secret.removeprefix("whsec_") not in json.dumps(row.secrets)
    assert BOX.open(row.secrets[0]["sealed"]) == made.secret


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://2130706433/", "http://[::]/"],
)
async def test_an_address_of_the_inside_is_refused_where_it_is_entered(sqlite: Database, url: str) -> None:
    desk = Desk(sqlite)
    with pytest.raises(AddressRefused) as refused:
        await desk.endpoint(url)
    assert [error.pointer for error in refused.value.errors] == ["/url"]
    made = await desk.endpoint(URL)
    with pytest.raises(AddressRefused):
        await desk.endpoints.change(OWNER, made.id, EndpointContent(url=url), any_version)
    strict = Endpoints(sqlite, desk.clock, guard=AddressGuard(), box=BOX)
    with pytest.raises(AddressRefused):
        await strict.create(OWNER, EndpointContent(url="http://127.0.0.1:8080/"))


async def test_changing_needs_the_version_that_was_read(database: Database) -> None:
    desk = Desk(database)
    made = await desk.endpoint(URL)

    def only_one(version: int) -> None:
        if version != 1:
            raise PreconditionFailed("read it again")

    content = EndpointContent(url="https://elsewhere.example.org/", label="ERP")
    changed = await desk.endpoints.change(OWNER, made.id, content, only_one)
    assert (changed.version, changed.url, changed.label) == (2, content.url, "ERP")
    with pytest.raises(PreconditionFailed):
        await desk.endpoints.change(OWNER, made.id, content, only_one)


async def test_what_is_pending_goes_to_the_new_url(sqlite: Database, clock: MovableClock) -> None:
    desk = Desk(sqlite, clock)
    made = await desk.endpoint(URL)
    network = Scripted(lambda target, _: answered(200 if "new" in str(target.url) else 500))
    async with desk.delivering(network):
        (message,) = await desk.post(made.id)
        await eventually(lambda: len(network.sent) == 1)
        await desk.endpoints.change(
            OWNER, made.id, EndpointContent(url="https://new.example.org/"), any_version
        )
        await desk.pass_time(60)
        await desk.reach(model.DELIVERED, message)


async def test_what_comes_after_a_change_of_the_url_goes_to_the_new_one_at_once(
    database: Database, clock: MovableClock
) -> None:
    desk = Desk(database, clock)
    made = await desk.endpoint(URL)
    network = always(200)
    async with desk.delivering(network):
        await desk.reach(model.DELIVERED, *await desk.post(made.id))
        elsewhere = EndpointContent(url="https://new.example.org/")
        await desk.endpoints.change(OWNER, made.id, elsewhere, any_version)
        await desk.reach(model.DELIVERED, *await desk.post(made.id))
    assert [url for url, _, _ in network.sent] == [URL, elsewhere.url]


async def test_nothing_more_goes_to_an_endpoint_once_it_is_removed(
    database: Database, clock: MovableClock
) -> None:
    desk = Desk(database, clock)
    made = await desk.endpoint(URL)
    go_on = asyncio.Event()
    sent: list[str] = []

    class Slow:
        async def send(self, _target: object, headers: Mapping[str, str], _body: bytes) -> Outcome:
            sent.append(headers["webhook-id"])
            await go_on.wait()
            return answered(200)

    async with desk.delivering(Slow()) as courier:
        await desk.post(made.id, 20)
        await eventually(lambda: len(sent) == QUICK_IN_FLIGHT)
        await desk.endpoints.remove(OWNER, made.id)
        await eventually(lambda: courier._dispatch.queued == 0)
        go_on.set()
    assert len(sent) == QUICK_IN_FLIGHT


async def test_rotating_often_takes_no_secret_its_24_hours(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    made = await desk.endpoint(URL)
    secrets = [made.secret]
    for _ in range(SECRETS_MAX - 1):
        secrets.insert(0, (await desk.endpoints.rotate(OWNER, made.id)).secret)
        clock.advance(60)
    with pytest.raises(Conflict, match="after 2026-11-22 09:00 UTC"):
        await desk.endpoints.rotate(OWNER, made.id)
    row = await desk.endpoint_row(made.id)
    assert [BOX.open(one["sealed"]) for one in row.secrets] == secrets
    assert row.secrets[0]["until"] is None
    clock.advance((ROTATION_OVERLAP - timedelta(minutes=SECRETS_MAX - 1)).total_seconds())
    await desk.endpoints.rotate(OWNER, made.id)
    assert len((await desk.endpoint_row(made.id)).secrets) == SECRETS_MAX
    clock.advance(timedelta(days=2).total_seconds())
    await desk.endpoints.rotate(OWNER, made.id)
    assert len((await desk.endpoint_row(made.id)).secrets) == 2


async def test_an_organisation_has_a_bounded_number_of_endpoints(sqlite: Database) -> None:
    desk = Desk(sqlite)
    for _ in range(ENDPOINTS_MAX):
        last = await desk.endpoint(URL)
    with pytest.raises(Conflict):
        await desk.endpoint(URL)
    await desk.endpoints.remove(OWNER, last.id)
    await desk.endpoint(URL)
    assert len(await desk.endpoints.list(OWNER, after=None, limit=100)) == ENDPOINTS_MAX


async def test_a_sample_arrives_signed(database: Database) -> None:
    desk = Desk(database)
    made = await desk.endpoint(URL)
    network = always(200)
    async with desk.delivering(network):
        delivery = await desk.endpoints.test(OWNER, made.id)
        assert delivery.state is DeliveryState.pending
        await desk.reach(model.DELIVERED, delivery.id)
    _, headers, body = network.sent[0]
    sample = Webhook(made.secret).verify(body, dict(headers))
    assert sample["type"] == "liaison.endpoint.tested.v1"
    assert sample["data"]["message"] == delivery.id == headers["webhook-id"]
    (attempt,) = await desk.log.attempts(OWNER, delivery.id)
    assert (attempt.status, attempt.outcome) == (200, "answered")


async def test_removing_cancels_and_hides(database: Database) -> None:
    desk = Desk(database)
    made = await desk.endpoint(URL)
    messages = await desk.post(made.id, 3)
    await desk.endpoints.remove(OWNER, made.id)
    assert {row.state for row in await desk.rows(*messages)} == {model.CANCELLED}
    assert await desk.endpoints.owner_of(made.id) is None
    assert await desk.endpoints.list(OWNER, after=None, limit=10) == []
    assert await desk.log.list(OWNER, limit=10) == []
    network = always(200)
    async with desk.delivering(network):
        await desk.reach(model.DELIVERED, *await desk.post((await desk.endpoint(URL)).id))
    assert not set(network.ids) & set(messages)


async def test_a_test_and_a_resend_need_an_endpoint_that_is_on(sqlite: Database) -> None:
    desk = Desk(sqlite)
    made = await desk.endpoint(URL)
    (message,) = await desk.post(made.id)
    async with sqlite.write() as tx:
        await tx.execute(text("UPDATE endpoints SET state = 'off'"))
    window = Window(
        endpoint=made.id,
        since=desk.clock.now() - timedelta(days=1),
        until=desk.clock.now() + timedelta(days=1),
    )
    for refused in (
        desk.endpoints.test(OWNER, made.id),
        desk.log.resend(OWNER, message),
        desk.log.resend_window(OWNER, window),
    ):
        with pytest.raises(Conflict, match="off"):
            await refused
    assert (await desk.endpoints.switch_on(OWNER, made.id)).state is EndpointState.active


async def test_replay_by_id_sends_even_what_was_delivered(database: Database) -> None:
    desk = Desk(database)
    made = await desk.endpoint(URL)
    network = always(200)
    async with desk.delivering(network):
        (message,) = await desk.post(made.id)
        await desk.reach(model.DELIVERED, message)
        await desk.log.resend(OWNER, message)
        await eventually(lambda: len(network.sent) == 2)
        await desk.reach(model.DELIVERED, message)
    assert network.ids == [message, message]
    assert network.sent[0][2] == network.sent[1][2]
    assert [attempt.number for attempt in await desk.log.attempts(OWNER, message)] == [1, 2]


async def test_a_window_replay_leaves_out_what_was_delivered(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock)
    made = await desk.endpoint(URL)
    refused: set[str] = set()
    network = Scripted(lambda _, headers: answered(500 if headers["webhook-id"] in refused else 200))
    async with desk.delivering(network):
        old = await desk.post(made.id, 2)
        await desk.reach(model.DELIVERED, *old)
        clock.advance(3_600)
        start = clock.now()
        good = await desk.post(made.id, 2)
        await desk.reach(model.DELIVERED, *good)
        # Delivered once, sent again by id, and given up then: it was delivered all the same.
        refused.add(good[0])
        await desk.log.resend(OWNER, good[0])
        await _give_up(desk, good[0])
        lost = await desk.post(made.id, 3)
        refused.update(lost)
        for message in lost:
            await _give_up(desk, message)
        refused.clear()
        sent = len(network.sent)
        window = Window(endpoint=made.id, since=start, until=start + timedelta(days=30))
        assert await desk.log.resend_window(OWNER, window) == 3
        await desk.reach(model.DELIVERED, *lost)
        assert await desk.log.resend_window(OWNER, window) == 0
    assert sorted(network.ids[sent:]) == sorted(lost)


async def _give_up(desk: Desk, message: str) -> None:
    """Let the schedule of the message run out."""

    async def exhausted() -> bool:
        async with desk.database.write() as tx:  # its endpoint stays on meanwhile
            await tx.execute(text("UPDATE endpoints SET failing_since = NULL"))
        row = await desk.row(message)
        if row.state == model.PENDING and row.next_attempt_at > desk.clock.now():
            await desk.pass_time((row.next_attempt_at - desk.clock.now()).total_seconds())
        return bool(row.state == model.EXHAUSTED)

    await eventually(exhausted)


async def test_a_window_must_not_end_before_it_begins(sqlite: Database) -> None:
    desk = Desk(sqlite)
    made = await desk.endpoint(URL)
    now = desk.clock.now()
    with pytest.raises(InvalidInput):
        await desk.log.resend_window(OWNER, Window(endpoint=made.id, since=now, until=now))


async def test_the_log_has_pages_over_all_endpoints(database: Database) -> None:
    desk = Desk(database)
    endpoints = [(await desk.endpoint(URL)).id for _ in range(3)]
    for _ in range(4):
        for endpoint in endpoints:
            await desk.post(endpoint, 2)
    seen: list[tuple[str, str]] = []
    after = None
    while page := await desk.log.list(OWNER, after=after, limit=5):
        seen += [(one.event, one.endpoint) for one in page]
        after = seen[-1]
    assert len(seen) == 24
    assert seen == sorted(seen, reverse=True)
    mine = await desk.log.list(OWNER, endpoint=endpoints[0], limit=100)
    assert {one.endpoint for one in mine} == {endpoints[0]}
    assert len(mine) == 8
    assert await desk.log.list(OWNER, state=DeliveryState.delivered, limit=100) == []
    assert len(await desk.log.list(OWNER, state=DeliveryState.pending, limit=100)) == 24


Act = Callable[[Desk, Principal, str, str], Awaitable[object]]
ACTS: dict[str, Act] = {
    "get": lambda desk, who, endpoint, _: desk.endpoints.get(who, endpoint),
    "change": lambda desk, who, endpoint, _: desk.endpoints.change(
        who, endpoint, EndpointContent(url=URL), any_version
    ),
    "rotate": lambda desk, who, endpoint, _: desk.endpoints.rotate(who, endpoint),
    "remove": lambda desk, who, endpoint, _: desk.endpoints.remove(who, endpoint),
    "switch on": lambda desk, who, endpoint, _: desk.endpoints.switch_on(who, endpoint),
    "test": lambda desk, who, endpoint, _: desk.endpoints.test(who, endpoint),
    "list of one": lambda desk, who, endpoint, _: desk.log.list(who, endpoint=endpoint, limit=10),
    "delivery": lambda desk, who, _, message: desk.log.get(who, message),
    "attempts": lambda desk, who, _, message: desk.log.attempts(who, message),
    "resend": lambda desk, who, _, message: desk.log.resend(who, message),
    "resend window": lambda desk, who, endpoint, _: desk.log.resend_window(
        who, Window(endpoint=endpoint, since=desk.clock.now(), until=desk.clock.now() + timedelta(days=1))
    ),
}


@pytest.mark.parametrize("act", ACTS)
async def test_nobody_else_sees_or_touches_it(sqlite: Database, act: str) -> None:
    desk = Desk(sqlite)
    made = await desk.endpoint(URL)
    (message,) = await desk.post(made.id)
    with pytest.raises(NotFound):
        await ACTS[act](desk, principal(), made.id, message)
    assert await desk.endpoints.list(principal(), after=None, limit=10) == []
    assert await desk.log.list(principal(), limit=10) == []


@pytest.mark.parametrize(
    "act", ["change", "rotate", "remove", "switch on", "test", "resend", "resend window"]
)
async def test_changing_needs_the_scope(sqlite: Database, act: str) -> None:
    desk = Desk(sqlite)
    made = await desk.endpoint(URL)
    (message,) = await desk.post(made.id)
    reader = Principal(OWNER.organisation, OWNER.role, "key_x", frozenset({"read"}))
    with pytest.raises(Forbidden):
        await ACTS[act](desk, reader, made.id, message)
