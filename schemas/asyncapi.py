"""The AsyncAPI 3.0 document: which events travel where, in which form. Generated from the contracts.

Webhooks carry a CloudEvent as it is (structured mode), the live stream carries it in `data`, Kafka's topics
carry its data with the attributes in headers (binary mode), and the inbox takes either mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.events import EVENTS, INBOX, CloudEvent, EventData
from schemas.json_schema import schema_path
from schemas.stream import StreamGap, StreamOpened

VERSION = "3.0.0"
CLOUD_EVENT_JSON = "application/cloudevents+json"
JSON = "application/json"
SCHEMAS = "#/components/schemas/"

Document = dict[str, Any]
Mode = Literal["validation", "serialization"]


class TopicShape(Protocol):
    """How a Kafka topic is created."""

    @property
    def key(self) -> str:
        """The entity whose id is the message key."""

    @property
    def partitions(self) -> int: ...

    @property
    def configuration(self) -> Mapping[str, str]:
        """As Kafka names it; values are texts."""


def asyncapi(
    *, version: str, topics: Mapping[str, str], inbox: str, shapes: Mapping[str, TopicShape]
) -> Document:
    """The document. `topics` names the Kafka topic of each event type; `inbox` the topic that is read;
    `shapes`: of all these topics."""
    by_topic: dict[str, list[str]] = {}
    for kind in EVENTS:
        by_topic.setdefault(topics[kind], []).append(kind)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Liaison events",
            "version": version,
            "description": "Events of Liaison: by webhook, by Server-Sent Events, and by Kafka.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": JSON,
        "servers": _servers(),
        "channels": {
            "webhooks": _webhooks(),
            "stream": _stream(),
            **{name: _topic(name, kinds, shapes[name]) for name, kinds in sorted(by_topic.items())},
            inbox: _inbox(inbox, shapes[inbox]),
        },
        "operations": {
            "deliverWebhook": _operation("send", "webhooks", "Post an event to a subscriber's endpoint"),
            "streamEvents": _operation("send", "stream", "Stream events to a reader"),
            **{
                f"publish.{name}": _operation("send", name, f"Publish events to {name}")
                for name in sorted(by_topic)
            },
            "takeSubmissions": _operation("receive", inbox, "Take challenges and profiles in"),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _servers() -> Document:
    return {
        "api": {
            "host": "{host}",
            "protocol": "https",
            "description": "The installation's public address (LIAISON_PUBLIC_URL).",
            "variables": {"host": {"default": "localhost:8000"}},
        },
        "kafka": {
            "host": "{bootstrap}",
            "protocol": "kafka",
            "description": "The brokers (LIAISON_KAFKA_BOOTSTRAP_SERVERS), where the stream is `kafka`.",
            "variables": {"bootstrap": {"default": "localhost:9092"}},
        },
    }


def _references(names: Iterable[str]) -> Document:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _webhooks() -> Document:
    return {
        "address": None,
        "title": "Webhooks",
        "description": "POSTed to the address of the subscriber's endpoint, signed after Standard Webhooks: "
        "verify `webhook-id`, `webhook-timestamp` and `webhook-signature` with any of its libraries.",
        "servers": [{"$ref": "#/servers/api"}],
        "messages": _references(EVENTS),
    }


def _stream() -> Document:
    return {
        "address": "/v1/stream",
        "title": "Live stream",
        "description": "Server-Sent Events: `id` is the journal's position, `event` the type, `data` the "
        "message. Come back with `Last-Event-ID` to go on where a connection ended.",
        "servers": [{"$ref": "#/servers/api"}],
        "messages": _references([*EVENTS, StreamOpened.TYPE, StreamGap.TYPE]),
        "bindings": {"ws": {"bindingVersion": "0.1.0", "method": "GET"}},
    }


def _topic(name: str, kinds: list[str], shape: TopicShape) -> Document:
    return {
        "address": name,
        "title": f"Kafka topic {name}",
        "description": f"CloudEvents in binary mode, keyed by the id of the {shape.key}: what happens to one "
        "stays in order.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": _references(f"{kind}.kafka" for kind in kinds),
        "bindings": {"kafka": _kafka(name, shape)},
    }


def _inbox(name: str, shape: TopicShape) -> Document:
    return {
        "address": name,
        "title": "Inbox",
        "description": "CloudEvents, structured or binary. What cannot be taken goes to the dead letters, "
        "with its reason.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": _references(INBOX),
        "bindings": {"kafka": _kafka(name, shape)},
    }


def _kafka(name: str, shape: TopicShape) -> Document:
    """The channel binding 0.5.0: the topic as an installation creates it."""
    configuration = shape.configuration
    return {
        "topic": name,
        "partitions": shape.partitions,
        "topicConfiguration": {
            "cleanup.policy": configuration["cleanup.policy"].split(","),
            "retention.ms": int(configuration["retention.ms"]),
            "max.message.bytes": int(configuration["max.message.bytes"]),
        },
        "bindingVersion": "0.5.0",
    }


def _operation(action: str, channel: str, summary: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{_pointer(channel)}"}, "summary": summary}


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _messages() -> Document:
    messages: Document = {}
    for kind, data in {**EVENTS, **INBOX}.items():
        messages[kind] = _described(kind, data) | {
            "contentType": CLOUD_EVENT_JSON,
            "payload": {"$ref": f"{SCHEMAS}{_envelope_name(data)}"},
        }
    for kind, data in EVENTS.items():
        messages[f"{kind}.kafka"] = _described(kind, data) | {
            "contentType": JSON,
            "headers": {"$ref": f"{SCHEMAS}CloudEventHeaders"},
            "payload": {"$ref": f"{SCHEMAS}{data.__name__}"},
        }
    for control in (StreamOpened, StreamGap):
        messages[control.TYPE] = _described(control.TYPE, control) | {
            "contentType": JSON,
            "payload": {"$ref": f"{SCHEMAS}{control.__name__}"},
        }
    return messages


def _described(kind: str, model: type[BaseModel]) -> Document:
    described: Document = {"name": kind, "title": model.__name__}
    if model.__doc__ and model.__doc__ != EventData.__doc__:
        described["summary"] = " ".join(model.__doc__.split())
    return described


def _envelope_name(data: type[EventData]) -> str:
    return f"{data.__name__}Event"


def _schemas() -> Document:
    """Every payload, and what it refers to. The two directions never share a model's name."""
    wanted: list[tuple[type[BaseModel], Mode]] = [
        *((data, "serialization") for data in EVENTS.values()),
        *((data, "validation") for data in INBOX.values()),
        (CloudEvent, "serialization"),
        (StreamOpened, "serialization"),
        (StreamGap, "serialization"),
    ]
    names, definitions = models_json_schema(wanted, ref_template=SCHEMAS + "{model}")
    schemas: Document = dict(definitions["$defs"])
    for model, mode in wanted:
        given = names[model, mode]["$ref"].removeprefix(SCHEMAS)
        if given != model.__name__:
            schemas[model.__name__] = {"$ref": f"{SCHEMAS}{given}"}
    for kind, data in {**EVENTS, **INBOX}.items():
        narrowed = {
            "type": {"const": kind},
            "dataschema": {"const": schema_path(kind)},
            "data": {"$ref": f"{SCHEMAS}{data.__name__}"},
        }
        schemas[_envelope_name(data)] = {
            "allOf": [
                {"$ref": f"{SCHEMAS}{'Submission' if kind in INBOX else 'CloudEvent'}"},
                {"type": "object", "properties": narrowed},
            ]
        }
    schemas["Submission"] = _submission()
    schemas["CloudEventHeaders"] = _headers()
    return {name: draft_07(schema) for name, schema in sorted(schemas.items())}


def _submission() -> Document:
    """The envelope as others write it: less is required of them than we give."""
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "A CloudEvent 1.0 handed in; `source` and `id` together make it the same event.",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": text,
            "subject": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": JSON},
            "data": {"type": "object"},
        },
    }


def _headers() -> Document:
    attributes = [name for name in CloudEvent.model_fields if name not in ("data", "datacontenttype")]
    return {
        "type": "object",
        "description": "The attributes of the CloudEvent, in UTF-8; `content-type` is that of the data.",
        "required": ["content-type", *(f"ce_{name}" for name in attributes if name != "traceparent")],
        "properties": {
            "content-type": {"const": JSON},
            **{f"ce_{name}": {"type": "string"} for name in attributes},
        },
    }


def draft_07(schema: Any) -> Any:
    """A schema of the 2020-12 dialect as AsyncAPI's own dialect has it, which stands on draft 07: tuples are
    `items`, and a discriminator is left to `oneOf`."""
    if isinstance(schema, list):
        return [draft_07(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {
        name: draft_07(value)
        for name, value in schema.items()
        if not (name == "discriminator" and isinstance(value, dict) and "propertyName" in value)
    }
    if "prefixItems" in changed:
        changed["items"] = changed.pop("prefixItems")
    return changed
