"""Use cases of whoever begins a team: who is missing, and asking them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.company import Company
from schemas.consortium import (
    Completion,
    CompletionContent,
    Consent,
    Consortium,
    ConsortiumContent,
    ConsortiumOrigin,
    ConsortiumState,
)
from schemas.events import ConsortiumIntroduced, ConsortiumProposed
from services.consortia import compose, store, telling
from services.consortia.best import TEAMS, propose
from services.consortia.market import Market, Markets
from services.consortia.review import Change, consortium
from services.consortia.rules import Rules
from services.consortia.sides import Memberships, side
from services.consortia.views import Side, in_order_of_roles, seen
from services.intake.completion import takes_answers
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, InvalidInput
from services.kernel.security import CLUSTER, COMPANY, Principal

BEGUN_MAX = 20
"""Teams that an organisation may have begun for one challenge and that are there: each asks others."""


class Challenges(Protocol):
    async def get(self, principal: Principal | None, challenge: str) -> Challenge: ...


class Companies(Protocol):
    async def get(self, principal: Principal, company: str) -> Company:
        """NotFound where the principal may not know of it."""


class Completing:
    """The same model as for suggestions, with members fixed. Companies and clusters begin teams, with
    companies that they own or receive for; a buyer does not: whom he put together he would have chosen
    beforehand."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        markets: Markets,
        challenges: Challenges,
        companies: Companies,
        memberships: Memberships,
        public_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._markets = markets
        self._challenges = challenges
        self._companies = companies
        self._memberships = memberships
        self._public_url = public_url

    async def complete(self, principal: Principal, content: CompletionContent) -> Completion:
        """Who is missing, best first. Nothing is stored and nobody is told. Those who are missing are not
        named: what they would cover is.

        Raises NotFound for a challenge or member that the principal may not know of, InvalidInput for members
        that cannot be in a team together.
        """
        market, rules = await self._market(principal, content)
        found = await asyncio.to_thread(propose, market.coverage, rules, teams=TEAMS)
        made = [compose.content(market, rules, team, public_url=self._public_url) for team in found.teams]
        own = Side(companies=frozenset(content.members))
        return Completion(
            teams=tuple(_hidden(one, own) for one in made),
            conflict=found.conflict,
        )

    async def beginning(
        self, principal: Principal, content: CompletionContent
    ) -> Callable[[AsyncSession], Awaitable[Consortium]]:
        """Ask the best team: a consortium in which the principal's companies have consented, and the others
        are told that it needs somebody like them. Raises as `complete`, and Conflict where there is no
        team, or where the same one has been begun already."""
        market, rules = await self._market(principal, content)
        found = await asyncio.to_thread(propose, market.coverage, rules, teams=1)
        if not found.teams:
            raise Conflict(found.conflict or "There is nobody who would complete this team.")
        now = self._clock.now()
        made = compose.content(market, rules, found.teams[0], public_url=self._public_url)
        whole = consortium(made, new_id("con"), now, self._public_url, origin=ConsortiumOrigin.completed)
        own = await side(principal, whole, self._memberships)
        whole = _consented(whole, own.speaks & rules.fixed)

        async def write(tx: AsyncSession) -> Consortium:
            # In the order in which whoever thinks the teams over takes the locks.
            await store.reviewed(tx, [whole.challenge.id], lock=True)
            begun = await store.begun(tx, whole.challenge.id)
            if (
                same := next((one for one, _ in begun if _members(one) == _members(whole)), None)
            ) is not None:
                raise Conflict(
                    f"The same team has been begun already: {same.id}. Answer that one, or begin with others."
                )
            if sum(by == principal.organisation for _, by in begun) >= BEGUN_MAX:
                raise Conflict(
                    f"You have begun {BEGUN_MAX} teams for this challenge, which is the most. Decline one of "
                    "them for your company, then begin another."
                )
            await store.put(tx, whole, new=True, asked_by=principal.organisation)
            kind = ConsortiumIntroduced if whole.state is ConsortiumState.introduced else ConsortiumProposed
            events = await telling.of_changes(tx, self._memberships, [Change(kind, None, whole)])
            events += await telling.of_sought(tx, self._memberships, whole, principal.organisation)
            await journal.append(tx, events, now=now)
            view = seen(whole, await side(principal, whole, self._memberships, tx=tx))
            assert view is not None, "who begins a team has a part in it"
            return view

        return write

    async def begin(self, principal: Principal, content: CompletionContent) -> Consortium:
        """`beginning`, in a transaction of its own."""
        write = await self.beginning(principal, content)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def _market(self, principal: Principal, content: CompletionContent) -> tuple[Market, Rules]:
        principal.needs_scope("write")
        principal.needs_role((COMPANY, CLUSTER), "complete a consortium")
        challenge = await self._challenges.get(principal, content.challenge)
        if not takes_answers(challenge, self._clock.now()):
            raise Conflict("The challenge is closed and takes no more answers.")
        known = [await self._companies.get(principal, company) for company in content.members]
        if not principal.is_admin:
            await self._must_have_a_part(principal, known)
        async with self._database.read() as tx:
            declined = await store.declined(tx, challenge.id)
        fixed = frozenset(content.members)
        market = await self._markets.of(challenge, fixed=fixed, without=declined - fixed)
        _check_barred(content, market)
        rules = market.rules
        if content.members_max is not None:
            _check_size(content.members_max, rules)
            rules = replace(rules, members_max=content.members_max)
        if len(fixed) > rules.members_max:
            detail = (
                f"{len(fixed)} members are more than the team may have: members_max is {rules.members_max}."
            )
            raise InvalidInput(detail, errors=[FieldError(pointer="/members", detail=detail)])
        return market, rules

    async def _must_have_a_part(self, principal: Principal, known: Sequence[Company]) -> None:
        """InvalidInput unless the principal receives for every one of these and speaks for one: what comes
        back says how each of them scores."""
        mandates = await self._memberships.mandates(principal.organisation, [one.id for one in known])
        errors = []
        speaks = False
        for place, one in enumerate(known):
            mandate = mandates.get(one.id)
            own = one.owner == principal.organisation
            if not own and not (mandate and mandate.receive):
                detail = f"{one.id} does not let you receive what concerns it. Leave it out, or ask it to."
                errors.append(FieldError(pointer=f"/members/{place}", detail=detail))
            speaks = speaks or own or bool(mandate and mandate.act)
        if errors:
            raise InvalidInput(errors[0].detail, errors=errors)
        if not speaks:
            detail = (
                "Begin with a company that you speak for: your own, or a member that lets you act for it."
            )
            raise InvalidInput(detail, errors=[FieldError(pointer="/members", detail=detail)])


