"""Every setting of Liaison: from the environment (LIAISON_…), a TOML file, or a folder of secret files.

Loading has no side effects and opens nothing. The environment wins over secret files, these over the TOML
file. Secrets that nobody set are made by `services.kernel.secrets_folder` on the first start.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

PREFIX = "LIAISON_"
CONFIG_VARIABLE = "LIAISON_CONFIG"
CONFIG_DEFAULT = "liaison.toml"
SECRETS_VARIABLE = "LIAISON_SECRETS_DIR"
SECRETS_DEFAULT = "/run/secrets"
"""Where Docker and Kubernetes put secret files by convention; a file is named after its variable."""

NOT_SETTINGS = ("LIAISON_TEST_", "LIAISON_CONFIG", "LIAISON_SECRETS_DIR", "LIAISON_URL", "LIAISON_KEY")
"""Variables with our prefix that are no settings of the server: for the test suite, this module, the CLI."""


class StreamKind(StrEnum):
    journal = "journal"
    kafka = "kafka"


class VectorStoreKind(StrEnum):
    edge = "edge"
    server = "server"


class EmbeddingBackend(StrEnum):
    onnx = "onnx"
    torch = "torch"


class LogFormat(StrEnum):
    auto = "auto"
    json = "json"
    console = "console"


class LogLevel(StrEnum):
    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class KafkaSecurity(StrEnum):
    plaintext = "PLAINTEXT"
    tls = "SSL"
    sasl_plaintext = "SASL_PLAINTEXT"
    sasl_tls = "SASL_SSL"


class SaslMechanism(StrEnum):
    plain = "PLAIN"
    scram_256 = "SCRAM-SHA-256"
    scram_512 = "SCRAM-SHA-512"


class ConfigurationError(Exception):
    """The settings cannot be used. The message is for the person at the terminal, one sentence a line."""


ADMIN_KEY = re.compile(r"lia_[A-Za-z0-9_-]{32,}")

Words = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


def _section(title: str, default: Any, description: str, **keywords: Any) -> Any:
    """A field that begins a section of the settings page."""
    return Field(default, description=description, json_schema_extra={"section": title}, **keywords)


class Settings(BaseSettings):
    """All settings. Frozen: what was read at the start holds until the end."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_dir: Path = _section(
        "Storage", Path("var"), "Folder of everything that is kept on disk: database, vectors, secrets."
    )
    database_url: str = Field(
        default_factory=lambda data: f"sqlite:///{data['data_dir'] / 'liaison.db'}",
        description="`sqlite:///path/to/file.db` or `postgresql://user:password@host/name`. "
        "Default: a file in the data folder.",
    )
    database_connections: Count = Field(
        10,
        description="PostgreSQL: connections that one process keeps. Ten serve some thousand requests a "
        "second; the server's default of 100 then has room for five processes with their bursts.",
    )
    database_connections_burst: int = Field(
        10,
        ge=0,
        description="PostgreSQL: connections beyond these that one process opens while all are in use, and "
        "closes again. Processes times both numbers, plus one each for wake-ups, must stay below "
        "max_connections.",
    )
    database_wait_s: Positive = Field(
        5,
        description="PostgreSQL: seconds that a request waits for a free connection before it is told 503: "
        "shorter than clients' patience.",
    )

    host: str = _section("Web server", "127.0.0.1", "Address to listen on; `0.0.0.0` for every interface.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    health_port: int = Field(
        8001,
        ge=0,
        le=65_535,
        description="Port of `liaison worker`, `relay` and `courier` for /health/live, /health/ready and "
        "/metrics; 0 takes a free one. Several on one machine need a port each.",
    )
    public_url: str = Field(
        default_factory=lambda data: f"http://localhost:{data['port']}",
        pattern=r"^https?://[^\s/]+(/[^\s]*)?$",
        description="Where people reach this server, without a trailing slash: links in webhooks and pages "
        "begin with it. With `https` the session cookie is Secure and pages ask for HSTS.",
    )
    trusted_proxies: Words = Field(
        ("127.0.0.1",),
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, "
        "separated by commas.",
    )

    stream: StreamKind = _section(
        "Stream",
        StreamKind.journal,
        "What carries events to the services: `journal` (the database, nothing to install) or `kafka`.",
    )
    kafka_bootstrap_servers: Words = Field((), description="`host:port`, separated by commas.")
    kafka_prefix: str = Field(
        "liaison",
        pattern=r"^[A-Za-z0-9._-]{1,60}$",
        description="Beginning of every topic and consumer group, so that several instances share a broker.",
    )
    kafka_topics_file: Path | None = Field(
        None,
        description="File that declares the topics, in the form of the shipped `deploy/kafka/topics.toml`, "
        "which is the default.",
    )
    kafka_partitions: Count | None = Field(
        None,
        description="Partitions of every topic that is created, instead of those in the file: the most "
        "workers that share a topic's load.",
    )
    kafka_replication: Count = Field(1, description="Copies of a topic when it is created; 3 in production.")
    kafka_security_protocol: KafkaSecurity = Field(
        KafkaSecurity.plaintext, description="How to connect to the brokers."
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        SaslMechanism.scram_512, description="Used with the SASL protocols."
    )
    kafka_sasl_username: str | None = Field(None, description="Used with the SASL protocols.")
    kafka_sasl_password: SecretStr | None = Field(None, description="Used with the SASL protocols.")
    kafka_tls_ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the brokers; default: the system's."
    )
    kafka_tls_certificate_file: Path | None = Field(None, description="PEM file of our own certificate.")
    kafka_tls_key_file: Path | None = Field(None, description="PEM file of its private key.")

    vectors: VectorStoreKind = _section(
        "Vectors",
        VectorStoreKind.edge,
        "Where vectors live: `edge` (Qdrant Edge in this process) or `server` (a Qdrant server).",
    )
    qdrant_url: str | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="Address of the server's HTTP interface."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="API key of the Qdrant server.")
    qdrant_grpc_port: int | None = Field(
        6334, ge=1, le=65_535, description="Port of the server's gRPC interface; `none` for HTTP alone."
    )
    qdrant_shards: int | None = Field(
        None, ge=1, le=64, description="Shards of a collection that is made new; default: one per server."
    )
    qdrant_replicas: int = Field(
        1, ge=1, le=16, description="Copies of every shard: with 2 a server may die and searches go on."
    )
    qdrant_quantised: bool = Field(
        False,
        description="Search vectors of one byte a dimension, kept in memory, and decide by the full ones on "
        "disk: a quarter of the memory, for a million companies. These three hold for collections that are "
        "made from then on: at the first start, or by the next change of model.",
    )

    embedding_model: str | None = _section(
        "Embedding",
        None,
        "Name on a model hub, or folder, of a sentence-transformers model. Default: the bundled "
        "all-MiniLM-L6-v2. Another model re-indexes in the background while the old one serves.",
    )
    embedding_backend: EmbeddingBackend = Field(
        EmbeddingBackend.onnx,
        description="`onnx`, which falls back to torch where it cannot run, or `torch`.",
    )
    models_dir: Path = Field(
        default_factory=lambda data: data["data_dir"] / "models",
        description="Folder of exported models, which are made once. Default: `models` in the data folder.",
    )
    embedding_threads: Count | None = Field(
        None, description="Threads of the model. Default: one per processor core."
    )

    match_threshold: float = _section(
        "Matching",
        0.4,
        "Lowest score of a suggestion that is passed on to subscriptions without a threshold of their own.",
        ge=0,
        le=1,
    )

    allow_loopback_webhooks: bool = _section(
        "Webhooks",
        False,
        "DEVELOPMENT ONLY: webhooks may go to this machine itself, by plain HTTP. Said loudly in the log.",
    )

    encryption_keys: Secrets = _section(
        "Secrets",
        (),
        "Fernet keys for webhook secrets at rest, separated by commas; the first encrypts, all decrypt. "
        "Default: made on the first start and kept in `secrets/` in the data folder, readable by its owner.",
    )
    cookie_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key of the board's session cookies, 32 characters or more. Default: made likewise.",
    )
    admin_key: SecretStr | None = Field(
        None,
        description="API key of the administrator that the first start creates: `lia_` and 32 or more "
        "random letters and digits. Default: made, and shown once.",
    )

    ledger_key: SecretStr | None = Field(
        None,
        description="Ed25519 key that signs checkpoints of the ledger, 32 bytes in base64. Default: made "
        "likewise.",
    )

    body_limit_bytes: Count = _section(
        "Limits", 2_000_000, "Largest body of a request; larger ones are refused with 413."
    )
    upload_limit_bytes: Count = Field(
        50_000_000, description="The same for imports of files (CSV, Excel, JSON Lines)."
    )
    rate_per_key: Positive = Field(100, description="Requests a second that one API key may make for long.")
    burst_per_key: Count = Field(1_000, description="Requests that one key may make at once after a pause.")
    rate_per_address: Positive = Field(50, description="The same for an address that shows no key.")
    burst_per_address: Count = Field(500, description="The same for an address that shows no key.")
    streams_per_key: Count = Field(20, description="Live streams that one key may hold open.")

    stalled_after_s: Positive = _section(
        "Processes",
        600,
        "Seconds after which a process that has work and gets nothing done ends itself with an error, for "
        "its supervisor to start it again: far longer than any batch takes.",
    )

    log_level: LogLevel = _section("Being observed", LogLevel.info, "Least severity that is logged.")
    log_format: LogFormat = Field(
        LogFormat.auto, description="`json`, `console`, or `auto`: console where a person reads, else JSON."
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Where traces are sent, OTLP over HTTP, e.g. `http://collector:4318`. Default: nowhere.",
    )
    otlp_headers: SecretStr | None = Field(
        None, description="Headers for it, `name=value` separated by commas."
    )
    trace_share: float = Field(
        1.0, ge=0, le=1, description="Share of traces that are sent; every request has a trace id anyway."
    )

    @field_validator("encryption_keys", "trusted_proxies", "kafka_bootstrap_servers", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("admin_key")
    @classmethod
    def _a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not ADMIN_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("must be `lia_` and 32 or more letters, digits, hyphens or underscores")
        return value

    @field_validator("database_url")
    @classmethod
    def _supported(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError(
                "must be sqlite:///path/to/file.db or postgresql://user:password@host/name; "
                "no other database is known"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("port", mode="before")
    @classmethod
    def _no_service_link(cls, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("tcp://"):
            raise ValueError(
                "Kubernetes set it for a Service named 'liaison'; put enableServiceLinks: false into the "
                "pod's spec, or give the Service another name"
            )
        return value

    @field_validator("qdrant_grpc_port", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.stream is StreamKind.kafka and not self.kafka_bootstrap_servers:
            raise ValueError("LIAISON_STREAM is kafka, but LIAISON_KAFKA_BOOTSTRAP_SERVERS is not set")
        if self.kafka_security_protocol.value.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                f"LIAISON_KAFKA_SECURITY_PROTOCOL is {self.kafka_security_protocol}, which needs "
                "LIAISON_KAFKA_SASL_USERNAME and LIAISON_KAFKA_SASL_PASSWORD"
            )
        if self.vectors is VectorStoreKind.server and not self.qdrant_url:
            raise ValueError("LIAISON_VECTORS is server, but LIAISON_QDRANT_URL is not set")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings]
        folder = Path(os.environ.get(SECRETS_VARIABLE, SECRETS_DEFAULT))
        if folder.is_dir():
            sources.append(SecretsSettingsSource(settings_cls, folder))
        file = Path(os.environ.get(CONFIG_VARIABLE, CONFIG_DEFAULT))
        if file.is_file():
            sources.append(TomlConfigSettingsSource(settings_cls, file))
        return tuple(sources)


def load_settings(**given: Any) -> Settings:
    """The settings in force; `given` wins over every source. Raises `ConfigurationError`."""
    for variable in (CONFIG_VARIABLE, SECRETS_VARIABLE):
        named = os.environ.get(variable)
        if named and not Path(named).exists():
            raise ConfigurationError(f"{variable} names {named}, which does not exist.")
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = [part for part in error.errors() if part["type"] != "default_factory_not_called"]
        raise ConfigurationError("\n".join(_sentence(part) for part in wrong)) from None
    except (SettingsError, OSError, ValueError) as error:  # an unreadable file, broken TOML
        raise ConfigurationError(f"The settings cannot be read: {error}.") from None


def _sentence(error: Any) -> str:
    if not error["loc"]:
        return f"{_reason(error)}."
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        advice = f" Did you mean `{near[0]}`?" if near else ""
        return f"`{name}` in the settings file is not a setting.{advice}"
    return f"{PREFIX}{name.upper()} (or `{name}` in {CONFIG_DEFAULT}) is wrong: {_reason(error)}."


def _reason(error: Any) -> str:
    reason = str(error["msg"]).removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:] if reason.startswith(("Input", "String")) else reason


def misspelt_variables(environment: Mapping[str, str]) -> list[str]:
    """A warning for each LIAISON_ variable that is close to a setting's name but is none."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    warnings = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if near:
            warnings.append(f"{name} is not a setting and has no effect. Did you mean {near[0]}?")
    return warnings
