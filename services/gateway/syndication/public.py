"""What was announced, for everybody: a feed and a calendar of deadlines, without a key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.challenge import Challenge
from schemas.codes import CountryCode, LanguageCode, cpv_label
from schemas.text import NAME_MAX
from services.directory.organisation_endpoints import REFERENCE
from services.gateway.syndication import atom, calendar
from services.gateway.syndication.addresses import ANNOUNCEMENTS, DEADLINES, narrowed
from services.gateway.syndication.kept import Kept, Made
from services.gateway.syndication.telling import announced
from services.intake.challenge_store import ChallengeFilter
from services.intake.publication import Publication
from services.kernel.problems import InvalidInput, Unavailable
from services.kernel.web.conditional import document
from services.kernel.web.problems import responses_for

ENTRIES = 50
"""Challenges in the feed, the newest: weeks of announcements, and 100 kB at the most. All there ever were are
in `GET /v1/challenges`, page by page."""
CHALLENGES = 500
"""Challenges in the calendar, those that are due first: more than anybody looks at, and half a megabyte."""
WORDS_MAX = 12
"""Words looked for; more narrow nothing any further."""
HEADERS = {"cache-control": "public, max-age=60", "access-control-allow-origin": "*"}
"""A minute spares us the crowd of one moment, and is shorter than any reader waits between two looks. Web
pages of others may read it, too: it is public."""

_Buyer = Annotated[str | None, Query(pattern=REFERENCE, description="Only of this buyer, by handle or id")]
_Country = Annotated[
    CountryCode | None, Query(description="Only those that companies of this country may answer")
]
_Cpv = Annotated[str | None, Query(pattern="^[0-9]{2,8}$", description="Only with a CPV code that begins so")]
_Language = Annotated[LanguageCode | None, Query(description="Only those that are written in this language")]
_Words = Annotated[
    str,
    Query(max_length=NAME_MAX, description="Only those with all of these words in title, need or buyer"),
]


async def _filter(
    buyer: _Buyer = None,
    country: _Country = None,
    cpv: _Cpv = None,
    language: _Language = None,
    words: _Words = "",
) -> ChallengeFilter:
    each = tuple(words.split()[:WORDS_MAX])
    return ChallengeFilter(buyer=buyer, country=country, cpv=cpv, language=language, words=each)


_Wanted = Annotated[ChallengeFilter, Depends(_filter)]


def described(media: str, what: str) -> dict[int | str, dict[str, Any]]:
    """For the contract: the document, and that one holds it already."""
    return {
        200: {"description": what, "content": {media: {"schema": {"type": "string"}}}},
        304: {"description": "As `If-None-Match` or `If-Modified-Since` says, nothing has changed"},
    }


def routes(publication: Publication, kept: Kept, public_url: str) -> APIRouter:
    made = APIRouter(tags=["feeds"])
    always = responses_for(InvalidInput, Unavailable)

    @made.head(ANNOUNCEMENTS, include_in_schema=False)
    @made.get(
        ANNOUNCEMENTS,
        response_class=Response,
        summary="Announcements as a feed",
        description=(
            f"Atom (RFC 4287), for everybody: the {ENTRIES} challenges that were announced, amended or "
            "withdrawn last, one entry each. Asked again with the `ETag`, it answers 304 while nothing has "
            "changed."
        ),
        responses=always | described(atom.MEDIA, "The feed"),
    )
    async def announcements(request: Request, wanted: _Wanted) -> Response:
        state = await publication.state()

        def write(found: list[Challenge]) -> Made:
            own = public_url + narrowed(ANNOUNCEMENTS, wanted)
            feed = atom.Feed(
                id=own,
                title="Challenges of Big Science",
                subtitle="Needs that nobody sells yet, as they are announced",
                page=f"{public_url}/",
                own=own,
                entries=[_entry(one, public_url) for one in found],
            )
            return Made(atom.rendered(feed), state.changed_at)

        key = (ANNOUNCEMENTS, wanted, state)
        found = await kept.get(key, lambda: publication.newest(wanted, limit=ENTRIES), write)
        return document(request, found.body, media=atom.MEDIA, modified=found.modified, headers=HEADERS)

    @made.head(DEADLINES, include_in_schema=False)
    @made.get(
        DEADLINES,
        response_class=Response,
        summary="Deadlines as a calendar",
        description=(
            f"iCalendar (RFC 5545), for everybody: the last days for answers of the {CHALLENGES} open "
            "challenges that are due first, and their phases. An entry keeps its `UID`; its `SEQUENCE` is "
            "the version of the challenge."
        ),
        responses=always | described(calendar.MEDIA, "The calendar"),
    )
    async def deadlines(request: Request, wanted: _Wanted) -> Response:
        state = await publication.state()

        def write(found: list[Challenge]) -> Made:
            body = calendar.rendered(
                "Challenges of Big Science: deadlines",
                "Last days for answers to open challenges, and their phases",
                f"{public_url}/",
                [calendar.Due(one, f"{public_url}/challenges/{one.id}", one.changed_at) for one in found],
                alarms=False,
            )
            return Made(body, state.due_changed_at)

        key = (DEADLINES, wanted, state)
        found = await kept.get(key, lambda: publication.due(wanted, limit=CHALLENGES), write)
        return document(request, found.body, media=calendar.MEDIA, modified=found.modified, headers=HEADERS)

    return made


def _entry(challenge: Challenge, public_url: str) -> atom.Entry:
    told = announced(challenge)
    return atom.Entry(
        id=atom.urn(challenge.id),
        title=told.title,
        text=told.text,
        link=public_url + told.path,
        updated=challenge.changed_at,
        published=challenge.announced_at,
        author=challenge.buyer_name,
        language=challenge.language,
        codes=[(code, cpv_label(code)) for code in challenge.cpv],
    )
