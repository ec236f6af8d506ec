"""Challenges from EU calls and from notices of public buyers, chosen for concrete technology.

A call's text is shortened to what is asked for, and its glued list items get their line breaks back; the
words are those of the source. A notice is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from services.demo.prose import names_people, readable
from services.intake.cues import ADMINISTRATIVE, FURNITURE, SECTION_LABEL
from services.intake.requirements import trl_hint
from services.intake.segmentation import segments

LIVE = "HORIZON-EURATOM-LS-2026-01-01"
"""Announced before the audience: a dozen companies of the demo have worked on the safety of reactors."""
CALLS = (
    "HORIZON-CL3-2026-01-SSRI-03",
    "HORIZON-CL3-2027-01-SSRI-03",
    "HORIZON-CL4-2026-SPACE-03-81",
    "HORIZON-CL4-2026-SPACE-03-85",
    "HORIZON-CL4-2026-SPACE-03-86",
    "HORIZON-CL4-2027-01-MAT-PROD-06",
    "HORIZON-CL4-2027-01-MAT-PROD-22",
    "HORIZON-CL4-2027-04-DATA-09",
    "HORIZON-CL4-2027-04-DIGITAL-EMERGING-05",
    "HORIZON-CL4-2027-04-HUMAN-01",
    "HORIZON-CL4-2027-SPACE-03-71",
    "HORIZON-CL5-2026-11-D3-06",
    "HORIZON-CL5-2027-02-D3-07",
    "HORIZON-CL5-2027-02-D3-30",
    "HORIZON-CL5-2027-03-D5-05",
    "HORIZON-CL5-2027-03-D5-08",
    "HORIZON-CL5-2027-04-Two-Stage-D5-09",
    "HORIZON-CL5-2027-05-D2-08",
    "HORIZON-CL5-2027-07-D3-16",
    "HORIZON-CL6-2026-01-CIRCBIO-03",
    "HORIZON-CL6-2026-01-CIRCBIO-11",
    "HORIZON-CL6-2026-01-ZEROPOLLUTION-01",
    "HORIZON-CL6-2027-02-FARM2FORK-07",
    "HORIZON-EIC-2026-PATHFINDERCHALLENGES-01-01",
    "HORIZON-EURATOM-2026-01-02",
    "HORIZON-EURATOM-2026-01-05",
    "HORIZON-EURATOM-2027-02-01",
    LIVE,
    "HORIZON-HLTH-2027-01-DISEASE-06",
    "HORIZON-HLTH-2027-01-ENVHLTH-MISSCLIMA-03",
    "HORIZON-HLTH-2027-02-IND-02-two-stage",
    "HORIZON-HLTH-2027-03-TOOL-02",
    "HORIZON-JU-CBE-2026-IA-03",
    "HORIZON-JU-CBE-2026-IAFlag-01",
    "HORIZON-JU-CBE-2026-RIA-01",
    "HORIZON-JU-CHIPS-2026-FT1-IA",
    "HORIZON-MISS-2027-02-CANCER-05",
)
NOTICES = {
    "050232-2021": "praha",
    "090107-2021": "kssena",
    "143204-2017": "sncf-mobilites",
    "215051-2018": "fzu",
    "373353-2016": "edf",
    "398963-2016": "cnrs",
    "410427-2020": "severn-trent",
    "447857-2017": "kth",
    "476558-2022": "cea-grenoble",
    "609831-2021": "kit",
}
"""Notices of the Tenders Electronic Daily, with a handle for the buyer."""
ROUTES = {
    "HORIZON Pre-commercial Procurement": "pcp",
    "HORIZON Public Procurement of Innovative Solutions": "ppi",
}
PUBLISHERS = {
    "HORIZON-CL3": ("horizon-security", "Horizon Europe: Civil Security for Society"),
    "HORIZON-CL4": ("horizon-industry-space", "Horizon Europe: Digital, Industry and Space"),
    "HORIZON-CL5": ("horizon-energy-mobility", "Horizon Europe: Climate, Energy and Mobility"),
    "HORIZON-CL6": ("horizon-bioeconomy", "Horizon Europe: Food, Bioeconomy and Environment"),
    "HORIZON-EIC": ("eic", "European Innovation Council"),
    "HORIZON-EURATOM": ("euratom", "Euratom Research and Training Programme"),
    "HORIZON-HLTH": ("horizon-health", "Horizon Europe: Health"),
    "HORIZON-JU-CBE": ("cbe-ju", "Circular Bio-based Europe Joint Undertaking"),
    "HORIZON-JU-CHIPS": ("chips-ju", "Chips Joint Undertaking"),
    "HORIZON-MISS": ("eu-missions", "Horizon Europe: EU Missions"),
}
"""Who publishes the calls that begin so: they stand as buyers in the demo."""
NEED_MAX = 3_000
"""Two minutes of reading: the demo shows challenges as a liaison officer would paste them."""
ADMINISTRATIVE_MAX = 1
"""Sentences with more administrative expressions are left out."""
CPV_MAX = 30
"""As many as a challenge may carry; one notice names 61."""
FIRST_DEADLINE_DAYS = 30
DEADLINE_STEP_DAYS = 8
_FOOTNOTE = re.compile(r"\s?\[\d{1,3}\]")
_SUFFIX = re.compile(r"\s*\((?:(?:R?IA|CSA)|[^()]*[Pp]artnerships?[^()]*|SAMIRA/ERVI)\)|\s+topic$")

Entity = dict[str, Any]


def build(
    calls: Iterable[Mapping[str, Any]], notices: Iterable[Mapping[str, Any]]
) -> tuple[list[Entity], list[Entity]]:
    """Challenges (the fields of ChallengeContent but the deadline, `deadline_in_days`, `source`, `live`) in
    the order of the publishers' deadlines, and their buyers (the fields of OrganisationContent).

    KeyError names a call or notice that the sources lack.
    """
    by_topic = {call["topic_id"]: call for call in calls}
    by_number = {notice["id"]: notice for notice in notices if notice["id"] in NOTICES}
    chosen = sorted(
        (by_topic[topic] for topic in CALLS), key=lambda call: (call["deadline"], call["topic_id"])
    )
    challenges = [_from_call(call) for call in chosen] + [
        _from_notice(by_number[number]) for number in NOTICES
    ]
    for place, challenge in enumerate(challenges):
        challenge["deadline_in_days"] = FIRST_DEADLINE_DAYS + place * DEADLINE_STEP_DAYS
    used = {challenge["buyer"] for challenge in challenges}
    publishers = [
        {"handle": handle, "name": name, "kind": "bso"}
        for handle, name in PUBLISHERS.values()
        if handle in used
    ]
    return challenges, publishers + [_buyer(by_number[number]) for number in NOTICES]


def _from_call(call: Mapping[str, Any]) -> Entity:
    description = call["description"]
    levels = trl_hint(description)
    challenge: Entity = {
        "title": _SUFFIX.sub("", readable(call["title"])).replace("strenght", "strength"),
        "need": _need(description),
        "buyer": _publisher(call["topic_id"]),
        "language": "en",
        "source": call["url"],
    }
    if levels.start and levels.target:
        challenge["trl_start"] = levels.start
    if levels.target:
        challenge["trl_target"] = levels.target
    route = ROUTES.get(call["types_of_action"].strip())
    if route:
        challenge["route"] = route
    if call["topic_id"] == LIVE:
        challenge["live"] = True
    return challenge


def _from_notice(notice: Mapping[str, Any]) -> Entity:
    parts = [notice["need"], *(lot["text"] for lot in notice["lots"])]
    longest = max(parts, key=len)
    need = longest if readable(notice["need"])[:80] in longest else f"{notice['need']}\n\n{longest}"
    return {
        "title": readable(notice["title"]).rstrip("."),
        "need": need.strip(),
        "buyer": NOTICES[notice["id"]],
        "language": notice["language"],
        "cpv": notice["cpv"][:CPV_MAX],
        "source": f"https://ted.europa.eu/en/notice/-/detail/{notice['id']}",
    }


def _buyer(notice: Mapping[str, Any]) -> Entity:
    country = {"UK": "GB", "EL": "GR"}.get(notice["country"], notice["country"])
    return {
        "handle": NOTICES[notice["id"]],
        "name": readable(notice["buyer"]),
        "kind": "bso",
        "country": country,
    }


def _publisher(topic: str) -> str:
    beginnings = (beginning for beginning in PUBLISHERS if topic.startswith(beginning))
    return PUBLISHERS[max(beginnings, key=len)][0]


def _need(description: str) -> str:
    """Headings, sentences and list items on lines of their own, without administration and footnotes."""
    text = ""
    heading = ""
    for segment in segments(description, "en"):
        raw = _FOOTNOTE.sub("", readable(description[segment.start : segment.end])).strip()
        if SECTION_LABEL.fullmatch(raw):
            heading = raw.rstrip(":")
            continue
        administrative = len(ADMINISTRATIVE.findall(raw)) > ADMINISTRATIVE_MAX and not raw.endswith(":")
        if administrative or FURNITURE.match(raw) or names_people(raw) or "http" in raw:
            continue
        lead = f"\n\n{heading}:\n" if heading else "\n- " if segment.item else " " if text else ""
        if len(text) + len(lead) + len(raw) > NEED_MAX:
            break
        text, heading = text + lead + raw, ""
    return text.strip()
