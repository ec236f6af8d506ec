"""What a subscription asks for, read from its secret address: as a feed, or as a calendar of deadlines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from schemas.subscription import Channel, Subscription
from services.gateway.syndication import atom, calendar
from services.gateway.syndication.kept import Kept, Made
from services.gateway.syndication.public import described
from services.gateway.syndication.telling import told, why
from services.intake.publication import Publication
from services.kernel.problems import NotFound, Unavailable
from services.kernel.web.conditional import document
from services.kernel.web.problems import responses_for
from services.notification.history import Dated, History
from services.notification.routing import Concern
from services.notification.subscriptions import Subscriptions

ENTRIES = 50
"""Events in a feed, the newest: readers keep what they have seen."""
REASONS = 5
"""Why a challenge is in a calendar, at most: the rest is on its page."""
HEADERS = {"cache-control": "private, no-cache", "referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
"""Whoever has the address reads it: no cache in between gives it to others, and it is told to no other
site."""


Token = Annotated[str, Path(description="What makes the address of the subscription secret: `liafeed_…`")]


def routes(
    subscriptions: Subscriptions,
    history: History,
    publication: Publication,
    kept: Kept,
    public_url: str,
) -> APIRouter:
    made = APIRouter(tags=["feeds"])
    always = responses_for(NotFound, Unavailable)

    @made.head("/feeds/{token}.atom", include_in_schema=False)
    @made.get(
        "/feeds/{token}.atom",
        response_class=Response,
        summary="A subscription as a feed",
        description=(
            f"Atom (RFC 4287): the {ENTRIES} newest events that a subscription of the channel `feed` asks "
            "for, by the same rules as webhooks. The address is its key; while the subscription is paused, "
            "and once the address was made anew, it answers 404."
        ),
        responses=always | described(atom.MEDIA, "The feed"),
    )
    async def feed(request: Request, token: Token) -> Response:
        subscription = await subscriptions.at(token, Channel.feed)

        def write(found: list[Concern]) -> Made:
            modified = max([subscription.changed_at, *(one.event.time for one in found)])
            return Made(atom.rendered(_feed(subscription, found, public_url)), modified)

        key = (subscription.id, subscription.version, await history.state())
        found = await kept.get(key, lambda: history.newest(subscription, limit=ENTRIES), write)
        return document(request, found.body, media=atom.MEDIA, modified=found.modified, headers=HEADERS)

    @made.head("/feeds/{token}.ics", include_in_schema=False)
    @made.get(
        "/feeds/{token}.ics",
        response_class=Response,
        summary="A subscription as a calendar",
        description=(
            "iCalendar (RFC 5545): last days for answers, and phases, of the challenges that the events of a "
            "subscription of the channel `calendar` are about and that still take answers. What was "
            "withdrawn is `CANCELLED` until its deadline; what no longer fits, or was answered with “not for "
            "us”, is gone. Each deadline has an alarm a week before."
        ),
        responses=always | described(calendar.MEDIA, "The calendar"),
    )
    async def deadlines(request: Request, token: Token) -> Response:
        subscription = await subscriptions.at(token, Channel.calendar)
        state = await publication.state()

        def write(found: list[Dated]) -> Made:
            body = calendar.rendered(
                f"{_name(subscription)}: deadlines",
                "Deadlines and phases of challenges that a subscription asks for",
                f"{public_url}/settings#subscriptions",
                [_due(one, public_url) for one in found],
                alarms=True,
            )
            times = (subscription.changed_at, state.due_changed_at, *(one.told_at for one in found))
            return Made(body, max(times))

        key = (subscription.id, subscription.version, state, await history.state())
        found = await kept.get(key, lambda: history.dated(subscription), write)
        return document(request, found.body, media=calendar.MEDIA, modified=found.modified, headers=HEADERS)

    return made


def _feed(subscription: Subscription, found: list[Concern], public_url: str) -> atom.Feed:
    return atom.Feed(
        id=atom.urn(subscription.id),
        title=_name(subscription),
        subtitle="What a subscription asks for, the newest first",
        page=f"{public_url}/settings#subscriptions",
        own=None,
        entries=[_entry(one, public_url) for one in found],
    )


def _entry(one: Concern, public_url: str) -> atom.Entry:
    said = told(one)
    return atom.Entry(
        id=atom.urn(one.event.id),
        title=said.title,
        text=said.text if said.scores is None else f"{said.text}\n\nHow a score comes about: {said.scores}",
        link=public_url + said.path,
        updated=one.event.time,
        published=one.event.time,
    )


def _due(one: Dated, public_url: str) -> calendar.Due:
    reasons = dict.fromkeys(why(each) for each in one.because)
    reasons.pop("", None)
    link = f"{public_url}/challenges/{one.challenge.id}"
    return calendar.Due(one.challenge, link, one.told_at, list(reasons)[:REASONS])


def _name(subscription: Subscription) -> str:
    return f"Liaison: {subscription.label}" if subscription.label else "Liaison"
