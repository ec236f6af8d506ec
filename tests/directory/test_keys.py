"""Keys: shown once, good until they are not, and never asked about twice in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from schemas.organisation import KeyContent, Scope
from services.directory.key_cache import TRUSTED_FOR
from services.directory.keys import KEYS_MAX, USE_RESOLUTION
from services.directory.service import ADMIN_HANDLE, Directory
from services.kernel.database import Database
from services.kernel.problems import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from services.kernel.security import Principal, new_key
from tests.conftest import MovableClock
from tests.directory.people import ADMIN, Register, World, principal


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The SELECTs that reach the database meanwhile."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    engine = database._reader.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_the_first_start_makes_an_operator_with_a_key(database: Database, clock: MovableClock) -> None:
    directory = Directory(database, clock, Register())
    key = await directory.ensure_admin()
    assert key is not None
    who = await directory.authenticate(key)
    assert who.role == "admin"
    assert who.scopes == {"admin"}
    assert who.is_admin
    assert await directory.ensure_admin() is None
    operator = await directory.organisation_by_handle_or_id(ADMIN_HANDLE)
    assert operator is not None
    assert operator.id == who.organisation
    await directory.keys.revoke(Principal(operator.id, "admin", "key_other", frozenset({"admin"})), who.key)
    assert await directory.ensure_admin() is None, "a restart gives no key to whoever restarts"
    assert (await directory.authenticate(await directory.recover_admin("found again"))).is_admin


async def test_a_key_that_the_operator_has_chosen_is_not_shown(
    database: Database, clock: MovableClock
) -> None:
    """It would stand in the log of every container's first start."""
    directory = Directory(database, clock, Register())
    chosen = new_key()
    assert await directory.ensure_admin(chosen) is None
    assert (await directory.authenticate(chosen)).is_admin


async def test_the_key_itself_is_not_stored(world: World) -> None:
    issued = await world.directory.keys.issue(principal(world.cern), KeyContent(label="shop floor"))
    assert issued.secret.startswith(issued.prefix)
    async with world.database.read() as tx:
        row = (await tx.execute(text("SELECT * FROM api_keys"))).mappings().one()
    assert issued.secret not in str(dict(row))
    assert row["digest"] != issued.secret
    shown = await world.directory.keys.page(principal(world.cern), limit=10)
    assert [key.id for key in shown] == [issued.id]
    assert issued.secret not in shown[0].model_dump_json()


async def test_a_burst_of_requests_asks_the_database_once(world: World, clock: MovableClock) -> None:
    keys = world.directory.keys
    issued = await keys.issue(principal(world.cern), KeyContent(label="x", scopes=(Scope.read,)))
    with counted(world.database) as statements:
        for _ in range(20):
            who = await keys.authenticate(issued.secret)
        assert len(statements) == 1
        assert who == Principal(world.cern.id, "bso", issued.id, frozenset({"read"}))
        clock.advance(TRUSTED_FOR.total_seconds())
        await keys.authenticate(issued.secret)
        assert len(statements) == 2


async def test_a_revoked_key_stops_at_once_here_and_soon_elsewhere(world: World, clock: MovableClock) -> None:
    here = world.directory.keys
    elsewhere = Directory(world.database, clock, Register()).keys
    cern = principal(world.cern)
    issued = await here.issue(cern, KeyContent(label="x"))
    await here.authenticate(issued.secret)
    await elsewhere.authenticate(issued.secret)
    await here.revoke(cern, issued.id)
    await here.revoke(cern, issued.id)
    with pytest.raises(Unauthenticated, match="revoked"):
        await here.authenticate(issued.secret)
    clock.advance(TRUSTED_FOR.total_seconds())
    with pytest.raises(Unauthenticated, match="revoked"):
        await elsewhere.authenticate(issued.secret)


