"""Every command that talks to a server, against a real one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.cli.output import EXIT_FAILED
from tests.cli.command import Command
from tests.end_to_end.market import PRESSURE, Market
from tests.end_to_end.process import Liaison
from tests.end_to_end.test_consortia import REQUIREMENTS
from tests.eventually import eventually

pytestmark = pytest.mark.slow

NEED = f"{PRESSURE['title']}\n\n{PRESSURE['need']}\n"
AS_BUYER = ("--buyer", "cern", "--deadline", PRESSURE["deadline"])
WEBHOOK = "http://127.0.0.1:9999/hook"


@pytest.fixture(scope="module")
def challenge(buyer: Command) -> str:
    """Announced by the command, from stdin."""
    said = buyer("announce", "-", *AS_BUYER, "--json", given=NEED)
    assert said.code == 0, said.told
    made: str = said.json()["id"]
    return made


@pytest.fixture(scope="module")
def subscription(cluster: Command) -> dict[str, Any]:
    said = cluster("subscribe", "--webhook", WEBHOOK, "--buyer", "cern", "--threshold", "0.2", "--json")
    assert said.code == 0, said.told
    made: dict[str, Any] = said.json()
    return made


def test_announcing_shows_the_requirements_and_where_to_look(buyer: Command, tmp_path: Path) -> None:
    (tmp_path / "need.txt").write_text(NEED, "utf-8")
    said = buyer("announce", str(tmp_path / "need.txt"), *AS_BUYER)
    assert said.code == 0, said.told
    assert re.search(r"chl_\w+ announced, [1-9] requirements", said.told)
    assert "liaison matches chl_" in said.told
    assert "\x1b" not in said.out


def test_announcing_twice_with_one_key_announces_once(buyer: Command, tmp_path: Path) -> None:
    (tmp_path / "need.json").write_text(json.dumps(PRESSURE), "utf-8")
    arguments = ("announce", str(tmp_path / "need.json"), "--idempotency-key", "once", "--json")
    assert buyer(*arguments).json()["id"] == buyer(*arguments).json()["id"]


async def test_matches_of_a_challenge_and_of_a_company(cluster: Command, challenge: str) -> None:
    found = await eventually(lambda: cluster("matches", challenge, "--json").json(), within_s=60)
    best = found[0]
    assert best["company"]["name"] == "Cryosense"
    said = cluster("matches", challenge)
    assert said.code == 0
    assert "Cryosense (DE)" in said.out
    assert f"{best['score']:.2f}" in said.out
    assert "█" in said.out
    assert f"How a score comes about: {best['scoring_page']}" in said.told
    other = cluster("matches", best["company"]["id"])
    assert PRESSURE["title"] in other.told
    assert "CERN" in other.told
    assert best["id"] not in said.told
    assert best["id"] in cluster("matches", challenge, "--ids").told.replace("\n", "")


async def test_one_match_is_explained_in_full(cluster: Command, challenge: str) -> None:
    found = await eventually(lambda: cluster("matches", challenge, "--json").json(), within_s=60)
    match = cluster("matches", found[0]["id"], "--json").json()
    said = " ".join(cluster("matches", found[0]["id"]).told.split())
    answered, change = match["requirements"][0], match["improvement"]
    assert f"{match['likelihood']:.1%} of such were right in the trial" in said
    assert f"{answered['score']:.2f}" in said
    assert f"What would change it most: {' '.join(change['text'].split())} ({change['score']:.2f})" in said
    for gate in match["gates"]:
        assert " ".join(gate["reason"].split()) in said


async def test_a_companys_answers_are_shown_and_begun_anew(cluster: Command, challenge: str) -> None:
    found = await eventually(lambda: cluster("matches", challenge, "--json").json(), within_s=60)
    company = found[0]["company"]["id"]
    assert "liaison answer" in cluster("feedback", company).err
    assert cluster("answer", found[0]["id"], "--dismiss", "too-far").code == 0
    said = cluster("feedback", company)
    assert (said.code, "against such challenges" in " ".join(said.out.split())) == (0, True)
    assert PRESSURE["title"] in said.told
    assert cluster("feedback", company, "--json").json()["answers"][0]["match"] == found[0]["id"]
    anew = cluster("feedback", company, "--reset")
    assert "you began anew" in anew.err
    assert PRESSURE["title"] not in anew.told
    assert cluster("answer", found[0]["id"], "--take-back").code == 0


async def test_searching_says_for_which_words_and_sees_through_a_slip(
    cluster: Command, challenge: str
) -> None:
    await eventually(lambda: cluster("search", "helium", "--json").json()["items"], within_s=60)
    said = cluster("search", "presure", "heluim")
    assert said.code == 0, said.told
    assert PRESSURE["title"] in said.told
    assert "heluim is read as helium" in " ".join(said.err.split())
    found = cluster("search", "Cryosense", "--kind", "company", "--json").json()
    assert found["items"][0]["name"] == "Cryosense"
    nothing = cluster("search", "helium", "--kind", "company", "--country", "MT")
    assert (nothing.code, nothing.out) == (0, "")
    assert "without the country" in nothing.told
    assert cluster("search", "helium", "--country", "XX").refused(1)


async def test_no_matches_yet_says_how_they_come(cluster: Command, market: Any) -> None:
    said = cluster("matches", market.companies["Backstube Meier"]["id"])
    assert said.code == 0
    assert said.out == ""
    assert "They appear when" in said.err


def test_importing_lists_bad_rows_and_takes_the_others(cluster: Command, tmp_path: Path) -> None:
    good = "name,country,capabilities\nKryotech GmbH,DE,Helium valves for cryostats\n"
    (tmp_path / "members.csv").write_text(good, "utf-8")
    said = cluster("import", "companies", str(tmp_path / "members.csv"), "--json")
    assert (said.code, said.json()["created"], said.json()["problems"]) == (0, 1, [])
    again = cluster("import", "companies", str(tmp_path / "members.csv"))
    assert "0 created" in again.told
    (tmp_path / "members.csv").write_text(good + ",Atlantis,Trident casting\n", "utf-8")
    bad = cluster("import", "companies", str(tmp_path / "members.csv"))
    assert bad.code == 1
    assert re.search(r"^3 +\w", bad.out, re.MULTILINE), bad.out
    as_json = cluster("import", "companies", str(tmp_path / "members.csv"), "--json")
    assert (as_json.code, len(as_json.json()["problems"])) == (1, 1)


def test_a_draft_is_published_and_a_profile_confirmed(cluster: Command, tmp_path: Path) -> None:
    table = "name,country,capabilities\nEntwurf GmbH,DE,Helium pumps\nSkizze GmbH,DE,Helium valves\n"
    (tmp_path / "drafts.csv").write_text(table, "utf-8")
    assert cluster("import", "companies", str(tmp_path / "drafts.csv"), "--draft").code == 0
    found = cluster("import", "companies", str(tmp_path / "drafts.csv"), "--draft", "--json").json()
    assert found["unchanged"] == 2
    drafts = [one["id"] for one in listed(cluster, "draft")]
    published = cluster("publish", *drafts)
    assert (published.code, published.out.count("published")) == (0, 2)
    assert listed(cluster, "draft") == []
    said = cluster("confirm", drafts[0])
    assert re.match(rf"{drafts[0]}  confirmed \d{{4}}-\d\d-\d\d  (Entwurf|Skizze) GmbH", said.out)
    assert cluster("confirm", drafts[1], "--json").json()["state"] == "active"
    assert "published already" in cluster("publish", drafts[0]).refused(1)


def listed(who: Command, state: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {who.settings['LIAISON_KEY']}"}
    answer = httpx.get(
        f"{who.settings['LIAISON_URL']}/v1/companies",
        params={"state": state},
        headers=headers,
        trust_env=False,
        timeout=30.0,
    )
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_importing_json_lines(cluster: Command, tmp_path: Path) -> None:
    row = {"name": "Vide SA", "country": "FR", "capabilities": [{"id": "c1", "text": "Vacuum pumps"}]}
    (tmp_path / "members.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert cluster("import", "companies", str(tmp_path / "members.jsonl"), "--json").json()["created"] == 1


def test_subscribing_shows_the_secret_once(cluster: Command, subscription: dict[str, Any]) -> None:
    assert subscription["endpoint"]["secret"].startswith("whsec_")
    said = cluster("subscribe", "--endpoint", subscription["endpoint"]["id"], "--members")
    assert said.code == 0
    assert said.out.startswith("sub_")
    assert "whsec_" not in said.out


@pytest.mark.parametrize(("channel", "begins"), [("feed", b"<?xml"), ("calendar", b"BEGIN:VCALENDAR")])
async def test_subscribing_by_address_prints_one_that_can_be_read(
    cluster: Command, channel: str, begins: bytes
) -> None:
    said = cluster("subscribe", "--channel", channel, "--buyer", "cern")
    assert said.code == 0, said.told
    address = re.search(r"shown this once: (http\S+)", said.out)
    assert address is not None, said.out
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as nobody:
        answer = await nobody.get(address[1])
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(begins)


def test_a_subscription_can_say_all_that_the_contract_has(
    cluster: Command, subscription: dict[str, Any]
) -> None:
    endpoint = ("--endpoint", subscription["endpoint"]["id"], "--members")
    filters = (
        *("--cpv", "384", "--only-country", "DE", "--only-country", "FR", "--only-language", "en"),
        *("--only-buyer", "cern", "--only-stage", "research", "--trl-min", "2", "--trl-max", "8"),
    )
    said = cluster("subscribe", *endpoint, *filters, "--timing", "weekly", "--label", "mine", "--json")
    made = said.json()["subscription"]
    assert (made["timing"], made["weekly_budget"], made["label"]) == ("weekly", None, "mine")
    found = made["filters"]
    assert found["buyers"][0].startswith("org_")
    assert found | {"buyers": []} == {
        "cpv": ["384"],
        "countries": ["DE", "FR"],
        "languages": ["en"],
        "buyers": [],
        "stages": ["research"],
        "trl_min": 2,
        "trl_max": 8,
    }
    budget = cluster("subscribe", *endpoint, "--budget", "3", "--json")
    assert budget.json()["subscription"]["weekly_budget"] == 3
    both = cluster("subscribe", *endpoint, "--budget", "3", "--timing", "daily")
    assert "A budget bounds what comes at once" in both.refused(EXIT_FAILED)
    stream = cluster("subscribe", "--sse", "--members")
    assert "liaison stream --subscription sub_" in stream.out


async def test_replaying_a_message_and_a_window(
    cluster: Command, subscription: dict[str, Any], buyer: Command, served: Liaison, market: Any
) -> None:
    endpoint = subscription["endpoint"]["id"]
    assert buyer("announce", "-", *AS_BUYER, given=NEED).code == 0
    async with served.client(market.cluster) as client:
        path = f"/v1/deliveries?endpoint={endpoint}"

        async def queued() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await client.get(path)).json()["items"]
            return items

        message = (await eventually(queued))[0]["id"]
    said = cluster("replay", message)
    assert (said.code, said.out.strip()) == (0, f"{message} goes out again")
    window = cluster("replay", endpoint, "--since", "2020-01-01T00:00:00", "--json")
    assert window.json()["messages"] >= 0
    told = cluster("replay", endpoint).refused(2)
    assert "--since" in told


@pytest.fixture
def streamed(cluster: Command, challenge: str) -> Iterator[list[str]]:
    """What `stream` prints of the challenge, from the journal's beginning, up to a first match."""
    process = cluster.started("stream", "--challenge", challenge, "--after", "0")
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if " match " in line:
                break
        yield lines
    finally:
        process.terminate()
        process.communicate()


