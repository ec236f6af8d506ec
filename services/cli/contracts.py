"""`schemas export`: the published contracts, written from the code."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.events import EVENTS
from schemas.export import documents, stale
from schemas.export import export as write
from services.cli.client import Json
from services.cli.output import fail, out, print_json
from services.kernel.settings import Settings
from services.kernel.settings_page import settings_markdown
from services.kernel.stream.kafka_topics import Topics

CONTRACTS = Path("schemas") / "contracts"
SETTINGS_PAGE = Path("deploy") / "SETTINGS.md"

commands = typer.Typer(help="The published contracts.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="schemas")


@commands.command(name="export")
def export_(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a published file is stale.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where the contracts lie.")] = CONTRACTS,
    settings_page: Annotated[Path, typer.Option(help="Where the page of settings lies.")] = SETTINGS_PAGE,
    as_json: Json = False,
) -> None:
    """Write JSON Schema 2020-12, OpenAPI 3.1 and AsyncAPI 3 from the code, and the page of settings."""
    topics = Topics()
    found = documents(
        asyncio.run(openapi()),
        topics={one: topics.of(one) for one in EVENTS},
        inbox=topics.inbox,
        shapes={name: topics.shape(name) for name in topics.declared},
    )
    page = settings_markdown()
    if check:
        old = [str(folder / path) for path in stale(folder, found)]
        if not settings_page.is_file() or settings_page.read_text(encoding="utf-8") != page:
            old.append(str(settings_page))
        if as_json:
            print_json({"files": len(found) + 1, "stale": old})
        if old:
            fail("Stale: " + ", ".join(old) + ". Run `liaison schemas export` and commit what it writes.")
        if not as_json:
            out.print(f"{len(found) + 1} published files are fresh")
        return
    changed = write(folder, found)
    settings_page.write_text(page, encoding="utf-8")
    if as_json:
        print_json({"files": len(found) + 1, "written": changed})
    else:
        out.print(f"{len(found) + 1} files, {len(changed)} contracts written anew")


async def openapi() -> dict[str, Any]:
    """The document of the whole application, as it is served at `/openapi.json`."""
    from services.bootstrap.application import application
    from services.bootstrap.encoders import QueriesOnDemand
    from services.bootstrap.parts import open_core
    from services.bootstrap.rooms import lag
    from services.bootstrap.searching import SearchOnDemand
    from services.indexing.elsewhere import IndexElsewhere

    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(data_dir=Path(scratch))
        async with open_core(settings) as core:
            index = IndexElsewhere(core.database, core.clock)
            queries = QueriesOnDemand(settings, core.database)
            searched = SearchOnDemand(settings, core.database)
            return application(core, index, queries, lag(settings, core.database), searched).openapi()
