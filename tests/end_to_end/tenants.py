"""Who asks, what one of them keeps to itself, and what each endpoint must answer to each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.end_to_end.market import PRESSURE
from tests.end_to_end.town import register

MARK = "Quetzal"
"""In every text that belongs to the one company alone: where somebody else reads it, something leaks."""

ROLES = ("anonymous", "rival", "other cluster", "other ILO", "other BSO", "owner", "admin")

PROFILE: dict[str, Any] = {
    "name": f"{MARK} Sensors",
    "country": "FR",
    "legal_id": f"{MARK} 1",
    "capabilities": [
        {"id": "c1", "text": f"{MARK} cryogenic pressure sensors for liquid helium lines at 4 K"}
    ],
}
BUYER = "cern"
LIBRARY: dict[str, Any] = {"need": "Books have to be catalogued.", "draft_readers": "buyers"}
PLANNED: dict[str, Any] = {"reference": "1", "title": f"{MARK} bread", "first_year": 2035, "readers": "owner"}


ALONE = {**PRESSURE, "buyer": BUYER, "consortium": {"members_min": 1}}
"""A company may be a team of its own."""


@dataclass(slots=True)
class Town:
    """Clients by name: the roles, and who else is there. `made`: ids of what is only read."""

    clients: dict[str, httpx.Client]
    made: dict[str, str] = field(default_factory=dict)
    counter: int = 0

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def post(self, who: str, path: str, content: Any) -> dict[str, Any]:
        answer = self.clients[who].post(path, json=content)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


def settle(admin: httpx.Client, client: Callable[[str], httpx.Client]) -> Town:
    """Everybody moves in; the one company writes down what is nobody else's business."""
    clients = {"admin": admin}
    for name, handle, kind, more in (
        ("rival", "rival", "company", {}),
        ("other cluster", "south", "cluster", {}),
        ("other BSO", "esrf", "bso", {}),
        ("other ILO", "ilo-de", "ilo", {"appointed_to": ["esrf"]}),
        ("buyer", BUYER, "bso", {}),
        ("ilo", "ilo-fr", "ilo", {"appointed_to": [BUYER]}),
        ("cluster", "north", "cluster", {}),
        ("company", "quetzal", "company", {}),
        ("partner", "ess", "bso", {}),
    ):
        clients[name] = client(register(admin, handle, kind, **more))
    town = Town(clients)
    town.made |= {
        "company": town.post("company", "/v1/companies", PROFILE)["id"],
        "endpoint": endpoint(town)["endpoint"],
        "subscription": subscription(town)["subscription"],
        "key": key(town)["key"],
        "draft": draft(town)["draft"],
        "challenge": town.post("ilo", "/v1/challenges", ALONE)["id"],
        "second": town.post("ilo", "/v1/challenges", ALONE)["id"],
    }
    town.made |= pairing(town)
    town.made |= question(town)
    town.made |= person(town)
    content = {"name": f"{MARK} plan", "buyer": BUYER, "needs": [PLANNED]}
    town.made["plan"] = town.post("ilo", "/v1/plans", content)["plan"]["id"]
    join = f"/v1/clusters/north/members/{town.made['company']}"
    assert clients["company"].put(join, json={}).status_code == 201
    town.made["message"] = town.post("company", f"/v1/endpoints/{town.made['endpoint']}/test", None)["id"]
    return town


# -- something fresh for a request that uses it up ----------------------------------------------------


def company(town: Town) -> dict[str, str]:
    number = town.next()
    content = {**PROFILE, "name": f"{MARK} {number}", "legal_id": f"{MARK} {number}"}
    return {"company": town.post("company", "/v1/companies", content)["id"]}


def company_draft(town: Town) -> dict[str, str]:
    number = town.next()
    content = {**PROFILE, "name": f"{MARK} {number}", "legal_id": f"{MARK} {number}"}
    return {"company": town.post("company", "/v1/companies?draft=true", content)["id"]}


def member(town: Town) -> dict[str, str]:
    made = company(town)
    joined = town.clients["company"].put(f"/v1/clusters/north/members/{made['company']}", json={})
    assert joined.status_code == 201
    return made


def endpoint(town: Town) -> dict[str, str]:
    content = {"url": f"https://receiver.example/{MARK}", "label": f"{MARK} receiver"}
    return {"endpoint": town.post("company", "/v1/endpoints", content)["id"]}


def subscription(town: Town) -> dict[str, str]:
    content = {"label": f"{MARK} watch", "follow": {"kind": "country", "country": "FR"}, "channel": "sse"}
    return {"subscription": town.post("company", "/v1/subscriptions", content)["id"]}


def feed(town: Town) -> dict[str, str]:
    content = {"label": f"{MARK} feed", "follow": {"kind": "country", "country": "FR"}, "channel": "feed"}
    return {"subscription": town.post("company", "/v1/subscriptions", content)["id"]}


def key(town: Town) -> dict[str, str]:
    return {"key": town.post("company", "/v1/keys", {"label": f"{MARK} key"})["id"]}


