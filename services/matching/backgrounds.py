"""The backgrounds of parts: measured by whoever needs one first, then the same for everybody."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake.parts import Part
from services.kernel.problems import TransientError
from services.kernel.upsert import insert_or
from services.matching.evidence import Background
from services.matching.model import BackgroundRow


class MeasuredMeanwhile(TransientError):
    """Another process has measured these backgrounds at the same time; take its figures and score again."""


def digest(part: Part) -> bytes:
    """Of the text: another text has another background."""
    return hashlib.sha256(part.text.encode()).digest()


async def known(
    tx: AsyncSession, parts: Mapping[str, Sequence[Part]], model: str
) -> dict[str, dict[str, Background]]:
    """Per challenge, the backgrounds by part id, as far as they were measured for this very text."""
    query = select(
        BackgroundRow.challenge,
        BackgroundRow.part,
        BackgroundRow.digest,
        BackgroundRow.level,
        BackgroundRow.indexed,
    ).where(BackgroundRow.challenge.in_(sorted(parts)), BackgroundRow.model == model)
    wanted = {(challenge, part.id): digest(part) for challenge, own in parts.items() for part in own}
    found: dict[str, dict[str, Background]] = {challenge: {} for challenge in parts}
    for challenge, part, text, level, indexed in (await tx.execute(query)).all():
        if wanted.get((challenge, part)) == bytes(text):
            found[challenge][part] = Background(level, indexed)
    return found


async def keep(
    tx: AsyncSession,
    challenge: str,
    model: str,
    parts: Collection[Part],
    measured: Mapping[str, Background],
) -> None:
    """Keep what was measured for parts whose text had no background yet.

    Raises `MeasuredMeanwhile` if another process was first: then its figures count, for both.
    """
    fresh = [part for part in parts if part.id in measured]
    if not fresh:
        return
    # A text that was amended leaves the background of its former wording behind.
    stale = [(part.id, digest(part)) for part in fresh]
    await tx.execute(
        delete(BackgroundRow).where(
            BackgroundRow.challenge == challenge,
            BackgroundRow.model == model,
            BackgroundRow.part.in_([part for part, _ in stale]),
            tuple_(BackgroundRow.part, BackgroundRow.digest).not_in(stale),
        )
    )
    rows = [
        {
            "challenge": challenge,
            "part": part.id,
            "model": model,
            "digest": digest(part),
            "level": measured[part.id].level,
            "indexed": measured[part.id].indexed,
        }
        for part in fresh
    ]
    written = await tx.execute(
        insert_or(tx, BackgroundRow).on_conflict_do_nothing().returning(BackgroundRow.part), rows
    )
    if len(written.all()) < len(rows):
        raise MeasuredMeanwhile(f"the backgrounds of {challenge} were measured by another process")
