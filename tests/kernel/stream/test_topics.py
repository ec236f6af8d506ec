"""The topics as one file declares them: complete, read with sentences, created once, differences told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from typer.testing import CliRunner

from schemas.events import EVENTS
from services.cli.main import app
from services.kernel.settings import ConfigurationError
from services.kernel.stream.kafka_connection import MESSAGE_BYTES, KafkaConnection
from services.kernel.stream.kafka_topics import Topics
from services.kernel.stream.topic_declarations import SHIPPED, read, shipped

ROOT = Path(__file__).parents[3]


def test_every_event_has_a_declared_topic_and_every_topic_has_events() -> None:
    topics = Topics()
    assert {topics.of(kind) for kind in EVENTS} | {topics.inbox} == set(topics.declared)


def test_it_is_one_file_that_is_also_found_where_deployments_are_described() -> None:
    assert (ROOT / "deploy" / "kafka" / "topics.toml").resolve() == SHIPPED


def test_every_topic_takes_the_largest_message_that_we_write() -> None:
    assert {declared.max_message_bytes for declared in shipped().values()} == {MESSAGE_BYTES}


def test_an_installation_may_have_its_own_file_prefix_and_partitions(tmp_path: Path) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(
        "[defaults]\npartitions = 3\nretention_days = 1\nmax_message_bytes = 1000\n"
        '[topics."challenge.v1"]\nkey = "challenge"\nretention_days = 2\n'
    )
    topics = Topics(prefix="cern", declarations=read(file))
    assert topics.declared == ["cern.challenge.v1"]
    shape = topics.shape("cern.challenge.v1")
    assert (shape.partitions, shape.configuration["retention.ms"]) == (3, str(2 * 86_400_000))
    assert replace(topics, partitions=1).shape("cern.challenge.v1").partitions == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[topics", "does not declare topics in TOML"),
        ("[defaults]\npartitions = 1", "does not declare topics in TOML: 'topics'"),
        ('[topics."a.v1"]\nkey = "a"\npartitions = 0', "declares a topic wrongly: partitions"),
        ('[topics."a.v1"]\nkey = "a"\ncompact = true', "compact"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "topics.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=says):
        read(file)


def test_a_topic_that_nobody_declared_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"liaison\.weather\.v1 is not declared"):
        Topics().shape("liaison.weather.v1")


@pytest.mark.kafka
async def test_differences_are_found_and_left_alone(kafka: str) -> None:
    connection = KafkaConnection((kafka,))
    topics = Topics(prefix=f"test-{uuid4().hex}")
    other = replace(topics, declarations={"match.v1": shipped()["inbox.v1"]})
    assert await other.ensure(connection, other.declared) == [f"{topics.prefix}.match.v1"]

    missing = {one.topic for one in await topics.differences(connection) if one.what == "missing"}
    assert missing == set(topics.declared) - {f"{topics.prefix}.match.v1"}
    assert set(await topics.ensure(connection, topics.declared)) == missing
    assert await topics.ensure(connection, topics.declared) == []

    async def left_of(topics: Topics) -> dict[str, tuple[str, str]]:
        return {one.what: (one.declared, one.found) for one in await topics.differences(connection)}

    left = await left_of(topics)
    assert left == {"partitions": ("12", "6"), "retention.ms": ("1209600000", "604800000")}

    left = await left_of(replace(topics, replication=3))
    assert left["replication factor"] == ("3", "1")
    assert left["min.insync.replicas"] == ("2", "1")


@pytest.mark.kafka
def test_the_command_creates_tells_and_checks(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAISON_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("LIAISON_KAFKA_PREFIX", f"test-{uuid4().hex}")
    run = CliRunner()
    checked = run.invoke(app, ["topics", "apply", "--check", "--json"])
    assert checked.exit_code == 1
    assert {one["what"] for one in orjson.loads(checked.stdout)["differences"]} == {"missing"}
    applied = run.invoke(app, ["topics", "apply", "--json"])
    assert applied.exit_code == 0
    told = orjson.loads(applied.stdout)
    assert (len(told["created"]), told["differences"]) == (len(shipped()), [])
    again = run.invoke(app, ["topics", "apply", "--check"])
    assert again.exit_code == 0, again.output
    assert "as declared" in again.stdout


def test_without_a_broker_the_command_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["topics", "apply"])
    assert done.exit_code == 2
    assert "LIAISON_KAFKA_BOOTSTRAP_SERVERS" in done.output
    monkeypatch.setenv("LIAISON_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    done = CliRunner().invoke(app, ["topics", "apply"])
    assert done.exit_code == 3
    assert "LIAISON_KAFKA_BOOTSTRAP_SERVERS" in done.output
