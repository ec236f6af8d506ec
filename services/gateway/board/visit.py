"""Somebody looking at a page: who they are, and what the header offers them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from schemas.organisation import Organisation
from services.directory.service import Directory
from services.kernel.problems import Unauthenticated
from services.kernel.security import BSO, ILO, Principal
from services.kernel.web.authentication import Visitor

NOBODY = Principal(organisation="", role="visitor", key="", scopes=frozenset())
"""Stands for somebody who is not signed in, where a use case asks for a principal and then shows what is
public alone."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page. `organisation` is the principal's, None where nobody is signed in."""

    request: Request
    principal: Principal | None
    organisation: Organisation | None

    @property
    def reader(self) -> Principal:
        return self.principal or NOBODY

    @property
    def announces(self) -> bool:
        """May announce challenges, as far as the role says."""
        who = self.principal
        return who is not None and (who.is_admin or who.role in (BSO, ILO)) and self.writes

    @property
    def writes(self) -> bool:
        return self.principal is not None and bool(self.principal.scopes & {"write", "admin"})

    @property
    def manages(self) -> bool:
        """May issue and revoke its organisation's keys."""
        return self.principal is not None and "admin" in self.principal.scopes

    def known(self) -> Principal:
        """Raises `Unauthenticated`, which shows the page for signing in."""
        if self.principal is None:
            raise Unauthenticated("Sign in to see this page.")
        return self.principal


Visits = Callable[..., Awaitable[Visit]]
"""The dependency that makes a Visit."""


def visits(directory: Directory) -> Visits:
    async def visit(request: Request, principal: Visitor) -> Visit:
        if principal is None:
            return Visit(request, None, None)
        return Visit(request, principal, await directory.organisations.find(principal.organisation))

    return visit
