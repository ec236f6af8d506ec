"""Use cases of the dialogue: asking, answering everybody at once, and reading it.

Equal treatment (Directive 2014/24/EU, art. 41): what one participant is told, all are told at the same
moment, and neither they nor the buyer learn who asked.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import OPEN_STATES, Challenge, ChallengeState
from schemas.codes import quoted
from schemas.dialogue import (
    Dialogue,
    Entry,
    EntryContent,
    Publication,
    Question,
    QuestionContent,
    QuestionDecline,
    QuestionState,
)
from schemas.organisation import Organisation
from services.dialogue import store, telling
from services.dialogue.model import QuestionRow
from services.intake.completion import takes_answers
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from services.kernel.security import Principal

WAITING_MAX = 20
"""Questions of one organisation on one challenge that wait for an answer: more is a questionnaire."""
WAITING_OF_ALL_MAX = 500
"""Of all organisations: more than anybody reads, and a sign of a machine that asks."""
NAME_MIN = 3
"""Characters of a name that is looked for in a question: shorter ones are words."""
ANSWERED_STATES = OPEN_STATES | {ChallengeState.consultation_closed, ChallengeState.reported}
"""States in which a buyer may still answer: what was asked on the last day is answered afterwards."""


class Challenges(Protocol):
    async def get(self, principal: Principal | None, challenge: str) -> Challenge:
        """NotFound where the principal, None being nobody who is signed in, may not know of it."""


class Organisations(Protocol):
    async def find(self, organisation: str) -> Organisation | None: ...


class Dialogues:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        challenges: Challenges,
        organisations: Organisations,
        public_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._challenges = challenges
        self._organisations = organisations
        self._public_url = public_url

    async def get(self, principal: Principal | None, challenge: str) -> Dialogue:
        """What everybody reads, and the reader's own part of it. NotFound as of the challenge."""
        found = await self._challenges.get(principal, challenge)
        answers = principal is not None and _answers(principal, found)
        async with self._database.read() as tx:
            entries = await store.entries(tx, found.id)
            questions: tuple[Question, ...] = ()
            if principal is not None:
                questions = (
                    await store.waiting(tx, found.id)
                    if answers
                    else await store.asked_by(tx, found.id, principal.organisation)
                )
        return Dialogue(
            challenge=found.id,
            open=takes_answers(found, self._clock.now()),
            closes=found.deadline,
            entries=entries,
            questions=questions,
            waiting=len(questions) if answers else None,
        )

    async def asking(
        self, principal: Principal, challenge: str, content: QuestionContent
    ) -> Callable[[AsyncSession], Awaitable[Question]]:
        """What comes back hands the question to the buyer's side, which does not learn who asked.

        Forbidden for the buyer's side itself, Conflict where no questions are taken (any more), or too many
        wait; InvalidInput for a question that names who asks.
        """
        principal.needs_scope("write")
        found = await self._challenges.get(principal, challenge)
        if _answers(principal, found):
            raise Forbidden("You answer this challenge's questions. Publish what you have to say to all.")
        if not takes_answers(found, self._clock.now()):
            raise Conflict(_closed(found))
        own = await self._organisations.find(principal.organisation)
        if own is not None and _names(content.text, own):
            detail = (
                f"The question names you ({own.name}), and it is published: everybody would know who asked. "
                "Write it without your name."
            )
            raise InvalidInput(detail, errors=[FieldError(pointer="/text", detail=detail)])

        async def write(tx: AsyncSession) -> Question:
            table = QuestionRow.__table__.c
            here = (table.challenge == found.id, table.state == QuestionState.received.value)
            if await store.count(tx, *here, table.asker == principal.organisation) >= WAITING_MAX:
                raise Conflict(f"{WAITING_MAX} questions of yours wait for an answer. Wait for some of them.")
            if await store.count(tx, *here) >= WAITING_OF_ALL_MAX:
                raise Conflict(f"{WAITING_OF_ALL_MAX} questions wait for an answer. Ask when some have one.")
            now = self._clock.now()
            made = Question(
                id=new_id("que"),
                challenge=found.id,
                text=content.text,
                state=QuestionState.received,
                received_at=now,
            )
            await store.add_question(tx, made, asker=principal.organisation)
            await journal.append(tx, [telling.received(found, made.id, self._public_url)], now=now)
            return made

        return write

    async def publishing(
        self, principal: Principal, challenge: str, content: Publication
    ) -> Callable[[AsyncSession], Awaitable[tuple[Entry, ...]]]:
        """What comes back publishes these answers: one event, one moment, for everybody.

        Forbidden for others than the buyer's side; InvalidInput for a question that is not there, is named
        twice, or is merged with others without a wording; Conflict for one that has its answer already, or
        where the challenge is over.
        """
        found = await self._answerable(principal, challenge)
        _check(content.entries)

        async def write(tx: AsyncSession) -> tuple[Entry, ...]:
            named = [question for entry in content.entries for question in entry.questions]
            questions = await store.locked(tx, found.id, named)
            _check_waiting(content.entries, questions)
            now = self._clock.now()
            numbers = await store.take_numbers(tx, found.id, len(content.entries))
            entries = tuple(
                Entry(
                    number=number,
                    question=one.wording or (questions[one.questions[0]].text if one.questions else None),
                    answer=one.answer,
                    merged=len(one.questions),
                    published_at=now,
                )
                for number, one in zip(numbers, content.entries, strict=True)
            )
            await store.add_entries(tx, found.id, entries, by=principal.organisation)
            for entry, one in zip(entries, content.entries, strict=True):
                if one.questions:
                    await store.settle(tx, one.questions, QuestionState.answered, at=now, entry=entry.number)
            await journal.append(tx, [telling.published(found, entries, self._public_url)], now=now)
            return entries

        return write

    async def declining(
        self, principal: Principal, challenge: str, question: str, content: QuestionDecline
    ) -> Callable[[AsyncSession], Awaitable[Question]]:
        """What comes back tells whoever asked why there is no answer. Raises as `publishing`, and NotFound
        for a question that is not there."""
        found = await self._answerable(principal, challenge)

        async def write(tx: AsyncSession) -> Question:
            present = (await store.locked(tx, found.id, [question])).get(question)
            if present is None:
                raise NotFound(f"This dialogue has no question {quoted(question)}.")
            if present.state is not QuestionState.received:
                raise Conflict(f"This question is {present.state.value} already.")
            now = self._clock.now()
            await store.settle(tx, [question], QuestionState.declined, at=now, reason=content.reason)
            asker = await store.asker_of(tx, question)
            told = telling.declined(found, question, content.reason, self._public_url, asker=asker)
            await journal.append(tx, [told], now=now)
            return present.model_copy(update={"state": QuestionState.declined, "reason": content.reason})

        return write

    async def _answerable(self, principal: Principal, challenge: str) -> Challenge:
        principal.needs_scope("write")
        found = await self._challenges.get(principal, challenge)
        if not _answers(principal, found):
            raise Forbidden("Only the buyer, or who announced for it, answers questions on a challenge.")
        if found.state not in ANSWERED_STATES:
            raise Conflict(f"The challenge is {found.state.value}: its dialogue is over, or has not begun.")
        return found


