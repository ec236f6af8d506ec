"""`secrets`: the key that seals webhook secrets is rotated, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from services.cli.main import app
from services.courier import resealing
from services.courier.model import EndpointRow
from services.courier.resealing import reseal_endpoints
from services.kernel.database import Database
from services.kernel.resealing import Resealed
from services.kernel.security import SecretBox
from services.kernel.web.model import IdempotencyKey
from services.kernel.web.resealing import reseal_answers
from services.migrations import runner
from tests.conftest import MovableClock
from tests.courier.desk import OWNER, Desk

ROW: Any = EndpointRow.__table__
URL = "https://receiver.example.org/"
FORMER, PRESENT = SecretBox.new_key(), SecretBox.new_key()
SEALED_WITH = SecretBox([FORMER])
BOTH = SecretBox([PRESENT, FORMER])


async def portions(some: AsyncIterator[Resealed]) -> list[Resealed]:
    return [one async for one in some]


async def an_answer(database: Database, clock: MovableClock, body: str) -> None:
    row = IdempotencyKey(
        organisation="org_1", key="k1", fingerprint="f", expires_at=clock.now(), status=201, headers=[],
        body=body.encode(), sealed=True,
    )  # fmt: skip
    async with database.write() as tx:
        tx.add(row)


async def test_what_was_stopped_goes_on_and_the_former_key_may_go(
    database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "AT_A_TIME", 2)
    desk = Desk(database, clock, SEALED_WITH)
    made = [await desk.endpoint(URL) for _ in range(5)]
    secrets = {one.id: [one.secret] for one in made}
    secrets[made[0].id].insert(0, (await desk.endpoints.rotate(OWNER, made[0].id)).secret)
    await desk.endpoints.remove(OWNER, made[4].id)
    secrets[made[4].id] = []
    await an_answer(database, clock, SEALED_WITH.seal("whsec_kept"))
    versions = {one: (await desk.endpoint_row(one)).version for one in secrets}

    stopped = reseal_endpoints(database, BOTH)
    assert await anext(stopped) == Resealed(seen=2, renewed=3)
    await stopped.aclose()
    assert await portions(reseal_endpoints(database, BOTH)) == [
        Resealed(2, 0),
        Resealed(2, 2),
        Resealed(1, 0),
    ]
    assert await portions(reseal_answers(database, BOTH)) == [Resealed(1, 1)]

    alone = SecretBox([PRESENT])
    for endpoint, plain in secrets.items():
        row = await desk.endpoint_row(endpoint)
        assert [alone.open(one["sealed"]) for one in row.secrets] == plain
        assert row.version == versions[endpoint]
    async with database.read() as tx:
        body = (await tx.execute(select(IdempotencyKey.body))).scalar_one()
    assert body is not None
    assert alone.open(body.decode()) == "whsec_kept"
    assert [one.renewed for one in await portions(reseal_endpoints(database, alone))] == [0, 0, 0]


async def test_what_no_key_opens_is_named_and_left(database: Database, clock: MovableClock) -> None:
    desk = Desk(database, clock, SEALED_WITH)
    lost, other = await desk.endpoint(URL), await desk.endpoint(URL)
    foreign = [{"sealed": SecretBox([SecretBox.new_key()]).seal("whsec_x"), "until": None}]
    async with database.write() as tx:
        await tx.execute(update(ROW).where(ROW.c.id == lost.id).values(secrets=foreign))
    assert await portions(reseal_endpoints(database, BOTH)) == [Resealed(2, 1, (lost.id,))]
    assert (await desk.endpoint_row(lost.id)).secrets == foreign
    assert BOTH.renew((await desk.endpoint_row(other.id)).secrets[0]["sealed"]) is None


def test_as_an_operator_types_it(tmp_path: Path, clock: MovableClock) -> None:
    former = CliRunner().invoke(app, ["secrets", "new-key", "encryption"]).stdout.strip()
    present = CliRunner().invoke(app, ["secrets", "new-key", "encryption"]).stdout.strip()

    async def fill() -> None:
        database = Database(f"sqlite:///{tmp_path / 'liaison.db'}")
        await runner.upgrade(database)
        await Desk(database, clock, SecretBox([former])).endpoint(URL)
        await database.close()

    def reseal(keys: str) -> tuple[int, str]:
        line = ["secrets", "reseal", "--data-dir", str(tmp_path)]
        done = CliRunner().invoke(app, line, env={"LIAISON_ENCRYPTION_KEYS": keys})
        return done.exit_code, " ".join(done.output.split())

    asyncio.run(fill())
    code, told = reseal(f"{present},{former}")
    assert (code, told.split(";")[0]) == (0, "1 secrets sealed anew")
    assert reseal(present)[0] == 0
    code, told = reseal(former)
    assert code == 2
    assert "other encryption keys" in told
