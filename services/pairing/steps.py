"""The way of a pairing: which step follows which, and who may take it. Pure.

A step forward is taken when both sides want it: nobody is taken along into a joint procurement. Until the
other side agrees a wish stands, and can be taken back. Either side may dissolve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.pairing import PairingState

WAY = (
    PairingState.candidate,
    PairingState.confirmed,
    PairingState.financing,
    PairingState.market_research,
    PairingState.agreement,
    PairingState.common_specification,
    PairingState.launched,
)
ENDED = frozenset({PairingState.launched, PairingState.dissolved})


class Outcome(StrEnum):
    """`nothing`: it was so before."""

    nothing = "nothing"
    asked = "asked"
    took_back = "took-back"
    stepped = "stepped"
    dissolved = "dissolved"


class Refused(Exception):
    """The step cannot be taken; the message is a sentence that says what can."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the state afterwards, and the wishes that stand."""

    outcome: Outcome
    state: PairingState
    asked: Mapping[str, PairingState]


def following(state: PairingState) -> PairingState | None:
    """The step after this one; None at an end."""
    return None if state in ENDED else WAY[WAY.index(state) + 1]


def possible(state: PairingState, own: PairingState | None) -> tuple[PairingState, ...]:
    """What a side may ask for, `own` being what it has asked for already."""
    step = following(state)
    if step is None:
        return ()
    return (state if own is step else step, PairingState.dissolved)


def take(
    state: PairingState,
    asked: Mapping[str, PairingState],
    side: str,
    to: PairingState,
    *,
    sides: frozenset[str],
) -> Taken:
    """`side` (one of `sides`, the two buyers) wants the state `to`. Raises `Refused`."""
    step = following(state)
    if step is None:
        raise Refused(f"This pairing is {state.value} and takes no further step.")
    if to is PairingState.dissolved:
        return Taken(Outcome.dissolved, to, {})
    others = {who: wish for who, wish in asked.items() if who != side}
    if to is state:
        return Taken(Outcome.took_back if side in asked else Outcome.nothing, state, others)
    if to is not step:
        raise Refused(
            f"After '{state.value}' comes '{step.value}', not '{to.value}'. Ask for '{step.value}', or for "
            "'dissolved' with a reason."
        )
    if asked.get(side) is step:
        return Taken(Outcome.nothing, state, asked)
    if all(others.get(other) is step for other in sides - {side}):
        return Taken(Outcome.stepped, step, {})
    return Taken(Outcome.asked, state, {**others, side: step})
