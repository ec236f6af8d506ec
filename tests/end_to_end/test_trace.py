"""One trace, from the request that announces to the webhook that tells of it."""

from __future__ import annotations

import pytest

from tests.end_to_end.market import PRESSURE, Market, subscribe
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
    assert len(parents) == len(receiver.bodies), "each delivery is a span of its own"
    assert PARENT.split("-")[2] not in parents
    for event in receiver.events():
        assert event["traceparent"].split("-")[1] == TRACE, event["type"]
    correlated = {event["correlationid"] for event in receiver.events()}
    assert len(correlated) == 1, "and one chain of causes"
