"""Pages of a list: a bounded number of items and an opaque cursor to go on from.

A cursor holds where a page ended (the sort values of its last item). It is not signed: it decides where to
go on, never what may be seen, because every query is bound to its reader anyway.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from services.kernel.problems import FieldError, NotFound

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
"""A page is read by a person or fits well into one transaction."""
CURSOR_MAX = 1_000

Row = TypeVar("Row")
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Part of a list. `next` is the cursor of the following page, null on the last one."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next: Annotated[str | None, Field(description="Send it as `cursor` to go on; null: that was all")] = None


class PageRequest:
    """Which page is asked for."""

    def __init__(self, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self._cursor = cursor

    def after(self, *types: type[str] | type[int] | type[float]) -> tuple[Any, ...] | None:
        """The sort values to go on from, of these types; None for the first page. Raises `NotFound`."""
        if self._cursor is None:
            return None
        values = decode_cursor(self._cursor)
        if len(values) != len(types) or any(
            type(value) is not wanted for value, wanted in zip(values, types, strict=False)
        ):
            raise _not_ours()
        return tuple(values)

    def page(
        self, rows: Sequence[Row], position: Callable[[Row], Sequence[Any]], view: Callable[[Row], Item]
    ) -> Page[Item]:
        """A page of `rows`, of which the query was asked for `limit + 1`: the surplus one says whether there
        is more. `position` gives a row's sort values, `view` what is shown of it."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        following = encode_cursor(position(shown[-1])) if more else None
        return Page(items=[view(row) for row in shown], next=following)


def encode_cursor(values: Sequence[Any]) -> str:
    """Sort values (texts and numbers) as an opaque, URL-safe text."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Any]:
    """The inverse; raises `NotFound` for anything that `encode_cursor` did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = orjson.loads(raw)
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    if not isinstance(values, list) or any(isinstance(v, str) and "\0" in v for v in values):
        raise _not_ours()
    return values


def _not_ours() -> NotFound:
    detail = "This is no page of this list; take the cursor from `next` of the page before, unchanged."
    return NotFound(f"cursor: {detail}", errors=[FieldError(parameter="cursor", detail=detail)])


async def _asked(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Most items on the page")] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=CURSOR_MAX,
            pattern="^[A-Za-z0-9_-]+$",
            description="`next` of the page before; none: the first page",
        ),
    ] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


Paging = Annotated[PageRequest, Depends(_asked)]
"""Asks for `limit` and `cursor`."""
