"""`gateway`, `worker`, `relay`, `courier`: Liaison as several processes."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.output import err
from services.cli.server import DataDir, Port, run, settings_or_fail

HealthPort = Annotated[
    int | None,
    typer.Option(
        help="Port of /health/live, /health/ready and /metrics; default LIAISON_HEALTH_PORT or 8001."
    ),
]


def register(app: typer.Typer) -> None:
    app.command()(gateway)
    app.command()(worker)
    app.command()(relay)
    app.command()(courier)


def gateway(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Answer requests: API, board, live streams. For several processes on one PostgreSQL.

    All processes need the same LIAISON_ENCRYPTION_KEYS and LIAISON_COOKIE_SECRET, or one data folder. Limits
    of rates and streams hold for each gateway by itself. A worker, a relay and a courier do the rest.
    """
    from services.bootstrap import process, processes

    settings = settings_or_fail(host=host, port=port, data_dir=data_dir)

    async def tell(started: process.Process) -> None:
        err.print(f"The gateway serves at [bold]{started.url}[/bold]", highlight=False)
        if started.first_key:
            err.print("The administrator's API key, shown this once:\n", highlight=False)
            err.print(f"  export LIAISON_KEY={started.first_key}\n", highlight=False, soft_wrap=True)

    run(process.run(processes.gateway(settings), tell), settings)


def worker(
    only: Annotated[
        str,
        typer.Option(
            help="Rooms to do alone: indexing, matching, consortia, pairing, notification, inbox; by commas."
        ),
    ] = "",
    health_port: HealthPort = None,
    data_dir: DataDir = None,
) -> None:
    """Handle events: index, match, notify, and take the inbox in.

    One worker alone can have the embedded vector store; several with indexing, matching or pairing need
    LIAISON_VECTORS=server.
    """
    from services.bootstrap import process, processes

    settings = settings_or_fail(health_port=health_port, data_dir=data_dir)
    wanted = [room.strip() for room in only.split(",") if room.strip()]
    run(process.run(processes.worker(settings, wanted)), settings)


def relay(health_port: HealthPort = None, data_dir: DataDir = None) -> None:
    """Give the journal's entries their order, and publish them to Kafka where LIAISON_STREAM is kafka.

    One is active; further ones wait to succeed it.
    """
    from services.bootstrap import process, processes

    settings = settings_or_fail(health_port=health_port, data_dir=data_dir)
    run(process.run(processes.relay(settings)), settings)


def courier(health_port: HealthPort = None, data_dir: DataDir = None) -> None:
    """Deliver webhooks. Several share the endpoints among them."""
    from services.bootstrap import process, processes

    settings = settings_or_fail(health_port=health_port, data_dir=data_dir)
    run(process.run(processes.courier(settings)), settings)
