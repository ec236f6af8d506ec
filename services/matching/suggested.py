"""To whom a challenge was suggested, for those who tell them what becomes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select

from schemas.match import CompanyAnswer
from services.kernel.database import Database
from services.matching.changes import GONE
from services.matching.handlers import Clusters
from services.matching.model import MatchRow


@dataclass(frozen=True, slots=True)
class Told:
    """A company that a challenge was suggested to, with its score. `readers`: the organisations of its side:
    its owner, and the clusters that receive for it."""

    score: float
    readers: frozenset[str]


class Suggested:
    def __init__(self, database: Database, clusters: Clusters) -> None:
        self._database = database
        self._clusters = clusters

    async def of(self, challenges: Collection[str]) -> Mapping[str, Mapping[str, Told]]:
        """By challenge and company. With those whose challenge takes no more answers, and those that are
        interested in what fits no longer; without those for whom it is not."""
        if not challenges:
            return {}
        query = select(MatchRow.challenge, MatchRow.company, MatchRow.company_owner, MatchRow.score).where(
            MatchRow.challenge.in_(sorted(challenges)),
            or_(
                MatchRow.answer == CompanyAnswer.interested.value,
                MatchRow.answer.is_(None) & MatchRow.state.not_in(GONE),
            ),
        )
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).all()
        clusters = await self._clusters.clusters_of({row.company for row in rows})
        found: defaultdict[str, dict[str, Told]] = defaultdict(dict)
        for row in rows:
            readers = frozenset({row.company_owner, *clusters[row.company]})
            found[row.challenge][row.company] = Told(row.score, readers)
        return found