def _check_size(members_max: int, rules: Rules) -> None:
    """A team may be smaller than the challenge lets it be, and is a consortium of the challenge still."""
    if members_max > rules.members_max:
        rule = f"at most {rules.members_max} members (consortium.members_max)"
    elif members_max < rules.members_min:
        rule = f"at least {rules.members_min} members (consortium.members_min)"
    else:
        return
    detail = f"members_max is {members_max}, but a consortium for this challenge has {rule}."
    raise InvalidInput(detail, errors=[FieldError(pointer="/members_max", detail=detail)])


def _check_barred(content: CompletionContent, market: Market) -> None:
    errors = [
        FieldError(
            pointer=f"/members/{place}", detail=f"{company} may not take part: {market.barred[company]}"
        )
        for place, company in enumerate(content.members)
        if company in market.barred
    ]
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)


def _members(whole: Consortium) -> frozenset[str]:
    return frozenset(one.company.id for one in whole.members if one.company is not None)


def _consented(whole: Consortium, companies: Collection[str]) -> Consortium:
    members = tuple(
        one.model_copy(update={"consent": Consent.consented})
        if one.company is not None and one.company.id in companies
        else one
        for one in whole.members
    )
    agreed = all(one.consent is Consent.consented for one in members)
    state = ConsortiumState.introduced if agreed else ConsortiumState.proposed
    return whole.model_copy(update={"members": members, "state": state})


def _hidden(made: ConsortiumContent, own: Side) -> ConsortiumContent:
    """Of the members given everything, of the others what they would cover."""
    members = tuple(
        one
        if one.company is not None and one.company.id in own.companies
        else one.model_copy(
            update={
                "company": None,
                "consent": None,
                "contribution": None,
                "alternate_companies": (),
                "covers": tuple(cell.model_copy(update={"score": None}) for cell in one.covers),
            }
        )
        for one in made.members
    )
    return made.model_copy(
        update={"members": members, "worth": 0.0, "cells": tuple(map(in_order_of_roles, made.cells))}
    )
