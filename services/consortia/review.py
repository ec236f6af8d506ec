"""Thinking the consortia of a challenge over: which stay, which change, which come and go. Pure.

Teams of whom somebody has consented already, or that somebody has begun, stay as they are; only members who
are no longer to be had are replaced. The others make way for better ones. What does not change is not told
of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from schemas.consortium import (
    KNOWN_TO_EACH_OTHER,
    STANDING,
    Consent,
    Consortium,
    ConsortiumContent,
    ConsortiumMember,
    ConsortiumOrigin,
    ConsortiumState,
    GapBrief,
)
from schemas.events import (
    ConsortiumDissolved,
    ConsortiumFormed,
    ConsortiumIntroduced,
    ConsortiumProposed,
    ConsortiumUpdated,
    EventData,
)
from services.consortia import compose
from services.consortia.best import TEAMS, propose, suggested
from services.consortia.market import Market
from services.consortia.rules import Rules
from services.consortia.team import Seats, Team, additions_in_order, broken
from services.kernel.identifiers import new_id

_SILENT: Mapping[str, Any] = {
    "challenge": {"version"},
    "members": {
        "__all__": {
            "company": {"version"},
            "covers": {"__all__": {"score"}},
            "contribution": True,
            "alternates": True,
            "alternate_companies": True,
            "consent": True,
        }
    },
    "gaps": {"__all__": {"best"}},
    "coverage": True,
    "worth": True,
    "proven": True,
    "competing": True,
}
"""Fields whose change alone nobody needs to hear of: the same companies cover the same."""


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: the event that tells of it; None: nobody needs to hear. `before` is None for a new one; `left`:
    companies that have left by their own word and are told nothing."""

    kind: type[EventData] | None
    before: Consortium | None
    after: Consortium
    left: frozenset[str] = frozenset()
    about: frozenset[str] | None = None
    """Companies whose sides are told beside the overview; None: all."""


@dataclass(frozen=True, slots=True)
class Review:
    changes: tuple[Change, ...]
    conflict: str | None
    gaps: GapBrief | None


def review(
    market: Market,
    standing: Sequence[Consortium],
    *,
    at: datetime,
    public_url: str,
    make_id: Callable[[str], str] = new_id,
) -> Review:
    """`standing`: the challenge's consortia that are there. `market`: without those that declined, with the
    fixed members of `standing` and those that are bound."""
    rules = market.rules.with_fixed(())
    changes: list[Change] = []
    stays: list[Consortium] = []
    untouched: list[Consortium] = []
    for one in standing:
        if not _is_touched(one):
            untouched.append(one)
            continue
        change = None
        if one.state is not ConsortiumState.formed:
            change = mended(market, rules_for(one, rules), one, at=at, public_url=public_url)
        after = one if change is None else change.after
        changes += [] if change is None else [change]
        stays += [after] if after.state in STANDING else []
    # What somebody has begun takes no place among the suggestions: he would decide which are made.
    asking = market.asking()
    kept = [_team(asking, one) for one in stays if one.origin is ConsortiumOrigin.proposed]
    begun = {frozenset(_companies(one)) for one in stays if one.origin is ConsortiumOrigin.completed}
    found = propose(asking.coverage, rules, teams=max(0, TEAMS - len(kept)), beside=kept)
    old = {frozenset(_companies(one)): one for one in untouched}
    new: list[Change] = []
    for team in found.teams:
        members = frozenset(asking.coverage.candidates[row].id for row in team.team.rows)
        if members in begun:
            continue
        before = old.pop(members, None)
        made = compose.content(
            asking, rules, team, public_url=public_url, roles=_roles(before) if before is not None else None
        )
        if before is None:
            identifier = make_id("con")
            new.append(Change(ConsortiumProposed, None, _proposed(made, identifier, at, public_url)))
        else:
            change = _changed(before, made, at=at, reason="What its members cover changed.")
            changes += [] if change is None else [change]
    for members, gone in old.items():
        reason = _displaced(market, members, begun, any_better=bool(found.teams))
        changes.append(Change(ConsortiumDissolved, gone, dissolved(gone, reason, at)))
    teams = [*found.teams[:1], *(suggested(market.coverage, rules, team) for team in _seated(market, stays))]
    best = max(teams, key=lambda one: one.worth.order, default=None)
    brief = compose.brief(market, best, public_url=public_url)
    return Review((*changes, *new), found.conflict, brief)


