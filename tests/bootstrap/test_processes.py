"""What a process refuses at its start, in a sentence, before it does harm."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.bootstrap import ownership, processes, rooms
from services.bootstrap.ownership import OwnershipLost, ends_with, owning
from services.kernel import leases
from services.kernel.clock import SystemClock
from services.kernel.database import Database
from services.kernel.installation import check_keys
from services.kernel.leases import Lease
from services.kernel.security import SecretBox
from services.kernel.settings import ConfigurationError, Settings, StreamKind
from tests.conftest import MovableClock

JOURNAL = Settings()
KAFKA = Settings(stream=StreamKind.kafka, kafka_bootstrap_servers=("broker:9092",))


def test_a_worker_does_all_rooms_or_those_named() -> None:
    assert rooms.chosen((), JOURNAL) == {"indexing", "matching", "consortia", "pairing", "notification"}
    assert rooms.chosen((), KAFKA) == {
        "indexing",
        "matching",
        "consortia",
        "pairing",
        "notification",
        "inbox",
    }
    assert rooms.chosen(["notification"], KAFKA) == {"notification"}


@pytest.mark.parametrize(
    ("only", "settings", "says"),
    [
        (["matchmaking"], JOURNAL, "--only matchmaking: the rooms of a worker are indexing, matching"),
        (["inbox"], JOURNAL, "LIAISON_STREAM is journal"),
    ],
)
def test_a_room_that_is_none_is_told(only: list[str], settings: Settings, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        rooms.chosen(only, settings)


@pytest.mark.parametrize("kind", ["gateway", "worker", "relay", "courier"])
async def test_several_processes_on_sqlite_are_refused(tmp_path: Path, kind: str) -> None:
    opening = getattr(processes, kind)(Settings(data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match=r"postgresql://.*liaison serve"):
        async with opening:
            pass


async def test_a_process_with_other_keys_than_the_installations_is_refused(database: Database) -> None:
    former, present, foreign = (SecretBox.new_key() for _ in range(3))
    await check_keys(database, SecretBox([former]))
    await check_keys(database, SecretBox([former]))
    with pytest.raises(ConfigurationError, match="LIAISON_ENCRYPTION_KEYS"):
        await check_keys(database, SecretBox([foreign]))
    await check_keys(database, SecretBox([present, former]))
    await check_keys(database, SecretBox([present]))  # the former key has been phased out
    with pytest.raises(ConfigurationError, match="LIAISON_ENCRYPTION_KEYS"):
        await check_keys(database, SecretBox([former]))


async def test_processes_that_start_together_agree_on_the_keys(database: Database) -> None:
    boxes = [SecretBox([SecretBox.new_key()]) for _ in range(3)]
    outcomes = await asyncio.gather(*(check_keys(database, one) for one in boxes), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_the_embedded_store_has_one_owner_even_on_two_machines(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "WAIT_S", 0.2)
    clock = SystemClock()
    async with owning(database, clock):
        with pytest.raises(ConfigurationError, match=r"open in another process .*LIAISON_VECTORS=server"):
            async with owning(database, clock):
                pass
    async with owning(database, clock) as lease:
        assert not lease.lost.is_set()


async def test_an_owner_that_lost_the_store_ends(database: Database, clock: MovableClock) -> None:
    lease = Lease("vectors", "me", 1)
    ending = asyncio.create_task(ends_with(lease))
    async with database.write() as tx:
        assert await leases.acquire(tx, "vectors", "another", now=clock.now()) is not None
    lease.lost.set()
    with pytest.raises(OwnershipLost):
        await asyncio.wait_for(ending, 5)
