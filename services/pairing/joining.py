"""Use cases of observer buyers: whoever needs what another buyer needs joins it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge, ChallengeContent, DraftReaders
from schemas.pairing import Joining, Pairing, PairingFile, PairingState
from services.directory.service import Directory
from services.intake.buyers import Buyers
from services.intake.challenges import Challenges
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput
from services.kernel.security import BSO, ILO, Principal
from services.pairing import changes, store, telling
from services.pairing.comparison import Compared
from services.pairing.needs import is_pairable
from services.pairing.service import file_of
from services.pairing.store import Pair

NOBODY = "chl_" + "0" * 26
"""Id of a need that is not written yet."""

Write = Callable[[AsyncSession], Awaitable[PairingFile]]


class Comparing(Protocol):
    async def compare(self, pairs: Collection[Pair], known: Mapping[str, Challenge]) -> dict[Pair, Compared]:
        """`known`: the needs of these pairs, by id."""


class Observers:
    def __init__(
        self, clock: Clock, directory: Directory, challenges: Challenges, comparing: Comparing
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._challenges = challenges
        self._comparing = comparing
        self._buyers = Buyers(directory.organisations)

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
        buyer = ""
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
            buyer = (await self._buyers.of(principal, reference)).id
            # What takes long, before the transaction: the same texts are at hand inside it.
            await self._compared(other.model_copy(update={"id": NOBODY}), other)
            content = _copied(other, reference)
            create = await self._challenges.announcing(principal, content, draft=True)

        async def write(tx: AsyncSession) -> PairingFile:
            if create is None:
                return await file_of(tx, principal, await self._join(tx, principal, compared))
            before = await self._before(tx, other, buyer)
            if isinstance(before, Pairing):
                return await file_of(tx, principal, before)
            made = await self._compared(_checked(before or await create(tx), other), other)
            return await file_of(tx, principal, await self._join(tx, principal, made))

        return write

    async def _before(self, tx: AsyncSession, other: Challenge, buyer: str) -> Pairing | Challenge | None:
        """The pairing of a need of this buyer with the other that is there; or, of one that the buyers have
        dissolved, the buyer's own need."""
        found = await store.of_needs(tx, {other.id}, lock=True)
        mine = [one for one in found.values() if buyer in (one.first.buyer, one.second.buyer)]
        standing = [one for one in mine if one.state is not PairingState.dissolved]
        if standing:
            return standing[0]
        own = [side.id for one in mine for side in (one.first, one.second) if side.id != other.id]
        needs = await self._challenges.many(own)
        now = self._clock.now()
        return next((needs[one] for one in own if is_pairable(needs[one], now)), None)

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
