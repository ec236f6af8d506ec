"""Subscribing as somebody, and what lies ready for an endpoint."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import select

from schemas.delivery import EndpointContent
from schemas.organisation import Organisation
from schemas.subscription import Subscription, SubscriptionContent
from services.courier.model import BodyRow, DeliveryRow
from tests.derivation import Derivation
from tests.intake.people import principal


async def endpoint(derivation: Derivation, owner: Organisation) -> str:
    content = EndpointContent(url="https://example.org/hook")
    return (await derivation.endpoints.create(principal(owner), content)).id


async def subscribe(
    derivation: Derivation, owner: Organisation, follow: dict[str, Any], **fields: Any
) -> Subscription:
    """By webhook, to a fresh endpoint unless one is named."""
    if "endpoint" not in fields and fields.get("channel", "webhook") == "webhook":
        fields["endpoint"] = await endpoint(derivation, owner)
    content = SubscriptionContent.model_validate({"follow": follow, **fields})
    return await derivation.subscriptions.create(principal(owner), content)


async def messages(derivation: Derivation, endpoint: str | None) -> list[dict[str, Any]]:
    """CloudEvents that wait for the endpoint, in the order of the journal; their state and webhook-id too."""
    query = select(DeliveryRow.__table__, BodyRow.body).join(BodyRow, BodyRow.delivery_id == DeliveryRow.id)
    async with derivation.world.database.read() as tx:
        rows = (await tx.execute(query.where(DeliveryRow.endpoint_id == endpoint))).all()
    found = [
        {**orjson.loads(row.body), "state": row.state, "subscription": row.subscription_id} for row in rows
    ]
    return sorted(found, key=lambda one: int(one["sequence"]))


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("liaison.").removesuffix(".v1") for one in found]
