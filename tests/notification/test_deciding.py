"""What goes out at once and what waits: every event is told exactly once, and no budget is ever exceeded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.subscription import Subscription
from services.kernel.identifiers import new_id
from services.notification.deciding import Asked, Books, decide
from services.notification.digest import Entry, fold
from services.notification.threads import Stance
from services.notification.timing import BUDGET_WINDOW, is_held, next_digest
from tests.notification.routes import subscription

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENDPOINT = new_id("end")
FOLLOW = {"kind": "members"}
HOUR = timedelta(hours=1)


@dataclass
class Told:
    """An endpoint over time: what its subscriptions have heard, and how. `alerts`: by subscription, when."""

    subscriptions: tuple[Subscription, ...]
    now: datetime = NOW
    waiting: dict[str, list[Asked]] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    alerts: list[tuple[str, str, datetime]] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    in_digests: Counter[str] = field(default_factory=Counter)
    overtaken: Counter[str] = field(default_factory=Counter)

    def books(self) -> Books:
        """As the database has them."""
        spent = Counter(name for name, _, at in self.alerts if at > self.now - BUDGET_WINDOW)
        kept = [(name, one) for name, found in self.waiting.items() for one in found]
        waiting: dict[tuple[str, str], Stance] = {}
        for name, one in kept:
            waiting.setdefault((name, one.thread), one.stance)
        return Books(
            left={
                one.id: one.weekly_budget - spent[one.id] for one in self.subscriptions if one.weekly_budget
            },
            waiting=waiting,
            known={(name, one.event) for name, one in kept}
            | {(name, event) for name, event, _ in self.alerts},
        )

    def hear(self, asked: list[Asked]) -> None:
        found = decide(asked, self.books())
        for name, thread in found.overtaken:
            gone = [one for one in self.waiting.get(name, ()) if one.thread == thread]
            self.overtaken.update(one.event for one in gone)
            self.waiting[name] = [one for one in self.waiting.get(name, ()) if one.thread != thread]
        self.at_once.update(one.event for one, _ in found.at_once)
        self.alerts += [(name, event, self.now) for name, event in found.counted]
        for one, keeper in found.collected:
            assert is_held(keeper)
            self.waiting.setdefault(keeper.id, []).append(one)
            at = next_digest(keeper, self.now)
            assert at is not None
            self.due.setdefault(keeper.id, at)
        done = {one.event for one, _ in (*found.at_once, *found.collected)}
        # Overtaken within the batch: told by something newer of it.
        self.overtaken.update(one.event for one in asked if one.event not in done)

    def sweep(self) -> None:
        for name in [name for name, at in self.due.items() if at <= self.now]:
            del self.due[name]
            self.in_digests.update(one.event for one in self.waiting.pop(name, ()))


def asked(
    number: int, subscriptions: tuple[Subscription, ...], kind: tuple[Stance, bool], **more: object
) -> Asked:
    stance, is_alert = kind
    fields = {"thread": f"match:{number}", "score": 0.5} | more
    return Asked(
        event=f"evt_{number}",
        position=number,
        stance=stance,
        is_alert=is_alert,
        endpoint=ENDPOINT,
        asking=subscriptions,
        **fields,  # type: ignore[arg-type]
    )


SUGGESTED, UPDATED, RETRACTED, OTHER = (
    (Stance.opens, True),
    (Stance.keeps, True),
    (Stance.ends, False),
    (Stance.keeps, False),
)
ways = st.sampled_from(
    [{"timing": "daily"}, {"timing": "weekly"}, {"weekly_budget": 1}, {"weekly_budget": 3}, {}]
)
holding = ways.filter(bool)
events = st.tuples(
    st.sampled_from([SUGGESTED, UPDATED, RETRACTED, OTHER]),
    st.integers(0, 3),
    st.sampled_from([0.4, 0.6, 0.9]),
)
histories = st.lists(st.tuples(st.integers(0, 60), st.lists(events, min_size=1, max_size=6)), max_size=14)


@given(st.lists(holding, min_size=1, max_size=2), ways, histories)
def test_every_event_is_told_once_and_no_seven_days_hold_more_than_the_budget(
    of: list[dict[str, Any]],
    last: dict[str, Any],
    history: list[tuple[int, list[tuple]]],  # type: ignore[type-arg]
) -> None:
    held = tuple(subscription(FOLLOW, endpoint=ENDPOINT, **fields) for fields in [*of, last])
    told, number = Told(held), 0
    for hours, batch in history:
        told.now += hours * HOUR
        told.sweep()
        found = []
        for kind, thread, score in batch:
            number += 1
            found.append(asked(number, held, kind, thread=f"match:{thread}", score=score))
        told.hear(found)
        # Handled again after a crash, what was collected or counted stays as it was decided.
        books = told.books()
        again = decide(found, books)
        settled = {event for _, event in books.known}
        assert not settled & {one.event for one, _ in (*again.at_once, *again.collected)}
    told.now += timedelta(days=8)
    told.sweep()

    ways_told = told.at_once + told.in_digests + told.overtaken
    assert ways_told == Counter(f"evt_{one + 1}" for one in range(number))
    for one in held:
        sent = sorted(at for name, _, at in told.alerts if name == one.id)
        for first in sent:
            within = [at for at in sent if first <= at < first + BUDGET_WINDOW]
            assert one.weekly_budget is not None
            assert len(within) <= one.weekly_budget
    if any(not is_held(one) for one in held):
        assert ways_told == told.at_once, (
            "who holds nothing back hears all at once, and nobody hears it again"
        )


def test_the_best_of_those_that_come_together_get_the_budget() -> None:
    mine = (subscription(FOLLOW, weekly_budget=2, endpoint=ENDPOINT),)
    found = decide(
        [asked(number, mine, SUGGESTED, score=score) for number, score in enumerate([0.5, 0.9, 0.4, 0.8])],
        Books(left={mine[0].id: 2}),
    )
    assert [one.event for one, _ in found.at_once] == ["evt_1", "evt_3"]
    assert [one.event for one, _ in found.collected] == ["evt_0", "evt_2"]


def test_an_end_is_told_at_once_to_whoever_has_heard_of_it_alone() -> None:
    mine = (subscription(FOLLOW, weekly_budget=1, endpoint=ENDPOINT),)
    key = (mine[0].id, "match:7")
    end = asked(7, mine, RETRACTED)
    assert decide([end], Books()).at_once, "it was told at once"
    unheard = decide([end], Books(waiting={key: Stance.opens}))
    assert (len(unheard.at_once), len(unheard.collected)) == (0, 1)
    updated = decide([end], Books(waiting={key: Stance.keeps}))
    assert (len(updated.at_once), updated.overtaken) == (1, {key})


def test_of_several_digests_of_one_endpoint_the_soonest_has_it() -> None:
    weekly, daily = (subscription(FOLLOW, timing=one, endpoint=ENDPOINT) for one in ("weekly", "daily"))
    (kept,) = decide([asked(1, (weekly, daily), OTHER)], Books()).collected
    assert kept[1] == daily
    (kept,) = decide(
        [asked(1, (weekly, daily), RETRACTED)], Books(waiting={(weekly.id, "match:1"): Stance.opens})
    ).collected
    assert kept[1] == weekly, "an end comes where the beginning waits"


entries = st.lists(
    st.builds(
        lambda thread, stance, score: (thread, stance, score if thread < 3 else None),
        st.integers(0, 5),
        st.sampled_from(list(Stance)),
        st.sampled_from([0.4, 0.6, 0.9]),
    ),
    max_size=20,
)


@given(entries, st.randoms(use_true_random=False))
def test_a_digest_has_each_thing_once_as_it_stands_the_best_first(
    drawn: list[tuple[int, Stance, float | None]], random: object
) -> None:
    made = [
        Entry(f"evt_{place}", f"match:{thread}", stance, score, place)
        for place, (thread, stance, score) in enumerate(drawn)
    ]
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = fold(shuffled)
    assert found == fold(made)
    threads = {one.thread: [each for each in made if each.thread == one.thread] for one in made}
    lapsed = {
        name
        for name, each in threads.items()
        if each[0].stance is Stance.opens and each[-1].stance is Stance.ends
    }
    assert found.lapsed == len(lapsed)
    assert sorted(entry.event for entry, _ in found.standing) == sorted(
        each[-1].event for name, each in threads.items() if name not in lapsed
    )
    assert all(
        is_new == (threads[entry.thread][0].stance is Stance.opens) for entry, is_new in found.standing
    )
    matches = [entry.score is not None and entry.stance is not Stance.ends for entry, _ in found.standing]
    assert matches == sorted(matches, reverse=True), "suggestions that stand come first"
    scores = [
        entry.score or 0.0 for (entry, _), is_match in zip(found.standing, matches, strict=True) if is_match
    ]
    assert scores == sorted(scores, reverse=True)


def test_each_budget_goes_to_the_best_in_the_order_of_its_own_side() -> None:
    own, plain = (subscription(FOLLOW, endpoint=ENDPOINT, weekly_budget=1) for _ in range(2))
    nudges = {own.id: -0.1}
    disliked = asked(1, (own,), SUGGESTED, score=0.65, nudges=nudges)
    other = asked(2, (own,), SUGGESTED, score=0.6)
    budgets = Books(left={own.id: 1, plain.id: 1})
    found = decide([disliked, other], budgets)
    assert [one.event for one, _ in found.at_once] == [other.event]
    assert found.collected == [(disliked, own)]

    # Of two at one endpoint each lets through what is best for it.
    both = [replace(one, asking=(own, plain)) for one in (disliked, other, asked(3, (), SUGGESTED))]
    found = decide(both, budgets)
    assert found.counted == [(plain.id, disliked.event), (own.id, other.event)]
    assert [one.event for one, _ in found.collected] == ["evt_3"]


def test_the_hours_of_digests() -> None:
    daily, weekly, budget, plain = (
        subscription(FOLLOW, **fields)
        for fields in ({"timing": "daily"}, {"timing": "weekly"}, {"weekly_budget": 5}, {})
    )
    at = datetime(2026, 11, 21, 5, 59, tzinfo=UTC)  # a Saturday
    monday = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert next_digest(daily, at) == at + timedelta(minutes=1)
    assert next_digest(daily, at + timedelta(minutes=1)) == at + timedelta(days=1, minutes=1)
    assert next_digest(weekly, at) == next_digest(budget, at) == monday
    assert next_digest(weekly, monday) == monday + timedelta(days=7)
    assert next_digest(plain, at) == at
    assert next_digest(weekly.model_copy(update={"paused": True}), at) is None
    stream = subscription(FOLLOW, channel="sse", endpoint=None)
    assert not is_held(stream)
