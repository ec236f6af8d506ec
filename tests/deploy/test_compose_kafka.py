"""The Kafka of docker-compose.yml: a real one starts with the settings that the file gives its image, and
makes no topic that nobody has asked for."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.deploy.manifests import program, services
from tests.eventually import eventually
from tests.kafka_broker import kafka_home
from tests.ports import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

OF_THE_IMAGE = {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}
"""Variables for its start, not settings of the broker."""


def properties(port: int, controller: int, data: Path) -> str:
    """As the image makes them: KAFKA_LOG_DIRS is log.dirs. Addresses are this machine's."""
    lines = []
    for name, value in services()["kafka"]["environment"].items():
        if name in OF_THE_IMAGE:
            continue
        here = re.sub(r"(//|@)(kafka)?:9092", rf"\g<1>127.0.0.1:{port}", str(value))
        here = re.sub(r"(//|@)(kafka)?:9093", rf"\g<1>127.0.0.1:{controller}", here)
        here = str(data) if here == "/var/lib/kafka/data" else here
        lines.append(f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={here}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """Its bootstrap server."""
    libs = f"{kafka_home() / 'libs'}/*"
    port = free_port()
    file = tmp_path / "server.properties"
    file.write_text(properties(port, free_port(), tmp_path / "data"))
    java = [program("java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", libs]
    default = services()["kafka"]["environment"]["CLUSTER_ID"]
    cluster = re.sub(r"\$\{[A-Z_]+:-(.*)\}", r"\1", default)
    log = (tmp_path / "log").open("wb")
    storage = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file)]
    formatted = subprocess.run([*java, *storage], stdout=log, stderr=log, cwd=tmp_path, check=False)
    assert formatted.returncode == 0, (tmp_path / "log").read_text()[-3_000:]
    node = subprocess.Popen([*java, "kafka.Kafka", str(file)], stdout=log, stderr=log, cwd=tmp_path)
    log.close()
    try:
        yield f"127.0.0.1:{port}"
        assert node.poll() is None, (tmp_path / "log").read_text()[-3_000:]
    finally:
        node.kill()
        node.wait()


async def test_it_starts_and_keeps_to_the_topics_that_were_made(broker: str) -> None:
    async def answers() -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        try:
            await admin.start()
            await admin.create_topics([NewTopic("made", 1, 1)])
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()
        return True

    await eventually(answers, within_s=90)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        assert (await producer.send_and_wait("made", b"here")).offset == 0
        with pytest.raises((KafkaError, TimeoutError)):
            async with asyncio.timeout(5):
                await producer.send_and_wait("never-made", b"nowhere")
    finally:
        await producer.stop()
