"""What the wrapper shows of its work: metrics, traces, and who is asked how often."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.kernel import journal
from services.kernel.database import Database
from services.kernel.journal.event import Event
from services.kernel.leases import Leases
from services.kernel.metrics import REGISTRY
from services.kernel.problems import TransientError
from services.kernel.stream import dead_letters, tracing
from services.kernel.stream.backoff import Backoff
from services.kernel.stream.consumers import Halted
from services.kernel.stream.flood import FloodGuard
from services.kernel.stream.processor import Processor, Retries, Stopping
from services.kernel.stream.progress import CursorProgress, InboxProgress
from tests.conftest import MovableClock
from tests.eventually import eventually
from tests.kernel.stream.effects import Recorder, create_effects, effects, happen, poison


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


async def read_all(database: Database) -> list[Event]:
    async with database.read() as tx:
        return await journal.read(tx, after=0, limit=100)


async def inbox_of(database: Database, recorder: Recorder, clock: MovableClock) -> InboxProgress:
    await create_effects(database)
    return InboxProgress(database, recorder.name, clock)


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_metrics_tell_what_became_of_the_events(sqlite: Database, clock: MovableClock) -> None:
    recorder = Recorder("measured", fails=poison(3))
    progress = await inbox_of(sqlite, recorder, clock)
    await happen(sqlite, range(4), now=clock.now())
    clock.advance(2)
    processor = Processor(recorder, sqlite, clock, retries=Retries(2, 1, Backoff(base_s=0)))
    await processor.process(await read_all(sqlite), progress)
    assert metric("liaison_events_handled_total", service="measured") == 3
    assert metric("liaison_events_dead_lettered_total", service="measured") == 1
    assert metric("liaison_events_failed_total", service="measured", kind="error") == 3
    assert metric("liaison_event_handled_seconds_sum", service="measured") == 6
    assert metric("liaison_event_handled_seconds_count", service="measured") == 3


async def test_a_batch_goes_on_with_the_trace_of_its_first_event_and_links_the_others(
    sqlite: Database, clock: MovableClock, spans: InMemorySpanExporter
) -> None:
    recorder = Recorder(emits="liaison.test.followed.v1")
    progress = await inbox_of(sqlite, recorder, clock)
    roots = []
    outside = TracerProvider().get_tracer("test")
    for value in range(3):
        with outside.start_as_current_span("POST") as root:
            await happen(sqlite, [value], now=clock.now())
            roots.append(root.get_span_context())
    await Processor(recorder, sqlite, clock).process(await read_all(sqlite), progress)
    span = next(span for span in spans.get_finished_spans() if span.name == "recorder handle")
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (roots[0].trace_id, roots[0].span_id)
    assert [link.context.trace_id for link in span.links] == [root.trace_id for root in roots[1:]]
    follow_ups = (await read_all(sqlite))[3:]
    ours = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-"
    assert {(event.traceparent or "")[: len(ours)] for event in follow_ups} == {ours}


async def test_a_failed_span_says_what_kind_and_nothing_of_the_event(
    sqlite: Database, clock: MovableClock, spans: InMemorySpanExporter
) -> None:
    recorder = Recorder(fails=poison(1))
    progress = await inbox_of(sqlite, recorder, clock)
    await happen(sqlite, [1], now=clock.now())
    processor = Processor(recorder, sqlite, clock, retries=Retries(1, 1))
    await processor.process(await read_all(sqlite), progress)
    (span,) = spans.get_finished_spans()
    assert span.status.description == "ValueError"
    assert span.events == ()


async def test_an_event_delivered_again_is_done_already(sqlite: Database, clock: MovableClock) -> None:
    recorder = Recorder()
    progress = await inbox_of(sqlite, recorder, clock)
    await happen(sqlite, range(5), now=clock.now())
    events = await read_all(sqlite)
    processor = Processor(recorder, sqlite, clock)
    await processor.process([events[0], events[1], events[0]], progress)
    await processor.process(events, progress)
    assert await effects(sqlite) == [0, 1, 2, 3, 4]


async def test_two_workers_with_the_same_events_do_each_once(database: Database, clock: MovableClock) -> None:
    await create_effects(database)
    await happen(database, range(12), now=clock.now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)
    events = await read_all(database)
    workers = [Processor(Recorder(), database, clock) for _ in range(4)]
    await asyncio.gather(
        *(worker.process(events, InboxProgress(database, "recorder", clock)) for worker in workers)
    )
    assert sorted(await effects(database)) == list(range(12))


async def test_the_waits_between_tries_pass_on_the_injected_clock(
    sqlite: Database, clock: MovableClock
) -> None:
    downs = 3

    def down(events: Sequence[Event]) -> None:
        nonlocal downs
        if downs:
            downs -= 1
            raise TransientError("down")

    recorder = Recorder(fails=down)
    progress = await inbox_of(sqlite, recorder, clock)
    await happen(sqlite, [1], now=clock.now())
    processor = Processor(
        recorder, sqlite, clock, random=Random(1), retries=Retries(backoff=Backoff(base_s=100, cap_s=250))
    )
    handling = asyncio.create_task(processor.process(await read_all(sqlite), progress))

    def is_waiting(tries: int) -> bool:
        return recorder.tries[1] == tries and bool(clock.sleepers)

    for tries, step_s in ((1, 100), (2, 200), (3, 250)):
        await eventually(partial(is_waiting, tries))
        clock.advance(step_s / 2 - 1)
        await asyncio.sleep(0)
        assert recorder.tries[1] == tries
        clock.advance(step_s / 2 + 1)
    await handling
    assert await effects(sqlite) == [1]


async def test_a_restart_in_the_midst_of_a_flood_is_no_fresh_budget(
    sqlite: Database, clock: MovableClock
) -> None:
    progress = await inbox_of(sqlite, Recorder(), clock)
    await happen(sqlite, range(12), now=clock.now())
    events = await read_all(sqlite)

    async def handle_after_a_restart(batch: Sequence[Event]) -> None:
        processor = Processor(
            Recorder(fails=poison(*range(12))),
            sqlite,
            clock,
            retries=Retries(1, 1),
            flood=FloodGuard(limit=3),
        )
        await processor.open()
        await processor.process(batch, progress)

    for event in events[:3]:
        clock.advance(1)
        await handle_after_a_restart([event])
    with pytest.raises(Halted, match="more than 3 of the last 100 events failed"):
        await handle_after_a_restart(events[3:])
    clock.advance(3600)  # what was long ago is no flood
    await handle_after_a_restart(events[3:4])
    async with sqlite.read() as tx:
        assert await dead_letters.count(tx) == {"recorder": 4}


async def test_a_stop_breaks_off_the_wait_for_an_outage(sqlite: Database, clock: MovableClock) -> None:
    def down(events: Sequence[Event]) -> None:
        raise TransientError("down")

    recorder = Recorder(fails=down)
    progress = await inbox_of(sqlite, recorder, clock)
    await happen(sqlite, [1], now=clock.now())
    processor = Processor(recorder, sqlite, clock)
    handling = asyncio.create_task(processor.process(await read_all(sqlite), progress))
    await eventually(lambda: recorder.tries[1])
    processor.stop()
    with pytest.raises(Stopping):
        await handling
    async with sqlite.read() as tx:
        assert await dead_letters.count(tx) == {}


async def test_a_paused_reader_that_wakes_up_has_no_effect(database: Database, clock: MovableClock) -> None:
    await create_effects(database)
    await happen(database, range(2), now=clock.now())
    if not database.is_serial:
        async with database.write() as tx:
            await journal.sequence(tx)
    events = await read_all(database)
    paused = await Leases(database, clock, holder="a").acquire("stream.recorder")
    assert paused
    old = await CursorProgress.open(database, "recorder", paused)
    clock.advance(60)
    successor = await Leases(database, clock, holder="b").acquire("stream.recorder")
    assert successor
    new = await CursorProgress.open(database, "recorder", successor)
    processor = Processor(Recorder(), database, clock)
    with pytest.raises(Exception, match="held by another process"):
        await processor.process(events, old)
    assert await effects(database) == []
    await processor.process(events, new)
    with pytest.raises(Exception, match="held by another process"):
        await processor.process(events, old)
    assert await effects(database) == [0, 1]
