"""What a challenge says of named companies: whom a conflict of interest concerns, and who was excluded. Pure.

It is for whoever announced the challenge, its buyer, and who runs the service. It stands in the rows and
their versions, which are the file of the procedure, and in no event: events are public, and kept for ever.
The company itself reads it in the gates of its own suggestion.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.challenge import Challenge, Change
from schemas.events import ChallengeAmended, EventData
from services.kernel.security import Principal

CONFIDENTIAL = ("conflicts_of_interest", "excluded")


def may_read(principal: Principal | None, challenge: Challenge) -> bool:
    if principal is None:
        return False
    return principal.is_admin or principal.organisation in (challenge.announced_by, challenge.buyer)


def shown(challenge: Challenge, principal: Principal | None, present: Challenge | None = None) -> Challenge:
    """As the principal may read it. `present`: says whose it is, where this is a version of it."""
    return challenge if may_read(principal, present or challenge) else concealed(challenge)


def concealed(challenge: Challenge) -> Challenge:
    """Without it."""
    return challenge.model_copy(update=dict.fromkeys(CONFIDENTIAL, ()))


def disclosed(told: Challenge, kept: Challenge) -> Challenge:
    """What was told by an event, with what is kept of it in the rows."""
    return told.model_copy(update={name: getattr(kept, name) for name in CONFIDENTIAL})


def open_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Without those of it."""
    return tuple(one for one in changes if one.field.split("/")[0] not in CONFIDENTIAL)


def for_the_journal(data: EventData) -> EventData:
    """An event of a challenge, without it."""
    values: dict[str, object] = {}
    challenge = getattr(data, "challenge", None)
    if isinstance(challenge, Challenge):
        values["challenge"] = concealed(challenge)
    if isinstance(data, ChallengeAmended):
        values["changes"] = open_changes(data.changes)
    return data.model_copy(update=values)
