"""Who is suggested, beside who is there."""

from __future__ import annotations

from collections import Counter

from services.bootstrap.measuring import measure_exposure
from services.intake.makeup import Makeup
from services.kernel.metrics import REGISTRY
from services.matching.exposure import DEPTH, GROUPS_MAX, OTHERS, first_suggested, shares
from tests.derivation import Derivation
from tests.matching.market import announce, company


def test_shares_of_suggestions_stand_beside_shares_of_companies() -> None:
    small, large = Makeup("FR", "small", "newcomer"), Makeup("DE", "large", "others")
    found = shares({"a": 3, "b": 1, "gone": 5}, {"a": small, "b": large}, {small: 1, large: 3})
    assert found["country"] == {"FR": (0.75, 0.25), "DE": (0.25, 0.75)}
    assert found["size_class"]["large"] == (0.25, 0.75)
    assert found["newcomer"] == {"newcomer": (0.75, 0.25), "others": (0.25, 0.75)}


def test_groups_are_bounded_and_no_share_is_lost() -> None:
    everybody = {Makeup(f"{place:02}", "small", "others"): place + 1 for place in range(GROUPS_MAX + 20)}
    rare = Makeup("00", "small", "others")
    countries = shares({"a": 1}, {"a": rare}, everybody)["country"]
    assert len(countries) == GROUPS_MAX + 1
    assert countries[OTHERS][0] == 1.0
    assert sum(present for _, present in countries.values()) == 1.0


def test_without_anything_there_is_nothing_to_tell() -> None:
    assert shares({}, {}, {}) == {"country": {}, "size_class": {}, "newcomer": {}}


async def test_a_running_system_tells_who_is_seen(derivation: Derivation) -> None:
    world = derivation.world
    await company(derivation, "Cryosense", owner=world.firm, country="FR", size_class="small")
    alone = [{"id": "c1", "text": "Cryogenic pressure sensors for helium at 4 K"}]
    await company(derivation, "Vakuumtechnik", country="DE", capabilities=alone, references=[])
    await company(derivation, "Boulangerie", country="AT", capabilities=[], references=[
        {"id": "x1", "text": "Bread for a canteen"}
    ])  # fmt: skip
    await announce(derivation)
    await derivation.settle()
    async with world.database.read() as tx:
        first = await first_suggested(tx, world.clock.now().date())
    assert isinstance(first, Counter)
    assert 1 <= first.total() <= DEPTH
    await measure_exposure(world.database, world.clock, world.intake.reading)

    def told(name: str, by: str, group: str) -> float | None:
        return REGISTRY.get_sample_value(f"liaison_exposure_{name}_share", {"by": by, "group": group})

    assert told("present", "country", "AT") == told("present", "country", "FR")
    assert told("suggested", "country", "AT") == 0.0
    assert told("present", "newcomer", "newcomer") == 2 / 3
    assert told("present", "size_class", "small") == 1 / 3
    assert told("present", "size_class", "unknown") == 2 / 3
    assert told("suggested", "country", "FR") == told("suggested", "size_class", "small")
    assert REGISTRY.get_sample_value("liaison_exposure_suggestions") == first.total()
