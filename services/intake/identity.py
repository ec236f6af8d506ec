"""What tells one company from another, in one spelling. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LEGAL_KEY_MAX = 120
"""Longer than any register number; what is longer after normalisation is kept as a digest."""

_VAT_PREFIXES = {"GR": ("GR", "EL")}
"""Greece's VAT numbers begin with EL (Directive 2006/112/EC art. 215)."""
_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Z]")


def legal_key(country: str, legal_id: str | None) -> str | None:
    """`FR:552081317` for "fr 552 081 317": a register number is unique within its country only.

    None where there is no letter or digit in it.
    """
    if legal_id is None:
        return None
    plain = unicodedata.normalize("NFKC", legal_id).upper()
    digits = _NOT_ALPHANUMERIC.sub("", plain)
    for prefix in _VAT_PREFIXES.get(country, (country,)):
        if digits.startswith(prefix) and len(digits) > len(prefix):
            digits = digits.removeprefix(prefix)
            break
    if not digits:
        return None
    return f"{country}:{digits if len(digits) <= LEGAL_KEY_MAX else _digest(digits)}"


def name_key(owner: str, country: str, name: str) -> str:
    """Digest of owner, country and name, in which case, spaces and punctuation do not count: "Cryosense
    S.A.S." is "CRYOSENSE SAS"."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    plain = "".join(letter for letter in folded if unicodedata.category(letter)[0] in "LMN")
    return _digest("\n".join((owner, country, plain or folded)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()
