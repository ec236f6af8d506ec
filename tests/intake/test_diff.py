"""A diff says everything: applied to the old content it gives the new one."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.challenge import ChallengeContent as Content
from schemas.challenge import Change
from services.intake.diff import changes
from tests.intake.people import a_challenge


def applied(content: Content, found: tuple[Change, ...]) -> Content:
    """What a reader of the diff would do by hand."""
    document: dict[str, Any] = content.model_dump(mode="json")
    orders: dict[str, list[str]] = {}
    for change in found:
        name, slash, part = change.field.partition("/")
        part = part.replace("~1", "/").replace("~0", "~")
        after: Any = orjson.loads(change.after) if change.after is not None else None
        has_ids = name in ("requirements", "lots")
        if has_ids and not slash:
            orders[name] = after
        elif has_ids:
            document[name] = [one for one in document[name] if one["id"] != part]
            if after is not None:
                document[name].append(after)
                orders.setdefault(name, [one.id for one in getattr(content, name)])
        else:
            document[name] = after
    for name, order in orders.items():
        parts = {one["id"]: one for one in document[name]}
        document[name] = [parts[one] for one in order]
    return Content.model_validate(document)


ids = st.sampled_from(["r1", "r2", "a/b", "a~b", "ü"])
texts = st.sampled_from(["measure pressure", "at 4 K", "within 1 %"])
requirements = st.lists(
    st.fixed_dictionaries({"id": ids, "text": texts, "mandatory": st.booleans()}),
    unique_by=lambda one: one["id"],
    max_size=5,
)
lots = st.lists(st.fixed_dictionaries({"id": ids, "title": texts}), unique_by=lambda one: one["id"])
contents = st.fixed_dictionaries(
    {
        "title": texts,
        "requirements": requirements,
        "lots": lots,
        "cpv": st.lists(st.sampled_from(["38423000", "73100000"]), unique=True),
        "ip": st.none() | st.fixed_dictionaries({"owner_of_results": texts}),
        "trl_target": st.none() | st.integers(1, 9),
        "phases": st.lists(
            st.fixed_dictionaries({"stage": st.sampled_from(["design", "prototype"])}), max_size=2
        ),
    }
).map(lambda fields: a_challenge(**fields))


@given(contents, contents)
def test_a_diff_applied_gives_the_new_content(old: Content, new: Content) -> None:
    found = changes(old, new)
    assert applied(old, found) == new
    assert (found == ()) == (old == new)
    assert len({change.field for change in found}) == len(found)


@given(contents)
def test_nothing_differs_from_itself(content: Content) -> None:
    assert changes(content, content) == ()


def test_one_requirement_is_one_change() -> None:
    parts = [{"id": "r1", "text": "a"}, {"id": "r2", "text": "b"}]
    old = a_challenge(requirements=parts)
    new = a_challenge(requirements=[parts[0], {"id": "r2", "text": "c"}])
    [change] = changes(old, new)
    assert change.field == "requirements/r2"
    assert change.before is not None
    assert '"text":"b"' in change.before
    assert change.after is not None
    assert '"text":"c"' in change.after


def test_additions_and_removals_show_the_new_sequence() -> None:
    old = a_challenge(requirements=[{"id": "r1", "text": "a"}])
    new = a_challenge(requirements=[{"id": "r2", "text": "b"}])
    assert [(one.field, one.before is None, one.after is None) for one in changes(old, new)] == [
        ("requirements", False, False),
        ("requirements/r2", True, False),
        ("requirements/r1", False, True),
    ]