def test_a_streamed_match_is_seconds_company_score_bars_and_gap(streamed: list[str]) -> None:
    assert PRESSURE["title"] in streamed[0]
    assert "challenge.announced" in streamed[0]
    seconds, company, score, bars = (
        r"^ *\d+\.\d\d s  match +",
        r"[\w ]+ \(DE\) +",
        r"0\.\d\d   ",
        r"r1 [▏▎▍▌▋▊▉█·]+ .*",
    )
    assert re.match(seconds + company + score + bars, streamed[-1]), streamed[-1]
    assert "\x1b" not in "".join(streamed)


async def test_a_stream_of_one_subscription(
    cluster: Command, buyer: Command, subscription: dict[str, Any]
) -> None:
    own = subscription["subscription"]["id"]
    process = cluster.started("stream", "--subscription", own, "--after", "0", "--json")
    assert process.stdout is not None
    try:
        assert buyer("announce", "-", *AS_BUYER, given=NEED).code == 0
        event = json.loads(process.stdout.readline())
        assert event["specversion"] == "1.0"
        assert event["type"].startswith("liaison.")
    finally:
        process.terminate()
        process.communicate()
    unknown = cluster("stream", "--subscription", "sub_01J00000000000000000000000").refused(1)
    assert "no subscription" in unknown


