"""One company in every spelling, two companies in none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.identity import LEGAL_KEY_MAX, legal_key, name_key


@pytest.mark.parametrize(
    ("country", "legal_id", "key"),
    [
        ("FR", "552 081 317", "FR:552081317"),
        ("DK", "DK-29 19 32 12", "DK:29193212"),
        ("DK", "29193212", "DK:29193212"),
        ("GR", "el 094014201", "GR:094014201"),
        ("NL", "NL8100.12.345.B01", "NL:810012345B01"),
        ("DE", "ＨＲＢ 12", "DE:HRB12"),
        ("FR", "FR", "FR:FR"),
        ("FR", " - ", None),
        ("FR", None, None),
    ],
)
def test_a_legal_id_in_one_spelling(country: str, legal_id: str | None, key: str | None) -> None:
    assert legal_key(country, legal_id) == key


def test_names_differ_by_letters_not_by_dress() -> None:
    key = name_key("org_1", "FR", "Cryosense S.A.S.")
    assert key == name_key("org_1", "FR", "  CRYOSENSE  sas")
    assert key != name_key("org_2", "FR", "Cryosense SAS")
    assert key != name_key("org_1", "DE", "Cryosense SAS")
    assert key != name_key("org_1", "FR", "Cryosense SARL")
    assert name_key("o", "FR", "Économie") == name_key("o", "FR", "E\u0301CONOMIE")
    assert name_key("o", "FR", "!!!") != name_key("o", "FR", "???")


@given(st.text(), st.text())
def test_keys_fit_their_columns(legal_id: str, name: str) -> None:
    key = legal_key("FR", legal_id)
    assert key is None or (len(key) <= LEGAL_KEY_MAX + 3 and key.isascii())
    assert len(name_key("o", "FR", name)) == 64
