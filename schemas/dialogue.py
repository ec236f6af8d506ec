"""The market dialogue of a challenge: questions, and answers that everybody reads at the same moment."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.base import ChallengeId, Contract, QuestionId
from schemas.match import MatchedChallenge
from schemas.text import Note, PlainText

ANSWER_MAX = 10_000
"""An answer of three pages; what is longer is a document, named by its address among the attachments."""
MERGED_MAX = 50
"""Questions that one answer may answer."""
PUBLISHED_MAX = 100
"""Answers published at one moment."""

Answer = Annotated[str, PlainText(ANSWER_MAX, lines=True)]


class QuestionState(StrEnum):
    """`declined`: the buyer does not answer it, and says why to whoever asked."""

    received = "received"
    answered = "answered"
    declined = "declined"


class QuestionContent(Contract):
    """A question to the buyer. It is published as it is written, or in the buyer's words, without who asked:
    leave out who you are, and what others must not read."""

    text: Note


class Question(QuestionContent):
    """A question as its asker and the buyer's side see it: nobody is told who asked. `entry`: the number
    under which it was answered; `reason`: why it was declined."""

    id: QuestionId
    challenge: ChallengeId
    state: QuestionState
    received_at: AwareDatetime
    entry: int | None = None
    reason: Note | None = None


class EntryContent(Contract):
    """One answer. `questions`: those that it answers, several where they ask the same; none for something
    that the buyer has to say to all. `wording`: the question as it is published; None: as it was asked."""

    questions: Annotated[tuple[QuestionId, ...], Field(max_length=MERGED_MAX)] = ()
    wording: Note | None = None
    answer: Answer


class Publication(Contract):
    """Answers that everybody is to read at the same moment."""

    entries: Annotated[tuple[EntryContent, ...], Field(min_length=1, max_length=PUBLISHED_MAX)]


class QuestionDecline(Contract):
    """Whoever asked reads the reason, and nobody else."""

    reason: Note


class Entry(Contract):
    """What was published: it never changes, and a correction is an entry of its own. `question` is None for
    something that the buyer had to say to all; `merged`: how many questions it answers."""

    number: Annotated[int, Field(ge=1)]
    question: Note | None
    answer: Answer
    merged: Annotated[int, Field(ge=0)]
    published_at: AwareDatetime


class Published(Contract):
    """What was published just now."""

    entries: tuple[Entry, ...]


class Dialogue(Contract):
    """The dialogue as its reader may see it. `open`: questions are taken, up to the end of `closes`
    everywhere on Earth. `entries`: what everybody reads, the oldest first. `questions`: the reader's own;
    on the buyer's side those that wait for an answer. `waiting`: how many those are, for that side."""

    challenge: ChallengeId
    open: bool
    closes: date
    entries: tuple[Entry, ...]
    questions: tuple[Question, ...] = ()
    waiting: int | None = None


class DialogueNews(Contract):
    """What every event of a dialogue has."""

    challenge: MatchedChallenge


class QuestionNews(DialogueNews):
    """`question` by its id: what it says is read from the dialogue, so that what was not published stands in
    no event."""

    question: QuestionId
