"""Who may take which step, whatever both sides do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.pairing import PairingState
from services.pairing.steps import WAY, Outcome, Refused, following, possible, take

SIDES = frozenset({"one", "other"})
moves = st.lists(st.tuples(st.sampled_from(sorted(SIDES)), st.sampled_from(PairingState)), max_size=40)


@given(moves)
def test_nobody_is_taken_along(wanted: list[tuple[str, PairingState]]) -> None:
    state = PairingState.candidate
    asked: dict[str, PairingState] = {}
    for side, to in wanted:
        may = possible(state, asked.get(side))
        try:
            taken = take(state, asked, side, to, sides=SIDES)
        except Refused:
            assert to not in may
            continue
        match taken.outcome:
            case Outcome.stepped:
                other = next(iter(SIDES - {side}))
                assert asked == {other: to}
                assert taken.state is WAY[WAY.index(state) + 1]
                assert not taken.asked
            case Outcome.dissolved:
                assert taken.state is PairingState.dissolved
            case _:
                assert taken.state is state
                assert set(taken.asked.values()) <= {following(state)}
        state, asked = taken.state, dict(taken.asked)


def test_both_lead_it_to_its_end() -> None:
    state = PairingState.candidate
    for step in WAY[1:]:
        asked = take(state, {}, "one", step, sides=SIDES).asked
        state = take(state, asked, "other", step, sides=SIDES).state
    assert state is PairingState.launched
    with pytest.raises(Refused, match="launched"):
        take(state, {}, "one", PairingState.dissolved, sides=SIDES)


def test_a_step_left_out_is_refused_with_what_comes_next() -> None:
    with pytest.raises(Refused, match="comes 'confirmed', not 'agreement'"):
        take(PairingState.candidate, {}, "one", PairingState.agreement, sides=SIDES)
