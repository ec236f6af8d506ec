"""A judged bundle: challenges, companies, and who really belongs to which; or needs, and which are alike.

challenges.jsonl[.gz]    {"id", "title", "need", "language", "buyer"?, "lots"?: [{"title"?, "text"?}], …}
companies.jsonl[.gz]     {"id", "name", "capabilities": [{"id", "text", "language"}], "country"?,
                         "size_class"?}
judgements.tsv           challenge  company  grade
pairs.tsv                challenge  other  grade
translations.jsonl[.gz]  {"id", "language", "title", "need"}; one id is one need, English always among them

Which files are read depends on the task. Judgements on what the bundle does not have are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.evaluation.rows import BundleError, Row, grades, objects

ENGLISH = "en"

__all__ = [
    "ENGLISH",
    "Bundle",
    "BundleChallenge",
    "BundleCompany",
    "BundleError",
    "BundleText",
    "PairBundle",
    "TranslationBundle",
    "read_bundle",
    "read_pairs",
    "read_translations",
]


@dataclass(frozen=True, slots=True)
class BundleText:
    id: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class BundleChallenge:
    """`lots`: their titles and texts, in order, as far as there are any."""

    id: str
    title: str
    need: str
    language: str
    buyer: str | None = None
    lots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleCompany:
    id: str
    name: str
    capabilities: tuple[BundleText, ...]
    country: str | None = None
    size_class: str | None = None

    @property
    def stated(self) -> tuple[BundleText, ...]:
        """Its texts, without empty ones."""
        return tuple(one for one in self.capabilities if one.text.strip())


@dataclass(frozen=True, slots=True)
class Bundle:
    """`ratings`: challenge id → company id → grade, larger is better."""

    name: str
    challenges: tuple[BundleChallenge, ...]
    companies: tuple[BundleCompany, ...]
    ratings: Mapping[str, Mapping[str, float]]

    @property
    def judgements(self) -> dict[str, dict[str, float]]:
        """The companies that belong to a challenge: those with a grade above 0."""
        right = {
            challenge: {company: grade for company, grade in rated.items() if grade > 0}
            for challenge, rated in self.ratings.items()
        }
        return {challenge: belonging for challenge, belonging in right.items() if belonging}

    @property
    def judged(self) -> list[BundleChallenge]:
        """Challenges of which at least one company is known to belong."""
        judgements = self.judgements
        return [challenge for challenge in self.challenges if challenge.id in judgements]


@dataclass(frozen=True, slots=True)
class PairBundle:
    """`grades`: challenge id → id of another one → how much they are alike, above 0."""

    name: str
    challenges: tuple[BundleChallenge, ...]
    grades: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class TranslationBundle:
    """`versions`: needs in other languages than English, each with the id of an English candidate, which is
    the same need. `candidates`: every need in English, those of the challenges that are in no other file
    included."""

    name: str
    candidates: tuple[BundleChallenge, ...]
    versions: tuple[BundleChallenge, ...]


def read_bundle(folder: Path) -> Bundle:
    """Challenges, companies and judgements. Raises BundleError with file and line."""
    challenges = _challenges(folder)
    companies = tuple(
        _company(row) for row in objects(folder, "companies", ("id", "name"), texts="capabilities")
    )
    bundle = Bundle(folder.name, challenges, companies, _ratings(folder, challenges, companies))
    if not bundle.judged:
        raise BundleError(f"{folder}: no judgement names a challenge and a company of the bundle.")
    return bundle


def read_pairs(folder: Path) -> PairBundle:
    """Challenges and which of them are alike. Raises BundleError with file and line."""
    challenges = _challenges(folder)
    known = {one.id for one in challenges}
    alike: dict[str, dict[str, float]] = {}
    for line in grades(folder, "pairs.tsv", ("challenge", "other")):
        if line.one == line.other:
            raise BundleError(f"{line.at}: a challenge is paired with itself.")
        if line.grade > 0 and {line.one, line.other} <= known:
            alike.setdefault(line.one, {})[line.other] = line.grade
    if not alike:
        raise BundleError(f"{folder}: no pair names two challenges of the bundle.")
    return PairBundle(folder.name, challenges, alike)


def read_translations(folder: Path) -> TranslationBundle:
    """Needs in several languages, and the other English challenges. Raises BundleError with file and line."""
    challenges = _challenges(folder)
    found: dict[tuple[str, str], tuple[Row, BundleChallenge]] = {}
    for row in objects(folder, "translations", ("id", "language", "title", "need"), unique=False):
        one = _challenge(row)
        if (one.id, one.language) in found:
            raise BundleError(f"{row.at}: {one.id!r} is there twice in the language {one.language!r}.")
        found[one.id, one.language] = row, one
    for row, one in found.values():
        if (one.id, ENGLISH) not in found:
            raise BundleError(f"{row.at}: {one.id!r} has no English version.")
    candidates = {one.id: one for one in challenges if one.language == ENGLISH}
    candidates |= {one.id: one for _, one in found.values() if one.language == ENGLISH}
    versions = tuple(one for _, one in found.values() if one.language != ENGLISH)
    if not versions:
        raise BundleError(f"{folder}: the translations are all in English.")
    return TranslationBundle(folder.name, tuple(candidates.values()), versions)


def _challenges(folder: Path) -> tuple[BundleChallenge, ...]:
    return tuple(_challenge(row) for row in objects(folder, "challenges", ("id", "title", "need")))


def _challenge(row: Row) -> BundleChallenge:
    lots = row.fields.get("lots") or []
    if not isinstance(lots, list) or not all(isinstance(lot, dict) for lot in lots):
        raise BundleError(f"{row.at}: lots: a list of objects is missing.")
    said = [Row(f"{row.at}: lots", lot).optional(field) for lot in lots for field in ("title", "text")]
    return BundleChallenge(
        row.id,
        row.fields["title"],
        row.fields["need"],
        row.language(),
        buyer=row.optional("buyer"),
        lots=tuple(text for text in said if text),
    )


def _company(row: Row) -> BundleCompany:
    stated = [Row(f"{row.at}: capabilities", one) for one in row.fields["capabilities"]]
    return BundleCompany(
        row.id,
        row.fields["name"],
        tuple(BundleText(one.id, one.fields["text"], one.language()) for one in stated),
        country=row.optional("country"),
        size_class=row.optional("size_class"),
    )


def _ratings(
    folder: Path, challenges: tuple[BundleChallenge, ...], companies: tuple[BundleCompany, ...]
) -> dict[str, dict[str, float]]:
    known = {one.id for one in challenges}, {one.id for one in companies}
    ratings: dict[str, dict[str, float]] = {}
    for line in grades(folder, "judgements.tsv", ("challenge", "company")):
        if line.one in known[0] and line.other in known[1]:
            ratings.setdefault(line.one, {})[line.other] = line.grade
    return ratings
