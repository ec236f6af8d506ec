"""The events that pairing writes into the journal: for both buyers, and who announces for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import (
    EventData,
    PairingDissolved,
    PairingSuggested,
    PairingUpdated,
)
from schemas.pairing import PairedNeed, Pairing, PairingSide
from services.kernel import journal
from services.pairing.changes import Change


def event(data: EventData, pairing: Pairing, *, correlation_id: str | None = None) -> journal.NewEvent:
    return journal.NewEvent(
        type=data.TYPE,
        subject=f"pairing/{pairing.id}",
        key=pairing.id,
        data=data.model_dump(mode="json"),
        audience=audience(pairing),
        correlation_id=correlation_id,
    )


def audience(pairing: Pairing) -> frozenset[str]:
    sides = (pairing.first, pairing.second)
    return frozenset(one for side in sides for one in (side.buyer, side.announced_by))


def needs_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """Ids of the two needs that an event of a pairing is about: a whole pairing names the need `id`, an event
    of its way `need`."""
    first, second = (data[name].get("need") or data[name]["id"] for name in ("first", "second"))
    return first, second


def of_change(change: Change, *, correlation_id: str | None = None) -> journal.NewEvent | None:
    """None for what is not told."""
    pairing, before = change.pairing, change.before
    data: EventData
    match change.what:
        case "suggested" | "reopened":
            data = suggested(pairing)
        case "updated":
            assert before is not None
            fields = _fields(pairing) | {"previous_similarity": before.comparison.similarity}
            data = PairingUpdated(**fields, headline=headline(pairing))
        case "dissolved":
            assert before is not None
            data = PairingDissolved(**step(pairing, by=None), before=before.state, reason=pairing.reason)
        case "silent":
            return None
    return event(data, pairing, correlation_id=correlation_id)


def suggested(pairing: Pairing) -> PairingSuggested:
    return PairingSuggested(**_fields(pairing), headline=headline(pairing))


def step(pairing: Pairing, *, by: str | None) -> dict[str, object]:
    """What every event of the way has."""
    return {
        "pairing": pairing.id,
        "version": pairing.version,
        "state": pairing.state,
        "first": side(pairing.first),
        "second": side(pairing.second),
        "by": by,
        "at": pairing.changed_at,
    }


def side(need: PairedNeed) -> PairingSide:
    return PairingSide(
        need=need.id,
        title=need.title,
        buyer=need.buyer,
        buyer_name=need.buyer_name,
        announced_by=need.announced_by,
    )


def headline(pairing: Pairing) -> str:
    """One sentence: who, how alike, what is shared, and when both want to buy."""
    found = pairing.comparison
    shared, alone = len(found.shared), len(found.only_first) + len(found.only_second)
    said = f"{pairing.first.buyer_name} and {pairing.second.buyer_name}: {found.similarity:.2f} alike"
    if shared:
        said += f", {shared} {'requirement' if shared == 1 else 'requirements'} shared"
    if alone:
        said += f", {alone} of one side alone"
    if found.timing is not None:
        said += f"; both buy between {found.timing.starts.isoformat()} and {found.timing.ends.isoformat()}"
    return said


def _fields(pairing: Pairing) -> dict[str, object]:
    return {name: getattr(pairing, name) for name in Pairing.model_fields}
