"""Amounts of money as people write them into a plan, in the languages of the Union. Pure.

A budget that is off by a thousand is worse than none: where a word, a sign or a minus is not understood,
nothing of the cell is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"(?P<digits>[0-9][0-9.,'\u2019\u00a0\u202f ]*)|(?P<word>[^\W\d_]+)|(?P<mark>\S)")
_NO_CENTS = re.compile(r"([0-9])[.,:]\s*[-–—]{1,2}(?![0-9])")
"""`5.000,-`"""
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_EITHER = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")
"""Thousands in one country, a fraction in another: before `Mio` nobody can tell."""

_WRITTEN: Mapping[int, str] = {
    10**3: """
        k keur teur t tsd tausend thousand thousands mille milliers mila migliaia mille milhares miles duizend
        tusen tusind tuhat tuhatta tys tysiac tysiace tysiecy tis tisic tisice tisicu ezer mii tisuca tisuce
        tisoc tisocev tukst tukstanciai tukstanciu tukstosi tukstosu elf χιλ χιλιαδες хил хиляди""",
    10**6: """
        m mn meur mio mln mill mills million millions millionen millon millones milhao milhoes milione milioni
        miljoen miljon miljoner millioner miljoona miljoonaa milj milion miliony milionow milionu milionov
        milijun milijuna milijuni milijon milijona milijoni milijonov milijonas milijonai milijonu miljons
        miljoni miljonu miljonit millio milioane miljun εκ εκατ εκατομμυρια εκατομμυριο млн милион милиона""",
    10**9: """
        bn mrd md mld mia mdeur milliard milliards milliarde milliarden milliarder miliardo miliardi miljard
        miljarder miljardi miljardia miljardit miliard miliarda miliardy miliardow miliarde miliard milijarda
        milijarde milijardi milijard milijardas milijardai milijardu miljards billion billions δισ
        δισεκατομμυρια δισεκατομμυριο млрд милиард милиарда""",
}
"""What means one thing here and another there is left out: `mil` is a thousand in Spain and a million in
Prague."""
_CODES = "eur gbp usd chf pln czk huf ron bgn sek dkk nok isk"
_NAMES: Mapping[str, str] = {
    "EUR": "euro euros euroa euroja eura evro evra evrov ευρω евро eurot keur teur meur mdeur",
    "PLN": "zł zl złotych zlotych",
    "CHF": "fr franken",
    "CZK": "kc korun",
    "HUF": "ft forint",
    "RON": "lei leu",
    "BGN": "лв лева",
}
"""A krone is of three countries, and left out."""
_FROM = "from von od de du between entre zwischen"
_JOIN = "to until bis a au jusqu hasta ate fino tot till til do and und et og och"
_BESIDE = """up max maximum maximal approx approximately about ca circa cca env environ etwa rund ungefahr
    excl excluding exkl ohne hors ht net netto without vat mwst ust tva iva btw moms"""
"""Words that change nothing: about, at most, before tax."""


def folded(word: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _words(text: str) -> frozenset[str]:
    return frozenset(folded(word) for word in text.split())


_TIMES = {word: times for times, words in _WRITTEN.items() for word in _words(words)}
_MARKS = {"€": "EUR", "£": "GBP", "$": "USD"}
_CURRENCIES = {word: word.upper() for word in _words(_CODES)} | {
    word: code for code, names in _NAMES.items() for word in _words(names)
}
_STARTING, _JOINING, _HOLLOW = _words(_FROM), _words(_JOIN), _words(_BESIDE)
_DASHES = frozenset("-–—−")
_HARMLESS = frozenset(".,:~≈≤<")
_CODE = re.compile(r"[A-Z]{3}")


class _Unread(Exception):
    """Something in the cell is not understood."""


class _Reading:
    def __init__(self) -> None:
        self.amounts: list[tuple[float, int | None]] = []
        self.currency: str | None = None
        self._last = ""
        self._is_range = self._is_joined = False

    def digits(self, text: str) -> None:
        amount = number(text)
        if amount is None or (self.amounts and not self._is_joined):
            raise _Unread
        self.amounts.append((amount, None))
        self._last = text.strip()

    def word(self, word: str) -> None:
        plain = folded(word)
        if plain in _STARTING or plain in _JOINING or plain in _HOLLOW:
            self._is_range = self._is_range or plain in _STARTING
            self._is_joined = self._is_joined or (plain in _JOINING and bool(self.amounts))
            return
        times = _TIMES.get(plain)
        currency = _CURRENCIES.get(plain) or (word if times is None and _CODE.fullmatch(word) else None)
        if times is None and currency is None:
            raise _Unread
        self.currency = self.currency or currency
        if times is not None:
            if not self.amounts or self.amounts[-1][1] is not None or _EITHER.fullmatch(self._last):
                raise _Unread
            self.amounts[-1] = (self.amounts[-1][0], times)

    def mark(self, mark: str) -> None:
        if mark in _DASHES:
            if len(self.amounts) != 1 or self._is_joined:
                raise _Unread  # a minus
            self._is_range = self._is_joined = True
        elif mark == "/":
            self._is_joined = True
        elif mark in _MARKS:
            self.currency = self.currency or _MARKS[mark]
        elif mark not in _HARMLESS:
            raise _Unread

    def ends(self) -> list[float]:
        """One or two. Where the first has no unit of its own it has the second's, if it is no more then."""
        if not 1 <= len(self.amounts) <= 2 or (self._is_range and len(self.amounts) == 1):
            raise _Unread
        last, times = self.amounts[-1]
        top = last * (times or 1)
        return [
            amount * (own or (times if times and amount * times <= top else 1))
            for amount, own in self.amounts[:-1]
        ] + [top]


def budget(said: Mapping[str, str]) -> dict[str, Any] | str | None:
    """`250 000 EUR`, `€ 0.2-0.3 m`, `750 Tsd. EUR`, or columns for both ends; the cell as it is where
    anything in it is not understood."""
    cells = [said[name] for name in ("budget_min", "budget_max") if name in said]
    written = said.get("budget", " - ".join(cells))
    if not written:
        return None
    reading = _Reading()
    try:
        for token in _TOKEN.finditer(_NO_CENTS.sub(r"\1", written)):
            getattr(reading, str(token.lastgroup))(token.group())
        ends = reading.ends()
    except _Unread:
        return written
    named = currency(said["currency"]) if "currency" in said else reading.currency
    found: dict[str, Any] = {"currency": named or "EUR"}
    if "budget" not in said and "budget_min" in said and "budget_max" not in said:
        return found | {"minimum": round(ends[0])}
    if len(ends) == 2:
        found["minimum"] = round(ends[0])
    return found | {"maximum": round(ends[-1])}


def currency(text: str) -> str:
    """Of a column of its own; as it is written where it is not known, which validation then says."""
    plain = text.strip()
    return _MARKS.get(plain) or _CURRENCIES.get(folded(plain)) or plain.upper()


def number(digits: str) -> float | None:
    """A number as people of Europe write it: `1 200`, `1.200`, `1,200.50`, `1'200`, `0,5`. A separator that
    stands once, before three digits, parts thousands."""
    text = re.sub(r"['\u2019\u00a0\u202f ]", "", digits).rstrip(".,")
    if "," in text and "." in text:
        point = max(text.rfind(","), text.rfind("."))
        text = re.sub("[.,]", "", text[:point]) + "." + text[point + 1 :]
    elif _THOUSANDS.fullmatch(text):
        text = re.sub("[.,]", "", text)
    text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