def _displaced(
    market: Market, members: Collection[str], begun: Collection[frozenset[str]], *, any_better: bool
) -> str:
    """Why a suggestion that nobody has answered makes way."""
    if frozenset(members) in begun:
        return "One of its members has begun the same team, which stands in its place."
    if any(market.row(company) is None for company in members):
        return "A member can no longer take part."
    if any_better:
        return "Another team covers more of the challenge."
    return "Members of other teams for the challenge have consented already."


def mended(
    market: Market,
    rules: Rules,
    whole: Consortium,
    *,
    at: datetime,
    public_url: str,
    declined: str | None = None,
    asking: bool = True,
) -> Change | None:
    """A team with successors for members that are gone, among them who `declined`; dissolved (or declined)
    where there are none and the others are no team; None where nothing changed. `asking`: whether anybody may
    still be asked."""
    present: dict[int, Seats] = {}
    gone: list[tuple[str, Seats]] = []
    for member in whole.members:
        assert member.company is not None
        row = None if member.company.id == declined else market.row(member.company.id)
        if row is None:
            gone.append((member.company.id, _seats(rules, member)))
        else:
            present[row] = _seats(rules, member)
    roles = _roles(whole)
    unasked = {*market.unasked, declined}
    barred = {row for row, one in enumerate(market.coverage.candidates) if one.id in unasked}
    replaced = False
    for company, seats in gone:
        successor = _successor(market, rules, Team(present), seats, barred) if asking else None
        if successor is not None:
            replaced = True
            present[successor] = seats
            roles[market.coverage.candidates[successor].id] = roles[company]
    team = Team(present)
    if not present or any(broken(market.coverage, rules, team)):
        if declined is not None:
            reason = "A member declined, and nobody could take its role."
            after = whole.model_copy(
                update=_next(whole, at) | {"state": ConsortiumState.declined, "reason": reason}
            )
            return Change(None, whole, after, left=frozenset({declined}))
        reason = (
            "A member can no longer take part, and nobody could take its role."
            if gone
            else "It no longer keeps what the challenge asks of a consortium."
        )
        return Change(ConsortiumDissolved, whole, dissolved(whole, reason, at))
    made = compose.content(
        market,
        rules,
        suggested(market.coverage, rules, team, barred=barred),
        public_url=public_url,
        roles=roles,
        consents=_consents(whole, anew=replaced),
    )
    changed = _changed(
        whole,
        made,
        at=at,
        reason=_reason(gone=bool(gone), replaced=replaced, declined=declined is not None),
        left=frozenset({declined} if declined else ()),
    )
    return None if changed is None else _agreed(changed)


def _consents(whole: Consortium, *, anew: bool) -> dict[str, Consent]:
    """What the members have said. `anew`: somebody joins; that the old team is formed says nothing of the new
    one."""
    said = {one.company.id: one.consent for one in whole.members if one.company and one.consent}
    if anew:
        return {
            company: Consent.consented if consent is Consent.confirmed else consent
            for company, consent in said.items()
        }
    return said


def _reason(*, gone: bool, replaced: bool, declined: bool) -> str:
    if replaced:
        return "A member was replaced."
    if declined:
        return "A member has left the consortium."
    return "A member can no longer take part." if gone else "What its members cover changed."


def _agreed(change: Change) -> Change:
    """Where those who are left have all said so already, nobody is waited for."""
    said = {one.consent for one in change.after.members}
    if change.kind is ConsortiumUpdated and Consent.asked not in said:
        if change.after.state is ConsortiumState.proposed:
            return _in(change, ConsortiumState.introduced, ConsortiumIntroduced)
        if change.after.state is ConsortiumState.introduced and said == {Consent.confirmed}:
            return _in(change, ConsortiumState.formed, ConsortiumFormed)
    return change


def _in(change: Change, state: ConsortiumState, kind: type[EventData]) -> Change:
    return replace(change, kind=kind, after=change.after.model_copy(update={"state": state}))


