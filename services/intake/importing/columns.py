"""Which column means what, by its heading, in the languages that people keep their tables in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COLUMNS_MAX = 200
"""Columns looked at; membership tables have twenty, and an Excel sheet can claim 16,384."""
HEADING_SHOWN = 60
"""Characters of a heading that a report repeats."""

HEADINGS: Mapping[str, str] = {
    "name": """
        company companyname nameofcompany legalname organisation organization organisationname
        organizationname firm firmname member membername supplier entreprise societe raisonsociale
        nomdelentreprise nomentreprise denomination denominationsociale adherent firma firmenname
        unternehmen unternehmensname firmenbezeichnung mitglied empresa razonsocial nombreempresa
        nombredelaempresa azienda ragionesociale impresa denominazione bedrijf bedrijfsnaam foretag
        foretagsnamn virksomhed virksomhedsnavn bedrift bedriftsnavn foretak yritys yrityksennimi
        nazwafirmy przedsiebiorstwo spolecnost nazevspolecnosti spolocnost podjetje tvrtka cegnev
        vallalat companie denumire designacaosocial ettevote imone uznemums επωνυμια εταιρεια фирма
        наименование предприятие name nom nombre nome naam namn navn nimi nazwa nazev nazov naziv
        nev nume nosaukums pavadinimas""",
    "legal_id": """
        legalid vat vatnumber vatno vatid vatcode registrationnumber companynumber registernumber
        companyregistrationnumber nationalid taxid siren siret numerosiren numerosiret tva numerotva
        numerodetva ntva tvaintracommunautaire ustid ustidnr ustidnummer umsatzsteuerid uid
        handelsregister handelsregisternummer hrb cvr cvrnr cvrnummer orgnr organisationsnummer
        organisasjonsnummer nif cif numerofiscal partitaiva piva codicefiscale kvk kvknummer btw
        btwnummer nip krs regon ico dic oib ytunnus adoszam cui afm""",
    "country": """
        country countrycode countryname pays codepays land landercode landcode laendercode
        landeskennzeichen pais codigopais paese codicepaese nazione landskod maa kraj zeme krajina
        stat drzava orszag tara riik salis valsts χωρα държава страна""",
    "nuts": "nuts nuts3 nutscode nuts3code codenuts nutsregion",
    "size_class": """
        size sizeclass companysize taille tailleentreprise groesse grosse unternehmensgroesse
        unternehmensgrosse tamano tamanoempresa dimensione dimensioneaziendale storlek storrelse
        koko wielkosc velikost""",
    "languages": "languages langues sprachen idiomas lingue talen sprak sprog jezyki jazyky",
    "language": "language langue sprache idioma lingua taal jezyk jazyk textlanguage",
    "cpv": "cpv cpvcode cpvcodes codecpv codescpv codigocpv codicecpv",
    "website": """
        website web url homepage www webpage site siteweb siteinternet webseite internet sitioweb
        paginaweb sitoweb sito webbplats hjemmeside hemsida nettsted kotisivu stronawww""",
    "capabilities": """
        capability capabilities competence competences competency competencies skill skills
        expertise product products service services technology technologies activity activities
        description companydescription profile whatwedo offer offering competenceprincipale
        savoirfaire produit produits prestations activite activites technologie domainedactivite
        domainesdactivite kompetenz kompetenzen kernkompetenzen faehigkeit faehigkeiten fahigkeit
        fahigkeiten leistung leistungen produkt produkte dienstleistung dienstleistungen taetigkeit
        taetigkeiten tatigkeit tatigkeiten beschreibung technologien capacidad capacidades
        competencia competencias producto productos servicio servicios actividad actividades
        descripcion competenza competenze prodotto prodotti servizio servizi attivita descrizione
        competentie competenties vaardigheden producten diensten beschrijving activiteiten kompetens
        kompetenser kompetencer kompetanse produkter tjanster tjenester beskrivning beskrivelse
        osaaminen kuvaus kompetencje produkty uslugi opis popis""",
    "references": """
        reference references trackrecord project projects pastproject pastprojects projet projets
        referenz referenzen projekt projekte referencia referencias proyecto proyectos referenza
        referenze riferimenti progetto progetti referentie referenties referenser referencer""",
    "trl": "trl trllevel technologyreadinesslevel technologyreadiness niveautrl reifegrad",
    "certifications": """
        certification certifications certificate certificates certificat certificats zertifikat
        zertifikate zertifizierung zertifizierungen certificacion certificaciones certificazione
        certificazioni""",
    "related_undertakings": """
        relatedundertakings parent parentcompany group groupe konzern muttergesellschaft grupo
        gruppo affiliates subsidiaries""",
    "ip_position": "ip ipposition patents intellectualproperty brevets patente patentes brevetti",
    "last_confirmed": "lastconfirmed confirmed lastupdate lastupdated derniereconfirmation zuletztbestaetigt",
}
"""Headings by field of the profile, in plain form: no accents, no blanks, small letters. Earlier ones are
more specific and win: where there are "Company" and "Name", the latter is a person's."""

