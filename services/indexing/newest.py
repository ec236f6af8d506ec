"""The last word in the index is the newest version, whichever process writes last.

Rows are committed before anybody writes their vectors. So whoever has written looks once more: what is newer
by now is written again, from the rows. A process that was paused in the midst of a write thus mends what it
wrote over its successor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from schemas.company import MATCHED_STATES
from services.indexing.collections import COMPANIES, Indexed, belongs_in_index, of_challenge, of_company
from services.indexing.generation import Generation
from services.indexing.ports import Contents
from services.intake.parts import challenge_parts, company_parts


@dataclass(frozen=True, slots=True)
class Written:
    """What the index holds now of some entities, and which of them it does not hold."""

    present: Sequence[Indexed]
    gone: Sequence[str]


async def write(
    generations: Sequence[Generation],
    alias: str,
    wanted: Written,
    versions: Mapping[str, int],
    contents: Contents,
) -> Written:
    """Write what is wanted, which is of these `versions`; then, as long as there are newer ones, those."""
    await _write(generations, alias, wanted)
    known, present, gone = dict(versions), {one.entity: one for one in wanted.present}, set(wanted.gone)
    while newer := await _newer(known, contents):
        fresh = await as_they_are(alias, newer.keys(), contents)
        await _write(generations, alias, fresh)
        present = {entity: one for entity, one in present.items() if entity not in newer}
        present |= {one.entity: one for one in fresh.present}
        gone = (gone - newer.keys()) | set(fresh.gone)
        known |= newer
    return Written(list(present.values()), sorted(gone))


async def as_they_are(alias: str, ids: Collection[str], contents: Contents) -> Written:
    """What the index should hold of these entities."""
    if alias == COMPANIES:
        companies = (await contents.companies(ids)).values()
        found = [of_company(one, company_parts(one)) for one in companies if one.state in MATCHED_STATES]
    else:
        challenges = (await contents.challenges(ids)).values()
        found = [of_challenge(one, challenge_parts(one)) for one in challenges if belongs_in_index(one)]
    return Written(found, sorted(set(ids) - {one.entity for one in found}))


async def _write(generations: Sequence[Generation], alias: str, wanted: Written) -> None:
    for generation in generations:
        await generation.write(alias, wanted.present)
        for entity in wanted.gone:
            await generation.remove(alias, entity)


async def _newer(known: Mapping[str, int], contents: Contents) -> dict[str, int]:
    if not known:
        return {}
    present = await contents.present_versions(known.keys())
    return {entity: version for entity, version in present.items() if version > known[entity]}
