"""A Kafka message as we see it, and how one that cannot be used is kept."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.stream.progress import InboxProgress

UNREADABLE = "unreadable"
"""Type of a message whose envelope could not be read."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message: where it lay, and its bytes."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    """Seconds since 1970, given by the broker or the sender."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def address(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    def header(self, name: str) -> str | None:
        """A header's text; None when it is missing or no UTF-8."""
        for known, value in self.headers:
            if known == name:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None

    def keep(self) -> bytes:
        """The message as a dead letter keeps it."""
        return orjson.dumps(
            {
                "topic": self.topic,
                "partition": self.partition,
                "offset": self.offset,
                "timestamp": self.timestamp,
                "key": _text(self.key),
                "value": _text(self.value),
                "headers": [(name, _text(value)) for name, value in self.headers],
            }
        )

    @classmethod
    def of_kept(cls, kept: bytes) -> Record:
        fields = orjson.loads(kept)
        headers = tuple((name, _bytes(value) or b"") for name, value in fields.pop("headers"))
        key, value = _bytes(fields.pop("key")), _bytes(fields.pop("value"))
        return cls(**fields, key=key, value=value, headers=headers)

    def unreadable(self) -> Event:
        """What stands for a message of which nothing else is known."""
        return Event(
            id=self.address,
            type=UNREADABLE,
            subject=self.address,
            key=self.address,
            time=datetime.fromtimestamp(self.timestamp, UTC),
            data={},
            audience=frozenset(),
            public=False,
            correlation_id=self.address,
            traceparent=None,
            position=0,
            hash="",
        )


Parse = Callable[[Record], Event]
"""Reads the event out of a message. Raises `Rejected` with the reason when it is none of ours."""


class RecordProgress(InboxProgress):
    """Inbox rows; of what the journal does not have, the message is kept with the dead letter."""

    def __init__(self, database: Database, service: str, clock: Clock) -> None:
        super().__init__(database, service, clock)
        self.records: dict[str, Record] = {}
        """By event id: the messages at hand."""

    def message(self, event: Event) -> bytes | None:
        if event.position:
            return None
        return self.records[event.id].keep()


def _text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
