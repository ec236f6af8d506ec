"""Only what changed is told, and what is written is what was told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from schemas.events import MatchRetracted, MatchSuggested, MatchUpdated
from schemas.match import GateState, MatchState, MatchSuggestion
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.matching.changes import Change, Pair, compare, standing, stands, write
from services.matching.model import MatchRow
from tests.matching.suggestions import NOW, suggestion

LATER = NOW + timedelta(hours=1)
CHALLENGES = [new_id("chl") for _ in range(3)]
COMPANIES = [new_id("cmp") for _ in range(3)]
PAIRS = [(challenge, company) for challenge in CHALLENGES for company in COMPANIES]
STATES = [MatchState.suggested, MatchState.seen, MatchState.dismissed, MatchState.retracted]

contents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "score": st.sampled_from([0.25, 0.3, 0.5, 0.9]),
        "challenge_version": st.integers(1, 2),
        "company_version": st.integers(1, 2),
        "text": st.sampled_from(["cryogenic pressure sensors", "vacuum chambers"]),
        "gate": st.sampled_from([GateState.passed, GateState.failed]),
        "model": st.sampled_from(["model-1", "model-2"]),
    }
)


@st.composite
def before_and_now(
    draw: st.DrawFn,
) -> tuple[dict[Pair, MatchSuggestion], dict[Pair, MatchSuggestion], dict[Pair, str]]:
    before, now, gone = {}, {}, {}
    for pair in PAIRS:
        if draw(st.booleans()):
            before[pair] = suggestion(*pair, **draw(contents), state=draw(st.sampled_from(STATES)))
        outcome = draw(st.sampled_from(["same", "other", "gone", "not looked at"]))
        if outcome == "gone":
            gone[pair] = "it no longer fits"
        elif outcome == "other" or (outcome == "same" and pair not in before):
            now[pair] = suggestion(*pair, **draw(contents), because="profile updated", at=LATER)
        elif outcome == "same":
            kept = {"state": MatchState.suggested, "because": "profile updated", "changed_at": LATER}
            now[pair] = before[pair].model_copy(update={"id": new_id("mat"), "suggested_at": LATER, **kept})
    return before, now, gone


def applied(before: dict[Pair, MatchSuggestion], changes: list[Change]) -> dict[Pair, MatchSuggestion]:
    after = dict(before)
    for change in changes:
        fields = {name: getattr(change.data, name) for name in MatchSuggestion.model_fields}
        after[change.data.challenge.id, change.data.company.id] = MatchSuggestion(**fields)
    return after


def said(one: MatchSuggestion) -> object:
    """What a suggestion says, without when and why it was made."""
    return one.model_dump(exclude={"id", "state", "because", "suggested_at", "changed_at"})


def worded(one: MatchSuggestion) -> object:
    """The same without versions."""
    return one.model_copy(
        update={
            "versions": None,
            "challenge": one.challenge.model_copy(update={"version": 1}),
            "company": one.company.model_copy(update={"version": 1}),
        }
    ).model_dump(exclude={"id", "state", "because", "suggested_at", "changed_at"}, warnings=False)


@given(before_and_now())
def test_the_changes_lead_from_what_stood_to_what_stands(
    case: tuple[dict[Pair, MatchSuggestion], dict[Pair, MatchSuggestion], dict[Pair, str]],
) -> None:
    before, now, gone = case
    after = applied(before, compare(before, now, gone=gone, at=LATER))

    for pair, new in now.items():
        assert said(after[pair]) == said(new)
        assert stands(after[pair])
    for pair in gone:
        assert pair not in after or not stands(after[pair])
    for pair in before.keys() - now.keys() - gone.keys():
        assert after[pair] == before[pair]
    assert after.keys() == before.keys() | now.keys()


@given(before_and_now())
def test_only_news_is_told_and_every_suggestion_keeps_its_id(
    case: tuple[dict[Pair, MatchSuggestion], dict[Pair, MatchSuggestion], dict[Pair, str]],
) -> None:
    before, now, gone = case
    changes = {
        (change.data.challenge.id, change.data.company.id): change
        for change in compare(before, now, gone=gone, at=LATER)
    }

    for pair, change in changes.items():
        old, new, data = before.get(pair), now.get(pair), change.data
        if old is not None:
            assert data.id == old.id
        if isinstance(data, MatchSuggested):
            assert change.told
            assert old is None or not stands(old)
        elif isinstance(data, MatchUpdated):
            assert old is not None
            assert new is not None
            assert (data.previous_score, data.state) == (old.score, old.state)
            assert data.suggested_at == old.suggested_at
            assert change.told == (worded(old) != worded(new))
            if not change.told:
                assert (data.because, data.changed_at) == (old.because, old.changed_at)
        else:
            assert isinstance(data, MatchRetracted)
            assert change.told
            assert old is not None
            assert stands(old)
    for pair, new in now.items():
        if pair in before and stands(before[pair]) and said(before[pair]) == said(new):
            assert pair not in changes
    for pair in gone:
        if pair not in before or not stands(before[pair]):
            assert pair not in changes


def test_the_best_is_told_first() -> None:
    now = {pair: suggestion(*pair, score=0.3 + number / 100) for number, pair in enumerate(PAIRS)}
    told = compare({}, now, gone={}, at=LATER)
    assert [change.data.score for change in told] == sorted((one.score for one in now.values()), reverse=True)


async def test_rows_hold_what_was_told(database: Database) -> None:
    stays, changes, goes, comes = PAIRS[:4]
    before = {pair: suggestion(*pair) for pair in (stays, changes, goes)}
    async with database.write() as tx:
        await write(tx, {}, compare({}, before, gone={}, at=NOW))
    now = {
        stays: suggestion(*stays, at=LATER),
        changes: suggestion(*changes, score=0.7, company_version=2, at=LATER),
        comes: suggestion(*comes, at=LATER),
    }

    async with database.write() as tx:
        found = await standing(tx, challenges={pair[0] for pair in PAIRS[:4]}, companies=())
        assert found == before
        await write(tx, found, compare(found, now, gone={goes: "it no longer fits"}, at=LATER))

    async with database.read() as tx:
        rows = {(row.challenge, row.company): row for row in await tx.execute(select(MatchRow.__table__))}
        after = await standing(tx, challenges=(), companies=COMPANIES)
    assert {pair: (row.score, row.state, row.company_version) for pair, row in rows.items()} == {
        stays: (0.5, "suggested", 1),
        changes: (0.7, "suggested", 2),
        goes: (0.5, "retracted", 1),
        comes: (0.5, "suggested", 1),
    }
    assert {pair: one.id for pair, one in after.items() if pair != comes} == {
        pair: one.id for pair, one in before.items()
    }
    assert after[stays] == before[stays]
    assert (after[changes].suggested_at, after[changes].changed_at) == (NOW, LATER)

    async with database.write() as tx:
        again = compare(after, {goes: suggestion(*goes, at=LATER)}, gone={}, at=LATER)
        await write(tx, after, again)
        back = await standing(tx, challenges=[goes[0]], companies=())
    assert isinstance(again[0].data, MatchSuggested)
    assert (back[goes].id, back[goes].state) == (before[goes].id, MatchState.suggested)
