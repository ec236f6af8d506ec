"""Use cases of consortia: what their members answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import Challenge
from schemas.consortium import (
    KNOWN_TO_EACH_OTHER,
    STANDING,
    Consent,
    Consortium,
    ConsortiumAnswer,
    ConsortiumDecline,
    ConsortiumMember,
    ConsortiumState,
)
from schemas.events import (
    ConsortiumConsented,
    ConsortiumDeclined,
    ConsortiumDissolved,
    ConsortiumFormed,
    ConsortiumIntroduced,
    EventData,
)
from schemas.match import MatchedCompany
from services.consortia import store, telling
from services.consortia.market import Market, Markets
from services.consortia.pace import next_look
from services.consortia.review import Change, bound, mended, rules_for
from services.consortia.service import ConsortiumService, unknown
from services.consortia.sides import Memberships, side
from services.consortia.views import seen
from services.intake.completion import takes_answers
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput
from services.kernel.security import Principal

Write = Callable[[AsyncSession], Awaitable[Consortium]]


class Consents:
    """To answer takes the member itself, or a cluster with the mandate to act."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        consortia: ConsortiumService,
        markets: Markets,
        memberships: Memberships,
        public_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._consortia = consortia
        self._markets = markets
        self._memberships = memberships
        self._public_url = public_url

    async def consenting(self, principal: Principal, consortium: str, answer: ConsortiumAnswer) -> Write:
        """A member consents. When it is the last one, all are introduced to each other. Consenting again is
        no news.

        Raises NotFound for a consortium the principal does not see, Forbidden where it speaks for no member,
        InvalidInput where it speaks for several and names none, and, when it writes, Conflict for one that
        can be answered no more.
        """
        company = await self._spoken_for(principal, consortium, answer)
        challenge = await self._challenge(await self._whole(consortium))

        async def write(tx: AsyncSession) -> Consortium:
            now = self._clock.now()
            whole = await self._open(tx, consortium, company)
            if _member(whole, company).consent is not Consent.asked:
                return await self._told(tx, principal, whole, [], now)
            if not takes_answers(challenge, now):
                raise Conflict("The challenge is closed and takes no more answers.")
            after = _next(_with_consent(whole, company, Consent.consented), now, reason=None)
            said = Change(ConsortiumConsented, whole, after, about=frozenset({company}))
            if not _all_consented(after):
                return await self._told(tx, principal, after, [said], now)
            # What all have agreed to is carried out at once.
            agreed = after.model_copy(update={"state": ConsortiumState.consented})
            after = _next(agreed, now, reason=None).model_copy(update={"state": ConsortiumState.introduced})
            changes = [replace(said, after=agreed), Change(ConsortiumIntroduced, agreed, after)]
            return await self._told(tx, principal, after, changes, now)

        return write

    async def confirming(self, principal: Principal, consortium: str, answer: ConsortiumAnswer) -> Write:
        """A member says after the introduction that the consortium is formed; when all have said so, it is.
        Raises as `consenting`."""
        company = await self._spoken_for(principal, consortium, answer)

        async def write(tx: AsyncSession) -> Consortium:
            now = self._clock.now()
            whole = await self._open(tx, consortium, company)
            if whole.state not in KNOWN_TO_EACH_OTHER:
                raise Conflict("The members do not know each other yet: all of them have to consent first.")
            if _member(whole, company).consent is Consent.confirmed:
                return await self._told(tx, principal, whole, [], now)
            after = _next(_with_consent(whole, company, Consent.confirmed), now, reason=None)
            kind: type[EventData] = ConsortiumConsented
            if all(one.consent is Consent.confirmed for one in after.members):
                after = after.model_copy(update={"state": ConsortiumState.formed})
                kind = ConsortiumFormed
            about = None if kind is ConsortiumFormed else frozenset({company})
            return await self._told(tx, principal, after, [Change(kind, whole, after, about=about)], now)

        return write

    async def declining(self, principal: Principal, consortium: str, answer: ConsortiumDecline) -> Write:
        """A member declines; the best alternate takes its role, and what others have consented to holds.
        Without an alternate the consortium goes on if it still keeps the challenge's rules, else it is
        declined; so it is after the deadline, when nobody is asked any more. Who declined is not asked again
        for this challenge. Raises as `consenting`."""
        company = await self._spoken_for(principal, consortium, answer)
        read, market = await self._market(consortium, company)

        async def write(tx: AsyncSession) -> Consortium:
            now = self._clock.now()
            # In the order in which whoever thinks the teams over takes the locks.
            known = (await store.reviewed(tx, [read.challenge.id], lock=True)).get(read.challenge.id)
            whole = await self._open(tx, consortium, company)
            if whole.version != read.version:
                raise Conflict("The consortium changed at the same moment. Look at it again, then decline.")
            rules = rules_for(whole, market.rules, without=company)
            asking = takes_answers(market.challenge, now)
            change = mended(
                market,
                rules,
                whole,
                at=now,
                public_url=self._public_url,
                declined=company,
                asking=asking,
            )
            assert change is not None, "a team without one of its members is another team"
            after = change.after
            kind = change.kind or ConsortiumDeclined
            note = answer.note
            told = Change(kind, whole, after, left=frozenset({company}))
            if kind is ConsortiumDeclined or kind is ConsortiumDissolved:
                told = Change(ConsortiumDeclined, whole, after)
            await store.put(tx, after, new=False)
            await store.mark_declined(tx, consortium, company, by=principal.organisation, note=note, at=now)
            # It may be in other teams for the challenge, or its successor in the same one: think them over.
            if known is not None:
                at = max(now, next_look(market.challenge, known.reviewed_at))
                await store.put_due(tx, whole.challenge.id, at)
            return await self._told(tx, principal, after, [told], now, left=_member(whole, company))

        return write

    async def consent(self, principal: Principal, consortium: str, answer: ConsortiumAnswer) -> Consortium:
        """`consenting`, in a transaction of its own."""
        return await self._written(await self.consenting(principal, consortium, answer))

    async def confirm(self, principal: Principal, consortium: str, answer: ConsortiumAnswer) -> Consortium:
        """`confirming`, in a transaction of its own."""
        return await self._written(await self.confirming(principal, consortium, answer))

    async def decline(self, principal: Principal, consortium: str, answer: ConsortiumDecline) -> Consortium:
        """`declining`, in a transaction of its own."""
        return await self._written(await self.declining(principal, consortium, answer))

    async def _written(self, write: Write) -> Consortium:
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def _spoken_for(self, principal: Principal, consortium: str, answer: ConsortiumAnswer) -> str:
        """The member that the principal answers for."""
        principal.needs_scope("write")
        view = await self._consortia.get(principal, consortium)
        companies = [one.company for one in view.members if one.speaks and one.company is not None]
        if answer.company is not None:
            companies = [one for one in companies if one.id == answer.company]
        if not companies:
            raise Forbidden(
                "Only a member itself answers, or a cluster that it lets act for it. Ask the company for the "
                "mandate 'act', or let it answer."
            )
        if len(companies) > 1:
            detail = f"You speak for {_listed(companies)}: name one of them as company."
            raise InvalidInput(detail, errors=[FieldError(pointer="/company", detail=detail)])
        return companies[0].id

    async def _open(self, tx: AsyncSession, consortium: str, company: str) -> Consortium:
        """Locked. Raises NotFound, and Conflict where there is nothing to be answered any more."""
        whole = await store.find(tx, consortium, lock=True)
        if whole is None or all(one.company is None or one.company.id != company for one in whole.members):
            raise unknown(consortium)
        if whole.state not in STANDING:
            raise Conflict("This consortium is no more, so there is nothing to answer.")
        return whole

    async def _market(self, consortium: str, company: str) -> tuple[Consortium, Market]:
        async with self._database.read() as tx:
            whole = await store.find(tx, consortium)
            if whole is None:
                raise unknown(consortium)
            declined = await store.declined(tx, whole.challenge.id)
        challenge = await self._challenge(whole)
        fixed = {one.company.id for one in whole.members if one.company and one.fixed}
        market = await self._markets.of(
            challenge, fixed=fixed, bound=bound([whole]) - {company}, without=declined | {company}
        )
        return whole, market

    async def _whole(self, consortium: str) -> Consortium:
        async with self._database.read() as tx:
            whole = await store.find(tx, consortium)
        if whole is None:
            raise unknown(consortium)
        return whole

    async def _challenge(self, whole: Consortium) -> Challenge:
        challenge = await self._markets.challenge(whole.challenge.id)
        assert challenge is not None, "challenges are never removed"
        return challenge

    async def _told(
        self,
        tx: AsyncSession,
        principal: Principal,
        after: Consortium,
        changes: list[Change],
        now: datetime,
        *,
        left: ConsortiumMember | None = None,
    ) -> Consortium:
        """The row, the events, and what the principal sees of it; of one that it has left, its own part."""
        if changes:
            if left is None:
                await store.put(tx, after, new=False)
            events = await telling.of_changes(tx, self._memberships, changes)
            await journal.append(tx, events, now=now)
        found = await side(principal, after, self._memberships, tx=tx)
        view = seen(after, found)
        if view is not None:
            return view
        assert left is not None
        gone = {"state": ConsortiumState.declined, "reason": "You declined; your role is open to others."}
        alone = left.model_copy(update={"alternate_companies": ()})
        own = after.model_copy(
            update=gone | {"members": (alone,), "headline": gone["reason"], "competing": ()}
        )
        return own.model_copy(update={"worth": 0.0, "consented": None})


def _next(whole: Consortium, now: datetime, *, reason: str | None) -> Consortium:
    return whole.model_copy(update={"version": whole.version + 1, "changed_at": now, "reason": reason})


def _with_consent(whole: Consortium, company: str, consent: Consent) -> Consortium:
    members = tuple(
        one.model_copy(update={"consent": consent}) if one.company and one.company.id == company else one
        for one in whole.members
    )
    return whole.model_copy(update={"members": members})


def _member(whole: Consortium, company: str) -> ConsortiumMember:
    return next(one for one in whole.members if one.company is not None and one.company.id == company)


def _all_consented(whole: Consortium) -> bool:
    return all(one.consent is not Consent.asked for one in whole.members)


def _listed(companies: list[MatchedCompany]) -> str:
    return ", ".join(f"{one.id} ({one.name})" for one in companies)
