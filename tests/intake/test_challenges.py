"""The life of a challenge: announced, amended, withdrawn; what is told and who sees it."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from schemas.challenge import Challenge, ChallengeContent, ChallengeState
from schemas.organisation import OrganisationContent
from services.intake.challenge_store import ChallengeFilter, content_of
from services.intake.completion import revised
from services.kernel.identifiers import new_id
from services.kernel.problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from tests.conftest import MovableClock
from tests.intake.people import ADMIN, World, a_challenge, anything, at, principal

EVERYTHING = ChallengeFilter()


async def test_a_challenge_is_announced_from_text_alone(world: World, clock: MovableClock) -> None:
    ilo = principal(world.ilo)
    challenge = await world.intake.challenges.announce(ilo, a_challenge())
    assert (challenge.version, challenge.state) == (1, ChallengeState.announced)
    assert (challenge.buyer, challenge.buyer_name) == (world.cern.id, "CERN")
    assert challenge.announced_by == world.ilo.id
    assert challenge.announced_at == clock.now()
    assert challenge.eligible_countries == ("CH", "FR"), "the buyer's standing rule, as it is today"
    assert [one.id for one in challenge.requirements][:2] == ["r1", "r2"]
    for one in challenge.requirements:
        assert one.source is not None
        start, end = one.source
        assert challenge.need[start:end].strip()
    assert await world.intake.challenges.get(ilo, challenge.id) == challenge


async def test_the_announcement_is_one_public_event(world: World) -> None:
    before = await world.head()
    challenge = await world.intake.challenges.announce(principal(world.ilo), a_challenge())
    [event] = await world.events(after=before)
    assert event.type == "liaison.challenge.announced.v1"
    assert (event.subject, event.key) == (f"challenge/{challenge.id}", challenge.id)
    assert event.public
    assert event.audience == {world.ilo.id, world.cern.id}
    assert Challenge.model_validate(event.data["challenge"]) == challenge


async def test_given_requirements_and_countries_stay_as_they_are(world: World) -> None:
    content = a_challenge(
        requirements=[{"id": "mine", "text": "4 K", "source": [0, 3]}], eligible_countries=["DK"]
    )
    challenge = await world.intake.challenges.announce(principal(world.cern), content)
    assert challenge.requirements == content.requirements
    assert challenge.eligible_countries == ("DK",)


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"deadline": date(2026, 11, 19)}, "/deadline", "has passed"),
        ({"deadline": date(2207, 2, 1)}, "/deadline", "Check the year"),
        ({"buyer": "cren"}, "/buyer", "Did you mean 'cern'?"),
        ({"buyer": "minalogic"}, "/buyer", "no buyer"),
        ({"buyer": new_id("org")}, "/buyer", "no buyer"),
        (
            {"requirements": [{"id": "r1", "text": "x", "source": [0, 19_999]}]},
            "/requirements/0/source",
            "no span of the need",
        ),
    ],
)
async def test_what_is_wrong_is_told_with_its_place(
    local: World, changes: dict[str, Any], pointer: str, said: str
) -> None:
    before = await local.head()
    with pytest.raises(InvalidInput) as caught:
        await local.intake.challenges.announce(principal(local.ilo), a_challenge(**changes))
    assert caught.value.errors[0].pointer == pointer
    assert said in caught.value.errors[0].detail
    assert await local.head() == before


async def test_a_deadline_is_over_when_it_is_over_everywhere(local: World, clock: MovableClock) -> None:
    content = a_challenge(deadline=date(2026, 11, 20))
    assert clock.now().date() == date(2026, 11, 21)  # 9 h UTC: at UTC-12 it is still the 20th
    await local.intake.challenges.announce(principal(local.ilo), content)
    clock.advance(4 * 3600)
    with pytest.raises(InvalidInput, match="has passed"):
        await local.intake.challenges.announce(principal(local.ilo), content)


async def test_who_is_not_appointed_is_told_for_whom_he_speaks(local: World) -> None:
    announce = local.intake.challenges.announce
    with pytest.raises(Forbidden, match="you announce for: cern"):
        await announce(principal(local.ilo), a_challenge(buyer="ess"))
    with pytest.raises(Forbidden, match="role bso or ilo"):
        await announce(principal(local.cluster), a_challenge())
    with pytest.raises(Forbidden, match="scope"):
        await announce(principal(local.ilo, "read"), a_challenge())


async def test_an_amendment_is_a_version_with_what_changed(world: World, clock: MovableClock) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    before = await world.head()
    clock.advance(60)
    later = content_of(first).model_copy(update={"deadline": date(2027, 3, 1)})
    second = await challenges.amend(ilo, first.id, later, at(1))
    assert (second.version, second.deadline) == (2, date(2027, 3, 1))
    assert second.announced_at == first.announced_at
    assert second.changed_at == clock.now()
    [event] = await world.events(after=before)
    assert event.type == "liaison.challenge.amended.v1"
    assert event.data["changes"] == [{"field": "deadline", "before": '"2027-02-01"', "after": '"2027-03-01"'}]
    versions = await challenges.versions(None, first.id, limit=9)
    assert [one.version for one in versions] == [2, 1]
    assert versions[0].changed_by == world.ilo.id
    assert [change.field for change in versions[0].changes] == ["deadline"]
    assert await challenges.version(None, first.id, 1) == first
    assert await challenges.versions(None, first.id, before=2, limit=9) == versions[1:]
    with pytest.raises(NotFound):
        await challenges.version(None, first.id, 3)


async def test_an_equal_amendment_is_none(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    before = await world.head()
    assert await challenges.amend(ilo, first.id, a_challenge(), at(1)) == first
    assert await world.head() == before


async def test_a_revision_may_be_computed_from_what_is_there(local: World) -> None:
    challenges, ilo = local.intake.challenges, principal(local.ilo)
    first = await challenges.announce(ilo, a_challenge())

    def retitled(content: ChallengeContent) -> ChallengeContent:
        return revised(content, {"title": content.title + "!"})

    second = await challenges.amend(ilo, first.id, retitled, at(1))
    assert second.title.endswith("line!")
    assert second.requirements == first.requirements


async def test_of_two_amendments_on_one_version_one_wins(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    before = await world.head()
    outcomes = await asyncio.gather(
        *(challenges.amend(ilo, first.id, a_challenge(title=f"Title {n}"), at(1)) for n in range(4)),
        return_exceptions=True,
    )
    [winner] = [one for one in outcomes if isinstance(one, Challenge)]
    assert sum(isinstance(one, PreconditionFailed) for one in outcomes) == 3
    assert await challenges.get(ilo, first.id) == winner
    assert len(await world.events(after=before)) == 1


async def test_amending_whichever_version_there_is_never_loses_a_change(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    outcomes = await asyncio.gather(
        challenges.amend(ilo, first.id, a_challenge(title="Another title"), anything),
        challenges.amend(ilo, first.id, a_challenge(deadline=date(2027, 4, 1)), anything),
        return_exceptions=True,
    )
    for one in outcomes:
        assert isinstance(one, Challenge | Conflict), one
    assert any(isinstance(one, Challenge) for one in outcomes)


async def test_only_its_own_people_change_a_challenge(local: World) -> None:
    challenges = local.intake.challenges
    first = await challenges.announce(principal(local.ilo), a_challenge())
    for stranger in (local.ess, local.cluster, local.firm):
        with pytest.raises(Forbidden):
            await challenges.amend(principal(stranger), first.id, a_challenge(title="Mine"), anything)
    second = await challenges.amend(principal(local.cern), first.id, a_challenge(title="Ours"), at(1))
    assert second.announced_by == local.ilo.id
    with pytest.raises(InvalidInput, match="buyer"):
        await challenges.amend(ADMIN, first.id, a_challenge(buyer="ess"), at(2))


async def test_an_ilo_that_lost_its_appointment_changes_nothing_any_more(local: World) -> None:
    challenges, ilo = local.intake.challenges, principal(local.ilo)
    first = await challenges.announce(ilo, a_challenge())
    entry = {name: getattr(local.ilo, name) for name in OrganisationContent.model_fields}
    content = OrganisationContent.model_validate({**entry, "appointed_to": ["ess"]})
    await local.directory.organisations.change(ADMIN, "ilo-dk", content, at(1))
    with pytest.raises(Forbidden, match="you announce for: ess"):
        await challenges.amend(ilo, first.id, a_challenge(title="Still mine"), at(1))


async def test_withdrawing_is_for_good_and_says_why(world: World) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    first = await challenges.announce(ilo, a_challenge())
    before = await world.head()
    gone = await challenges.withdraw(ilo, first.id, "The need has been met.", at(1))
    assert (gone.version, gone.state) == (2, ChallengeState.withdrawn)
    [event] = await world.events(after=before)
    assert event.type == "liaison.challenge.withdrawn.v1"
    assert event.data["reason"] == "The need has been met."
    assert (await challenges.versions(None, first.id, limit=1))[0].reason == "The need has been met."
    assert await challenges.get(None, first.id) == gone, "what was announced stays readable"
    for again in (
        challenges.withdraw(ilo, first.id, "Once more.", anything),
        challenges.amend(ilo, first.id, a_challenge(), anything),
    ):
        with pytest.raises(Conflict, match="was withdrawn"):
            await again
    assert await challenges.open_challenges() == []


async def test_a_draft_is_its_owners_alone_until_it_is_announced(world: World, clock: MovableClock) -> None:
    challenges, ilo = world.intake.challenges, principal(world.ilo)
    before = await world.head()
    draft = await challenges.announce(ilo, a_challenge(), draft=True)
    draft = await challenges.amend(ilo, draft.id, a_challenge(title="Second thoughts"), at(1))
    assert await world.head() == before, "nobody is told"
    for other in (principal(world.cern), principal(world.firm), None):
        with pytest.raises(NotFound):
            await challenges.get(other, draft.id)
        assert await challenges.page(other, EVERYTHING, limit=9) == []
    assert await challenges.page(ilo, EVERYTHING, limit=9) == [draft]
    assert await challenges.get(ADMIN, draft.id) == draft
    assert await challenges.open_challenges() == []

    clock.advance(3600)
    public = await challenges.publish(ilo, draft.id, at(2))
    assert (public.version, public.state) == (3, ChallengeState.announced)
    assert public.announced_at == clock.now()
    [event] = await world.events(after=before)
    assert event.type == "liaison.challenge.announced.v1"
    assert await challenges.get(None, draft.id) == public
    assert [one.version for one in await challenges.versions(None, draft.id, limit=9)] == [3]
    assert [one.version for one in await challenges.versions(ilo, draft.id, limit=9)] == [3, 2, 1]
    with pytest.raises(NotFound):
        await challenges.version(None, draft.id, 1)
    with pytest.raises(Conflict, match="announced already"):
        await challenges.publish(ilo, draft.id, at(3))


async def test_lists_are_narrowed_and_go_on(world: World) -> None:
    challenges = world.intake.challenges
    ids = {}
    announced: dict[str, dict[str, Any]] = {
        "sensor": {"cpv": ["38423000"], "deadline": date(2027, 1, 1)},
        "pump": {"title": "Pumpe für ÖL 100%", "need": "Deliver 5 bar.", "cpv": ["42122000", "38000000"]},
        "open": {"buyer": "ess", "title": "Open to all_of Europe"},
    }
    for key, changes in announced.items():
        ids[key] = (await challenges.announce(ADMIN, a_challenge(**changes))).id
    await challenges.withdraw(ADMIN, ids["pump"], "No.", anything)
    names = {value: key for key, value in ids.items()}

    async def found(**wanted: Any) -> set[str]:
        page = await challenges.page(None, ChallengeFilter(**wanted), limit=50)
        return {names[one.id] for one in page}

    assert await found() == {"sensor", "pump", "open"}
    assert await found(state=ChallengeState.withdrawn) == {"pump"}
    assert await found(buyer="ess") == await found(buyer=world.ess.id) == {"open"}
    assert await found(buyer="nobody") == set()
    assert await found(country="FR") == {"sensor", "pump", "open"}
    assert await found(country="DK") == {"open"}
    assert await found(cpv="38") == {"sensor", "pump"}
    assert await found(cpv="384") == {"sensor"}
    assert await found(text="pumpe FÜR öl") == {"pump"}
    assert await found(text="ess") == {"open"} | (await found(text="thermal"))
    assert await found(text="100%") == {"pump"}
    assert await found(text="all_of") == {"open"}
    assert await found(text="allxof") == set()
    assert await found(due_until=date(2027, 1, 1)) == {"sensor"}
    assert await found(due_from=date(2027, 1, 2)) == {"pump", "open"}

    seen: list[str] = []
    while page := await challenges.page(None, EVERYTHING, after=seen[-1] if seen else None, limit=2):
        seen += [one.id for one in page]
    assert seen == sorted(ids.values(), reverse=True)


async def test_other_rooms_read_what_is_open_now(world: World, clock: MovableClock) -> None:
    challenges = world.intake.challenges
    soon = await challenges.announce(ADMIN, a_challenge(deadline=date(2026, 12, 1)))
    late = await challenges.announce(ADMIN, a_challenge())
    assert {one.id for one in await challenges.open_challenges()} == {soon.id, late.id}
    assert [len(page) async for page in challenges.open_pages(1)] == [1, 1]
    clock.advance(timedelta(days=11, hours=3).total_seconds())  # noon: it is the 2nd everywhere
    assert {one.id for one in await challenges.open_challenges()} == {late.id}
    assert await challenges.many([soon.id, "chl_unknown"]) == {soon.id: soon}
    assert await challenges.many([]) == {}


async def test_what_is_no_id_is_not_found(local: World) -> None:
    for nonsense in ("chl_", "x\x00y", "ü", "\ud800"):
        with pytest.raises(NotFound):
            await local.intake.challenges.get(ADMIN, nonsense)


async def test_a_locked_database_is_unavailable_and_nothing_is_half_written(
    local: World,
) -> None:
    """Another process holds the file's write lock, as a backup tool does."""
    assert local.database.url.database is not None
    before = await local.head()
    async with local.database._durable.connect() as connection:
        await connection.execute(text("PRAGMA busy_timeout=50"))
    blocker = sqlite3.connect(local.database.url.database, isolation_level=None)
    try:
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            await local.intake.challenges.announce(principal(local.ilo), a_challenge())
        assert caught.value.headers["Retry-After"]
    finally:
        blocker.close()
    assert await local.head() == before
    assert await local.intake.challenges.page(ADMIN, EVERYTHING, limit=9) == []
    await local.intake.challenges.announce(principal(local.ilo), a_challenge())
