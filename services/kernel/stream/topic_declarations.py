"""The declaration of the topics: one file, read by whoever creates, checks or documents them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.kernel.settings import ConfigurationError

SHIPPED = Path(__file__).with_name("topics.toml")
"""Also to be found as `deploy/kafka/topics.toml`."""

DAY_MS = 86_400_000

Count = Annotated[int, Field(ge=1)]


class Declaration(BaseModel):
    """One topic, by its name without the prefix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    """The entity whose id is the key."""
    partitions: Count
    retention_days: Count
    max_message_bytes: Count

    @property
    def configuration(self) -> dict[str, str]:
        """The topic's configuration, as Kafka names it."""
        return {
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",  # age counts from the arrival, whatever a sender says
            "retention.ms": str(self.retention_days * DAY_MS),
            "max.message.bytes": str(self.max_message_bytes),
        }


Declarations = Mapping[str, Declaration]


@cache
def shipped() -> Declarations:
    """The declarations that come with this release."""
    return read(SHIPPED)


def read(path: Path) -> Declarations:
    """Declarations by name. Raises `ConfigurationError` with what is wrong."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        topics: dict[str, Any] = content["topics"]
        defaults: dict[str, Any] = content.get("defaults", {})
        return {name: Declaration(**(defaults | fields)) for name, fields in topics.items()}
    except OSError as error:
        raise ConfigurationError(f"The topics cannot be read from {path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} does not declare topics in TOML: {error}.") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{path} declares a topic wrongly: {wrong}.") from None
