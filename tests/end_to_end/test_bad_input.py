"""Whatever is sent wrong is answered in words that say what to do; it is no error of ours, and leaves
nothing behind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.end_to_end.bad_requests import CHALLENGE, COMPANY, EVERY, Bad
from tests.end_to_end.process import Liaison
from tests.end_to_end.town import client, is_problem, register, stored

pytestmark = pytest.mark.slow

SLOW_SENDERS = 200
"""More than a server with a thread or a slot per request would hold."""


@pytest.fixture(scope="module")
def clients(served: Liaison) -> Iterator[dict[str, httpx.Client]]:
    with ExitStack() as stack:
        admin = stack.enter_context(client(served))
        found = {"admin": admin}
        for handle, kind in (("cern", "bso"), ("cryosense", "company"), ("north", "cluster")):
            key = register(admin, handle, kind)
            found[handle] = stack.enter_context(client(served, key))
        yield found


@pytest.mark.parametrize("bad", [one for _, one in EVERY], ids=[name for name, _ in EVERY])
def test_what_is_wrong_is_told_and_leaves_nothing(
    served: Liaison, clients: dict[str, httpx.Client], bad: Bad
) -> None:
    before = stored(served)
    content = iter(bad.sent) if isinstance(bad.sent, list) else bad.sent
    headers = {**bad.headers, **({"Content-Type": bad.kind} if bad.method != "GET" else {})}
    answer = clients[bad.who].request(bad.method, bad.path, content=content, headers=headers)
    assert answer.status_code == bad.status, answer.text
    problem = is_problem(answer)
    told = " ".join([problem["detail"], *(f"{one}" for one in problem.get("errors", ()))])
    assert bad.says in told, told
    assert stored(served) == before


@pytest.mark.parametrize(
    ("who", "path", "content", "says"),
    [
        ("cryosense", "/v1/companies", {**COMPANY, "legal_id": "FR 1"}, "Update that profile instead."),
        ("north", "/v1/companies", {**COMPANY, "legal_id": "FR 1"}, "kept by another organisation"),
        ("admin", "/v1/organisations", {"handle": "cern", "name": "C", "kind": "bso"}, "cern"),
    ],
)
def test_what_is_here_already_is_a_conflict(
    served: Liaison, clients: dict[str, httpx.Client], who: str, path: str, content: object, says: str
) -> None:
    clients["cryosense"].post("/v1/companies", json={**COMPANY, "legal_id": "FR 1"})
    before = stored(served)
    answer = clients[who].post(path, json=content)
    assert answer.status_code == 409, answer.text
    assert says in is_problem(answer)["detail"]
    assert stored(served) == before


def test_an_old_version_overwrites_nothing(served: Liaison, clients: dict[str, httpx.Client]) -> None:
    mine = clients["cryosense"]
    made = mine.post("/v1/companies", json={**COMPANY, "name": "Second"}).json()
    address = f"/v1/companies/{made['id']}"
    new = {**COMPANY, "name": "Second", "website": "https://second.example"}
    assert mine.put(address, json=new, headers={"If-Match": '"1"'}).status_code == 200
    before = stored(served)
    late = mine.put(address, json={**COMPANY, "name": "Second"}, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    assert "version 2" in is_problem(late)["detail"]
    assert stored(served) == before


def test_whoever_sends_slowly_holds_up_nobody_and_leaves_nothing(
    served: Liaison, clients: dict[str, httpx.Client]
) -> None:
    before = stored(served)
    key = clients["cern"].headers["authorization"]
    begun = (
        f"POST /v1/challenges HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key}\r\n"
        'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"title": "'
    ).encode()
    with ExitStack() as stack:
        for _ in range(SLOW_SENDERS):
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=10))
            sender.sendall(begun)
        answer = clients["cern"].post("/v1/challenges", json=CHALLENGE)
        assert answer.status_code == 201
        assert answer.elapsed.total_seconds() < 2.0
    assert stored(served)["challenges"] == before["challenges"] + 1
    assert clients["cern"].get("/v1/me").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["Bearer lia_unknown", "Bearer", "Basic eDp5", "lia_x", "Bearer lia_" + "x" * 5_000, "Bearer lia_\u00ff"],
)
def test_a_wrong_key_is_told_how_a_right_one_is_sent(served: Liaison, authorization: str) -> None:
    with client(served, None) as nobody:
        answer = nobody.get("/v1/me", headers={b"Authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    is_problem(answer)