def draft(town: Town, title: str = f"{MARK} draft") -> dict[str, str]:
    content = {**PRESSURE, "title": title, "buyer": BUYER}
    return {"draft": town.post("ilo", "/v1/challenges?draft=true", content)["id"]}


def draft_to_announce(town: Town) -> dict[str, str]:
    """What is announced is everybody's."""
    return draft(town, "A title that everybody may read")


def announced(town: Town) -> dict[str, str]:
    return {"challenge": town.post("ilo", "/v1/challenges", {**PRESSURE, "buyer": BUYER})["id"]}


def consortium(town: Town, challenge: str = "challenge") -> dict[str, str]:
    """Of the one company alone, whose matches are there."""
    content = {"challenge": town.made[challenge], "members": [town.made["company"]], "members_max": 1}
    return {"consortium": town.post("company", "/v1/consortia", content)["id"]}


def vacant(town: Town) -> dict[str, str]:
    """A challenge for which the company is in no team: the same one is begun once."""
    path = f"/v1/challenges/{town.made['second']}/consortia"
    for one in town.clients["company"].get(path).json()["consortia"]:
        town.post("company", f"/v1/consortia/{one['id']}/decline", {})
    return {"challenge": town.made["second"]}


def begun(town: Town) -> dict[str, str]:
    return vacant(town) | consortium(town, "second")


def pairing(town: Town) -> dict[str, str]:
    """The partner has a need of its own, which it means to buy together with an announced one."""
    content = {**PRESSURE, **LIBRARY, "title": f"{MARK} {town.next()}", "buyer": "ess"}
    own = town.post("partner", "/v1/challenges?draft=true", content)["id"]
    joined = f"/v1/challenges/{town.made['challenge']}/pairing"
    return {"pairing": town.post("partner", joined, {"need": own})["id"]}


def question(town: Town) -> dict[str, str]:
    """Of the one company; who asked is nobody's to know."""
    path = f"/v1/challenges/{town.made['challenge']}/dialogue/questions"
    return {"question": town.post("company", path, {"text": f"Is it for helium, {town.next()}?"})["id"]}


def person(town: Town) -> dict[str, str]:
    people = f"/v1/pairings/{town.made['pairing']}/people"
    return {"person": town.post("partner", people, {"role": f"{MARK} office"})["id"]}


def deadline(town: Town) -> dict[str, str]:
    return _entry(town, "deadline", "deadlines", {"title": f"{MARK} is due", "due": "2035-01-01"})


def document(town: Town) -> dict[str, str]:
    return _entry(town, "document", "documents", {"title": MARK, "url": "https://ess.example/draft"})


def kpi(town: Town) -> dict[str, str]:
    return _entry(town, "kpi", "kpis", {"name": f"{MARK} savings"})


def _entry(town: Town, kind: str, path: str, content: dict[str, str]) -> dict[str, str]:
    return {kind: town.post("partner", f"/v1/pairings/{town.made['pairing']}/{path}", content)["id"]}


Fresh = Callable[[Town], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """`operation`: as in the contract. `expected`: what is answered to each of ROLES; `+` after a status: the
    mark is in the answer. `owner`: whose client asks as the owner. `fresh`: makes what each request uses up;
    `path`: the address to ask, where it is not the operation's own with the ids put in."""

    operation: str
    expected: str
    body: Any = None
    owner: str = "company"
    fresh: Fresh | None = None
    path: str = ""
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.operation}{f' ({self.why})' if self.why else ''}"

    @property
    def method(self) -> str:
        return self.operation.split()[0]

    def by_role(self) -> list[tuple[str, int, bool]]:
        """Role, status, and whether the mark is to be seen."""
        answers = self.expected.split()
        assert len(answers) == len(ROLES), self.name
        return [
            (role, int(answer.rstrip("+")), answer.endswith("+"))
            for role, answer in zip(ROLES, answers, strict=True)
        ]

    def ask(self, town: Town, role: str) -> Asked:
        client = town.clients[self.owner if role == "owner" else role]
        ids = {**town.made, **(self.fresh(town) if self.fresh else {})}
        address = (self.path or self.operation.split()[1]).format(**ids)
        content = _filled(self.body, {**ids, "n": str(town.next())})
        headers = {"If-Match": "*"} if self.method in ("PUT", "PATCH") else {}
        with client.stream(self.method, address, json=content, headers=headers) as answer:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                answer.read()
            told = "" if answer.is_stream_consumed is False else answer.text
        named = f"{address} {content}"
        hidden = {one for one in {*town.made.values(), *ids.values()} if one not in named}
        return Asked(answer, told, frozenset(hidden))


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer and its text (of a stream, which never ends: none); `hidden`: ids that the question did not
    name, and a refusal must not."""

    answer: httpx.Response
    told: str
    hidden: frozenset[str]


def _filled(content: Any, values: dict[str, str]) -> Any:
    """The body with what is there put in for `<name>`."""
    if content is None:
        return None
    text = json.dumps(content)
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return json.loads(text)
