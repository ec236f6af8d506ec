"""Whoever writes much to PostgreSQL hears of it when the server dies.

asyncpg (0.32) stops in the midst of many rows while the connection takes no more, and goes on when it is
told that it does. Of a connection that is lost meanwhile it is told nothing: the statement waits for ever,
and with it all that the process has to do (`bind_execute_many` in its `protocol.pyx`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event


def end_with_their_connection(engine: Engine) -> None:
    """Statements that write many rows fail when their connection is lost, as all others do."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        driver = connection.driver_connection
        protocol = driver._protocol  # which it has forgotten when its end is told
        # The next write fails at once, and the statement with what was said of the connection's end.
        driver.add_termination_listener(lambda _: protocol.resume_writing())
