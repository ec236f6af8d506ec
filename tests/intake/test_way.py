"""A challenge is led on its way: by whom, what everybody is told, and what stays as it is."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from schemas.challenge import Challenge, ChallengeStep
from services.intake.challenge_store import ChallengeFilter
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.conftest import MovableClock
from tests.intake.people import World, a_challenge, anything, at, principal
from tests.intake.serving import Api

CLOSED = ChallengeStep.model_validate({"to": "consultation-closed"})


def step(to: str, **fields: Any) -> ChallengeStep:
    return ChallengeStep.model_validate({"to": to, **fields})


async def test_every_step_is_a_version_and_one_public_event(world: World, clock: MovableClock) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    second = await challenges.amend(ilo, first.id, a_challenge(title="Second thoughts"), at(1))
    before = await world.head()
    clock.advance(60)
    await challenges.step(ilo, first.id, step("consulting"), at(2))
    assert [one.id for one in await challenges.open_challenges()] == [first.id]
    await challenges.step(principal(world.cern), first.id, CLOSED, at(3))
    report = {"title": "What we heard", "url": "https://cern.example/report"}
    await challenges.step(ilo, first.id, step("reported", report=report), at(4))
    decision = {"outcome": "tender", "reason": "Three can do it.", "notice": "https://ted.europa.eu/1"}
    last = await challenges.step(ilo, first.id, step("decided", decision=decision), at(5))

    assert (last.version, last.content_version) == (6, second.version)
    assert (last.title, last.requirements) == (second.title, second.requirements)
    assert await challenges.get(None, first.id) == last, "everybody reads what was decided"
    assert await challenges.open_challenges() == []
    events = await world.events(after=before)
    assert {event.type for event in events} == {"liaison.challenge.stepped.v1"}
    assert all(event.public and event.audience == {world.ilo.id, world.cern.id} for event in events)
    told = [(event.data["before"], event.data["challenge"]["state"]) for event in events]
    way = ["announced", "consulting", "consultation-closed", "reported", "decided"]
    assert told == list(pairwise(way))
    assert Challenge.model_validate(events[-1].data["challenge"]) == last
    assert events[-1].data["headline"] == "CERN has decided on a call for tenders: “Second thoughts”"
    versions = await challenges.versions(None, first.id, limit=9)
    assert [[change.field for change in one.changes] for one in versions[:3]] == [
        ["state", "decision"],
        ["state", "report"],
        ["state"],
    ]
    assert versions[1].changed_by == world.ilo.id


async def test_only_its_own_people_lead_it_and_never_over_what_they_have_not_seen(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    for stranger in (world.ess, world.cluster, world.firm):
        with pytest.raises(Forbidden):
            await challenges.step(principal(stranger), first.id, CLOSED, anything)
    with pytest.raises(PreconditionFailed):
        await challenges.step(ilo, first.id, CLOSED, at(2))
    draft = await challenges.announce(ilo, a_challenge(), draft=True)
    with pytest.raises(NotFound):
        await challenges.step(principal(world.cern), draft.id, CLOSED, anything)
    with pytest.raises(Conflict, match="is a draft"):
        await challenges.step(ilo, draft.id, CLOSED, anything)
    assert await challenges.get(None, first.id) == first


async def test_what_says_nothing_new_is_no_version(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    closed = await challenges.step(ilo, first.id, CLOSED, anything)
    before = await world.head()
    assert await challenges.step(ilo, first.id, CLOSED, anything) == closed
    assert await world.head() == before


async def test_a_closed_challenge_may_be_amended_after_its_deadline_and_a_decided_one_not(
    world: World, clock: MovableClock
) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    content = a_challenge(deadline=date(2026, 12, 1))
    first = await challenges.announce(ilo, content)
    await challenges.step(ilo, first.id, CLOSED, anything)
    clock.advance(20 * 86_400)
    changed = a_challenge(deadline=date(2026, 12, 1), title="What the market has taught us")
    amended = await challenges.amend(ilo, first.id, changed, anything)
    assert (amended.version, amended.content_version, amended.state) == (3, 3, "consultation-closed")
    with pytest.raises(InvalidInput, match="has passed"):
        await challenges.amend(ilo, first.id, a_challenge(deadline=date(2026, 12, 2)), anything)
    made = step("decided", decision={"outcome": "make"})
    await challenges.step(ilo, first.id, made, anything)
    with pytest.raises(Conflict, match="is decided"):
        await challenges.amend(ilo, first.id, content, anything)
    gone = await challenges.withdraw(ilo, first.id, "It was announced twice.", anything)
    with pytest.raises(Conflict, match="was withdrawn"):
        await challenges.step(ilo, first.id, made, anything)
    assert gone.decision == made.decision
    found = await challenges.page(None, ChallengeFilter(state=gone.state), limit=9)
    assert found == [gone]


async def test_a_step_over_http(api: Api) -> None:
    ilo = await api.as_(api.world.ilo)
    body = a_challenge().model_dump(mode="json", include={"title", "need", "buyer", "deadline"})
    address = (await ilo("POST", "/v1/challenges", json=body)).json()["links"]["self"]
    once = {"Idempotency-Key": "close", "If-Match": '"1"'}
    closed = await ilo("POST", f"{address}/steps", json={"to": "consultation-closed"}, headers=once)
    assert (closed.status_code, closed.headers["etag"]) == (200, '"2"')
    again = await ilo("POST", f"{address}/steps", json={"to": "consultation-closed"}, headers=once)
    assert (again.json(), again.headers["idempotency-replayed"]) == (closed.json(), "true")
    stale = await ilo("POST", f"{address}/steps", json={"to": "reported"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    back = await ilo("POST", f"{address}/steps", json={"to": "consulting"})
    assert (back.status_code, back.headers["content-type"]) == (409, "application/problem+json")
    assert "Possible: 'reported', 'decided'." in back.json()["detail"]
    unsaid = await ilo("POST", f"{address}/steps", json={"to": "decided"})
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "/decision")
    decision = {"outcome": "buy", "reason": None, "notice": None}
    bought = await ilo("POST", f"{address}/steps", json={"to": "decided", "decision": {"outcome": "buy"}})
    assert (bought.json()["state"], bought.json()["decision"]) == ("decided", decision)
    listed = (await api.client.get("/v1/challenges?state=decided")).json()["items"]
    assert [one["decision"]["outcome"] for one in listed] == ["buy"]
