"""A courier in a process of its own, for tests that kill it; it delivers until SIGTERM.

python -m tests.courier.courier_process DATABASE_URL ENCRYPTION_KEY
"""

from __future__ import annotations

import asyncio
import signal
import sys

from services.courier.address_guard import AddressGuard
from services.courier.courier import Courier
from services.courier.http import Sender
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.security import SecretBox


async def main(url: str, key: str) -> None:
    database, clock = Database(url), SystemClock()
    guard = AddressGuard(allow_loopback=True)
    sender = Sender(guard, clock=clock)
    courier = Courier(database, sender, guard, SecretBox([key]), clock)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, courier.stop)
    await courier.run()
    await sender.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
