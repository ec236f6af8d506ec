"""Which texts are encoded next: the request that has been served least goes first. Pure, not thread-safe.

A request of five texts therefore passes a bulk of thousands at the next batch, bulks among themselves share
equally, and a batch in every few goes to whoever waits longest, so that nobody starves.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.kernel.embedding.encoder import Tokens

OLDEST_EVERY = 4
"""One job in so many goes to the oldest request: whatever else comes, a bulk gets a quarter of the speed."""

WINDOW = 256
"""Texts tokenised at once, some 15 ms; among so many, the lengths in a batch are nearly equal."""

LOW_WATER = 64
"""Tokenised texts of one request below which its next window is tokenised, before the lanes run dry."""

SMALL_REQUEST = 16
"""Texts of a request up to which its rest may fill up the batch of another one. A bulk fills up nobody's
batch: it would make a small request wait for its texts."""

LIKE_LENGTH = 2
"""A text shares a batch with texts at most so many times as long: the rest would be padding."""


@dataclass(eq=False, slots=True)
class Wanted:
    """One distinct text, with the requests that wait for it."""

    text: str
    tokens: Tokens | None = None
    taken: bool = False
    requests: list[Request] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.tokens.length if self.tokens else 0


@dataclass(eq=False, slots=True)
class Request:
    """The distinct texts of one caller: first as they came, then tokenised, in ascending order of length."""

    number: int
    texts: tuple[Wanted, ...]
    untokenised: deque[Wanted]
    ready: list[Wanted] = field(default_factory=list)
    served: int = 0
    """Tokens encoded for this request so far."""
    tokenising: bool = False

    def make_ready(self, texts: Iterable[Wanted]) -> None:
        for wanted in texts:
            if not wanted.taken:
                bisect.insort(self.ready, wanted, key=lambda other: other.length)

    def next_ready(self) -> Wanted | None:
        """The longest text that nobody has taken yet, without taking it."""
        while self.ready and self.ready[-1].taken:
            self.ready.pop()  # another request wanted the same text, and was served first
        return self.ready[-1] if self.ready else None

    def may_tokenise(self) -> bool:
        return bool(self.untokenised) and not self.tokenising


@dataclass(frozen=True, slots=True)
class Tokenise:
    """A job: tokenise these texts, then hand the result to `FairQueue.tokenised`."""

    parts: tuple[tuple[Request, tuple[Wanted, ...]], ...]

    @property
    def window(self) -> tuple[Wanted, ...]:
        return tuple(itertools.chain.from_iterable(part for _, part in self.parts))


@dataclass(frozen=True, slots=True)
class Encode:
    """A job: encode this batch, then hand each of its texts to `FairQueue.done`. The longest comes first."""

    batch: tuple[Wanted, ...]


class FairQueue:
    """Requests in, jobs out. A text that several requests want is encoded once."""

    def __init__(self, tokens_per_batch: int) -> None:
        self._budget = tokens_per_batch
        self._wanted: dict[str, Wanted] = {}
        self._requests: dict[int, Request] = {}
        self._numbers = itertools.count()
        self._turns = itertools.count(1)

    def __len__(self) -> int:
        """Texts that are not done."""
        return len(self._wanted)

    def add(self, texts: Sequence[str]) -> Request:
        """A request for `texts`, which must be distinct."""
        wanted = tuple(self._wanted.setdefault(text, Wanted(text)) for text in texts)
        untokenised = deque(each for each in wanted if each.tokens is None)
        request = Request(next(self._numbers), wanted, untokenised)
        request.make_ready(each for each in wanted if each.tokens is not None)
        for each in wanted:
            each.requests.append(request)
        self._requests[request.number] = request
        return request

    def remove(self, request: Request) -> None:
        """Nobody waits for it any more: its texts are encoded only where another request wants them."""
        self._requests.pop(request.number, None)
        for wanted in request.texts:
            if request in wanted.requests:
                wanted.requests.remove(request)
            if not wanted.requests and not wanted.taken:
                self._wanted.pop(wanted.text, None)

    def done(self, wanted: Wanted) -> tuple[Request, ...]:
        """The requests that waited for this text; it is forgotten."""
        self._wanted.pop(wanted.text, None)
        return tuple(wanted.requests)

    def tokenised(self, job: Tokenise, tokens: Sequence[Tokens | None]) -> None:
        """`tokens`: one per text of the window, None for one that could not be tokenised."""
        for wanted, its in zip(job.window, tokens, strict=True):
            wanted.tokens = its
        for request, part in job.parts:
            request.tokenising = False
            request.make_ready(each for each in part if each.tokens)

    def take(self, idle_lanes: int) -> Tokenise | Encode | None:
        """The next job, or None when nothing waits that can be worked on.

        `idle_lanes`: how many are free, the asking one included. They share what waits when it is little.
        """
        waiting = [each for each in self._requests.values() if each.next_ready() or each.may_tokenise()]
        if not waiting:
            return None
        if next(self._turns) % OLDEST_EVERY:
            waiting.sort(key=lambda each: (each.served, each.number))
        first = waiting[0]
        if first.may_tokenise() and len(first.ready) < LOW_WATER:
            return self._window(waiting)
        return Encode(tuple(self._batch(waiting, self._share(waiting, idle_lanes))))

    def _window(self, waiting: Sequence[Request]) -> Tokenise:
        """Texts of the first request, and of small ones, so that these can share batches."""
        parts: list[tuple[Request, tuple[Wanted, ...]]] = []
        room = WINDOW
        for request in waiting:
            if not request.may_tokenise() or (parts and len(request.texts) > min(SMALL_REQUEST, room)):
                continue
            part: list[Wanted] = []
            while request.untokenised and len(part) < room:
                wanted = request.untokenised.popleft()
                if wanted.tokens is None:
                    part.append(wanted)
                else:  # another request had it tokenised meanwhile
                    request.make_ready([wanted])
            room -= len(part)
            request.tokenising = True
            parts.append((request, tuple(part)))
        return Tokenise(tuple(parts))

    def _share(self, waiting: Sequence[Request], idle_lanes: int) -> int:
        """Tokens for this batch: what a batch may have, or less where that would leave idle lanes idle."""
        enough = self._budget * idle_lanes
        if idle_lanes == 1:
            return enough
        total = 0
        for wanted in itertools.chain.from_iterable(request.ready for request in waiting):
            total += 0 if wanted.taken else wanted.length
            if total >= enough:
                return self._budget
        return math.ceil(total / idle_lanes)

    def _batch(self, waiting: Sequence[Request], share: int) -> list[Wanted]:
        """At least one text, of the first request; more while they fit, from it and from small ones."""
        batch: list[Wanted] = []
        tokens = 0
        for request in waiting:
            if batch and len(request.texts) > SMALL_REQUEST:
                continue
            while wanted := request.next_ready():
                longest = batch[0].length if batch else wanted.length
                padded = longest * (len(batch) + 1)
                alike = wanted.length <= longest <= wanted.length * LIKE_LENGTH
                if batch and (not alike or padded > self._budget or tokens + wanted.length > share):
                    break
                wanted.taken = True
                request.ready.pop()
                request.served += wanted.length
                tokens += wanted.length
                batch.append(wanted)
        return batch
