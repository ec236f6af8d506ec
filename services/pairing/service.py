"""Use cases of pairings: who sees which, what a buyer's side may do, and buyers that join."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge, ChallengeContent, DraftReaders
from schemas.codes import quoted
from schemas.events import PairingDissolved, PairingStepAsked, PairingStepped
from schemas.pairing import (
    Deadline,
    Document,
    Group,
    Joining,
    Kpi,
    PairedNeed,
    Pairing,
    PairingFile,
    PairingState,
    Person,
    Step,
)
from services.directory.service import Directory
from services.intake.challenges import Challenges
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from services.kernel.security import BSO, ILO, Principal
from services.pairing import changes, steps, store, telling
from services.pairing.comparison import Compared
from services.pairing.groups import groups
from services.pairing.lead import lead
from services.pairing.model import PairingRow
from services.pairing.needs import is_pairable
from services.pairing.steps import Outcome
from services.pairing.store import Pair

NOBODY = "chl_" + "0" * 26
"""Id of a need that is not written yet."""
PAIRINGS_GROUPED = 5_000
"""Pairings that groups are looked for among."""

Position = tuple[float, str]
"""Similarity and id of the last pairing of a page."""
Write = Callable[[AsyncSession], Awaitable[PairingFile]]
_TABLE = PairingRow.__table__
KINDS: dict[str, type[Person] | type[Deadline] | type[Document] | type[Kpi]] = {
    "person": Person,
    "deadline": Deadline,
    "document": Document,
    "kpi": Kpi,
}


class Comparing(Protocol):
    async def compare(self, pairs: Collection[Pair], known: Mapping[str, Challenge]) -> dict[Pair, Compared]:
        """`known`: the needs of these pairs, by id."""


class Pairings:
    """Pairings, bound to their reader: the two buyers, who announced for them, and administrators.

    An organisation acts for every side that it is the buyer of, or announced the need of.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        directory: Directory,
        challenges: Challenges,
        comparing: Comparing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory
        self._challenges = challenges
        self._comparing = comparing

    # -- reading -------------------------------------------------------------------------------------

    async def page(
        self,
        principal: Principal,
        *,
        state: PairingState | None = None,
        need: str | None = None,
        with_dissolved: bool = False,
        after: Position | None = None,
        limit: int,
    ) -> list[Pairing]:
        """The most alike first. Without `with_dissolved`, or that very state, only those that stand."""
        conditions = [_visible(principal)]
        if state is not None:
            conditions.append(_TABLE.c.state == state.value)
        elif not with_dissolved:
            conditions.append(_TABLE.c.state != PairingState.dissolved.value)
        if need is not None:
            conditions.append(or_(_TABLE.c.first == need, _TABLE.c.second == need))
        async with self._database.read() as tx:
            return await store.page(tx, conditions, after=after, limit=limit)

    async def get(self, principal: Principal, pairing: str) -> PairingFile:
        """With its toolbox and its audit trail. NotFound for one that is not there, or not for this
        reader."""
        async with self._database.read() as tx:
            return await self._file(tx, principal, await self._visible(tx, principal, pairing))

    async def groups(self, principal: Principal) -> list[Group]:
        """Needs of three buyers or more of which every two are paired, the reader's among them: the largest
        first. What the other buyers have dissolved between them no longer hangs together."""
        stands = _TABLE.c.state != PairingState.dissolved.value
        async with self._database.read() as tx:
            own = await store.page(tx, [stands, _visible(principal)], after=None, limit=PAIRINGS_GROUPED)
            near = sorted({need for one in own for need in (one.first.id, one.second.id)})
            both = _TABLE.c.first.in_(near) & _TABLE.c.second.in_(near)
            found = await store.page(tx, [stands, both], after=None, limit=PAIRINGS_GROUPED)
        edges = {(one.first.id, one.second.id): one for one in found if one.comparison.timing}
        made = (_group(members, edges) for members in groups(edges))
        seen = [group for group in made if group is not None]
        return [
            group
            for group in seen
            if principal.is_admin or any(_speaks_for(principal, need) for need in group.needs)
        ]

    # -- the way -------------------------------------------------------------------------------------

    async def stepping(self, principal: Principal, pairing: str, wanted: Step) -> Write:
        """What comes back takes the step, or notes that this side wants it, in a transaction of the caller's.

        Forbidden for who speaks for neither side; InvalidInput without a reason to dissolve; Conflict, when
        it writes, for a step that does not follow."""
        await self.check_acts(principal, pairing)
        if wanted.to is PairingState.dissolved and not wanted.reason:
            detail = "Say why it is dissolved: the other buyer reads it."
            raise InvalidInput(detail, errors=[FieldError(pointer="/reason", detail=detail)])

        async def write(tx: AsyncSession) -> PairingFile:
            before = await store.find(tx, pairing, lock=True)
            assert before is not None, "pairings are never removed"
            return await self._file(tx, principal, await self._take(tx, principal, before, wanted))

        return write

    async def _take(self, tx: AsyncSession, principal: Principal, before: Pairing, wanted: Step) -> Pairing:
        state, asked = before.state, dict(before.asked)
        outcome = Outcome.nothing
        for side in _sides(principal, before):
            try:
                taken = steps.take(state, asked, side, wanted.to, sides=_buyers(before))
            except steps.Refused as refusal:
                raise Conflict(str(refusal)) from refusal
            state, asked = taken.state, dict(taken.asked)
            outcome = taken.outcome if taken.outcome is not Outcome.nothing else outcome
            if outcome in (Outcome.stepped, Outcome.dissolved):
                break
        if outcome is Outcome.nothing:
            return before
        now, by = self._clock.now(), principal.organisation
        fields: dict[str, Any] = {"state": state, "asked": asked}
        if outcome is Outcome.dissolved:
            fields |= {"reason": wanted.reason, "dissolved_by": by}
        after = before.model_copy(update={**fields, "version": before.version + 1, "changed_at": now})
        await store.put(tx, after)
        await store.log(tx, before, outcome.value, by=by, at=now, to=wanted.to, note=wanted.reason)
        common = telling.step(after, by=by)
        data: PairingStepAsked | PairingStepped | PairingDissolved
        match outcome:
            case Outcome.asked:
                data = PairingStepAsked(**common, to=wanted.to)
            case Outcome.took_back:
                data = PairingStepAsked(**common, to=None)
            case Outcome.dissolved:
                data = PairingDissolved(**common, before=before.state, reason=wanted.reason)
            case _:
                data = PairingStepped(**common, before=before.state)
        await journal.append(tx, [telling.event(data, after)], now=now)
        return after

    async def check_acts(self, principal: Principal, pairing: str) -> None:
        """NotFound where the principal does not see it, Forbidden where it speaks for neither side."""
        principal.needs_scope("write")
        async with self._database.read() as tx:
            _sides(principal, await self._visible(tx, principal, pairing))

    # -- observers -----------------------------------------------------------------------------------

    async def joining(self, principal: Principal, challenge: str, wanted: Joining) -> Write:
        """A buyer says that it needs what another buyer needs; what comes back makes the two a candidate.

        `wanted.need` is its own need, which the other buyer may then read as a draft's reader does; without
        one it gets a draft with the words of the other. What was dissolved is a candidate again. NotFound
        where the need is not to be seen; InvalidInput for a buyer or a need that cannot be paired.
        """
        principal.needs_scope("write")
        principal.needs_role((BSO, ILO), "buy together with others")
        other = await self._challenges.get(principal, challenge)
        now = self._clock.now()
        if not is_pairable(other, now):
            raise Conflict(
                "This need can no longer be bought together: it is decided, withdrawn, or its time is over."
            )
        create: Callable[[AsyncSession], Awaitable[Challenge]] | None = None
        if wanted.need is not None:
            own = await self._challenges.get(principal, wanted.need)
            if principal.organisation not in (own.buyer, own.announced_by) and not principal.is_admin:
                raise Forbidden("This need is another buyer's. Name one of your own, or none.")
            if not is_pairable(own, now):
                detail = "Other buyers cannot read this need. Announce it, or let buyers read the draft."
                raise InvalidInput(detail, errors=[FieldError(pointer="/need", detail=detail)])
            own = _checked(own, other)
            compared = await self._compared(own, other)
        else:
            reference = wanted.buyer or await self._only_buyer(principal)
            # What takes long, before the transaction: the same texts are at hand inside it.
            await self._compared(other.model_copy(update={"id": NOBODY}), other)
            content = _copied(other, reference)
            create = await self._challenges.announcing(principal, content, draft=True)

        async def write(tx: AsyncSession) -> PairingFile:
            if create is not None:
                made = await self._compared(_checked(await create(tx), other), other)
            else:
                made = compared
            return await self._file(tx, principal, await self._join(tx, principal, made))

        return write

    async def _join(self, tx: AsyncSession, principal: Principal, compared: Compared) -> Pairing:
        now, by = self._clock.now(), principal.organisation
        standing = await store.of_needs(tx, {compared.first.id}, lock=True)
        before = standing.get(compared.pair)
        if before is not None and before.state is not PairingState.dissolved:
            return before
        after = changes.reopened(before, compared, now) if before else changes.joined(compared, now)
        await store.put(tx, after)
        await store.log(tx, after, "reopened" if before else "suggested", by=by, at=now)
        await journal.append(tx, [telling.event(telling.suggested(after), after)], now=now)
        return after

    async def _compared(self, one: Challenge, other: Challenge) -> Compared:
        pair = (one.id, other.id)
        return (await self._comparing.compare([pair], {one.id: one, other.id: other}))[pair]

    async def _only_buyer(self, principal: Principal) -> str:
        found = await self._directory.organisations.buyers_of(principal)
        if len(found) == 1:
            return next(iter(found))
        detail = (
            f"Say for whom: you announce for {', '.join(sorted(found)) or 'nobody yet'}. Name one as 'buyer'."
        )
        raise InvalidInput(detail, errors=[FieldError(pointer="/buyer", detail=detail)])

    # ------------------------------------------------------------------------------------------------

    async def _visible(self, tx: AsyncSession, principal: Principal, pairing: str) -> Pairing:
        found = await store.find(tx, pairing)
        if found is None or not (principal.is_admin or principal.organisation in telling.audience(found)):
            raise NotFound(
                f"There is no pairing {quoted(pairing)} that you may see. GET /v1/pairings lists yours."
            )
        return found

    async def _file(self, tx: AsyncSession, principal: Principal, pairing: Pairing) -> PairingFile:
        found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for row in await store.items(tx, pairing.id):
            found[row.kind].append(shown(row))
        sides = [side for side in _buyers(pairing) if side in _own_sides(principal, pairing)]
        own = next((pairing.asked[side] for side in sides if side in pairing.asked), None)
        writes = bool(principal.scopes & {"write", "admin"})
        may = steps.possible(pairing.state, own) if sides and writes else ()
        return PairingFile(
            **dict(pairing),
            people=tuple(found["person"]),
            deadlines=tuple(found["deadline"]),
            documents=tuple(found["document"]),
            kpis=tuple(found["kpi"]),
            log=await store.log_of(tx, pairing.id),
            may=may,
        )


