"""The whole service in a thread of its own, so that tests can drive a browser against it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from schemas.challenge import Challenge, ChallengeContent
from schemas.company import Company, CompanyContent
from schemas.delivery import EndpointContent
from schemas.organisation import KeyContent, OrganisationContent, Scope
from schemas.subscription import SubscriptionContent
from services.bootstrap.serve import Running, running
from services.directory.service import Directory
from services.intake.service import Intake
from services.kernel.security import Principal
from services.kernel.settings import load_settings
from services.kernel.web.preconditions import ANY_VERSION

T = TypeVar("T")

MODELS = Path(__file__).parents[4] / "var" / "models"
"""Where the suite keeps the exported model; `liaison serve` keeps it there too."""
START_S = 120.0
"""To load, and at the very first run export, the model."""
CALL_S = 30.0


class Service:
    """A running service, called from another thread than its own."""

    def __init__(self, process: Running, loop: asyncio.AbstractEventLoop, admin: Principal) -> None:
        self._process = process
        self._loop = loop
        self._admin = admin
        self.url = process.url

    @property
    def directory(self) -> Directory:
        return self._process.core.directory

    @property
    def intake(self) -> Intake:
        return self._process.core.intake

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_S)

    def link(self, key: str) -> str:
        return self._process.sign_in_link(key)

    def organisation(self, handle: str, kind: str, **fields: object) -> str:
        """Register one; returns a key of it."""
        content = OrganisationContent.model_validate(
            {"handle": handle, "name": handle.upper(), "kind": kind, "country": "FR", **fields}
        )
        self.call(self.directory.organisations.register(self._admin, content))
        key = KeyContent(label="browser", scopes=(Scope.admin,))
        return self.call(self.directory.keys.issue(self._admin, key, organisation=handle)).secret

    def company(self, name: str, *capabilities: str, country: str = "FR", owner: str = "firm") -> Company:
        content = CompanyContent.model_validate(
            {
                "name": name,
                "country": country,
                "capabilities": [
                    {"id": f"c{number}", "text": text} for number, text in enumerate(capabilities, start=1)
                ],
            }
        )
        return self.call(self.intake.companies.create(self._admin, content, owner=owner))

    def challenge(self, key: str, **fields: object) -> Challenge:
        """Announced with this key."""
        content = ChallengeContent.model_validate({"buyer": "cern", **fields})
        principal = self.call(self.directory.authenticate(key))
        return self.call(self.intake.challenges.announce(principal, content))

    def amend(self, key: str, challenge: Challenge, **fields: object) -> Challenge:
        principal = self.call(self.directory.authenticate(key))
        return self.call(
            self.intake.challenges.amend(
                principal,
                challenge.id,
                lambda before: before.model_copy(update=fields),
                ANY_VERSION.check,
            )
        )

    def subscription(self, key: str, **fields: object) -> str:
        """By webhook, to an endpoint where nobody listens: its id."""
        principal, core = self.call(self.directory.authenticate(key)), self._process.core
        endpoint = EndpointContent(url="http://localhost:9998/hook")
        made = self.call(core.endpoints.create(principal, endpoint))
        content = SubscriptionContent.model_validate({"endpoint": made.id, **fields})
        return self.call(core.subscriptions.create(principal, content)).id

    def pairings(self, key: str) -> list[str]:
        principal = self.call(self.directory.authenticate(key))
        found = self.call(self._process.core.pairing.pairings.page(principal, limit=9))
        return [one.id for one in found]

    def settled(self) -> bool:
        """Every event is handled."""
        return not any(self.call(self._process.carrier.lag()).values())


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    ready: list[Service] = []
    failure: list[BaseException] = []
    started, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        MODELS.mkdir(parents=True, exist_ok=True)
        (folder / "models").symlink_to(MODELS, target_is_directory=True)
        settings = load_settings(data_dir=folder, port=0, allow_loopback_webhooks=True)
        async with running(settings) as process:
            assert process.first_key is not None
            admin = await process.core.directory.authenticate(process.first_key)
            ready.append(Service(process, asyncio.get_running_loop(), admin))
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failure.append(error)
            raise
        finally:
            started.set()

    thread = threading.Thread(target=run, name="service")
    thread.start()
    try:
        assert started.wait(START_S), "the service did not start"
        assert ready, failure
        yield ready[0]
    finally:
        if ready:
            ready[0]._loop.call_soon_threadsafe(stop.set)
        thread.join(CALL_S)
