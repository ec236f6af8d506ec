"""Equal treatment: everybody reads the same at the same moment, and nobody learns who asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import ChallengeContent, ChallengeStep
from schemas.dialogue import Entry, Publication, Question, QuestionContent, QuestionDecline
from schemas.organisation import Organisation
from services.dialogue.service import Dialogues
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound
from tests.conftest import MovableClock
from tests.intake.people import World, anything, build, principal

T = TypeVar("T")

NEED: dict[str, Any] = {
    "title": "Pressure sensor for a helium line",
    "need": "We need to measure pressure at 4 K.",
    "buyer": "cern",
    "deadline": "2026-12-20",
}


class Room:
    """The dialogue on one challenge of CERN's, which its liaison officer announced."""

    def __init__(self, world: World, database: Database, clock: MovableClock, challenge: str) -> None:
        self.world = world
        self.database = database
        self.challenge = challenge
        self.dialogues = Dialogues(
            database,
            clock,
            challenges=world.intake.challenges,
            organisations=world.directory.organisations,
            public_url="https://liaison.test",
        )

    async def ask(self, by: Organisation, text: str) -> Question:
        content = QuestionContent(text=text)
        return await self._do(await self.dialogues.asking(principal(by), self.challenge, content))

    async def publish(self, by: Organisation, *entries: dict[str, Any]) -> tuple[Entry, ...]:
        content = Publication.model_validate({"entries": entries})
        return await self._do(await self.dialogues.publishing(principal(by), self.challenge, content))

    async def decline(self, by: Organisation, question: str, reason: str) -> Question:
        content = QuestionDecline(reason=reason)
        return await self._do(
            await self.dialogues.declining(principal(by), self.challenge, question, content)
        )

    async def events(self) -> list[Event]:
        return [one for one in await self.world.events() if one.type.startswith("liaison.dialogue.")]

    async def _do(self, write: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async with self.database.write() as tx:
            return await write(tx)


@pytest.fixture
async def room(database: Database, clock: MovableClock) -> Room:
    world = await build(database, clock)
    content = ChallengeContent.model_validate(NEED)
    made = await world.intake.challenges.announce(principal(world.ilo), content)
    return Room(world, database, clock, made.id)


async def test_answers_are_published_to_all_at_once_without_who_asked(room: Room) -> None:
    world, dialogues = room.world, room.dialogues
    first = await room.ask(world.firm, "Which range of pressure?")
    second = await room.ask(world.cluster, "From what to what does the pressure go?")
    third = await room.ask(world.ess, "May it be read out optically?")
    fourth = await room.ask(world.cluster, "Who else has asked?")

    buyers = await dialogues.get(principal(world.cern), room.challenge)
    assert [one.id for one in buyers.questions] == [first.id, second.id, third.id, fourth.id]
    assert (buyers.waiting, buyers.open) == (4, True)
    own = await dialogues.get(principal(world.firm), room.challenge)
    assert ([one.id for one in own.questions], own.entries, own.waiting) == ([first.id], (), None)
    assert (await dialogues.get(None, room.challenge)).questions == ()

    with pytest.raises(InvalidInput, match="merged: give the wording"):
        await room.publish(world.cern, {"questions": [first.id, second.id], "answer": "0.1 to 20 bar."})
    with pytest.raises(InvalidInput, match="named twice"):
        await room.publish(
            world.cern,
            {"questions": [first.id], "answer": "A"},
            {"questions": [first.id], "answer": "B"},
        )
    published = await room.publish(
        world.cern,
        {"questions": [first.id, second.id], "wording": "Which range?", "answer": "0.1 to 20 bar."},
        {"questions": [third.id], "answer": "Yes."},
        {"answer": "The site may be visited on 3 December."},
    )
    await room.decline(world.ilo, fourth.id, "Nobody is told who asks.")
    with pytest.raises(Conflict, match="answered already"):
        await room.publish(world.cern, {"questions": [third.id], "answer": "No."})
    with pytest.raises(Conflict, match="declined already"):
        await room.decline(world.cern, fourth.id, "Again.")

    everybody = [None, *map(principal, (world.firm, world.cluster, world.ess, world.cern))]
    read = [(await dialogues.get(reader, room.challenge)).entries for reader in everybody]
    assert read == [published] * len(everybody)
    assert [(one.number, one.question, one.merged) for one in published] == [
        (1, "Which range?", 2),
        (2, "May it be read out optically?", 1),
        (3, None, 0),
    ]
    theirs = (await dialogues.get(principal(world.cluster), room.challenge)).questions
    assert [(one.state, one.entry, one.reason) for one in theirs] == [
        ("answered", 1, None),
        ("declined", None, "Nobody is told who asks."),
    ]

    events = await room.events()
    assert [(one.type.split(".")[2], one.public) for one in events] == [
        *[("question-received", False)] * 4,
        ("published", True),
        ("question-declined", False),
    ]
    side = {world.cern.id, world.ilo.id}
    assert [one.audience for one in events] == [side, side, side, side, frozenset(), {world.cluster.id}]
    told = str([one.data for one in events])
    assert not any(asker.id in told for asker in (world.firm, world.cluster, world.ess))
    assert "optically" not in str(events[2].data), "what was not published stands in no event"


async def test_who_may_ask_and_answer_and_until_when(room: Room, clock: MovableClock) -> None:
    world = room.world
    for owner in (world.cern, world.ilo):
        with pytest.raises(Forbidden, match="Publish what you have to say to all"):
            await room.ask(owner, "Is it so?")
    with pytest.raises(InvalidInput, match="everybody would know who asked"):
        await room.ask(world.firm, f"May {world.firm.name.upper()} visit?")
    asked = await room.ask(world.firm, "May we visit?")
    for other in (world.firm, world.cluster, world.ess):
        with pytest.raises(Forbidden, match="Only the buyer"):
            await room.publish(other, {"questions": [asked.id], "answer": "Yes."})
        with pytest.raises(Forbidden, match="Only the buyer"):
            await room.decline(other, asked.id, "No.")
    unknown = "que_" + "0" * 26
    with pytest.raises(InvalidInput, match="no question"):
        await room.publish(world.cern, {"questions": [unknown], "answer": "Yes."})
    with pytest.raises(NotFound):
        await room.decline(world.cern, unknown, "No.")
    with pytest.raises(NotFound):
        await room.dialogues.get(principal(world.firm), "chl_" + "0" * 26)
    for number in range(19):
        await room.ask(world.firm, f"Question {number}?")
    with pytest.raises(Conflict, match="20 questions of yours wait"):
        await room.ask(world.firm, "One more?")

    clock.advance(timedelta(days=31).total_seconds())
    assert not (await room.dialogues.get(None, room.challenge)).open
    with pytest.raises(Conflict, match="takes no more questions"):
        await room.ask(world.cluster, "Too late?")
    assert await room.publish(world.ilo, {"questions": [asked.id], "answer": "Yes."}), (
        "what was asked in time is answered"
    )
    await world.intake.challenges.withdraw(principal(world.ilo), room.challenge, "no money", anything)
    with pytest.raises(Conflict, match="withdrawn"):
        await room.publish(world.cern, {"answer": "It is over."})


async def test_when_the_consultation_is_closed_questions_end_and_answers_go_on_until_the_decision(
    room: Room,
) -> None:
    world, cern = room.world, principal(room.world.cern)
    asked = await room.ask(world.firm, "Is 50 Hz enough?")
    challenges = world.intake.challenges
    closed = ChallengeStep.model_validate({"to": "consultation-closed"})
    await challenges.step(cern, room.challenge, closed, anything)
    assert not (await room.dialogues.get(None, room.challenge)).open
    with pytest.raises(Conflict, match="takes no more questions"):
        await room.ask(world.cluster, "Too late?")
    assert await room.publish(world.cern, {"questions": [asked.id], "answer": "It is."})
    decided = ChallengeStep.model_validate({"to": "decided", "decision": {"outcome": "buy"}})
    await challenges.step(cern, room.challenge, decided, anything)
    with pytest.raises(Conflict, match="is decided"):
        await room.publish(world.cern, {"answer": "It is over."})


async def test_drafts_have_no_dialogue_yet(room: Room) -> None:
    content = ChallengeContent.model_validate({**NEED, "draft_readers": "buyers"})
    world = room.world
    draft = await world.intake.challenges.announce(principal(world.cern), content, draft=True)
    room.challenge = draft.id
    assert not (await room.dialogues.get(principal(world.ess), draft.id)).open
    with pytest.raises(Conflict, match="begins when the challenge is announced"):
        await room.ask(world.ess, "What for?")