def shown(row: Any) -> Person | Deadline | Document | Kpi:
    """A row of the toolbox as the API answers it."""
    values = {**row.document, "id": row.id, "added_by": row.added_by, "changed_at": row.changed_at}
    if row.kind == "deadline":
        values["reminded_at"] = row.reminded_at
    return KINDS[row.kind].model_validate(values)


def _visible(principal: Principal) -> ColumnElement[bool]:
    if principal.is_admin:
        return true()
    names = ("first_buyer", "second_buyer", "first_by", "second_by")
    return or_(*(_TABLE.c[name] == principal.organisation for name in names))


def _buyers(pairing: Pairing) -> frozenset[str]:
    return frozenset({pairing.first.buyer, pairing.second.buyer})


def _speaks_for(principal: Principal, need: PairedNeed) -> bool:
    return principal.organisation in (need.buyer, need.announced_by)


def _own_sides(principal: Principal, pairing: Pairing) -> list[str]:
    """Buyers that the principal speaks for, in the order of the needs."""
    return [side.buyer for side in (pairing.first, pairing.second) if _speaks_for(principal, side)]


def _sides(principal: Principal, pairing: Pairing) -> list[str]:
    found = _own_sides(principal, pairing)
    if not found:
        raise Forbidden("Only the two buyers, or who announced for them, lead a pairing on its way.")
    return found


