"""From a score to what people read: requirement by requirement, the words, the gaps, and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np

from schemas.challenge import Requirement
from schemas.match import (
    Answer,
    Gate,
    Improvement,
    MatchedChallenge,
    MatchedCompany,
    MatchState,
    MatchSuggestion,
    MatchVersions,
    RequirementMatch,
)
from services.indexing.generation import Generation
from services.intake.parts import REQUIREMENT_PREFIX, Part
from services.kernel.embedding.lexical import LexicalEncoder
from services.kernel.identifiers import new_id
from services.matching.across import likeness, similarities
from services.matching.board import OpenChallenge
from services.matching.calibration import likelihood
from services.matching.disclosure import PAGE
from services.matching.explanation import Vocabulary, carrying_words, missing_words
from services.matching.gates import gates
from services.matching.profiles import Profile
from services.matching.scoring import DECIMALS, FORMULA, POSSIBLE, MatchScore, PartScore

SUGGESTED = POSSIBLE
"""Lowest score that becomes a suggestion; what reaches a subscriber is the subscription's threshold."""

VOCABULARIES = 2_000
"""Vocabularies of profiles kept, some 20 kB each: a challenge meets a few hundred profiles. They are kept by
their texts: by profile, each version of one would stay, with its vectors, until so many others had come."""
HEADLINE_QUOTE = 80
"""Characters of a capability quoted in the headline: it must fit into the first line of a message."""


def versions_of(generation: Generation) -> MatchVersions:
    return MatchVersions(
        model=generation.embedder.model.fingerprint, index=generation.fingerprint, scoring=FORMULA
    )


class Composer:
    """Makes suggestions. `floor`: lowest score that is suggested."""

    def __init__(
        self, lexical: LexicalEncoder, *, public_url: str, versions: MatchVersions, floor: float = SUGGESTED
    ) -> None:
        self._lexical = lexical
        self._public_url = public_url
        self.versions = versions
        """What makes the scores; changed when another generation of the index serves."""
        self.floor = floor
        self._vocabulary = lru_cache(maxsize=VOCABULARIES)(self._make_vocabulary)

    def compose(
        self, challenge: OpenChallenge, profile: Profile, scored: MatchScore, *, because: str, now: datetime
    ) -> MatchSuggestion:
        """The suggestion of a pair whose score reaches the floor; a fresh id, state `suggested`."""
        reached = scored.strength
        if reached is None:
            raise ValueError(f"a score of {scored.score} is below what is suggested")
        requirements = {REQUIREMENT_PREFIX + one.id: one for one in challenge.challenge.requirements}
        answers = tuple(
            self._requirement(requirements[part.id], part, challenge, profile)
            for part in scored.parts
            if part.id in requirements
        )
        missing = {part.id for part in scored.parts if part.missing}
        gaps = tuple(one.id for one in answers if one.mandatory and REQUIREMENT_PREFIX + one.id in missing)
        about, company = challenge.challenge, profile.company
        return MatchSuggestion(
            id=new_id("mat"),
            state=MatchState.suggested,
            challenge=MatchedChallenge.of(about, page=f"{self._public_url}/challenges/{about.id}"),
            company=MatchedCompany.of(company),
            score=scored.score,
            strength=reached,
            likelihood=round(likelihood(scored.score), DECIMALS),
            headline=headline(answers, len(missing - {scored.parts[0].id})),
            requirements=answers,
            gates=self._gates(challenge, profile),
            gaps=gaps,
            improvement=self._improvement(challenge, profile, answers),
            because=because,
            scoring_page=self._public_url + PAGE,
            versions=self.versions,
            suggested_at=now,
            changed_at=now,
        )

    def _requirement(
        self, requirement: Requirement, part: PartScore, challenge: OpenChallenge, profile: Profile
    ) -> RequirementMatch:
        capability: Part | None = None if part.capability is None else profile.parts[part.capability]
        answered = capability is not None and not part.missing
        return RequirementMatch(
            id=requirement.id,
            text=requirement.text,
            kind=requirement.kind,
            mandatory=requirement.mandatory,
            score=part.score,
            answered_by=Answer(
                capability=capability.stated_as,
                text=capability.text,
                similarity=part.similarity,
                across_languages=part.across_languages,
            )
            if capability is not None
            else None,
            words=carrying_words(requirement.text, capability.text, self._lexical)
            if capability is not None and answered
            else (),
            missing=() if answered else self._missing(requirement, challenge, profile),
        )

    def _improvement(
        self, challenge: OpenChallenge, profile: Profile, answers: Sequence[RequirementMatch]
    ) -> Improvement | None:
        """Of the requirement that is answered least; the first of several."""
        if not answers:
            return None
        weakest = min(answers, key=lambda one: (not one.mandatory, one.score))
        return Improvement(
            requirement=weakest.id,
            text=weakest.text,
            mandatory=weakest.mandatory,
            score=weakest.score,
            nearest=weakest.answered_by or _nearest(challenge, profile, weakest.id),
            missing=self._missing(weakest, challenge, profile),
        )

    def _missing(
        self, requirement: Requirement | RequirementMatch, challenge: OpenChallenge, profile: Profile
    ) -> tuple[str, ...]:
        """Words that nothing in the profile has; none where the profile has no text in their language, which
        cannot have them."""
        language = _language(challenge, requirement.id)
        vocabulary = self._vocabulary(_texts_in(profile, language))
        return () if vocabulary is None else missing_words(requirement.text, vocabulary, self._lexical)

    def _gates(self, challenge: OpenChallenge, profile: Profile) -> tuple[Gate, ...]:
        return gates(challenge.challenge, profile.company)

    def _make_vocabulary(self, texts: tuple[str, ...]) -> Vocabulary | None:
        return Vocabulary(texts, self._lexical) if texts else None