async def test_an_expired_key_stops_to_the_second_although_it_was_just_used(
    world: World, clock: MovableClock
) -> None:
    keys = world.directory.keys
    expires = clock.now() + timedelta(seconds=5)
    issued = await keys.issue(principal(world.cern), KeyContent(label="x", expires_at=expires))
    clock.advance(4)
    await keys.authenticate(issued.secret)
    clock.advance(1)
    with pytest.raises(Unauthenticated, match="expired on 2026-11-21"):
        await keys.authenticate(issued.secret)


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", "lia_", "lia_ü", "lia_" + "x" * 5_000, pytest.param(new_key(), id="of nobody")],
)
async def test_what_is_no_key_is_refused(world: World, key: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await world.directory.authenticate(key)
    assert caught.value.headers["WWW-Authenticate"] == "Bearer"
    assert key == "" or key not in caught.value.detail


async def test_rotation_lets_both_keys_work_for_the_overlap(world: World, clock: MovableClock) -> None:
    keys = world.directory.keys
    cern = principal(world.cern)
    old = await keys.issue(
        cern, KeyContent(label="x", scopes=(Scope.read,), expires_at=clock.now() + timedelta(days=90))
    )
    await keys.authenticate(old.secret)
    clock.advance(timedelta(days=80).total_seconds())
    new = await keys.rotate(cern, old.id, overlap=timedelta(hours=2))
    assert (new.label, new.scopes) == ("x", (Scope.read,))
    assert new.expires_at == clock.now() + timedelta(days=90)
    await keys.authenticate(old.secret)
    await keys.authenticate(new.secret)
    clock.advance(timedelta(hours=2).total_seconds())
    await keys.authenticate(new.secret)
    with pytest.raises(Unauthenticated, match="expired"):
        await keys.authenticate(old.secret)
    with pytest.raises(Conflict, match="no longer works"):
        await keys.rotate(cern, old.id)
    with pytest.raises(InvalidInput, match="overlap"):
        await keys.rotate(cern, new.id, overlap=timedelta(days=8))


async def test_a_rotation_never_lengthens_the_old_keys_life(world: World, clock: MovableClock) -> None:
    keys = world.directory.keys
    cern = principal(world.cern)
    ends = clock.now() + timedelta(minutes=5)
    old = await keys.issue(cern, KeyContent(label="x", expires_at=ends))
    await keys.rotate(cern, old.id)
    shown = {key.id: key for key in await keys.page(cern, limit=10)}
    assert shown[old.id].expires_at == ends


async def test_keys_are_their_organisations_own_affair(world: World) -> None:
    keys = world.directory.keys
    cern, ess = principal(world.cern), principal(world.ess)
    issued = await keys.issue(cern, KeyContent(label="x"))
    with pytest.raises(NotFound):
        await keys.revoke(ess, issued.id)
    with pytest.raises(NotFound):
        await keys.rotate(ess, issued.id)
    with pytest.raises(NotFound):
        await keys.rotate(ess, "key_\x00")
    with pytest.raises(Forbidden):
        await keys.page(ess, organisation="cern", limit=10)
    with pytest.raises(Forbidden):
        await keys.issue(ess, KeyContent(label="x"), organisation="cern")
    with pytest.raises(NotFound):
        await keys.issue(ess, KeyContent(label="x"), organisation="cryosense")
    with pytest.raises(Forbidden, match="scope 'admin'"):
        await keys.issue(principal(world.cern, "write"), KeyContent(label="x"))
    given = await keys.issue(ADMIN, KeyContent(label="for you"), organisation="cryosense")
    assert given.organisation == world.firm.id
    assert [key.id for key in await keys.page(ADMIN, organisation="cryosense", limit=10)] == [given.id]


async def test_nobody_locks_himself_out(world: World) -> None:
    keys = world.directory.keys
    first = await keys.issue(principal(world.cern), KeyContent(label="first", scopes=(Scope.admin,)))
    await keys.issue(principal(world.cern), KeyContent(label="robot", scopes=(Scope.write,)))
    who = await keys.authenticate(first.secret)
    with pytest.raises(Conflict, match="last key"):
        await keys.revoke(who, first.id)
    await keys.issue(who, KeyContent(label="second", scopes=(Scope.admin,)))
    await keys.revoke(who, first.id)


async def test_an_expiry_is_ahead_and_within_reason(world: World, clock: MovableClock) -> None:
    for wrong in (
        clock.now(),
        datetime.fromisoformat("0001-01-01T00:00:00+14:00"),
        datetime.fromisoformat("9999-12-31T23:59:59-14:00"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await world.directory.keys.issue(principal(world.cern), KeyContent(label="x", expires_at=wrong))
        assert caught.value.errors[0].pointer == "/expires_at"


async def test_the_number_of_working_keys_is_bounded(world: World, clock: MovableClock) -> None:
    keys = world.directory.keys
    cern = principal(world.cern)
    expires = datetime(2026, 12, 1, tzinfo=UTC)
    for _ in range(KEYS_MAX):
        await keys.issue(cern, KeyContent(label="x", expires_at=expires))
    with pytest.raises(Conflict, match="Revoke"):
        await keys.issue(cern, KeyContent(label="x"))
    clock.advance(timedelta(days=30).total_seconds())
    await keys.issue(cern, KeyContent(label="x"))
    first = await keys.page(cern, limit=60)
    second = await keys.page(cern, after=first[-1].id, limit=60)
    assert len({key.id for key in first + second}) == KEYS_MAX + 1


async def test_the_last_use_is_known_to_the_hour(world: World, clock: MovableClock) -> None:
    keys = world.directory.keys
    cern = principal(world.cern)
    issued = await keys.issue(cern, KeyContent(label="x"))

    async def last_used() -> datetime | None:
        return (await keys.page(cern, limit=1))[0].last_used_at

    assert await last_used() is None
    await keys.authenticate(issued.secret)
    used = clock.now()
    assert await keys.record_uses() == 1
    assert await last_used() == used
    clock.advance(USE_RESOLUTION.total_seconds() / 2)
    await keys.authenticate(issued.secret)
    assert await keys.record_uses() == 0
    clock.advance(USE_RESOLUTION.total_seconds() / 2)
    await keys.authenticate(issued.secret)
    assert await keys.record_uses() == 1
    assert await last_used() == clock.now()
