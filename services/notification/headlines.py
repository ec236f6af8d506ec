"""An event in one line: what is wanted, by whom, until when, and why; and the page that says more. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from schemas.digest import DigestedMatch, DigestItem
from schemas.match import CompanyAnswer
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
from services.notification.threads import ALERTS

_SAID = {
    CompanyAnswer.interested.value: "is interested in",
    CompanyAnswer.dismissed.value: "says “not for us” to",
    None: "has taken back its answer to",
}
_BEGINNING = {
    "liaison.challenge.announced.v1": "New",
    "liaison.challenge.amended.v1": "Changed",
    "liaison.challenge.withdrawn.v1": "Withdrawn",
}


def item(one: Concern, public_url: str) -> DigestItem:
    """As it is collected; whether it is new shows when the digest is put together."""
    event, data = one.event, one.event.data
    return DigestItem(
        event=event.id,
        type=event.type,
        subject=event.subject,
        time=event.time,
        new=False,
        headline=headline(one),
        page=public_url + _path(one),
        match=DigestedMatch.model_validate(
            {name: data[name] for name in ("id", "challenge", "company", "score", "strength")}
            | {"scoring_page": data.get("scoring_page")}
        )
        if event.type in MATCHES - {ANSWERED}
        else None,
    )


def headline(one: Concern) -> str:
    kind, data = one.event.type, one.event.data
    if kind == ANSWERED:
        return f"{_company(data)} {_SAID[data['answer']]} {_wanted(data['challenge'])}"
    if kind in ALERTS:
        changed = "" if data.get("previous_score") is None else f" (was {data['previous_score']:.2f})"
        return f"{_wanted(data['challenge'])}, for {_company(data)}{changed}: {data['headline']}"
    if kind in MATCHES:
        return f"No longer for {_company(data)}: {_wanted(data['challenge'])}: {data['reason']}"
    if kind in (STEPPED, STALE):
        return str(data["headline"])
    if kind in ANNOUNCEMENTS:
        why = f": {data['reason']}" if "reason" in data else ""
        return f"{_BEGINNING[kind]}: {_wanted(data['challenge'])}{why}"
    if kind == SETTLED:
        title = _quoted(one.challenge.title) if one.challenge is not None else "A challenge"
        count = data["suggestions"]
        return f"{title}: {'1 suggestion stands' if count == 1 else f'{count} suggestions stand'}"
    if kind == GAPS:
        return f"{_wanted(data['challenge'])}: {data['sought']}"
    if kind in CONSORTIA:
        return f"{_wanted(data['challenge'])}: {data['headline']}"
    if kind in DIALOGUE:
        return f"{_dialogue(data)} {_wanted(data['challenge'])}"
    if kind in PAIRINGS and "headline" in data:
        return str(data["headline"])
    if kind in PAIRINGS:
        return f"{_words(kind)}: {_quoted(data['first']['title'])} and {_quoted(data['second']['title'])}"
    return (
        f"{_words(kind)}: {_quoted(one.challenge.title) if one.challenge is not None else one.event.subject}"
    )


def _wanted(challenge: Mapping[str, Any]) -> str:
    until = date.fromisoformat(challenge["deadline"])
    buyer = challenge["buyer_name"]
    return f"{_quoted(challenge['title'])}, wanted by {buyer} until {until.day} {until:%B %Y}"


def _company(data: Mapping[str, Any]) -> str:
    return f"{data['company']['name']} ({data['company']['country']})"


def _dialogue(data: Mapping[str, Any]) -> str:
    if "entries" in data:
        count = len(data["entries"])
        return f"{count} {'answer' if count == 1 else 'answers'} published on"
    if "reason" in data:
        return f"A question of yours was declined ({data['reason']}) on"
    return "A question was asked on"


def _words(kind: str) -> str:
    """`liaison.pairing.step-asked.v1` as "Pairing step asked"."""
    said = kind.removeprefix("liaison.").rsplit(".", 1)[0].replace(".", " ").replace("-", " ")
    return said.capitalize()


def _quoted(title: str) -> str:
    return f"“{title}”"


def _path(one: Concern) -> str:
    kind, data = one.event.type, one.event.data
    if kind == ANSWERED:
        return f"/matches/{data['match']}"
    if kind in MATCHES:
        return f"/matches/{data['id']}"
    if kind in CONSORTIA:
        return f"/consortia/{data.get('consortium') or data['id']}"
    if kind in PAIRINGS:
        return f"/pairings/groups/{data['id']}" if "needs" in data else f"/pairings/{one.event.key}"
    if kind in DIALOGUE:
        return f"/challenges/{one.challenge_id}/dialogue"
    if kind == STALE:
        return f"/companies/{data['company']}"
    return f"/challenges/{one.challenge_id}"
