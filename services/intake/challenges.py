"""Challenges: announced, amended, led on their way, withdrawn; every version kept, every change an event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, or_
from sqlalchemy.ext.asyncio import AsyncSession

from schemas.challenge import (
    OVER_STATES,
    Challenge,
    ChallengeContent,
    ChallengeState,
    ChallengeStep,
    ChallengeVersion,
    DraftReaders,
)
from schemas.codes import quoted
from schemas.events import (
    ChallengeAmended,
    ChallengeAnnounced,
    ChallengeDrafted,
    ChallengeStepped,
    ChallengeWithdrawn,
    EventData,
)
from schemas.organisation import Organisation
from services.directory.service import Directory
from services.intake import challenge_store as store
from services.intake import completion, confidential, steps
from services.intake.buyers import Buyers
from services.intake.challenge_store import ChallengeFilter, Stored, content_of
from services.intake.diff import changes
from services.intake.parts import challenge_parts
from services.kernel import journal
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.embedding.ahead import Ahead
from services.kernel.identifiers import new_id
from services.kernel.problems import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from services.kernel.security import BSO, ILO, Principal
from services.kernel.versions import VersionCheck

STEPPED = ("state", "report", "decision")
"""Fields that steps change, and nothing else does."""
PAGE = 200
"""Challenges read in one query when all open ones are wanted: a few MB of documents at most."""

Revision = ChallengeContent | Callable[[ChallengeContent], ChallengeContent]
"""The new content, or what makes it of the present one."""


class Challenges:
    def __init__(self, database: Database, clock: Clock, directory: Directory, ahead: Ahead) -> None:
        self._database = database
        self._clock = clock
        self._directory = directory
        self._ahead = ahead
        self._buyers = Buyers(directory.organisations)

    # -- announcing ----------------------------------------------------------------------------------

    async def announce(
        self, principal: Principal, content: ChallengeContent, *, draft: bool = False
    ) -> Challenge:
        """`announcing`, in a transaction of its own."""
        write = await self.announcing(principal, content, draft=draft)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def announcing(
        self, principal: Principal, content: ChallengeContent, *, draft: bool = False
    ) -> Callable[[AsyncSession], Awaitable[Challenge]]:
        """Check and complete the content; what comes back writes it in a transaction of the caller's.

        A draft is seen by its owner alone, and emits nothing, unless it has other readers. InvalidInput for
        an unknown buyer, a deadline that has passed; Forbidden for who does not speak for the buyer."""
        buyer = await self._buyers.of(principal, content.buyer)
        now = self._clock.now()
        completion.check(content, now)
        challenge = Challenge(
            **dict(completion.completed(content, buyer)),
            id=new_id("chl"),
            version=1,
            content_version=1,
            state=ChallengeState.draft if draft else ChallengeState.announced,
            buyer_name=buyer.name,
            announced_by=principal.organisation,
            announced_at=now,
            changed_at=now,
        )
        if not draft:  # the model and the disk work side by side
            self._ahead.expect([part.text for part in challenge_parts(challenge)])

        async def write(tx: AsyncSession) -> Challenge:
            await store.put(tx, challenge, published=not draft, changed_by=principal.organisation)
            if not draft:
                await self._append(tx, ChallengeAnnounced(challenge=challenge), challenge)
            elif _has_readers(challenge):
                await self._append(tx, ChallengeDrafted(challenge=challenge), challenge, public=False)
            return challenge

        return write

    async def publish(self, principal: Principal, challenge: str, check: VersionCheck) -> Challenge:
        """`publishing`, in a transaction of its own."""
        write = await self.publishing(principal, challenge, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def publishing(
        self, principal: Principal, challenge: str, check: VersionCheck
    ) -> Callable[[AsyncSession], Awaitable[Challenge]]:
        """Check a draft; what comes back announces it in a transaction of the caller's. Conflict if it was
        announced already, InvalidInput if its deadline passed."""
        before, _ = await self._changeable(principal, challenge, check)
        content = content_of(before.challenge)
        now = self._clock.now()
        completion.check(content, now)

        async def write(tx: AsyncSession) -> Challenge:
            present = await self._locked(tx, before, check)
            if present.published:
                raise Conflict("This challenge has been announced already.")
            announced = {"state": ChallengeState.announced, "announced_at": now}
            after = _next(present.challenge, now, **announced)
            await _put_step(tx, principal, present, after, published=True)
            await self._append(tx, ChallengeAnnounced(challenge=after), after)
            return after

        return write

    # -- changing ------------------------------------------------------------------------------------

    async def amend(
        self, principal: Principal, challenge: str, revision: Revision, check: VersionCheck
    ) -> Challenge:
        """`amending`, in a transaction of its own."""
        write = await self.amending(principal, challenge, revision, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def amending(
        self, principal: Principal, challenge: str, revision: Revision, check: VersionCheck
    ) -> Callable[[AsyncSession], Awaitable[Challenge]]:
        """Check and complete the revision; what comes back writes it in a transaction of the caller's: a new
        version with what changed. An equal content changes nothing and emits nothing.

        NotFound where the principal may not know of it; Forbidden where it is somebody else's; Conflict once
        it was decided or withdrawn; PreconditionFailed when somebody was faster.
        """
        before, buyer = await self._changeable(principal, challenge, check)
        if before.challenge.state is ChallengeState.decided:
            raise Conflict("This challenge is decided: what was decided on stays as it is.")
        old = content_of(before.challenge)
        content = revision(old) if callable(revision) else revision
        if content.buyer not in (buyer.id, buyer.handle):
            detail = "The buyer of a challenge cannot be changed. Withdraw it, and announce it anew."
            raise InvalidInput(detail, errors=[FieldError(pointer="/buyer", detail=detail)])
        now = self._clock.now()
        over = before.challenge.state in OVER_STATES
        completion.check(content, now, closed=over and content.deadline == old.deadline)
        content = completion.completed(content, buyer)

        async def write(tx: AsyncSession) -> Challenge:
            present = await self._locked(tx, before, check)
            found = changes(old, content)
            if not found:
                return present.challenge
            after = _next(present.challenge, now, buyer_name=buyer.name, **dict(content))
            after = after.model_copy(update={"content_version": after.version})
            await store.put(
                tx, after, published=present.published, changes=found, changed_by=principal.organisation
            )
            if present.published:
                await self._append(tx, ChallengeAmended(challenge=after, changes=found), after)
            elif _has_readers(present.challenge) or _has_readers(after):
                await self._append(tx, ChallengeDrafted(challenge=after), after, public=False)
            return after

        return write

    async def step(
        self, principal: Principal, challenge: str, step: ChallengeStep, check: VersionCheck
    ) -> Challenge:
        """`stepping`, in a transaction of its own."""
        write = await self.stepping(principal, challenge, step, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def stepping(
        self, principal: Principal, challenge: str, step: ChallengeStep, check: VersionCheck
    ) -> Callable[[AsyncSession], Awaitable[Challenge]]:
        """Check a step on the challenge's way; what comes back takes it in a transaction of the caller's: a
        new version with the same content. What says nothing new changes nothing and emits nothing.

        Raises as `amending`, and as `steps.take`.
        """
        before, _ = await self._changeable(principal, challenge, check)
        now = self._clock.now()
        found = steps.take(before.challenge, step, now)

        async def write(tx: AsyncSession) -> Challenge:
            present = await self._locked(tx, before, check)
            if not found:
                return present.challenge
            after = _next(present.challenge, now, **found)
            await _put_step(tx, principal, present, after, published=True)
            told = ChallengeStepped(
                challenge=after, before=present.challenge.state, headline=steps.headline(after)
            )
            await self._append(tx, told, after)
            return after

        return write

    async def withdraw(
        self, principal: Principal, challenge: str, reason: str, check: VersionCheck
    ) -> Challenge:
        """`withdrawing`, in a transaction of its own."""
        write = await self.withdrawing(principal, challenge, reason, check)
        async with self._database.write(durable=True) as tx:
            return await write(tx)

    async def withdrawing(
        self, principal: Principal, challenge: str, reason: str, check: VersionCheck
    ) -> Callable[[AsyncSession], Awaitable[Challenge]]:
        """Check that it may be taken back; what comes back does so in a transaction of the caller's, for
        good, with a reason that everybody may read. Conflict if that was done before."""
        before, _ = await self._changeable(principal, challenge, check)

        async def write(tx: AsyncSession) -> Challenge:
            present = await self._locked(tx, before, check)
            after = _next(present.challenge, self._clock.now(), state=ChallengeState.withdrawn)
            await _put_step(tx, principal, present, after, published=present.published, reason=reason)
            if present.published or _has_readers(present.challenge):
                told = ChallengeWithdrawn(challenge=after, reason=reason)
                await self._append(tx, told, after, public=present.published)
            return after

        return write

    # -- reading -------------------------------------------------------------------------------------

    async def get(self, principal: Principal | None, challenge: str) -> Challenge:
        """The present version; None is somebody who is not signed in. NotFound for others' drafts, but for
        those that the principal is named as a reader of."""
        return (await self._visible(principal, challenge)).challenge

    async def page(
        self,
        principal: Principal | None,
        wanted: ChallengeFilter,
        *,
        after: str | None = None,
        limit: int,
    ) -> list[Challenge]:
        """What was announced, and the principal's own drafts, newest first, from behind the id `after`. Where
        drafts are asked for (`wanted.state`), also others' that it is named as a reader of.

        `wanted.buyer` may be a handle; an unknown one finds nothing.
        """
        if wanted.buyer is not None:
            buyer = await self._directory.organisation_by_handle_or_id(wanted.buyer)
            if buyer is None:
                return []
            wanted = replace(wanted, buyer=buyer.id)
        conditions = wanted.conditions()
        if principal is None:
            conditions.append(store.is_published())
        elif not principal.is_admin:
            seen = [store.is_published(), store.is_announced_by(principal.organisation)]
            if wanted.state is ChallengeState.draft:
                seen.append(store.is_draft_for(_readings(principal)))
            conditions.append(or_(*seen))
        async with self._database.read() as tx:
            return await store.page(tx, conditions, after=after, limit=limit)

    async def versions(
        self, principal: Principal | None, challenge: str, *, before: int | None = None, limit: int
    ) -> list[ChallengeVersion]:
        """Who changed what and when, newest first; versions of the draft for its owner alone. What is
        confidential is left out for those who may not read it."""
        stored = await self._visible(principal, challenge)
        public = not _owns(principal, stored.challenge)
        if before is not None:  # a cursor may hold any number, the column may not
            before = min(max(before, 0), stored.challenge.version + 1)
        async with self._database.read() as tx:
            found = await store.versions(tx, challenge, published_only=public, before=before, limit=limit)
        if confidential.may_read(principal, stored.challenge):
            return found
        return [one.model_copy(update={"changes": confidential.open_changes(one.changes)}) for one in found]

    async def reached(self, challenge: str) -> dict[ChallengeState, datetime]:
        """When it came into each state that everybody has seen it in. For whoever may read it."""
        async with self._database.read() as tx:
            return await store.states(tx, challenge)

    async def version(self, principal: Principal | None, challenge: str, number: int) -> Challenge:
        """The challenge as it was in one version, as far as the principal may read it."""
        stored = await self._visible(principal, challenge)
        async with self._database.read() as tx:
            found = await store.version(tx, challenge, number)
        if found is None or not (found.published or _owns(principal, stored.challenge)):
            raise NotFound(f"This challenge has no version {number} that you may see.")
        return confidential.shown(found.challenge, principal, stored.challenge)

    async def open_among(self, ids: Collection[str]) -> frozenset[str]:
        """Those of these that are matched now: announced, hence everybody's to read, deadline not passed."""
        if not ids:
            return frozenset()
        is_open = store.is_open(completion.last_open_day(self._clock.now()))
        async with self._database.read() as tx:
            return frozenset(await store.ids_among(tx, [store.is_published(), is_open], ids))

    async def many(self, ids: Collection[str]) -> dict[str, Challenge]:
        """By id, whatever their state and whoever asks, for other rooms; unknown ones are left out."""
        if not ids:
            return {}
        async with self._database.read() as tx:
            return await store.many(tx, ids)

    async def open_pages(self, size: int = PAGE) -> AsyncIterator[list[Challenge]]:
        """Every challenge that is matched now, newest first, in pages: announced, deadline not passed."""
        condition = store.is_open(completion.last_open_day(self._clock.now()))
        async for found in self._pages(condition, size):
            yield found

    async def pages_in(
        self, states: Collection[ChallengeState], size: int = PAGE
    ) -> AsyncIterator[list[Challenge]]:
        """Every challenge in one of these states, drafts too, newest first, whoever asks: for other rooms."""
        async for found in self._pages(store.is_in(states), size):
            yield found

    async def _pages(self, condition: ColumnElement[bool], size: int) -> AsyncIterator[list[Challenge]]:
        after: str | None = None
        while True:
            async with self._database.read() as tx:
                found = await store.page(tx, [condition], after=after, limit=size)
            if found:
                yield found
            if len(found) < size:
                return
            after = found[-1].id

    async def open_challenges(self) -> list[Challenge]:
        """All of `open_pages` at once."""
        return [challenge async for page in self.open_pages() for challenge in page]

    # ------------------------------------------------------------------------------------------------

    async def _visible(self, principal: Principal | None, challenge: str) -> Stored:
        found = None
        if challenge.isascii() and challenge.isprintable():
            async with self._database.read() as tx:
                found = await store.find(tx, challenge)
        if found is None or not _may_read(principal, found):
            raise _unknown(challenge)
        return found

    async def _changeable(
        self, principal: Principal, challenge: str, check: VersionCheck
    ) -> tuple[Stored, Organisation]:
        """What the principal is about to change, with its buyer; checked before anything is computed."""
        principal.needs_scope("write")
        found = await self._visible(principal, challenge)
        theirs = (found.challenge.announced_by, found.challenge.buyer)
        if not (principal.is_admin or principal.organisation in theirs):
            raise Forbidden("Only who announced this challenge, its buyer, or an admin may change it.")
        buyer = await self._directory.organisation_by_handle_or_id(found.challenge.buyer)
        assert buyer is not None, "organisations are never removed"
        await self._buyers.check_speaks_for(principal, buyer)
        _check_state(found.challenge)
        check(found.challenge.version)
        return found, buyer

    async def _locked(self, tx: AsyncSession, before: Stored, check: VersionCheck) -> Stored:
        """The same challenge again, in the transaction that writes: it must not have changed meanwhile."""
        present = await store.find(tx, before.challenge.id, lock=True)
        if present is None:
            raise _unknown(before.challenge.id)
        check(present.challenge.version)
        if present.challenge.version != before.challenge.version:
            raise Conflict("Somebody else changed this challenge at the same moment. Try again.")
        return present

    async def _append(
        self, tx: AsyncSession, data: EventData, challenge: Challenge, *, public: bool = True
    ) -> None:
        event = journal.NewEvent(
            type=data.TYPE,
            subject=f"challenge/{challenge.id}",
            key=challenge.id,
            data=confidential.for_the_journal(data).model_dump(mode="json"),
            audience=frozenset({challenge.announced_by, challenge.buyer}),
            public=public,
        )
        await journal.append(tx, [event], now=challenge.changed_at)


