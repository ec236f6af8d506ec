"""`confirm`, `publish`: a company's profile still holds, or a draft of it is ready."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli.client import Json, Key, Url, connected
from services.cli.output import out, print_json

Companies = Annotated[
    list[str], typer.Argument(help="Ids of companies (cmp_…), one or several.", metavar="COMPANY…")
]


def register(app: typer.Typer) -> None:
    app.command()(confirm)
    app.command()(publish)


def confirm(
    companies: Companies,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Say that a profile still holds, as of today.

    A profile that nobody has changed or confirmed for a year is stale: it is matched as before, and whoever
    thinks of calling the company is told. Nothing is matched anew.

        liaison confirm cmp_…
    """
    for made in _each(companies, "confirm", url=url, key=key, as_json=as_json):
        _tell(made, f"confirmed {made['last_confirmed']}")


def publish(
    companies: Companies,
    url: Url = "http://localhost:8000",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Publish a draft: from now on the company can be found, and is matched.

    liaison publish cmp_…
    """
    for made in _each(companies, "publish", url=url, key=key, as_json=as_json):
        _tell(made, "published")


def _each(
    companies: list[str], step: str, *, url: str, key: str | None, as_json: bool
) -> list[dict[str, Any]]:
    """What became of each, to be told; nothing where it was printed as JSON."""
    with connected(url, key) as client:
        made = [client.post(f"/v1/companies/{company}/{step}") for company in companies]
    if not as_json:
        return made
    print_json(made[0] if len(made) == 1 else made)
    return []


def _tell(company: dict[str, Any], said: str) -> None:
    out.print(f"{company['id']}  {said}  {company['name']}", highlight=False, markup=False)
