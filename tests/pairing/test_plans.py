"""Investment plans: read from whatever people keep them in, half-broken rows told, sent again an update."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from schemas.challenge import ChallengeState, DraftReaders
from schemas.plan import PlanContent, PlanReport, PlanTerms
from services.intake.challenge_store import ChallengeFilter
from services.intake.importing import read
from services.kernel.problems import InvalidInput, NotFound
from services.pairing.plans import template
from services.pairing.plans.columns import PLANS, fields_of
from services.pairing.plans.contents import planned
from services.pairing.plans.money import number
from tests.intake.people import anything, principal
from tests.pairing.market import POMPES, Market, kinds

TABLE = """\
Investment plan 2027;;;;;
Ref;Objet;Beschreibung;Year;Quantity;Valeur
a1;Cooling pumps;Pumps that move cooling water at 8 bar;2027-2028;24 pumps;600 000 - 900 000 EUR
a2;Vacuum chambers;;2027;lots;1
a3;;No title here;2027;;
a1;The same again;;2027;;
a4;Long ago;;2019;;
a5;Electricity;Electricity from wind;2027/28;120 000 MWh;€ 13-14 m
"""


@pytest.mark.parametrize(
    ("cells", "fields"),
    [
        ({"first_year": "2027"}, {"first_year": 2027}),
        ({"first_year": "FY 2027/28"}, {"first_year": 2027, "last_year": 2028}),
        ({"first_year": "2027 – 2030"}, {"first_year": 2027, "last_year": 2030}),
        ({"first_year": "soon"}, {"first_year": "soon"}),
        ({"volume": "1 200 pumps"}, {"volume": 1200.0, "unit": "pumps"}),
        ({"volume": "1.200,5", "unit": "kg"}, {"volume": 1200.5, "unit": "kg"}),
        ({"budget": "€ 0.2-0.3 m"}, {"budget": {"minimum": 200_000, "maximum": 300_000, "currency": "EUR"}}),
        ({"budget": "CHF 1'500'000"}, {"budget": {"maximum": 1_500_000, "currency": "CHF"}}),
        ({"budget": "2 Mio", "currency": "SEK"}, {"budget": {"maximum": 2_000_000, "currency": "SEK"}}),
        (
            {"budget_min": "1000", "budget_max": "2000"},
            {"budget": {"minimum": 1000, "maximum": 2000, "currency": "EUR"}},
        ),
        ({"budget_min": "1000"}, {"budget": {"minimum": 1000, "currency": "EUR"}}),
        ({"budget": "a lot"}, {"budget": "a lot"}),
        ({"readers": "Public"}, {"readers": "public"}),
    ],
)
def test_cells_are_read_as_people_write_them(cells: dict[str, str], fields: dict[str, Any]) -> None:
    assert fields_of(cells) == fields


@pytest.mark.parametrize(
    ("cell", "amount", "currency"),
    [
        ("3 Millionen EUR", 3_000_000, "EUR"),
        ("750 Tsd. EUR", 750_000, "EUR"),
        ("750 TSD SEK", 750_000, "SEK"),
        ("2,5 milliard EUR", 2_500_000_000, "EUR"),
        ("10 milioni EUR", 10_000_000, "EUR"),
        ("500 thousand", 500_000, "EUR"),
        ("1,2 miljoonaa euroa", 1_200_000, "EUR"),
        ("4 miliony zł", 4_000_000, "PLN"),
        ("2 млн. лв", 2_000_000, "BGN"),
        ("300 χιλιάδες €", 300_000, "EUR"),
        ("250 T€", 250_000, "EUR"),
        ("1.250.000,- €", 1_250_000, "EUR"),
        ("ca. 40 000 EUR HT", 40_000, "EUR"),
        ("500 000 - 2 Mio EUR", 2_000_000, "EUR"),
        ("from 500 000 to 900 000 EUR", 900_000, "EUR"),
        ("900000.0", 900_000, "EUR"),
    ],
)
def test_amounts_are_read_in_the_languages_of_the_union(cell: str, amount: int, currency: str) -> None:
    found = fields_of({"budget": cell})["budget"]
    assert (found["maximum"], found["currency"]) == (amount, currency)
    assert found.get("minimum", 500_000) == 500_000


@pytest.mark.parametrize(
    "cell",
    [
        "-5000", "−5000", "5000-", "(5000)", "3 Zillionen EUR", "2 mil EUR", "500 kr", "1.250 Mio EUR",
        "from 5 000 EUR", "1 - 4 - 5", "1e6", "3 Tsd Mio EUR", "EUR", "5 %",
    ],
)  # fmt: skip
def test_an_amount_of_which_anything_is_not_understood_is_none(cell: str) -> None:
    assert fields_of({"budget": cell}) == {"budget": cell}


def test_numbers_of_all_countries() -> None:
    written = ["1,200", "1.200", "1 200", "1'200", "1200", "1,200.0", "1.200,0"]
    assert {number(one) for one in written} == {1200.0}
    assert (number("0,5"), number("1.5"), number("x")) == (0.5, 1.5, None)


@pytest.mark.parametrize("file", [template.as_csv(), template.as_workbook()])
def test_the_template_is_a_plan(file: bytes) -> None:
    found = planned(read(file, PLANS).rows)
    assert not found.problems
    (pumps, power) = (need for _, need in found.needs)
    assert (pumps.reference, pumps.first_year, pumps.last_year, pumps.volume) == ("2027-014", 2027, 2028, 24)
    assert (power.language, power.readers) == ("fr", DraftReaders.public)
    assert power.budget is not None
    assert (power.budget.minimum, power.budget.maximum) == (None, 14_000_000)


def test_a_file_without_titles_says_where_a_template_is() -> None:
    with pytest.raises(InvalidInput, match="template"):
        read(b"a;b\n1;2\n", PLANS)


async def test_good_rows_come_in_and_the_others_are_told(market: Market) -> None:
    world, plans = market.world, market.room.plans
    report = await _import(market, TABLE)
    assert (report.rows, report.created, report.problem_count) == (6, 2, 4)
    reasons = {one.line: one.reason for one in report.problems}
    assert reasons[4] == (
        "Quantity: 'lots' is no quantity; write a number and what is counted, for example 24 pumps."
    )
    assert "title" in reasons[5].lower()
    assert "same reference as in line 3" in reasons[6]
    assert "2019 is over" in reasons[7]
    by = principal(world.cern)
    rows = await plans.rows(by, report.plan.id, after=None, limit=9)
    assert [(one.reference, one.state, one.readers) for one in rows] == [
        ("a1", ChallengeState.draft, DraftReaders.buyers),
        ("a5", ChallengeState.draft, DraftReaders.buyers),
    ]
    assert rows[0].purchase is not None
    assert (rows[0].purchase.ends, rows[0].purchase.unit) == (date(2028, 12, 31), "pumps")
    with pytest.raises(NotFound):
        await plans.get(principal(world.ess), report.plan.id)

    # What it plans is read by whom the owner says, and paired.
    need = rows[0].challenge
    assert (await world.intake.challenges.get(principal(world.ess), need)).title == "Cooling pumps"
    drafts = ChallengeFilter(state=ChallengeState.draft)
    for reader, found in ((world.ess, 2), (world.ilo, 2), (world.firm, 0), (world.cluster, 0)):
        listed = await world.intake.challenges.page(principal(reader), drafts, limit=9)
        assert len(listed) == found
        everything = await world.intake.challenges.page(principal(reader), ChallengeFilter(), limit=9)
        assert not everything, "a list of challenges holds drafts only where they are asked for"
    for stranger in (None, principal(world.firm)):
        with pytest.raises(NotFound):
            await world.intake.challenges.get(stranger, need)
    await market.announce(world.ess, **POMPES)
    assert kinds(await market.settle()) == ["suggested"]

    # Sent again it updates, and says what it no longer holds.
    again = await _import(market, TABLE.replace("8 bar", "9 bar").replace("a5;", "a6;"))
    assert (again.plan.id, again.created, again.updated, again.unchanged, again.absent) == (
        report.plan.id,
        1,
        1,
        0,
        1,
    )
    same = await _import(market, TABLE.replace("8 bar", "9 bar").replace("a5;", "a6;"))
    assert (same.created, same.updated, same.unchanged) == (0, 0, 2)
    assert same.plan.version == again.plan.version
    broken = await _import(
        market, TABLE.replace("8 bar", "9 bar").replace("a5;", "a6;").replace("120 000 MWh", "plenty")
    )
    assert broken.absent == 1, "a row that is broken was sent all the same"

    # What was announced meanwhile is no longer the plan's.
    await world.intake.challenges.publish(by, need, anything)
    late = await _import(market, TABLE)
    assert "announced by now" in {one.line: one.reason for one in late.problems}[3]


async def test_a_plan_sent_as_json_comes_in_whole_or_not_at_all(local: Market) -> None:
    needs = [
        {"reference": "a", "title": "Pumps", "first_year": 2027},
        {"reference": "b", "title": "Chambers", "first_year": 2019},
    ]
    with pytest.raises(InvalidInput, match="so none was") as refused:
        await _send(local, needs)
    assert [one.pointer for one in refused.value.errors] == ["/needs/1"]
    assert (await _send(local, needs[:1])).created == 1
    changed = await _send(local, [{**needs[0], "readers": "owner"}])
    assert (changed.updated, changed.plan.needs) == (1, 1)
    rows = await local.room.plans.rows(principal(local.world.cern), changed.plan.id, after=None, limit=9)
    assert rows[0].readers is DraftReaders.owner


async def test_a_buyer_reads_the_rows_of_its_plan_that_are_open_to_it(local: Market) -> None:
    world = local.world
    table = "ref;title;year;readers\n" + "".join(
        f"a{number};Pumps {number};2027;{'buyers' if number == 3 else 'owner'}\n" for number in range(5)
    )
    terms = PlanTerms(name="By the ILO", buyer="cern")
    sent = await local.room.plans.import_file(principal(world.ilo), table.encode(), terms)
    for by, references in ((world.ilo, ["a0", "a1", "a2", "a3", "a4"]), (world.cern, ["a3"])):
        rows = await local.room.plans.rows(principal(by), sent.plan.id, after=None, limit=2)
        assert [one.reference for one in rows] == references[:2]
        for row in rows:
            await world.intake.challenges.get(principal(by), row.challenge)


async def _import(market: Market, table: str) -> PlanReport:
    terms = PlanTerms(name="Plan 2027", buyer="cern")
    return await market.room.plans.import_file(principal(market.world.cern), table.encode(), terms)


async def _send(market: Market, needs: list[dict[str, Any]]) -> PlanReport:
    content = PlanContent.model_validate({"name": "Plan", "buyer": "cern", "needs": needs})
    write = await market.room.plans.sending(principal(market.world.cern), content)
    async with market.world.database.write() as tx:
        return await write(tx)
