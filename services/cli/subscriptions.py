"""`subscribe` and `replay`: webhooks, and sending them again."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from schemas.challenge import LifecycleStage
from schemas.subscription import BUDGET_MAX, Channel, Timing
from services.cli.client import Client, Json, Key, Url, connected
from services.cli.output import EXIT_FAILED, EXIT_USAGE, fail, out, print_json


class Read(StrEnum):
    """Channels that are read from an address."""

    feed = Channel.feed.value
    calendar = Channel.calendar.value


def register(app: typer.Typer) -> None:
    app.command()(subscribe)
    app.command()(replay)


def subscribe(
    webhook: Annotated[
        str | None, typer.Option(help="URL that webhooks are sent to; makes an endpoint for it.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="Or the id of an endpoint you have (end_…).")] = None,
    channel: Annotated[
        Read | None,
        typer.Option(help="Or a feed for a feed reader, or a calendar of deadlines; prints its address."),
    ] = None,
    sse: Annotated[
        bool, typer.Option("--sse", help="Or no webhook: read it with `liaison stream --subscription`.")
    ] = False,
    company: Annotated[str | None, typer.Option(help="Follow the matches of this company.")] = None,
    members: Annotated[
        bool, typer.Option("--members", help="Follow those of your cluster's members.")
    ] = False,
    challenge: Annotated[str | None, typer.Option(help="Follow this challenge.")] = None,
    buyer: Annotated[str | None, typer.Option(help="Follow everything of a buyer, by handle.")] = None,
    country: Annotated[str | None, typer.Option(help="Follow a country, by its code.")] = None,
    query: Annotated[str | None, typer.Option(help="Follow challenges near this sentence.")] = None,
    consortia: Annotated[
        bool, typer.Option("--consortia", help="Follow the consortia that you have a part in.")
    ] = False,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Follow what the best consortia for challenges still lack.")
    ] = False,
    dialogue: Annotated[
        bool, typer.Option("--dialogue", help="Follow questions and answers of every market dialogue.")
    ] = False,
    pairings: Annotated[
        bool, typer.Option("--pairings", help="Follow pairings of your needs with those of other buyers.")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Lowest score that is passed on.")
    ] = None,
    cpv: Annotated[list[str] | None, typer.Option(help="Only these CPV prefixes; may be repeated.")] = None,
    only_country: Annotated[
        list[str] | None,
        typer.Option(help="Only companies of, or challenges open to, this country; may be repeated."),
    ] = None,
    only_language: Annotated[
        list[str] | None, typer.Option(help="Only challenges in this language; may be repeated.")
    ] = None,
    only_buyer: Annotated[
        list[str] | None, typer.Option(help="Only this buyer, by handle or id; may be repeated.")
    ] = None,
    only_stage: Annotated[
        list[LifecycleStage] | None,
        typer.Option(help="Only challenges with this stage of the lifecycle; may be repeated."),
    ] = None,
    trl_min: Annotated[int | None, typer.Option(min=1, max=9, help="Only from this TRL on.")] = None,
    trl_max: Annotated[int | None, typer.Option(min=1, max=9, help="Only up to this TRL.")] = None,
    timing: Annotated[
        Timing,
        typer.Option(
            help="At once, or in one digest of everything a day (06:00 UTC) or a week (Monday, 06:00 UTC)."
        ),
    ] = Timing.instant,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=BUDGET_MAX,
            help="At most so many suggestions within seven days; the others come on Monday, the best first.",
        ),
    ] = None,
    label: Annotated[str | None, typer.Option(help="A name for it, in lists and digests.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Hear of matches and announcements by signed webhook, in a feed reader or in a calendar.

    liaison subscribe --webhook https://example.org/hooks/liaison --company cmp_… --budget 3

    liaison subscribe --channel calendar --buyer cern
    """
    follow = _follow(
        company,
        members,
        challenge,
        buyer,
        country,
        query,
        consortia=consortia,
        gaps=gaps,
        dialogue=dialogue,
        pairings=pairings,
    )
    if [webhook is not None, endpoint is not None, channel is not None, sse].count(True) != 1:
        fail(
            "Give one of --webhook with a URL, --endpoint with the id of one you have, --channel feed or "
            "calendar, and --sse.",
            EXIT_USAGE,
        )
    with connected(url, key) as client:
        buyers = [_organisation(client, one) for one in only_buyer or []]
        made: dict[str, Any] | None = None
        if webhook is not None:
            made = client.post("/v1/endpoints", {"url": webhook})
            endpoint = made["id"] if made else None
        body = {
            "label": label,
            "follow": follow,
            "channel": channel or (Channel.sse if sse else Channel.webhook),
            "endpoint": endpoint,
            "threshold": threshold,
            "timing": timing.value,
            "weekly_budget": budget,
            "filters": {
                "cpv": cpv or [],
                "countries": only_country or [],
                "languages": only_language or [],
                "buyers": buyers,
                "stages": [one.value for one in only_stage or []],
                "trl_min": trl_min,
                "trl_max": trl_max,
            },
        }
        try:
            subscription = client.post("/v1/subscriptions", body)
        except typer.Exit as refused:
            if made is not None and refused.exit_code == EXIT_FAILED:  # nobody follows anything with it
                client.delete(f"/v1/endpoints/{made['id']}")
            raise
    if as_json:
        print_json({"subscription": subscription, "endpoint": made})
        return
    if channel is not None:
        out.print(f"[bold]{subscription['id']}[/bold]  {channel}", highlight=False)
        out.print(f"its address, shown this once: {subscription['address']}", highlight=False, soft_wrap=True)
        out.print("Whoever has it reads this subscription: keep it as you keep a key.", highlight=False)
        return
    out.print(f"[bold]{subscription['id']}[/bold]  → {endpoint or 'the live stream'}", highlight=False)
    if sse:
        out.print(f"read it: liaison stream --subscription {subscription['id']}", highlight=False)
    if made is not None:
        out.print(f"signing secret, shown this once: {made['secret']}", highlight=False)
        out.print(f"try it: curl -X POST {url}/v1/endpoints/{endpoint}/test …", highlight=False)


