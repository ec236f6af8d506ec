"""A message keeps its name and its content for ever."""

from __future__ import annotations

from services.courier import model
from services.kernel.database import Database
from tests.conftest import MovableClock
from tests.courier.desk import OWNER, Desk, Scripted, answered
from tests.eventually import eventually

URL = "https://receiver.example.org/hook"


async def test_one_webhook_id_across_retries_replays_and_restarts(
    database: Database, clock: MovableClock
) -> None:
    desk = Desk(database, clock)
    endpoint = await desk.endpoint(URL)
    network = Scripted(lambda *_: answered(200 if len(network.sent) > 3 else 500))
    (message,) = await desk.post(endpoint.id)

    async def tried(times: int) -> bool:
        return bool((await desk.row(message)).attempts == times)

    for attempt in range(1, 4):  # each retry by a courier of its own
        async with desk.delivering(network):
            await eventually(lambda attempt=attempt: tried(attempt))  # type: ignore[misc]
        due = (await desk.row(message)).next_attempt_at
        await desk.pass_time((due - clock.now()).total_seconds() + 0.001)
    async with desk.delivering(network):
        await desk.reach(model.DELIVERED, message)
        await desk.log.resend(OWNER, message)
        await eventually(lambda: len(network.sent) == 5)
        await desk.reach(model.DELIVERED, message)
    assert network.ids == [message] * 5
    assert len({body for _, _, body in network.sent}) == 1
