"""What goes wrong is said in a sentence, with what to do, on stderr; the exit code says whose fault it is."""

from __future__ import annotations

import json
import socket
import sqlite3
from functools import partial
from pathlib import Path

import httpx
import pytest
import typer

from services.cli import client
from services.cli.output import EXIT_FAILED, EXIT_UNANSWERED, EXIT_UNREACHABLE, EXIT_USAGE
from services.kernel.identifiers import new_id
from tests.cli.command import Command
from tests.end_to_end.process import Liaison
from tests.evaluation.bundles import judged
from tests.ports import free_port

pytestmark = pytest.mark.slow

NOWHERE = {"LIAISON_URL": "http://127.0.0.1:9", "LIAISON_KEY": "lia_x"}


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["reindex"], ["matches", "chl_x"], ["dead-letters", "list"], ["stream"]],
    ids=" ".join,
)
def test_no_server_answers(arguments: list[str]) -> None:
    told = Command(NOWHERE)(*arguments).refused(EXIT_UNREACHABLE)
    assert "No server answers at http://127.0.0.1:9" in told
    assert "liaison serve" in told
    assert "LIAISON_URL" in told


def test_a_server_that_takes_the_request_and_does_not_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "UPLOAD_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with httpx.Client(base_url=url, timeout=0.1) as http:
            asking = client.Client(http)
            for ask in (
                partial(asking.get, "/v1/status"),
                partial(asking.upload, "/v1/companies/import", "companies.csv", b"name\n"),
            ):
                with pytest.raises(typer.Exit) as ended:
                    ask()
                assert ended.value.exit_code == EXIT_UNANSWERED
                told = " ".join(capsys.readouterr().err.split())
                assert "has not answered in time" in told
                assert "liaison serve" not in told


def test_a_webhook_whose_subscription_is_refused_leaves_no_endpoint(cluster: Command) -> None:
    arguments = ("subscribe", "--webhook", "http://127.0.0.1:9999/hook", "--challenge", new_id("chl"))
    assert "challenge" in cluster(*arguments).refused(EXIT_FAILED)
    with httpx.Client(base_url=cluster.settings["LIAISON_URL"], timeout=30.0) as http:
        headers = {"Authorization": f"Bearer {cluster.settings['LIAISON_KEY']}"}
        assert http.get("/v1/endpoints", headers=headers).json()["items"] == []


def test_an_address_that_is_none() -> None:
    told = Command({"LIAISON_URL": "localhost", "LIAISON_KEY": "lia_x"})("status").refused(EXIT_USAGE)
    assert "LIAISON_URL" in told
    assert "http://localhost:8000" in told


def test_no_key_and_a_wrong_one(served: Liaison) -> None:
    assert "LIAISON_KEY" in Command({"LIAISON_URL": served.url})("status").refused(EXIT_USAGE)
    wrong = Command({"LIAISON_URL": served.url, "LIAISON_KEY": "lia_wrong"})
    for arguments in (["status"], ["stream"], ["matches", "chl_01J00000000000000000000000"]):
        assert "401" in wrong(*arguments).refused(EXIT_FAILED)


def test_a_file_that_is_not_there(alone: Command) -> None:
    for arguments in (["announce", "none.txt"], ["import", "companies", "none.csv"]):
        told = alone(*arguments).refused(EXIT_USAGE)
        assert "none." in told
        assert "does not exist" in told


