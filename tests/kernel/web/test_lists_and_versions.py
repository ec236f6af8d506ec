"""Cursors, ETags and preconditions."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.problems import MalformedRequest, NotFound, PreconditionFailed
from services.kernel.web.pagination import PageRequest, decode_cursor, encode_cursor
from services.kernel.web.preconditions import Precondition, etag, parse_if_match

VALUES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)


@given(VALUES)
def test_a_cursor_comes_back(values: list[str | int | float]) -> None:
    cursor = encode_cursor(values)
    assert decode_cursor(cursor) == values
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_a_strange_cursor_is_not_found_and_nothing_else(text: str) -> None:
    with contextlib.suppress(NotFound):
        PageRequest(10, text).after(str, int)


def test_a_cursor_of_another_list_is_refused() -> None:
    cursor = encode_cursor(["chl_1", 3])
    assert PageRequest(10, cursor).after(str, int) == ("chl_1", 3)
    for types in ((int, int), (str,), (str, int, int)):
        with pytest.raises(NotFound):
            PageRequest(10, cursor).after(*types)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
async def test_pages_hold_everything_once(simple: httpx.AsyncClient, limit: int) -> None:
    found: list[int] = []
    cursor: str | None = None
    for _ in range(10):
        response = await simple.get(
            "/things", params={"limit": limit} | ({"cursor": cursor} if cursor else {})
        )
        page = response.json()
        assert 0 < len(page["items"]) <= limit
        found += [item["number"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=", "cursor=" + "a" * 1_001]
)
async def test_wrong_paging_is_422(simple: httpx.AsyncClient, query: str) -> None:
    response = await simple.get(f"/things?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] in ("limit", "cursor")


@given(st.integers(1, 10**15))
def test_an_etag_is_its_own_precondition(version: int) -> None:
    assert parse_if_match(etag(version)) == Precondition(frozenset({version}))
    parse_if_match(etag(version)).check(version)
    with pytest.raises(PreconditionFailed):
        parse_if_match(etag(version)).check(version + 1)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ("*", None),
        ('"3"', {3}),
        ('W/"3"', {3}),
        (' "3" , W/"4" ', {3, 4}),
        ('"x"', set()),
        ('"003"', set()),
        ('"٣"', set()),
        ('"' + "9" * 400 + '"', set()),
    ],
)
def test_if_match(header: str, versions: set[int] | None) -> None:
    assert parse_if_match(header).versions == (None if versions is None else frozenset(versions))


@pytest.mark.parametrize("header", ["", "3", '"3', '"3"4"', '"3" "4"', '"3",'])
def test_if_match_that_is_none(header: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_if_match(header)


async def test_updates_need_the_version_that_was_read(simple: httpx.AsyncClient) -> None:
    assert (await simple.put("/things/1")).status_code == 428
    assert (await simple.put("/things/1", headers={"If-Match": '"2"'})).status_code == 412
    assert (await simple.put("/things/1", headers={"If-Match": '"3"'})).status_code == 200
    assert (await simple.put("/things/1", headers={"If-Match": "3"})).status_code == 422
    assert (await simple.patch("/things/1")).status_code == 200
    assert (await simple.patch("/things/1", headers={"If-Match": '"2"'})).status_code == 412


async def test_what_the_client_holds_is_not_sent_again(simple: httpx.AsyncClient) -> None:
    response = await simple.get("/things/1")
    assert response.headers["etag"] == '"3"'
    for held, status in (('"3"', 304), ('W/"3", "x"', 304), ("*", 304), ('"2"', 200)):
        response = await simple.get("/things/1", headers={"If-None-Match": held})
        assert response.status_code == status
