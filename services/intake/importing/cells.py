"""What people write into a cell, as the value of a field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schemas.codes import CPV_DIGITS, find_country, find_language

_PIECES = re.compile(r"[\r\n;|•]+")
"""What separates several texts in one cell. A comma does not: sentences have commas."""
_CODES = re.compile(r"[\s;,|/]+")
_NAMES = re.compile(r"[\r\n;,|/]+")
_BULLET = re.compile(r"^\s*(?:[-–—*·▪◦‣]|\(?[0-9]{1,2}[.)])\s+")
_TRL = re.compile(r"(?:trl\s*)?([0-9])(?:\s*(?:-|–|to|/)\s*([0-9]))?", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_NOTHING = frozenset({"-", "–", "—", "/", ".", "?", "n/a", "n.a.", "k.a.", "s.o.", "none", "null", "nil"})
"""What people write where they have nothing to say. Not "NA", which is Namibia."""

COUNTRIES: Mapping[str, str] = {
    "österreich": "AT", "oesterreich": "AT", "autriche": "AT", "belgië": "BE", "belgique": "BE",
    "belgien": "BE", "българия": "BG", "hrvatska": "HR", "kroatien": "HR", "croatie": "HR", "κύπρος": "CY",
    "česko": "CZ", "česká republika": "CZ", "czech republic": "CZ", "tschechien": "CZ", "danmark": "DK",
    "dänemark": "DK", "danemark": "DK", "eesti": "EE", "estland": "EE", "suomi": "FI", "finnland": "FI",
    "finlande": "FI", "frankreich": "FR", "francia": "FR", "frankrijk": "FR", "deutschland": "DE",
    "allemagne": "DE", "alemania": "DE", "germania": "DE", "duitsland": "DE", "tyskland": "DE",
    "ελλάδα": "GR", "griechenland": "GR", "grèce": "GR", "magyarország": "HU", "ungarn": "HU",
    "hongrie": "HU", "éire": "IE", "irland": "IE", "irlande": "IE", "italia": "IT",
    "italien": "IT", "italie": "IT", "latvija": "LV",
    "lettland": "LV", "lietuva": "LT", "litauen": "LT", "luxemburg": "LU", "malte": "MT", "nederland": "NL",
    "niederlande": "NL", "pays-bas": "NL", "paesi bassi": "NL", "países bajos": "NL", "holland": "NL",
    "the netherlands": "NL", "norge": "NO", "norwegen": "NO", "norvège": "NO", "polska": "PL", "polen": "PL",
    "pologne": "PL", "românia": "RO", "rumänien": "RO", "roumanie": "RO", "slovensko": "SK",
    "slowakei": "SK", "slovaquie": "SK", "slovenija": "SI", "slowenien": "SI", "slovénie": "SI",
    "españa": "ES", "spanien": "ES", "espagne": "ES", "spagna": "ES", "sverige": "SE", "schweden": "SE",
    "suède": "SE", "schweiz": "CH", "suisse": "CH", "svizzera": "CH", "svizra": "CH", "suiza": "CH",
    "united kingdom": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "royaume-uni": "GB", "vereinigtes königreich": "GB", "grossbritannien": "GB", "großbritannien": "GB",
    "usa": "US", "united states": "US", "états-unis": "US", "turkey": "TR", "türkei": "TR", "island": "IS",
}  # fmt: skip
"""Names that the code list does not have: what countries call themselves, and what their neighbours do."""

SIZES: Mapping[str, str] = {
    "micro enterprise": "micro", "microentreprise": "micro", "tpe": "micro", "kleinstunternehmen": "micro",
    "kleinst": "micro", "microimpresa": "micro", "microempresa": "micro", "petite": "small",
    "petite entreprise": "small", "klein": "small", "kleinunternehmen": "small", "piccola": "small",
    "piccola impresa": "small", "pequeña": "small", "pequeña empresa": "small", "medium-sized": "medium",
    "moyenne": "medium", "moyenne entreprise": "medium", "mittel": "medium", "media": "medium",
    "media impresa": "medium", "mediana": "medium", "mediana empresa": "medium", "big": "large",
    "grande": "large", "grande entreprise": "large", "eti": "large", "gross": "large", "groß": "large",
    "grossunternehmen": "large", "großunternehmen": "large", "research": "research-organisation",
    "research organisation": "research-organisation", "research organization": "research-organisation",
    "rto": "research-organisation", "university": "research-organisation",
    "laboratoire": "research-organisation",
}  # fmt: skip
"""Size classes in other words. SME, PME and KMU are not among them: they do not say which of the three."""


def is_blank(cell: str, field: str) -> bool:
    """Nothing is said. A company may well be called "Null", so in a name only blanks are nothing."""
    said = cell.strip().casefold()
    return not said or (field != "name" and said in _NOTHING)


def texts(cell: str) -> list[str]:
    """Several texts in one cell: one a line, or separated by semicolons, bars or bullets."""
    pieces = (_BULLET.sub("", piece).strip() for piece in _PIECES.split(cell))
    return [piece for piece in pieces if piece]


def value(field: str, cell: str) -> Any:
    """A cell of a field that one column fills. What is not understood is left as it is: validation of the
    profile says what is wrong with it."""
    reader = _READERS.get(field)
    return reader(cell) if reader else cell


def country(cell: str) -> str:
    known = find_country(cell) or COUNTRIES.get(cell.strip().casefold())
    return known or cell.strip()


def language(cell: str) -> str:
    return find_language(cell) or cell.strip()


def cpv(cell: str) -> list[str]:
    """Codes in a cell. Excel takes 09000000 for a number and drops the zero; it is put back."""
    codes = [code for code in _CODES.split(cell) if code]
    return [
        code.zfill(CPV_DIGITS) if code.isdigit() and len(code) == CPV_DIGITS - 1 else code for code in codes
    ]


def trl(cell: str) -> int | str:
    """A level; of a range the lower one, which is what is there for certain."""
    found = _TRL.fullmatch(cell.strip())
    return int(found[1]) if found else cell


def website(cell: str) -> str:
    address = cell.strip()
    return address if not address or _SCHEME.match(address) else f"https://{address}"


def names(cell: str) -> list[str]:
    return [name.strip() for name in _NAMES.split(cell) if name.strip()]


def size_class(cell: str) -> str:
    size = cell.strip().casefold()
    return SIZES.get(size, size)


_READERS: Mapping[str, Any] = {
    "country": country,
    "language": language,
    "languages": lambda cell: [language(one) for one in names(cell)],
    "cpv": cpv,
    "trl": trl,
    "website": website,
    "size_class": size_class,
    "nuts": lambda cell: cell.strip().upper(),
    "certifications": texts,
    "related_undertakings": texts,
    "last_confirmed": lambda cell: cell.strip()[:10],
}
