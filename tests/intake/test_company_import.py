"""A whole file: the good rows are in, the others are told, nothing is there twice."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from sqlalchemy import text

from schemas.company import Company, CompanyState, ImportReport
from schemas.organisation import Mandate
from services.intake import company_import
from services.intake.company_store import CompanyFilter, content_of
from services.kernel.problems import Forbidden, InvalidInput, Unavailable
from tests.conftest import MovableClock
from tests.intake.importing.files import workbook
from tests.intake.people import ADMIN, World, a_company, anything, principal

FILE = (
    "Firma;Land;USt-IdNr.;Kompetenzen;Ansprechpartner\n"
    "Alpha GmbH;Deutschland;DE 111;Laser|Optik;Herr A\n"
    "Beta AG;Frnace;;Pumpen;\n"
    '"Gamma;DE;;x;\n'
    "Delta SAS;France;;Vakuum;\n"
    "delta s.a.s.;France;;Kryotechnik;\n"
    ";DE;;ohne Namen;\n"
)


async def run(world: World, data: str | bytes = FILE, **keywords: Any) -> ImportReport:
    content = data.encode() if isinstance(data, str) else data
    return await world.intake.imports.run(principal(world.cluster), content, **keywords)


async def stored(world: World) -> dict[str, Company]:
    return {one.name: one for one in await world.intake.companies.page(ADMIN, CompanyFilter(), limit=1_000)}


async def test_good_rows_come_in_and_bad_ones_are_told(world: World) -> None:
    before = await world.head()
    report = await run(world)
    assert (report.format, report.encoding) == ("csv", "utf-8")
    assert (report.rows, report.created, report.combined) == (6, 2, 1)
    assert [(one.line, one.name) for one in report.problems] == [(3, "Beta AG"), (4, None), (7, None)]
    assert "Land: 'Frnace' is not an ISO 3166-1" in report.problems[0].reason
    assert report.problem_count == 3
    assert report.ignored_columns == ("Ansprechpartner",)
    companies = await stored(world)
    assert sorted(companies) == ["Alpha GmbH", "Delta SAS"]
    assert [one.text for one in companies["Delta SAS"].capabilities] == ["Vakuum", "Kryotechnik"]
    assert companies["Alpha GmbH"].owner == world.cluster.id
    assert "Herr A" not in str(companies)
    for company in companies.values():
        mandate = await world.directory.members.mandate(world.cluster.id, company.id)
        assert mandate == Mandate(receive=True, act=True)
    events = await world.events(after=before)
    assert sorted(event.type for event in events) == [
        "liaison.cluster.member-joined.v1",
        "liaison.cluster.member-joined.v1",
        "liaison.company.created.v1",
        "liaison.company.created.v1",
    ]
    assert all(event.audience == {world.cluster.id} for event in events)


async def test_the_same_file_again_changes_nothing(world: World) -> None:
    await run(world)
    before, companies = await world.head(), await stored(world)
    report = await run(world)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)
    assert await world.head() == before
    assert await stored(world) == companies


async def test_a_changed_file_updates_and_keeps_what_it_does_not_say(
    world: World, clock: MovableClock
) -> None:
    await run(world)
    [alpha] = [one for one in (await stored(world)).values() if one.name == "Alpha GmbH"]
    enriched = content_of(alpha).model_copy(update={"website": "https://alpha.example"})
    await world.intake.companies.update(principal(world.cluster), alpha.id, enriched, anything)
    before = await world.head()
    report = await run(world, FILE.replace("Laser|Optik", "Laser|Spiegel").replace("Alpha GmbH", "Alpha SE"))
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)
    after = (await stored(world))["Alpha SE"]
    assert (after.id, after.version, after.website) == (alpha.id, 3, "https://alpha.example")
    assert [(one.id, one.text) for one in after.capabilities] == [("c1", "Laser"), ("c3", "Spiegel")]
    [event] = await world.events(after=before)
    assert event.data["changed"] == ["name", "capabilities"]


async def test_a_withdrawn_company_comes_back_with_its_row(world: World) -> None:
    await run(world)
    alpha = (await stored(world))["Alpha GmbH"]
    await world.intake.companies.withdraw(principal(world.cluster), alpha.id, anything)
    report = await run(world)
    assert (report.updated, report.unchanged) == (1, 1)
    assert (await stored(world))["Alpha GmbH"].state is CompanyState.active


async def test_a_company_that_gains_its_legal_id_is_recognised(world: World) -> None:
    await run(world, "name;country\nAlpha;FR\n")
    report = await run(world, "name;country;VAT\nAlpha;FR;123\n")
    assert (report.created, report.updated) == (0, 1)
    assert (await run(world, "name;country\nAlpha;FR\n")).unchanged == 1
    assert (await stored(world))["Alpha"].legal_id == "123"


async def test_two_rows_never_fight_over_one_company(world: World) -> None:
    await run(world, "name;country;VAT\nAlpha;FR;1\n")
    report = await run(world, "name;country;VAT\nBeta;FR;1\nAlpha;FR;\n")
    assert report.updated == 1
    [problem] = report.problems
    assert (problem.line, "same company as in line 2" in problem.reason) == (3, True)


async def test_anothers_company_is_not_overwritten_unless_there_is_a_mandate(world: World) -> None:
    firm = principal(world.firm)
    company = await world.intake.companies.create(firm, a_company(legal_id="FR1"))
    data = "name;country;VAT;capabilities\nCryosense SAS;FR;1;taken over\n"
    report = await run(world, data)
    assert (report.created, report.updated) == (0, 0)
    assert "another organisation" in report.problems[0].reason
    await world.directory.members.join(firm, "minalogic", company.id, Mandate(act=True))
    assert (await run(world, data)).updated == 1
    after = await world.intake.companies.get(firm, company.id)
    assert (after.owner, after.capabilities[0].text) == (world.firm.id, "taken over")
    # by name alone it is another owner's other company
    assert (await run(world, "name;country\nCryosense SAS;FR\n")).created == 1


async def test_rows_without_a_country_are_in_the_importers(world: World) -> None:
    await run(world, "name;capabilities\nAlpha;x\n", language="fr")
    alpha = (await stored(world))["Alpha"]
    assert (alpha.country, alpha.capabilities[0].language) == ("FR", "fr")
    await run(world, "name\nBeta\n", country="CH")
    assert (await stored(world))["Beta"].country == "CH"


async def test_every_kind_of_file(world: World) -> None:
    rows = [["Entreprise", "Pays", "Compétences"], ["Alpha", "France", "laser"], ["Beta", "Sweden", "vide"]]
    assert (await run(world, workbook(rows))).created == 2
    lines = (
        '{"name": "Alpha", "country": "FR", "capabilities": ["laser"]}\n{"name": "Gamma", "country": "FR"}\n'
    )
    report = await run(world, lines)
    assert (report.format, report.created, report.unchanged) == ("jsonl", 1, 1)


async def test_a_large_file_comes_in_batches_with_progress(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_import, "BATCH", 50)
    seen: list[tuple[int, int]] = []
    data = "name;country;capabilities\n" + "".join(f"Firm {n};FR;thing {n}\n" for n in range(120))
    report = await run(local, data, progress=lambda done, total: seen.append((done, total)))
    assert report.created == 120
    assert seen == [(50, 120), (100, 120), (120, 120)]
    assert len(await stored(local)) == 120


async def test_two_imports_of_one_file_at_the_same_moment_make_one_of_each(world: World) -> None:
    data = "name;country\n" + "".join(f"Firm {n};FR\n" for n in range(30))
    reports = await asyncio.gather(run(world, data), run(world, data))
    assert sum(report.created for report in reports) == 30
    assert sum(report.unchanged for report in reports) == 30
    assert len(await stored(world)) == 30


async def test_problems_are_listed_up_to_a_number_and_all_counted(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_import, "PROBLEMS_LISTED", 2)
    report = await run(local, "name;country\n" + "Firm;X\n;FR\nFirm 2;Y\n" + "Firm 3;FR\n")
    assert (report.problem_count, len(report.problems), report.created) == (3, 2, 1)


async def test_a_database_that_fails_on_the_way_loses_no_batch_before(
    local: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(company_import, "BATCH", 10)
    data = "name;country\n" + "".join(f"Firm {n};FR\n" for n in range(30))
    async with local.database._durable.connect() as connection:
        await connection.execute(text("PRAGMA busy_timeout=50"))
    assert local.database.url.database is not None
    blocker = sqlite3.connect(local.database.url.database, isolation_level=None)

    def lock(done: int, _total: int) -> None:
        if done == 10:
            blocker.execute("BEGIN IMMEDIATE")

    try:
        with pytest.raises(Unavailable, match="10 of 30 companies of this file are in"):
            await run(local, data, progress=lock)
    finally:
        blocker.close()
    assert len(await stored(local)) == 10
    report = await run(local, data)
    assert (report.created, report.unchanged) == (20, 10)
    assert len(await stored(local)) == 30


async def test_who_may_import(local: World) -> None:
    data = FILE.encode()
    imports = local.intake.imports
    with pytest.raises(Forbidden):
        await imports.run(principal(local.cern), data)
    with pytest.raises(Forbidden):
        await imports.run(principal(local.cluster, "read"), data)
    with pytest.raises(InvalidInput, match="whose profile"):
        await imports.run(ADMIN, data)
    assert (await imports.run(ADMIN, data, owner="minalogic")).created == 2
    assert (await imports.run(principal(local.firm), data)).created == 1, "Alpha's legal id is the cluster's"
