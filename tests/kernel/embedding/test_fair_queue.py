"""What is encoded next, without threads and without a model."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.embedding.encoder import Tokens
from services.kernel.embedding.fair_queue import LIKE_LENGTH, WINDOW, Encode, FairQueue, Request, Tokenise

BUDGET = 64

words = st.lists(st.sampled_from(["a", "bb", "ccc"]), min_size=1, max_size=40).map(" ".join)
requests = st.lists(st.lists(words, min_size=1, max_size=30, unique=True), min_size=1, max_size=8)


def tokens(texts: Sequence[str]) -> list[Tokens]:
    return [Tokens(text, len(text.split())) for text in texts]


class Lane:
    """Does every job of a queue, one after the other, and writes down what it encoded."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.batches: list[list[str]] = []
        self.served: list[Request] = []

    def step(self, idle_lanes: int = 1) -> bool:
        job = self.queue.take(idle_lanes)
        if isinstance(job, Tokenise):
            self.queue.tokenised(job, tokens([wanted.text for wanted in job.window]))
        elif isinstance(job, Encode):
            self.batches.append([wanted.text for wanted in job.batch])
            for wanted in job.batch:
                self.served.extend(self.queue.done(wanted))
        return job is not None

    def run(self, idle_lanes: int = 1) -> None:
        while self.step(idle_lanes):
            pass


@given(requests, st.integers(1, 4))
def test_every_text_is_encoded_exactly_once_and_told_to_everyone(texts: list[list[str]], idle: int) -> None:
    queue = FairQueue(BUDGET)
    asked = [queue.add(each) for each in texts]
    lane = Lane(queue)
    lane.run(idle)

    encoded = [text for batch in lane.batches for text in batch]
    assert sorted(encoded) == sorted({text for each in texts for text in each})
    assert [lane.served.count(request) for request in asked] == [len(each) for each in texts]
    assert not queue


@given(requests, st.integers(1, 4))
def test_batches_are_bounded_and_of_like_length(texts: list[list[str]], idle: int) -> None:
    queue = FairQueue(BUDGET)
    for each in texts:
        queue.add(each)
    lane = Lane(queue)
    lane.run(idle)

    for batch in lane.batches:
        lengths = [len(text.split()) for text in batch]
        assert len(batch) == 1 or max(lengths) * len(batch) <= BUDGET
        assert lengths[0] == max(lengths) <= min(lengths) * LIKE_LENGTH


@given(requests, st.data())
def test_what_nobody_waits_for_is_not_encoded(texts: list[list[str]], data: st.DataObject) -> None:
    queue = FairQueue(BUDGET)
    asked = [queue.add(each) for each in texts]
    lane = Lane(queue)
    for _ in range(data.draw(st.integers(0, 3))):
        lane.step()
    already = {text for batch in lane.batches for text in batch}
    gone = data.draw(st.sets(st.sampled_from(range(len(asked)))))
    for place in gone:
        queue.remove(asked[place])
    lane.run()

    encoded = {text for batch in lane.batches for text in batch}
    assert encoded - already <= {
        text for place, each in enumerate(texts) if place not in gone for text in each
    }
    assert not queue


def test_a_small_request_passes_a_bulk() -> None:
    queue = FairQueue(BUDGET)
    queue.add([f"bulk {number}" for number in range(1000)])
    lane = Lane(queue)
    for _ in range(6):
        lane.step()
    before = len(lane.batches)
    queue.add(["small one", "small two"])
    lane.run()

    when = next(place for place, batch in enumerate(lane.batches) if "small one" in batch)
    assert when <= before + 1, "the next batch but one, when it is the turn of the oldest"


def test_a_stream_of_small_requests_does_not_starve_a_bulk() -> None:
    queue = FairQueue(BUDGET)
    queue.add([f"bulk {number}" for number in range(1000)])
    lane = Lane(queue)
    for number in range(400):
        queue.add([f"small {number}"])
        lane.step()

    bulk = sum(text.startswith("bulk") for batch in lane.batches for text in batch)
    assert bulk >= 1000


def test_two_bulks_advance_alike() -> None:
    queue = FairQueue(BUDGET)
    lane = Lane(queue)
    queue.add([f"first {number}" for number in range(1000)])
    queue.add([f"second {number}" for number in range(1000)])
    while sum(map(len, lane.batches)) < 1000:
        lane.step()

    second = sum(text.startswith("second") for batch in lane.batches for text in batch)
    assert 300 <= second <= 700


def test_small_requests_share_a_batch() -> None:
    queue = FairQueue(BUDGET)
    for number in range(10):
        queue.add([f"small {number}"])
    lane = Lane(queue)
    lane.run()

    assert len(lane.batches) == 1


def test_little_work_is_shared_among_idle_lanes() -> None:
    queue = FairQueue(BUDGET)
    queue.add([f"three words {number}" for number in range(4)])
    lane = Lane(queue)
    lane.step()
    first, second = queue.take(2), queue.take(1)

    assert isinstance(first, Encode)
    assert isinstance(second, Encode)
    assert len(first.batch) == len(second.batch) == 2


def test_a_bulk_is_tokenised_in_windows_while_others_encode_it() -> None:
    queue = FairQueue(BUDGET)
    queue.add([f"bulk {number}" for number in range(2 * WINDOW)])
    first = queue.take(2)
    assert isinstance(first, Tokenise)
    assert len(first.window) == WINDOW
    assert queue.take(1) is None, "nothing is ready, and the window is being tokenised"
    queue.tokenised(first, tokens([wanted.text for wanted in first.window]))
    assert isinstance(queue.take(2), Encode)
