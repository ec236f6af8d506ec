"""How to reach the brokers: one value, passed through to every client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 4 * 1024 * 1024
"""Largest message, here and on our topics: the largest entity that the API takes, with room for its
envelope. Kafka's own default, 1 MiB, would refuse long calls."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Brokers and how they know us. `security_protocol`: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @property
    def is_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """None where the protocol has no TLS. Raises OSError or ssl.SSLError for unusable files."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "security_protocol": self.security_protocol,
            "ssl_context": self.ssl_context(),
        }
        if self.is_sasl:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return arguments