def _checked(own: Challenge, other: Challenge) -> Challenge:
    if own.buyer == other.buyer:
        detail = f"Both needs are of {own.buyer_name}. A pairing takes two buyers."
        raise InvalidInput(detail, errors=[FieldError(pointer="/buyer", detail=detail)])
    return own


def _copied(other: Challenge, buyer: str) -> ChallengeContent:
    """The need of another, in its words, as a draft that buyers may read. Its requirements come with it; its
    figures of volume and budget are its own."""
    period = {"starts": other.purchase.starts, "ends": other.purchase.ends} if other.purchase else None
    return ChallengeContent.model_validate(
        {
            "title": other.title,
            "need": other.need,
            "language": other.language,
            "buyer": buyer,
            "deadline": other.deadline,
            "requirements": other.requirements,
            "cpv": other.cpv,
            "trl_start": other.trl_start,
            "trl_target": other.trl_target,
            "purchase": period,
            "draft_readers": DraftReaders.buyers,
        }
    )


def _group(members: tuple[str, ...], edges: Mapping[Pair, Pairing]) -> Group | None:
    """None where not all of them want to buy at one and the same time."""
    inside = [pairing for pair, pairing in edges.items() if pair[0] in members and pair[1] in members]
    needs = {need.id: need for one in inside for need in (one.first, one.second)}
    found = tuple(needs[member] for member in members)
    starts, ends = max(one.starts for one in found), min(one.ends for one in found)
    if starts > ends:
        return None
    counted = {
        need.id: len(one.comparison.shared) + len(alone)
        for one in inside
        for need, alone in (
            (one.first, one.comparison.only_first),
            (one.second, one.comparison.only_second),
        )
    }
    return Group(
        needs=found,
        similarity=min(one.comparison.similarity for one in inside),
        starts=starts,
        ends=ends,
        lead=lead(found, counted),
    )
