"""How the board says things: numbers, dates, countries, codes, states. Filters of its templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from markupsafe import Markup, escape

from schemas.challenge import Challenge, DecisionOutcome
from schemas.codes import country_name, cpv_label, flag, language_name, nuts_label
from schemas.consortium import Consent
from schemas.match import CompanyAnswer, DismissalReason, GateName, Strength
from schemas.subscription import Subscription, Timing
from services.intake.completion import LAST_ZONE

COUNTRIES_NAMED = 3
"""More countries than this are counted in a list; the page of a challenge names them all."""
EXCERPT = 260
"""Characters of a need in a list: two to three lines."""
LEVELS = 10
"""Shades of the picture: as many as there are tenths."""

GATES = {
    GateName.eligible_country: "eligible country",
    GateName.trl: "readiness (TRL)",
    GateName.conflict_of_interest: "conflict of interest",
    GateName.exclusion: "exclusion",
}
ANSWERS = {CompanyAnswer.interested: "✓ interested", CompanyAnswer.dismissed: "✕ not for us"}
CONSENTS = {
    Consent.asked: "? asked",
    Consent.consented: "✓ consented",
    Consent.confirmed: "✓ goes on",
}
TIMINGS = {
    Timing.instant: "at once",
    Timing.daily: "once a day",
    Timing.weekly: "once a week",
}
"""When webhooks come; they go on after a comma."""
REASONS = {
    DismissalReason.too_far: "too far from what we do",
    DismissalReason.no_capacity: "more than we have capacity for",
    DismissalReason.wrong_country: "the wrong country",
    DismissalReason.already_known: "already known to us",
}
"""They go on after "not for us: " and "because it is"."""
OUTCOMES = {
    DecisionOutcome.tender: "a call for tenders",
    DecisionOutcome.make: "the buyer makes it itself",
    DecisionOutcome.buy: "what is there is bought",
    DecisionOutcome.abandoned: "the need is given up",
}
STRENGTHS = {
    Strength.strong: "among the best 1 % in the trial on research projects; one in twelve of these really "
    "took part, by chance it is one in 400",
    Strength.good: "among the best 2.3 % in the trial on research projects, which held half of those who "
    "really took part",
    Strength.possible: "among the best 4 % in the trial on research projects, which held three fifths of "
    "those who really took part",
}
"""What the words stand for, as measured: `services.matching.scoring` has the figures and their source."""


def instant(at: datetime) -> Markup:
    """A point in time. Said in UTC; the page's script says it in the reader's zone."""
    at = at.astimezone(UTC)
    shown = f"{at.day} {at:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}" data-instant>{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", shown)


def second(at: datetime) -> Markup:
    """The same to the second, for what happens within minutes."""
    at = at.astimezone(UTC)
    shown = f"{at.day} {at:%b %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{}" data-instant="second">{}</time>').format(
        f"{at:%Y-%m-%dT%H:%M:%S.%fZ}", shown
    )


def took(span: timedelta) -> str:
    """How long something took: `40 ms`, `2.3 s`, `4 min 12 s`, `3 h 5 min`, `2 d 4 h`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    unit, size, smaller, part = next(one for one in _SPANS if whole >= one[1])
    return f"{whole // size} {unit} {whole % size // part} {smaller}"


_SPANS = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))
"""Units above a minute, each in seconds, with the one that follows."""


def day(on: date) -> Markup:
    """A day of the calendar, the same in every zone."""
    return Markup('<time datetime="{}">{}</time>').format(on.isoformat(), f"{on.day} {on:%B %Y}")


def closes(deadline: date) -> datetime:
    """The instant at which the deadline has ended everywhere, up to which Liaison keeps a challenge open."""
    return datetime(deadline.year, deadline.month, deadline.day, tzinfo=UTC) + timedelta(days=1) + LAST_ZONE


