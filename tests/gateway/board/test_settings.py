"""Settings: endpoints with their secret once, subscriptions, keys, the delivery log."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import update

from schemas.delivery import DeliveryState, EndpointContent
from schemas.subscription import FollowCountry, SubscriptionContent
from services.bootstrap.encoders import QueriesOnDemand
from services.bootstrap.parts import handlers
from services.courier.model import DeliveryRow
from tests.gateway.board.world import World, hidden, visible

URL = "http://localhost:9999/hook"


async def test_an_endpoint_is_made_and_its_secret_shown_this_once(market: World) -> None:
    async with market.browser("firm") as firm:
        once = hidden(await firm.get("/settings"), "/settings/endpoints")
        page = await firm.post("/settings/endpoints", data={"url": URL, "label": "sales", **once})
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page.text)
        assert secret is not None
        assert page.headers["cache-control"] == "no-store"
        assert "content-encoding" not in page.headers
        for language in ("Python", "Node", "PHP"):
            assert f">{language}</summary>" in page.text
        again = await firm.post("/settings/endpoints", data={"url": URL, "label": "sales", **once})
        assert secret[0] in again.text, "the same request sent again has its effect once, and the same answer"
        settings = await firm.get("/settings")
        assert settings.text.count('href="/settings/endpoints/end_') == 1
        assert secret[0] not in settings.text


@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "ftp://example.org", "nonsense", ""])
async def test_an_address_that_is_refused_says_why(market: World, url: str) -> None:
    async with market.browser("firm") as firm:
        page = await firm.post("/settings/endpoints", data={"url": url})
    assert page.status_code == 422
    assert re.search(r'class="why-wrong">[^<]+<', page.text)


async def test_a_test_is_sent_logged_and_sent_again(market: World) -> None:
    made = await market.core.endpoints.create(market.principal("firm"), EndpointContent(url=URL))
    async with market.browser("firm") as firm:
        sent = await firm.post(f"/settings/endpoints/{made.id}/test", data={"x": ""})
        message = sent.headers["location"].rsplit("#", 1)[1]
        page = await firm.get(f"/settings/endpoints/{made.id}")
        assert f'id="{message}"' in page.text
        assert 'hx-trigger="every 2s"' in page.text, "the log follows a message that is under way"
        log = await firm.get(f"/settings/endpoints/{made.id}/log")
        assert "endpoint tested" in visible(log)
        market.clock.advance(600)
        later = await firm.get(f"/settings/endpoints/{made.id}/log")
        assert "hx-trigger" not in later.text
        assert "None yet." in visible(await firm.get(f"/settings/deliveries/{message}"))
        made_at = (await market.core.deliveries.get(market.principal("firm"), message)).created_at
        row = update(DeliveryRow).where(DeliveryRow.id == message)
        async with market.core.database.write() as tx:
            done = made_at + timedelta(seconds=2.5)
            await tx.execute(row.values(state="delivered", next_attempt_at=None, delivered_at=done))
        log = await firm.get(f"/settings/endpoints/{made.id}/log")
        assert f"{done:%H:%M:%S} UTC after 2.5 s" in visible(log)
        shown = visible(await firm.get(f"/settings/deliveries/{message}"))
        assert f"{done:%H:%M:%S} UTC, 2.5 s after it was made" in shown
        again = await firm.post(f"/settings/deliveries/{message}/resend", data={"x": ""})
        assert again.status_code == 303
        window = await firm.post(f"/settings/endpoints/{made.id}/resend", data={"hours": "24"})
        assert window.status_code == 303


async def test_an_endpoint_is_changed_rotated_switched_on_and_removed(market: World) -> None:
    made = await market.core.endpoints.create(market.principal("firm"), EndpointContent(url=URL))
    address = f"/settings/endpoints/{made.id}"
    async with market.browser("firm") as firm:
        shown = dict(hidden(await firm.get(address), f"{address}/change"))
        await firm.post(f"{address}/change", data={"url": URL + "2", "label": "new name", **shown})
        page = await firm.get(address)
        assert "new name" in visible(page)
        assert "/hook2" in page.text
        rotated = await firm.post(f"{address}/secret", data=dict(hidden(page, f"{address}/secret")))
        assert re.search(r"whsec_[A-Za-z0-9+/=]+", rotated.text)
        assert made.secret not in rotated.text
        await firm.post(f"{address}/on", data={"x": ""})
        await firm.post(f"{address}/remove", data={"x": ""})
        assert (await firm.get(address)).status_code == 404


async def test_what_somebody_else_changed_since_is_not_overwritten(market: World) -> None:
    firm = market.principal("firm")
    made = await market.core.endpoints.create(firm, EndpointContent(url=URL))
    content = SubscriptionContent(follow=FollowCountry(country="FR"), endpoint=made.id)
    subscription = await market.core.subscriptions.create(firm, content)
    address, pause = f"/settings/endpoints/{made.id}", f"/settings/subscriptions/{subscription.id}/pause"
    async with market.browser("firm") as browser:
        loaded = dict(hidden(await browser.get(address), f"{address}/change"))
        listed = dict(hidden(await browser.get("/settings"), pause))
        theirs = EndpointContent(url=URL + "2")
        await market.core.endpoints.change(firm, made.id, theirs, lambda _version: None)
        wanted = content.model_copy(update={"threshold": 0.5})
        await market.core.subscriptions.change(firm, subscription.id, wanted, lambda _version: None)
        for answer in (
            await browser.post(f"{address}/change", data={"url": URL + "3", "label": "", **loaded}),
            await browser.post(pause, data=listed),
            await browser.post(pause, data={"x": ""}),
        ):
            assert answer.status_code == 412
            assert "changed since this page was loaded" in visible(answer)
    assert (await market.core.endpoints.get(firm, made.id)).url == theirs.url
    after = await market.core.subscriptions.get(firm, subscription.id)
    assert (after.threshold, after.paused) == (0.5, False)


async def test_endpoints_deliveries_and_subscriptions_of_others_are_not_there(market: World) -> None:
    firm = market.principal("firm")
    made = await market.core.endpoints.create(firm, EndpointContent(url=URL))
    message = (await market.core.endpoints.test(firm, made.id)).id
    content = SubscriptionContent(follow=FollowCountry(country="FR"), endpoint=made.id)
    subscription = (await market.core.subscriptions.create(firm, content)).id
    async with market.browser("rival") as rival:
        assert made.id not in (await rival.get("/settings")).text
        for address in (f"/settings/endpoints/{made.id}", f"/settings/deliveries/{message}"):
            assert (await rival.get(address)).status_code == 404
        for address in (
            f"/settings/endpoints/{made.id}/test",
            f"/settings/endpoints/{made.id}/secret",
            f"/settings/endpoints/{made.id}/remove",
            f"/settings/deliveries/{message}/resend",
            f"/settings/subscriptions/{subscription}/remove",
        ):
            assert (await rival.post(address, data={"x": ""})).status_code == 404, address
    found = await market.core.deliveries.get(firm, message)
    assert found.state is DeliveryState.pending


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "country", "country": "DK"}, "What is open to companies of Denmark"),
        ({"kind": "query", "query": "cryogenic valves"}, "New challenges near “cryogenic valves”"),
        ({"kind": "bso", "buyer": "cern"}, "Everything of CERN"),
        ({"kind": "members"}, "Matches of every member"),
        ({"kind": "challenge", "challenge": "{challenge}"}, "The challenge “Radiation-hard"),
        ({"kind": "own-profile", "company": "{company}"}, "Matches of Mine"),
    ],
)
async def test_one_subscribes_pauses_resumes_and_removes(
    market: World, fields: dict[str, str], words: str
) -> None:
    challenge, company = await market.challenge(), await market.company("cluster", name="Mine")
    ids = {"challenge": challenge.id, "company": company.id}
    data = {name: value.format(**ids) for name, value in fields.items()}
    async with market.browser("cluster") as cluster:
        data |= {
            "threshold": "0.5",
            "cpv": "384, 73",
            **hidden(await cluster.get("/settings"), "/settings/keys"),
        }
        answer = await cluster.post("/settings/subscriptions", data=data)
        assert answer.status_code == 303, visible(answer)
        page = await cluster.get("/settings")
        assert words in visible(page)
        assert "CPV 384, 73" in visible(page)
        subscription = re.search(r"/settings/subscriptions/(sub_[0-9A-Z]+)/pause", page.text)
        assert subscription is not None
        base = f"/settings/subscriptions/{subscription[1]}"
        await cluster.post(f"{base}/pause", data=dict(hidden(page, f"{base}/pause")))
        paused = await cluster.get("/settings")
        await cluster.post(f"{base}/resume", data=dict(hidden(paused, f"{base}/resume")))
        assert f"{base}/pause" in (await cluster.get("/settings")).text
        await cluster.post(f"{base}/remove", data={"x": ""})
        assert subscription[1] not in (await cluster.get("/settings")).text


async def test_one_says_when_it_comes_and_sees_what_waits(market: World) -> None:
    company, challenge = await market.company(name="Mine"), await market.challenge()
    made = await market.core.endpoints.create(market.principal("firm"), EndpointContent(url=URL))
    async with market.browser("firm") as firm:
        asking = {"kind": "own-profile", "company": company.id, "endpoint": made.id, "timing": "weekly"}
        refused = await firm.post("/settings/subscriptions", data=asking | {"weekly_budget": "5"})
        assert refused.status_code == 422
        assert "leave the one or the other out" in visible(refused)
        once = hidden(await firm.get("/settings"), "/settings/subscriptions")
        assert (await firm.post("/settings/subscriptions", data=asking | dict(once))).status_code == 303
        assert "webhook, once a week" in visible(await firm.get("/settings"))

        match = await market.match(challenge, company)
        events = await market.core.tail.read(after=0, limit=100, types={"liaison.match.suggested.v1"})
        queries = QueriesOnDemand(market.core.settings, market.core.database)
        (notify, _) = handlers(market.core, None, queries, {"notification"})
        plan = await notify.prepare(events[0])
        assert callable(plan)
        async with market.core.database.write() as tx:
            await plan(tx)
        page = await firm.get("/settings")
        assert "1 event waiting until 23 Nov 2026, 06:00 UTC" in visible(page)
        address = re.search(r"/settings/subscriptions/sub_[0-9A-Z]+(?=#waiting)", page.text)
        assert address is not None
        waiting = await firm.get(address[0])
        assert f"/matches/{match.id}" in waiting.text
        assert "the digest comes on 23 Nov 2026, 06:00 UTC" in visible(waiting)
        assert f"“{challenge.title}”, wanted by " in visible(waiting)

        form = dict(hidden(waiting, f"{address[0]}/when"))
        wrong = await firm.post(
            f"{address[0]}/when", data={"timing": "instant", "weekly_budget": "0", **form}
        )
        assert (wrong.status_code, 'role="alert"' in wrong.text) == (422, True)
        budget = await firm.post(
            f"{address[0]}/when", data={"timing": "instant", "weekly_budget": "2", **form}
        )
        assert budget.status_code == 303
        assert "at once, at most 2 alerts a week" in visible(await firm.get("/settings"))
        assert (await firm.post(f"{address[0]}/when", data={"timing": "daily", **form})).status_code == 412
    async with market.browser("rival") as rival:
        assert (await rival.get(address[0])).status_code == 404


async def test_a_subscription_that_makes_no_sense_is_refused_with_a_reason(market: World) -> None:
    async with market.browser("firm") as firm:
        for data in (
            {"kind": "members"},
            {"kind": "query", "query": ""},
            {"kind": "bso", "buyer": "nobody"},
            {"kind": "x"},
            {},
            {"kind": "country", "country": "FR", "threshold": "7"},
        ):
            page = await firm.post("/settings/subscriptions", data=data or {"x": ""})
            assert page.status_code == 422, data
            assert 'role="alert"' in page.text


async def test_a_key_is_issued_shown_once_and_revoked(market: World) -> None:
    async with market.browser("firm") as firm:
        once = hidden(await firm.get("/settings"), "/settings/keys")
        page = await firm.post(
            "/settings/keys", data={"label": "website", "scope": "read", "expires": "2027-01-31", **once}
        )
        key = re.search(r"lia_[A-Za-z0-9_-]{43}", page.text)
        assert key is not None
        assert page.headers["cache-control"] == "no-store"
        principal = await market.core.directory.authenticate(key[0])
        assert principal.scopes == {"read"}
        settings = await firm.get("/settings")
        assert key[0] not in settings.text
        assert key[0][:12] in settings.text
        await firm.post(f"/settings/keys/{principal.key}/revoke", data={"x": ""})
        assert "revoked" in visible(await firm.get("/settings"))
        wrong = await firm.post("/settings/keys", data={"label": "", "scope": "all", "expires": "2020-01-01"})
        assert wrong.status_code == 422


async def test_a_key_that_only_reads_is_offered_nothing_to_change(market: World) -> None:
    from schemas.organisation import KeyContent, Scope

    reading = await market.core.directory.keys.issue(
        market.principal("ilo"), KeyContent(label="r", scopes=(Scope.read,))
    )
    async with market.browser() as browser:
        await browser.post("/sign-in", data={"key": reading.secret})
        page = await browser.get("/settings")
        assert [unescape(one) for one in re.findall(r'<form[^>]*action="([^"]*)"', page.text)] == [
            "/search",
            "/sign-out",
        ]
        assert 'href="/announce"' not in page.text
        assert (await browser.post("/settings/endpoints", data={"url": URL})).status_code == 403


@pytest.mark.parametrize(("channel", "ending"), [("feed", "atom"), ("calendar", "ics")])
async def test_an_address_is_shown_once_and_made_anew(market: World, channel: str, ending: str) -> None:
    shape = re.compile(rf"/feeds/liafeed_[A-Za-z0-9_-]{{43}}\.{ending}")
    async with market.browser("firm") as firm:
        asked = {"kind": "country", "country": "DK", "endpoint": channel, "once": "one"}
        page = await firm.post("/settings/subscriptions", data=asked)
        address = shape.search(page.text)
        assert address is not None
        assert page.headers["cache-control"] == "no-store"
        assert "content-encoding" not in page.headers
        assert "Thunderbird" in visible(page)
        again = await firm.post("/settings/subscriptions", data=asked)
        assert address[0] in again.text, (
            "the same request sent again has its effect once, and the same answer"
        )
        settings = await firm.get("/settings")
        assert address[0] not in settings.text
        action = re.search(r"/settings/subscriptions/sub_[0-9A-Z]+/address", settings.text)
        assert action is not None
        anew = await firm.post(action[0], data=dict(hidden(settings, action[0])))
        second = shape.search(anew.text)
        assert second is not None
        assert second[0] != address[0]
        assert "leads nowhere any more" in visible(anew)
    async with market.browser("rival") as rival:
        assert (await rival.post(action[0], data={"x": ""})).status_code == 404
