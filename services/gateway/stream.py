"""GET /v1/stream: the journal, live, as Server-Sent Events."""

import difflib
import random
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Any

import orjson
import structlog
from fastapi import APIRouter, Header, Query
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from schemas.base import ChallengeId, CompanyId, SubscriptionId
from schemas.codes import quoted
from schemas.events import EVENTS
from schemas.stream import StreamGap, StreamOpened
from services.gateway.feed import Feed, Select, Slice, Start
from services.gateway.metrics import STREAM_EVENTS, STREAMS, STREAMS_CUT
from services.kernel.journal.event import Event
from services.kernel.problems import Forbidden, InvalidInput, NotFound, TooManyRequests, Unauthenticated
from services.kernel.security import Principal
from services.kernel.web.authentication import Reader
from services.kernel.web.problems import ConnectionCut, responses_for

HEARTBEAT_S = 15
"""Shorter than the idle timeouts of common proxies (30-60 s)."""

SEND_TIMEOUT_S = 5.0
"""A reader that takes nothing for so long, with its buffers full, is cut; it resumes with Last-Event-ID."""

LIFETIME_S = 600.0
"""A stream ends by itself after ten minutes, as Mercure's do, and its reader resumes: so that revoked keys,
deployments and load balancing take effect."""

LIFETIME_SPREAD = 0.1
"""Streams opened at the same moment (after a restart) end spread over a minute, not all at once."""

RETRY_MS = 1_000
"""How soon readers come back after an end."""

FRAMES_KEPT = 512
"""Encoded events kept, so that one that goes to many readers is encoded once. As many as the tail keeps."""

NAME_COMPARED = 100
"""Characters of a wrong name that are compared with the right ones: comparing is quadratic."""

POSITION = r"^(0|[1-9][0-9]{0,17})$"

log = structlog.get_logger("liaison.stream")


class EventStream(EventSourceResponse):
    """An SSE answer that is counted while it is open, and whose stalled reader is cut without a traceback
    in the log."""

    def __init__(self, frames: AsyncIterator[bytes], open_streams: Counter[str], who: str) -> None:
        super().__init__(
            frames,
            ping=HEARTBEAT_S,
            ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
            send_timeout=SEND_TIMEOUT_S,
            sep="\n",
        )
        self._open_streams = open_streams
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._open_streams[self._who] += 1
        STREAMS.inc()
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            STREAMS_CUT.inc()
            log.info("stream_cut", stalled_s=SEND_TIMEOUT_S)
            raise ConnectionCut from None
        finally:
            STREAMS.dec()
            self._open_streams[self._who] -= 1
            if not self._open_streams[self._who]:
                del self._open_streams[self._who]


class Streams:
    """The live streams of one process."""

    def __init__(
        self,
        feed: Feed,
        *,
        per_key: int,
        lifetime_s: float = LIFETIME_S,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._feed = feed
        self._per_key = per_key
        self._lifetime_s = lifetime_s
        self._monotonic = monotonic
        self._chance = chance
        self._open: Counter[str] = Counter()
        self._frames: OrderedDict[int, bytes] = OrderedDict()

    async def open(
        self, who: str, wanted: Slice, after: int | None, select: Select | None = None
    ) -> EventSourceResponse:
        """A stream for the key `who`. Raises `TooManyRequests` when it holds its share open already."""
        start = await self._feed.start(after)
        if self._open[who] >= self._per_key:
            raise TooManyRequests(
                f"This key holds {self._per_key} streams open already. Close one, or use one stream with "
                "several types.",
                headers={"Retry-After": "5"},
            )
        return EventStream(self._frames_of(wanted, start, after, select), self._open, who)

    async def _frames_of(
        self, wanted: Slice, start: Start, asked: int | None, select: Select | None
    ) -> AsyncIterator[bytes]:
        until = self._monotonic() + self._lifetime_s * (1 - LIFETIME_SPREAD * self._chance())
        # With an id from the first moment on, a reader can resume before it has seen any event.
        opened = StreamOpened(position=start.position)
        yield _frame(start.position, opened.TYPE, opened.model_dump(), retry=RETRY_MS)
        if start.gap and asked is not None:
            gap = StreamGap(asked=asked, position=start.position, reason=start.gap)
            yield _frame(start.position, gap.TYPE, gap.model_dump())
        events = self._feed.follow(
            start.position, wanted, select=select, until=until, monotonic=self._monotonic
        )
        async with aclosing(events):
            async for event in events:
                yield self._frame(event)
                STREAM_EVENTS.inc()

    def _frame(self, event: Event) -> bytes:
        frame = self._frames.get(event.position)
        if frame is None:
            frame = self._frames[event.position] = _frame(event.position, event.type, event.cloud_event())
            if len(self._frames) > FRAMES_KEPT:
                self._frames.popitem(last=False)
        return frame


def _frame(position: int, kind: str, data: dict[str, Any], *, retry: int | None = None) -> bytes:
    begin = f"retry: {retry}\n" if retry is not None else ""
    return f"{begin}id: {position}\nevent: {kind}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def reader_of(principal: Principal) -> str | None:
    """Whose slice a principal reads: its organisation's; everything for whoever runs the service."""
    return None if principal.is_admin else principal.organisation


def _known(name: str) -> str:
    if name in EVENTS:
        return name
    near = difflib.get_close_matches(name[:NAME_COMPARED], EVENTS, n=1)
    advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(EVENTS)}."
    raise PydanticCustomError(
        "unknown_event_type",
        "{name} is not an event type. {advice}",
        {"name": quoted(name), "advice": advice},
    )


