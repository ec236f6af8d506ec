"""What a new look at pairings changes in the groups that they make; only that is told. Pure.

A group goes on as long as two of its needs are in it still: one that gains a fourth need, or loses one of
four, is the same group.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from schemas.pairing import Group, GroupState, Lead, PairedNeed, Pairing
from services.kernel.identifiers import new_id
from services.pairing.groups import groups
from services.pairing.lead import lead
from services.pairing.store import Pair

IN_COMMON = 2
"""Needs that a group shares with the one it goes on as: a joint procurement takes two."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the pairings say of needs of which every two hang together."""

    needs: tuple[PairedNeed, ...]
    similarity: float
    starts: date
    ends: date
    lead: Lead

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(need.id for need in self.needs)


@dataclass(frozen=True, slots=True)
class GroupChange:
    """The group afterwards, what to tell of it, and what it was. `silent` moves versions of needs on."""

    what: Literal["formed", "changed", "dissolved", "silent"]
    after: Group
    before: Group | None


def standing(pairings: Mapping[Pair, Pairing], about: Collection[str]) -> list[Standing]:
    """The groups that these pairings make and that have one of the needs `about` in them. `pairings`: all
    that stand of those needs, and all that stand among their neighbours."""
    edges = {pair: one for pair, one in pairings.items() if one.comparison.timing is not None}
    found = [_standing(members, edges) for members in groups(edges)]
    wanted = set(about)
    return [one for one in found if one is not None and one.ids & wanted]


def regroup(
    before: Sequence[Group], found: Sequence[Standing], *, at: datetime, public_url: str
) -> list[GroupChange]:
    """`before`: the groups that stand with one of the needs that were looked at."""
    changes: list[GroupChange] = []
    goes_on = _successors(before, found)
    for place, one in enumerate(found):
        old = goes_on.get(place)
        change = _formed(one, at, public_url) if old is None else _changed(old, one, at)
        if change is not None:
            changes.append(change)
    kept = {one.id for one in goes_on.values()}
    gone = (_dissolved(one, found, at) for one in before if one.id not in kept)
    return [*changes, *gone]


def _successors(before: Sequence[Group], found: Sequence[Standing]) -> dict[int, Group]:
    """By place in `found`, the group that goes on as it: those that have most in common first."""
    shared = [
        (-len(common), len(one.ids | _ids(old)), old.id, place, old)
        for place, one in enumerate(found)
        for old in before
        if len(common := one.ids & _ids(old)) >= IN_COMMON
    ]
    goes_on: dict[int, Group] = {}
    used: set[str] = set()
    for *_, place, old in sorted(shared, key=lambda each: each[:4]):
        if place not in goes_on and old.id not in used:
            goes_on[place] = old
            used.add(old.id)
    return goes_on


def _formed(one: Standing, at: datetime, public_url: str) -> GroupChange:
    identifier = new_id("grp")
    made = Group(
        id=identifier,
        version=1,
        state=GroupState.formed,
        **_fields(one),
        page=f"{public_url}/pairings/groups/{identifier}",
        formed_at=at,
        changed_at=at,
    )
    return GroupChange("formed", made, None)


def _changed(old: Group, one: Standing, at: datetime) -> GroupChange | None:
    fields = _fields(one)
    if all(getattr(old, name) == value for name, value in fields.items()):
        return None
    after = old.model_copy(update=fields)
    if _said(after) == _said(old):
        return GroupChange("silent", after, old)
    return GroupChange(
        "changed", after.model_copy(update={"version": old.version + 1, "changed_at": at}), old
    )


def _dissolved(gone: Group, found: Sequence[Standing], at: datetime) -> GroupChange:
    larger = any(_ids(gone) <= one.ids for one in found)
    reason = (
        "Its needs are in a larger group now."
        if larger
        else "Its needs no longer all go together, two by two."
    )
    fields: dict[str, Any] = {
        "state": GroupState.dissolved,
        "reason": reason,
        "version": gone.version + 1,
        "changed_at": at,
    }
    return GroupChange("dissolved", gone.model_copy(update=fields), gone)


def _standing(members: tuple[str, ...], edges: Mapping[Pair, Pairing]) -> Standing | None:
    """Periods of which every two overlap have a day in common (Helly's theorem on a line). None where a need
    was amended and not every one of its pairings has been looked at since."""
    inside = [pairing for pair, pairing in edges.items() if pair[0] in members and pair[1] in members]
    newest: dict[str, PairedNeed] = {}
    for need in (side for one in inside for side in (one.first, one.second)):
        if need.id not in newest or need.version > newest[need.id].version:
            newest[need.id] = need
    found = tuple(newest[member] for member in members)
    starts, ends = max(one.starts for one in found), min(one.ends for one in found)
    if starts > ends:
        return None
    counted = {
        need.id: len(one.comparison.shared) + len(alone)
        for one in inside
        for need, alone in (
            (one.first, one.comparison.only_first),
            (one.second, one.comparison.only_second),
        )
    }
    similarity = min(one.comparison.similarity for one in inside)
    return Standing(found, similarity, starts, ends, lead(found, counted))


def _fields(one: Standing) -> dict[str, Any]:
    return {
        "needs": one.needs,
        "similarity": one.similarity,
        "starts": one.starts,
        "ends": one.ends,
        "lead": one.lead,
    }


def _said(group: Group) -> object:
    """What anybody reads: the version of a need alone is no news."""
    needs = [need.model_dump(exclude={"version"}) for need in group.needs]
    return needs, group.similarity, group.starts, group.ends, group.lead


def _ids(group: Group) -> frozenset[str]:
    return frozenset(need.id for need in group.needs)
