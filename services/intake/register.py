"""What the directory has to know of companies: this room's answer to its port `CompanyRegister`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from schemas.company import CompanyState
from services.directory.members import CompanyCard
from services.intake import company_store as store
from services.kernel.database import Database

_ID = re.compile(r"cmp_[0-9A-Z]{26}")


class Register:
    """Needs nothing but the database, so that the directory can be built before the rest of this room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cards(self, companies: Collection[str]) -> Mapping[str, CompanyCard]:
        """By id, whatever their state; unknown ones, and what is no id, are left out."""
        asked = sorted({company for company in companies if _ID.fullmatch(company)})
        found: dict[str, CompanyCard] = {}
        if not asked:
            return found
        async with self._database.read() as tx:
            for start in range(0, len(asked), store.ASKED_AT_ONCE):
                for card in await store.cards(tx, asked[start : start + store.ASKED_AT_ONCE]):
                    found[card["id"]] = CompanyCard(**{**card, "state": CompanyState(card["state"])})
        return found
