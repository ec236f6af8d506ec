"""What operators ask of consumers: one look a second for all consumers of this process."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.problems import TransientError
from services.kernel.stream import dead_letters
from services.kernel.stream.consumers import CONTROL, HALTED, consumers

POLL_S = 1.0
"""How soon a consumer heeds what was asked for in another process; in this one it is told at once."""

log = structlog.get_logger("liaison.stream")


class Control:
    """The present orders: who is halted, which dead letters are to be redriven."""

    def __init__(self, database: Database, clock: Clock, *, on_change: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_change = on_change
        self.halted: dict[str, str] = {}
        """Reason, per halted service."""
        self.redrives: dict[str, list[str]] = {}
        """Ids of dead letters to be handed to their handler again, per service."""

    async def run(self) -> None:
        """Run until cancelled; outages of the database are waited through."""
        while True:
            token = self._database.wakeups.token(CONTROL)
            try:
                await self.refresh()
            except TransientError as error:
                log.warning("orders not readable", error=str(error))
                await self._clock.sleep(POLL_S)
                continue
            await self._database.wakeups.wait(CONTROL, token, POLL_S)

    async def refresh(self) -> None:
        async with self._database.read() as tx:
            states = await consumers(tx)
            redrives = await dead_letters.requested(tx)
        halted = {consumer.service: consumer.reason for consumer in states if consumer.state == HALTED}
        for consumer in states:
            metrics.HALTED.labels(consumer.service).set(consumer.service in halted)
        if (halted, redrives) != (self.halted, self.redrives):
            self.halted, self.redrives = halted, redrives
            self._on_change()
