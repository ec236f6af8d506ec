"""What is kept of a failure names the place and the cause, and never the event's values."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from services.kernel.database import Database
from services.kernel.leases import LeaseRow
from services.kernel.stream.failure import REASON_LENGTH, Failure
from services.kernel.stream.port import Rejected
from tests.conftest import START

SECRET = "maria@example.org"


class Shape(BaseModel):
    count: int


def failure_of(raises: object) -> Failure:
    try:
        raises()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - any failure is the subject
        return Failure.of(error, tries=1)
    raise AssertionError


def test_a_wrong_field_is_named_without_its_value() -> None:
    failure = failure_of(lambda: Shape.model_validate({"count": SECRET}))
    assert failure.reason.startswith("ValidationError: count: Input should be a valid integer")
    assert SECRET not in failure.reason + failure.trace
    assert "test_failure.py" in failure.trace


async def test_a_statement_that_failed_does_not_show_its_parameters(database: Database) -> None:
    async def twice() -> None:
        async with database.write() as tx:
            for _ in range(2):
                await tx.execute(
                    insert(LeaseRow).values(name=SECRET, holder=SECRET, fence=1, expires_at=START)
                )

    with pytest.raises(DBAPIError) as caught:
        await twice()
    failure = Failure.of(caught.value, tries=1)
    assert "IntegrityError" in failure.reason
    assert SECRET not in failure.reason + failure.trace


def test_a_rejection_speaks_for_itself_and_on_one_line() -> None:
    def reject() -> None:
        raise Rejected("the deadline\nis in the past " + "x" * 2_000)

    failure = failure_of(reject)
    assert failure.is_rejection
    assert failure.reason.startswith("the deadline is in the past xxx")
    assert len(failure.reason) == REASON_LENGTH
