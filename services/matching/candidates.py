"""Pairs that were scored, the best first, and the suggestions that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.match import MatchSuggestion
from services.matching.board import OpenChallenge
from services.matching.changes import Pair
from services.matching.evidence import DISCOUNT
from services.matching.profiles import Profile
from services.matching.scoring import Challenges, Companies, Scored
from services.matching.suggestion import Composer


@dataclass(frozen=True, slots=True)
class Candidates:
    """`pairs`: places of challenge and profile, for those worth suggesting, the best first, equals by the
    ids of company and challenge."""

    challenges: Sequence[OpenChallenge]
    profiles: Sequence[Profile]
    scored: Scored | None
    pairs: Sequence[tuple[int, int]]

    def suggestions(
        self, pairs: Iterable[tuple[int, int]], composer: Composer, *, because: str, now: datetime
    ) -> dict[Pair, MatchSuggestion]:
        """Explains some of the pairs: about a millisecond each, so that a thread is the place for it."""
        found: dict[Pair, MatchSuggestion] = {}
        for row, column in pairs:
            assert self.scored is not None
            details = self.scored.details(row, column)
            challenge, profile = self.challenges[row], self.profiles[column]
            one = composer.compose(challenge, profile, details, because=because, now=now)
            found[one.challenge.id, one.company.id] = one
        return found


def candidates(
    challenges: Sequence[OpenChallenge],
    profiles: Sequence[Profile],
    *,
    floor: float,
    stack: Challenges | None = None,
    discount: float = DISCOUNT,
) -> Candidates:
    """All of them against each other. `stack`: the challenges stacked, if that is at hand; `discount`: see
    `Scored`."""
    if not challenges or not profiles:
        return Candidates(challenges, profiles, None, ())
    scored = Scored(
        stack or Challenges([one.texts for one in challenges]),
        Companies([profile.texts for profile in profiles]),
        discount,
    )
    rows, columns = (scored.totals >= floor).nonzero()
    found = zip(scored.totals[rows, columns].tolist(), rows.tolist(), columns.tolist(), strict=True)
    ranked = sorted(
        found, key=lambda one: (-one[0], profiles[one[2]].company.id, challenges[one[1]].challenge.id)
    )
    pairs = [(row, column) for _, row, column in ranked]
    return Candidates(challenges, profiles, scored, pairs)