def _split(names: Any) -> Any:
    """Lists in an address are repeated or separated by commas; both are understood."""
    if not isinstance(names, list):
        return names
    return [name for each in names for name in str(each).split(",")]


EventType = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": [*EVENTS]})]
Types = Annotated[
    list[EventType],
    BeforeValidator(_split),
    Query(description="Only events of these types; repeat it or separate them by commas"),
]
After = Annotated[
    str | None,
    Query(
        pattern=POSITION,
        description="Go on after this position of the journal: 0 from its beginning; none: from now",
    ),
]


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


Selecting = Callable[[Principal, str], Awaitable[Select]]
"""What picks the events that one of a principal's subscriptions (by id) asks for; raises `NotFound`."""


async def no_subscriptions(_: Principal, subscription: str) -> Select:
    """Where there are none."""
    raise NotFound(f"You have no subscription {quoted(subscription)}.")


def router(streams: Streams, selecting: Selecting = no_subscriptions) -> APIRouter:
    """The route of the live stream."""
    routes = APIRouter(tags=["stream"])

    @routes.get(
        "/v1/stream",
        response_class=EventSourceResponse,
        summary="Follow events as they happen",
        description=(
            "Server-Sent Events: `id` is the journal's position, `event` the type, `data` the CloudEvent. "
            "You see your own organisation's events and what is public; with `subscription`, of these what "
            "that subscription asks for. First comes `liaison.stream.opened` "
            "with the position you are at. When the connection ends, come back with `Last-Event-ID`: "
            "nothing is missed and nothing comes twice. If that position cannot be resumed, "
            "`liaison.stream.gap` says so. A comment comes every 15 s; a stream ends by itself after "
            "ten minutes; a reader that takes nothing for 5 s is cut."
        ),
        responses=_STREAM
        | responses_for(Unauthenticated, Forbidden, NotFound, InvalidInput, TooManyRequests),
    )
    async def stream(
        principal: Reader,
        types: Types = [],  # noqa: B006 - FastAPI copies it
        challenge: Annotated[
            ChallengeId | None, Query(description="Only events about this challenge")
        ] = None,
        company: Annotated[CompanyId | None, Query(description="Only events about this company")] = None,
        subscription: Annotated[
            SubscriptionId | None, Query(description="Only what this subscription of yours asks for")
        ] = None,
        after: After = None,
        last_event_id: Annotated[
            str | None, Header(pattern=POSITION, description="Sent by readers that resume; wins over `after`")
        ] = None,
    ) -> EventSourceResponse:
        resume = last_event_id if last_event_id is not None else after
        wanted = Slice(
            reader=reader_of(principal),
            types=frozenset(types) or None,
            concerning=frozenset(name for name in (challenge, company) if name),
        )
        select = None if subscription is None else await selecting(principal, subscription)
        return await streams.open(principal.key, wanted, None if resume is None else int(resume), select)

    return routes
