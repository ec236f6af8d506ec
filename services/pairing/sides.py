"""Whose a pairing is: who sees it, and for which of its buyers somebody speaks."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.codes import quoted
from schemas.pairing import PairedNeed, Pairing
from services.kernel.problems import Forbidden, NotFound
from services.kernel.security import Principal
from services.pairing import store, telling
from services.pairing.model import PairingRow

_TABLE = PairingRow.__table__


def visible(principal: Principal) -> ColumnElement[bool]:
    """Pairings of the principal's needs; an administrator's are all."""
    if principal.is_admin:
        return true()
    names = ("first_buyer", "second_buyer", "first_by", "second_by")
    return or_(*(_TABLE.c[name] == principal.organisation for name in names))


async def seen(tx: AsyncSession, principal: Principal, pairing: str) -> Pairing:
    """NotFound for one that is not there, or not for this reader."""
    found = await store.find(tx, pairing)
    if found is None or not (principal.is_admin or principal.organisation in telling.audience(found)):
        raise NotFound(
            f"There is no pairing {quoted(pairing)} that you may see. GET /v1/pairings lists yours."
        )
    return found


def speaks_for(principal: Principal, need: PairedNeed) -> bool:
    return principal.organisation in (need.buyer, need.announced_by)


def buyers(pairing: Pairing) -> frozenset[str]:
    return frozenset({pairing.first.buyer, pairing.second.buyer})


def own(principal: Principal, pairing: Pairing) -> list[str]:
    """Buyers that the principal speaks for, in the order of the needs."""
    return [side.buyer for side in (pairing.first, pairing.second) if speaks_for(principal, side)]


def led(principal: Principal, pairing: Pairing) -> list[str]:
    """The same; Forbidden where there are none."""
    found = own(principal, pairing)
    if not found:
        raise Forbidden("Only the two buyers, or who announced for them, lead a pairing on its way.")
    return found
