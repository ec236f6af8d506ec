"""Search end to end: words, slips, other languages, names, filters, facets, and who sees what."""

from __future__ import annotations

from schemas.company import CompanyState
from schemas.search import FoundBy, FoundItem, SearchAnswer, SearchKind
from services.intake.freshness import CONFIRMED_FOR
from services.intake.staleness import Staleness
from services.kernel.security import Principal
from services.kernel.web.pagination import decode_cursor
from services.search.wanted import Wanted
from tests.conftest import START, MovableClock
from tests.derivation import PUBLIC_URL
from tests.intake.people import ADMIN, a_challenge, a_company, anything, principal
from tests.search.conftest import Searched


def names(answer: SearchAnswer) -> list[str]:
    return [one.name for one in answer.items]


def one(answer: SearchAnswer, name: str) -> FoundItem:
    return next(item for item in answer.items if item.name == name)


async def test_words_are_found_and_shown_where_they_stand(here: Searched) -> None:
    answer = await here.find("helium pressure", here.buyer)
    assert set(names(answer)[:2]) == {"Pressure in helium", "Cryosense SAS"}
    found = one(answer, "Cryosense SAS").found_in[0]
    assert (found.field, found.id, found.by, found.language) == ("capability", "c1", FoundBy.words, "en")
    assert [(word.word, word.stands_for) for word in found.words] == [
        ("pressure", "pressure"),
        ("helium", "helium"),
    ]
    assert all(found.text[slice(*word.at)] == word.word for word in found.words)


async def test_slips_of_the_pen_are_read_as_what_was_meant(here: Searched) -> None:
    answer = await here.find("heluim presure", here.buyer)
    assert set(names(answer)) >= {"Pressure in helium", "Cryosense SAS"}
    assert one(answer, "Cryosense SAS").found_in[0].by is FoundBy.spelling
    assert {(each.word, each.read_as) for each in answer.spelling} == {
        ("heluim", "helium"),
        ("presure", "pressure"),
    }


async def test_a_company_is_found_by_its_name_in_spite_of_a_slip(here: Searched) -> None:
    for typed in ("Cryosense", "cryosens", "Criosense", "Vakumtechnik", "vakuumtechnick sud"):
        answer = await here.find(typed, here.buyer)
        assert names(answer)[0] == ("Cryosense SAS" if typed[0] in "Cc" else "Vakuumtechnik Süd"), typed
        found = answer.items[0].found_in[0]
        assert found.field == "company_name"
        assert found.words


async def test_a_challenge_is_found_by_its_buyer(here: Searched) -> None:
    for typed in ("CERN", "cern helium"):
        answer = await here.find(typed)
        assert names(answer)[0] == "Pressure in helium" or typed == "CERN"
        assert set(names(answer)) >= {"Pressure in helium"}
        assert "buyer" in {text.field for text in one(answer, "Pressure in helium").found_in}, typed


async def test_a_question_finds_texts_of_other_languages(here: Searched) -> None:
    for asked, language in (
        ("vacuum pump", "en"),
        ("Vakuumpumpe", "de"),
        ("pompe à vide", "fr"),
        ("pompa próżniowa", "pl"),
        ("вакуумна помпа", "bg"),
    ):
        answer = await here.find(asked, here.buyer, kind=SearchKind.company)
        assert answer.language == language
        assert set(names(answer)[:2]) == {"Vakuumtechnik Süd", "Pompes du Rhône"}, asked
        other = one(answer, "Pompes du Rhône" if language == "de" else "Vakuumtechnik Süd").found_in[0]
        assert other.by in (FoundBy.translation, FoundBy.words)
        assert other.words, "the words that stand for the same are named"


async def test_what_is_not_there_is_not_found(here: Searched) -> None:
    for asked in ("xqzw vbnp", "wedding music", "…"):
        answer = await here.find(asked, here.buyer)
        assert names(answer) == [], asked