def bound(standing: Sequence[Consortium]) -> frozenset[str]:
    """Companies that have consented to one of these, or know the others already."""
    return frozenset(
        one.company.id
        for whole in standing
        for one in whole.members
        if one.company is not None
        and (whole.state in KNOWN_TO_EACH_OTHER or one.consent in (Consent.consented, Consent.confirmed))
    )


def rules_for(whole: Consortium, rules: Rules, *, without: str | None = None) -> Rules:
    """The challenge's rules as they hold for this team: with its fixed members. `without`: a member that
    leaves."""
    return rules.with_fixed(set(_fixed(whole)) - {without})


def dissolved(whole: Consortium, reason: str, at: datetime) -> Consortium:
    return whole.model_copy(update=_next(whole, at) | {"state": ConsortiumState.dissolved, "reason": reason})


def _successor(market: Market, rules: Rules, team: Team, seats: Seats, barred: Collection[int]) -> int | None:
    """The company that makes the best team in these seats; equals by id."""
    for row in additions_in_order(market.coverage, rules, team, seats):
        if row not in barred and not any(broken(market.coverage, rules, Team({**team.seats, row: seats}))):
            return row
    return None


def _changed(
    before: Consortium,
    made: ConsortiumContent,
    *,
    at: datetime,
    reason: str,
    left: frozenset[str] = frozenset(),
) -> Change | None:
    fields = {name: getattr(made, name) for name in ConsortiumContent.model_fields}
    old = ConsortiumContent(**{name: getattr(before, name) for name in ConsortiumContent.model_fields})
    if old.model_dump() == made.model_dump():
        return None
    told = old.model_dump(exclude=dict(_SILENT)) != made.model_dump(exclude=dict(_SILENT))
    newcomers = {*_companies(made)} - {*_companies(before)}
    state = ConsortiumState.proposed if newcomers else before.state
    if not told:
        # A version of its own all the same: its number is the ETag of what is read.
        return Change(None, before, before.model_copy(update=fields | _next(before, at)))
    after = before.model_copy(update=fields | _next(before, at) | {"reason": reason, "state": state})
    return Change(ConsortiumUpdated, before, after, left=left)


def _next(whole: Consortium, at: datetime) -> dict[str, Any]:
    return {"version": whole.version + 1, "changed_at": at}


def _proposed(made: ConsortiumContent, identifier: str, at: datetime, public_url: str) -> Consortium:
    return consortium(made, identifier, at, public_url, origin=ConsortiumOrigin.proposed)


def consortium(
    made: ConsortiumContent, identifier: str, at: datetime, public_url: str, *, origin: ConsortiumOrigin
) -> Consortium:
    return Consortium(
        **{name: getattr(made, name) for name in ConsortiumContent.model_fields},
        id=identifier,
        version=1,
        state=ConsortiumState.proposed,
        origin=origin,
        headline="",
        page=f"{public_url}/consortia/{identifier}",
        proposed_at=at,
        changed_at=at,
    )


def _is_touched(whole: Consortium) -> bool:
    return (
        whole.origin is ConsortiumOrigin.completed
        or whole.state is not ConsortiumState.proposed
        or any(one.consent is not Consent.asked for one in whole.members)
    )


def _seated(market: Market, teams: Sequence[Consortium]) -> list[Team]:
    return [team for team in (_team(market, one) for one in teams) if team.seats]


def _team(market: Market, whole: Consortium) -> Team:
    rows = ((market.row(one.company.id), one) for one in whole.members if one.company is not None)
    return Team({row: _seats(market.rules, member) for row, member in rows if row is not None})


def _seats(rules: Rules, member: ConsortiumMember) -> Seats:
    """In which blocks a member is; in all where its stages are no longer the challenge's."""
    seats = tuple(not member.stages or bool({*block.stages} & {*member.stages}) for block in rules.blocks)
    return seats if any(seats) else (True,) * len(rules.blocks)


def _companies(whole: ConsortiumContent) -> list[str]:
    return [one.company.id for one in whole.members if one.company is not None]


def _fixed(whole: Consortium) -> list[str]:
    return [one.company.id for one in whole.members if one.company is not None and one.fixed]


def _roles(whole: Consortium) -> dict[str, str]:
    return {one.company.id: one.role for one in whole.members if one.company is not None}
