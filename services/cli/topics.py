"""`topics`: the Kafka topics, as declared in one file."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.client import Json
from services.cli.output import EXIT_UNREACHABLE, EXIT_USAGE, err, fail, out, print_json
from services.cli.server import DataDir, database_of, settings_or_fail
from services.kernel.clock import SystemClock
from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError, Settings

commands = typer.Typer(
    help="The Kafka topics, as declared in deploy/kafka/topics.toml.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="topics")


@commands.command()
def apply(
    check: Annotated[
        bool, typer.Option("--check", help="Create nothing; fail if anything is not as declared.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing, and tell what else is not as declared.

    An existing topic is never changed and never deleted: with other partitions, entities would lose their
    order. Safe to run at every deployment.
    """
    from services.bootstrap.adapters import kafka_connection, topics

    settings = settings_or_fail()
    if not settings.kafka_bootstrap_servers:
        fail("No brokers are named: set LIAISON_KAFKA_BOOTSTRAP_SERVERS.", EXIT_USAGE)

    async def work(settings: Settings) -> None:
        declared, connection = topics(settings), kafka_connection(settings)
        created = [] if check else await declared.ensure(connection, declared.declared)
        differences = await declared.differences(connection)
        if as_json:
            print_json({"created": created, "differences": [asdict(one) for one in differences]})
        else:
            for name in created:
                out.print(f"created {name}", highlight=False)
            for one in differences:
                err.print(one.sentence, style="yellow", highlight=False)
            if not created and not differences:
                out.print(f"{len(declared.declared)} topics are as declared", highlight=False)
        if check and differences:
            raise typer.Exit(1)

    try:
        asyncio.run(work(settings))
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    except (TransientError, OSError) as error:
        fail(f"{error}. Is LIAISON_KAFKA_BOOTSTRAP_SERVERS right, and the broker up?", EXIT_UNREACHABLE)


@commands.command()
def refill(
    after: Annotated[
        int | None,
        typer.Option(
            min=0, help="Publish what comes after this position; 0: everything. Default: what anybody lacks."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Have the relay publish again what a service has not handled, after Kafka or the database went back.

    For topics that are empty, or newer than a restored database. Who has handled an event already leaves it
    alone, for as long as that is remembered: twice the longest retention of a topic. What is older than that
    counts as handled, and with --after is handled again.
    """
    from services.bootstrap.adapters import open_database, topics
    from services.bootstrap.rooms import consumed
    from services.kernel.stream.refill import Refill
    from services.kernel.stream.refill import refill as go_back

    settings = settings_or_fail(data_dir=data_dir)

    async def work() -> Refill:
        database = open_database(settings)
        try:
            async with database.write(durable=True) as tx:
                remembered = topics(settings).remembered
                now = SystemClock().now()
                return await go_back(tx, consumed(), now=now, remembered=remembered, after=after)
        finally:
            await database.close()

    try:
        with database_of(settings):
            done = asyncio.run(work())
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    if as_json:
        print_json(asdict(done))
        return
    for service, first in done.first_undone.items():
        err.print(f"{service} has not done entry {first}", highlight=False)
    if done.position < done.former:
        out.print(f"the relay goes back from {done.former} to {done.position}", highlight=False)
    else:
        out.print(f"everything up to {done.former} is done; the relay stays there", highlight=False)