SEVERAL = frozenset({"capabilities", "references"})
"""Fields that several columns may fill: "Capability 1", "Capability 2", or "Products" and "Services"."""

_NUMBERED = re.compile(r"(.*?[^0-9])[0-9]{1,3}")
_BRACKETS = re.compile(r"\([^)]*\)|\[[^]]*\]")
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"})


class Vocabulary:
    """The headings of one kind of file. `required`: the field without which a row is nothing; `several`:
    fields that more than one column may fill."""

    def __init__(self, headings: Mapping[str, str], *, required: str, several: frozenset[str]) -> None:
        self.required = required
        self.several = several
        self._fields: Mapping[str, tuple[str, int]] = {
            heading: (name, rank)
            for name, spellings in headings.items()
            for rank, heading in enumerate(spellings.split())
        }

    def field_of(self, heading: str) -> tuple[str, int, bool] | None:
        """The field, the rank among its headings (0 is the most specific), and whether it is numbered."""
        name = plain(heading)
        if name in self._fields:
            return (*self._fields[name], False)
        numbered = _NUMBERED.fullmatch(name)
        if numbered and numbered[1] in self._fields and self._fields[numbered[1]][0] in self.several:
            return (*self._fields[numbered[1]], True)
        return None


@dataclass(frozen=True, slots=True)
class Column:
    """A recognised column: its place from 0, its field, its heading as it stands in the file. `numbered`: it
    is one of "Capability 1", "Capability 2" …, so its cells hold one text each."""

    index: int
    field: str
    heading: str
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """`width`: how many columns the header has, blank ones at its end not counted."""

    found: tuple[Column, ...]
    ignored: tuple[str, ...]
    width: int

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(column.field for column in self.found)


def plain(heading: str) -> str:
    """A heading without what people vary: case, accents, blanks, punctuation, what stands in brackets."""
    text = _BRACKETS.sub("", heading).casefold().translate(_LETTERS)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if letter.isalnum())


PROFILES = Vocabulary(HEADINGS, required="name", several=SEVERAL)


def recognise(headings: Sequence[str], vocabulary: Vocabulary = PROFILES) -> Columns:
    """Which of these columns mean something. A field that only one column may fill takes the best heading,
    of equal ones the first."""
    candidates: list[tuple[int, Column]] = []
    for index, heading in enumerate(headings[:COLUMNS_MAX]):
        known = vocabulary.field_of(heading)
        if known:
            name, rank, numbered = known
            candidates.append((rank, Column(index, name, _shown(heading), numbered)))
    best: dict[str, tuple[int, Column]] = {}
    for rank, column in candidates:
        if column.field not in vocabulary.several and (
            column.field not in best or rank < best[column.field][0]
        ):
            best[column.field] = (rank, column)
    found = [
        column
        for _, column in candidates
        if column.field in vocabulary.several or best[column.field][1] is column
    ]
    taken = {column.index for column in found}
    ignored = [
        _shown(heading)
        for index, heading in enumerate(headings[:COLUMNS_MAX])
        if index not in taken and heading.strip()
    ]
    width = max((index for index, heading in enumerate(headings, start=1) if heading.strip()), default=0)
    return Columns(tuple(found), tuple(ignored), width)


def _shown(heading: str) -> str:
    line = " ".join(heading.split())
    return line if len(line) <= HEADING_SHOWN else line[:HEADING_SHOWN] + "…"
