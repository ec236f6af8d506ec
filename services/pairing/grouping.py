"""Groups of more than two buyers: kept up with the pairings that make them, told of, and read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.events import (
    EventData,
    GroupChanged,
    GroupDissolved,
    GroupFormed,
    PairingDissolved,
    PairingSuggested,
    PairingUpdated,
)
from schemas.pairing import Group, GroupState, PairingState
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.journal import Event
from services.kernel.problems import NotFound
from services.kernel.security import Principal
from services.kernel.stream.port import Plan
from services.pairing import group_store, store, telling
from services.pairing.model import GroupRow
from services.pairing.regrouping import GroupChange, regroup, standing

BATCH = 64
"""Events at once: an imported plan makes hundreds of pairings, which are looked at together."""
SHOWN_MAX = 200
"""More groups than a person looks through."""


class FormGroups:
    """Handler `pairing-groups`: pairings in, groups out. It looks at pairings as they are now."""

    name = "pairing-groups"
    consumes = frozenset({PairingSuggested.TYPE, PairingUpdated.TYPE, PairingDissolved.TYPE})
    batch = BATCH

    def __init__(self, clock: Clock, *, public_url: str) -> None:
        self._clock = clock
        self._public_url = public_url

    async def prepare(self, events: Sequence[Event]) -> Plan:
        causes = {need: event for event in events for need in telling.needs_of(event.data)}

        async def plan(tx: AsyncSession) -> None:
            # Read under the locks of all pairings of these needs: of two looks at one neighbourhood the later
            # sees what the earlier has written.
            about = await store.of_needs(tx, causes, lock=True)
            near = {need for pair, one in about.items() if _stands(one.state) for need in pair}
            pairings = about | await store.among(tx, near - causes.keys())
            found = standing({pair: one for pair, one in pairings.items() if _stands(one.state)}, causes)
            before = await group_store.of_needs(tx, causes, lock=True)
            now = self._clock.now()
            told = []
            for change in regroup(before, found, at=now, public_url=self._public_url):
                await group_store.put(tx, change.after, new=change.before is None)
                needs = {need.id for one in (change.after, change.before) if one for need in one.needs}
                cause = next(event for need, event in causes.items() if need in needs)
                told += _told(change, cause.correlation_id)
            await journal.append(tx, told, now=now)

        return plan


class Groups:
    """Groups, bound to their reader: whoever has a need among them, and administrators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, principal: Principal) -> list[Group]:
        """Those that stand, the largest first."""
        conditions = [GroupRow.__table__.c.state == GroupState.formed.value]
        if not principal.is_admin:
            conditions.append(group_store.with_a_need_of(principal.organisation))
        async with self._database.read() as tx:
            return await group_store.page(tx, conditions, limit=SHOWN_MAX)

    async def get(self, principal: Principal, group: str) -> Group:
        """Also one that is dissolved. NotFound for one that is not there, or not for this reader."""
        conditions = [GroupRow.__table__.c.id == group]
        if not principal.is_admin:
            conditions.append(group_store.with_a_need_of(principal.organisation))
        async with self._database.read() as tx:
            found = await group_store.page(tx, conditions, limit=1)
        if not found:
            raise NotFound(
                f"There is no group {quoted(group)} that you may see. GET /v1/pairings/groups lists yours."
            )
        return found[0]


def _stands(state: PairingState) -> bool:
    return state is not PairingState.dissolved


def _told(change: GroupChange, correlation_id: str | None) -> list[journal.NewEvent]:
    after, before = change.after, change.before
    fields = {name: getattr(after, name) for name in Group.model_fields} | {"headline": _headline(after)}
    data: EventData
    match change.what:
        case "silent":
            return []
        case "formed":
            data = GroupFormed(**fields)
        case "dissolved":
            data = GroupDissolved(**fields)
        case "changed":
            assert before is not None
            now, then = ([need.id for need in one.needs] for one in (after, before))
            data = GroupChanged(
                **fields,
                joined=tuple(need for need in now if need not in then),
                left=tuple(need for need in then if need not in now),
            )
    needs = [need for one in (after, before) if one is not None for need in one.needs]
    return [
        journal.NewEvent(
            type=data.TYPE,
            subject=f"pairing-group/{after.id}",
            key=after.id,
            data=data.model_dump(mode="json"),
            audience=frozenset(one for need in needs for one in (need.buyer, need.announced_by)),
            correlation_id=correlation_id,
        )
    ]


def _headline(group: Group) -> str:
    """One sentence: who, how alike, and when all want to buy."""
    names = [need.buyer_name for need in group.needs]
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    if group.state is GroupState.dissolved:
        return f"The group of {listed} is dissolved. {group.reason}"
    return (
        f"{listed}: every two of their needs are at least {group.similarity:.2f} alike; all buy between "
        f"{group.starts.isoformat()} and {group.ends.isoformat()}"
    )