def _owns(principal: Principal | None, challenge: Challenge) -> bool:
    return principal is not None and (principal.is_admin or principal.organisation == challenge.announced_by)


def _may_read(principal: Principal | None, stored: Stored) -> bool:
    if stored.published or _owns(principal, stored.challenge):
        return True
    return principal is not None and may_read_draft(principal, stored.challenge)


def may_read_draft(principal: Principal, draft: Challenge) -> bool:
    """Whether somebody who has not begun this draft may read it. Once it is withdrawn it is nobody's but its
    owner's again."""
    if draft.state is not ChallengeState.draft:
        return False
    return draft.draft_readers in _readings(principal)


def _readings(principal: Principal) -> frozenset[DraftReaders]:
    """What a draft must be open to for the principal to read it."""
    if principal.role in (BSO, ILO):
        return frozenset({DraftReaders.buyers, DraftReaders.public})
    return frozenset({DraftReaders.public})


def _has_readers(draft: Challenge) -> bool:
    return draft.draft_readers is not DraftReaders.owner


def _check_state(challenge: Challenge) -> None:
    if challenge.state is ChallengeState.withdrawn:
        raise Conflict("This challenge was withdrawn and stays so. Announce a new one.")


def _next(challenge: Challenge, now: object, **values: object) -> Challenge:
    return challenge.model_copy(update={**values, "version": challenge.version + 1, "changed_at": now})


async def _put_step(
    tx: AsyncSession,
    principal: Principal,
    before: Stored,
    after: Challenge,
    *,
    published: bool,
    reason: str | None = None,
) -> None:
    """A version that differs in what steps change, and in nothing else."""
    await store.put(
        tx,
        after,
        published=published,
        changes=changes(before.challenge, after, STEPPED),
        changed_by=principal.organisation,
        reason=reason,
    )


def _unknown(challenge: str) -> NotFound:
    return NotFound(f"There is no challenge {quoted(challenge)} that you may see.")