async def test_everybody_sees_what_they_may_read_and_no_more(searched: Searched) -> None:
    world = searched.derivation.world
    everything = set(names(await searched.find("helium pressure pumps bread cakes vacuum", ADMIN)))
    assert everything >= {"Pressure in helium", "Cryosense SAS", "Bäckerei Meier"}
    expected: list[tuple[Principal | None, set[str]]] = [
        (None, set()),
        (principal(world.firm), {"Cryosense SAS"}),
        (principal(world.other_cluster), {"Cryosense SAS"}),
        (principal(world.cluster), {"Vakuumtechnik Süd", "Pompes du Rhône", "Bäckerei Meier"}),
        (principal(world.ilo), {"Cryosense SAS", "Vakuumtechnik Süd", "Pompes du Rhône", "Bäckerei Meier"}),
    ]
    for who, companies in expected:
        for kind in (SearchKind.company, SearchKind.capability):
            texts = await searched.find(
                "helium pressure Vakuumpumpen pompes vide bread cakes Cryosense", who, kind=kind
            )
            assert set(names(texts)) == companies, (who, kind)
            counted = {value.value: value.count for value in texts.facets.kind}
            assert counted.get(kind.value, 0) == len(companies)
        public = await searched.find("pressure", who, kind=SearchKind.challenge)
        assert names(public) == ["Pressure in helium"]


async def test_filters_narrow_and_facets_say_to_what(here: Searched) -> None:
    asked = "Vakuumpumpen vacuum pumps pompes à vide"
    answer = await here.find(asked, here.buyer, kind=SearchKind.company)
    everybody = answer.total
    assert everybody >= 2
    assert {value.value: value.count for value in answer.facets.country}["DE"] == 1
    assert {value.value for value in answer.facets.trl} >= {"3", "9"}
    assert [(value.value, value.count) for value in answer.facets.cpv] == [("42", everybody)]
    assert [(value.label, value.count) for value in answer.facets.stage] == [("Manufacturing", everybody)]

    german = await here.find(asked, here.buyer, country="DE")
    assert "Vakuumtechnik Süd" in names(german)
    assert "Pompes du Rhône" not in names(german)
    assert {value.value for value in german.facets.country} >= {"DE", "FR"}, "the others stay on offer"
    mature = await here.find(asked, here.buyer, trl_min=8)
    assert names(mature) == ["Vakuumtechnik Süd"]

    none = await here.find(asked, here.buyer, kind=SearchKind.company, country="IT", cpv="42")
    assert (names(none), none.total) == ([], 0)
    assert [(value.label, value.count) for value in none.without] == [("country", everybody)]


async def test_a_capability_is_narrowed_and_counted_by_what_it_says_of_itself(here: Searched) -> None:
    owner = principal(here.derivation.world.cluster)
    rhone = here.companies["Pompes du Rhône"]
    content = a_company(
        name="Pompes du Rhône",
        country="FR",
        capabilities=[
            {"id": "new", "text": "Vacuum pumps without oil", "trl": 3, "stages": ["research"]},
            {"id": "old", "text": "Vacuum pumps with oil", "trl": 9, "stages": ["manufacturing"]},
        ],
        references=[{"id": "ref", "text": "Vacuum pumps for a ring", "stages": ["servicing"]}],
    )
    await here.derivation.world.intake.companies.update(owner, rhone, content, anything)
    await here.derivation.settle()

    async def found(**wanted: object) -> set[tuple[str | None, int | None]]:
        answer = await here.find("vacuum pumps", here.buyer, SearchKind.capability, 20, **wanted)
        assert answer.total == len(answer.items)
        return {(item.found_in[0].id, item.trl) for item in answer.items if item.company == rhone}

    assert await found() == {("new", 3), ("old", 9), ("ref", None)}
    assert await found(trl_min=8) == {("old", 9)}
    assert await found(trl_max=4) == {("new", 3)}
    assert await found(stage="research") == {("new", 3)}
    assert await found(stage="servicing") == {("ref", None)}
    mature = await here.find("vacuum pumps", here.buyer, kind=SearchKind.company, trl_min=8, stage="research")
    assert [(item.company, item.trl) for item in mature.items] == [(rhone, 9)], (
        "a company by all that it states"
    )


