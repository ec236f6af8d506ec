"""Events of the journal as CloudEvents 1.0.2 in Kafka's binary content mode, and back.

Attributes are headers `ce_…` in UTF-8, the value is the data as JSON: another consumer can choose by the
headers without parsing. The journal's own attributes go as extensions, so that a handler gets the same
event whatever carried it: `sequence`, `correlationid`, `traceparent`, `partitionkey` (CloudEvents'
registered extensions), `audience` (organisations, separated by blanks), `public`, `journalhash`.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from services.kernel.journal.event import SOURCE, Event
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.port import Rejected

JSON_TYPE = b"application/json"


def headers_of(event: Event) -> list[tuple[str, bytes]]:
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "dataschema": f"/schemas/{event.type}.json",
        "sequence": str(event.position),
        "correlationid": event.correlation_id,
        "partitionkey": event.key,
        "audience": " ".join(sorted(event.audience)),
        "public": "true" if event.public else "false",
        "journalhash": event.hash,
    }
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    headers = [("content-type", JSON_TYPE)]
    return headers + [(f"ce_{name}", value.encode()) for name, value in attributes.items()]


def value_of(event: Event) -> bytes:
    return orjson.dumps(event.data)


def event_of(record: Record) -> Event:
    """The journal's event. Raises `Rejected` for a message that the relay did not write."""

    def attribute(name: str) -> str:
        value = record.header(f"ce_{name}")
        if value is None:
            raise Rejected(f"the message has no header ce_{name}: it is no event of the journal")
        return value

    try:
        return Event(
            id=attribute("id"),
            type=attribute("type"),
            subject=attribute("subject"),
            key=attribute("partitionkey"),
            time=datetime.fromisoformat(attribute("time")),
            data=orjson.loads(record.value or b""),
            audience=frozenset(attribute("audience").split()),
            public=attribute("public") == "true",
            correlation_id=attribute("correlationid"),
            traceparent=record.header("ce_traceparent"),
            position=int(attribute("sequence")),
            hash=attribute("journalhash"),
        )
    except orjson.JSONDecodeError:
        raise Rejected("the message's value is not JSON") from None
    except ValueError:
        raise Rejected("the message's headers ce_time or ce_sequence cannot be read") from None
