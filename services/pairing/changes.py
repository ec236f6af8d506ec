"""What a new look at two needs changes in their pairing; only that is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from schemas.base import Contract
from schemas.challenge import Challenge, ChallengeState
from schemas.pairing import Pairing, PairingOrigin, PairingState
from services.kernel.identifiers import new_id
from services.pairing.comparison import CANDIDATE, Compared
from services.pairing.needs import is_pairable
from services.pairing.steps import ENDED

KEPT = CANDIDATE - 0.05
"""A candidate stays one down to here: a corrected word must not dissolve and suggest it again and again."""

_SILENT: dict[str, Any] = {"first": {"version"}, "second": {"version"}}
"""Fields whose change alone nobody needs to hear of."""


class Change(Contract):
    """The pairing afterwards, what to tell of it, and what it was. `what`: `silent` moves versions on."""

    what: Literal["suggested", "reopened", "updated", "silent", "dissolved"]
    pairing: Pairing
    before: Pairing | None


def is_candidate(compared: Compared) -> bool:
    """Close enough in meaning, and wanted at the same time."""
    return compared.comparison.similarity >= CANDIDATE and compared.comparison.timing is not None


def look(before: Pairing | None, now: Compared, at: datetime) -> Change | None:
    """Of two needs that may both be paired still; None where nothing changes.

    What the buyers have dissolved stays so. What Liaison dissolved is suggested again when it fits again. A
    pairing that the buyers have confirmed is theirs: it is brought up to date, and never dissolved because
    the needs have grown apart.
    """
    if before is None:
        return _new(now, at) if is_candidate(now) else None
    if before.state is PairingState.dissolved:
        if before.dissolved_by is not None or not is_candidate(now):
            return None
        return Change(what="reopened", pairing=reopened(before, now, at), before=before)
    if before.state in ENDED:
        return None
    if before.state is PairingState.candidate and before.origin is PairingOrigin.found:
        if now.comparison.timing is None:
            return gone(before, "They no longer want to buy at the same time.", at)
        if now.comparison.similarity < KEPT:
            return gone(before, "The needs are no longer alike.", at)
    return _updated(before, now, at)


def closed(before: Pairing, needs: Mapping[str, Challenge], at: datetime) -> Change | None:
    """A pairing of which a need can no longer be paired. A candidate is dissolved then; what the buyers have
    confirmed only when the need was withdrawn."""
    if before.state in ENDED:
        return None
    for side in (before.first, before.second):
        need = needs.get(side.id)
        if need is None or is_pairable(need, at):
            continue
        if need.state is ChallengeState.withdrawn:
            return gone(before, f"{side.buyer_name} has withdrawn its need.", at)
        if before.state is PairingState.candidate:
            why = "is decided" if need.state is ChallengeState.decided else "is no longer open"
            return gone(before, f"The need of {side.buyer_name} {why}.", at)
    return None


def gone(before: Pairing, reason: str, at: datetime) -> Change:
    """Dissolved by Liaison itself."""
    fields: dict[str, Any] = {
        "state": PairingState.dissolved,
        "reason": reason,
        "dissolved_by": None,
        "asked": {},
    }
    return Change(what="dissolved", pairing=_next(before, at, **fields), before=before)


def reopened(before: Pairing, now: Compared, at: datetime) -> Pairing:
    """A candidate again, with the same id and its whole history."""
    fields: dict[str, Any] = {
        "state": PairingState.candidate,
        "reason": None,
        "dissolved_by": None,
        "asked": {},
    }
    return _next(before, at, **fields, **_looked_at(now))


def joined(now: Compared, at: datetime) -> Pairing:
    """A candidate that a buyer has asked for."""
    return _candidate(now, PairingOrigin.joined, at)


def _new(now: Compared, at: datetime) -> Change:
    return Change(what="suggested", pairing=_candidate(now, PairingOrigin.found, at), before=None)


def _candidate(now: Compared, origin: PairingOrigin, at: datetime) -> Pairing:
    return Pairing(
        id=new_id("pai"),
        version=1,
        state=PairingState.candidate,
        origin=origin,
        first=now.first,
        second=now.second,
        comparison=now.comparison,
        asked={},
        created_at=at,
        changed_at=at,
    )


def _updated(before: Pairing, now: Compared, at: datetime) -> Change | None:
    looked_at = _looked_at(now)
    if all(getattr(before, name) == value for name, value in looked_at.items()):
        return None
    after = _next(before, at, **looked_at)
    if _said(before) == _said(after):
        # The document moves on to the versions it holds for; nothing that anybody reads has changed.
        silent = before.model_copy(update=looked_at)
        return Change(what="silent", pairing=silent, before=before)
    return Change(what="updated", pairing=after, before=before)


def _said(pairing: Pairing) -> object:
    sides = {name: getattr(pairing, name).model_dump(exclude=_SILENT[name]) for name in _SILENT}
    return sides, pairing.comparison


def _looked_at(now: Compared) -> dict[str, Any]:
    return {"first": now.first, "second": now.second, "comparison": now.comparison}


def _next(before: Pairing, at: datetime, **fields: Any) -> Pairing:
    return before.model_copy(update={**fields, "version": before.version + 1, "changed_at": at})
