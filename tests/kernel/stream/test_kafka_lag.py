"""Asking how far a group is behind, while its coordinator does not know yet."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from services.kernel.problems import TransientError
from services.kernel.stream.kafka_connection import KafkaConnection
from services.kernel.stream.kafka_topics import Topics, lag_of

pytestmark = pytest.mark.kafka


async def test_a_coordinator_that_is_loading_is_asked_again_later(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers with an error for the whole group; aiokafka overlooks that and gives no offsets."""
    connection = KafkaConnection(bootstrap_servers=(kafka,))
    topics = Topics(prefix=f"test-{uuid4().hex[:8]}")
    topic = topics.of("liaison.challenge.announced.v1")
    await topics.ensure(connection, [topic])

    async def nothing(*_: Any, **__: Any) -> dict[Any, Any]:
        return {}

    monkeypatch.setattr(AIOKafkaAdminClient, "list_consumer_group_offsets", nothing)
    with pytest.raises(TransientError, match="does not know yet"):
        await lag_of(connection, {topics.group("matching"): [topic]})