def test_reindexing_tells_what_is_in_the_index(admin: Command, challenge: str) -> None:
    said = admin("reindex")
    assert said.code == 0, said.told
    assert re.search(r"companies-\S+ +[1-9]\d* texts", said.told)
    assert admin("reindex", "--json").json()["failed"] is None


def test_only_operators_may_look_and_reindex(buyer: Command) -> None:
    for arguments in (["status"], ["reindex"], ["dead-letters", "list"], ["resume", "matching"]):
        assert "403" in buyer(*arguments).refused(1)


def test_there_are_no_dead_letters(admin: Command) -> None:
    said = admin("dead-letters", "list")
    assert (said.code, said.out) == (0, "")
    assert "every event was handled" in said.err
    assert admin("dead-letters", "list", "--json").json() == []
    for one in (["show"], ["redrive"], ["discard", "--reason", "no"]):
        told = admin("dead-letters", one[0], "ded_01J00000000000000000000000", *one[1:]).refused(1)
        assert "404" in told
    assert "halted" in admin("resume", "matching").refused(1)


def test_the_ledger_of_a_running_server_is_verified(served: Liaison, challenge: str) -> None:
    command = Command({"LIAISON_DATA_DIR": str(served.data_dir)})
    said = command("ledger", "verify")
    assert said.code == 0, said.told
    assert "unbroken" in said.out
    told = command("ledger", "verify", "--json").json()
    assert told["entries"] > 0
    assert told["broken_at"] is None


