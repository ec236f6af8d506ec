"""Webhook endpoints and what was delivered to them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import (
    Contract,
    EndpointId,
    EventId,
    MessageId,
    Moment,
    OrganisationId,
    SubscriptionId,
    Version,
)
from schemas.text import Label

URL_MAX = 2_000


class EndpointState(StrEnum):
    active = "active"
    off = "off"


class EndpointContent(Contract):
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=URL_MAX)]
    label: Label | None = None


class Endpoint(EndpointContent):
    """A receiver. `off` with a reason: after HTTP 410, or after days without one success."""

    id: EndpointId
    version: Version
    owner: OrganisationId
    state: EndpointState
    reason: str | None = None
    failing_since: AwareDatetime | None = None
    created_at: AwareDatetime


class CreatedEndpoint(Endpoint):
    """The answer to creating an endpoint or rotating its secret: `secret` is shown this once."""

    secret: Annotated[str, Field(description="`whsec_…`, Standard Webhooks")]


class DeliveryState(StrEnum):
    pending = "pending"
    delivered = "delivered"
    exhausted = "exhausted"
    expired = "expired"
    cancelled = "cancelled"


class Delivery(Contract):
    """One message for one endpoint. `id` is the `webhook-id`: the same over retries, replays, restarts."""

    id: MessageId
    endpoint: EndpointId
    subscription: SubscriptionId | None
    event: EventId
    type: str
    state: DeliveryState
    attempts: int
    created_at: AwareDatetime
    next_attempt_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None


class Attempt(Contract):
    """One POST and what came of it. `response` holds the first bytes of the answer."""

    number: int
    at: AwareDatetime
    outcome: str
    status: int | None = None
    duration_ms: int
    detail: str | None = None
    response: str | None = None


class Window(Contract):
    """Messages of one endpoint, by the time they were made: from `since` up to and without `until`."""

    endpoint: EndpointId
    since: Moment
    until: Moment


class Resent(Contract):
    """How many messages of the window go out again."""

    messages: Annotated[int, Field(ge=0)]
