"""What one batch of events found out: suggestions that stand, and what was looked at to say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.events import ChallengeMatched
from schemas.match import MatchSuggestion
from services.matching.board import OpenChallenge
from services.matching.changes import Pair
from services.matching.evidence import Background
from services.matching.specialists import Specialist


@dataclass(slots=True)
class Findings:
    now: dict[Pair, MatchSuggestion] = field(default_factory=dict)
    """Suggestions that stand."""
    specialists: dict[Pair, Specialist] = field(default_factory=dict)
    """Pairs that are no suggestions, of a company that answers a requirement well; of challenges in `matched`
    and companies in `rescored` all that there are."""
    begun: set[str] = field(default_factory=set)
    """Challenges of which only the best companies were looked at as yet: nothing of theirs is gone."""
    matched: set[str] = field(default_factory=set)
    """Challenges that looked for companies: a suggestion of theirs not in `now` no longer stands."""
    rescored: set[str] = field(default_factory=set)
    """Companies held against every challenge in `open`; likewise."""
    open: set[str] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)
    """Challenges and companies that are gone, and how."""
    over: set[str] = field(default_factory=set)
    """Challenges that take no more answers: what was suggested stays, and nothing is suggested any more."""
    measured: list[tuple[OpenChallenge, Mapping[str, Background]]] = field(default_factory=list)
    settled: list[ChallengeMatched] = field(default_factory=list)

    @property
    def may_retract(self) -> bool:
        """Whether there may be suggestions that stood and do not stand any more."""
        return bool(self.matched or self.rescored or self.closed)

    def leave_out_closed(self) -> None:
        closed = self.closed.keys() | self.over
        self.now = {pair: one for pair, one in self.now.items() if closed.isdisjoint(pair)}
        self.specialists = {pair: one for pair, one in self.specialists.items() if closed.isdisjoint(pair)}

    def why_gone(self, pair: Pair) -> str | None:
        """Why a suggestion that stood does not stand any more; None: it does, or was not looked at."""
        challenge, company = pair
        for one in pair:
            if one in self.closed:
                return self.closed[one]
        if pair in self.now:
            return None
        if challenge in self.matched or (company in self.rescored and challenge in self.open):
            return "it no longer fits"
        return None