def _texts_in(profile: Profile, language: str | None) -> tuple[str, ...]:
    """Its texts in a language; all of them, where languages are not told apart."""
    said = profile.texts.said
    return tuple(
        part.text
        for place, part in enumerate(profile.parts)
        if said is None or language is None or said.languages[place] == language
    )


def _language(challenge: OpenChallenge, requirement: str) -> str | None:
    said = challenge.texts.texts.said
    return None if said is None else said.languages[_row(challenge, requirement)]


def _row(challenge: OpenChallenge, requirement: str) -> int:
    return [part.id for part in challenge.parts].index(REQUIREMENT_PREFIX + requirement)


def _nearest(challenge: OpenChallenge, profile: Profile, requirement: str) -> Answer | None:
    """The text of the company that comes nearest to a requirement, however far it is; None if it has none."""
    if not profile.parts:
        return None
    row = _row(challenge, requirement)
    place = int(np.argmax(similarities(challenge.texts.texts, profile.texts)[row]))
    cosine, across = likeness(challenge.texts.texts, row, profile.texts, place)
    part = profile.parts[place]
    return Answer(
        capability=part.stated_as,
        text=part.text,
        similarity=round(min(1.0, max(0.0, cosine)), DECIMALS),
        across_languages=across,
    )


def headline(answers: tuple[RequirementMatch, ...], unanswered: int) -> str:
    """One sentence: how many requirements are answered, the best answer, and what is missing most."""
    if not answers:
        return "The profile as a whole is near to the need."
    answered = len(answers) - unanswered
    plural = "requirement" if len(answers) == 1 else "requirements"
    best = max(answers, key=lambda one: one.score)
    sentence = f"{answered} of {len(answers)} {plural}"
    if best.answered_by is not None and answered:
        sentence += f"; “{_quoted(best.answered_by.text)}” answers {best.id}"
    lacking = [one for one in answers if one.missing]
    if lacking:
        worst = min(lacking, key=lambda one: (not one.mandatory, one.score))
        sentence += f"; missing: {', '.join(worst.missing)}"
    return sentence


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= HEADLINE_QUOTE:
        return line
    return line[:HEADLINE_QUOTE].rsplit(" ", 1)[0] + " …"
