"""Who buys, and who speaks for the buyer."""

from __future__ import annotations

from schemas.codes import quoted
from schemas.organisation import Organisation, OrganisationKind
from services.directory.organisations import Organisations
from services.kernel.problems import FieldError, Forbidden, InvalidInput
from services.kernel.security import BSO, ILO, Principal


class Buyers:
    def __init__(self, organisations: Organisations) -> None:
        self._organisations = organisations

    async def of(self, principal: Principal, reference: str) -> Organisation:
        """The buyer with this handle or id, if the principal announces for it.

        InvalidInput, with the nearest that there is, for an unknown one; Forbidden for who does not speak
        for it.
        """
        principal.needs_scope("write")
        principal.needs_role((BSO, ILO), "announce challenges")
        buyer = await self._organisations.find(reference)
        if buyer is None or buyer.kind is not OrganisationKind.bso:
            near = await self._organisations.suggestion(reference, OrganisationKind.bso)
            advice = f" Did you mean '{near}'?" if near else " See GET /v1/organisations?kind=bso."
            detail = f"{quoted(reference)} is no buyer that is known here.{advice}"
            raise InvalidInput(detail, errors=[FieldError(pointer="/buyer", detail=detail)])
        await self.check_speaks_for(principal, buyer)
        return buyer

    async def check_speaks_for(self, principal: Principal, buyer: Organisation) -> None:
        """Forbidden, with those it does speak for, unless the principal announces for this buyer."""
        if await self._organisations.may_announce(principal, buyer):
            return
        others = ", ".join(await self._organisations.buyers_of(principal)) or "nobody yet"
        raise Forbidden(
            f"You do not announce for '{buyer.handle}'; you announce for: {others}. An admin appoints."
        )
