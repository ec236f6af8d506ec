"""The published document says what the server does: parameters without null, If-Match, links."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from services.kernel.problems import PreconditionRequired
from services.kernel.web.openapi import document
from services.kernel.web.pagination import Paging
from services.kernel.web.preconditions import IfMatch, MaybeIfMatch
from services.kernel.web.problems import responses_for


class Book(BaseModel):
    id: str


def published() -> dict[str, Any]:
    routes = APIRouter(prefix="/books")

    @routes.post("", status_code=201)
    async def print_book() -> Book:
        return Book(id="b")

    @routes.get("")
    async def shelf(paging: Paging) -> list[Book]:
        return []

    @routes.put("/{book}", responses=responses_for(PreconditionRequired))
    async def reprint(book: str, match: IfMatch) -> Book:
        return Book(id=book)

    @routes.delete("/{book}", status_code=204)
    async def pulp(book: str, match: MaybeIfMatch) -> None:
        return None

    @routes.get("/{book}/pages")
    async def pages(book: str) -> int:
        return 1

    app = FastAPI()
    app.include_router(routes)
    return document(app)


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in operation["parameters"]}


def test_what_may_be_left_out_is_not_null() -> None:
    cursor = parameters(published()["paths"]["/books"]["get"])["cursor"]
    assert cursor["required"] is False
    assert cursor["schema"]["type"] == "string"
    assert "anyOf" not in cursor["schema"]
    assert cursor["schema"]["pattern"]


def test_if_match_is_required_where_its_lack_is_refused() -> None:
    book = published()["paths"]["/books/{book}"]
    assert parameters(book["put"])["if-match"]["required"] is True
    assert parameters(book["delete"])["if-match"]["required"] is False


def test_what_was_made_is_linked_to_what_can_be_done_with_it() -> None:
    paths = published()["paths"]
    links = paths["/books"]["post"]["responses"]["201"]["links"]
    operations = {one["operationId"] for path in paths if "{book}" in path for one in paths[path].values()}
    assert set(links) == operations
    put = links[paths["/books/{book}"]["put"]["operationId"]]
    assert put["parameters"] == {"book": "$response.body#/id", "if-match": "$response.header.etag"}
