"""`serve` and `demo`: a process that serves."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from alembic.util import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from services.cli.output import EXIT_USAGE, err, fail
from services.kernel.problems import TransientError
from services.kernel.settings import ConfigurationError, LogLevel, Settings, load_settings, misspelt_variables

DataDir = Annotated[
    Path | None, typer.Option(help="Folder of everything kept on disk; default LIAISON_DATA_DIR or ./var.")
]
Port = Annotated[int | None, typer.Option(help="Port to listen on; default LIAISON_PORT or 8000.")]


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(demo)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Serve everything in one process: API, board, matching, webhooks.

    Data is kept under ./var. The first start shows the administrator's API key, once. Every setting is an
    environment variable LIAISON_…; deploy/SETTINGS.md lists them.
    """
    from services.bootstrap.serve import Running
    from services.bootstrap.serve import serve as run_server

    settings = settings_or_fail(host=host, port=port, data_dir=data_dir)

    async def tell(process: Running) -> None:
        err.print(f"Liaison serves at [bold]{process.url}[/bold]  (Ctrl-C stops it)", highlight=False)
        if process.first_key:
            err.print("The administrator's API key, shown this once:\n", highlight=False)
            err.print(f"  export LIAISON_KEY={process.first_key}\n", highlight=False, soft_wrap=True)

    run(run_server(settings, tell), settings)


def demo(
    port: Port = None,
    data_dir: DataDir = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="End after the webhooks have arrived, instead of staying up; with 1 if none does."
        ),
    ] = False,
) -> None:
    """Start everything with real demo data, announce a challenge, and show its webhook arriving.

    Nothing leaves this machine: the webhook goes to a small receiver that the demo starts. Data is kept
    under ./var/demo; a second run goes on with it.
    """
    from services.demo.show import NothingArrived, show

    settings = settings_or_fail(
        port=port,
        data_dir=data_dir or Path("var") / "demo",
        allow_loopback_webhooks=True,
        log_level=LogLevel.error,  # what the demo shows is its own story; LIAISON_LOG_LEVEL is for `serve`
    )
    try:
        run(show(settings, stay=not once), settings)
    except NothingArrived as error:
        fail(str(error))


def settings_or_fail(**given: Any) -> Settings:
    """The settings in force; what is wrong is one sentence."""
    try:
        return load_settings(**{name: value for name, value in given.items() if value is not None})
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)


@contextmanager
def database_of(settings: Settings) -> Iterator[None]:
    """What the database of the settings answers instead of working is one sentence."""
    where = make_url(settings.database_url).render_as_string(hide_password=True)
    try:
        yield
    except (ConfigurationError, CommandError) as error:
        fail(str(error), EXIT_USAGE)
    except (TransientError, OSError) as error:
        fail(f"The database {where} does not answer: {error} See LIAISON_DATABASE_URL.", EXIT_USAGE)
    except DBAPIError as error:
        fail(
            f"The database {where} answers: {error.orig}. Is it one of Liaison's? `liaison serve` makes one; "
            "LIAISON_DATABASE_URL or --data-dir names another.",
            EXIT_USAGE,
        )


def run(work: Coroutine[Any, Any, None], settings: Settings) -> None:
    """Run a serving process with its logs and traces; errors of the start-up are one sentence."""
    from services.bootstrap.allocation import keep_memory_together
    from services.bootstrap.process import BackgroundFailure
    from services.bootstrap.watch import last_resort
    from services.kernel.logs import start_logging
    from services.kernel.telemetry import start_tracing

    keep_memory_together()
    last_resort.enable()
    start_logging(settings.log_level, settings.log_format)
    tracing = start_tracing(settings)
    import os

    for unknown in misspelt_variables(os.environ):
        err.print(unknown, style="yellow", highlight=False)
    try:
        if sys.platform != "win32":
            import uvloop

            uvloop.run(work)
        else:
            asyncio.run(work)
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    except BackgroundFailure as error:
        fail(str(error))
    finally:
        tracing.shutdown()
