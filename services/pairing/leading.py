"""Use cases of the buyers: a pairing is led on its way, step by step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.events import PairingDissolved, PairingStepAsked, PairingStepped
from schemas.pairing import Pairing, PairingFile, PairingState, Step
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.problems import Conflict, FieldError, InvalidInput
from services.kernel.security import Principal
from services.pairing import sides, steps, store, telling
from services.pairing.service import Pairings, file_of
from services.pairing.steps import Outcome

Write = Callable[[AsyncSession], Awaitable[PairingFile]]


class Leading:
    """An organisation acts for every side that it is the buyer of, or announced the need of."""

    def __init__(self, clock: Clock, pairings: Pairings) -> None:
        self._clock = clock
        self._pairings = pairings

    async def stepping(self, principal: Principal, pairing: str, wanted: Step) -> Write:
        """What comes back takes the step, or notes that this side wants it, in a transaction of the caller's.

        NotFound and Forbidden as of the pairing itself; InvalidInput without a reason to dissolve; Conflict,
        when it writes, for a step that does not follow."""
        await self._pairings.check_acts(principal, pairing)
        if wanted.to is PairingState.dissolved and not wanted.reason:
            detail = "Say why it is dissolved: the other buyer reads it."
            raise InvalidInput(detail, errors=[FieldError(pointer="/reason", detail=detail)])

        async def write(tx: AsyncSession) -> PairingFile:
            before = await store.find(tx, pairing, lock=True)
            assert before is not None, "pairings are never removed"
            return await file_of(tx, principal, await self._take(tx, principal, before, wanted))

        return write

    async def _take(self, tx: AsyncSession, principal: Principal, before: Pairing, wanted: Step) -> Pairing:
        state, asked = before.state, dict(before.asked)
        outcome = Outcome.nothing
        for side in sides.led(principal, before):
            try:
                taken = steps.take(state, asked, side, wanted.to, sides=sides.buyers(before))
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
