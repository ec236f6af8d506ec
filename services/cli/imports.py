"""`import`: data from files."""

from __future__ import annotations

import typer

from services.cli.companies import companies
from services.cli.plans import plan


def register(app: typer.Typer) -> None:
    imports = typer.Typer(help="Bring in data from files.", no_args_is_help=True)
    imports.command()(companies)
    imports.command()(plan)
    app.add_typer(imports, name="import")
