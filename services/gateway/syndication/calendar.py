"""Deadlines and phases of challenges as iCalendar (RFC 5545). Pure: the same challenges give the same bytes.

Days are days of the calendar (VALUE=DATE), the same in every zone, as the buyer states them. What is there is
published, not an invitation: there is no METHOD, so DTSTAMP says when the entry was revised last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from schemas.challenge import Challenge, ChallengeState
from schemas.pairing import REMIND_DAYS
from services.gateway.board.wording import opening, words

MEDIA = "text/calendar"
PRODUCT = "-//Liaison//Deadlines//EN"
REFRESH = timedelta(hours=4)
"""How often calendars are asked to look again: a deadline is moved some days ahead, not some minutes."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """A challenge in a calendar. `why`: lines for its reader; `told_at`: when any of this was changed
    last."""

    challenge: Challenge
    link: str
    told_at: datetime
    why: Sequence[str] = ()


def rendered(name: str, about: str, page: str, due: Sequence[Due], *, alarms: bool) -> bytes:
    """`alarms`: each deadline reminds its reader a week before."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    # RFC 7986, and what calendars understood before it.
    for called, value in (
        ("name", name),
        ("x-wr-calname", name),
        ("description", about),
        ("x-wr-caldesc", about),
    ):
        calendar.add(called, value)
    calendar.add("url", page)
    calendar.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", f"PT{REFRESH.seconds // 3_600}H")
    for one in due:
        for event in _events(one, alarms=alarms):
            calendar.add_component(event)
    found: bytes = calendar.to_ical()
    return found


def _events(due: Due, *, alarms: bool) -> Iterator[Event]:
    challenge = due.challenge
    event = _event(due, "deadline", f"Last day for answers: {challenge.title}", challenge.deadline)
    if alarms and challenge.state is not ChallengeState.withdrawn:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", timedelta(days=-REMIND_DAYS))
        alarm.add("description", f"A week left to answer: {challenge.title}")
        event.add_component(alarm)
    yield event
    seen: Counter[str] = Counter()
    for phase in challenge.phases:
        seen[phase.stage] += 1
        first, last = phase.starts or phase.ends, phase.ends or phase.starts
        if first is None or last is None:
            continue
        stage = words(phase.stage).capitalize()
        part = "" if phase.starts and phase.ends else " begins" if phase.starts else " ends"
        yield _event(
            due, f"{phase.stage}-{seen[phase.stage]}", f"{stage}{part}: {challenge.title}", first, last
        )


def _event(due: Due, part: str, summary: str, first: date, last: date | None = None) -> Event:
    challenge = due.challenge
    is_withdrawn = challenge.state is ChallengeState.withdrawn
    event = Event()
    event.add("uid", f"{challenge.id}.{part}@liaison")
    event.add("sequence", challenge.version)
    event.add("dtstamp", due.told_at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", due.told_at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", first)
    event.add("dtend", (last or first) + DAY)
    event.add("summary", f"{'Withdrawn: ' if is_withdrawn else ''}{summary} ({challenge.buyer_name})")
    said = [*due.why, opening(challenge), due.link]
    event.add("description", "\n\n".join(one for one in said if one))
    event.add("url", due.link)
    event.add("status", "CANCELLED" if is_withdrawn else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    return event
