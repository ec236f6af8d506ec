"""A real Kafka broker for the tests: one node per run, or the one that the environment names.

`KAFKA_BOOTSTRAP_SERVERS` names a running broker. `KAFKA_HOME` names an unpacked Kafka (3.9 or newer; its
`libs/` is all that is used), of which one node is started with Java 17. With neither, these tests are
skipped and say so; in CI (`CI=true`) they fail, so that nobody takes a skip for a pass.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_ports
from tests.side_by_side import ends_with_the_run, shared

START_S = 180.0
"""It listens after some 4 s; a busy machine may take much longer."""
STOP_S = 20.0

NEITHER = (
    "no Kafka: set KAFKA_HOME to an unpacked Kafka (https://kafka.apache.org/downloads) "
    "or KAFKA_BOOTSTRAP_SERVERS to a running broker"
)

USER, PASSWORD = "liaison", "a password of the tests"

_PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{secured},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{secured}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location={identity}
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor={nodes}
offsets.topic.num.partitions=3
transaction.state.log.replication.factor={nodes}
transaction.state.log.min.isr={in_sync}
min.insync.replicas={in_sync}
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True, slots=True)
class Together:
    """A cluster of several nodes: its name, and the controllers' ports, that of node 1 first."""

    cluster: str
    controllers: tuple[int, ...]

    @classmethod
    def of(cls, nodes: int) -> Together:
        return cls(urlsafe_b64encode(uuid4().bytes).decode().rstrip("="), tuple(free_ports(nodes)))

    @property
    def voters(self) -> str:
        return ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(self.controllers, start=1))


@dataclass(frozen=True, slots=True)
class Addresses:
    """`secured_servers`: the same node by TLS, for USER with PASSWORD by SCRAM-SHA-512. `authority`: whom to
    trust there, a file."""

    bootstrap_servers: str
    secured_servers: str
    authority: Path


class Broker:
    """A node on this machine that can be started, killed and started again with its data: one alone, or
    `node` of those that are `together`."""

    def __init__(self, home: Path, folder: Path, together: Together | None = None, node: int = 1) -> None:
        together = together or Together.of(1)
        nodes = len(together.controllers)
        self._libs = f"{home / 'libs'}/*"
        self._folder = folder
        self._port, secured = free_ports(2)
        self.bootstrap_servers = f"127.0.0.1:{self._port}"
        authority, identity = folder / "authority.pem", folder / "identity.pem"
        self.addresses = Addresses(self.bootstrap_servers, f"127.0.0.1:{secured}", authority)
        _write_certificate(authority, identity)
        self._properties = folder / "server.properties"
        self._properties.write_text(
            _PROPERTIES.format(
                port=self._port,
                secured=secured,
                controller=together.controllers[node - 1],
                node=node,
                nodes=nodes,
                voters=together.voters,
                in_sync=min(nodes, 2),
                data=folder / "data",
                identity=identity,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None
        user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        storage = (
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={together.cluster}",
            "-c",
            str(self._properties),
        )
        if self._java(*storage, "--add-scram", user).wait():
            raise RuntimeError(f"Kafka's storage could not be prepared:\n{self._said()}")

    def start(self) -> None:
        """Start the node and wait until it listens."""
        self._process = self._java("kafka.Kafka", str(self._properties))
        until = time.monotonic() + START_S
        while not _listens(self._port):
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Kafka did not start:\n{self._said()}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill -9: what is on disk stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
            self._process = None

    def _said(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3_000:]

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        java = shutil.which("java")
        if java is None:
            raise RuntimeError("KAFKA_HOME is set, but there is no Java: install a JRE, 17 or newer")
        log = (self._folder / "log").open("ab")
        with log:
            return subprocess.Popen(
                [java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", self._libs, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )


def kafka_home() -> Path:
    """The unpacked Kafka, for tests that start and kill brokers; without one the test is skipped, in CI
    it fails."""
    home = os.environ.get("KAFKA_HOME")
    if home:
        return Path(home)
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        pytest.skip("a broker is given, but this test starts one of its own: set KAFKA_HOME for it")
    if os.environ.get("CI") == "true":
        pytest.fail(f"{NEITHER}; in CI the Kafka tests must run")
    pytest.skip(NEITHER)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real broker."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        return given
    node: Addresses = request.getfixturevalue("kafka_node")
    return node.bootstrap_servers


_left_running: list[Broker] = []
"""Python warns of a process that is forgotten while it runs."""


@pytest.fixture(scope="session")
def kafka_node() -> Addresses:
    """A node of our own. The workers of a run share it: who wants it first starts it, and it ends with the
    run."""
    home = kafka_home()
    with shared("kafka") as folder:
        known = folder / "addresses.json"
        if not known.exists():
            broker = Broker(home, folder)
            broker.start()
            _left_running.append(broker)
            ends_with_the_run(broker.pid)
            known.write_text(json.dumps(asdict(broker.addresses), default=str))
        told = json.loads(known.read_text())
    return Addresses(told["bootstrap_servers"], told["secured_servers"], Path(told["authority"]))


def _write_certificate(authority: Path, identity: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself, and the same with its key as Kafka wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority.write_bytes(public)
    identity.write_bytes(private + public)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
