"""An event as a person reads it: what is wanted, by whom, until when, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.challenge import Challenge, ChallengeState
from services.gateway.board.wording import count, countries, excerpt, opening, score, words
from services.notification.routing import (
    ANNOUNCEMENTS,
    ANSWERED,
    CONSORTIA,
    DIALOGUE,
    GAPS,
    MATCHES,
    PAIRINGS,
    SETTLED,
    STALE,
    STEPPED,
    Concern,
)

TEXT = 600
"""Characters of what somebody wrote: a paragraph. The rest is on the page."""
NAMED = 6
"""Things listed by name; more are counted."""

_CONSORTIUM = {
    "proposed": "A consortium is proposed",
    "updated": "A consortium has changed",
    "consented": "A member of a consortium has consented",
    "introduced": "The members of a consortium know each other",
    "formed": "A consortium is formed",
    "declined": "A consortium is declined",
    "dissolved": "A consortium is dissolved",
    "sought": "A consortium needs somebody like you",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One line, some more, and the page to read on, as a path on this server. `scores`: address of the page
    on how scores come about, where one is told."""

    title: str
    text: str
    path: str
    scores: str | None = None


def told(one: Concern) -> Told:
    """Of an event that subscriptions can ask for."""
    kind, data = one.event.type, one.event.data
    if kind in ANNOUNCEMENTS:
        return _announcement(kind, data)
    if kind == ANSWERED:
        return _answered(data)
    if kind in MATCHES:
        return _match(kind, data)
    if kind == SETTLED:
        return _settled(data, one.challenge)
    if kind == STALE:
        last = f"It was last changed or confirmed on {_day(date.fromisoformat(data['last_confirmed']))}."
        return Told(data["headline"], last, f"/companies/{data['company']}")
    if kind in DIALOGUE:
        return _dialogue(kind, data)
    if kind == GAPS:
        about = data["challenge"]
        return Told(f"Still sought for {_named(about)}", data["sought"], _challenge(about, "#consortia"))
    verb = kind.removesuffix(".v1").rpartition(".")[2]
    if kind in CONSORTIA:
        about = data["challenge"]
        consortium = data.get("consortium") or data["id"]
        return Told(f"{_CONSORTIUM[verb]}: {_named(about)}", data["headline"], f"/consortia/{consortium}")
    assert kind in PAIRINGS, f"{kind} is told by nobody"
    return _pairing(verb, data)


def announced(challenge: Challenge) -> Told:
    """A challenge as it is now, in its own language as far as that goes."""
    title = f"{challenge.title} · {challenge.buyer_name} · {challenge.deadline.isoformat()}"
    if challenge.state is not ChallengeState.announced:
        title = f"{words(challenge.state).capitalize()}: {title}"
    return Told(title, excerpt(opening(challenge), TEXT), f"/challenges/{challenge.id}")


def why(one: Concern) -> str:
    """Why a challenge concerns somebody, where more is to be said than that it was announced."""
    kind = one.event.type
    if kind in ANNOUNCEMENTS or kind == SETTLED:
        return ""
    found = told(one)
    if kind in MATCHES:
        return f"{_company(one.event.data)}: {found.text}"
    return f"{found.title}. {found.text}"


def _announcement(kind: str, data: Mapping[str, Any]) -> Told:
    challenge = Challenge.model_validate(data["challenge"])
    path = f"/challenges/{challenge.id}"
    wanted = _named(data["challenge"])
    if kind == STEPPED:
        return Told(data["headline"], f"It is about {wanted}.", path)
    if kind == "liaison.challenge.withdrawn.v1":
        return Told(f"Withdrawn: {wanted}", data["reason"], path)
    if kind == "liaison.challenge.amended.v1":
        fields = dict.fromkeys(words(one["field"].split("/")[0]) for one in data["changes"])
        changed = f"Changed: {_listed(list(fields))}." if fields else ""
        return Told(f"Amended: {wanted}", changed, f"{path}/versions")
    facts = (
        f"{count(len(challenge.requirements), 'requirement')}, open to companies of "
        f"{countries(challenge.eligible_countries)}."
    )
    title = f"{challenge.buyer_name} wants: {challenge.title}, until {_day(challenge.deadline)}"
    return Told(title, f"{facts}\n\n{excerpt(opening(challenge), TEXT)}", path)


