"""A subscription read from its secret address: what it says, and who is told nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from schemas.subscription import CreatedSubscription, Subscription, SubscriptionContent
from services.gateway.syndication import atom, own
from services.gateway.syndication.kept import Kept
from services.kernel.logs import start_logging
from services.kernel.settings import LogFormat, LogLevel
from services.notification import endpoints
from services.notification.history import History
from tests.conftest import MovableClock
from tests.derivation import PUBLIC_URL, Derivation
from tests.gateway.syndication.reading import events, feed
from tests.intake.people import anything, principal
from tests.intake.serving import Api, api
from tests.matching.market import announce, company
from tests.notification.conftest import derivation, local
from tests.notification.people import subscribe
from tests.tracing import traced

__all__ = ["derivation", "local"]


@pytest.fixture
async def served(local: Derivation) -> AsyncIterator[Api]:
    async with serving(local) as made:
        yield made


def serving(made: Derivation, router: Any = None) -> Any:
    world = made.world
    history = History(world.database, router or made.mind.router, world.intake.publication)
    routers = [
        own.routes(made.subscriptions, history, world.intake.publication, Kept(), PUBLIC_URL),
        endpoints.router(made.subscriptions),
    ]
    return api(world, routers)


async def addressed(
    made: Derivation, follow: dict[str, Any], channel: str, **fields: Any
) -> tuple[Subscription, str]:
    one = await subscribe(made, made.world.firm, follow, channel=channel, **fields)
    assert isinstance(one, CreatedSubscription)
    assert one.address is not None
    return one, one.address.removeprefix(PUBLIC_URL)


async def test_what_fits_a_company_is_said_in_one_line_each(
    derivation: Derivation, clock: MovableClock
) -> None:
    world = derivation.world
    mine = await company(derivation, "Cryosense", owner=world.firm)
    challenge = await announce(derivation)
    await derivation.settle()
    follow = {"kind": "own-profile", "company": mine.id}
    one, path = await addressed(derivation, follow, "feed", label="Our alerts", threshold=0.3)
    _, due = await addressed(derivation, follow, "calendar", threshold=0.3)
    async with serving(derivation) as served:
        first = await served.client.get(path)
        read = feed(first)
        assert (read.feed.id, read.feed.title) == (atom.urn(one.id), "Liaison: Our alerts")
        assert path not in first.text, "a feed that is passed on does not give its address away"
        (entry,) = read.entries
        assert entry.title == (
            "Cryosense (FR) fits “Radiation-hard pressure sensor for a 4 K helium line” (CERN, until 1 "
            "February 2027)"
        )
        match = next(event for event in await world.events() if event.type == "liaison.match.suggested.v1")
        assert entry.summary.endswith(
            f"{match.data['headline']}\n\nHow a score comes about: {PUBLIC_URL}/scores"
        )
        assert entry.link == f"{PUBLIC_URL}/matches/{match.data['id']}"
        assert entry.id == atom.urn(match.id)
        assert first.headers["cache-control"] == "private, no-cache"
        clock.advance(3_600)
        tag = {"if-none-match": first.headers["etag"]}
        assert (await served.client.get(path, headers=tag)).status_code == 304
        head = await served.client.head(path)
        assert (head.content, head.headers["content-length"]) == (b"", str(len(first.content)))

        (deadline,) = events(await served.client.get(due))
        assert deadline["uid"] == f"{challenge.id}.deadline@liaison"
        assert deadline["status"] == "CONFIRMED"
        why, _, _ = entry.summary.partition("\n\nHow a score comes about")
        assert f"Cryosense (FR): {why}" in deadline["description"]
        assert "How a score" not in deadline["description"]
        assert deadline["dtstamp"].dt == match.time.replace(microsecond=0)
        (alarm,) = deadline.walk("VALARM")
        assert alarm["trigger"].to_ical() == b"-P7D"
        assert alarm["action"] == "DISPLAY"

        await world.intake.challenges.withdraw(principal(world.cern), challenge.id, "No money.", anything)
        await derivation.settle()
        (gone,) = events(await served.client.get(due))
        assert (gone["uid"], gone["status"], gone["sequence"]) == (deadline["uid"], "CANCELLED", 2)
        assert not gone.walk("VALARM")
        assert (await served.client.get(path, headers=tag)).status_code == 200


async def test_whoever_has_no_address_is_told_nothing(local: Derivation, served: Api) -> None:
    follow = {"kind": "country", "country": "FR"}
    one, path = await addressed(local, follow, "feed")
    client = served.client
    assert (await client.get(path)).status_code == 200
    for wrong in (
        path.replace(".atom", ".ics"),
        path.replace(".atom", "x.atom"),
        "/feeds/liafeed_.atom",
        f"/feeds/{one.id}.atom",
        "/feeds/%F0%9F%98%80.ics",
    ):
        refused = await client.get(wrong)
        assert refused.status_code == 404, wrong
        assert refused.headers["content-type"] == "application/problem+json"
        assert "ratelimit" in refused.headers, "counted by the address of who asks"
    paused = SubscriptionContent.model_validate({"follow": follow, "channel": "feed", "paused": True})
    await local.subscriptions.change(principal(local.world.firm), one.id, paused, anything)
    assert (await client.get(path)).status_code == 404
    resumed = paused.model_copy(update={"paused": False})
    await local.subscriptions.change(principal(local.world.firm), one.id, resumed, anything)
    assert (await client.get(path)).status_code == 200
    firm = await served.as_(local.world.firm)
    anew = (await firm("POST", f"/v1/subscriptions/{one.id}/address")).json()["address"]
    assert (await client.get(path)).status_code == 404
    assert (await client.get(anew.removeprefix(PUBLIC_URL))).status_code == 200
    await local.subscriptions.remove(principal(local.world.firm), one.id)
    assert (await client.get(anew.removeprefix(PUBLIC_URL))).status_code == 404


async def test_nobody_reads_the_address_in_logs_and_traces(local: Derivation) -> None:
    """Neither when all goes well, nor when a bug is logged with its trace of calls."""

    class Broken:
        async def asked(self, *_: object) -> None:
            raise RuntimeError("a bug")

    _, path = await addressed(local, {"kind": "country", "country": "FR"}, "feed")
    written, root, before = io.StringIO(), logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    start_logging(LogLevel.debug, LogFormat.json, written)
    try:
        with traced():
            spans = InMemorySpanExporter()
            provider = trace.get_tracer_provider()
            assert isinstance(provider, TracerProvider)
            provider.add_span_processor(SimpleSpanProcessor(spans))
            async with serving(local) as served:
                assert (await served.client.get(path)).status_code == 200
            async with serving(local, Broken()) as served:
                transport = httpx.ASGITransport(served.client._transport.app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
                    assert (await client.get(path)).status_code == 500
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
    said = written.getvalue()
    assert "unexpected_error" in said
    assert "/feeds/{token}.atom" in said, "the line of the request names its route"
    token = path.rpartition("/")[2].removesuffix(".atom")
    assert token not in said
    assert token not in "".join(one.to_json() for one in spans.get_finished_spans())
    assert "GET /feeds/{token}.atom" in {one.name for one in spans.get_finished_spans()}
