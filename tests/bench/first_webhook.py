"""From the announcement to the first webhook with a match, among 20,000 companies, for one subscriber.

Ours: a process outside posts a challenge of title, need, buyer and deadline over HTTP, and receives the first
signed webhook; both instants are taken there. In between: requirements cut from the need, the challenge
committed and synced to the disk, parts embedded, companies searched, scored and explained, suggestions
committed, routed to the subscriber, committed as deliveries, taken by the courier, signed and sent.
Reference, for the same challenge: the same parts embedded by the same model, both searches of every part in
the same index, and one POST of the same body to the same receiver.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import aiohttp

from schemas.challenge import Challenge
from schemas.delivery import EndpointContent
from schemas.subscription import FollowMembers, SubscriptionContent
from services.bootstrap.serve import Running
from services.indexing.collections import COMPANIES
from services.intake.parts import Part, challenge_parts
from services.kernel.embedding.batching import BatchingEmbedder
from services.kernel.security import CLUSTER as CLUSTER_ROLE
from services.kernel.security import Principal
from services.matching.scoring import POSSIBLE
from tests.bench import ground
from tests.bench.bare_model import open_model
from tests.bench.figures import Aim, Bench, Samples, Scale, significant
from tests.bench.hybrid import queries
from tests.bench.outside import Announced, Outside, outside
from tests.bench.texts import Writer, next_year

QUIET_S = 0.3
"""Without a webhook for so long, the last announcement has been dealt with."""
WARM_UP = 5
"""Announcements that do not count."""


async def measure(scale: Scale) -> Samples:
    async with ground.ground(scale.pick(20_000, 1_000)) as process, outside() as world:
        await _subscribe(process, world.url)
        embedder = BatchingEmbedder(open_model())
        try:
            async with aiohttp.ClientSession() as session:
                bench = _FirstWebhook(process, world, embedder, session)
                return await bench.measure(scale.pick(31, 5))
        finally:
            await embedder.close()


async def _subscribe(process: Running, url: str) -> None:
    cluster = await process.core.directory.organisation_by_handle_or_id(ground.CLUSTER.handle)
    assert cluster is not None
    principal = Principal(cluster.id, CLUSTER_ROLE, "bench", frozenset({"write"}))
    endpoint = await process.core.endpoints.create(principal, EndpointContent(url=url))
    await process.core.subscriptions.create(
        principal,
        SubscriptionContent(follow=FollowMembers(), endpoint=endpoint.id, threshold=POSSIBLE),
    )


class _FirstWebhook:
    def __init__(
        self,
        process: Running,
        world: Outside,
        embedder: BatchingEmbedder,
        session: aiohttp.ClientSession,
    ) -> None:
        self._process = process
        self._world = world
        self._embedder = embedder
        self._session = session
        self._lexical = process.brain.generations.serving.lexical
        self._writer = Writer(seed=4)

    async def measure(self, repetitions: int) -> Samples:
        samples, answered, followed = Samples(), [], []
        parts: Sequence[Part] = ()
        for repetition in range(repetitions + WARM_UP):
            before = await self._world.quiet(QUIET_S)
            announced = await self._announce()
            parts = challenge_parts(_challenge(announced.answer))
            followed.append(await self._world.quiet(QUIET_S) - before)
            await ground.settled(self._process)
            alone = await self._alone(parts, announced.webhook.encode())
            if repetition >= WARM_UP:
                answered.append(announced.answered_s)
                samples.ours.append(announced.arrived_s * 1e3)
                samples.reference.append(alone * 1e3)
        middle = len(answered) // 2
        samples.notes.append(
            f"the POST itself was answered after {significant(sorted(answered)[middle] * 1e3):g} ms; "
            f"{len(parts)} parts in the last challenge; {sorted(followed)[len(followed) // 2]} webhooks each"
        )
        return samples

    async def _announce(self) -> Announced:
        today = self._process.core.clock.now().date()
        content = self._writer.challenge(ground.BUYER.handle, next_year(today))
        body = content.model_dump_json(include={"title", "need", "buyer", "deadline"})
        return await self._world.announce(f"{self._process.url}/v1/challenges", ground.ADMIN_KEY, body)

    async def _alone(self, parts: Sequence[Part], body: bytes) -> float:
        began = time.perf_counter()
        dense = await self._embedder.embed([part.text for part in parts])
        words = [self._lexical.query(part.text) for part in parts]
        await self._process.brain.index.search(COMPANIES, queries(dense, words))
        async with self._session.post(self._world.url, data=body) as response:
            await response.read()
        return time.perf_counter() - began


def _challenge(answer: str) -> Challenge:
    return Challenge.model_validate_json(answer, extra="ignore")


BENCHES = [
    Bench(
        name="first-webhook",
        about="announcement to first webhook, 20,000 companies / embed, search and one POST alone (p50)",
        unit="ms",
        aim=Aim(1.25, at_least=False),
        measure=measure,
    )
]
