"""What all processes of one installation must have in common, checked at the start against the database.

A process with other keys would seal what nobody else can open, and notice when a webhook is due.
"""

from __future__ import annotations

from sqlalchemy import String, Text, select, update
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import Base, Database
from services.kernel.security import SecretBox
from services.kernel.settings import ConfigurationError
from services.kernel.upsert import insert_or

SEALED = "sealed"
WORD = "liaison"
"""What is sealed: its content does not matter, that it can be opened does."""


class InstallationRow(Base):
    """One fact about the installation."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


async def check_keys(database: Database, box: SecretBox) -> None:
    """See that this process's encryption keys are those of the installation; the first process of all sets
    them. Raises `ConfigurationError`.

    Sealed anew each time it was opened, so that a key that is being phased out may go when every process has
    been started with the new one.
    """
    row = {"name": SEALED, "value": box.seal(WORD)}
    present = select(InstallationRow.value).where(InstallationRow.name == SEALED)
    async with database.write() as tx:
        # First, because of processes that start together the later one waits here for the earlier one.
        await tx.execute(insert_or(tx, InstallationRow).values(row).on_conflict_do_nothing())
        sealed = (await tx.execute(present.with_for_update())).scalar_one()
        if not _opens(box, sealed):
            raise ConfigurationError(
                "This process has other encryption keys than the processes that this database belongs to: "
                "give all of them the same LIAISON_ENCRYPTION_KEYS, or the same data folder, whose "
                "`secrets/` holds them."
            )
        fresh = update(InstallationRow).where(InstallationRow.name == SEALED).values(value=row["value"])
        await tx.execute(fresh)


def _opens(box: SecretBox, sealed: str) -> bool:
    try:
        box.open(sealed)
    except ValueError:
        return False
    return True
