"""Where the feed and the calendar for everybody are."""

from __future__ import annotations

from urllib.parse import urlencode

from services.intake.challenge_store import ChallengeFilter

ANNOUNCEMENTS = "/feeds/announcements.atom"
DEADLINES = "/feeds/deadlines.ics"


def narrowed(path: str, wanted: ChallengeFilter) -> str:
    """The path with what it is narrowed to, always in the same order."""
    asked = {
        "buyer": wanted.buyer,
        "country": wanted.country,
        "cpv": wanted.cpv,
        "language": wanted.language,
        "words": " ".join(wanted.words),
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}" if query else path
