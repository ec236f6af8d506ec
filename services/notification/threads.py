"""Which events are about the same thing, and whether they begin, go on or end it. Pure: by their types."""

from __future__ import annotations

from enum import StrEnum

from services.kernel.journal import Event
from services.notification.routing import ANSWERED, GAPS, SETTLED, STALE, STEPPED

SUGGESTED = "liaison.match.suggested.v1"
UPDATED = "liaison.match.updated.v1"
ALERTS = frozenset({SUGGESTED, UPDATED})
"""What a weekly budget counts."""


class Stance(StrEnum):
    """Of an event to its thread. What `opens` and then `ends` before anybody heard of it need not be told."""

    opens = "opens"
    keeps = "keeps"
    ends = "ends"


_THREADS: dict[str, tuple[str, Stance]] = {
    SUGGESTED: ("match", Stance.opens),
    UPDATED: ("match", Stance.keeps),
    "liaison.match.retracted.v1": ("match", Stance.ends),
    ANSWERED: ("answer", Stance.keeps),
    "liaison.challenge.announced.v1": ("challenge", Stance.opens),
    "liaison.challenge.amended.v1": ("challenge", Stance.keeps),
    STEPPED: ("challenge", Stance.keeps),
    "liaison.challenge.withdrawn.v1": ("challenge", Stance.ends),
    SETTLED: ("matched", Stance.keeps),
    STALE: ("profile", Stance.keeps),
    GAPS: ("gaps", Stance.keeps),
    "liaison.consortium.proposed.v1": ("consortium", Stance.opens),
    "liaison.consortium.updated.v1": ("consortium", Stance.keeps),
    "liaison.consortium.consented.v1": ("consortium", Stance.keeps),
    "liaison.consortium.introduced.v1": ("consortium", Stance.keeps),
    "liaison.consortium.formed.v1": ("consortium", Stance.keeps),
    "liaison.consortium.declined.v1": ("consortium", Stance.ends),
    "liaison.consortium.dissolved.v1": ("consortium", Stance.ends),
    "liaison.pairing.suggested.v1": ("pairing", Stance.opens),
    "liaison.pairing.updated.v1": ("pairing", Stance.keeps),
    "liaison.pairing.step-asked.v1": ("pairing", Stance.keeps),
    "liaison.pairing.stepped.v1": ("pairing", Stance.keeps),
    "liaison.pairing.dissolved.v1": ("pairing", Stance.ends),
    "liaison.pairing.group-formed.v1": ("group", Stance.opens),
    "liaison.pairing.group-changed.v1": ("group", Stance.keeps),
    "liaison.pairing.group-dissolved.v1": ("group", Stance.ends),
}
"""By type. Others (answers of a dialogue, reminders, a consortium that seeks somebody) each stand alone: the
next does not say what the last one said."""


def thread(event: Event) -> str:
    """Events of one thread are about one thing, and the newest of them says how it stands."""
    found = _THREADS.get(event.type)
    return f"event:{event.id}" if found is None else f"{found[0]}:{event.subject}"


def stance(event: Event) -> Stance:
    found = _THREADS.get(event.type)
    return Stance.keeps if found is None else found[1]
