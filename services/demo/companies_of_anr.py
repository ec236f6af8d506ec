"""Companies and research organisations from the projects of the French national research agency (ANR).

A partner's capabilities are the texts of the projects it took part in. Projects of teaching, buildings,
humanities and sport are left out, so are partners of which nothing else remains.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.demo.prose import language_of, readable, without_people

TECHNICAL_ACTIONS = frozenset((
    "LABX", "EQPX", "RHUS", "ESRE", "RSNR", "INBS", "BTBR", "NANB", "BINF", "PAMR", "P3IA", "PCPA", "COHO",
    "IAHU", "IBHU", "DPBS", "PEHY", "F2II", "PMRB", "IEED", "MPGA", "NUDD",
))  # fmt: skip
"""Programmes whose projects say what a partner can do; the others pay for teaching, buildings, sport."""
_HUMANITIES = re.compile(
    r"patrimoine|patrimony|heritage|littéra|histoire|histor(?:y|ical)|humanit|human mediations|social scien|"
    r"sciences (?:humaines|sociales)|\barts?\b|musi|relig|archéolog|archaeolog|philosoph|linguist|juridi|"
    r"\blaw\b|économie|economi|politi|société|society|musée|cultures? |sociolog|mémoire|novembre|pédagog|"
    r"financi|urban futures",
    re.IGNORECASE,
)
HUMANITIES_MAX = 2
"""Different such words that an abstract may hold: research on plants has its cultures and its ethics."""
INDUSTRY = frozenset(("Entreprises Privées", "Etranger", "GIE ou Non-Affecté"))
RESEARCH = frozenset(
    (
        "Organismes de Type EPIC",
        "Associations",
        "Fondations",
        "Organismes Médicaux (Hôpitaux)",
        "Etablissements de santé",
        "EPA, GIP, organismes avec autre statut",
    )
)
"""Technology centres, agencies, hospitals. Universities and the delegations of the national research
organisations took part in nearly everything and would hide the industry."""
CAPABILITIES_MAX = 12
"""The largest took part in dozens of projects; the demo shows the richest texts."""
TEXT_MAX = 700
"""Characters of a capability: the title and the first sentences, as much as an embedding model reads."""
TITLE_WORDS_MIN = 4
"""Shorter titles are names of projects and say nothing."""
CLUSTER_MEMBERS_MIN = 8

REGIONS = {
    "Île-de-France": "FR1",
    "Centre-Val de Loire": "FRB",
    "Bourgogne-Franche-Comté": "FRC",
    "Normandie": "FRD",
    "Hauts de France": "FRE",
    "Grand Est": "FRF",
    "Pays de la Loire": "FRG",
    "Bretagne": "FRH",
    "Nouvelle Aquitaine": "FRI",
    "Occitanie": "FRJ",
    "Auvergne-Rhône-Alpes": "FRK",
    "Provence-Alpes-Côte d'Azur": "FRL",
    "Corse": "FRM",
}
"""The source's region names and their NUTS level 1 codes."""
ABROAD = {
    "AB SCIEX LP": "CA",
    "Carl Zeiss Meditec AG": "DE",
    "EDI GMBH": "DE",
    "EDWARDS LIFESCIENCES": "US",
    "EUROIMMUN": "DE",
    "Forschungszentrum Jülich GmbH": "DE",
    "Freie Universität Berlin": "DE",
    "MR Solutions LTD": "GB",
    "NU-INSTRUMENTS LTD": "GB",
    "Universidad Complutense de Madrid": "ES",
    "Universita di Bologna": "IT",
    "Université Publique de Navarre": "ES",
    "Université de Genève": "CH",
    "Université de Saragosse": "ES",
    "Université de Tsukuba": "JP",
    "Université du Pays Basque": "ES",
    "Université du Wisconsin Madison": "US",
    "xenios": "DE",
}
"""The source says France for every partner; these have their seat elsewhere."""
_ONERA = "Office National d'Etudes et de Recherches Aérospatiales"
ONE_NAME = {
    "Office National Etudes Recherches Aerospatiale": _ONERA,
    "Office National d'Etudes et de Recheches Aérospatiales": _ONERA,
}
"""Spellings of one organisation."""
_RESEARCH_ABROAD = re.compile(r"universi|forschungszentrum", re.IGNORECASE)

