"""What became of everything that was accepted: judged when nothing is under way any more.

By the ledger of what was accepted, by what the receivers have, and by an undisturbed run on the same inputs;
of the product's own rows only the journal counts, of which it is shown first that it is whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.kernel.database import Database
from services.kernel.journal.reading import verify
from tests.chaos import market
from tests.chaos.routes import JUDGED
from tests.chaos.town import Town
from tests.chaos.undisturbed import Suggestions, said, suggestions

ANNOUNCED = "liaison.challenge.announced.v1"
WITHDRAWN = "liaison.challenge.withdrawn.v1"
UPDATED = "liaison.company.updated.v1"
SUGGESTED = "liaison.match.suggested.v1"
RETRACTED = "liaison.match.retracted.v1"

SHOWN = 5
"""Examples of each trouble."""


@dataclass(slots=True)
class Verdict:
    """`events`: entries of the journal; `webhooks`: that arrived at healthy endpoints; `again`: of these,
    taken twice with one content, which a crash may cause."""

    events: int = 0
    webhooks: int = 0
    again: int = 0
    lost: list[str] = field(default_factory=list)
    wrongly_repeated: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Whatever else is not as promised."""

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.wrongly_repeated or self.broken)

    def __str__(self) -> str:
        lines = [f"{self.events} events, {self.webhooks} webhooks"]
        for title, found in (
            ("lost", self.lost),
            ("wrongly repeated", self.wrongly_repeated),
            ("broken", self.broken),
        ):
            lines += [f"{title}: {one}" for one in found[:SHOWN]]
            if len(found) > SHOWN:
                lines.append(f"{title}: and {len(found) - SHOWN} more")
        return "\n".join(lines)


async def judge(town: Town, expected: Suggestions | None = None) -> Verdict:
    """`expected`: what stands in the end of an undisturbed run; None: that is looked at another time."""
    verdict = Verdict()
    await _chain(town, verdict)
    journal = await _journal(town)
    verdict.events = len(journal)
    _accepted(town, journal, verdict)
    _delivered(town, journal, verdict)
    _once(town, journal, verdict)
    if expected is not None:
        await _equal(town, expected, verdict)
    return verdict


async def _chain(town: Town, verdict: Verdict) -> None:
    database = Database(town.database.url)
    try:
        async with database.read() as tx:
            chain = await verify(tx)
    finally:
        await database.close()
    if chain.broken_at is not None:
        verdict.broken.append(f"the chain breaks at entry {chain.broken_at}: {chain.reason}")


async def _journal(town: Town) -> list[dict[str, Any]]:
    async with town.connection() as connection:
        rows = await connection.fetch(
            "SELECT position, id, type, subject, key, data FROM journal ORDER BY position"
        )
    return [dict(row) | {"data": orjson.loads(row["data"])} for row in rows]


def _accepted(town: Town, journal: Sequence[dict[str, Any]], verdict: Verdict) -> None:
    """Each answer 2xx stands in the journal, once."""
    entries: Counter[tuple[str, str, int]] = Counter()
    for event in journal:
        if event["type"] == UPDATED:
            entries[UPDATED, event["key"], event["data"]["company"]["version"]] += 1
        elif event["type"] in (ANNOUNCED, WITHDRAWN):
            entries[event["type"], event["key"], 0] += 1
    wanted = [(ANNOUNCED, challenge, 0) for challenge in town.ledger.challenges]
    wanted += [(WITHDRAWN, challenge, 0) for challenge in town.ledger.withdrawn]
    wanted += [
        (UPDATED, company, version)
        for company, versions in town.ledger.versions.items()
        for version in versions
    ]
    verdict.lost += [f"{one} was accepted and is not in the journal" for one in wanted if not entries[one]]
    verdict.wrongly_repeated += [f"{one} is in the journal {n} times" for one, n in entries.items() if n > 1]
    verdict.broken += [f"{one} was never asked for" for one in entries.keys() - set(wanted)]


