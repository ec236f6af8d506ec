"""The secret address of a subscription: shown once, kept as a digest, made anew, and gone with it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from schemas.subscription import Channel, CreatedSubscription, Subscription, SubscriptionContent
from services.kernel.logs import MASK, masked
from services.kernel.problems import Conflict, NotFound
from services.kernel.security import key_digest
from services.notification.endpoints import router
from services.notification.model import AddressRow, SubscriptionRow
from tests.derivation import PUBLIC_URL, Derivation
from tests.intake.people import anything, principal
from tests.intake.serving import api
from tests.notification.people import subscribe

COUNTRY = {"kind": "country", "country": "FR"}


async def made(derivation: Derivation, channel: str) -> tuple[Subscription, str]:
    """A subscription and the token of its address."""
    one = await subscribe(derivation, derivation.world.firm, COUNTRY, channel=channel)
    assert isinstance(one, CreatedSubscription)
    assert one.address is not None
    ending = {"feed": ".atom", "calendar": ".ics"}[channel]
    assert one.address.startswith(f"{PUBLIC_URL}/feeds/liafeed_")
    return one, one.address.removeprefix(f"{PUBLIC_URL}/feeds/").removesuffix(ending)


async def anew(derivation: Derivation, subscription: str) -> str:
    write = await derivation.subscriptions.addressing(principal(derivation.world.firm), subscription)
    async with derivation.world.database.write() as tx:
        after = await write(tx)
    assert isinstance(after, CreatedSubscription)
    assert after.address is not None
    return after.address.rpartition("/")[2].rpartition(".")[0]


async def test_it_is_kept_as_a_digest_and_stands_nowhere_else(derivation: Derivation) -> None:
    one, token = await made(derivation, "feed")
    async with derivation.world.database.read() as tx:
        kept = (await tx.execute(select(AddressRow.__table__))).one()
        document = (await tx.execute(select(SubscriptionRow.document))).scalar_one()
    assert (kept.subscription, kept.digest) == (one.id, key_digest(token))
    assert "address" not in document
    assert all(token not in str(event.data) for event in await derivation.world.events())
    assert token not in str(
        await derivation.subscriptions.list(principal(derivation.world.firm), after=None, limit=9)
    )
    assert masked(f"GET /feeds/{token}.atom") == f"GET /feeds/{MASK}.atom"


async def test_it_leads_to_its_subscription_until_it_is_made_anew_paused_or_removed(
    derivation: Derivation,
) -> None:
    service, firm = derivation.subscriptions, principal(derivation.world.firm)
    one, token = await made(derivation, "calendar")
    assert (await service.at(token, Channel.calendar)).id == one.id
    for wrong, channel in (
        (token, Channel.feed),
        (token[:-1], Channel.calendar),
        ("", Channel.calendar),
        ("liafeed_ä", Channel.calendar),
        ("liafeed_" + "x" * 5_000, Channel.calendar),
        (one.id, Channel.calendar),
    ):
        with pytest.raises(NotFound):
            await service.at(wrong, channel)

    fresh = await anew(derivation, one.id)
    with pytest.raises(NotFound):
        await service.at(token, Channel.calendar)
    wanted = SubscriptionContent.model_validate({"follow": COUNTRY, "channel": "calendar"})
    await service.change(firm, one.id, wanted.model_copy(update={"paused": True}), anything)
    with pytest.raises(NotFound):
        await service.at(fresh, Channel.calendar)
    await service.change(firm, one.id, wanted, anything)
    assert (await service.at(fresh, Channel.calendar)).id == one.id
    await service.remove(firm, one.id)
    with pytest.raises(NotFound):
        await service.at(fresh, Channel.calendar)


async def test_it_goes_when_the_subscription_goes_to_another_channel(local: Derivation) -> None:
    service, firm = local.subscriptions, principal(local.world.firm)
    one, token = await made(local, "feed")
    stream = SubscriptionContent.model_validate({"follow": COUNTRY, "channel": "sse"})
    await service.change(firm, one.id, stream, anything)
    with pytest.raises(Conflict, match="has no address"):
        await anew(local, one.id)
    await service.change(firm, one.id, stream.model_copy(update={"channel": Channel.feed}), anything)
    with pytest.raises(NotFound):
        await service.at(token, Channel.feed)
    assert (await service.at(await anew(local, one.id), Channel.feed)).id == one.id


async def test_over_http_it_is_in_the_first_answer_alone(local: Derivation) -> None:
    async with api(local.world, [router(local.subscriptions)]) as served:
        firm, stranger = await served.as_(local.world.firm), await served.as_(local.world.ess)
        body = {"follow": COUNTRY, "channel": "feed"}
        once = {"Idempotency-Key": "one"}
        first = await firm("POST", "/v1/subscriptions", json=body, headers=once)
        assert first.status_code == 201, first.text
        assert (await firm("POST", "/v1/subscriptions", json=body, headers=once)).json() == first.json()
        path = first.headers["location"]
        assert "address" not in (await firm("GET", path)).json()
        assert (await stranger("POST", f"{path}/address")).status_code == 404
        second = await firm("POST", f"{path}/address")
        assert second.status_code == 200
        assert second.json()["address"] not in (None, first.json()["address"])
        wrong = await firm("POST", "/v1/subscriptions", json={**body, "endpoint": "end_" + "0" * 26})
        assert [error["pointer"] for error in wrong.json()["errors"]] == ["/endpoint"]
