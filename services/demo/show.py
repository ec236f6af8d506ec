"""`liaison demo`: real data, one challenge announced before your eyes, its webhook with the seconds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.delivery import EndpointContent
from schemas.events import ConsortiumProposed
from schemas.organisation import Organisation
from schemas.subscription import (
    Follow,
    FollowConsortia,
    FollowMembers,
    FollowPairings,
    SubscriptionContent,
)
from services.bootstrap.parts import Core
from services.bootstrap.serve import Running, serve
from services.demo.dataset import DemoData
from services.demo.dataset import load as read_data
from services.demo.loading import Loaded, issue_key, load
from services.demo.receiver import Received, Receiver, receiving
from services.kernel.database import Database
from services.kernel.security import BSO, CLUSTER, Principal
from services.kernel.settings import Settings
from services.matching.model import MatchRow
from services.matching.scoring import POSSIBLE

SETTLE_S = 180.0
"""Longest wait for the first 320 profiles and 46 challenges to be matched; on two cores it takes 10-20 s."""
ARRIVAL_S = 30.0
QUIET_S = 1.5
"""Without a webhook: then all that belong together have arrived."""
TEAMS_S = 20.0
"""Longest wait for the consortia: they are formed when all matches are told, and take a second."""
LABEL = "demo"

console = Console()


class NothingArrived(RuntimeError):
    """What the demo is there to show did not happen."""


async def show(settings: Settings, *, stay: bool) -> None:
    """Serve with demo data. `stay`: until Ctrl-C; else end after the webhooks have arrived, and raise
    `NothingArrived` where one did not."""
    console.print("[bold]Liaison[/bold] demo: everything in this one process, nothing leaves this machine\n")
    done = asyncio.Event()
    failure: list[BaseException] = []
    have_arrived = False
    starting = console.status("starting; the first start exports the embedding model, about 15 s …")
    starting.start()

    async def play(process: Running) -> None:
        nonlocal have_arrived
        starting.stop()
        try:
            async with receiving() as receiver, receiving() as buyers:
                have_arrived = await _play(process, receiver, buyers)
                if stay:
                    console.print("\nIt stays up. [dim]Ctrl-C stops it.[/dim]")
                    await asyncio.Event().wait()
        except Exception as error:
            failure.append(error)
            raise
        finally:
            done.set()

    try:
        await serve(settings, play, until=None if stay else done)
    finally:
        starting.stop()
    if failure:
        raise failure[0]
    if not (stay or have_arrived):
        raise NothingArrived("A webhook of the demo did not arrive; what is printed above says which.")


async def _play(process: Running, receiver: Receiver, buyers: Receiver) -> bool:
    """Returns whether all webhooks that are to be shown have arrived."""
    core = process.core
    data = read_data()
    loaded = await _load(core, data)
    await _settled(core, process)
    cluster = next(iter(loaded.clusters.values()))
    await _subscribe(core, cluster, CLUSTER, receiver, FollowMembers())
    console.print(f"{escape(cluster.name)} follows its members; webhooks go to {receiver.url}")
    buyer = await core.directory.organisation_by_handle_or_id(
        data.live.content(core.clock.now().date()).buyer
    )
    assert buyer is not None
    await _subscribe(core, buyer, BSO, receiver, FollowConsortia())
    console.print(f"{escape(buyer.name)} follows the consortia for its challenges, at the same address")
    await _tell_address(process, loaded)
    is_matched = await _announce(process, loaded, data, receiver)
    is_paired = await _pair(process, loaded, data, buyers)
    return is_matched and is_paired


async def _load(core: Core, data: DemoData) -> Loaded:
    columns = (TextColumn("loading {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("organisations", total=None)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        loaded = await load(core, data, advance)
    console.print(
        f"{loaded.companies} organisations (ANR, real names), {len(data.challenges)} challenges "
        "(EU Funding & Tenders, TED)"
    )
    return loaded


async def _settled(core: Core, process: Running) -> None:
    """Wait until every profile is indexed and every challenge matched, at most SETTLE_S."""
    deadline = time.monotonic() + SETTLE_S
    with console.status("embedding and matching …"):
        while True:
            waiting = sum((await process.carrier.lag()).values())
            if not waiting or time.monotonic() >= deadline:
                break
            await asyncio.sleep(0.2)
    console.print(f"{await _count(core.database)} suggestions stand" + ("" if waiting else "\n"))
    if waiting:
        console.print(
            f"[yellow]{waiting} events still wait after {SETTLE_S:.0f} s[/yellow]: more suggestions follow, "
            "and the webhook below comes after them\n"
        )


async def _count(database: Database) -> int:
    from sqlalchemy import func, select

    async with database.read() as tx:
        return (await tx.execute(select(func.count()).select_from(MatchRow))).scalar() or 0


async def _subscribe(
    core: Core, organisation: Organisation, role: str, receiver: Receiver, follow: Follow
) -> None:
    """The organisation hears of what it follows, at the receiver."""
    principal = Principal(organisation.id, role, LABEL, frozenset({"write"}))
    for old in await core.endpoints.list(principal, after=None, limit=50):
        await core.endpoints.remove(principal, old.id)
    for stale in await core.subscriptions.list(principal, after=None, limit=50):
        await core.subscriptions.remove(principal, stale.id)
    endpoint = await core.endpoints.create(principal, EndpointContent(url=receiver.url, label=LABEL))
    receiver.secrets.append(endpoint.secret)
    await core.subscriptions.create(
        principal,
        SubscriptionContent(label=LABEL, follow=follow, endpoint=endpoint.id, threshold=POSSIBLE),
    )


async def _tell_address(process: Running, loaded: Loaded) -> None:
    operator = await process.core.directory.organisation_by_handle_or_id(loaded.admin.organisation)
    assert operator is not None
    key = process.first_key or await process.core.directory.recover_admin("demo")
    link = process.sign_in_link(key)
    console.print(f"\nboard    [bold]{process.url}[/bold]")
    console.print(f"sign in  {link}  [dim](works once, as administrator)[/dim]", soft_wrap=True)
    console.print(f"API key  {key}\n", highlight=False, soft_wrap=True)


async def _announce(process: Running, loaded: Loaded, data: DemoData, receiver: Receiver) -> bool:
    """Announce the live challenge over HTTP, as its buyer would. Returns whether its webhook has arrived."""
    core = process.core
    content = data.live.content(core.clock.now().date())
    buyer = await core.directory.organisation_by_handle_or_id(content.buyer)
    assert buyer is not None
    key = await issue_key(core, buyer, f"{LABEL} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
    receiver.drain()
    console.print(f"[bold]announcing[/bold] “{escape(content.title)}” ({escape(buyer.name)})")
    async with httpx.AsyncClient(base_url=process.url, timeout=ARRIVAL_S) as http:
        began = time.perf_counter()
        response = await http.post(
            "/v1/challenges",
            json=content.model_dump(mode="json"),
            headers={"Authorization": f"Bearer {key}"},
        )
        answered = time.perf_counter()
    response.raise_for_status()
    first = await receiver.wait(ARRIVAL_S)
    if first is None:
        console.print("[red]no webhook arrived[/red]; the delivery log on the board says why")
        return False
    console.print(f"{answered - began:7.3f} s  201, {len(response.json()['requirements'])} requirements")
    console.print(f"{first.at - began:7.3f} s  first webhook, signature verified")
    _print_webhook(first)
    more, teams = await _others(core, receiver)
    console.print(f"           and {more} more")
    if teams:
        _print_team(teams[0], began, len(teams))
    console.print(f"\npage     {process.url}{response.json()['links']['page']}", soft_wrap=True)
    return True


async def _others(core: Core, receiver: Receiver) -> tuple[int, list[Received]]:
    """How many further matches arrive, and the consortia that follow them, until a moment passes without."""
    more, teams = 0, list[Received]()
    until = core.clock.now() + timedelta(seconds=TEAMS_S)
    while core.clock.now() < until:
        received = await receiver.wait(QUIET_S)
        if received is None and (teams or core.clock.now() >= until):
            break
        if received is not None and received.event["type"] == ConsortiumProposed.TYPE:
            teams.append(received)
        elif received is not None:
            more += 1
    return more, teams


def _print_team(received: Received, began: float, number: int) -> None:
    team: dict[str, Any] = received.event["data"]
    plural = "consortium" if number == 1 else "consortia"
    console.print(f"{received.at - began:7.3f} s  {number} {plural} proposed; the best:")
    console.print(f"           webhook-id {received.id}  {received.event['type']}", highlight=False)
    console.print(f"           {escape(team['headline'])}", highlight=False)
    for one in team["members"]:
        covers = ", ".join(dict.fromkeys(cell["requirement"] for cell in one["covers"]))
        company = f"{one['company']['name']} ({one['country']})"
        console.print(f"           {one['role']}  {escape(company)}: {covers}", highlight=False)
    for gap in team["gaps"]:
        console.print(
            f"           ✕ nobody for {gap['requirement']}: {escape(gap['text'][:70])}", highlight=False
        )


async def _pair(process: Running, loaded: Loaded, data: DemoData, receiver: Receiver) -> bool:
    """Another buyer announces, in another language, what stands in a buyer's investment plan. Returns whether
    the webhook of the pairing has arrived."""
    core = process.core
    await _subscribe(core, loaded.planning, BSO, receiver, FollowPairings())
    console.print(f"\n{escape(loaded.planning.name)} plans “{escape(data.planned.fields['title'])}”")
    content = data.joint.content(core.clock.now().date())
    buyer = await core.directory.organisation_by_handle_or_id(content.buyer)
    assert buyer is not None
    console.print(f"[bold]announcing[/bold] “{escape(content.title)}” ({escape(buyer.name)})")
    began = time.perf_counter()
    principal = Principal(buyer.id, BSO, LABEL, frozenset({"write"}))
    await core.intake.challenges.announce(principal, content)
    first = await receiver.wait(ARRIVAL_S)
    if first is None:
        console.print("[red]no webhook arrived[/red]; the delivery log on the board says why")
        return False
    pairing = first.event["data"]
    console.print(f"{first.at - began:7.3f} s  webhook, signature verified")
    console.print(f"           webhook-id {first.id}  {first.event['type']}", highlight=False)
    console.print(f"           {escape(pairing['headline'])}", highlight=False)
    for remark in (*pairing["comparison"]["benefits"][:1], *pairing["comparison"]["pitfalls"][:1]):
        console.print(f"           {escape(remark['rule'])}: {escape(remark['reason'])}", highlight=False)
    console.print(f"\npage     {process.url}/pairings/{pairing['id']}", soft_wrap=True)
    return True


def _print_webhook(received: Received) -> None:
    event: dict[str, Any] = received.event
    console.print(f"           webhook-id {received.id}  {event['type']}", highlight=False)
    data = event["data"]
    if isinstance(data.get("company"), dict):
        company = f"{data['company']['name']} ({data['company']['country']})"
        console.print(
            f"           {escape(company)}  {data['score']:.2f} {data['strength']}", highlight=False
        )
        console.print(f"           {escape(data['headline'])}", highlight=False)
