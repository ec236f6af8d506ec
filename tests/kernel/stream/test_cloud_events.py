"""CloudEvents in Kafka's binary mode: what the relay writes is what a handler reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.journal.event import Event
from services.kernel.stream.cloud_events import event_of, headers_of, value_of
from services.kernel.stream.kafka_records import Record
from services.kernel.stream.port import Rejected

IDS = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
EVENTS = st.builds(
    Event,
    id=IDS,
    type=st.just("liaison.test.happened.v1"),
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    time=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    data=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), SCALARS | st.lists(SCALARS), max_size=5
    ),
    audience=st.frozensets(IDS, max_size=3),
    public=st.booleans(),
    correlation_id=IDS,
    traceparent=st.none() | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    position=st.integers(1, 2**60),
    hash=st.text("0123456789abcdef", min_size=64, max_size=64),
)


def record_of(event: Event) -> Record:
    return Record("t", 0, 7, 0.0, event.key.encode(), value_of(event), tuple(headers_of(event)))


@given(EVENTS)
def test_there_and_back(event: Event) -> None:
    assert event_of(record_of(event)) == event


@given(EVENTS)
def test_a_kept_message_is_the_same_message(event: Event) -> None:
    record = record_of(event)
    assert Record.of_kept(record.keep()) == record


@given(
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(
        st.tuples(st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_sequence", "x"]), st.binary())
    ),
)
def test_whatever_is_no_event_is_rejected_with_a_reason(
    value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    record = Record("t", 0, 7, 0.0, None, value, tuple(headers))
    with pytest.raises(Rejected, match="message"):
        event_of(record)
    assert Record.of_kept(record.keep()) == record


@given(EVENTS)
def test_a_consumer_can_choose_by_the_headers(event: Event) -> None:
    headers = dict(headers_of(event))
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_source"] == b"/liaison"
    assert headers["ce_sequence"] == str(event.position).encode()
    names = [name.removeprefix("ce_") for name in headers if name.startswith("ce_")]
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in names)


def test_a_broken_value_is_rejected() -> None:
    event = Event(
        "evt_1",
        "liaison.test.happened.v1",
        "test/1",
        "tst",
        datetime(2026, 1, 1, tzinfo=UTC),
        {},
        frozenset(),
        False,
        "evt_1",
        None,
        1,
        "0" * 64,
    )
    for value in (b"\xff\xfe", b"{", b""):
        with pytest.raises(Rejected, match="not JSON"):
            event_of(replace(record_of(event), value=value))
