"""What others hand in by Kafka: CloudEvents, structured or binary, judged before anybody acts on them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from schemas.events import INBOX
from schemas.text import Opaque
from services.kernel.journal.event import Event
from services.kernel.stream.failure import reason_of
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.port import Rejected

STRUCTURED = "application/cloudevents"
"""Content type of structured mode begins so; otherwise headers `ce_…` tell of binary mode."""

ID_LENGTH = 300
"""Longest source and id together that are kept as they are; longer ones by their digest."""


class Envelope(BaseModel):
    """The CloudEvents attributes that matter here; others are allowed and ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: Opaque = Field(min_length=1, max_length=1_000)
    source: Opaque = Field(min_length=1, max_length=1_000)
    type: Opaque = Field(min_length=1, max_length=200)
    subject: Opaque | None = Field(None, max_length=200)
    time: AwareDatetime | None = None
    datacontenttype: str = "application/json"
    traceparent: str | None = Field(None, pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
    data: dict[str, Any]

    @property
    def identity(self) -> str:
        """What makes it the same event: source and id (CloudEvents 1.0.2, section 3.1.1)."""
        name = f"{self.source}#{self.id}"
        return name if len(name) <= ID_LENGTH else hashlib.sha256(name.encode()).hexdigest()


def submission_of(record: Record) -> Event:
    """The event in a message of the inbox, its data validated. Raises `Rejected` with a reason."""
    try:
        envelope = Envelope.model_validate(_attributes(record))
    except ValidationError as error:
        raise Rejected(f"not a CloudEvent 1.0: {reason_of(error)}") from None
    contract = INBOX.get(envelope.type)
    if contract is None:
        known = ", ".join(sorted(INBOX))
        raise Rejected(f"the type {envelope.type!r} is not taken in here; taken are {known}")
    try:
        contract.model_validate_json(orjson.dumps(envelope.data))
    except ValidationError as error:
        raise Rejected(f"the data is not valid: {reason_of(error)}") from None
    return Event(
        id=envelope.identity,
        type=envelope.type,
        subject=envelope.subject or record.address,
        key=_text(record.key) or envelope.identity,
        time=envelope.time or datetime.fromtimestamp(record.timestamp, UTC),
        data=envelope.data,
        audience=frozenset(),
        public=False,
        correlation_id=envelope.identity,
        traceparent=envelope.traceparent,
        position=0,
        hash="",
    )


def _attributes(record: Record) -> dict[str, Any]:
    if not record.value:
        raise Rejected("the message is empty")
    try:
        body = orjson.loads(record.value)
    except orjson.JSONDecodeError:
        raise Rejected("the message is not JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise Rejected("the message is no JSON object")
    is_binary = record.header("ce_specversion") is not None
    if not is_binary or (record.header("content-type") or "").startswith(STRUCTURED):
        return body
    named = (name for name, _ in record.headers if name.startswith("ce_"))
    return {name.removeprefix("ce_"): record.header(name) for name in named} | {"data": body}


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