def _answers(principal: Principal, challenge: Challenge) -> bool:
    return principal.is_admin or principal.organisation in (challenge.buyer, challenge.announced_by)


def _closed(challenge: Challenge) -> str:
    if challenge.state is ChallengeState.draft:
        return "The dialogue begins when the challenge is announced."
    return "The dialogue is over: the challenge takes no more questions. What was answered stays here."


def _names(text: str, organisation: Organisation) -> bool:
    return len(organisation.name) >= NAME_MIN and bool(
        re.search(rf"(?<!\w){re.escape(organisation.name.casefold())}(?!\w)", text.casefold())
    )


def _check(entries: Sequence[EntryContent]) -> None:
    errors, seen = [], set[str]()
    for place, entry in enumerate(entries):
        if len(entry.questions) > 1 and entry.wording is None:
            detail = "Several questions are merged: give the wording in which they are published."
            errors.append(FieldError(pointer=f"/entries/{place}/wording", detail=detail))
        for at, question in enumerate(entry.questions):
            if question in seen:
                detail = f"{quoted(question)} is named twice; a question has one answer."
                errors.append(FieldError(pointer=f"/entries/{place}/questions/{at}", detail=detail))
            seen.add(question)
    _refuse(errors)


def _check_waiting(entries: Sequence[EntryContent], known: dict[str, Question]) -> None:
    errors: list[Any] = []
    for place, entry in enumerate(entries):
        for at, question in enumerate(entry.questions):
            if question not in known:
                detail = f"This dialogue has no question {quoted(question)}."
                errors.append(FieldError(pointer=f"/entries/{place}/questions/{at}", detail=detail))
    _refuse(errors)
    for one in known.values():
        if one.state is not QuestionState.received:
            raise Conflict(
                f"Question {quoted(one.id)} is {one.state.value} already. Read the dialogue again."
            )


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidInput(" ".join(dict.fromkeys(one.detail for one in errors)), errors=errors)
