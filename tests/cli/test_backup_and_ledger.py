"""`backup`, `restore`, `ledger export` and `ledger check`, as an operator types them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli.main import app
from services.kernel.database import Database
from services.kernel.journal import checkpoint
from services.migrations import runner
from tests.conftest import MovableClock
from tests.intake.people import a_challenge, build, principal


async def _filled(folder: Path, clock: MovableClock) -> None:
    database = Database(f"sqlite:///{folder / 'liaison.db'}")
    await runner.upgrade(database)
    world = await build(database, clock)
    await world.intake.challenges.announce(principal(world.cern), a_challenge())
    await database.close()


@pytest.fixture
def data_dir(tmp_path: Path, clock: MovableClock) -> Path:
    folder = tmp_path / "data"
    asyncio.run(_filled(folder, clock))
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result) -> str:
    return " ".join(result.output.split())


def test_a_backup_is_made_and_restored_elsewhere(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "liaison.backup"
    made = run("backup", file, "--data-dir", data_dir, "--json")
    assert made.exit_code == 0, made.output
    assert orjson.loads(made.stdout)["rows"] > 0

    again = run("backup", file, "--data-dir", data_dir)
    assert again.exit_code == 2
    assert "Name another file" in told(again)

    restored = run("restore", file, "--data-dir", tmp_path / "other", "--json")
    assert restored.exit_code == 0, restored.output
    assert orjson.loads(restored.stdout)["broken_at"] is None
    before = run("ledger", "verify", "--json", "--data-dir", data_dir)
    after = run("ledger", "verify", "--json", "--data-dir", tmp_path / "other")
    assert orjson.loads(before.stdout) == orjson.loads(after.stdout)

    refused = run("restore", file, "--data-dir", data_dir)
    assert refused.exit_code == 2
    assert "--replace" in told(refused)
    assert run("restore", file, "--replace", "--data-dir", data_dir).exit_code == 0


def test_a_backup_goes_through_pipes(data_dir: Path, tmp_path: Path) -> None:
    """Out of a container and into another one, which have no folder to write to."""
    made = run("backup", "-", "--data-dir", data_dir)
    assert made.exit_code == 0, made.output
    assert "rows in the backup" in made.stderr
    restore = ["restore", "-", "--data-dir", str(tmp_path / "other")]
    half = CliRunner().invoke(app, restore, input=made.stdout_bytes[:-100])
    assert half.exit_code == 1
    assert "only a part of one" in told(half)
    restored = CliRunner().invoke(app, restore, input=made.stdout_bytes)
    assert restored.exit_code == 0, restored.output
    assert "the ledger has" in told(restored)


def test_a_file_that_is_no_backup_is_told(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    for file in (tmp_path / "file", tmp_path / "nowhere"):
        done = run("restore", file, "--data-dir", tmp_path / "other")
        assert done.exit_code == 1
        assert "Traceback" not in done.output


def test_a_checkpoint_proves_the_ledger_until_somebody_changes_it(data_dir: Path, tmp_path: Path) -> None:
    exported = run("ledger", "export", "--data-dir", data_dir)
    assert exported.exit_code == 0, exported.output
    line = orjson.loads(exported.stdout)
    assert f"public key {line['key']}" in told(exported)
    kept = tmp_path / "checkpoints.jsonl"
    kept.write_bytes(orjson.dumps(line) + b"\n")

    proved = run("ledger", "check", kept, "--key", line["key"], "--data-dir", data_dir)
    assert proved.exit_code == 0, proved.output
    foreign = run("ledger", "check", kept, "--key", "another", "--data-dir", data_dir)
    assert foreign.exit_code == 1
    assert "another key" in told(foreign)

    (data_dir / "secrets" / "ledger_key").write_text(checkpoint.new_key())  # the key is rotated
    later = orjson.loads(run("ledger", "export", "--data-dir", data_dir).stdout)
    assert later["key"] != line["key"]
    kept.write_bytes(kept.read_bytes() + orjson.dumps(later) + b"\n")
    one = run("ledger", "check", kept, "--key", later["key"], "--data-dir", data_dir)
    assert one.exit_code == 1
    assert line["key"] in told(one)
    both = ("--key", line["key"], "--key", later["key"])
    assert run("ledger", "check", kept, *both, "--data-dir", data_dir).exit_code == 0
    kept.write_bytes(orjson.dumps(line) + b"\n")

    with closing(sqlite3.connect(data_dir / "liaison.db")) as database:
        database.execute("DELETE FROM journal WHERE position = (SELECT max(position) FROM journal)")
        database.commit()
    verified = run("ledger", "verify", "--data-dir", data_dir)
    assert verified.exit_code == 1
    assert f"broken at entry {line['position']}: it is missing" in told(verified)
    cut = run("ledger", "check", kept, "--data-dir", data_dir)
    assert cut.exit_code == 1
    assert f"entry {line['position']}" in told(cut)
    assert "is missing" in told(cut)

    alone = run("ledger", "check", kept, "--alone", "--key", line["key"], "--data-dir", tmp_path / "nowhere")
    assert alone.exit_code == 0, "somebody outside has no database"
    key = checkpoint.private_key(checkpoint.new_key())
    for position, says in ((line["position"], "two hashes"), (1, "and at")):
        later = datetime.now(UTC) + timedelta(days=1)
        other = checkpoint.sign(key, position=position, hash_="0" * 64, now=later)
        both_of_them = tmp_path / "two.jsonl"
        both_of_them.write_bytes(orjson.dumps(line) + b"\n" + orjson.dumps(other.as_json()))
        two = run("ledger", "check", both_of_them, "--alone")
        assert two.exit_code == 1
        assert says in told(two)

    kept.write_bytes(kept.read_bytes().replace(b'"position":', b'"position":1'))
    forged = run("ledger", "check", kept, "--data-dir", data_dir)
    assert forged.exit_code == 1
    assert "Line 1 is not what was signed" in told(forged)
