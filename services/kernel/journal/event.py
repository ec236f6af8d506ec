"""An event as the kernel knows it: a CloudEvent whose data it does not interpret."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kernel.identifiers import new_id

SOURCE = "/liaison"
"""CloudEvents `source`: this service. With `id` it identifies an event."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be appended.

    `subject` is a path of entities (`challenge/chl_…`); `key` is the entity whose events stay in order;
    `audience` are the organisations that may read it, `public` opens it to everybody.
    """

    type: str
    subject: str
    key: str
    data: dict[str, Any]
    audience: frozenset[str] = frozenset()
    public: bool = False
    correlation_id: str | None = None
    """The event id that started the chain; None: this event starts one."""
    id: str = field(default_factory=lambda: new_id("evt"))


@dataclass(frozen=True, slots=True)
class Event:
    """An event read from the journal. `position` is gapless from 1; `hash` chains it to its forerunner."""

    id: str
    type: str
    subject: str
    key: str
    time: datetime
    data: dict[str, Any]
    audience: frozenset[str]
    public: bool
    correlation_id: str
    traceparent: str | None
    position: int
    hash: str

    def cloud_event(self) -> dict[str, Any]:
        """The CloudEvents 1.0.2 structured-mode JSON object, `sequence` and `correlationid` as extensions."""
        body: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "dataschema": f"/schemas/{self.type}.json",
            "sequence": str(self.position),
            "correlationid": self.correlation_id,
            "data": self.data,
        }
        if self.traceparent:
            body["traceparent"] = self.traceparent
        return body