def _organisation(client: Client, reference: str) -> str:
    """Its id; filters name ids, people handles."""
    found: str = client.get(f"/v1/organisations/{quote(reference, safe='')}")["id"]
    return found


def _follow(
    company: str | None,
    members: bool,
    challenge: str | None,
    buyer: str | None,
    country: str | None,
    query: str | None,
    *,
    consortia: bool,
    gaps: bool,
    dialogue: bool,
    pairings: bool,
) -> dict[str, str]:
    given: list[dict[str, str]] = []
    if company is not None:
        given.append({"kind": "own-profile", "company": company})
    if members:
        given.append({"kind": "members"})
    if challenge is not None:
        given.append({"kind": "challenge", "challenge": challenge})
    if buyer is not None:
        given.append({"kind": "bso", "buyer": buyer})
    if country is not None:
        given.append({"kind": "country", "country": country})
    if query is not None:
        given.append({"kind": "query", "query": query})
    if consortia:
        given.append({"kind": "consortia"})
    if gaps:
        given.append({"kind": "gaps"})
    if dialogue:
        given.append({"kind": "dialogue"})
    if pairings:
        given.append({"kind": "pairings"})
    if len(given) != 1:
        fail(
            "Say what to follow: one of --company, --members, --challenge, --buyer, --country, --query, "
            "--consortia, --gaps, --dialogue, --pairings.",
            EXIT_USAGE,
        )
    return given[0]


def replay(
    target: Annotated[
        str, typer.Argument(help="A message (msg_…) to send again, or an endpoint (end_…) with --since.")
    ],
    since: Annotated[
        datetime | None, typer.Option(help="Beginning of the window, UTC, e.g. 2026-11-21T09:00:00.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the window; default: now.")] = None,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Send one message again, or those of a window that were not delivered.

    The webhook-id stays the same, so that a receiver that has seen it can tell.
    """
    with connected(url, key) as client:
        if target.startswith("msg_"):
            answer = client.post(f"/v1/deliveries/{target}/resend")
            text = f"{target} goes out again"
        elif since is None:
            fail("A window needs --since.", EXIT_USAGE)
        else:
            window = {
                "endpoint": target,
                "since": _utc(since),
                "until": _utc(until or datetime.now(UTC)),
            }
            answer = client.post("/v1/deliveries/resend", window)
            text = f"{answer['messages']} messages go out again"
    if as_json:
        print_json(answer)
    else:
        out.print(text, highlight=False)


def _utc(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