def _delivered(town: Town, journal: Sequence[dict[str, Any]], verdict: Verdict) -> None:
    """Every event has arrived at every healthy endpoint that should hear it, and at none that should not."""
    owned = {company: market.owner_of(number) for number, company in enumerate(town.companies)}
    judged = [event for event in journal if event["type"] in JUDGED]
    for subscription in town.subscriptions:
        if not subscription.is_healthy:
            continue
        endpoint = town.receivers.endpoints[subscription.number]
        wanted = {event["id"] for event in judged if subscription.wants(event, owned)}
        verdict.webhooks += len(endpoint.by_event)
        verdict.lost += [
            f"{one} never came to endpoint {endpoint.number}" for one in wanted - endpoint.by_event.keys()
        ]
        surplus = {event["id"] for event in judged} & endpoint.by_event.keys() - wanted
        verdict.broken += [f"{one} came to endpoint {endpoint.number} unasked" for one in surplus]


def _once(town: Town, journal: Sequence[dict[str, Any]], verdict: Verdict) -> None:
    """One content per webhook-id, one webhook-id per event and endpoint, one suggestion of a pair."""
    receivers = town.receivers
    verdict.again = receivers.repeated
    verdict.wrongly_repeated += [f"{one} came with two contents" for one in receivers.changed]
    verdict.wrongly_repeated += [f"{one} came under two webhook-ids" for one in receivers.doubled]
    if receivers.unsigned:
        verdict.broken.append(f"{receivers.unsigned} webhooks were not signed as they should be")
    standing: set[str] = set()
    for event in journal:
        if event["type"] == SUGGESTED:
            if event["subject"] in standing:
                verdict.wrongly_repeated.append(f"{event['subject']} was suggested while it stood")
            standing.add(event["subject"])
        elif event["type"] == RETRACTED:
            standing.discard(event["subject"])


async def _equal(town: Town, expected: Suggestions, verdict: Verdict) -> None:
    """What stands is what stands where nobody was disturbed, and is what the followers heard last."""
    async with town.of_kind("gateway")[0].client() as admin:
        stand = await suggestions(admin, town.ledger.open)
    for pair in sorted(expected.keys() | stand.keys()):
        if expected.get(pair) != stand.get(pair):
            verdict.broken.append(f"{pair}: {_difference(expected.get(pair), stand.get(pair))}")
    numbers = {market.name_of(number): number for number in range(market.COMPANIES)}
    titles = {title: challenge for challenge, title in town.ledger.challenges.items()}
    for (title, name), suggestion in expected.items():
        number = numbers[name]
        for subscription in town.subscriptions:
            if not subscription.is_healthy or not _follows(
                subscription.follow, town.companies[number], number
            ):
                continue
            if subscription.owner != market.owner_of(number):
                continue
            pair = titles[title], town.companies[number]
            told = town.receivers.endpoints[subscription.number].pairs.get(pair)
            if told is None:
                verdict.lost.append(f"{title}, {name} was never told to endpoint {subscription.number}")
            elif _news(said(told.event["data"])) != _news(suggestion):
                verdict.broken.append(f"{title}, {name}: endpoint {subscription.number} heard otherwise last")


def _follows(follow: dict[str, Any], company: str, number: int) -> bool:
    match follow["kind"]:
        case "own-profile":
            return bool(follow["company"] == company)
        case "country":
            return bool(market.company(number)["country"] == follow["country"])
        case _:
            return True


def _news(suggestion: dict[str, Any]) -> dict[str, Any]:
    """What is told of when it changes: a new version that says the same is no news."""
    title, _ = suggestion["challenge"]
    name, _, country = suggestion["company"]
    surplus = ("previous_score", "reason")
    kept = {key: value for key, value in suggestion.items() if key not in surplus}
    return kept | {"challenge": title, "company": [name, country]}


def _difference(expected: dict[str, Any] | None, found: dict[str, Any] | None) -> str:
    if expected is None or found is None:
        return "stands although it should not" if expected is None else "does not stand"
    return ", ".join(
        f"{name} is {found.get(name)!r} and not {value!r}"
        for name, value in expected.items()
        if found.get(name) != value
    )
