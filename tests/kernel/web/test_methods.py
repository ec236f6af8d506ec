"""Allow names every method of an address, and an address that is spelt out is no id."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, Depends, FastAPI

from services.kernel.web.methods import literal_addresses, note_literal_addresses
from services.kernel.web.problems import install_problem_handlers
from tests.kernel.web.application import client_of


def shelves() -> FastAPI:
    reading, writing = APIRouter(prefix="/shelves"), APIRouter(prefix="/shelves")

    @writing.post("/sort")
    async def sort() -> str:
        return "sorted"

    @reading.get("/{shelf}")
    async def show(shelf: str) -> str:
        return shelf

    @writing.put("/{shelf}")
    async def fill(shelf: str) -> str:
        return shelf

    app = FastAPI(dependencies=[Depends(literal_addresses)])
    install_problem_handlers(app)
    for router in (reading, writing):
        app.include_router(router)
    note_literal_addresses(app, (reading, writing))
    return app


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/shelves/a", 405, "GET, PUT"),
        ("OPTIONS", "/shelves/a", 405, "GET, PUT"),
        ("GET", "/shelves/sort", 405, "POST"),
        ("DELETE", "/shelves/sort", 405, "POST"),
        ("POST", "/shelves/sort", 200, None),
        ("GET", "/shelves/sorted", 200, None),
        ("GET", "/nowhere", 404, None),
    ],
)
async def test_methods_of_an_address(method: str, path: str, status: int, allow: str | None) -> None:
    async with client_of(shelves()) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers.get("allow") == allow
