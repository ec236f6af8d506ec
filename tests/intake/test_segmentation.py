from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.segmentation import SEGMENT_MAX, segments


def cut(text: str, language: str | None = None) -> list[str]:
    return [text[segment.start : segment.end] for segment in segments(text, language)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It runs at 4 K. It is small.", ["It runs at 4 K.", "It is small."]),
        ("Use metals, e.g. Steel or Titanium.", ["Use metals, e.g. Steel or Titanium."]),
        ("See Fig. 3 and Dr. E. Smith.", ["See Fig. 3 and Dr. E. Smith."]),
        ("An area of 3.5 m2. Next one.", ["An area of 3.5 m2.", "Next one."]),
        ("Read https://a.eu/B.Html?x=1 now. Then stop.", ["Read https://a.eu/B.Html?x=1 now.", "Then stop."]),
        ("…the noise.The action starts.", ["…the noise.", "The action starts."]),
        ("We use Node.Js and U.S.A rules.", ["We use Node.Js and U.S.A rules."]),
        ("in 2030.The very end.A test", ["in 2030.", "The very end.", "A test"]),
        ("It is relevant.nullActivities start.", ["It is relevant.", "Activities start."]),
        ("It works![1] Does it? Yes.", ["It works![1]", "Does it?", "Yes."]),
        ("Es beginnt am 3. Mai in Genf.", ["Es beginnt am 3. Mai in Genf."]),
        ("1. First thing\n2. Second thing", ["First thing", "Second thing"]),
        ("Първо изречение. Второ изречение.", ["Първо изречение.", "Второ изречение."]),
        ("The following:\n• measure heat\n• store heat", ["The following:", "measure heat", "store heat"]),
        (
            "Scope:improve the detection of ships;extend the range of sonars at sea",
            ["Scope:", "improve the detection of ships", "extend the range of sonars at sea"],
        ),
    ],
)
def test_where_sentences_end(text: str, sentences: list[str]) -> None:
    assert cut(text, "de" if text.startswith("Es") else None) == sentences


def test_items_glued_by_their_full_stops_stay_in_the_list() -> None:
    text = (
        "Projects should provide:Pumps for liquid helium at 4 K.Valves for liquid helium at 4 K. "
        "The budget is fixed."
    )
    assert [segment.item for segment in segments(text)] == [False, True, True, False]
    assert segments(text)[2].intro == "Projects should provide:"


def test_a_line_broken_by_its_width_is_no_end() -> None:
    text = (
        "The organisation operates a large accelerator in a tunnel near\n"
        "Geneva and needs pumps for liquid helium which run for many\n"
        "years without maintenance.\n"
    )
    assert len(cut(text)) == 1


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from([*"aB1.;:-\n ()[]", "e.g", "null", "The", "http://a.b "]), max_size=150).map(
        "".join
    )
)
def test_nothing_is_lost_or_told_twice(text: str) -> None:
    position = 0
    for segment in segments(text):
        assert position <= segment.start < segment.end <= len(text)
        assert segment.end - segment.start <= SEGMENT_MAX
        position = segment.end