async def test_consortia_are_shown_answered_and_completed(
    buyer: Command, cluster: Command, market: Market
) -> None:
    content = {
        **PRESSURE,
        "title": "Helium vessel",
        "need": "A vacuum vessel for liquid helium with its sensors.",
        "requirements": REQUIREMENTS,
        "consortium": {"members_max": 2},
    }
    challenge = buyer("announce", "-", "--json", given=json.dumps(content)).json()["id"]
    found = await eventually(lambda: buyer("consortia", challenge, "--json").json()["consortia"], within_s=60)
    said = buyer("consortia", challenge)
    assert said.code == 0
    for words in ("A Cryosense (DE) asked", "✕ nobody", "wanted A partner that answers r3"):
        assert words in said.told
    company = found[0]["members"][0]["company"]["id"]
    answered = cluster("consortia", found[0]["id"], "--answer", "consent", "--company", company)
    assert "(yours) consented" in answered.told
    begun = cluster("consortia", challenge, "--with", market.companies["Cryosense"]["id"])
    assert "a company from DE" in begun.told or "Vakuumtechnik Nord" in begun.told
    assert "chl_" in cluster("consortia", found[0]["id"], "--with", company).refused(2)
    assert "needs" not in cluster("consortia", challenge, "--ask").refused(2)
    refused = buyer("consortia", found[0]["id"], "--answer", "consent").refused(1)
    assert refused.startswith("Not allowed (403): Only a member itself answers")


def test_a_challenge_is_led_to_its_decision(buyer: Command, cluster: Command) -> None:
    challenge = buyer("announce", "-", *AS_BUYER, "--json", given=NEED).json()["id"]
    assert "Only who announced" in cluster("step", challenge, "consulting").refused(1)
    said = buyer("step", challenge, "consultation-closed")
    assert f"{challenge} consultation-closed, version 2" in said.told
    back = buyer("step", challenge, "consulting").refused(1)
    assert "Possible: 'reported', 'decided'." in back
    assert "--outcome" in buyer("step", challenge, "decided").refused(2)
    assert "Leave it out" in buyer("step", challenge, "reported", "--outcome", "buy").refused(2)
    report = ("--title", "What we heard", "--link", "https://cern.example/report")
    assert "reported, version 3" in buyer("step", challenge, "reported", *report).told
    notice = ("--outcome", "tender", "--link", "https://ted.europa.eu/1", "--reason", "Three can do it.")
    decided = buyer("step", challenge, "decided", *notice, "--json").json()
    assert decided["report"]["title"] == "What we heard"
    assert decided["decision"] == {
        "outcome": "tender",
        "reason": "Three can do it.",
        "notice": "https://ted.europa.eu/1",
    }
    assert "--reason" in buyer("step", challenge, "withdrawn").refused(2)
    gone = buyer("step", challenge, "withdrawn", "--reason", "Announced twice.")
    assert "withdrawn: tender" in gone.told