async def test_what_a_facet_promises_is_what_a_click_leaves(here: Searched) -> None:
    world, asked = here.derivation.world, "helium pressure Vakuumpumpen pompes vide mirrors"
    closed = a_challenge(title="Pumps", need="Vacuum pumps.", eligible_countries=["FR"], trl_start=4)
    await world.intake.challenges.announce(principal(world.cern), closed)
    await here.derivation.settle()

    async def left(**wanted: object) -> SearchAnswer:
        return await here.find(asked, here.buyer, **wanted)  # type: ignore[arg-type]

    everything = await left()
    french = next(one.count for one in everything.facets.country if one.value == "FR")
    firms = [one for one in everything.items if one.country == "FR"]
    assert french > len(firms) + 1, "challenges that are open to all are open to French companies"

    filters: list[dict[str, object]] = [
        {},
        {"trl_min": 5},
        {"country": "DE", "kind": SearchKind.capability},
        {"stage": "manufacturing", "kind": SearchKind.challenge},
    ]
    for others in filters:
        answer = await left(**others)
        clicks: list[tuple[int, dict[str, object]]] = []
        for facet in ("country", "cpv", "stage"):
            clicks += [(one.count, {facet: one.value}) for one in getattr(answer.facets, facet)]
        clicks += [
            (one.count, {"trl_min": int(one.value), "trl_max": int(one.value)}) for one in answer.facets.trl
        ]
        clicks += [(one.count, {"kind": SearchKind(one.value)}) for one in answer.facets.kind]
        for count, chosen in clicks:
            assert (await left(**{**others, **chosen})).total == count > 0, (others, chosen)


async def test_pages_follow_one_another_without_a_gap(here: Searched) -> None:
    asked = "helium pressure Vakuumpumpen pompes vide"
    whole = names(await here.find(asked, here.buyer))
    first = await here.search.find(here.buyer, asked, Wanted(), limit=2)
    assert first.next is not None
    assert first.total == len(whole) > 2
    relevance, key = decode_cursor(first.next)
    rest = await here.search.find(here.buyer, asked, Wanted(), after=(relevance, key), limit=20)
    assert names(first) + names(rest) == whole
    assert rest.next is None


async def test_what_changes_is_found_as_it_is_now(searched: Searched) -> None:
    world, owner = searched.derivation.world, principal(searched.derivation.world.cluster)
    bakery = searched.companies["Bäckerei Meier"]
    content = a_company(
        name="Ofenbau Meier",
        country="AT",
        capabilities=[{"id": "c1", "text": "Helium leak detectors"}],
        references=[],
    )
    await world.intake.companies.update(owner, bakery, content, anything)
    await searched.derivation.settle()
    assert "Ofenbau Meier" in names(await searched.find("leak detectors", searched.buyer))
    assert names(await searched.find("Ofenbau", searched.buyer))[0] == "Ofenbau Meier"
    assert "Ofenbau Meier" not in names(await searched.find("bread and cakes", searched.buyer))
    await world.intake.companies.withdraw(owner, bakery, anything)
    assert "Ofenbau Meier" not in names(await searched.find("Ofenbau", searched.buyer))
    await searched.derivation.settle()
    assert "Ofenbau Meier" not in names(await searched.find("Ofenbau Meier", searched.buyer))


async def test_a_stale_profile_is_found_as_before_and_says_so(here: Searched, clock: MovableClock) -> None:
    before = await here.find("cryogenic pressure", here.buyer)
    clock.advance(CONFIRMED_FOR.total_seconds() + 86_400)
    world = here.derivation.world
    sweep = Staleness(world.database, clock, world.intake.writer, public_url=PUBLIC_URL)
    assert await sweep.run() == len(here.companies)
    after = await here.find("cryogenic pressure", here.buyer)

    def found(answer: SearchAnswer) -> list[tuple[str, float]]:
        return [(item.company, item.relevance) for item in answer.items if item.company is not None]

    assert found(after) == found(before) != []
    profiles = [item.profile for item in after.items if item.profile is not None]
    assert {(profile.state, profile.last_confirmed) for profile in profiles} == {
        (CompanyState.stale, START.date())
    }