def left(deadline: date, now: datetime) -> str:
    """The time until a deadline, in words; the page's script says it anew for the reader's zone."""
    days = (deadline - now.astimezone(UTC).date()).days
    if now >= closes(deadline):
        return "closed"
    if days <= 0:
        return "last day"
    return "1 day left" if days == 1 else f"{days:,} days left"


def country(code: str) -> Markup:
    """Flag and name, never the flag alone."""
    return Markup('<span class="country"><span aria-hidden="true">{}</span> {}</span>').format(
        flag(code), country_name(code)
    )


def countries(codes: Sequence[str], named: int = COUNTRIES_NAMED) -> str:
    """Who may take part, in a few words."""
    if not codes:
        return "every country"
    names = sorted(country_name(code) for code in codes)
    if len(names) <= named:
        return ", ".join(names)
    return f"{len(names)} countries"


def score(value: float) -> str:
    """Two decimals: finer differences mean nothing to anybody."""
    return f"{value:.2f}"


def one_in(share: float) -> str:
    """A small share as people say it: `one in 25`."""
    return f"one in {max(1, round(1.0 / share)):,}" if share > 0.0 else "none"


def level(value: float) -> int:
    """The shade of a score, 0 to LEVELS."""
    return min(LEVELS, max(0, int(value * LEVELS + 0.5)))


def count(number: int, one: str, many: str = "") -> str:
    """`1 suggestion`, `1,204 suggestions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def excerpt(text: str, length: int = EXCERPT) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length].rsplit(" ", 1)[0] + " …"


def timing(subscription: Subscription) -> str:
    """When its webhooks come: `at once, at most 5 alerts a week`."""
    said = TIMINGS[subscription.timing]
    if subscription.weekly_budget is None:
        return said
    return f"{said}, at most {count(subscription.weekly_budget, 'alert')} a week"


def opening(challenge: Challenge) -> str:
    """How a need begins. Texts that are pasted often say their title again first."""
    need = " ".join(challenge.need.split())
    title = " ".join(challenge.title.split())
    rest = need[len(title) :].lstrip(" .:-–")
    return excerpt(rest if need.casefold().startswith(title.casefold()) and rest else need)


def words(code: str) -> str:
    """A value of an enumeration as words."""
    return str(code).replace("-", " ").replace("_", " ")


def event(kind: str) -> str:
    """An event's type as words: `liaison.match.suggested.v1` is "match suggested"."""
    return words(kind.removeprefix("liaison.").rsplit(".", 1)[0].replace(".", " "))


def address_part(text: str) -> str:
    """Text as a part of an address."""
    return quote(text, safe="")


def cpv(code: str) -> str:
    return f"{code} {cpv_label(code)}"


def region(code: str) -> str:
    """A NUTS region: its own name and its code."""
    return f"{nuts_label(code)} ({code})"


def lines(text: str) -> Markup:
    """Plain text with its line breaks."""
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


METHODS = {
    "liaison": "Liaison",
    "unbounded": "without the bound on popularity",
    "bm25": "BM25",
    "dense": "best single likeness",
    "mean-vector": "one mean vector",
    "floor": "the match score alone",
}
"""What a measured method is called."""

FILTERS = {
    "method": lambda name: METHODS.get(name, name),
    "instant": instant,
    "second": second,
    "took": took,
    "day": day,
    "country": country,
    "countries": countries,
    "score": score,
    "one_in": one_in,
    "level": level,
    "count": count,
    "excerpt": excerpt,
    "opening": opening,
    "timing": timing,
    "words": words,
    "event": event,
    "address_part": address_part,
    "cpv": cpv,
    "language": language_name,
    "region": region,
    "lines": lines,
    "gate": GATES.__getitem__,
    "answer": ANSWERS.__getitem__,
    "consent": CONSENTS.__getitem__,
    "reason": REASONS.__getitem__,
    "outcome": OUTCOMES.__getitem__,
    "closes": closes,
    "meaning": lambda word: STRENGTHS[Strength(word)],
}
