"""Reads raw texts for the demo: what is said in which language, and nothing about persons."""

from __future__ import annotations

import re

from services.intake.segmentation import segments

_QUOTED = re.compile(r"[\"«'‘“]\s*([^\"«»'‘’“”]*)\s*[\"»'’”]")
_ENGLISH = re.compile(r"\b(?:the|of|and|is|are|for|with|which|this|that|by|from|has|have|been|will|an)\b")
_FRENCH = re.compile(
    r"\b(?:le|la|les|des|du|et|est|sont|pour|avec|une|un|dans|par|sur|qui|au|aux|ce|ces|ont|a été)\b"
)
_FIRST_NAMES = """
Alain|Alexandre|Amélie|Andr[eé]|Anne|Antoine|Arnaud|Bernard|Bruno|Catherine|Cécile|Charles|Christian|Christine|
Christophe|Claire|Claude|Daniel|David|Denis|Didier|Dominique|Emmanuel|[EÉ]ric|[EÉ]tienne|Fabrice|Florence|
Francis|Franck|Françoise?|Frédéric|Gérard|Gilles|Guillaume|Guy|Hélène|Henri|Hervé|Hubert|Isabelle|Jacques|Jean|
Jérôme|Joël|Julien|Laurent|Laurence|Luc|Marc|Marie|Martin|Martine|Mathieu|Maurice|Michel|Michelle|Nathalie|
Nicolas|Olivier|Pascal|Patrice|Patrick|Paul|Philippe|Pierre|Raymond|Rémi|René|Richard|Robert|Roger|Serge|Sophie|
Stéphane|Sylvie|Thierry|Thomas|Valérie|Véronique|Vincent|Xavier|Yann|Yves
""".replace("\n", "")
_NO_FIRST_NAMES = (
    "The|Le|La|Les|Un|Une|In|Of|For|At|By|Projet|Project|Lab[eE]x|Equip[eE]x|Excellence|Plat(?:e)?form"
)
_PERSON = re.compile(
    r"\b(?:Prof(?:esseure?|essor)?|Dr|Pr|Mme|Mrs?|Ms|Madame|Monsieur|Docteur)\b\.?\s*[A-ZÉ]|\bM\.\s[A-ZÉ]|@|"
    r"\b(?:dirigée?s?|coordonnée?s?|portée?s?|pilotée?s?|animée?s?|led|headed|coordinated|directed|chaired)"
    r"\s(?:par|by)\s(?:le\s)?[A-ZÉ]|"
    rf"\b(?!(?:{_NO_FIRST_NAMES}))[A-ZÉ][a-zéèêëïîôç]+\s[A-ZÉÈ]{{4,}}\b|\b[A-Z]\.\s?[A-ZÉ][a-zéèê]{{3,}}|"
    rf"\b(?:{_FIRST_NAMES})[\s-]+(?:[A-ZÉ]|et\s[A-Z])"
)
"""Titles of persons, first names before a capital, surnames in capitals, initials, people who lead."""
_REPORTING = re.compile(
    r"\b(?:19|20)\d\d\b|publi(?:cation|é|shed)|recrut|recruit|thès|PhD|postdoc|doctora|ANR\b|conventionn|budget|"
    r"M€|k€|€|comité|committee|réunion|meeting|formation|training|étudiant|student|colloque|conférence|workshop|"
    r"gouvernance|governance|candidature|jury|classement|Shanghai|label|avance bien|lycée|journée|visibilité|"
    r"rayonnement|brevet|patent|www\.|http|partenaires du|année|year|calendrier|appel à projets|call for",
    re.IGNORECASE,
)
"""Reports of progress say what happened in a year, not what the partners can do."""


def readable(text: str) -> str:
    """One line, plain spaces, no quotation marks around the whole."""
    line = " ".join(text.split())
    quoted = _QUOTED.fullmatch(line)
    return quoted[1] if quoted else line


def language_of(text: str) -> str:
    """`en` or `fr`, by the small words of the text; French where there are none."""
    lowered = text.casefold()
    return "en" if len(_ENGLISH.findall(lowered)) > len(_FRENCH.findall(lowered)) else "fr"


def names_people(sentence: str) -> bool:
    """Whether a sentence may name a person or a mailbox; rather too often than too seldom."""
    return _PERSON.search(sentence) is not None


def without_people(title: str, abstract: str, maximum: int) -> str:
    """The title and the sentences of the abstract that tell what is done, in English where it has some.

    Sentences that name persons, and those that only report the progress of a project, are left out.
    """
    plain = readable(abstract)
    sentences = [readable(plain[one.start : one.end]) for one in segments(plain, "fr")]
    telling = [one for one in sentences if not names_people(one) and not _REPORTING.search(one)]
    english = [one for one in telling if language_of(one) == "en"]
    text = "" if names_people(title) else title
    for sentence in english if len(english) >= 2 else telling:
        if len(text) + len(sentence) + 2 > maximum:
            break
        text = f"{text.rstrip('.')}. {sentence}" if text else sentence
    return text