def test_files_that_are_not_what_they_should_be(cluster: Command, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(b"\xff\xfe\x00\x00garbage")
    told = cluster("import", "companies", str(table)).refused(EXIT_FAILED)
    assert len(told) > 20
    table.write_text("colour,taste\nred,sweet\n", "utf-8")
    assert "name" in cluster("import", "companies", str(table)).refused(EXIT_FAILED)
    (tmp_path / "members.pdf").write_bytes(b"%PDF")
    assert ".csv" in cluster("import", "companies", str(tmp_path / "members.pdf")).refused(EXIT_USAGE)
    (tmp_path / "book.xlsx").write_bytes(b"no workbook")
    assert len(cluster("import", "companies", str(tmp_path / "book.xlsx")).refused(EXIT_FAILED)) > 20


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"title": ', "not JSON"),
        (b'{"title": "T"}', "has no need"),
        (b"A title\nA need", "--buyer"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_challenge_that_cannot_be_read(cluster: Command, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "need").write_bytes(content)
    assert says in cluster("announce", str(tmp_path / "need")).refused(EXIT_USAGE)


def test_a_field_that_is_wrong_is_named(buyer: Command) -> None:
    content = json.dumps({"title": "T", "need": "We need it.", "buyer": "cern", "deadline": "soon"})
    told = buyer("announce", "-", given=content).refused(EXIT_FAILED)
    assert "/deadline" in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["subscribe", "--buyer", "cern"], "--webhook"),
        (["subscribe", "--buyer", "cern", "--endpoint", "end_1", "--channel", "feed"], "--channel"),
        (["subscribe", "--sse", "--webhook", "http://x", "--buyer", "cern"], "one of --webhook"),
        (["subscribe", "--webhook", "http://x", "--buyer", "cern", "--budget", "0"], "--budget"),
        (["subscribe", "--webhook", "http://x"], "what to follow"),
        (["subscribe", "--webhook", "http://x", "--buyer", "a", "--country", "FR"], "one of"),
        (["replay", "end_x"], "--since"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_a_command_line_that_says_too_little_or_too_much(
    cluster: Command, arguments: list[str], says: str
) -> None:
    assert says in cluster(*arguments).refused(EXIT_USAGE)


def test_a_port_that_is_taken(alone: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = alone("serve", "--port", str(taken.getsockname()[1])).refused(EXIT_USAGE)
    assert "is taken" in told
    assert "LIAISON_PORT" in told


@pytest.mark.parametrize("command", [["ledger", "verify"], ["database", "upgrade"], ["serve"]], ids=" ".join)
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://liaison:hidden@127.0.0.1:1/liaison", "postgresql://user:password@host/name"),
        ("postgresql://liaison:hidden@127.0.0.1:1/liaison", "LIAISON_DATABASE_URL"),
    ],
)
def test_a_database_that_cannot_be_used(alone: Command, command: list[str], url: str, says: str) -> None:
    told = alone(*command, LIAISON_DATABASE_URL=url, LIAISON_PORT=str(free_port())).refused(EXIT_USAGE)
    assert says in told
    assert "hidden" not in told


def test_a_ledger_without_a_database(alone: Command) -> None:
    told = alone("ledger", "verify").refused(EXIT_USAGE)
    assert "liaison serve" in told
    assert not list((alone.folder or Path()).rglob("*.db")), "looking makes nothing"


def test_a_newer_schema_is_not_touched(alone: Command) -> None:
    assert alone("database", "upgrade").code == 0
    (database,) = (alone.folder or Path()).rglob("*.db")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (["database", "upgrade"], ["serve", "--port", str(free_port())]):
        told = alone(*command).refused(EXIT_USAGE)
        assert "newer release" in told
        assert "backup" in told
    unknown = alone("database", "downgrade", "nonsense").refused(EXIT_USAGE)
    assert "nonsense" in unknown


def test_the_schema_goes_back_and_forth(alone: Command) -> None:
    for arguments, is_there in ((["upgrade"], True), (["downgrade", "base"], False), (["upgrade"], True)):
        said = alone("database", *arguments, "--json")
        assert said.code == 0, said.told
        assert (said.json()["revision"] is not None) == is_there
    assert "schema of this release" in alone("database", "upgrade").out


def test_a_bundle_that_is_none_and_one_that_is(alone: Command, tmp_path: Path) -> None:
    assert len(alone("evaluate", "--bundle", str(tmp_path / "none")).refused(EXIT_USAGE)) > 10
    said = alone("evaluate", "--bundle", str(judged(tmp_path / "small")), "--json", "-")
    assert said.code == 0, said.told
    assert said.json()["metrics"]["ndcg@10"] == 1.0


def test_the_published_contracts_are_written_and_found_stale(alone: Command, tmp_path: Path) -> None:
    places = ("--folder", str(tmp_path / "contracts"), "--settings-page", str(tmp_path / "SETTINGS.md"))
    told = alone("schemas", "export", "--check", *places).refused(EXIT_FAILED)
    assert "liaison schemas export" in told
    assert alone("schemas", "export", *places).code == 0
    assert alone("schemas", "export", "--check", "--json", *places).json()["stale"] == []
    assert "openapi" in json.loads((tmp_path / "contracts" / "openapi.json").read_text("utf-8"))
