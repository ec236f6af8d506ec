"""What goes out at once and what waits for a digest. Pure.

Every event that an endpoint's subscriptions ask for is told to it once: by itself, in one digest, or by a
newer event about the same thing that went out before the digest did. A digest collects all that its
subscription asks for. A weekly budget lets suggestions through while it lasts, the best of those that come
together first, as the answers of its own side move them; what is no suggestion goes out at once, except the
end of something that its reader has not heard of yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.subscription import Subscription, Timing
from services.notification.threads import Stance
from services.notification.timing import is_held


@dataclass(frozen=True, slots=True)
class Asked:
    """An event, and the subscriptions of one endpoint that ask for it, in the order of their ids. `is_alert`:
    a weekly budget counts it; `score`: of such a one; `nudges`: by subscription, what the answers of its own
    side add to that for its order alone."""

    event: str
    position: int
    thread: str
    stance: Stance
    is_alert: bool
    score: float
    endpoint: str
    asking: tuple[Subscription, ...]
    nudges: Mapping[str, float] = field(default_factory=dict)

    def worth(self, subscription: Subscription) -> float:
        """By which it stands among the suggestions of this subscription."""
        return self.score + self.nudges.get(subscription.id, 0.0)


@dataclass(slots=True)
class Books:
    """What was decided before. `left`: alerts that each subscription with a budget may still have; `waiting`:
    by subscription and thread, how the first of what waits stood to it; `known`: subscription and event of
    all that waits or counts already: it is not decided again."""

    left: dict[str, int] = field(default_factory=dict)
    waiting: dict[tuple[str, str], Stance] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Decision:
    """`at_once`, `collected`: with the subscription that it is told or kept for; `counted`: subscription and
    event of what a budget counts; `overtaken`: subscription and thread of what waited before and is told by
    something newer now."""

    at_once: list[tuple[Asked, Subscription]] = field(default_factory=list)
    collected: list[tuple[Asked, Subscription]] = field(default_factory=list)
    counted: list[tuple[str, str]] = field(default_factory=list)
    overtaken: set[tuple[str, str]] = field(default_factory=set)


def decide(asked: Sequence[Asked], books: Books) -> Decision:
    """`asked`: in the order of the journal."""
    fresh = [one for one in asked if not any((each.id, one.event) in books.known for each in one.asking)]
    granted = _granted(fresh, books)
    waiting, found = dict(books.waiting), Decision()
    for one in fresh:
        sender = _sender(one, granted, waiting)
        if sender is None:
            keeper = _keeper(one, waiting)
            waiting.setdefault((keeper.id, one.thread), one.stance)
            found.collected.append((one, keeper))
            continue
        found.at_once.append((one, sender))
        if one.is_alert and is_held(sender):
            found.counted.append((sender.id, one.event))
        told = {(each.id, one.thread) for each in one.asking if (each.id, one.thread) in waiting}
        if told:
            found.overtaken |= told
            waiting = {key: stance for key, stance in waiting.items() if key not in told}
            found.collected = [
                (other, keeper) for other, keeper in found.collected if (keeper.id, other.thread) not in told
            ]
    return found


def _granted(asked: Sequence[Asked], books: Books) -> Mapping[tuple[str, str], Subscription]:
    """By event and endpoint: whose budget lets the alert through."""
    left, found = dict(books.left), dict[tuple[str, str], Subscription]()
    alerts = [one for one in asked if one.is_alert and _free(one) is None]
    offers = [(one, each) for one in alerts for each in one.asking]
    for one, payer in sorted(offers, key=lambda offer: (-offer[0].worth(offer[1]), offer[0].position)):
        if (one.event, one.endpoint) not in found and left.get(payer.id, 0) > 0:
            left[payer.id] -= 1
            found[one.event, one.endpoint] = payer
    return found


def _free(one: Asked) -> Subscription | None:
    """One that holds nothing back."""
    return next((each for each in one.asking if not is_held(each)), None)


def _sender(
    one: Asked, granted: Mapping[tuple[str, str], Subscription], waiting: Mapping[tuple[str, str], Stance]
) -> Subscription | None:
    """Whose it is if it goes out at once; None if it waits."""
    if (free := _free(one)) is not None:
        return free
    if one.is_alert:
        return granted.get((one.event, one.endpoint))
    unheard = any(waiting.get((each.id, one.thread)) is Stance.opens for each in one.asking)
    if one.stance is Stance.ends and unheard:
        return None
    return next((each for each in one.asking if each.timing is Timing.instant), None)


def _keeper(one: Asked, waiting: Mapping[tuple[str, str], Stance]) -> Subscription:
    """In whose digest it comes: where its thread waits already, otherwise in the one that comes soonest."""
    kept = (each for each in one.asking if (each.id, one.thread) in waiting)
    return next(kept, None) or min(one.asking, key=lambda each: (each.timing is not Timing.daily, each.id))