Entity = dict[str, Any]


def build(projects: Iterable[Mapping[str, Any]]) -> list[Entity]:
    """Profiles with the fields of CompanyContent and an `id` of their own, industry first, then by name."""
    texts: dict[str, list[Entity]] = defaultdict(list)
    partners: dict[str, Mapping[str, Any]] = {}
    for project in projects:
        capabilities = _capabilities(project)
        if not capabilities:
            continue
        for partner in project["partners"]:
            name = _name(partner["name"])
            if partner["category"] in INDUSTRY | RESEARCH and _placed(name, partner):
                partners.setdefault(name, partner)
                texts[name] += [one for one in capabilities if one not in texts[name]]
    order = sorted(partners, key=lambda name: (partners[name]["category"] not in INDUSTRY, _slug(name)))
    return [_profile(name, partners[name], texts[name]) for name in order]


def clusters(companies: Sequence[Entity]) -> list[Entity]:
    """A grouping of the French companies per region, with the fields of OrganisationContent and `members`."""
    found = []
    for region, nuts in REGIONS.items():
        members = [company["id"] for company in companies if company.get("nuts") == nuts]
        if len(members) >= CLUSTER_MEMBERS_MIN:
            found.append(
                {
                    "handle": f"demo-{_slug(region)}",
                    "name": f"{region} (demo grouping by region)",
                    "kind": "cluster",
                    "country": "FR",
                    "region": nuts,
                    "members": members,
                }
            )
    return found


def _profile(name: str, partner: Mapping[str, Any], capabilities: Sequence[Entity]) -> Entity:
    country = ABROAD.get(name, "FR")
    chosen = sorted(capabilities, key=lambda one: (-len(one["text"]), one["id"]))[:CAPABILITIES_MAX]
    profile: Entity = {"id": _slug(name), "name": name, "country": country}
    if country == "FR" and partner["region"] in REGIONS:
        profile["nuts"] = REGIONS[partner["region"]]
    if partner["category"] in RESEARCH or _RESEARCH_ABROAD.search(name):
        profile["size_class"] = "research-organisation"
    profile["languages"] = ["fr"] if country == "FR" else ["en"]
    profile["capabilities"] = sorted(chosen, key=lambda one: str(one["id"]))
    return profile


def _capabilities(project: Mapping[str, Any]) -> list[Entity]:
    """Title and abstract together, or apart where they are in two languages: a text has one language."""
    title = readable(html.unescape(project["title"]))
    abstract = html.unescape(project["abstract_fr"] or "")
    telling = len(title.split()) >= TITLE_WORDS_MIN and title.casefold() != project["acronym"].casefold()
    if project["action"] not in TECHNICAL_ACTIONS or not (telling or abstract):
        return []
    humanities = {word.casefold() for word in _HUMANITIES.findall(abstract[:TEXT_MAX])}
    if _HUMANITIES.search(title) or len(humanities) > HUMANITIES_MAX:
        return []
    texts = {"": without_people(title, abstract, TEXT_MAX)}
    if telling and abstract and language_of(title) != language_of(abstract):
        texts = {"": without_people(title, "", TEXT_MAX), "-abstract": without_people("", abstract, TEXT_MAX)}
    acronym = html.unescape(project["acronym"])
    evidence = f"Partner of the project {acronym} ({project['id']}), Agence nationale de la recherche"
    return [
        {
            "id": project["id"].lower() + suffix,
            "text": text,
            "language": language_of(text),
            "evidence": evidence,
        }
        for suffix, text in texts.items()
        if len(text.split()) >= TITLE_WORDS_MIN
    ]


def _placed(name: str, partner: Mapping[str, Any]) -> bool:
    return name in ABROAD or partner["region"] in REGIONS


def _name(raw: str) -> str:
    name = readable(html.unescape(raw))
    return ONE_NAME.get(name, name)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
