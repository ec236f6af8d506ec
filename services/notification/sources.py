"""Where in the journal the events lie that a subscription can ask for at all, so that looking back for them
reads little else. Pure; which of them it asks for, `routing` says."""

from __future__ import annotations

from schemas.subscription import (
    Follow,
    FollowBuyer,
    FollowChallenge,
    FollowConsortia,
    FollowCountry,
    FollowDialogue,
    FollowGaps,
    FollowMembers,
    FollowOwnProfile,
    FollowPairings,
    FollowQuery,
)
from services.kernel.journal.backwards import Wanted
from services.notification.routing import (
    ANNOUNCEMENTS,
    CONSORTIA,
    DIALOGUE,
    GAPS,
    MATCHES,
    PAIRINGS,
    ROUTED,
    STEPPED,
)

GENERAL = ROUTED - CONSORTIA - {GAPS}
"""What is told to others than those who follow consortia."""


STEPS = Wanted(frozenset({STEPPED}))
"""Of challenges that were suggested to the company, or to a member."""


def sources(follow: Follow) -> tuple[Wanted, ...]:
    """Together they hold every event that such a subscription can ask for, each once."""
    match follow:
        case FollowOwnProfile(company=company):
            return Wanted(MATCHES, concerning=frozenset({company})), STEPS
        case FollowMembers():
            return Wanted(MATCHES), STEPS
        case FollowQuery():
            return (Wanted(ANNOUNCEMENTS),)
        case FollowCountry():
            return (Wanted(MATCHES | ANNOUNCEMENTS),)
        case FollowBuyer():
            return (Wanted(GENERAL),)
        case FollowChallenge(challenge=challenge):
            return Wanted(GENERAL - PAIRINGS, key=challenge), Wanted(PAIRINGS)
        case FollowConsortia(challenge=challenge):
            return (Wanted(CONSORTIA, key=challenge),)
        case FollowGaps(challenge=challenge):
            return (Wanted(frozenset({GAPS}), key=challenge),)
        case FollowDialogue(challenge=challenge):
            return (Wanted(DIALOGUE, key=challenge),)
        case FollowPairings():
            return (Wanted(PAIRINGS),)