def _match(kind: str, data: Mapping[str, Any]) -> Told:
    company, wanted = _company(data), _named(data["challenge"])
    path, scores = f"/matches/{data['id']}", data.get("scoring_page")
    fits = f"{score(data['score'])}, {data['strength']}: {data['headline']}"
    if kind == "liaison.match.retracted.v1":
        return Told(f"{company} is no longer suggested for {wanted}", data["reason"], path)
    if kind == "liaison.match.updated.v1":
        before = score(data["previous_score"])
        title = f"{company} fits {wanted} otherwise than before"
        return Told(title, f"{fits} (before: {before})", path, scores)
    return Told(f"{company} fits {wanted}", fits, path, scores)


def _answered(data: Mapping[str, Any]) -> Told:
    company, wanted = _company(data), _named(data["challenge"])
    says = {"interested": "is interested in", "dismissed": "says “not for us” to"}
    verb = says.get(data["answer"], "has taken back its answer to")
    return Told(
        f"{company} {verb} {wanted}", f"Suggested with {score(data['score'])}.", f"/matches/{data['match']}"
    )


def _settled(data: Mapping[str, Any], challenge: Challenge | None) -> Told:
    title = "a challenge" if challenge is None else _named(challenge.model_dump(mode="json"))
    found = count(data["suggestions"], "company answers", "companies answer")
    places = count(data["countries"], "country", "countries")
    open_ = data["unanswered"]
    text = f"{found} it, from {places}."
    if open_:
        text += f" Nobody answers {_listed(open_)}."
    return Told(f"Matching has settled on {title}", text, f"/challenges/{data['challenge']}")


def _dialogue(kind: str, data: Mapping[str, Any]) -> Told:
    about = data["challenge"]
    path = _challenge(about, "/dialogue")
    if kind == "liaison.dialogue.question-received.v1":
        return Told(f"Somebody asks about {_named(about)}", "It waits for the buyer's answer.", path)
    if kind == "liaison.dialogue.question-declined.v1":
        return Told(f"Your question about {_named(about)} is not answered", data["reason"], path)
    entries = data["entries"]
    said = "\n\n".join(
        f"{entry['question']}\n→ {entry['answer']}" if entry["question"] else entry["answer"]
        for entry in entries
    )
    answers = count(len(entries), "answer")
    return Told(f"{answers} about {_named(about)}", excerpt(said, TEXT), path)


def _pairing(verb: str, data: Mapping[str, Any]) -> Told:
    if "needs" in data:
        names = _listed([side["buyer_name"] for side in data["needs"]])
        title = {
            "group-formed": f"{names} could buy together",
            "group-dissolved": f"{names} no longer form a group",
        }.get(verb, f"The group of {names} has changed")
        return Told(title, data["headline"], f"/pairings/groups/{data['id']}")
    sides = (data["first"], data["second"])
    both = " and ".join(f"“{side['title']}” ({side['buyer_name']})" for side in sides)
    path = f"/pairings/{data.get('pairing') or data['id']}"
    match verb:
        case "suggested":
            return Told(f"Could be bought together: {both}", data["headline"], path)
        case "updated":
            return Told(f"Stand otherwise to each other: {both}", data["headline"], path)
        case "step-asked":
            wish = f"wants the step “{words(data['to'])}”" if data["to"] else "has taken its wish back"
            return Told(f"The other buyer {wish}: {both}", f"They are at “{words(data['state'])}”.", path)
        case "stepped":
            before = f"Before: “{words(data['before'])}”."
            return Told(f"Now at “{words(data['state'])}”: {both}", before, path)
        case "dissolved":
            return Told(f"Dissolved: {both}", data["reason"], path)
        case "reminder":
            due = f"“{data['title']}” is due on {_day(date.fromisoformat(data['due']))}"
            return Told(f"{due}: {both}", "A deadline of the pairing comes near.", path)
        case _:
            noted = f"A {words(data['kind'])} was {data['change']}"
            return Told(f"{noted}: {both}", "What it says is on the page of the pairing.", path)


def _named(about: Mapping[str, Any]) -> str:
    """A challenge: what is wanted, by whom, until when."""
    day = _day(date.fromisoformat(about["deadline"]))
    return f"“{about['title']}” ({about['buyer_name']}, until {day})"


def _company(data: Mapping[str, Any]) -> str:
    return f"{data['company']['name']} ({data['company']['country']})"


def _challenge(about: Mapping[str, Any], rest: str) -> str:
    return f"/challenges/{about['id']}{rest}"


def _day(on: date) -> str:
    return f"{on.day} {on:%B %Y}"


def _listed(names: list[str]) -> str:
    """Of one name at least."""
    shown = names[:NAMED]
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    *first, last = [*shown, *more]
    return f"{', '.join(first)} and {last}" if first else last
