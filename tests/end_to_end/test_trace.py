"""One trace, from the request that announces to the webhook that tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.end_to_end.market import PRESSURE, Market, open_market, subscribe
from tests.end_to_end.process import Liaison
from tests.end_to_end.receiver import Receiver
from tests.eventually import eventually
from tests.tracing import PARENT

pytestmark = pytest.mark.slow

TRACE = PARENT.split("-")[1]


async def test_the_trace_of_the_request_arrives_with_the_webhook(
    liaison: Liaison, market: Market, receiver: Receiver
) -> None:
    async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
        receiver.secret = await subscribe(cluster, receiver.url, {"kind": "bso", "buyer": "cern"})
        answer = await buyer.post("/v1/challenges", json=PRESSURE, headers={"traceparent": PARENT})
        assert answer.headers["x-request-id"] == TRACE
        await eventually(lambda: receiver.events("liaison.match.suggested.v1"))
        await eventually(lambda: receiver.events("liaison.challenge.announced.v1"))

    assert len(receiver.bodies) >= 2
    parents = set()
    for message in receiver.bodies:
        version, trace, parent, flags = receiver.headers[message]["traceparent"].split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        parents.add(parent)
    assert len(parents) >= 2, "what is told by each step has a span of its own"
    assert PARENT.split("-")[2] not in parents
    for event in receiver.events():
        assert event["traceparent"].split("-")[1] == TRACE, event["type"]
    correlated = {event["correlationid"] for event in receiver.events()}
    assert len(correlated) == 1, "and one chain of causes"


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[str, dict[str, Span]]]:
    """A collector of spans (OTLP over HTTP); yields its address, and what has come so far by span id."""
    spans: dict[str, Span] = {}

    async def collect(request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                spans.update({span.span_id.hex(): span for span in scope.spans})
        return web.Response()

    application = web.Application()
    application.router.add_post("/v1/traces", collect)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", spans
    finally:
        await runner.cleanup()


async def test_the_spans_lead_from_the_webhook_back_to_the_request(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with collecting() as (address, spans):
        liaison = Liaison(
            tmp_path / "data", {"LIAISON_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        )
        liaison.start()
        try:
            async with liaison.client() as admin:
                market = await open_market(admin)
            async with liaison.client(market.cluster) as cluster, liaison.client(market.buyer) as buyer:
                receiver.secret = await subscribe(cluster, receiver.url, {"kind": "bso", "buyer": "cern"})
                await buyer.post("/v1/challenges", json=PRESSURE, headers={"traceparent": PARENT})
                await eventually(lambda: receiver.events("liaison.match.suggested.v1"))
            told = next(
                receiver.headers[message]["traceparent"].split("-")[2]
                for message, bodies in receiver.bodies.items()
                if b"liaison.match.suggested.v1" in bodies[0]
            )
            await eventually(lambda: told in spans)
        finally:
            await asyncio.to_thread(liaison.stop)  # it sends what is left, to this very loop

    way = [told]
    while way[-1] in spans:
        assert spans[way[-1]].trace_id.hex() == TRACE
        way.append(spans[way[-1]].parent_span_id.hex())
    names = [spans[one].name for one in way[:-1]]
    assert way[-1] == PARENT.split("-")[2], f"the way ends early: {names}"
    assert names[0] == "deliver webhook"
    assert names[-1] == "POST /v1/challenges"
    outcome = {one.key: one.value.string_value for one in spans[told].attributes}
    assert outcome["liaison.outcome"] == "answered"
